// The child of the kill test.
#include "tests/crash/kill_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <thread>

#include "storage/engine.h"
#include "tests/support/engine_harness.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

struct ChildState {
  Engine* engine;
  std::map<std::string, Tree*> trees;
  KillProgress* progress;
  uint64_t seed;
  uint64_t round;
};

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "child: %s\n", status.ToString().c_str());
  return 1;
}

void WriteUntilKilled(const ChildState& state, uint64_t writer) {
  KillProgress::Writer& mine = state.progress->writers[writer];
  Random random(Random::Derive(state.seed, state.round * kKillWriters + writer));
  for (uint64_t number = mine.begun.load(std::memory_order_acquire) + 1;; ++number) {
    mine.begun.store(number, std::memory_order_release);
    const std::vector<ModelWrite> writes = KillOperation(state.seed, writer, number);
    const std::vector<WriteOperation> operations = ToOperations(writes, state.trees);
    const auto durability = static_cast<Durability>(random.Below(3));
    const absl::StatusOr<Lsn> position = operations.size() == 1
                                             ? state.engine->Write(operations[0], durability)
                                             : state.engine->Apply(operations, durability);
    if (!position.ok()) _exit(Complain(position.status()));
    if (durability == Durability::kSync) mine.durable.store(number, std::memory_order_release);
    state.progress->ready.store(1, std::memory_order_release);
    if (writer == 0 && random.OneIn(200)) {
      const absl::Status written = state.engine->Checkpoint();
      if (!written.ok()) _exit(Complain(written));
    }
    if (writer == 1 && random.OneIn(100)) {
      const absl::StatusOr<uint64_t> trimmed = state.engine->Trim(random.Skewed(7));
      if (!trimmed.ok()) _exit(Complain(trimmed.status()));
    }
  }
}

}  // namespace

std::vector<ModelWrite> KillOperation(uint64_t seed, uint64_t writer, uint64_t number) {
  Random random(Random::Derive(seed + writer, number));
  const std::string prefix = std::to_string(writer) + "/";
  const std::string value = std::to_string(number);
  if (number % 5 == 0) return {{Kind::kPut, "first", prefix + "single", value}};
  std::vector<ModelWrite> writes = {{Kind::kPut, "first", prefix + "counter", value},
                                    {Kind::kPut, "second", prefix + "counter", value}};
  for (uint64_t count = random.Below(4); count > 0; --count) {
    const std::string key = prefix + std::to_string(random.Below(24));
    const bool put = !random.OneIn(3);
    const std::string padding(put ? random.Below(random.OneIn(30) ? 9'000 : 120) : 0, '.');
    for (const char* tree : {"first", "second"}) {
      writes.push_back({put ? Kind::kPut : Kind::kDelete, tree, key, put ? value + padding : ""});
    }
  }
  return writes;
}

int RunKillChild(const std::string& database, const std::string& progress_file, uint64_t seed,
                 uint64_t round) {
  const int file = open(progress_file.c_str(), O_RDWR | O_CLOEXEC);
  void* mapped = mmap(nullptr, sizeof(KillProgress), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) return Complain(absl::InternalError("mmap"));
  EngineOptions options = SmallEngineOptions(nullptr);
  options.io.preferred = round % 2 == 0 ? IoBackend::kUring : IoBackend::kThreadPool;
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(database, options);
  if (!engine.ok()) return Complain(engine.status());
  ChildState state{engine->get(), {}, static_cast<KillProgress*>(mapped), seed, round};
  for (const char* name : {"first", "second"}) {
    absl::StatusOr<Tree*> tree = (*engine)->OpenTree(name);
    if (!tree.ok()) tree = (*engine)->CreateTree(name, {});
    if (!tree.ok()) return Complain(tree.status());
    state.trees[name] = *tree;
  }
  std::vector<std::thread> threads;
  for (uint64_t writer = 0; writer < kKillWriters; ++writer) {
    threads.emplace_back([&state, writer] { WriteUntilKilled(state, writer); });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace moraine
