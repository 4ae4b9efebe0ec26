// The LMDB adapter; settings are those of bench/README.md.
#include "bench/peers/lmdb_store.h"

#include <lmdb.h>

#include <algorithm>
#include <utility>

#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

MDB_val ToVal(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // lmdb does not write through it
}
std::string_view ToView(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

absl::Status ToStatus(int code) {
  if (code == MDB_SUCCESS) return absl::OkStatus();
  return absl::InternalError(std::string("lmdb: ") + mdb_strerror(code));
}

// A write transaction that aborts unless it was committed.
class WriteTransaction {
 public:
  WriteTransaction() = default;
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  ~WriteTransaction() {
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  }
  absl::Status Begin(MDB_env* environment) {
    return ToStatus(mdb_txn_begin(environment, nullptr, 0, &transaction_));
  }
  absl::Status Commit() { return ToStatus(mdb_txn_commit(std::exchange(transaction_, nullptr))); }
  MDB_txn* get() const { return transaction_; }

 private:
  MDB_txn* transaction_ = nullptr;
};

// The one writer holds the engine's lock, so it never loses.
class LmdbView : public TransactionView {
 public:
  LmdbView(MDB_txn* transaction, MDB_dbi table) : transaction_(transaction), table_(table) {}

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    MDB_val wanted = ToVal(key);
    MDB_val found;
    const int code = mdb_get(transaction_, table_, &wanted, &found);
    if (code == MDB_NOTFOUND) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(code));
    value->assign(ToView(found));
    return true;
  }
  absl::Status Put(std::string_view key, std::string_view value) override {
    MDB_val key_val = ToVal(key);
    MDB_val value_val = ToVal(value);
    return ToStatus(mdb_put(transaction_, table_, &key_val, &value_val, 0));
  }
  absl::Status Delete(std::string_view key) override {
    MDB_val key_val = ToVal(key);
    const int code = mdb_del(transaction_, table_, &key_val, nullptr);
    return code == MDB_NOTFOUND ? absl::OkStatus() : ToStatus(code);
  }
  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    MDB_cursor* cursor = nullptr;
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_cursor_open(transaction_, table_, &cursor)));
    MDB_val key = ToVal(from);
    MDB_val value;
    int code = mdb_cursor_get(cursor, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    while (code == MDB_SUCCESS && visit(ToView(key), ToView(value))) {
      code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? absl::OkStatus() : ToStatus(code);
  }

 private:
  MDB_txn* const transaction_;
  const MDB_dbi table_;
};

class LmdbSession : public Session {
 public:
  LmdbSession(MDB_env* environment, MDB_dbi table) : environment_(environment), table_(table) {}
  ~LmdbSession() override {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (reader_ != nullptr) mdb_txn_abort(reader_);
  }

  absl::Status Begin() {
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reader_)));
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_cursor_open(reader_, table_, &cursor_)));
    mdb_txn_reset(reader_);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_txn_renew(reader_)));
    MDB_val wanted = ToVal(key);
    MDB_val found;
    const int code = mdb_get(reader_, table_, &wanted, &found);
    if (code == MDB_SUCCESS) {
      value->assign(static_cast<const char*>(found.mv_data), found.mv_size);
    }
    mdb_txn_reset(reader_);
    if (code == MDB_NOTFOUND) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(code));
    return true;
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    const KeyValue record{key, value};
    return PutMany({&record, 1});
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    WriteTransaction writer;
    MORAINE_RETURN_IF_ERROR(writer.Begin(environment_));
    for (const KeyValue& record : records) {
      MDB_val key = ToVal(record.key);
      MDB_val value = ToVal(record.value);
      MORAINE_RETURN_IF_ERROR(ToStatus(mdb_put(writer.get(), table_, &key, &value, 0)));
    }
    return writer.Commit();
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    WriteTransaction writer;
    MORAINE_RETURN_IF_ERROR(writer.Begin(environment_));
    MDB_val wanted = ToVal(key);
    MDB_val value;
    const int code = mdb_get(writer.get(), table_, &wanted, &value);
    if (code == MDB_NOTFOUND) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(code));
    if (!update(ToView(value), &next_)) return false;
    value = ToVal(next_);
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_put(writer.get(), table_, &wanted, &value, 0)));
    MORAINE_RETURN_IF_ERROR(writer.Commit());
    return true;
  }

  absl::Status InTransaction(TransactionMode mode, TransactionBody body) override {
    if (mode == TransactionMode::kReadOnly) {
      MORAINE_RETURN_IF_ERROR(ToStatus(mdb_txn_renew(reader_)));
      LmdbView view(reader_, table_);
      absl::Status done = body(view);
      mdb_txn_reset(reader_);
      return done;
    }
    WriteTransaction writer;
    MORAINE_RETURN_IF_ERROR(writer.Begin(environment_));
    LmdbView view(writer.get(), table_);
    MORAINE_RETURN_IF_ERROR(body(view));
    return writer.Commit();
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_txn_renew(reader_)));
    int code = mdb_cursor_renew(reader_, cursor_);
    if (code == MDB_SUCCESS) {
      MDB_val key = ToVal(from);
      MDB_val value;
      // MDB_SET_RANGE refuses an empty key.
      code = mdb_cursor_get(cursor_, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
      while (code == MDB_SUCCESS && visit(ToView(key), ToView(value))) {
        code = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
      }
    }
    mdb_txn_reset(reader_);
    return code == MDB_NOTFOUND ? absl::OkStatus() : ToStatus(code);
  }

 private:
  MDB_env* const environment_;
  const MDB_dbi table_;
  MDB_txn* reader_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  std::string next_;
};

class LmdbStore : public Store {
 public:
  explicit LmdbStore(const StoreSettings& settings) : settings_(settings) {}
  ~LmdbStore() override {
    if (environment_ != nullptr) mdb_env_close(environment_);
  }

  absl::Status Open() {
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_env_create(&environment_)));
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_env_set_mapsize(environment_, MapBytes())));
    // NOTLS ties a read transaction to its session instead of to the thread.
    MORAINE_RETURN_IF_ERROR(ToStatus(
        mdb_env_open(environment_, settings_.directory.c_str(), MDB_NOTLS | Flags(), 0600)));
    WriteTransaction writer;
    MORAINE_RETURN_IF_ERROR(writer.Begin(environment_));
    MORAINE_RETURN_IF_ERROR(ToStatus(mdb_dbi_open(writer.get(), nullptr, 0, &table_)));
    return writer.Commit();
  }

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    auto session = std::make_unique<LmdbSession>(environment_, table_);
    MORAINE_RETURN_IF_ERROR(session->Begin());
    return session;
  }

  // Has no background work; unsynced, the system still has pages to write.
  bool has_transactions() const override { return true; }
  absl::Status Settle() override {
    return settings_.cold ? ToStatus(mdb_env_sync(environment_, 1)) : absl::OkStatus();
  }
  absl::StatusOr<StoreCounters> Counters() override { return StoreCounters(); }

  absl::Status Close() override {
    mdb_env_close(std::exchange(environment_, nullptr));
    return absl::OkStatus();
  }

  std::string Description() const override {
    return std::string("lmdb ") + std::to_string(MDB_VERSION_MAJOR) + "." +
           std::to_string(MDB_VERSION_MINOR) + "." + std::to_string(MDB_VERSION_PATCH) +
           (settings_.synced ? " durable" : " nosync") +
           (DataExceedMemory() ? " nordahead"
            : settings_.synced ? ""
                               : " writemap") +
           " notls map=" + std::to_string(MapBytes());
  }

 private:
  // With memory for all the data, as when they are loaded, cold settings only cost.
  bool DataExceedMemory() const {
    return settings_.cold && settings_.cache_bytes < settings_.data_bytes;
  }
  unsigned Flags() const {
    if (DataExceedMemory()) return MDB_NORDAHEAD | (settings_.synced ? 0 : MDB_NOSYNC);
    return settings_.synced ? 0 : MDB_NOSYNC | MDB_WRITEMAP;
  }

  // The map is address space and a sparse file, not memory; half-full pages and those kept for
  // readers fit into eight times the data.
  uint64_t MapBytes() const {
    return std::max(uint64_t{1} << 30, (settings_.data_bytes * 8) & ~uint64_t{0xfffff});
  }

  const StoreSettings settings_;
  MDB_env* environment_ = nullptr;
  MDB_dbi table_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenLmdb(const StoreSettings& settings) {
  auto store = std::make_unique<LmdbStore>(settings);
  MORAINE_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace moraine::bench
