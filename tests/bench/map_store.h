// A store in a std::map, for tests of the harness: correct by simplicity, and able to do wrong on
// request, to see that the harness notices.
#ifndef MORAINE_TESTS_BENCH_MAP_STORE_H_
#define MORAINE_TESTS_BENCH_MAP_STORE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bench/peers/store.h"

namespace moraine::bench {

struct MapStoreFaults {
  bool loses_a_record = false;  // the first put does nothing
  bool swaps_bytes = false;     // values are returned with a byte changed
  bool refuses_sessions = false;
};

class MapStore : public Store {
 public:
  explicit MapStore(const MapStoreFaults& faults = {}) : faults_(faults) {}

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    if (faults_.refuses_sessions) return absl::ResourceExhaustedError("no more sessions");
    return std::make_unique<MapSession>(this);
  }
  bool has_transactions() const override { return true; }
  absl::Status Settle() override {
    ++settled_;
    return absl::OkStatus();
  }
  absl::StatusOr<StoreCounters> Counters() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return StoreCounters{.submissions = puts_, .fragments = 2 * puts_};
  }
  absl::Status Close() override { return absl::OkStatus(); }
  std::string Description() const override { return "map"; }

  int settled() const { return settled_; }
  size_t size() const { return map_.size(); }

 private:
  using Map = std::map<std::string, std::string, std::less<>>;

  class MapView : public TransactionView {
   public:
    explicit MapView(Map* map) : map_(map) {}
    absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
      const auto found = map_->find(key);
      if (found == map_->end()) return false;
      *value = found->second;
      return true;
    }
    absl::Status Put(std::string_view key, std::string_view value) override {
      map_->insert_or_assign(std::string(key), std::string(value));
      return absl::OkStatus();
    }
    absl::Status Delete(std::string_view key) override {
      map_->erase(std::string(key));
      return absl::OkStatus();
    }
    absl::Status Scan(std::string_view from, ScanVisitor visit) override {
      for (auto at = map_->lower_bound(from); at != map_->end(); ++at) {
        if (!visit(at->first, at->second)) break;
      }
      return absl::OkStatus();
    }

   private:
    Map* const map_;
  };

  class MapSession : public Session {
   public:
    explicit MapSession(MapStore* store) : store_(store) {}
    absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
      const std::lock_guard<std::mutex> lock(store_->mutex_);
      const auto found = store_->map_.find(key);
      if (found == store_->map_.end()) return false;
      *value = found->second;
      if (store_->faults_.swaps_bytes) value->back() ^= 1;
      return true;
    }
    absl::Status Put(std::string_view key, std::string_view value) override {
      const std::lock_guard<std::mutex> lock(store_->mutex_);
      if (++store_->puts_ == 1 && store_->faults_.loses_a_record) return absl::OkStatus();
      store_->map_.insert_or_assign(std::string(key), std::string(value));
      return absl::OkStatus();
    }
    absl::Status PutMany(std::span<const KeyValue> records) override {
      for (const KeyValue& record : records) {
        if (absl::Status put = Put(record.key, record.value); !put.ok()) return put;
      }
      return absl::OkStatus();
    }
    absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
      const std::lock_guard<std::mutex> lock(store_->mutex_);
      const auto found = store_->map_.find(key);
      std::string next;
      if (found == store_->map_.end() || !update(found->second, &next)) return false;
      found->second = next;
      ++store_->puts_;
      return true;
    }
    absl::Status ReadAndWrite(std::span<const std::string_view> reads,
                              std::vector<std::string>* values,
                              std::span<const KeyValue> writes) override {
      values->assign(reads.size(), "");
      for (size_t i = 0; i < reads.size(); ++i) {
        if (auto found = Get(reads[i], &(*values)[i]); !found.ok()) return found.status();
      }
      return PutMany(writes);
    }
    // One at a time; an error takes everything back.
    absl::Status InTransaction(TransactionMode, TransactionBody body) override {
      const std::lock_guard<std::mutex> lock(store_->mutex_);
      const auto before = store_->map_;
      MapView view(&store_->map_);
      absl::Status done = body(view);
      if (!done.ok()) store_->map_ = before;
      return done;
    }
    absl::Status Scan(std::string_view from, ScanVisitor visit) override {
      const std::lock_guard<std::mutex> lock(store_->mutex_);
      for (auto at = store_->map_.lower_bound(from); at != store_->map_.end(); ++at) {
        if (!visit(at->first, at->second)) break;
      }
      return absl::OkStatus();
    }

   private:
    MapStore* const store_;
  };

  const MapStoreFaults faults_;
  std::mutex mutex_;
  Map map_;
  uint64_t puts_ = 0;
  int settled_ = 0;
};

}  // namespace moraine::bench

#endif  // MORAINE_TESTS_BENCH_MAP_STORE_H_
