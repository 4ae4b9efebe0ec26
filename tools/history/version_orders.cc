// From operations to orders of elements.
#include "tools/history/version_orders.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace moraine::history {

VersionOrders::VersionOrders(const History& history, Report* report)
    : history_(history),
      report_(report),
      reads_(history.key_count()),
      orders_(history.key_count()),
      took_effect_(history.transactions().size()) {
  CollectAppends();
  CollectReads();
  for (uint32_t key = 0; key < history_.key_count(); ++key) {
    OrderKey(key);
    CheckReadsOf(key);
    CheckUpdatesOf(key);
  }
  for (uint32_t index = 0; index < history_.transactions().size(); ++index) {
    if (history_.transactions()[index].outcome == Outcome::kCommitted) took_effect_[index] = true;
  }
  for (const AppendOfTransaction& append : appends_) {
    bool unknown = history_.transactions()[append.transaction].outcome == Outcome::kUnknown;
    if (unknown && append.position != kNone) took_effect_[append.transaction] = true;
  }
}

void VersionOrders::Complain(std::string_view name, std::vector<uint32_t> transactions,
                             std::string line) {
  Example example;
  example.transactions = std::move(transactions);
  example.lines.push_back(std::move(line));
  report_->Add(name, std::move(example));
}

// Long lists are shown by their ends.
std::string VersionOrders::ListText(std::span<const Element> elements) const {
  constexpr size_t kMostShown = 8;
  std::string text = "[";
  size_t skipped = elements.size() > kMostShown ? elements.size() - kMostShown : 0;
  if (skipped > 0) absl::StrAppend(&text, "(", skipped, " more)");
  for (size_t i = skipped; i < elements.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "" : " ", history_.ElementText(elements[i]));
  return text + "]";
}

void VersionOrders::CollectAppends() {
  absl::flat_hash_map<uint32_t, uint32_t> last;  // of one transaction, by key
  for (uint32_t index = 0; index < history_.transactions().size(); ++index) {
    last.clear();
    for (const Operation& operation : history_.operations(history_.transactions()[index])) {
      if (operation.kind != Operation::Kind::kAppend) continue;
      auto number = static_cast<uint32_t>(appends_.size());
      auto [at, is_first] = last.try_emplace(operation.key, number);
      if (!is_first) appends_[std::exchange(at->second, number)].final = false;
      appends_.push_back({index, operation.key, operation.value});
      append_index_.emplace(std::pair(operation.key, operation.value), number);
    }
  }
}

// Each transaction once through, as the only one: its reads must be what it read first, and what it
// appended itself.
void VersionOrders::CollectReads() {
  absl::flat_hash_map<uint32_t, KeyState> states;
  uint32_t append = 0;
  for (uint32_t index = 0; index < history_.transactions().size(); ++index) {
    states.clear();
    bool committed = history_.transactions()[index].outcome == Outcome::kCommitted;
    for (const Operation& operation : history_.operations(history_.transactions()[index])) {
      KeyState& state = states[operation.key];
      if (operation.kind == Operation::Kind::kAppend) {
        if (state.read != kNone && state.own.empty())
          reads_[operation.key][state.read].updates = true;
        state.own.push_back(append++);
      } else if (committed) {
        ReadOnce(index, operation, &state);
      }
    }
  }
}

bool VersionOrders::EndsWithOwn(const Operation& operation, const KeyState& state) const {
  if (operation.length < state.own.size()) return false;
  std::span<const Element> tail = history_.elements(operation).last(state.own.size());
  for (size_t i = 0; i < tail.size(); ++i) {
    if (tail[i] != appends_[state.own[i]].element) return false;
  }
  return true;
}

void VersionOrders::ReadOnce(uint32_t transaction, const Operation& operation, KeyState* state) {
  std::span<const Element> now = history_.elements(operation);
  auto own = static_cast<uint32_t>(state->own.size());
  const std::string& name = history_.KeyName(operation.key);
  if (!EndsWithOwn(operation, *state)) {
    std::vector<Element> wrote;
    for (uint32_t append : state->own) wrote.push_back(appends_[append].element);
    Complain("internal", {transaction},
             absl::StrCat(history_.NameOf(transaction), " appended ", ListText(wrote), " to ", name,
                          " and then read ", ListText(now)));
    return;
  }
  if (state->known) {
    Operation earlier = operation;
    earlier.value = state->begin;
    earlier.length = state->length;
    std::span<const Element> before = history_.elements(earlier);
    if (std::ranges::equal(before, now.first(now.size() - own))) return;
    Complain("internal", {transaction},
             absl::StrCat(history_.NameOf(transaction), " read ", name, " = ", ListText(before),
                          ", and later, without its own appends, ",
                          ListText(now.first(now.size() - own))));
    return;
  }
  state->known = true;
  state->begin = operation.value;
  state->length = operation.length - own;
  ExternalRead read;
  read.transaction = transaction;
  read.key = operation.key;
  read.length = operation.length;
  read.own = own;
  read.begin = operation.value;
  read.by_range = operation.by_range;
  if (own == 0) state->read = static_cast<uint32_t>(reads_[operation.key].size());
  reads_[operation.key].push_back(read);
}

// The longest read is the order; the others must be how it began.
void VersionOrders::OrderKey(uint32_t key) {
  if (reads_[key].empty()) return;
  auto elements_of = [this](const ExternalRead& read) {
    Operation operation;
    operation.value = read.begin;
    operation.length = read.length;
    return history_.elements(operation);
  };
  const ExternalRead& longest = *std::ranges::max_element(reads_[key], {}, &ExternalRead::length);
  std::span<const Element> order = elements_of(longest);
  for (ExternalRead& read : reads_[key]) {
    std::span<const Element> elements = elements_of(read);
    read.compatible = std::ranges::equal(elements, order.first(elements.size()));
    if (read.compatible) continue;
    Complain("incompatible-order", {read.transaction, longest.transaction},
             absl::StrCat(history_.NameOf(read.transaction), " read ", history_.KeyName(key), " = ",
                          ListText(elements), ", ", history_.NameOf(longest.transaction), " read ",
                          ListText(order)));
  }
  NumberOrder(key, longest);
}

void VersionOrders::NumberOrder(uint32_t key, const ExternalRead& longest) {
  Operation operation;
  operation.value = longest.begin;
  operation.length = longest.length;
  for (Element element : history_.elements(operation)) {
    auto position = static_cast<uint32_t>(orders_[key].size());
    auto found = append_index_.find(std::pair(key, element));
    orders_[key].push_back(found == append_index_.end() ? kNone : found->second);
    std::string who = absl::StrCat(history_.NameOf(longest.transaction), " read ",
                                   history_.ElementText(element), " in ", history_.KeyName(key));
    if (found == append_index_.end()) {
      Complain("garbage-read", {longest.transaction}, who + ", which nobody appended");
    } else if (std::exchange(appends_[found->second].position, position) != kNone) {
      Complain("duplicate-elements", {longest.transaction}, who + " more than once");
    }
  }
}

// Only the first aborted element of a list is named: whoever read a later one read it, too.
void VersionOrders::CheckReadsOf(uint32_t key) {
  const std::vector<uint32_t>& order = orders_[key];
  auto aborted = std::ranges::find_if(order, [this](uint32_t append) {
    return append != kNone &&
           history_.transactions()[appends_[append].transaction].outcome == Outcome::kAborted;
  });
  auto first_aborted = static_cast<uint32_t>(aborted - order.begin());
  absl::flat_hash_map<uint32_t, uint32_t> first_of;  // by transaction: where its elements begin
  for (uint32_t position = 0; position < order.size(); ++position) {
    if (order[position] != kNone)
      first_of.try_emplace(appends_[order[position]].transaction, position);
  }
  for (ExternalRead& read : reads_[key]) {
    if (!read.compatible) continue;
    std::string reader = history_.NameOf(read.transaction);
    auto own = first_of.find(read.transaction);
    if (own != first_of.end() && own->second < read.seen()) {
      read.compatible = false;
      const AppendOfTransaction& append = appends_[order[own->second]];
      Complain("internal", {read.transaction},
               absl::StrCat(reader, " read its own ", history_.ElementText(append.element), " in ",
                            history_.KeyName(key), " before it appended it, or among the others'"));
      continue;
    }
    if (read.seen() > first_aborted) {
      const AppendOfTransaction& append = appends_[*aborted];
      Complain("G1a", {read.transaction, append.transaction},
               absl::StrCat(reader, " read ", history_.ElementText(append.element), " in ",
                            history_.KeyName(key), ", which ", history_.NameOf(append.transaction),
                            " appended and then aborted"));
    }
    if (read.seen() == 0 || order[read.seen() - 1] == kNone) continue;
    const AppendOfTransaction& newest = appends_[order[read.seen() - 1]];
    if (newest.final || newest.transaction == read.transaction) continue;
    Complain("G1b", {read.transaction, newest.transaction},
             absl::StrCat(reader, " read ", history_.KeyName(key), " up to ",
                          history_.ElementText(newest.element), ", where ",
                          history_.NameOf(newest.transaction), " had not finished appending"));
  }
}

void VersionOrders::CheckUpdatesOf(uint32_t key) {
  absl::flat_hash_map<uint32_t, uint32_t> updater_of;  // by the length that it read
  for (const ExternalRead& read : reads_[key]) {
    if (!read.updates || !read.compatible) continue;
    auto [at, is_first] = updater_of.try_emplace(read.seen(), read.transaction);
    if (is_first) continue;
    Complain("lost-update", {at->second, read.transaction},
             absl::StrCat(history_.NameOf(at->second), " and ", history_.NameOf(read.transaction),
                          " both read the first ", read.seen(), " elements of ",
                          history_.KeyName(key), " and appended to them"));
  }
}

}  // namespace moraine::history
