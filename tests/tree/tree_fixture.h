// A tree on a log on a simulated device, with pages of a few hundred bytes, so that a few hundred
// keys make several levels.
#ifndef MORAINE_TESTS_TREE_TREE_FIXTURE_H_
#define MORAINE_TESTS_TREE_TREE_FIXTURE_H_

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "storage/memory/heap.h"
#include "storage/memory/memory_budget.h"
#include "storage/tree/log_pins.h"
#include "storage/tree/merge_operator.h"
#include "storage/tree/snapshot_registry.h"
#include "storage/tree/tree.h"
#include "storage/tree/tree_cursor.h"
#include "storage/tree/tree_environment.h"
#include "tests/support/simulated_io.h"

namespace moraine {

inline std::string Numbered(uint64_t number) {
  char key[24];
  std::snprintf(key, sizeof(key), "key%08llu", static_cast<unsigned long long>(number));
  return key;
}

struct TreeWorldOptions {
  uint32_t table_capacity = 1 << 16;
  uint32_t leaf_bytes = 512;
  uint32_t inner_bytes = 256;
  uint32_t run_entries = 12;
  uint64_t memory_bytes = uint64_t{256} << 20;
  bool with_log = true;  // without: as at recovery
};

// Everything that trees share. Trees must be gone before it.
class TreeWorld {
 public:
  explicit TreeWorld(const TreeWorldOptions& options = {})
      : budget_(options.memory_bytes), heap_(&budget_) {
    directory_ = io_.OpenDirectory("db", true).value();
    table_ = PageTable::Create(options.table_capacity, &budget_).value();
    log_options_.database_id = {1, 2};
    log_options_.ring_bytes = uint64_t{4} << 20;
    log_options_.segment_bytes = uint64_t{16} << 20;
    if (options.with_log) {
      log_ = Log::Open(io_, *directory_, log_options_, kFirstLsn, &budget_).value();
    }
    environment_.table = table_.get();
    environment_.heap = &heap_;
    environment_.log = log_.get();
    environment_.snapshots = &snapshots_;
    environment_.pins = &pins_;
    environment_.leaf_bytes = options.leaf_bytes;
    environment_.inner_bytes = options.inner_bytes;
    environment_.run_entries = options.run_entries;
  }

  std::unique_ptr<Tree> NewTree(uint32_t id, const MergeOperator* merge = nullptr) {
    return Tree::Create(environment_, TreeId(id), merge).value();
  }
  // As after recovery: the log is there now.
  void StartLog() {
    log_ = Log::Open(io_, *directory_, log_options_, kFirstLsn, &budget_).value();
    environment_.log = log_.get();
  }

  Io& io() { return io_; }
  Directory& directory() { return *directory_; }
  const LogOptions& log_options() const { return log_options_; }
  Log& log() { return *log_; }
  PageTable& table() { return *table_; }
  MemoryBudget& budget() { return budget_; }
  SnapshotRegistry& snapshots() { return snapshots_; }
  const TreeEnvironment& environment() const { return environment_; }
  TreeEnvironment& mutable_environment() { return environment_; }
  Heap& heap() { return heap_; }

 private:
  SimulatedIo io_{{}};
  std::unique_ptr<Directory> directory_;
  MemoryBudget budget_;
  Heap heap_;
  std::unique_ptr<PageTable> table_;
  LogOptions log_options_;
  std::unique_ptr<Log> log_;
  SnapshotRegistry snapshots_;
  LogPins pins_;
  TreeEnvironment environment_;
};

// A registered snapshot, released at the end of its scope.
class TestSnapshot {
 public:
  explicit TestSnapshot(TreeWorld& world) : registry_(&world.snapshots()) {
    slot_ = registry_->Take(&world.log(), &point_.ts);
  }
  TestSnapshot(const TestSnapshot&) = delete;
  TestSnapshot& operator=(const TestSnapshot&) = delete;
  ~TestSnapshot() { registry_->Release(slot_); }
  ReadPoint point() const { return point_; }

 private:
  SnapshotRegistry* registry_;
  SnapshotRegistry::Slot* slot_;
  ReadPoint point_;
};

inline std::optional<std::string> GetFrom(Tree& tree, std::string_view key, ReadPoint point = {}) {
  std::string value;
  absl::StatusOr<bool> found = tree.Get(key, point, [&](std::string_view v) { value = v; });
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() && *found ? std::optional(value) : std::nullopt;
}

inline void PutInto(Tree& tree, std::string_view key, std::string_view value) {
  absl::StatusOr<CommitPosition> written = tree.Write(VersionKind::kPut, key, value);
  ASSERT_TRUE(written.ok()) << written.status();
}

inline std::map<std::string, std::string> ScanOf(Tree& tree, ReadPoint point) {
  std::map<std::string, std::string> all;
  TreeCursor cursor(&tree, point);
  EXPECT_EQ(cursor.SeekToFirst(), absl::OkStatus());
  while (cursor.Valid()) {
    EXPECT_TRUE(all.empty() || all.rbegin()->first < cursor.key());
    all[std::string(cursor.key())] = cursor.value();
    EXPECT_EQ(cursor.Next(), absl::OkStatus());
  }
  return all;
}

// Checks every page and that keys are found both ways; returns how many levels the tree has.
inline uint32_t ExpectSound(Tree& tree) {
  uint64_t pages = 0;
  uint64_t records = 0;
  tree.Verify([](std::string where, std::string what) { ADD_FAILURE() << where << ": " << what; },
              &pages, &records);
  return tree.Stats().height;
}

inline std::vector<std::string> LeavesOf(Tree& tree, ReadPoint point) {
  std::vector<std::string> leaves;
  std::string key;
  for (bool more = true; more;) {
    std::string block;
    EXPECT_EQ(tree.ReadLeaf(key, point, &block), absl::OkStatus());
    BlockView view(block.data());
    more = view.has_high_fence();
    key = std::string(view.high_fence());
    leaves.push_back(std::move(block));
  }
  return leaves;
}

}  // namespace moraine

#endif  // MORAINE_TESTS_TREE_TREE_FIXTURE_H_
