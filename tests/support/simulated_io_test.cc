// The simulated device as an Io: boundaries, faults, the end of processes and of power.
#include "tests/support/simulated_io.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

#include "storage/io/io.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

absl::Status Write(Io& io, File& file, uint64_t offset, std::string_view text) {
  return io.WriteFully(file, offset, text.data(), text.size());
}

std::string Contents(Io& io, File& file) {
  std::string text(file.Size().value_or(0), '?');
  EXPECT_EQ(io.ReadFully(file, 0, text.data(), text.size()), absl::OkStatus());
  return text;
}

std::unique_ptr<Directory> OpenDb(Io& io) { return io.OpenDirectory("db", true).value(); }

std::unique_ptr<File> OpenData(Directory& directory) {
  return directory.OpenFile("data", {.create = true}).value();
}

// Creates a file safely: temporary name, write, sync, rename, sync of the directory.
absl::Status Publish(Io& io, Directory& directory, std::string_view text) {
  absl::StatusOr<std::unique_ptr<File>> file = directory.OpenFile("temporary", {.create = true});
  if (!file.ok()) return file.status();
  for (const absl::Status& status :
       {(*file)->Truncate(0), Write(io, **file, 0, text), io.SyncFile(**file),
        directory.Rename("temporary", "data"), directory.Sync()}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// What a process that starts on `disk` reads from "data".
std::string Recovered(const SimulatedDisk& disk) {
  SimulatedIo io({}, disk);
  std::unique_ptr<Directory> directory = OpenDb(io);
  absl::StatusOr<std::unique_ptr<File>> file = directory->OpenFile("data", {});
  return file.ok() ? Contents(io, **file) : "(none)";
}

TEST(SimulatedIoTest, SafeReplacementSurvivesACutAtEveryBoundary) {
  std::vector<SimulatedDisk> images;
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = OpenDb(io);
  EXPECT_EQ(Publish(io, *directory, "one"), absl::OkStatus());
  io.OnBoundary([&](const SimulatedBoundary& boundary) { images.push_back(boundary.disk); });
  EXPECT_EQ(Publish(io, *directory, "two"), absl::OkStatus());
  images.push_back(io.Image());
  EXPECT_EQ(images.size(), 7u);  // six boundaries and the end
  size_t old_count = 0;
  for (const SimulatedDisk& image : images) {
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const std::string text = Recovered(image.SurvivePowerCut(PowerCutPlan::FromSeed(seed)));
      EXPECT_TRUE(text == "one" || text == "two") << text;
      if (&image == &images.back()) {
        EXPECT_EQ(text, "two");
      }
      if (text == "one") ++old_count;
    }
  }
  EXPECT_GT(old_count, 100u);
}

TEST(SimulatedIoTest, StopAtBoundaryEndsEverythingUntilThePowerIsBack) {
  // Create, truncate, write, sync, rename, sync directory.
  for (uint64_t stop = 0; stop < 6; ++stop) {
    SimulatedIo io({.seed = TestSeed()});
    std::unique_ptr<Directory> directory = OpenDb(io);
    io.StopAtBoundary(stop);
    EXPECT_EQ(Publish(io, *directory, "one").code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(io.stopped());
    EXPECT_EQ(io.boundary_count(), stop + 1);
    EXPECT_EQ(directory->List().status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(io.boundary_count(), stop + 1);
    io.PowerCut(stop);
    EXPECT_EQ(directory->List().status().code(), absl::StatusCode::kFailedPrecondition);
    directory = OpenDb(io);
    EXPECT_EQ(Publish(io, *directory, "two"), absl::OkStatus());
    EXPECT_EQ(Recovered(io.Image()), "two");
  }
}

TEST(SimulatedIoTest, KilledProcessLosesHandlesAndLocksAndNoData) {
  SimulatedIo io({});
  std::unique_ptr<Directory> directory = OpenDb(io);
  std::unique_ptr<File> lock = directory->Lock("LOCK").value();
  std::unique_ptr<File> file = OpenData(*directory);
  std::unique_ptr<IoQueue> queue = io.NewQueue(4).value();
  EXPECT_EQ(Write(io, *file, 0, "unsynced"), absl::OkStatus());
  io.KillProcess();
  EXPECT_EQ(Write(io, *file, 0, "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->Size().status().code(), absl::StatusCode::kFailedPrecondition);
  queue->Add({.kind = IoKind::kSync, .file = file.get(), .token = 3});
  std::vector<IoCompletion> completions;
  EXPECT_EQ(queue->SubmitAndWait(1, &completions), absl::OkStatus());
  EXPECT_EQ(completions.at(0).status.code(), absl::StatusCode::kFailedPrecondition);
  std::unique_ptr<Directory> next = OpenDb(io);
  std::unique_ptr<File> next_lock = next->Lock("LOCK").value();
  EXPECT_EQ(Contents(io, *OpenData(*next)), "unsynced");
  lock.reset();  // of the dead process: frees nothing of the living
  EXPECT_EQ(next->Lock("LOCK").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SimulatedIoTest, EachOperationCanFailOnceOrForEver) {
  uint64_t operations = 0;
  {
    SimulatedIo io({});
    std::unique_ptr<Directory> directory = OpenDb(io);
    EXPECT_EQ(Publish(io, *directory, "one"), absl::OkStatus());
    operations = io.operation_count();
  }
  for (uint64_t index = 1; index < operations; ++index) {
    for (FaultKind kind : {FaultKind::kDeviceError, FaultKind::kDiskFull, FaultKind::kShort}) {
      for (bool persistent : {false, true}) {
        SimulatedIo io({.seed = index});
        std::unique_ptr<Directory> directory = OpenDb(io);
        io.AddFault({.kind = kind, .first_operation = index, .persistent = persistent});
        const absl::Status status = Publish(io, *directory, "one");
        const absl::StatusCode expected = kind == FaultKind::kDeviceError
                                              ? absl::StatusCode::kUnavailable
                                              : absl::StatusCode::kResourceExhausted;
        if (kind == FaultKind::kShort) {
          EXPECT_EQ(status, absl::OkStatus());
        } else {
          EXPECT_EQ(status.code(), expected) << index;
          EXPECT_GE(io.fault_count(), 1u);
        }
        io.ClearFaults();
        EXPECT_EQ(Publish(io, *directory, "two"), absl::OkStatus());
      }
    }
  }
}

TEST(SimulatedIoTest, FailedSyncDropsWhatWasNotSynced) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedIo io({.seed = seed});
    std::unique_ptr<Directory> directory = OpenDb(io);
    std::unique_ptr<File> file = OpenData(*directory);
    EXPECT_EQ(directory->Sync(), absl::OkStatus());
    EXPECT_EQ(Write(io, *file, 0, "text"), absl::OkStatus());
    io.AddFault({.only = SimulatedOperation::kSync, .path_contains = "data"});
    EXPECT_EQ(io.SyncFile(*file).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(io.SyncFile(*file), absl::OkStatus());  // and yet:
    const std::string left =
        Recovered(io.Image().SurvivePowerCut({.kind = PowerCutPlan::Kind::kDropAll}));
    EXPECT_EQ(left.size(), 4u);
    lost = lost || left != "text";
  }
  EXPECT_TRUE(lost);
}

TEST(SimulatedIoTest, FullDiskRefusesGrowthAndServesTheRest) {
  SimulatedIo io({.disk_bytes = 10'000});
  std::unique_ptr<Directory> directory = OpenDb(io);
  std::unique_ptr<File> file = OpenData(*directory);
  EXPECT_EQ(file->Allocate(10'001).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(file->Size().value(), 0u);
  EXPECT_EQ(file->Allocate(9'000), absl::OkStatus());
  EXPECT_EQ(Write(io, *file, 8'000, std::string(1'000, 'x')), absl::OkStatus());
  EXPECT_EQ(Write(io, *file, 8'000, std::string(3'000, 'y')).code(),
            absl::StatusCode::kResourceExhausted);
  char byte = 0;
  EXPECT_EQ(io.ReadFully(*file, 0, &byte, 1), absl::OkStatus());
  EXPECT_EQ(file->Truncate(100), absl::OkStatus());
  EXPECT_EQ(Write(io, *file, 8'000, std::string(2'000, 'y')), absl::OkStatus());
}

TEST(SimulatedIoTest, SyncOfTheSameBatchDoesNotCoverItsWrites) {
  bool covered = false;
  bool missed = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedIo io({.seed = seed});
    std::unique_ptr<Directory> directory = OpenDb(io);
    std::unique_ptr<File> file = OpenData(*directory);
    EXPECT_EQ(directory->Sync(), absl::OkStatus());
    std::unique_ptr<IoQueue> queue = io.NewQueue(8).value();
    std::string text = "text";
    queue->Add({.kind = IoKind::kWrite, .file = file.get(), .data = text.data(), .size = 4});
    queue->Add({.kind = IoKind::kSync, .file = file.get()});
    std::vector<IoCompletion> completions;
    EXPECT_EQ(queue->SubmitAndWait(2, &completions), absl::OkStatus());
    const bool durable =
        Recovered(io.Image().SurvivePowerCut({.kind = PowerCutPlan::Kind::kDropAll})) == text;
    covered = covered || durable;
    missed = missed || !durable;
  }
  EXPECT_TRUE(covered);
  EXPECT_TRUE(missed);
}

TEST(SimulatedIoTest, DelayedCompletionsComeLaterAndInAnyOrder) {
  bool later = false;
  bool reordered = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedIo io({.seed = seed, .delay_completions = true});
    std::unique_ptr<Directory> directory = OpenDb(io);
    std::unique_ptr<File> file = OpenData(*directory);
    std::unique_ptr<IoQueue> queue = io.NewQueue(32).value();
    std::string text(16, 'x');
    for (uint64_t index = 0; index < 16; ++index) {
      queue->Add({.kind = IoKind::kWrite,
                  .file = file.get(),
                  .offset = index,
                  .data = &text[index],
                  .size = 1,
                  .token = index});
    }
    EXPECT_EQ(queue->Submit(), absl::OkStatus());
    std::vector<IoCompletion> completions;
    EXPECT_EQ(queue->SubmitAndWait(1, &completions), absl::OkStatus());
    later = later || completions.size() < 16;
    EXPECT_EQ(queue->SubmitAndWait(16, &completions), absl::OkStatus());
    ASSERT_EQ(completions.size(), 16u);
    for (uint64_t index = 0; index < 16; ++index) {
      reordered = reordered || completions[index].token != index;
    }
    EXPECT_EQ(Contents(io, *file), text);
  }
  EXPECT_TRUE(later);
  EXPECT_TRUE(reordered);
}

TEST(SimulatedIoTest, SameSeedGivesTheSameDisk) {
  auto run = [](uint64_t seed) {
    SimulatedIo io({.seed = seed, .delay_completions = true});
    io.AddFault({.kind = FaultKind::kShort, .persistent = true});
    std::unique_ptr<Directory> directory = OpenDb(io);
    std::unique_ptr<File> file = OpenData(*directory);
    EXPECT_EQ(directory->Sync(), absl::OkStatus());
    std::unique_ptr<IoQueue> queue = io.NewQueue(8).value();
    std::string text = Random(7).Bytes(64 * 1024);
    std::vector<IoCompletion> completions;
    for (uint64_t index = 0; index < 64; ++index) {
      queue->Add({.kind = IoKind::kWrite,
                  .durable = index % 5 == 0,
                  .file = file.get(),
                  .offset = index * 1'000,
                  .data = &text[index * 1'024],
                  .size = 1'024});
      if (index % 7 == 0) {
        EXPECT_EQ(queue->SubmitAndWait(2, &completions), absl::OkStatus());
      }
    }
    EXPECT_EQ(queue->SubmitAndWait(3, &completions), absl::OkStatus());
    io.PowerCut(seed * 8 + 3);
    return io.Image().Hash();
  };
  const uint64_t seed = TestSeed();
  EXPECT_EQ(run(seed), run(seed));
  EXPECT_NE(run(seed), run(seed + 1));
}

TEST(SimulatedIoTest, ThreadsMayShareTheDevice) {
  SimulatedIo io({.seed = TestSeed(), .delay_completions = true});
  std::vector<SimulatedDisk> images;
  io.OnBoundary([&](const SimulatedBoundary& boundary) { images.push_back(boundary.disk); });
  std::unique_ptr<Directory> directory = OpenDb(io);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      std::unique_ptr<File> file =
          directory->OpenFile(std::to_string(thread), {.create = true}).value();
      for (uint64_t step = 0; step < 50; ++step) {
        EXPECT_EQ(Write(io, *file, step * 100, "text"), absl::OkStatus());
        if (step % 10 == 0) {
          EXPECT_EQ(io.SyncFile(*file), absl::OkStatus());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  // One image may be used by several threads at once.
  const SimulatedDisk& image = images.back();
  for (uint64_t seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&image, seed] {
      SimulatedIo next({}, image);
      std::unique_ptr<Directory> next_directory = OpenDb(next);
      std::unique_ptr<File> file = OpenData(*next_directory);
      EXPECT_EQ(Write(next, *file, 0, "text"), absl::OkStatus());
      EXPECT_TRUE(image.SurvivePowerCut(PowerCutPlan::FromSeed(seed)).HasDirectory("db"));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace moraine
