// The WiredTiger adapter; settings are those of bench/README.md.
#include "bench/peers/wiredtiger_store.h"

#include <wiredtiger.h>

#include <utility>

#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr const char* kTable = "table:bench";

WT_ITEM ToItem(std::string_view bytes) {
  WT_ITEM item{};
  item.data = bytes.data();
  item.size = bytes.size();
  return item;
}
std::string_view ToView(const WT_ITEM& item) {
  return {static_cast<const char*>(item.data), item.size};
}

absl::Status ToStatus(int code) {
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(std::string("wiredtiger: ") + wiredtiger_strerror(code));
}

// A transaction on a session's one cursor. What it loses to another transaction, at any call, it
// remembers, so that the session runs it again.
class WiredtigerView : public TransactionView {
 public:
  explicit WiredtigerView(WT_CURSOR* cursor) : cursor_(cursor) {}
  bool lost() const { return lost_; }

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    WT_ITEM item = ToItem(key);
    cursor_->set_key(cursor_, &item);
    int code = cursor_->search(cursor_);
    if (code == WT_NOTFOUND) return false;
    if (code == 0) code = cursor_->get_value(cursor_, &item);
    MORAINE_RETURN_IF_ERROR(Note(code));
    value->assign(ToView(item));
    return true;
  }
  absl::Status Put(std::string_view key, std::string_view value) override {
    WT_ITEM key_item = ToItem(key);
    WT_ITEM value_item = ToItem(value);
    cursor_->set_key(cursor_, &key_item);
    cursor_->set_value(cursor_, &value_item);
    return Note(cursor_->insert(cursor_));
  }
  absl::Status Delete(std::string_view key) override {
    WT_ITEM item = ToItem(key);
    cursor_->set_key(cursor_, &item);
    const int code = cursor_->remove(cursor_);
    return code == WT_NOTFOUND ? absl::OkStatus() : Note(code);
  }
  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    WT_ITEM key = ToItem(from);
    cursor_->set_key(cursor_, &key);
    int order = 0;
    int code = cursor_->search_near(cursor_, &order);
    if (code == 0 && order < 0) code = cursor_->next(cursor_);
    while (code == 0) {
      WT_ITEM value{};
      code = cursor_->get_key(cursor_, &key);
      if (code == 0) code = cursor_->get_value(cursor_, &value);
      if (code != 0 || !visit(ToView(key), ToView(value))) break;
      code = cursor_->next(cursor_);
    }
    return code == WT_NOTFOUND ? absl::OkStatus() : Note(code);
  }

 private:
  absl::Status Note(int code) {
    lost_ = lost_ || code == WT_ROLLBACK;
    return code == WT_ROLLBACK ? absl::AbortedError("wiredtiger: another was first")
                               : ToStatus(code);
  }

  WT_CURSOR* const cursor_;
  bool lost_ = false;
};

// One WT_SESSION and one cursor, both for one thread.
class WiredtigerSession : public Session {
 public:
  WiredtigerSession() = default;
  ~WiredtigerSession() override {
    if (session_ != nullptr) session_->close(session_, nullptr);  // and its cursors
  }

  absl::Status Begin(WT_CONNECTION* connection) {
    MORAINE_RETURN_IF_ERROR(
        ToStatus(connection->open_session(connection, nullptr, "isolation=snapshot", &session_)));
    return ToStatus(session_->open_cursor(session_, kTable, nullptr, nullptr, &cursor_));
  }

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    MORAINE_ASSIGN_OR_RETURN(const bool found, Find(key, value));
    MORAINE_RETURN_IF_ERROR(ToStatus(cursor_->reset(cursor_)));
    return found;
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return UntilNoConflict([&] { return Insert(key, value); });
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    return UntilNoConflict([&] {
      return Within([&] {
        int code = 0;
        for (size_t index = 0; index < records.size() && code == 0; ++index) {
          code = Insert(records[index].key, records[index].value);
        }
        return code;
      });
    });
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    bool written = false;
    absl::Status error;
    MORAINE_RETURN_IF_ERROR(UntilNoConflict([&] {
      return Within([&] {
        written = false;
        const absl::StatusOr<bool> found = Find(key, &current_);
        error = found.status();
        if (!found.ok() || !*found || !update(current_, &next_)) return 0;
        written = true;
        return Insert(key, next_);
      });
    }));
    MORAINE_RETURN_IF_ERROR(error);
    return written;
  }

  // Snapshot isolation: write skew is possible, unlike with the others.
  absl::Status InTransaction(TransactionMode, TransactionBody body) override {
    for (;; CountRetry()) {
      MORAINE_RETURN_IF_ERROR(ToStatus(session_->begin_transaction(session_, nullptr)));
      WiredtigerView view(cursor_);
      const absl::Status done = body(view);
      MORAINE_RETURN_IF_ERROR(ToStatus(cursor_->reset(cursor_)));
      int code = WT_ROLLBACK;
      if (done.ok()) {
        code = session_->commit_transaction(session_, nullptr);
      } else {
        MORAINE_RETURN_IF_ERROR(ToStatus(session_->rollback_transaction(session_, nullptr)));
        if (!view.lost()) return done;
      }
      if (code != WT_ROLLBACK) return ToStatus(code);
    }
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    return ToStatus(Within([&] {
      int code = Position(from);
      while (code == 0) {
        WT_ITEM key{};
        WT_ITEM value{};
        code = cursor_->get_key(cursor_, &key);
        if (code == 0) code = cursor_->get_value(cursor_, &value);
        if (code != 0 || !visit(ToView(key), ToView(value))) break;
        code = cursor_->next(cursor_);
      }
      return code == WT_NOTFOUND ? 0 : code;
    }));
  }

 private:
  // Leaves the cursor on the record, if there is one.
  absl::StatusOr<bool> Find(std::string_view key, std::string* value) {
    WT_ITEM item = ToItem(key);
    cursor_->set_key(cursor_, &item);
    const int code = cursor_->search(cursor_);
    if (code == WT_NOTFOUND) return false;
    MORAINE_RETURN_IF_ERROR(ToStatus(code));
    MORAINE_RETURN_IF_ERROR(ToStatus(cursor_->get_value(cursor_, &item)));
    value->assign(ToView(item));
    return true;
  }

  // Puts the cursor on the first key >= `from`.
  int Position(std::string_view from) {
    if (from.empty()) return cursor_->next(cursor_);  // of a cursor that is nowhere: the first
    WT_ITEM item = ToItem(from);
    cursor_->set_key(cursor_, &item);
    int order = 0;
    const int code = cursor_->search_near(cursor_, &order);
    return code == 0 && order < 0 ? cursor_->next(cursor_) : code;
  }

  int Insert(std::string_view key, std::string_view value) {
    WT_ITEM key_item = ToItem(key);
    WT_ITEM value_item = ToItem(value);
    cursor_->set_key(cursor_, &key_item);
    cursor_->set_value(cursor_, &value_item);
    return cursor_->insert(cursor_);
  }

  // Commits what `work` did unless it returns an error; leaves the cursor nowhere.
  template <class Work>
  int Within(Work work) {
    int code = session_->begin_transaction(session_, nullptr);
    if (code != 0) return code;
    code = work();
    cursor_->reset(cursor_);
    if (code == 0) return session_->commit_transaction(session_, nullptr);
    session_->rollback_transaction(session_, nullptr);
    return code;
  }

  template <class Work>
  static absl::Status UntilNoConflict(Work work) {
    int code = WT_ROLLBACK;
    while (code == WT_ROLLBACK) code = work();
    return ToStatus(code);
  }

  WT_SESSION* session_ = nullptr;
  WT_CURSOR* cursor_ = nullptr;
  std::string current_;
  std::string next_;
};

class WiredtigerStore : public Store {
 public:
  explicit WiredtigerStore(const StoreSettings& settings) : settings_(settings) {}
  ~WiredtigerStore() override {
    if (connection_ != nullptr) connection_->close(connection_, nullptr);
  }

  absl::Status Open() {
    MORAINE_RETURN_IF_ERROR(ToStatus(wiredtiger_open(settings_.directory.c_str(), nullptr,
                                                     ConnectionConfig().c_str(), &connection_)));
    WT_SESSION* session = nullptr;
    MORAINE_RETURN_IF_ERROR(
        ToStatus(connection_->open_session(connection_, nullptr, nullptr, &session)));
    const int code = session->create(session, kTable, TableConfig());  // fine when it is there
    session->close(session, nullptr);
    return ToStatus(code);
  }

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    auto session = std::make_unique<WiredtigerSession>();
    MORAINE_RETURN_IF_ERROR(session->Begin(connection_));
    return session;
  }

  bool has_transactions() const override { return true; }
  // What earlier writes owe is the next checkpoint.
  absl::Status Settle() override {
    WT_SESSION* session = nullptr;
    MORAINE_RETURN_IF_ERROR(
        ToStatus(connection_->open_session(connection_, nullptr, nullptr, &session)));
    const int code = session->checkpoint(session, nullptr);
    session->close(session, nullptr);
    return ToStatus(code);
  }

  absl::StatusOr<StoreCounters> Counters() override { return StoreCounters(); }

  absl::Status Close() override {
    WT_CONNECTION* const connection = std::exchange(connection_, nullptr);
    return ToStatus(connection->close(connection, nullptr));
  }

  std::string Description() const override {
    return "wiredtiger " + std::to_string(WIREDTIGER_VERSION_MAJOR) + "." +
           std::to_string(WIREDTIGER_VERSION_MINOR) + "." +
           std::to_string(WIREDTIGER_VERSION_PATCH) + " " + ConnectionConfig() + " " +
           TableConfig();
  }

 private:
  std::string ConnectionConfig() const {
    return "create,session_max=1100,cache_size=" + std::to_string(settings_.cache_bytes) +
           ",log=(enabled=true),checkpoint=(wait=30),transaction_sync=(enabled=" +
           (settings_.synced ? "true,method=fsync" : "false") + ")";
  }
  static const char* TableConfig() { return "key_format=u,value_format=u,leaf_page_max=8KB"; }

  const StoreSettings settings_;
  WT_CONNECTION* connection_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenWiredtiger(const StoreSettings& settings) {
  auto store = std::make_unique<WiredtigerStore>(settings);
  MORAINE_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace moraine::bench
