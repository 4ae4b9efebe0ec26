// For each list the order in which its elements came, as the longest read of it shows, who appended
// them, and everything that is wrong before any graph is drawn: reads that contradict their own
// transaction, each other, or that saw what was never to be seen.
#ifndef MORAINE_TOOLS_HISTORY_VERSION_ORDERS_H_
#define MORAINE_TOOLS_HISTORY_VERSION_ORDERS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "tools/history/history.h"
#include "tools/history/report.h"

namespace moraine::history {

struct AppendOfTransaction {
  uint32_t transaction = 0;
  uint32_t key = 0;
  Element element = 0;
  bool final = true;          // its transaction appends nothing to the key afterwards
  uint32_t position = kNone;  // in the order; kNone: nobody read it
};

// What a committed transaction read of others.
struct ExternalRead {
  uint32_t transaction = 0;
  uint32_t key = 0;
  uint32_t length = 0;  // of all that it returned
  uint32_t own = 0;     // how many elements at the end are its own
  uint64_t begin = 0;   // of its elements
  bool by_range = false;
  bool updates = false;    // its transaction has not appended to the key yet, and does so later
  bool compatible = true;  // a prefix of the order
  uint32_t seen() const { return length - own; }
};

class VersionOrders {
 public:
  // Reports what it finds.
  VersionOrders(const History& history, Report* report);

  const std::vector<AppendOfTransaction>& appends() const { return appends_; }
  // By key.
  const std::vector<std::vector<ExternalRead>>& reads() const { return reads_; }
  // By key: numbers of appends; kNone stands for an element that nobody appended.
  const std::vector<std::vector<uint32_t>>& orders() const { return orders_; }
  // Whether a transaction took effect: committed, or its outcome unknown and its writes read.
  bool TookEffect(uint32_t transaction) const { return took_effect_[transaction]; }

 private:
  struct KeyState {  // of one key within one transaction
    bool known = false;
    uint64_t begin = 0;  // of the elements that it read of others
    uint32_t length = 0;
    uint32_t read = kNone;  // the index among the reads of its key
    std::vector<uint32_t> own;
  };

  void CollectAppends();
  void CollectReads();
  void ReadOnce(uint32_t transaction, const Operation& operation, KeyState* state);
  bool EndsWithOwn(const Operation& operation, const KeyState& state) const;
  void OrderKey(uint32_t key);
  void NumberOrder(uint32_t key, const ExternalRead& longest);
  void CheckReadsOf(uint32_t key);
  void CheckUpdatesOf(uint32_t key);
  void Complain(std::string_view name, std::vector<uint32_t> transactions, std::string line);
  std::string ListText(std::span<const Element> elements) const;

  const History& history_;
  Report* const report_;
  absl::flat_hash_map<std::pair<uint32_t, Element>, uint32_t> append_index_;
  std::vector<AppendOfTransaction> appends_;
  std::vector<std::vector<ExternalRead>> reads_;
  std::vector<std::vector<uint32_t>> orders_;
  std::vector<Element> elements_of_longest_;
  std::vector<bool> took_effect_;
};

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_VERSION_ORDERS_H_
