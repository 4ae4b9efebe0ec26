// One face for every engine that is measured: the harness knows this interface, an adapter per
// engine implements it in the way that engine's own manual recommends. What differs between engines
// in kind, not in speed (how an update is made atomic, what an unsynced write survives), is said in
// the adapter's head comment and in bench/README.md.
#ifndef MORAINE_BENCH_PEERS_STORE_H_
#define MORAINE_BENCH_PEERS_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::bench {

struct StoreSettings {
  std::string directory;  // exists; empty, or holds what such a store left when it was closed
  uint64_t cache_bytes = uint64_t{1} << 30;
  // For everything the engine allocates, if it has a setting for that; 0: cache_bytes.
  uint64_t budget_bytes = 0;
  uint64_t data_bytes = 0;  // keys and values that will be loaded; an engine may size maps by it
  bool synced = false;      // every write is durable when its call returns
  bool cold = false;        // far more data than memory: the settings the engine has for that
};

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

// Sees the current value, and either fills `next` and returns true to write it, or keeps what is
// there. Pure: it runs again when the update has to be retried.
using ConditionalUpdate = absl::FunctionRef<bool(std::string_view current, std::string* next)>;
// Returns whether the scan goes on. The views live for this call.
using ScanVisitor = absl::FunctionRef<bool(std::string_view key, std::string_view value)>;

// A transaction under way: reads are of one instant, with its own writes laid over. Every call may
// fail with Aborted when another transaction was first; the body then returns that error, and runs
// again.
class TransactionView {
 public:
  virtual ~TransactionView() = default;
  // Copies the value out; false when the key is absent. Holds until the commit where the engine is
  // serializable.
  virtual absl::StatusOr<bool> Get(std::string_view key, std::string* value) = 0;
  virtual absl::Status Put(std::string_view key, std::string_view value) = 0;
  virtual absl::Status Delete(std::string_view key) = 0;
  // Visits keys >= `from` in order. The visitor must not call the view.
  virtual absl::Status Scan(std::string_view from, ScanVisitor visit) = 0;
};

enum class TransactionMode : uint8_t { kReadWrite, kReadOnly };
// No effects but on the transaction; an error that is no conflict ends it, with nothing written.
using TransactionBody = absl::FunctionRef<absl::Status(TransactionView&)>;

// What one thread uses: holds whatever the engine wants to be reused between operations (read
// transactions, cursors, buffers). Owner thread only; destroyed before its store is closed.
class Session {
 public:
  virtual ~Session() = default;
  // Copies the value out; false when the key is absent. Reads the latest committed state.
  virtual absl::StatusOr<bool> Get(std::string_view key, std::string* value) = 0;
  // The values of all keys, in their order. The call the engine has for this; without one, one Get
  // after another.
  virtual absl::Status MultiGet(std::span<const std::string_view> keys,
                                std::vector<std::optional<std::string>>* values) {
    values->resize(keys.size());
    for (size_t index = 0; index < keys.size(); ++index) {
      std::optional<std::string>& value = (*values)[index];
      if (!value.has_value()) value.emplace();
      const absl::StatusOr<bool> found = Get(keys[index], &*value);
      if (!found.ok()) return found.status();
      if (!*found) value.reset();
    }
    return absl::OkStatus();
  }
  virtual absl::Status Put(std::string_view key, std::string_view value) = 0;
  // Puts all of them the way the engine likes bulk best; not necessarily atomic. For preparing
  // data, never timed as single puts.
  virtual absl::Status PutMany(std::span<const KeyValue> records) = 0;
  // Reads, decides and writes with nothing in between; whether it wrote. An absent key: false.
  virtual absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) = 0;
  // Runs the body in a transaction of the strongest isolation that the engine has, again until it
  // commits. Only where the store has_transactions().
  virtual absl::Status InTransaction(TransactionMode mode, TransactionBody body) {
    static_cast<void>(mode);
    static_cast<void>(body);
    return absl::UnimplementedError("the engine has no transactions");
  }
  // How often a transaction of this session had to run again.
  uint64_t retries() const { return retries_; }
  // Reads keys and writes records in one transaction. An absent key reads as an empty value.
  virtual absl::Status ReadAndWrite(std::span<const std::string_view> reads,
                                    std::vector<std::string>* values,
                                    std::span<const KeyValue> writes) {
    values->resize(reads.size());
    return InTransaction(TransactionMode::kReadWrite, [&](TransactionView& view) -> absl::Status {
      for (size_t i = 0; i < reads.size(); ++i) {
        const absl::StatusOr<bool> found = view.Get(reads[i], &(*values)[i]);
        if (!found.ok()) return found.status();
        if (!*found) (*values)[i].clear();
      }
      for (const KeyValue& write : writes) {
        const absl::Status put = view.Put(write.key, write.value);
        if (!put.ok()) return put;
      }
      return absl::OkStatus();
    });
  }
  // Visits keys >= `from` in order, as of one instant.
  virtual absl::Status Scan(std::string_view from, ScanVisitor visit) = 0;

 protected:
  void CountRetry() { ++retries_; }

 private:
  uint64_t retries_ = 0;
};

// Counted since the store was opened; 0 where the engine does not tell.
struct StoreCounters {
  uint64_t submissions = 0;
  uint64_t fragments = 0;
};

// Any thread, except Settle and Close, which run alone.
class Store {
 public:
  virtual ~Store() = default;
  virtual absl::StatusOr<std::unique_ptr<Session>> NewSession() = 0;
  // Waits until background work that earlier writes caused is done; cold: also writes out what is
  // in memory.
  virtual absl::Status Settle() = 0;
  virtual absl::StatusOr<StoreCounters> Counters() = 0;
  virtual absl::Status Close() = 0;  // no session may exist
  virtual bool has_transactions() const { return false; }
  // Engine, version and every setting that matters; its hash identifies a configuration.
  virtual std::string Description() const = 0;
};

using OpenStore = absl::StatusOr<std::unique_ptr<Store>> (*)(const StoreSettings& settings);

// An engine that can be measured.
struct Contender {
  std::string name;
  OpenStore open = nullptr;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_STORE_H_
