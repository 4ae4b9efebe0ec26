// Page words under epochs: a page's content changes by one compare-and-swap from what was read under
// the same guard (invariants P1 and P2 of page_table.h).
#include "storage/cache/page_entry.h"
#include "storage/sync/epoch.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/checked_policy.h"

namespace moraine::checker {
namespace {

using Entry = PageEntry<CheckedPolicy>;
using Domain = EpochDomain<CheckedPolicy>;

struct alignas(8) Block {
  explicit Block(int number) : data(number) {}
  Plain<int> data;
};

MemWord WordOf(const Block* block) { return MemWord::Of(PageState::kBase, block); }

// Adds one to the page, as often as it takes.
void Increment(Entry& page) {
  MemWord word = page.Load();
  Block* mine = New<Block>(0);
  do {
    mine->data.Set(word.object<Block>()->data.Get() + 1);
  } while (!page.CompareAndSwap(word, WordOf(mine)));
}

void Increments(Execution& execution) {
  execution.AllowLeaks();
  Entry page;
  page.StoreExclusive(WordOf(New<Block>(0)));
  auto increment = [&] { Increment(page); };
  execution.Run({increment, increment, [&] {
                   int first = page.Load().object<Block>()->data.Get();
                   MORAINE_REQUIRE(page.Load().object<Block>()->data.Get() >= first);
                 }});
  if (!execution.any_stopped()) MORAINE_REQUIRE(page.Load().object<Block>()->data.Get() == 2);
}

// A new page: its word is stored before its id can be found, but whoever walks the table may come
// upon it at any time.
void NewPage(Execution& execution) {
  execution.AllowLeaks();
  Entry parent, child;
  parent.StoreExclusive(WordOf(New<Block>(0)));
  execution.Run({[&] {
                   child.StoreExclusive(WordOf(New<Block>(7)));
                   MemWord word = parent.Load();
                   parent.CompareAndSwap(word, WordOf(New<Block>(1)));
                 },
                 [&] {
                   if (parent.Load().object<Block>()->data.Get() == 0) return;
                   MORAINE_REQUIRE(child.Load().state() == PageState::kBase);
                   MORAINE_REQUIRE(child.Load().object<Block>()->data.Get() == 7);
                 },
                 [&] {
                   MemWord word = child.Load();
                   if (word.resident()) MORAINE_REQUIRE(word.object<Block>()->data.Get() == 7);
                 }});
}

// What could go wrong in page_table.h: the memory of a block that somebody builds upon is used
// again and installed again. The guard must keep it from being used again.
void ReusedBlock(Execution& execution) {
  Domain domain;
  Domain::Participant& builder = domain.Join();
  Domain::Participant& owner = domain.Join();
  Block first(7), second(10), built(0);
  Entry page;
  page.StoreExclusive(WordOf(&first));
  bool reused = false, installed = false;
  int read = 0;
  execution.Run({[&] {
                   builder.Enter();
                   MemWord word = page.Load();
                   read = word.object<Block>()->data.Get();
                   built.data.Set(read + 1);
                   installed = page.CompareAndSwap(word, WordOf(&built));
                   builder.Exit();
                 },
                 [&] {
                   owner.Enter();
                   MemWord word = page.Load();
                   if (word != WordOf(&first) || !page.CompareAndSwap(word, WordOf(&second))) {
                     owner.Exit();
                     return;
                   }
                   uint64_t date = owner.RetireEpoch();
                   owner.Exit();
                   for (int turn = 0; turn < 3; ++turn) domain.TryAdvance();
                   if (domain.Now() + 1 < date + kEpochGracePeriods) return;
                   first.data.Set(20);
                   owner.Enter();
                   word = page.Load();
                   reused = page.CompareAndSwap(word, WordOf(&first));
                   owner.Exit();
                 }});
  if (execution.any_stopped() || !installed) return;
  // It was installed over what it was built from.
  MORAINE_REQUIRE(read == 7 || read == 10 || read == 20);
  MORAINE_REQUIRE(!(reused && read == 7));
}

// The disk word is published after its pieces can be read [P4].
void DiskPieces(Execution& execution) {
  Entry page;
  Plain<int> pieces;
  execution.Run({[&] {
                   pieces.Set(1);
                   DiskWord word = page.LoadDisk();
                   MORAINE_REQUIRE(page.CompareAndSwapDisk(word, DiskWord::FromBits(64)));
                 },
                 [&] {
                   DiskWord word = page.LoadDisk();
                   if (word == DiskWord()) page.CompareAndSwapDisk(word, DiskWord());
                   if (word != DiskWord()) MORAINE_REQUIRE(pieces.Get() == 1);
                 }});
}

// Two flushes of one page: one of them wins.
void TwoFlushes(Execution& execution) {
  Entry page;
  int won = 0;
  auto flush = [&](uint64_t bits) {
    DiskWord none;
    won += page.CompareAndSwapDisk(none, DiskWord::FromBits(bits)) ? 1 : 0;
  };
  execution.Run({[&] { flush(64); }, [&] { flush(128); }});
  MORAINE_REQUIRE(won == 1);
}

}  // namespace

std::vector<NamedScenario> PageScenarios() {
  Options stops;
  stops.most_stops = 1;
  stops.most_own_steps = 32;
  return {{"page: increments", &Increments},  {"page: increments, lock-free", &Increments, stops},
          {"page: new page", &NewPage},       {"page: reused block", &ReusedBlock},
          {"page: disk pieces", &DiskPieces}, {"page: two flushes", &TwoFlushes}};
}

}  // namespace moraine::checker
