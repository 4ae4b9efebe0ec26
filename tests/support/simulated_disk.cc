// Changes, syncs and what is left after a power cut.
#include "tests/support/simulated_disk.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"
#include "storage/sync/atomic.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

uint64_t NewOwner() {
  static StdPolicy::Atomic<uint64_t> last{0};
  // order: relaxed: only the uniqueness of the number matters
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

constexpr uint64_t SectorEnd(uint64_t offset) {
  return (offset / kDeviceSectorBytes + 1) * kDeviceSectorBytes;
}

bool OnlyRoot(std::string_view path) { return path.empty() || path == "." || path == "/"; }

}  // namespace

PowerCutPlan PowerCutPlan::FromSeed(uint64_t seed) {
  switch (seed % 8) {
    case 0:
      return {.kind = Kind::kDropAll, .seed = seed};
    case 1:
      return {.kind = Kind::kKeepAll, .seed = seed};
    case 2:
      return {.kind = Kind::kPrefix, .seed = seed};
    default:
      return {.kind = Kind::kRandom, .seed = seed};
  }
}

SimulatedDisk::SimulatedDisk(const SimulatedDisk& other)
    : entries_(other.entries_),
      contents_(other.contents_),
      next_file_(other.next_file_),
      next_sequence_(other.next_sequence_) {
  // Tested first: several threads may copy one value at the same time.
  if (other.owner_ != 0) other.owner_ = 0;
}

SimulatedDisk& SimulatedDisk::operator=(const SimulatedDisk& other) {
  if (this == &other) return *this;
  entries_ = other.entries_;
  contents_ = other.contents_;
  next_file_ = other.next_file_;
  next_sequence_ = other.next_sequence_;
  owner_ = 0;
  if (other.owner_ != 0) other.owner_ = 0;
  return *this;
}

uint64_t SimulatedDisk::Owner() {
  if (owner_ == 0) owner_ = NewOwner();
  return owner_;
}

SimulatedDisk::Contents& SimulatedDisk::OwnContents(FileId file) {
  std::shared_ptr<Contents>& contents = contents_.at(file);
  if (contents->owner != Owner()) {
    contents = std::make_shared<Contents>(*contents);
    contents->owner = Owner();
  }
  return *contents;
}

SimulatedDisk::Entries& SimulatedDisk::OwnEntries(const std::string& directory) {
  std::shared_ptr<Entries>& entries = entries_.at(directory);
  if (entries->owner != Owner()) {
    entries = std::make_shared<Entries>(*entries);
    entries->owner = Owner();
  }
  return *entries;
}

SimulatedDisk::Change SimulatedDisk::NewChange(PendingChange change) {
  change.sequence = next_sequence_++;
  return std::make_shared<const PendingChange>(std::move(change));
}

bool SimulatedDisk::HasDirectory(const std::string& path) const {
  return OnlyRoot(path) || entries_.count(path) != 0;
}

void SimulatedDisk::MakeDirectory(const std::string& path) {
  std::shared_ptr<Entries>& entries = entries_[path];
  if (entries == nullptr) entries = std::make_shared<Entries>();
}

std::optional<SimulatedDisk::FileId> SimulatedDisk::Find(const std::string& directory,
                                                         std::string_view name) const {
  auto entries = entries_.find(directory);
  if (entries == entries_.end()) return std::nullopt;
  auto entry = entries->second->current.find(name);
  if (entry == entries->second->current.end()) return std::nullopt;
  return entry->second;
}

std::vector<std::string> SimulatedDisk::List(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& [name, file] : entries_.at(directory)->current) names.push_back(name);
  return names;
}

SimulatedDisk::FileId SimulatedDisk::Create(const std::string& directory, std::string_view name) {
  const FileId file = next_file_++;
  contents_[file] = std::make_shared<Contents>();
  Entries& entries = OwnEntries(directory);
  entries.current[std::string(name)] = file;
  entries.pending.push_back(
      NewChange({.kind = PendingChange::Kind::kCreate, .file = file, .name = std::string(name)}));
  return file;
}

void SimulatedDisk::Remove(const std::string& directory, std::string_view name) {
  Entries& entries = OwnEntries(directory);
  auto entry = entries.current.find(name);
  MORAINE_CHECK(entry != entries.current.end());
  entries.pending.push_back(NewChange(
      {.kind = PendingChange::Kind::kRemove, .file = entry->second, .name = std::string(name)}));
  entries.current.erase(entry);
}

void SimulatedDisk::Rename(const std::string& directory, std::string_view from,
                           std::string_view to) {
  Entries& entries = OwnEntries(directory);
  auto entry = entries.current.find(from);
  MORAINE_CHECK(entry != entries.current.end());
  if (from == to) return;
  const FileId file = entry->second;
  entries.pending.push_back(NewChange({.kind = PendingChange::Kind::kRename,
                                       .file = file,
                                       .name = std::string(from),
                                       .to = std::string(to)}));
  entries.current.erase(entry);
  entries.current[std::string(to)] = file;
}

void SimulatedDisk::SyncDirectory(const std::string& directory) {
  Entries& entries = OwnEntries(directory);
  entries.durable = entries.current;
  entries.pending.clear();
}

uint64_t SimulatedDisk::Size(FileId file) const { return ContentsOf(file).current.size(); }

void SimulatedDisk::Read(FileId file, uint64_t offset, char* data, size_t size) const {
  ContentsOf(file).current.Read(offset, data, size);
}

void SimulatedDisk::Write(FileId file, uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  Contents& contents = OwnContents(file);
  const uint64_t old_size = contents.current.size();
  contents.current.Write(offset, bytes, Owner());
  contents.pending.push_back(NewChange({.kind = PendingChange::Kind::kWrite,
                                        .file = file,
                                        .offset = offset,
                                        .bytes = std::string(bytes)}));
  const uint64_t new_size = contents.current.size();
  if (new_size == old_size) return;
  contents.pending.push_back(
      NewChange({.kind = PendingChange::Kind::kResize, .file = file, .size = new_size}));
}

void SimulatedDisk::Resize(FileId file, uint64_t size) {
  if (Size(file) == size) return;
  Contents& contents = OwnContents(file);
  contents.current.Resize(size, Owner());
  contents.pending.push_back(
      NewChange({.kind = PendingChange::Kind::kResize, .file = file, .size = size}));
}

void SimulatedDisk::Sync(FileId file) {
  if (ContentsOf(file).pending.empty()) return;
  Contents& contents = OwnContents(file);
  contents.durable = contents.current;
  contents.pending.clear();
  owner_ = 0;  // durable and current share their blocks now
}

void SimulatedDisk::SyncRange(FileId file, uint64_t offset, uint64_t size) {
  const uint64_t end = offset + size;
  Contents& contents = OwnContents(file);
  std::vector<Change> left;
  // Keeps of the collected writes only what lies outside [cut_begin, cut_end).
  auto cut = [&left](uint64_t cut_begin, uint64_t cut_end) {
    std::vector<Change> rest;
    for (const Change& change : left) {
      const uint64_t begin = change->offset;
      const uint64_t change_end = begin + change->bytes.size();
      if (change_end <= cut_begin || begin >= cut_end) {
        rest.push_back(change);
        continue;
      }
      auto keep = [&](uint64_t part_begin, uint64_t part_end) {
        if (part_begin >= part_end) return;
        PendingChange part = *change;
        part.offset = part_begin;
        part.bytes = change->bytes.substr(part_begin - begin, part_end - part_begin);
        rest.push_back(std::make_shared<const PendingChange>(std::move(part)));
      };
      keep(begin, std::min(change_end, cut_begin));
      keep(std::max(begin, cut_end), change_end);
    }
    left = std::move(rest);
  };
  for (const Change& change : contents.pending) {
    if (change->kind == PendingChange::Kind::kWrite) {
      left.push_back(change);
      continue;
    }
    // There is one size: with the write it becomes durable as it is now.
    contents.durable.Resize(change->size, Owner());
    cut(change->size, UINT64_MAX);
  }
  cut(offset, end);
  contents.durable.CopyFrom(contents.current, offset, end, Owner());
  contents.durable.Resize(contents.current.size(), Owner());
  contents.pending = std::move(left);
}

void SimulatedDisk::LoseUnsynced(FileId file, uint64_t seed) {
  Contents& contents = OwnContents(file);
  owner_ = 0;  // the survivor begins as a copy of parts that this value owns
  Random random(seed);
  const bool lose_all = random.OneIn(2);
  auto fate_of = [&](const PendingChange& change) {
    if (change.kind == PendingChange::Kind::kResize) return Fate::kKept;
    if (lose_all) return Fate::kDropped;
    return static_cast<Fate>(random.Below(3));
  };
  contents.current = Survivor(contents, fate_of, seed, Owner());
  contents.durable = contents.current;
  contents.pending.clear();
  owner_ = 0;
}

uint64_t SimulatedDisk::UsedBytes() const {
  uint64_t bytes = 0;
  for (const auto& [path, entries] : entries_) {
    for (const auto& [name, file] : entries->current) bytes += Size(file);
  }
  return bytes;
}

std::vector<PendingChange> SimulatedDisk::PendingChanges() const {
  std::vector<PendingChange> changes;
  for (const auto& [path, entries] : entries_) {
    for (const Change& change : entries->pending) changes.push_back(*change);
  }
  for (const auto& [file, contents] : contents_) {
    for (const Change& change : contents->pending) changes.push_back(*change);
  }
  std::sort(changes.begin(), changes.end(),
            [](const PendingChange& a, const PendingChange& b) { return a.sequence < b.sequence; });
  return changes;
}

SharedBytes SimulatedDisk::Survivor(const Contents& contents, const FateOf& fate_of, uint64_t seed,
                                    uint64_t owner) {
  std::vector<Fate> fates;
  size_t sizes_kept = 0;  // size changes before this index happened
  uint64_t final_size = contents.durable.size();
  for (const Change& change : contents.pending) {
    fates.push_back(fate_of(*change));
    if (change->kind != PendingChange::Kind::kResize || fates.back() == Fate::kDropped) continue;
    sizes_kept = fates.size();
    final_size = change->size;
  }
  // `progress` is the file after each change in turn; sectors of kept writes are copied from it.
  SharedBytes progress = contents.durable;
  SharedBytes result = contents.durable;
  uint64_t limit = UINT64_MAX;  // of a cut that did not happen: nothing behind it can survive
  for (size_t index = 0; index < fates.size(); ++index) {
    const PendingChange& change = *contents.pending[index];
    if (change.kind == PendingChange::Kind::kResize) {
      if (index < sizes_kept) {
        progress.Resize(change.size, owner);
        result.Resize(change.size, owner);
      } else if (change.size < progress.size()) {
        limit = std::min(limit, change.size);
      }
      continue;
    }
    if (change.offset >= limit) continue;
    std::string_view bytes = change.bytes;
    bytes = bytes.substr(0, std::min<uint64_t>(bytes.size(), limit - change.offset));
    progress.Write(change.offset, bytes, owner);
    if (fates[index] == Fate::kDropped) continue;
    const uint64_t end = change.offset + bytes.size();
    for (uint64_t begin = change.offset; begin < end; begin = SectorEnd(begin)) {
      const uint64_t sector = begin / kDeviceSectorBytes;
      if (fates[index] == Fate::kTorn &&
          Random::Derive(seed ^ change.sequence << 32, sector) % 2 == 0) {
        continue;
      }
      result.CopyFrom(progress, sector * kDeviceSectorBytes, SectorEnd(begin), owner);
    }
  }
  result.Resize(final_size, owner);
  return result;
}

namespace {

// Turns a plan into decisions about one disk after the other.
class FateMaker {
 public:
  FateMaker(const PowerCutPlan& plan, uint64_t first_sequence, uint64_t sequence_end)
      : plan_(plan), random_(plan.seed) {
    cut_ = first_sequence + random_.Below(sequence_end - first_sequence + 1);
    constexpr uint64_t kPercents[] = {10, 50, 90};
    kept_percent_ = kPercents[random_.Below(3)];
    torn_percent_ = random_.OneIn(2) ? 0 : 30;
  }

  Fate operator()(const PendingChange& change) {
    switch (plan_.kind) {
      case PowerCutPlan::Kind::kDropAll:
        return Fate::kDropped;
      case PowerCutPlan::Kind::kKeepAll:
        return Fate::kKept;
      case PowerCutPlan::Kind::kPrefix:
        if (change.sequence == cut_) return Fate::kTorn;
        return change.sequence < cut_ ? Fate::kKept : Fate::kDropped;
      case PowerCutPlan::Kind::kChosen:
        return plan_.choose(change);
      case PowerCutPlan::Kind::kRandom:
        break;
    }
    if (random_.Below(100) < torn_percent_) return Fate::kTorn;
    return random_.Below(100) < kept_percent_ ? Fate::kKept : Fate::kDropped;
  }

 private:
  const PowerCutPlan& plan_;
  Random random_;
  uint64_t cut_ = 0;
  uint64_t kept_percent_ = 0;
  uint64_t torn_percent_ = 0;
};

}  // namespace

SimulatedDisk SimulatedDisk::SurvivePowerCut(const PowerCutPlan& plan) const {
  uint64_t first_sequence = next_sequence_;
  for (const auto& [path, entries] : entries_) {
    if (!entries->pending.empty()) {
      first_sequence = std::min(first_sequence, entries->pending.front()->sequence);
    }
  }
  for (const auto& [file, contents] : contents_) {
    if (!contents->pending.empty()) {
      first_sequence = std::min(first_sequence, contents->pending.front()->sequence);
    }
  }
  FateMaker maker(plan, first_sequence, next_sequence_);
  auto fate_of = [&maker](const PendingChange& change) { return maker(change); };
  SimulatedDisk survivor(*this);
  for (auto& [path, entries] : entries_) {
    if (entries->pending.empty()) continue;
    Entries& left = survivor.OwnEntries(path);
    for (const Change& change : entries->pending) {
      if (fate_of(*change) == Fate::kDropped) continue;
      // The name may lead elsewhere by now, when an earlier change was dropped.
      auto entry = left.durable.find(change->name);
      const bool same = entry != left.durable.end() && entry->second == change->file;
      if (same && change->kind != PendingChange::Kind::kCreate) left.durable.erase(entry);
      if (change->kind == PendingChange::Kind::kCreate) left.durable[change->name] = change->file;
      if (change->kind == PendingChange::Kind::kRename) left.durable[change->to] = change->file;
    }
    left.current = left.durable;
    left.pending.clear();
  }
  for (const auto& [file, contents] : contents_) {
    if (contents->pending.empty()) continue;
    Contents& left = survivor.OwnContents(file);
    left.durable = Survivor(*contents, fate_of, plan.seed, survivor.Owner());
    left.current = left.durable;
    left.pending.clear();
  }
  survivor.owner_ = 0;  // durable and current share their blocks
  survivor.DropUnreachable({});
  return survivor;
}

void SimulatedDisk::DropUnreachable(const std::set<FileId>& open) {
  std::set<FileId> reachable = open;
  for (const auto& [path, entries] : entries_) {
    for (const auto& [name, file] : entries->current) reachable.insert(file);
    for (const auto& [name, file] : entries->durable) reachable.insert(file);
    for (const Change& change : entries->pending) reachable.insert(change->file);
  }
  for (auto at = contents_.begin(); at != contents_.end();) {
    at = reachable.count(at->first) != 0 ? std::next(at) : contents_.erase(at);
  }
}

uint64_t SimulatedDisk::Hash() const {
  uint64_t hash = 0;
  auto mix = [&hash](uint64_t value) { hash = Random::Derive(hash, value); };
  auto mix_text = [&mix](const std::string& text) {
    mix(text.size());
    for (char letter : text) mix(static_cast<uint8_t>(letter));
  };
  for (const auto& [path, entries] : entries_) {
    mix_text(path);
    for (const auto& [name, file] : entries->current) {
      mix_text(name);
      mix(ContentsOf(file).current.Hash());
    }
  }
  return hash;
}

}  // namespace moraine
