// Kills a process with eight writers again and again, on real files, and checks after each kill
// that what is left is, for every writer, exactly the effect of its first n operations, where n is
// no smaller than what had been acknowledged as durable and no larger than what was begun. The next
// round goes on with the same database.
//
// Flags: --rounds=N, --seed=N. A kill leaves the page cache intact, so it tests the order of writes
// and recovery, not syncs; power_cut_test tests those.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "gtest/gtest.h"

#include "tests/crash/kill_writer.h"
#include "tests/support/engine_harness.h"

namespace moraine {
namespace {

// Each writer's part of the reference, brought forward round by round.
class Expected {
 public:
  explicit Expected(uint64_t seed) : seed_(seed) {
    for (ModelDatabase& model : models_) {
      model.CreateTree("first");
      model.CreateTree("second");
    }
  }

  void AdvanceTo(uint64_t writer, uint64_t number) {
    for (uint64_t& done = done_[writer]; done < number;) {
      ++done;
      models_[writer].Apply(done, KillOperation(seed_, writer, done));
    }
  }
  uint64_t done(uint64_t writer) const { return done_[writer]; }
  const ModelDatabase& model(uint64_t writer) const { return models_[writer]; }

 private:
  const uint64_t seed_;
  ModelDatabase models_[kKillWriters];
  uint64_t done_[kKillWriters] = {};
};

uint64_t ReadCounter(Engine& engine, Tree& tree, const std::string& key) {
  const absl::StatusOr<std::optional<std::string>> value = ReadValue(engine, tree, key);
  uint64_t number = 0;
  if (value.ok() && value->has_value()) {
    std::from_chars((*value)->data(), (*value)->data() + (*value)->size(), number);
  }
  return number;
}

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = FreshDirectory("kill_test");
    progress_file_ = directory_ + "/progress";
    const int file = open(progress_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(ftruncate(file, sizeof(KillProgress)), 0);
    void* mapped = mmap(nullptr, sizeof(KillProgress), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    progress_ = static_cast<KillProgress*>(mapped);
    close(file);
  }

  // Runs the child until it is killed some time after its first write.
  void RunAndKill(uint64_t round, std::chrono::microseconds delay) {
    progress_->ready.store(0, std::memory_order_release);
    const std::string seed = "--seed=" + std::to_string(TestSeed());
    const std::string number = "--child=" + std::to_string(round);
    const std::string database = directory_ + "/db";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      execl("/proc/self/exe", "kill_test", seed.c_str(), number.c_str(), database.c_str(),
            progress_file_.c_str(), nullptr);
      _exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (progress_->ready.load(std::memory_order_acquire) == 0 &&
           std::chrono::steady_clock::now() < deadline && waitpid(child, nullptr, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    ASSERT_EQ(progress_->ready.load(std::memory_order_acquire), 1u) << "the child did not start";
    std::this_thread::sleep_for(delay);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself, round " << round;
  }

  void CheckWriter(Engine& engine, Tree& first, Tree& second, uint64_t writer) {
    const std::string prefix = std::to_string(writer) + "/";
    const uint64_t counter = ReadCounter(engine, first, prefix + "counter");
    const uint64_t survived = std::max(counter, ReadCounter(engine, first, prefix + "single"));
    KillProgress::Writer& progress = progress_->writers[writer];
    ASSERT_GE(survived, progress.durable.load(std::memory_order_acquire)) << "writer " << writer;
    ASSERT_GE(survived, expected_.done(writer)) << "writer " << writer;
    ASSERT_LE(survived, progress.begun.load(std::memory_order_acquire)) << "writer " << writer;
    expected_.AdvanceTo(writer, survived);
    // What is lost is lost: the next round begins behind the survivors.
    progress.begun.store(survived, std::memory_order_release);
    progress.durable.store(survived, std::memory_order_release);
    for (Tree* tree : {&first, &second}) {
      const absl::StatusOr<std::vector<ModelRecord>> all = ReadAll(engine, *tree);
      ASSERT_TRUE(all.ok()) << all.status();
      std::vector<ModelRecord> mine;
      for (const ModelRecord& record : *all) {
        if (record.first.starts_with(prefix)) mine.push_back(record);
      }
      const char* name = tree == &first ? "first" : "second";
      ASSERT_EQ(mine, expected_.model(writer).Scan(name)) << "writer " << writer << ", " << name;
    }
  }

  void CheckDatabase(bool verify) {
    EngineOptions options = SmallEngineOptions(nullptr);
    options.checkpoint_on_close = false;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(directory_ + "/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    const absl::StatusOr<Tree*> first = (*engine)->OpenTree("first");
    const absl::StatusOr<Tree*> second = (*engine)->OpenTree("second");
    ASSERT_TRUE(first.ok() && second.ok());
    for (uint64_t writer = 0; writer < kKillWriters && !HasFatalFailure(); ++writer) {
      CheckWriter(**engine, **first, **second, writer);
    }
    if (verify) {
      const absl::StatusOr<VerifyReport> report = (*engine)->Verify();
      ASSERT_TRUE(report.ok()) << report.status();
      ASSERT_TRUE(report->findings.empty())
          << report->findings[0].where << ": " << report->findings[0].what;
    }
    const absl::Status closed = (*engine)->Close();
    ASSERT_TRUE(closed.ok()) << closed;
  }

  std::string directory_;
  std::string progress_file_;
  KillProgress* progress_ = nullptr;
  Expected expected_{TestSeed()};
};

TEST_F(KillTest, SurvivorsAreAPrefixOfEveryWriter) {
  Random random(TestSeed());
  const uint64_t rounds = TestFlag("rounds", 300 / kSanitizerSlowdown);
  const auto start = std::chrono::steady_clock::now();
  uint64_t round = 0;
  for (; round < rounds && !HasFatalFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    RunAndKill(round, std::chrono::microseconds(random.Skewed(17)));
    if (!HasFatalFailure()) CheckDatabase(random.OneIn(20));
  }
  uint64_t operations = 0;
  for (uint64_t writer = 0; writer < kKillWriters; ++writer) operations += expected_.done(writer);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%llu kills, %llu operations, %.1f s\n", static_cast<unsigned long long>(round),
              static_cast<unsigned long long>(operations), seconds.count());
}

}  // namespace
}  // namespace moraine

int main(int argc, char** argv) {
  // kill_test --seed=N --child=ROUND DATABASE PROGRESS: the process that gets killed.
  if (argc == 5 && std::strncmp(argv[2], "--child=", 8) == 0) {
    return moraine::RunKillChild(argv[3], argv[4], moraine::TestFlag("seed", 0),
                                 moraine::TestFlag("child", 0));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
