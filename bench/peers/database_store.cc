// The adapter over <moraine/database.h>. Its names live in moraine::v1, beside the engine's own.
#include "bench/peers/database_store.h"

#include <utility>

#include "storage/base/status_macros.h"
#include <moraine/database.h>

namespace moraine::bench {
namespace {

using v1::Database;
using v1::Durability;
using v1::Tree;
using v1::Value;

class DatabaseSession : public Session {
 public:
  DatabaseSession(Database* database, const Tree& tree, Durability durability)
      : database_(database), tree_(tree), durability_(durability) {}

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    return database_->Get(tree_, key, value);
  }

  absl::Status MultiGet(std::span<const std::string_view> keys,
                        std::vector<std::optional<std::string>>* values) override {
    using Found = std::vector<std::optional<Value>>;
    MORAINE_ASSIGN_OR_RETURN(const Found found, database_->MultiGet(tree_, keys));
    values->resize(found.size());
    for (size_t index = 0; index < found.size(); ++index) {
      std::optional<std::string>& value = (*values)[index];
      if (!found[index].has_value()) {
        value.reset();
        continue;
      }
      if (!value.has_value()) value.emplace();
      value->assign(found[index]->view());
    }
    return absl::OkStatus();
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return database_->Put(tree_, key, value, durability_);
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    v1::Batch batch;
    for (const KeyValue& record : records) batch.Put(tree_, record.key, record.value);
    return database_->Apply(batch, durability_);
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    bool written = false;
    auto next_value = [&](std::optional<std::string_view> current) -> std::optional<std::string> {
      written = current.has_value() && update(*current, &next_);
      if (written) return next_;
      if (!current.has_value()) return std::nullopt;
      return std::string(*current);
    };
    MORAINE_RETURN_IF_ERROR(
        database_->FetchAndUpdate(tree_, key, next_value, durability_).status());
    return written;
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    v1::Scan scan = database_->Scan(tree_, v1::Between(v1::Including(from), v1::Unbounded()));
    for (const auto& [key, value] : scan) {
      if (!visit(key, value)) return absl::OkStatus();
    }
    return scan.status();
  }

 private:
  Database* const database_;
  const Tree tree_;
  const Durability durability_;
  std::string next_;
};

class DatabaseStore : public Store {
 public:
  explicit DatabaseStore(const StoreSettings& settings) : settings_(settings) {}

  absl::Status Open() {
    v1::Options options;
    options.create_if_missing = true;
    options.memory_bytes = BudgetBytes();
    MORAINE_ASSIGN_OR_RETURN(database_, Database::Open(settings_.directory, options));
    MORAINE_ASSIGN_OR_RETURN(tree_, database_->OpenTree("bench", {.create_if_missing = true}));
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    return std::make_unique<DatabaseSession>(database_.get(), tree_, WriteDurability());
  }

  absl::Status Settle() override {
    return settings_.cold ? database_->Checkpoint() : database_->Flush();
  }

  // Stats counts every record, which would be measured.
  absl::StatusOr<StoreCounters> Counters() override { return StoreCounters(); }

  absl::Status Close() override {
    absl::Status status = database_->Close();
    database_.reset();
    return status;
  }

  std::string Description() const override {
    return "moraine database memory=" + std::to_string(BudgetBytes()) +
           " synced=" + std::to_string(settings_.synced);
  }

 private:
  uint64_t BudgetBytes() const {
    return settings_.budget_bytes > 0 ? settings_.budget_bytes : settings_.cache_bytes;
  }
  Durability WriteDurability() const {
    return settings_.synced ? Durability::kSync : Durability::kNone;
  }

  const StoreSettings settings_;
  std::unique_ptr<Database> database_;
  Tree tree_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenDatabase(const StoreSettings& settings) {
  auto store = std::make_unique<DatabaseStore>(settings);
  MORAINE_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace moraine::bench
