// The LevelDB adapter; settings are those of bench/README.md.
#include "bench/peers/leveldb_store.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/filter_policy.h"
#include "leveldb/write_batch.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status ToStatus(const leveldb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError("leveldb: " + status.ToString());
}

leveldb::WriteOptions WriteOptionsOf(const StoreSettings& settings) {
  leveldb::WriteOptions options;
  options.sync = settings.synced;
  return options;
}

class LeveldbSession : public Session {
 public:
  LeveldbSession(leveldb::DB* database, std::mutex* update_mutex, const StoreSettings& settings)
      : database_(database),
        update_mutex_(update_mutex),
        write_options_(WriteOptionsOf(settings)) {}

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    const leveldb::Status status = database_->Get(read_options_, ToSlice(key), value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return ToStatus(status);
    return true;
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return ToStatus(database_->Put(write_options_, ToSlice(key), ToSlice(value)));
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    leveldb::WriteBatch batch;
    for (const KeyValue& record : records) batch.Put(ToSlice(record.key), ToSlice(record.value));
    return ToStatus(database_->Write(write_options_, &batch));
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    const std::lock_guard<std::mutex> lock(*update_mutex_);
    const leveldb::Status found = database_->Get(read_options_, ToSlice(key), &current_);
    if (found.IsNotFound()) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(found));
    if (!update(current_, &next_)) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(database_->Put(write_options_, ToSlice(key), next_)));
    return true;
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(read_options_));
    for (at->Seek(ToSlice(from)); at->Valid(); at->Next()) {
      if (!visit(ToView(at->key()), ToView(at->value()))) return absl::OkStatus();
    }
    return ToStatus(at->status());
  }

 private:
  leveldb::DB* const database_;
  std::mutex* const update_mutex_;
  const leveldb::WriteOptions write_options_;
  const leveldb::ReadOptions read_options_;
  std::string current_;
  std::string next_;
};

class LeveldbStore : public Store {
 public:
  explicit LeveldbStore(const StoreSettings& settings)
      : settings_(settings),
        cache_(leveldb::NewLRUCache(settings.cache_bytes)),
        filter_(leveldb::NewBloomFilterPolicy(10)) {}

  absl::Status Open() {
    leveldb::Options options;
    options.create_if_missing = true;
    options.compression = leveldb::kNoCompression;
    options.write_buffer_size = WriteBufferBytes();
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    leveldb::DB* database = nullptr;
    absl::Status status = ToStatus(leveldb::DB::Open(options, settings_.directory, &database));
    database_.reset(database);
    return status;
  }

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    return std::make_unique<LeveldbSession>(database_.get(), &update_mutex_, settings_);
  }

  // LevelDB does not say whether it compacts; its table of compactions grows while it does, a line
  // at a time. Half a second without a change is taken for idle.
  absl::Status Settle() override {
    constexpr int kQuietTurns = 10;
    std::string before;
    for (int quiet = 0; quiet < kQuietTurns;) {
      std::string now;
      if (!database_->GetProperty("leveldb.stats", &now)) return absl::OkStatus();
      quiet = now == before ? quiet + 1 : 0;
      before = std::move(now);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<StoreCounters> Counters() override { return StoreCounters(); }

  absl::Status Close() override {
    database_.reset();
    return absl::OkStatus();
  }

  std::string Description() const override {
    return "leveldb " + std::to_string(leveldb::kMajorVersion) + "." +
           std::to_string(leveldb::kMinorVersion) +
           " bloom=10 write-buffer=" + std::to_string(WriteBufferBytes()) +
           " compression=none cache=" + std::to_string(settings_.cache_bytes) +
           " synced=" + std::to_string(settings_.synced);
  }

 private:
  // Cold: 16 MiB beside a cache of 224, less beside a smaller one.
  size_t WriteBufferBytes() const {
    constexpr uint64_t kMebibyte = uint64_t{1} << 20;
    if (!settings_.cold) return 64 * kMebibyte;
    return std::clamp(settings_.cache_bytes / 14, 4 * kMebibyte, 16 * kMebibyte);
  }

  const StoreSettings settings_;
  // The database uses both until it is gone, so they are declared before it.
  const std::unique_ptr<leveldb::Cache> cache_;
  const std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::mutex update_mutex_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenLeveldb(const StoreSettings& settings) {
  auto store = std::make_unique<LeveldbStore>(settings);
  MORAINE_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace moraine::bench
