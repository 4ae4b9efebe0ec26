// The three layers of a leaf, newest first. Base and run say what their newest timestamp is, so most
// examinations look at the deltas alone; the deltas are always looked at, since a timestamp says
// nothing about versions that are still undecided.
#include "storage/tree/examine.h"

namespace moraine {
namespace {

bool Covers(const ReadItem& item, std::string_view from, std::string_view key) {
  if (item.kind == ReadKind::kKey) return key == item.low;
  return key >= from && (item.kind == ReadKind::kRest || key < item.high);
}

Examination Newer(std::string_view key, uint64_t ts) {
  Examination result;
  result.finding = Examination::Finding::kNewer;
  result.key = std::string(key);
  result.ts = ts;
  return result;
}

// One version of a delta that the item covers; kClear: no obstacle. `*settled` is set when it was
// committed: what lies below it of the same key is older still (visibility.h, V4).
Examination ExamineVersion(Version* version, const Examiner& examiner, bool* settled) {
  for (;;) {
    TsWord word = LoadWord(version->ts);
    bool owned = word.state() == TsWord::State::kOwned;
    if (owned && word.owner() == examiner.self) return {};
    if (owned) word = LoadWord(word.owner()->word);
    if (word.state() == TsWord::State::kAborted) return {};
    if (word.committed()) {
      *settled = true;
      return word.ts() >= examiner.since ? Newer(version->key(), word.ts()) : Examination();
    }
    if (examiner.self == nullptr) return {};
    if (owned) {
      Examination result;
      result.finding = Examination::Finding::kUndecided;
      result.version = version;
      return result;
    }
    // A single write: it reads nothing, so it may as well come after us.
    if (PushBound(version->ts, examiner.position, kMostNoPushTurns)) return {};
  }
}

Examination ExamineDeltas(const PageImage& image, const ReadItem& item, std::string_view from,
                          const Examiner& examiner, bool* settled) {
  bool one_key = item.kind == ReadKind::kKey;
  uint8_t fingerprint = one_key ? FingerprintOf(item.low) : 0;
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    for (uint32_t i = 0; i < delta->count; ++i) {
      Version* version = delta->versions[i];
      if (one_key && version->fingerprint != fingerprint) continue;
      if (!Covers(item, from, version->key())) continue;
      bool committed = false;
      Examination result = ExamineVersion(version, examiner, &committed);
      if (result.finding != Examination::Finding::kClear) return result;
      if (one_key && committed) {
        *settled = true;
        return {};
      }
    }
  }
  return {};
}

Examination ExamineRun(const Run& run, const ReadItem& item, std::string_view from,
                       uint64_t since) {
  bool one_key = item.kind == ReadKind::kKey;
  uint8_t fingerprint = one_key ? FingerprintOf(item.low) : 0;
  for (uint32_t i = 0; i < run.count; ++i) {
    if (one_key) {
      i = run.NextMatch(fingerprint, i);
      if (i == run.count) break;
    }
    const Version* version = run.versions()[i];
    uint64_t ts = LoadWord(version->ts).ts();  // a run holds committed versions only
    if (ts >= since && Covers(item, from, version->key())) return Newer(version->key(), ts);
  }
  return {};
}

Examination ExamineBlock(BlockView block, const ReadItem& item, std::string_view from,
                         uint64_t since) {
  BlockPosition position = block.LowerBound(from);
  bool one_key = item.kind == ReadKind::kKey;
  if (one_key && !position.found) return {};
  uint32_t end = one_key ? position.index + 1 : block.count();
  for (uint32_t i = position.index; i < end; ++i) {
    BlockEntry entry = block.Leaf(i);
    if (entry.ts < since) continue;
    std::string key = std::string(block.prefix()) + std::string(entry.suffix);
    // Entries are in order of their keys.
    return Covers(item, from, key) ? Newer(key, entry.ts) : Examination();
  }
  return {};
}

}  // namespace

Examination ExamineLeaf(const PageImage& image, const ReadItem& item, std::string_view from,
                        const Examiner& examiner) {
  bool settled = false;
  Examination result = ExamineDeltas(image, item, from, examiner, &settled);
  if (settled || result.finding != Examination::Finding::kClear) return result;
  if (image.run != nullptr && image.run->max_ts >= examiner.since) {
    result = ExamineRun(*image.run, item, from, examiner.since);
    if (result.finding != Examination::Finding::kClear) return result;
  }
  BlockView block = image.block();
  if (block.has_versions() && block.header().max_ts >= examiner.since) {
    result = ExamineBlock(block, item, from, examiner.since);
    if (result.finding != Examination::Finding::kClear) return result;
  }
  if (item.kind == ReadKind::kKey || !block.has_high_fence()) return result;
  if (item.kind == ReadKind::kRest || block.high_fence() < item.high) {
    result.more = true;
    result.next = std::string(block.high_fence());
  }
  return result;
}

}  // namespace moraine
