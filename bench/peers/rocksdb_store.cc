// The RocksDB adapter; settings are those of bench/README.md.
#include "bench/peers/rocksdb_store.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/optimistic_transaction_db.h"
#include "rocksdb/utilities/transaction.h"
#include "rocksdb/version.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr uint32_t kColdLockBuckets = 4096;
constexpr size_t kColdReadaheadBytes = size_t{2} << 20;  // of scans, which read directly

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status ToStatus(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError("rocksdb: " + status.ToString());
}

rocksdb::WriteOptions WriteOptionsOf(const StoreSettings& settings) {
  rocksdb::WriteOptions options;
  options.sync = settings.synced;
  return options;
}

// Cold: 16 MiB beside a cache of 224, less beside a smaller one.
size_t MemtableBytes(const StoreSettings& settings) {
  constexpr uint64_t kMebibyte = uint64_t{1} << 20;
  if (!settings.cold) return 64 * kMebibyte;
  return std::clamp(settings.cache_bytes / 14, 4 * kMebibyte, 16 * kMebibyte);
}

rocksdb::Options OptionsOf(const StoreSettings& settings) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = MemtableBytes(settings);
  options.use_direct_reads = settings.cold;
  // Cold: no history of memtables, which only conflicts of transactions are looked up in.
  if (settings.cold) options.max_write_buffer_size_to_maintain = 1;
  options.max_background_jobs = 2;
  options.level_compaction_dynamic_level_bytes = true;
  options.optimize_filters_for_hits = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(settings.cache_bytes);
  table.block_size = size_t{settings.cold ? 4U : 16U} << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Reads of transactions that write are for update: validated at commit, which makes single keys
// serializable. Scans are as of the snapshot only; the engine does not validate ranges.
class RocksdbView : public TransactionView {
 public:
  RocksdbView(rocksdb::Transaction* transaction, TransactionMode mode)
      : transaction_(transaction), for_update_(mode == TransactionMode::kReadWrite) {
    at_snapshot_.snapshot = transaction->GetSnapshot();
  }

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    const rocksdb::Status found =
        for_update_ ? transaction_->GetForUpdate(at_snapshot_, ToSlice(key), value)
                    : transaction_->Get(at_snapshot_, ToSlice(key), value);
    if (found.IsNotFound()) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(found));
    return true;
  }
  absl::Status Put(std::string_view key, std::string_view value) override {
    return ToStatus(transaction_->Put(ToSlice(key), ToSlice(value)));
  }
  absl::Status Delete(std::string_view key) override {
    return ToStatus(transaction_->Delete(ToSlice(key)));
  }
  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    const std::unique_ptr<rocksdb::Iterator> at(transaction_->GetIterator(at_snapshot_));
    for (at->Seek(ToSlice(from)); at->Valid(); at->Next()) {
      if (!visit(ToView(at->key()), ToView(at->value()))) return absl::OkStatus();
    }
    return ToStatus(at->status());
  }

 private:
  rocksdb::Transaction* const transaction_;
  const bool for_update_;
  rocksdb::ReadOptions at_snapshot_;
};

class RocksdbSession : public Session {
 public:
  RocksdbSession(rocksdb::OptimisticTransactionDB* database, const StoreSettings& settings)
      : database_(database),
        base_(database->GetBaseDB()),
        write_options_(WriteOptionsOf(settings)) {
    if (settings.cold) scan_options_.readahead_size = kColdReadaheadBytes;
  }

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    const rocksdb::Status status =
        base_->Get(read_options_, base_->DefaultColumnFamily(), ToSlice(key), &pinned_);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return ToStatus(status);
    value->assign(pinned_.data(), pinned_.size());
    pinned_.Reset();
    return true;
  }

  absl::Status MultiGet(std::span<const std::string_view> keys,
                        std::vector<std::optional<std::string>>* values) override {
    slices_.clear();
    for (const std::string_view key : keys) slices_.push_back(ToSlice(key));
    many_pinned_.resize(keys.size());
    statuses_.resize(keys.size());
    base_->MultiGet(read_options_, base_->DefaultColumnFamily(), keys.size(), slices_.data(),
                    many_pinned_.data(), statuses_.data());
    values->resize(keys.size());
    for (size_t index = 0; index < keys.size(); ++index) {
      std::optional<std::string>& value = (*values)[index];
      if (statuses_[index].IsNotFound()) {
        value.reset();
        continue;
      }
      MORAINE_RETURN_IF_ERROR(ToStatus(statuses_[index]));
      if (!value.has_value()) value.emplace();
      value->assign(many_pinned_[index].data(), many_pinned_[index].size());
      many_pinned_[index].Reset();
    }
    return absl::OkStatus();
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return ToStatus(base_->Put(write_options_, ToSlice(key), ToSlice(value)));
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    rocksdb::WriteBatch batch;
    for (const KeyValue& record : records) {
      MORAINE_RETURN_IF_ERROR(ToStatus(batch.Put(ToSlice(record.key), ToSlice(record.value))));
    }
    return ToStatus(base_->Write(write_options_, &batch));
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    while (true) {
      // Reuses the transaction object of the previous update.
      transaction_.reset(database_->BeginTransaction(write_options_, transaction_options_,
                                                     transaction_.release()));
      rocksdb::ReadOptions at_snapshot;
      at_snapshot.snapshot = transaction_->GetSnapshot();
      const rocksdb::Status found =
          transaction_->GetForUpdate(at_snapshot, ToSlice(key), &current_);
      if (found.IsNotFound() || (found.ok() && !update(current_, &next_))) {
        MORAINE_RETURN_IF_ERROR(ToStatus(transaction_->Rollback()));
        return false;
      }
      MORAINE_RETURN_IF_ERROR(ToStatus(found));
      MORAINE_RETURN_IF_ERROR(ToStatus(transaction_->Put(ToSlice(key), next_)));
      const rocksdb::Status committed = transaction_->Commit();
      if (committed.ok()) return true;
      if (!committed.IsBusy() && !committed.IsTryAgain()) return ToStatus(committed);
    }
  }

  absl::Status InTransaction(TransactionMode mode, TransactionBody body) override {
    for (;; CountRetry()) {
      transaction_.reset(database_->BeginTransaction(write_options_, transaction_options_,
                                                     transaction_.release()));
      RocksdbView view(transaction_.get(), mode);
      const absl::Status done = body(view);
      if (!done.ok() || mode == TransactionMode::kReadOnly) {
        MORAINE_RETURN_IF_ERROR(ToStatus(transaction_->Rollback()));
        return done;
      }
      const rocksdb::Status committed = transaction_->Commit();
      if (committed.ok()) return absl::OkStatus();
      if (!committed.IsBusy() && !committed.IsTryAgain()) return ToStatus(committed);
    }
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    const std::unique_ptr<rocksdb::Iterator> at(base_->NewIterator(scan_options_));
    for (at->Seek(ToSlice(from)); at->Valid(); at->Next()) {
      if (!visit(ToView(at->key()), ToView(at->value()))) return absl::OkStatus();
    }
    return ToStatus(at->status());
  }

 private:
  rocksdb::OptimisticTransactionDB* const database_;
  rocksdb::DB* const base_;
  const rocksdb::WriteOptions write_options_;
  const rocksdb::ReadOptions read_options_;
  rocksdb::ReadOptions scan_options_;
  const rocksdb::OptimisticTransactionOptions transaction_options_{.set_snapshot = true};
  rocksdb::PinnableSlice pinned_;
  std::vector<rocksdb::Slice> slices_;
  std::vector<rocksdb::PinnableSlice> many_pinned_;
  std::vector<rocksdb::Status> statuses_;
  std::unique_ptr<rocksdb::Transaction> transaction_;
  std::string current_;
  std::string next_;
};

class RocksdbStore : public Store {
 public:
  RocksdbStore(std::unique_ptr<rocksdb::OptimisticTransactionDB> database,
               const StoreSettings& settings)
      : database_(std::move(database)), settings_(settings) {}

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    return std::make_unique<RocksdbSession>(database_.get(), settings_);
  }

  bool has_transactions() const override { return true; }
  absl::Status Settle() override {
    if (settings_.cold) {
      MORAINE_RETURN_IF_ERROR(ToStatus(database_->Flush(rocksdb::FlushOptions())));
    }
    // Idle twice in a row: a finished flush may schedule a compaction a moment later.
    for (int idle = 0; idle < 2;) {
      idle = IsIdle() ? idle + 1 : 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<StoreCounters> Counters() override { return StoreCounters(); }

  absl::Status Close() override {
    absl::Status status = ToStatus(database_->Close());
    database_.reset();
    return status;
  }

  std::string Description() const override {
    return "rocksdb " + std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
           std::to_string(ROCKSDB_PATCH) +
           " optimistic-transactions bloom=10 filters-for-hits hash-index jobs=2 dynamic-levels "
           "compression=none " +
           (settings_.cold ? "block=4096 direct-reads scan-readahead=2097152 lock-buckets=4096"
                           : "block=16384") +
           " memtable=" + std::to_string(MemtableBytes(settings_)) +
           " cache=" + std::to_string(settings_.cache_bytes) +
           " synced=" + std::to_string(settings_.synced);
  }

 private:
  bool IsIdle() {
    for (const std::string* property : {&rocksdb::DB::Properties::kMemTableFlushPending,
                                        &rocksdb::DB::Properties::kNumRunningFlushes,
                                        &rocksdb::DB::Properties::kCompactionPending,
                                        &rocksdb::DB::Properties::kNumRunningCompactions}) {
      uint64_t value = 0;
      if (database_->GetIntProperty(*property, &value) && value != 0) return false;
    }
    return true;
  }

  std::unique_ptr<rocksdb::OptimisticTransactionDB> database_;
  const StoreSettings settings_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksdb(const StoreSettings& settings) {
  rocksdb::OptimisticTransactionDB* database = nullptr;
  rocksdb::OptimisticTransactionDBOptions transactions;
  // The default is a million mutexes: 40 MiB, which a small memory cannot spare.
  if (settings.cold) transactions.occ_lock_buckets = kColdLockBuckets;
  const rocksdb::Options options = OptionsOf(settings);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  MORAINE_RETURN_IF_ERROR(ToStatus(rocksdb::OptimisticTransactionDB::Open(
      options, transactions, settings.directory,
      {{rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions(options)}}, &handles,
      &database)));
  // The database has a handle of its own.
  MORAINE_RETURN_IF_ERROR(ToStatus(database->DestroyColumnFamilyHandle(handles[0])));
  return std::make_unique<RocksdbStore>(std::unique_ptr<rocksdb::OptimisticTransactionDB>(database),
                                        settings);
}

}  // namespace moraine::bench
