// A history to be checked: transactions that append elements to lists and read lists. Appending
// makes the order of writes visible to every later reader, which is what the checker lives on (K.
// Kingsbury and P. Alvaro, "Elle: inferring isolation anomalies from experimental observations",
// VLDB 2020). Knows nothing of any database.
#ifndef MORAINE_TOOLS_HISTORY_HISTORY_H_
#define MORAINE_TOOLS_HISTORY_HISTORY_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace moraine::history {

inline constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

// What was appended: a small number itself, or the index of a text.
using Element = uint64_t;

enum class Outcome : uint8_t { kCommitted, kAborted, kUnknown };

struct Operation {
  enum class Kind : uint8_t { kAppend, kRead } kind = Kind::kAppend;
  bool by_range = false;  // read: implied by the scan of an interval in which it did not turn up
  uint32_t key = 0;
  uint32_t length = 0;  // read: of what it returned
  uint64_t value = 0;   // append: the element; read: where its elements begin
};

struct Transaction {
  std::string name;  // empty: called after its line
  uint64_t line = 0;
  Outcome outcome = Outcome::kCommitted;
  bool snapshot_only = false;  // asked for snapshot isolation and no more
  uint32_t session = kNone;
  std::optional<uint64_t> begin;  // in any unit, of one clock
  std::optional<uint64_t> end;
  uint64_t first_operation = 0;
  uint64_t end_operation = 0;
};

// Built transaction by transaction, then finished; immutable from there on. One thread.
class History {
 public:
  struct Header {
    std::string name;
    uint64_t line = 0;
    Outcome outcome = Outcome::kCommitted;
    bool snapshot_only = false;
    std::string session;
    std::optional<uint64_t> begin;
    std::optional<uint64_t> end;
  };

  // The operations of a transaction follow its Begin.
  void Begin(Header header);
  void Append(std::string_view key, Element element);
  void Read(std::string_view key, std::span<const Element> elements);
  // The keys in [low, high) with what was in them; keys that are not named had no list.
  struct Found {
    std::string key;
    std::vector<Element> elements;
  };
  void Scan(std::string_view low, std::optional<std::string_view> high,
            std::span<const Found> found);
  // Call last. InvalidArgument: an element appended to a key twice, or a session that overlaps
  // itself; names the lines.
  absl::Status Finish();

  static Element Number(uint64_t number) { return number << 1; }  // below 2^63
  Element Text(std::string_view text);

  const std::vector<Transaction>& transactions() const { return transactions_; }
  std::span<const Operation> operations(const Transaction& transaction) const {
    return std::span(operations_)
        .subspan(transaction.first_operation,
                 transaction.end_operation - transaction.first_operation);
  }
  std::span<const Element> elements(const Operation& read) const {
    return std::span(elements_).subspan(read.value, read.length);
  }
  uint64_t operation_count() const { return operations_.size(); }
  uint32_t key_count() const { return static_cast<uint32_t>(keys_.size()); }
  uint32_t session_count() const { return static_cast<uint32_t>(sessions_.size()); }

  std::string NameOf(uint32_t transaction) const;
  const std::string& KeyName(uint32_t key) const { return keys_[key]; }
  const std::string& SessionName(uint32_t session) const { return sessions_[session]; }
  std::string ElementText(Element element) const;

 private:
  // A scan waits until all keys are known; then it becomes reads of the keys that it did not find.
  struct PendingScan {
    uint32_t transaction;
    uint64_t before_operation;  // where its reads go
    std::string low;
    std::optional<std::string> high;
    std::vector<uint32_t> found;
  };

  using Index = absl::flat_hash_map<std::string, uint32_t>;
  static uint32_t Intern(std::string_view text, Index* index, std::vector<std::string>* texts);
  void ExpandScans();
  absl::Status CheckElements() const;
  absl::Status CheckSessions() const;

  std::vector<Transaction> transactions_;
  std::vector<Operation> operations_;
  std::vector<Element> elements_;
  std::vector<PendingScan> scans_;
  Index key_index_;
  Index session_index_;
  Index text_index_;
  std::vector<std::string> keys_;
  std::vector<std::string> sessions_;
  std::vector<std::string> texts_;
};

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_HISTORY_H_
