// Merging of a page's layers, newest first, without a lock: the layers are immutable, and the caller
// holds the guard under which it read the page.
#include "storage/tree/page_contents.h"

#include <algorithm>
#include <iterator>

#include "storage/base/check.h"

namespace moraine {
namespace {

bool KeyLess(const KeyVersion& a, const KeyVersion& b) {
  return a.head != b.head ? a.head < b.head : a.suffix < b.suffix;
}

bool SameKey(const KeyVersion& a, const KeyVersion& b) {
  return a.head == b.head && a.suffix == b.suffix;
}

KeyVersion OfVersion(Version* version, uint64_t ts, size_t prefix_bytes) {
  KeyVersion entry;
  entry.suffix = version->key().substr(prefix_bytes);
  entry.head = HeadOf(entry.suffix);
  entry.ts = ts;
  entry.kind = version->kind;
  entry.value = version->value();
  entry.version = version;
  return entry;
}

KeyVersion OfBlockEntry(const BlockEntry& stored) {
  KeyVersion entry;
  entry.suffix = stored.suffix;
  entry.head = HeadOf(stored.suffix);
  entry.ts = stored.ts;
  entry.kind = stored.tombstone ? VersionKind::kDelete : VersionKind::kPut;
  entry.value = stored.value;
  return entry;
}

void CollectDelta(const Delta* delta, DeltaView view, ReadPoint point, const Log* log,
                  size_t prefix_bytes, PageScratch* scratch) {
  for (uint32_t i = 0; i < delta->count; ++i) __builtin_prefetch(delta->versions[i]);
  for (uint32_t i = 0; i < delta->count; ++i) {
    Version* version = delta->versions[i];
    if (view == DeltaView::kAtPoint) {
      uint64_t ts = 0;
      if (VisibleAt(*version, point, log, &ts))
        scratch->above.push_back(OfVersion(version, ts, prefix_bytes));
      continue;
    }
    Outcome outcome = OutcomeOf(*version);
    switch (outcome.state) {
      case Outcome::State::kCommitted:
        scratch->above.push_back(OfVersion(version, outcome.ts, prefix_bytes));
        break;
      case Outcome::State::kAborted:
        // The owner may be outside a guard and about to stamp it; until then it must stay linked.
        (LoadWord(version->ts).terminal() ? scratch->aborted : scratch->undecided)
            .push_back(version);
        break;
      case Outcome::State::kUndecided:
        scratch->undecided.push_back(version);
        break;
    }
  }
}

void CollectRun(const Run* run, ReadPoint point, size_t prefix_bytes,
                std::vector<KeyVersion>* part) {
  Version* const* versions = run->versions();
  for (uint32_t i = 0; i < run->count; ++i) {
    __builtin_prefetch(versions[i]);
    __builtin_prefetch(reinterpret_cast<const char*>(versions[i]) + 64);
  }
  for (uint32_t i = 0; i < run->count; ++i) {
    // A run holds committed versions only, stamped before they entered it.
    uint64_t ts = LoadWord(versions[i]->ts).ts();
    if (ts < point.ts) part->push_back(OfVersion(versions[i], ts, prefix_bytes));
  }
}

// A page has a handful of deltas; only a batch's many intents are worth a real sort.
void SortStably(std::vector<KeyVersion>* versions) {
  if (versions->size() > 4 * kDeltaSlots) {
    std::stable_sort(versions->begin(), versions->end(), KeyLess);
    return;
  }
  for (size_t i = 1; i < versions->size(); ++i) {
    KeyVersion moving = (*versions)[i];
    size_t to = i;
    for (; to > 0 && KeyLess(moving, (*versions)[to - 1]); --to)
      (*versions)[to] = (*versions)[to - 1];
    (*versions)[to] = moving;
  }
}

// Emits what a block keeps of one key.
void EmitForBlock(std::string_view prefix, const MergeOperator* merge, PageScratch* scratch) {
  std::span<const KeyVersion> group = scratch->group;
  const PruneView& prune = scratch->prune;
  uint64_t oldest = prune.Oldest();
  std::string key;
  for (size_t i = 0; i < group.size(); ++i) {
    const KeyVersion& version = group[i];
    scratch->max_ts = std::max(scratch->max_ts, version.ts);
    if (i > 0 && !prune.Needed(version.ts, group[i - 1].ts)) continue;
    if (i == 0 && version.kind == VersionKind::kDelete && version.ts < oldest) continue;
    PendingEntry entry;
    entry.suffix = version.suffix;
    entry.ts = version.ts < oldest ? 0 : version.ts;
    if (version.kind == VersionKind::kMerge) {
      if (key.empty()) key.append(prefix).append(version.suffix);
      entry.tombstone =
          !FoldValue(key, group.subspan(i), merge, &scratch->merged_values, &entry.value);
    } else {
      entry.tombstone = version.kind == VersionKind::kDelete;
      if (!entry.tombstone) entry.value = version.value;
    }
    scratch->entries.push_back(entry);
  }
}

void EmitAtPoint(std::string_view prefix, const MergeOperator* merge, PageScratch* scratch) {
  const KeyVersion& newest = scratch->group.front();
  PendingEntry entry;
  entry.suffix = newest.suffix;
  if (newest.kind == VersionKind::kPut) {
    entry.value = newest.value;
  } else {
    std::string key = std::string(prefix) + std::string(newest.suffix);
    if (!FoldValue(key, scratch->group, merge, &scratch->merged_values, &entry.value)) return;
  }
  scratch->entries.push_back(entry);
}

// Walks the block and scratch.above together, calling `emit` with each key's versions in
// scratch.group.
template <class Emit, class Visible, class Single>
void MergeWith(BlockView block, PageScratch* scratch, Visible visible, Single single, Emit emit) {
  scratch->entries.clear();
  scratch->merged_values.clear();
  const std::vector<KeyVersion>& above = scratch->above;
  size_t next_above = 0;
  uint32_t next_base = 0;
  uint32_t base_count = block.count();
  while (next_above < above.size() || next_base < base_count) {
    KeyVersion base;
    if (next_base < base_count) base = OfBlockEntry(block.Leaf(next_base));
    bool take_base =
        next_base < base_count && (next_above == above.size() || !KeyLess(above[next_above], base));
    bool take_above =
        next_above < above.size() && (next_base == base_count || !KeyLess(base, above[next_above]));
    // Most keys of a block have one version and nothing above them.
    if (take_base && !take_above && single(base)) {
      ++next_base;
      continue;
    }
    KeyVersion key = take_above ? above[next_above] : base;
    scratch->group.clear();
    while (next_above < above.size() && SameKey(above[next_above], key))
      scratch->group.push_back(above[next_above++]);
    while (take_base && next_base < base_count) {
      KeyVersion older = OfBlockEntry(block.Leaf(next_base));
      if (!SameKey(older, key)) break;
      if (visible(older)) scratch->group.push_back(older);
      ++next_base;
    }
    if (!scratch->group.empty()) emit();
  }
}

}  // namespace

void PageScratch::Clear() {
  above.clear();
  undecided.clear();
  aborted.clear();
  entries.clear();
  merged_values.clear();
  max_ts = 0;
}

void SortAbove(PageScratch* scratch) { SortStably(&scratch->above); }

void RelateAbove(size_t prefix_bytes, PageScratch* scratch) {
  for (KeyVersion& entry : scratch->above) {
    entry.suffix = entry.version->key().substr(prefix_bytes);
    entry.head = HeadOf(entry.suffix);
  }
}

void CollectAbove(const PageImage& image, DeltaView view, ReadPoint point, const Log* log,
                  bool with_run, PageScratch* scratch) {
  scratch->Clear();
  size_t prefix_bytes = image.prefix_bytes();
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    CollectDelta(delta, view, point, log, prefix_bytes, scratch);
  }
  // Deltas list newer versions first, so a stable sort keeps each key's order.
  SortAbove(scratch);
  if (!with_run || image.run == nullptr) return;
  scratch->run_part.clear();
  CollectRun(image.run, point, prefix_bytes, &scratch->run_part);
  if (scratch->above.empty()) {
    scratch->above.swap(scratch->run_part);
    return;
  }
  scratch->merged.clear();
  scratch->merged.reserve(scratch->above.size() + scratch->run_part.size());
  std::merge(scratch->above.begin(), scratch->above.end(), scratch->run_part.begin(),
             scratch->run_part.end(), std::back_inserter(scratch->merged), KeyLess);
  scratch->above.swap(scratch->merged);
}

bool FoldValue(std::string_view key, std::span<const KeyVersion> versions,
               const MergeOperator* merge, std::deque<std::string>* made, std::string_view* value) {
  size_t below = 0;
  while (below < versions.size() && versions[below].kind == VersionKind::kMerge) ++below;
  bool present = below < versions.size() && versions[below].kind == VersionKind::kPut;
  if (below == 0) {
    if (present) *value = versions[0].value;
    return present;
  }
  MORAINE_CHECK(merge != nullptr);  // a merge is refused on a tree without an operator
  std::vector<std::string_view> operands;
  for (size_t i = below; i > 0; --i) operands.push_back(versions[i - 1].value);
  std::optional<std::string_view> existing;
  if (present) existing = versions[below].value;
  made->push_back(merge->Merge(key, existing, operands));
  *value = made->back();
  return true;
}

void MergeForBlock(const PageImage& image, const MergeOperator* merge, PageScratch* scratch) {
  BlockView block = image.block();
  scratch->max_ts = block.header().max_ts;
  bool plain = !block.has_versions();
  MergeWith(
      block, scratch, [](const KeyVersion&) { return true; },
      [&](const KeyVersion& base) {
        if (!plain) return false;
        PendingEntry entry;
        entry.suffix = base.suffix;
        entry.value = base.value;
        scratch->entries.push_back(entry);
        return true;
      },
      [&] { EmitForBlock(block.prefix(), merge, scratch); });
}

void MergeAtPoint(const PageImage& image, ReadPoint point, const MergeOperator* merge,
                  PageScratch* scratch) {
  BlockView block = image.block();
  bool plain = !block.has_versions();
  MergeWith(
      block, scratch, [point](const KeyVersion& version) { return version.ts < point.ts; },
      [&](const KeyVersion& base) {
        if (!plain) return false;
        PendingEntry entry;
        entry.suffix = base.suffix;
        entry.value = base.value;
        scratch->entries.push_back(entry);
        return true;
      },
      [&] { EmitAtPoint(block.prefix(), merge, scratch); });
}

void KeepInRun(std::span<const KeyVersion> group, const PruneView& prune, std::vector<bool>* keep) {
  keep->assign(group.size(), true);
  for (size_t i = 1; i < group.size(); ++i) {
    bool under_merge = (*keep)[i - 1] && group[i - 1].kind == VersionKind::kMerge;
    (*keep)[i] = under_merge || prune.Needed(group[i].ts, group[i - 1].ts);
  }
}

}  // namespace moraine
