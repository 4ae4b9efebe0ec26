// Collects a history and checks that it is one.
#include "tools/history/history.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"

namespace moraine::history {

uint32_t History::Intern(std::string_view text, Index* index, std::vector<std::string>* texts) {
  // A plain conversion: Abseil's map looks up its own string_view type.
  auto [at, is_new] = index->try_emplace(std::string(text), texts->size());
  if (is_new) texts->emplace_back(text);
  return at->second;
}

void History::Begin(Header header) {
  Transaction& transaction = transactions_.emplace_back();
  transaction.name = std::move(header.name);
  transaction.line = header.line;
  transaction.outcome = header.outcome;
  transaction.snapshot_only = header.snapshot_only;
  if (!header.session.empty())
    transaction.session = Intern(header.session, &session_index_, &sessions_);
  transaction.begin = header.begin;
  transaction.end = header.end;
  transaction.first_operation = transaction.end_operation = operations_.size();
}

void History::Append(std::string_view key, Element element) {
  Operation operation;
  operation.key = Intern(key, &key_index_, &keys_);
  operation.value = element;
  operations_.push_back(operation);
  transactions_.back().end_operation = operations_.size();
}

void History::Read(std::string_view key, std::span<const Element> elements) {
  Operation operation;
  operation.kind = Operation::Kind::kRead;
  operation.key = Intern(key, &key_index_, &keys_);
  operation.value = elements_.size();
  operation.length = static_cast<uint32_t>(elements.size());
  elements_.insert(elements_.end(), elements.begin(), elements.end());
  operations_.push_back(operation);
  transactions_.back().end_operation = operations_.size();
}

void History::Scan(std::string_view low, std::optional<std::string_view> high,
                   std::span<const Found> found) {
  PendingScan scan;
  scan.transaction = static_cast<uint32_t>(transactions_.size() - 1);
  scan.low = low;
  if (high) scan.high = *high;
  for (const Found& one : found) {
    Read(one.key, one.elements);
    scan.found.push_back(operations_.back().key);
  }
  scan.before_operation = operations_.size();
  scans_.push_back(std::move(scan));
}

Element History::Text(std::string_view text) {
  return Element{Intern(text, &text_index_, &texts_)} << 1 | 1;
}

std::string History::NameOf(uint32_t transaction) const {
  const Transaction& named = transactions_[transaction];
  return named.name.empty() ? absl::StrCat("T", named.line) : named.name;
}

std::string History::ElementText(Element element) const {
  if ((element & 1) == 0) return absl::StrCat(element >> 1);
  return absl::StrCat("\"", texts_[element >> 1], "\"");
}

// Scans are in the order of their places, so that one pass puts their reads in.
void History::ExpandScans() {
  if (scans_.empty()) return;
  std::vector<uint32_t> by_name(keys_.size());
  std::iota(by_name.begin(), by_name.end(), 0);
  std::sort(by_name.begin(), by_name.end(),
            [this](uint32_t a, uint32_t b) { return keys_[a] < keys_[b]; });
  std::vector<Operation> expanded;
  uint64_t copied = 0;
  size_t next_scan = 0;
  for (uint32_t index = 0; index < transactions_.size(); ++index) {
    Transaction& transaction = transactions_[index];
    uint64_t end = transaction.end_operation;
    transaction.first_operation = expanded.size();
    auto copy_to = [&](uint64_t to) {
      expanded.insert(expanded.end(), operations_.begin() + static_cast<ptrdiff_t>(copied),
                      operations_.begin() + static_cast<ptrdiff_t>(to));
      copied = to;
    };
    for (; next_scan < scans_.size() && scans_[next_scan].transaction == index; ++next_scan) {
      PendingScan& scan = scans_[next_scan];
      copy_to(scan.before_operation);
      std::sort(scan.found.begin(), scan.found.end());
      auto at = std::lower_bound(
          by_name.begin(), by_name.end(), scan.low,
          [this](uint32_t key, const std::string& low) { return keys_[key] < low; });
      for (; at != by_name.end() && (!scan.high || keys_[*at] < *scan.high); ++at) {
        if (std::binary_search(scan.found.begin(), scan.found.end(), *at)) continue;
        Operation read;
        read.kind = Operation::Kind::kRead;
        read.by_range = true;
        read.key = *at;
        expanded.push_back(read);
      }
    }
    copy_to(end);
    transaction.end_operation = expanded.size();
  }
  operations_ = std::move(expanded);
  scans_.clear();
}

absl::Status History::CheckElements() const {
  absl::flat_hash_map<std::pair<uint32_t, Element>, uint32_t> appended_by;
  for (uint32_t index = 0; index < transactions_.size(); ++index) {
    for (const Operation& operation : operations(transactions_[index])) {
      if (operation.kind != Operation::Kind::kAppend) continue;
      auto [at, is_new] = appended_by.try_emplace({operation.key, operation.value}, index);
      if (is_new) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", transactions_[index].line, ": ", ElementText(operation.value),
          " is appended to ", keys_[operation.key], " again, after line ",
          transactions_[at->second].line,
          "; elements must be unique for each key, or nobody can tell whose write was read"));
    }
  }
  return absl::OkStatus();
}

absl::Status History::CheckSessions() const {
  std::vector<uint32_t> last(sessions_.size(), kNone);
  for (uint32_t index = 0; index < transactions_.size(); ++index) {
    const Transaction& transaction = transactions_[index];
    if (transaction.begin && transaction.end && *transaction.end < *transaction.begin)
      return absl::InvalidArgumentError(
          absl::StrCat("line ", transaction.line, ": it ends before it begins"));
    if (transaction.session == kNone || transaction.outcome == Outcome::kUnknown) continue;
    uint32_t before = std::exchange(last[transaction.session], index);
    if (before == kNone || !transaction.begin || !transactions_[before].end) continue;
    if (*transaction.begin < *transactions_[before].end)
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", transaction.line, ": session ", sessions_[transaction.session],
          " is still at line ", transactions_[before].line, "; a session does one at a time"));
  }
  return absl::OkStatus();
}

absl::Status History::Finish() {
  ExpandScans();
  MORAINE_RETURN_IF_ERROR(CheckElements());
  return CheckSessions();
}

}  // namespace moraine::history
