// Merging by key, newest first.
#include "storage/tree/run_merger.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace moraine {

RunMerger::RunMerger(const Run* old, PageScratch* scratch) : old_(old), scratch_(*scratch) {
  scratch->run_versions.clear();
  scratch->run_heads.clear();
  scratch->run_fingerprints.clear();
  scratch->dropped.clear();
  if (old != nullptr) {
    payload_bytes_ = old->payload_bytes;
    max_ts_ = old->max_ts;
  }
}

void RunMerger::Merge() {
  const std::vector<KeyVersion>& above = scratch_.above;
  uint32_t old_count = old_ != nullptr ? old_->count : 0;
  size_t next = 0;
  uint32_t at = 0;
  while (next < above.size() || at < old_count) {
    if (next == above.size() || (at < old_count && OldIsLess(at, above[next]))) {
      scratch_.run_versions.push_back(old_->versions()[at]);
      scratch_.run_heads.push_back(old_->heads()[at]);
      scratch_.run_fingerprints.push_back(old_->fingerprints()[at]);
      ++at;
      continue;
    }
    const KeyVersion& key = above[next];
    std::vector<KeyVersion>& group = scratch_.group;
    group.clear();
    while (next < above.size() && above[next].head == key.head &&
           above[next].suffix == key.suffix) {
      group.push_back(above[next++]);
    }
    size_t fresh = group.size();
    while (at < old_count && OldIsSame(at, key)) group.push_back(OldVersion(at++, key));
    TakeGroup(fresh);
  }
}

Run* RunMerger::Build(ThreadHeap& heap) const {
  uint32_t count = static_cast<uint32_t>(scratch_.run_versions.size());
  void* memory = heap.Allocate(Run::Bytes(count), ChargeKind::kReserve);
  if (memory == nullptr) return nullptr;
  Run* run = new (memory) Run{};
  run->count = count;
  run->payload_bytes = static_cast<uint32_t>(payload_bytes_);
  run->max_ts = max_ts_;
  std::memset(run->fingerprints(), 0, Run::FingerprintBytes(count));
  std::copy(scratch_.run_fingerprints.begin(), scratch_.run_fingerprints.end(),
            run->fingerprints());
  std::copy(scratch_.run_versions.begin(), scratch_.run_versions.end(), run->versions());
  std::copy(scratch_.run_heads.begin(), scratch_.run_heads.end(), run->heads());
  return run;
}

std::string_view RunMerger::OldSuffix(uint32_t at, const KeyVersion& beside) const {
  // Both keys share the block's prefix, whose length is what the other suffix lacks.
  size_t prefix_bytes = beside.version->key_bytes - beside.suffix.size();
  return old_->versions()[at]->key().substr(prefix_bytes);
}

bool RunMerger::OldIsLess(uint32_t at, const KeyVersion& key) const {
  uint32_t head = old_->heads()[at];
  return head != key.head ? head < key.head : OldSuffix(at, key) < key.suffix;
}

bool RunMerger::OldIsSame(uint32_t at, const KeyVersion& key) const {
  return old_->heads()[at] == key.head && OldSuffix(at, key) == key.suffix;
}

KeyVersion RunMerger::OldVersion(uint32_t at, const KeyVersion& like) const {
  Version* version = old_->versions()[at];
  KeyVersion entry = like;
  entry.ts = LoadWord(version->ts).ts();
  entry.kind = version->kind;
  entry.value = version->value();
  entry.version = version;
  return entry;
}

// Keeps what readers need of the versions of one key, the first `fresh` of which are new to the
// run.
void RunMerger::TakeGroup(size_t fresh) {
  const std::vector<KeyVersion>& group = scratch_.group;
  KeepInRun(group, scratch_.prune, &scratch_.keep);
  for (size_t i = 0; i < group.size(); ++i) {
    Version* version = group[i].version;
    size_t bytes = version->key_bytes + version->value_bytes;
    if (i < fresh) payload_bytes_ += bytes;
    if (!scratch_.keep[i]) {
      payload_bytes_ -= bytes;
      scratch_.dropped.push_back(version);
      continue;
    }
    // A batch's owner may not have stamped it yet; a run holds stamped versions only.
    if (i < fresh) Stamp(*version, TsWord::Committed(group[i].ts));
    max_ts_ = std::max(max_ts_, group[i].ts);
    scratch_.run_versions.push_back(version);
    scratch_.run_heads.push_back(group[i].head);
    scratch_.run_fingerprints.push_back(version->fingerprint);
  }
}

}  // namespace moraine
