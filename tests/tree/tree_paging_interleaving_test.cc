// Stops one operation at every shared access it makes, one after the other, and lets another thread
// go through whole cycles meanwhile: fill pages until they split, write them, take them out of memory,
// read them back. Whatever was between two steps of the operation, the tree holds what was written.
// Only builds with MORAINE_CHECKED announce their accesses; in others each operation runs once,
// undisturbed.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/tree/paging_fixture.h"

namespace moraine {
namespace {

using Model = std::map<std::string, std::string>;

constexpr uint64_t kKeys = 40;
constexpr uint64_t kWritten = 7;  // the key that the operation writes
constexpr uint64_t kBeside = 8;   // what the other thread writes, in the same page

// Runs `action` in a thread of its own when the calling thread makes its access number `at`.
class Interruption {
 public:
  Interruption(uint64_t at, std::function<void()> action) : left_(at), action_(std::move(action)) {
    SetAtomicHook(&Interruption::Hook, this);
  }
  ~Interruption() { SetAtomicHook(nullptr, nullptr); }
  bool happened() const { return happened_; }

 private:
  static void Hook(void* context, AtomicStep, const void*) {
    auto* self = static_cast<Interruption*>(context);
    if (self->happened_ || self->left_-- > 0) return;
    self->happened_ = true;
    std::thread(self->action_).join();
  }

  uint64_t left_;
  bool happened_ = false;
  std::function<void()> action_;
};

struct Stage {
  Stage()
      : operators(BuiltInMergeOperators()),
        pager(world),
        tree(world.NewTree(2, operators.front().get())) {
    // The other thread would wait at the gate for the one that is stopped.
    world.mutable_environment().gate = nullptr;
    for (uint64_t i = 0; i < kKeys; ++i) Put(Numbered(i), std::to_string(i));
    pager.FlushAll(*tree);
    pager.EvictAll(*tree);
  }
  void Put(const std::string& key, const std::string& value) {
    PutInto(*tree, key, value);
    model[key] = value;
  }
  void Add(uint64_t number, int amount) {
    std::string key = Numbered(number);
    ASSERT_TRUE(tree->Write(VersionKind::kMerge, key, std::to_string(amount)).ok());
    model[key] = std::to_string(std::stoi(model[key]) + amount);
  }
  PageId PageOf(uint64_t number) {
    PageTable& table = world.table();
    EXPECT_TRUE(GetFrom(*tree, Numbered(number)).has_value());
    for (PageId page : pager.Pages()) {
      EpochGuard guard(world.heap().Local());
      PageImage image = PageImage::Of(table.Load(page));
      if (page != tree->root() && image.base != nullptr && image.block().level() == 0) return page;
    }
    return kNoPage;
  }

  TreeWorld world;
  std::vector<std::shared_ptr<const MergeOperator>> operators;  // the first one adds
  TestPager pager;
  std::unique_ptr<Tree> tree;
  Model model;  // the operation and the other thread never run at once
};

using Act = std::function<void(Stage&)>;

void Settle(Stage& stage) {
  stage.pager.FlushAll(*stage.tree);
  stage.pager.EvictAll(*stage.tree);
}
void Split(Stage& stage) {
  for (int i = 0; i < 60; ++i) {
    std::string key = Numbered(i % 2 == 0 ? 0 : kWritten - 1) + Numbered(i);
    PutInto(*stage.tree, key, "between");
    stage.model[key] = "between";
  }
  EXPECT_TRUE(GetFrom(*stage.tree, Numbered(kBeside)).has_value());
  for (int i = 0; i < 20; ++i) stage.Add(kBeside, 1);
}

const std::map<std::string, Act>& Others() {
  static const std::map<std::string, Act> others = {
      {"split, write, evict", [](Stage& s) { Split(s), Settle(s); }},
      {"split", [](Stage& s) { Split(s); }},
      {"write, evict", [](Stage& s) { s.Add(kBeside, 1000), Settle(s); }},
      {"write, evict, change", [](Stage& s) { s.Add(kBeside, 1), Settle(s), s.Add(kBeside, 2); }},
      {"load", [](Stage& s) { s.Add(kBeside, 1), s.PageOf(kWritten); }},
      {"load, write, evict, load",
       [](Stage& s) { s.PageOf(kWritten), s.Add(kBeside, 1), Settle(s), s.PageOf(kBeside); }},
  };
  return others;
}

void RunAtEveryAccess(const std::string& what, const Act& prepare, const Act& operation,
                      bool others_may_write_pages) {
  for (const auto& [name, other] : Others()) {
    if (!others_may_write_pages && name.find("evict") != std::string::npos) continue;
    uint64_t at = 0;
    for (bool happened = true; happened && !testing::Test::HasFailure(); ++at) {
      SCOPED_TRACE(what + ", interrupted at access " + std::to_string(at) + " by: " + name);
      Stage stage;
      prepare(stage);
      {
        Interruption interruption(at, [&] { other(stage); });
        operation(stage);
        happened = interruption.happened();
      }
      EXPECT_EQ(ScanOf(*stage.tree, ReadPoint()), stage.model);
      Settle(stage);
      EXPECT_EQ(ScanOf(*stage.tree, ReadPoint()), stage.model);
      ExpectSound(*stage.tree);
    }
#if defined(MORAINE_CHECKED)
    EXPECT_GT(at, 10u) << what;
#endif
  }
}

void Nothing(Stage&) {}

TEST(TreePagingInterleavingTest, ABlindWrite) {
  // What the write does to the model it does behind its last access.
  RunAtEveryAccess(
      "put", Nothing, [](Stage& s) { s.Put(Numbered(kWritten), "new"); }, true);
  RunAtEveryAccess(
      "merge", Nothing, [](Stage& s) { s.Add(kWritten, 100); }, true);
  RunAtEveryAccess(
      "merge on a partial page", [](Stage& s) { s.Add(kBeside, 5); },
      [](Stage& s) { s.Add(kWritten, 100); }, true);
}

TEST(TreePagingInterleavingTest, ALoad) {
  auto get = [](Stage& s) { EXPECT_EQ(GetFrom(*s.tree, Numbered(kWritten)), "7"); };
  RunAtEveryAccess("get", Nothing, get, true);
  RunAtEveryAccess(
      "get on a partial page", [](Stage& s) { s.Add(kBeside, 5); }, get, true);
}

TEST(TreePagingInterleavingTest, AnEviction) {
  auto evict = [](Stage& s) {
    for (PageId page : s.pager.Pages()) s.tree->Evict(page);
  };
  RunAtEveryAccess(
      "evict", [](Stage& s) { s.PageOf(kWritten); }, evict, true);
  RunAtEveryAccess(
      "evict with layers",
      [](Stage& s) { s.PageOf(kWritten), s.Add(kWritten, 1), s.Add(kBeside, 1); }, evict, true);
}

TEST(TreePagingInterleavingTest, AFlush) {
  auto flush = [](Stage& s) { s.pager.FlushAll(*s.tree); };
  RunAtEveryAccess(
      "flush of a page in memory", [](Stage& s) { s.PageOf(kWritten), s.Add(kWritten, 1); }, flush,
      false);
  RunAtEveryAccess(
      "flush of a partial page", [](Stage& s) { s.Add(kWritten, 1); }, flush, false);
}

}  // namespace
}  // namespace moraine
