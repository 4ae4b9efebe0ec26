// Reading a state once and comparing what must be there with what is.
#include "tools/first_run/checker.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <unordered_set>
#include <utility>

#include "fmt/format.h"
#include "storage/base/status_macros.h"

namespace moraine::first_run {
namespace {

constexpr size_t kMostProblems = 5;

void AddProblem(StateCheck& check, std::string problem) {
  if (check.problems.size() < kMostProblems) check.problems.push_back(std::move(problem));
}

// Hashes views and strings alike, so that a set of strings can be asked about a view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

// A set of keys as a number of them and the sum of their hashes: equal for equal sets, and for
// different ones with a chance of one in 2^64.
struct Fingerprint {
  uint64_t count = 0;
  uint64_t sum = 0;

  void Add(std::string_view key) {
    ++count;
    sum += TextHash()(key);
  }
  bool operator==(const Fingerprint&) const = default;
};

// Names the index keys that are missing, one lookup each: only after the fingerprints differed.
absl::Status NameMissing(const ReadView& view, const Tree& tree, const Dataset& dataset,
                         StateCheck& check) {
  absl::Status status;
  const size_t before = check.problems.size();
  Scan items = view.Scan(tree, Prefix(dataset.prefix()));
  for (const Entry item : items) {
    const std::string_view name = item.key.substr(dataset.prefix().size());
    dataset.IndexKeys(name, item.value, [&](std::string_view key) {
      const absl::StatusOr<bool> found = view.Contains(tree, key);
      if (!found.ok()) {
        status = found.status();
      } else if (!*found) {
        AddProblem(check, fmt::format("{} has no index key {}", item.key, key));
      }
    });
    if (!status.ok() || check.problems.size() >= kMostProblems) break;
  }
  if (check.problems.size() == before) {
    AddProblem(check, "there are index keys that no item accounts for");
  }
  return status.ok() ? items.status() : status;
}

}  // namespace

absl::StatusOr<StateCheck> CheckState(const ReadView& view, const Tree& tree,
                                      const Dataset& dataset) {
  StateCheck check;
  TextSet names;
  Fingerprint expected;
  Fingerprint found;
  // Keys come in order, but item keys may lie before or after index keys: items first.
  Scan items = view.Scan(tree, Prefix(dataset.prefix()));
  for (const Entry item : items) {
    const std::string_view name = item.key.substr(dataset.prefix().size());
    names.emplace(name);
    dataset.IndexKeys(name, item.value, [&](std::string_view key) { expected.Add(key); });
  }
  MORAINE_RETURN_IF_ERROR(items.status());
  Scan all = view.Scan(tree);
  for (const Entry entry : all) {
    if (entry.key.starts_with(dataset.prefix()) || entry.key.starts_with("meta/")) continue;
    found.Add(entry.key);
    if (!names.contains(OwnerOf(entry.key))) {
      AddProblem(check, fmt::format("index key {} has no item", entry.key));
    }
    if (entry.key.starts_with(dataset.group_prefix())) {
      ++check.groups[std::string(SubjectOf(entry.key, dataset.group_prefix()))];
    }
  }
  MORAINE_RETURN_IF_ERROR(all.status());
  check.items = names.size();
  check.index_keys = found.count;
  if (expected != found) MORAINE_RETURN_IF_ERROR(NameMissing(view, tree, dataset, check));
  return check;
}

absl::StatusOr<std::vector<std::pair<std::string, uint64_t>>> MostFrequent(const ReadView& view,
                                                                           const Tree& tree,
                                                                           std::string_view prefix,
                                                                           size_t count) {
  std::vector<std::pair<std::string, uint64_t>> subjects;
  Scan scan = view.Scan(tree, Prefix(prefix));
  for (const Entry entry : scan) {
    const std::string_view subject = SubjectOf(entry.key, prefix);
    // Keys of one subject are neighbours.
    if (subjects.empty() || subjects.back().first != subject) {
      subjects.emplace_back(subject, 0);
    }
    ++subjects.back().second;
  }
  MORAINE_RETURN_IF_ERROR(scan.status());
  count = std::min(count, subjects.size());
  std::partial_sort(subjects.begin(), subjects.begin() + static_cast<std::ptrdiff_t>(count),
                    subjects.end(),
                    [](const auto& a, const auto& b) { return a.second > b.second; });
  subjects.resize(count);
  return subjects;
}

void SnapshotReaders::Run() {
  uint64_t items_before = 0;
  while (!loader_.finished()) {
    const absl::Status checked = CheckOne(&items_before);
    if (checked.ok()) {
      // While there is next to nothing to read, do not take thousands of snapshots of it.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    const std::lock_guard lock(mutex_);
    problems_.push_back(checked.ToString());
    return;
  }
}

absl::Status SnapshotReaders::CheckOne(uint64_t* items_before) {
  MORAINE_ASSIGN_OR_RETURN(const Snapshot snapshot, database_.TakeSnapshot());
  MORAINE_ASSIGN_OR_RETURN(StateCheck check,
                           CheckState(snapshot, database_.default_tree(), dataset_));
  if (check.items < *items_before) {
    AddProblem(check, fmt::format("a later snapshot has {} items, an earlier one {}", check.items,
                                  *items_before));
  }
  *items_before = check.items;
  const std::lock_guard lock(mutex_);
  ++snapshots_;
  keys_read_ += check.items * 2 + check.index_keys;
  problems_.insert(problems_.end(), check.problems.begin(), check.problems.end());
  return absl::OkStatus();
}

}  // namespace moraine::first_run
