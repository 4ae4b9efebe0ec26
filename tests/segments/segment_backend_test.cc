// What every place for segments has to do, whatever it is made of: the suite is written against
// segment_backend.h alone and runs on files, through each way of doing I/O, and on a store of objects
// that is slow and fails.
#include "storage/segments/segment_backend.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "storage/segments/local_backend.h"
#include "storage/sync/atomic.h"
#include "tests/segments/store_fixture.h"
#include "tests/support/memory_backend.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

// A backend with whatever it stands on.
class Place {
 public:
  virtual ~Place() = default;
  virtual SegmentBackend& backend() = 0;
  // The process ends without a word and a new one looks at the same place.
  virtual void Restart() = 0;
};

class LocalPlace final : public Place {
 public:
  explicit LocalPlace(const StoreBackend& store) {
    io_ = store.create().value();
    const bool simulated = store.backend == IoBackend::kSimulated;
    path_ = simulated ? "segments" : FreshDirectory("segments");
    directory_ = io_->OpenDirectory(path_, /*create=*/true).value();
    backend_ = std::make_unique<LocalBackend>(*io_, *directory_);
    if (simulated) simulated_ = static_cast<SimulatedIo*>(io_.get());
  }
  SegmentBackend& backend() override { return *backend_; }
  void Restart() override {
    backend_.reset();
    directory_.reset();
    if (simulated_ != nullptr) {
      simulated_->PowerCut(PowerCutPlan{.kind = PowerCutPlan::Kind::kDropAll});
    }
    directory_ = io_->OpenDirectory(path_, /*create=*/false).value();
    backend_ = std::make_unique<LocalBackend>(*io_, *directory_);
  }

 private:
  std::unique_ptr<Io> io_;
  SimulatedIo* simulated_ = nullptr;
  std::string path_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<LocalBackend> backend_;
};

class MemoryPlace final : public Place {
 public:
  explicit MemoryPlace(const MemoryBackendOptions& options) : backend_(options) {}
  SegmentBackend& backend() override { return backend_; }
  void Restart() override { backend_.Crash(); }

 private:
  MemoryBackend backend_;
};

struct PlaceKind {
  std::string name;
  std::function<std::unique_ptr<Place>()> create;
};

std::vector<PlaceKind> PlaceKinds() {
  std::vector<PlaceKind> kinds;
  for (const StoreBackend& store : StoreBackends()) {
    kinds.push_back({store.name, [store] { return std::make_unique<LocalPlace>(store); }});
  }
  kinds.push_back({"Remote", [] {
                     return std::make_unique<MemoryPlace>(MemoryBackendOptions{
                         .seed = TestSeed(), .most_latency = std::chrono::microseconds(50)});
                   }});
  return kinds;
}

class SegmentBackendTest : public testing::TestWithParam<PlaceKind> {
 protected:
  SegmentBackendTest() : place_(GetParam().create()) {}
  SegmentBackend& backend() { return place_->backend(); }

  std::string ReadAll(const SegmentReader& reader) {
    std::string bytes(reader.Size().value(), '\0');
    SegmentRead read{&reader, 0, bytes.data(), bytes.size(), absl::OkStatus()};
    if (!bytes.empty()) backend().Read(std::span(&read, 1));
    EXPECT_TRUE(read.status.ok()) << read.status;
    return bytes;
  }
  void Put(const std::string& name, const std::string& bytes) {
    std::unique_ptr<SegmentWriter> writer = backend().Create(name).value();
    ASSERT_EQ(writer->Append(bytes).value(), 0u);
    absl::Status sealed = writer->Seal();
    ASSERT_TRUE(sealed.ok()) << sealed;
  }

  std::unique_ptr<Place> place_;
};

TEST_P(SegmentBackendTest, SealedSegmentsAreReadByNameAfterARestart) {
  Put("one", "first");
  Put("two", std::string(100000, 'x'));
  place_->Restart();
  EXPECT_EQ(ReadAll(*backend().Open("one").value()), "first");
  EXPECT_EQ(ReadAll(*backend().Open("two").value()), std::string(100000, 'x'));
  EXPECT_TRUE(absl::IsNotFound(backend().Open("three").status()));
}

TEST_P(SegmentBackendTest, SyncedBytesSurviveThoughTheWriterNeverSealed) {
  std::unique_ptr<SegmentWriter> writer = backend().Create("log").value();
  ASSERT_EQ(writer->Append("kept").value(), 0u);
  ASSERT_TRUE(writer->Sync().ok());
  if (!writer->sealed()) {
    EXPECT_EQ(writer->Append("perhaps").value(), 4u);
  } else {
    EXPECT_TRUE(absl::IsFailedPrecondition(writer->Append("never").status()));
  }
  writer.reset();
  place_->Restart();
  std::string bytes = ReadAll(*backend().Open("log").value());
  EXPECT_TRUE(bytes.starts_with("kept")) << bytes;
  EXPECT_TRUE(std::string("keptperhaps").starts_with(bytes)) << bytes;
}

TEST_P(SegmentBackendTest, AppendedBytesAreReadThroughTheWriterAtOnce) {
  std::unique_ptr<SegmentWriter> writer = backend().Create("open").value();
  std::shared_ptr<const SegmentReader> reader = writer->reader();
  EXPECT_EQ(writer->Append("abc").value(), 0u);
  EXPECT_EQ(writer->Append("defg").value(), 3u);
  EXPECT_EQ(ReadAll(*reader), "abcdefg");
  ASSERT_TRUE(writer->Seal().ok());
  EXPECT_TRUE(writer->Seal().ok());
  EXPECT_TRUE(writer->sealed());
  EXPECT_TRUE(absl::IsFailedPrecondition(writer->Append("h").status()));
  EXPECT_EQ(ReadAll(*reader), "abcdefg");
}

TEST_P(SegmentBackendTest, NamesAreTakenOnceAndListedInOrder) {
  for (const char* name : {"blob-2", "data-1", "blob-10", "blob-1"}) Put(name, name);
  EXPECT_TRUE(absl::IsAlreadyExists(backend().Create("blob-2").status()));
  EXPECT_EQ(backend().List("blob-").value(),
            (std::vector<std::string>{"blob-1", "blob-10", "blob-2"}));
  EXPECT_EQ(backend().List("").value().size(), 4u);
  for (const char* name : {"", "Blob", "a/b", "..", "a.b", "1a", "-a", "a b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(backend().Create(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(backend().Open(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(backend().Delete(name))) << name;
  }
}

TEST_P(SegmentBackendTest, DeletedSegmentsStayReadableForWhoeverHoldsThem) {
  Put("gone", "still here");
  std::shared_ptr<const SegmentReader> reader = backend().Open("gone").value();
  EXPECT_TRUE(backend().Delete("gone").ok());
  EXPECT_TRUE(backend().Delete("gone").ok());
  EXPECT_TRUE(absl::IsNotFound(backend().Open("gone").status()));
  EXPECT_TRUE(backend().List("").value().empty());
  EXPECT_EQ(ReadAll(*reader), "still here");
  Put("gone", "anew");
  EXPECT_EQ(ReadAll(*backend().Open("gone").value()), "anew");
  EXPECT_EQ(ReadAll(*reader), "still here");
}

TEST_P(SegmentBackendTest, GathersRangesOfManySegmentsAndJudgesEachForItself) {
  std::vector<std::shared_ptr<const SegmentReader>> readers;
  for (int i = 0; i < 5; ++i) {
    Put(absl::StrCat("s", i), std::string(10000, static_cast<char>('a' + i)));
    readers.push_back(backend().Open(absl::StrCat("s", i)).value());
  }
  std::vector<std::string> buffers(150, std::string(37, '?'));
  std::vector<SegmentRead> reads;
  for (size_t i = 0; i < buffers.size(); ++i) {
    reads.push_back({readers[i % 5].get(), i * 61, buffers[i].data(), 37, absl::OkStatus()});
  }
  reads[77].offset = 9990;  // ends beyond the end
  backend().Read(reads);
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (i == 77) continue;
    EXPECT_TRUE(reads[i].status.ok()) << reads[i].status;
    EXPECT_EQ(buffers[i], std::string(37, static_cast<char>('a' + i % 5)));
  }
  EXPECT_TRUE(absl::IsOutOfRange(reads[77].status)) << reads[77].status;
}

TEST_P(SegmentBackendTest, TheHeadIsReplacedOnlyByWhoKnowsIt) {
  EXPECT_EQ(backend().ReadHead().value().version, 0u);
  EXPECT_EQ(backend().ReplaceHead(0, "a").value(), 1u);
  EXPECT_TRUE(absl::IsAborted(backend().ReplaceHead(0, "b").status()));
  EXPECT_TRUE(absl::IsAborted(backend().ReplaceHead(2, "b").status()));
  EXPECT_EQ(backend().ReplaceHead(1, std::string(5000, 'c')).value(), 2u);
  place_->Restart();
  SegmentHead head = backend().ReadHead().value();
  EXPECT_EQ(head.version, 2u);
  EXPECT_EQ(head.bytes, std::string(5000, 'c'));
  EXPECT_TRUE(backend().List("").value().empty());
}

TEST_P(SegmentBackendTest, ManyThreadsCountInTheHead) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  auto count = [&] {
    for (int done = 0; done < kEach;) {
      SegmentHead head = backend().ReadHead().value();
      int next = head.bytes.empty() ? 1 : std::stoi(head.bytes) + 1;
      absl::Status status = backend().ReplaceHead(head.version, std::to_string(next)).status();
      if (status.ok()) ++done;
      ASSERT_TRUE(status.ok() || absl::IsAborted(status)) << status;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(count);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(backend().ReadHead().value().bytes, std::to_string(kThreads * kEach));
}

TEST_P(SegmentBackendTest, ConcurrentAppendsGetRangesOfTheirOwn) {
  constexpr uint64_t kThreads = 4;
  std::unique_ptr<SegmentWriter> writer = backend().Create("shared").value();
  std::vector<std::map<uint64_t, std::string>> appended(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      Random random(Random::Derive(TestSeed(), thread));
      for (int i = 0; i < 50; ++i) {
        std::string bytes = random.Bytes(1 + random.Below(5000));
        appended[thread][writer->Append(bytes).value()] = bytes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(writer->Seal().ok());
  const std::string whole = ReadAll(*backend().Open("shared").value());
  std::map<uint64_t, std::string> all;
  for (auto& part : appended) all.merge(part);
  ASSERT_EQ(all.size(), kThreads * 50);
  uint64_t end = 0;
  for (const auto& [offset, bytes] : all) {
    ASSERT_EQ(offset, end);  // no range overlaps another, none is missing
    ASSERT_EQ(whole.substr(offset, bytes.size()), bytes);
    end += bytes.size();
  }
  EXPECT_EQ(whole.size(), end);
}

// Writers, readers and deleters at once; whoever finds a segment finds all of it.
TEST_P(SegmentBackendTest, SegmentsComeAndGoUnderReaders) {
  Atomic<uint32_t> stop{0};
  auto text = [](uint64_t i) {
    return std::string(1000 + i % 700, static_cast<char>('a' + i % 26));
  };
  std::thread reader([&] {
    // order: relaxed: only ends the loop
    while (stop.load(std::memory_order_relaxed) == 0) {
      const std::vector<std::string> names = backend().List("n").value();
      for (const std::string& name : names) {
        absl::StatusOr<std::shared_ptr<const SegmentReader>> segment = backend().Open(name);
        if (absl::IsNotFound(segment.status())) continue;
        std::string bytes = ReadAll(**segment);
        // One that is not sealed yet is shorter.
        EXPECT_TRUE(text(std::stoull(name.substr(1))).starts_with(bytes)) << name;
      }
    }
  });
  for (uint64_t i = 0; i < 200; ++i) {
    Put(absl::StrCat("n", i), text(i));
    if (i >= 10) {
      EXPECT_TRUE(backend().Delete(absl::StrCat("n", i - 10)).ok());
    }
  }
  // order: relaxed: only ends the loop
  stop.store(1, std::memory_order_relaxed);
  reader.join();
  EXPECT_EQ(backend().List("n").value().size(), 10u);
}

INSTANTIATE_TEST_SUITE_P(Places, SegmentBackendTest, testing::ValuesIn(PlaceKinds()),
                         [](const auto& kind) { return kind.param.name; });

// A network that fails one call in three: whoever repeats, as the header says, gets through, and the
// head moves only as its versions say.
TEST(RemoteSegmentsTest, RepeatingGetsThroughAFailingNetwork) {
  MemoryBackend backend({.seed = TestSeed(), .failure_one_in = 3});
  auto repeat = [](auto call) {
    auto result = call();
    while (!result.ok()) result = call();
    return result;
  };
  for (int i = 0; i < 40; ++i) {
    std::string name = absl::StrCat("r", i);
    std::unique_ptr<SegmentWriter> writer = backend.Create(name).value();
    ASSERT_TRUE(writer->Append(name).ok());
    ASSERT_TRUE(repeat([&] { return writer->Seal(); }).ok());
    std::string bytes(name.size(), '\0');
    std::shared_ptr<const SegmentReader> reader = *repeat([&] { return backend.Open(name); });
    ASSERT_TRUE(repeat([&] {
                  SegmentRead read{reader.get(), 0, bytes.data(), bytes.size(), absl::OkStatus()};
                  backend.Read(std::span(&read, 1));
                  return read.status;
                }).ok());
    EXPECT_EQ(bytes, name);
    SegmentHead head = *repeat([&] { return backend.ReadHead(); });
    std::string next = absl::StrCat("head", i);
    for (;;) {
      absl::Status status = backend.ReplaceHead(head.version, next).status();
      SegmentHead now = *repeat([&] { return backend.ReadHead(); });
      if (now.bytes == next) {
        EXPECT_EQ(now.version, head.version + 1);
        break;
      }
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(now.version, head.version);
    }
  }
  EXPECT_GT(backend.failure_count(), 0u);
  EXPECT_GT(backend.call_count(), backend.failure_count());
}

TEST(RemoteSegmentsTest, AFullPlaceRefusesAndGoesOn) {
  MemoryBackend backend({.seed = 1, .most_bytes = 100});
  std::unique_ptr<SegmentWriter> writer = backend.Create("small").value();
  EXPECT_TRUE(writer->Append(std::string(80, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(writer->Append(std::string(30, 'y')).status()));
  EXPECT_EQ(writer->Append(std::string(20, 'z')).value(), 80u);
  ASSERT_TRUE(writer->Seal().ok());
  EXPECT_TRUE(backend.Delete("small").ok());
  EXPECT_TRUE(backend.Create("next").value()->Append(std::string(100, 'w')).ok());
}

// A head that a crash tore away while it was replaced is the old one or the new one.
TEST(LocalSegmentsTest, PowerCutsLeaveOneHeadOrTheOther) {
  const uint64_t seed = TestSeed();
  std::vector<SimulatedDisk> images;
  {
    SimulatedIo io({.seed = seed});
    std::unique_ptr<Directory> directory = io.OpenDirectory("d", true).value();
    LocalBackend backend(io, *directory);
    ASSERT_TRUE(backend.ReplaceHead(0, "old").ok());
    io.OnBoundary([&](const SimulatedBoundary& at) { images.push_back(at.disk); });
    ASSERT_TRUE(backend.ReplaceHead(1, "new").ok());
    io.OnBoundary({});
  }
  ASSERT_GT(images.size(), 3u);
  for (size_t i = 0; i < images.size(); ++i) {
    for (uint64_t plan = 0; plan < 8; ++plan) {
      SimulatedIo io({}, images[i].SurvivePowerCut(PowerCutPlan::FromSeed(seed * 8 + plan)));
      std::unique_ptr<Directory> directory = io.OpenDirectory("d", false).value();
      absl::StatusOr<SegmentHead> head = LocalBackend(io, *directory).ReadHead();
      ASSERT_TRUE(head.ok()) << head.status() << " boundary " << i << " plan " << plan;
      EXPECT_TRUE((head->version == 1 && head->bytes == "old") ||
                  (head->version == 2 && head->bytes == "new"))
          << head->version << " " << head->bytes;
    }
  }
}

TEST(LocalSegmentsTest, AFailedSyncIsFinal) {
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = io.OpenDirectory("d", true).value();
  LocalBackend backend(io, *directory);
  std::unique_ptr<SegmentWriter> writer = backend.Create("s").value();
  ASSERT_TRUE(writer->Append("bytes").ok());
  io.AddFault({.kind = FaultKind::kDeviceError,
               .first_operation = io.operation_count(),
               .only = SimulatedOperation::kSync});
  EXPECT_FALSE(writer->Sync().ok());
  io.ClearFaults();
  EXPECT_FALSE(writer->Sync().ok());
  EXPECT_FALSE(writer->Seal().ok());
}

}  // namespace
}  // namespace moraine
