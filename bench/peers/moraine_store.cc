// The adapter for moraine's own engine.
#include "bench/peers/moraine_store.h"

#include <optional>
#include <utility>
#include <vector>

#include "storage/base/status_macros.h"
#include "storage/engine.h"
#include "txn/transact.h"

namespace moraine::bench {
namespace {

class MoraineView : public TransactionView {
 public:
  MoraineView(Transaction* transaction, Tree* tree) : transaction_(transaction), tree_(tree) {}

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    return transaction_->Get(*tree_, key,
                             [value](std::string_view found) { value->assign(found); });
  }
  absl::Status Put(std::string_view key, std::string_view value) override {
    return transaction_->Put(*tree_, key, value);
  }
  absl::Status Delete(std::string_view key) override { return transaction_->Delete(*tree_, key); }
  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> at,
                             transaction_->NewCursor(*tree_, {std::string(from), std::nullopt}));
    MORAINE_RETURN_IF_ERROR(at->SeekToFirst());
    while (at->Valid() && visit(at->key(), at->value())) MORAINE_RETURN_IF_ERROR(at->Next());
    return absl::OkStatus();
  }

 private:
  Transaction* const transaction_;
  Tree* const tree_;
};

class MoraineSession : public Session {
 public:
  MoraineSession(Engine* engine, Tree* tree, Durability durability)
      : engine_(engine), tree_(tree), durability_(durability) {}

  absl::StatusOr<bool> Get(std::string_view key, std::string* value) override {
    return engine_->Get(*tree_, key, nullptr,
                        [value](std::string_view found) { value->assign(found); });
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return engine_->Write({WriteKind::kPut, tree_, key, value}, durability_).status();
  }

  absl::Status PutMany(std::span<const KeyValue> records) override {
    batch_.clear();
    for (const KeyValue& record : records) {
      batch_.push_back({WriteKind::kPut, tree_, record.key, record.value});
    }
    return engine_->Apply(batch_, durability_).status();
  }

  absl::StatusOr<bool> Update(std::string_view key, ConditionalUpdate update) override {
    auto decide = [&update](std::optional<std::string_view> current) {
      UpdateDecision decision;
      if (current.has_value() && update(*current, &decision.value)) {
        decision.action = UpdateDecision::Action::kPut;
      }
      return decision;
    };
    MORAINE_ASSIGN_OR_RETURN(const std::optional<Lsn> position,
                             engine_->Update(*tree_, key, decide, durability_));
    return position.has_value();
  }

  absl::Status InTransaction(TransactionMode mode, TransactionBody body) override {
    TransactionOptions options;
    if (mode == TransactionMode::kReadOnly) options.isolation = Isolation::kReadOnly;
    bool again = false;
    auto run = [&](Transaction& transaction) -> absl::Status {
      if (again) CountRetry();
      again = true;
      MoraineView view(&transaction, tree_);
      return body(view);
    };
    RetryOptions retry;
    retry.most_tries = 1'000'000;
    return Transact(*engine_, options, retry, {}, durability_, run).status();
  }

  absl::Status Scan(std::string_view from, ScanVisitor visit) override {
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> at, engine_->NewCursor(*tree_, nullptr));
    MORAINE_RETURN_IF_ERROR(at->Seek(from));
    while (at->Valid() && visit(at->key(), at->value())) MORAINE_RETURN_IF_ERROR(at->Next());
    return absl::OkStatus();
  }

 private:
  Engine* const engine_;
  Tree* const tree_;
  const Durability durability_;
  std::vector<WriteOperation> batch_;
};

class MoraineStore : public Store {
 public:
  explicit MoraineStore(const StoreSettings& settings) : settings_(settings) {}

  absl::Status Open() {
    options_.create_if_missing = true;
    options_.memory_bytes = settings_.cache_bytes;
    options_.checkpoint_on_close = false;  // closing is not measured
    MORAINE_ASSIGN_OR_RETURN(engine_, Engine::Open(settings_.directory, options_));
    absl::StatusOr<Tree*> tree = engine_->OpenTree("bench");
    if (absl::IsNotFound(tree.status())) tree = engine_->CreateTree("bench", TreeOptions());
    MORAINE_RETURN_IF_ERROR(tree.status());
    tree_ = *tree;
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Session>> NewSession() override {
    const Durability durability = settings_.synced ? Durability::kSync : Durability::kNone;
    return std::make_unique<MoraineSession>(engine_.get(), tree_, durability);
  }

  absl::Status Settle() override { return engine_->Flush(); }
  bool has_transactions() const override { return true; }

  absl::StatusOr<StoreCounters> Counters() override {
    MORAINE_ASSIGN_OR_RETURN(const EngineStats stats, engine_->Stats());
    StoreCounters counters;
    counters.submissions = stats.log_device_writes + stats.log_device_syncs;
    return counters;
  }

  absl::Status Close() override {
    absl::Status status = engine_->Close();
    engine_.reset();
    return status;
  }

  std::string Description() const override {
    return "moraine leaf=" + std::to_string(options_.leaf_bytes) +
           " ring=" + std::to_string(options_.log_ring_bytes) +
           " segment=" + std::to_string(options_.log_segment_bytes) +
           " memory=" + std::to_string(settings_.cache_bytes) +
           " synced=" + std::to_string(settings_.synced);
  }

 private:
  const StoreSettings settings_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenMoraine(const StoreSettings& settings) {
  auto store = std::make_unique<MoraineStore>(settings);
  MORAINE_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace moraine::bench
