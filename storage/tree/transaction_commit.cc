// Install all, reserve, validate, flip one word, stamp.
#include "storage/tree/transaction_commit.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/tree/log_pins.h"

namespace moraine {
namespace {

// What is asked for when an attempt ran out of memory.
constexpr uint64_t kRoomForVersions = uint64_t{1} << 16;

}  // namespace

absl::Status TransactionCommit::CheckOperators(std::span<const TreeWrite> writes) {
  for (const TreeWrite& write : writes) {
    if (write.kind == VersionKind::kMerge && write.tree->merge_operator() == nullptr) {
      return absl::FailedPreconditionError(
          "the tree has no merge operator; name one when creating it");
    }
  }
  return absl::OkStatus();
}

// Sorted by tree and key; of several writes to one key only those stay that the last put or delete
// does not cover.
void TransactionCommit::Order(std::span<const TreeWrite> writes) {
  std::vector<TreeWrite> sorted(writes.begin(), writes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const TreeWrite& a, const TreeWrite& b) {
    return a.tree->id() != b.tree->id() ? a.tree->id() < b.tree->id() : a.key < b.key;
  });
  for (size_t begin = 0; begin < sorted.size();) {
    size_t end = begin;
    size_t first_needed = begin;
    while (end < sorted.size() && sorted[end].tree == sorted[begin].tree &&
           sorted[end].key == sorted[begin].key) {
      if (sorted[end].kind != VersionKind::kMerge) first_needed = end;
      ++end;
    }
    writes_.insert(writes_.end(), sorted.begin() + static_cast<ptrdiff_t>(first_needed),
                   sorted.begin() + static_cast<ptrdiff_t>(end));
    begin = end;
  }
}

std::string TransactionCommit::Payload() const {
  std::string payload;
  for (const TreeWrite& write : writes_) {
    std::string_view value = write.kind == VersionKind::kDelete ? std::string_view() : write.value;
    AppendOperation({write.kind, write.tree->id(), write.key, value}, &payload);
  }
  return payload;
}

// All pages of one tree in one submission.
absl::Status TransactionCommit::LoadMissing() {
  std::stable_sort(missing_.begin(), missing_.end(),
                   [](const MissingPage& a, const MissingPage& b) { return a.tree < b.tree; });
  std::vector<PageId> pages;
  for (size_t i = 0; i < missing_.size(); ++i) {
    pages.push_back(missing_[i].page);
    if (i + 1 < missing_.size() && missing_[i + 1].tree == missing_[i].tree) continue;
    MORAINE_RETURN_IF_ERROR(missing_[i].tree->LoadPages(pages));
    pages.clear();
  }
  missing_.clear();
  return absl::OkStatus();
}

absl::StatusOr<CommitPosition> TransactionCommit::Run(const CommitRequest& request,
                                                      ReadConflict* conflict) {
  MORAINE_RETURN_IF_ERROR(CheckOperators(request.writes));
  Order(request.writes);
  reads_ = request.reads;
  read_ts_ = request.read_ts;
  TreeThread& thread = environment_.Local();
  Log& log = *environment_.log;
  std::string payload = Payload();
  std::optional<LogPins::Pin> pin;
  if (payload.size() > MostInlinePayload(log)) pin.emplace(environment_.pins, log);
  MORAINE_ASSIGN_OR_RETURN(RecordBody body, PrepareBody(log, thread.credit, std::move(payload)));
  uint64_t priority = request.priority != 0 ? request.priority : log.Tail().value();
  uint64_t admitted_bytes = uint64_t{kReserveTries} * body.payload_bytes();
  for (Backoff<> backoff;; backoff.Wait()) {
    MORAINE_RETURN_IF_ERROR(log.Admit(thread.credit, admitted_bytes, kReserveTries));
    void* memory = thread.heap().Allocate(sizeof(StatusObject), ChargeKind::kReserve);
    if (memory == nullptr) {
      MORAINE_RETURN_IF_ERROR(AfterFailure(Step::kNoMemory));
      continue;
    }
    StatusObject* status =
        new (memory) StatusObject(priority, reinterpret_cast<uintptr_t>(&thread));
    CommitPosition position;
    Step step = TryOnce(thread, status, body, &position);
    if (step == Step::kDone) return position;
    if (step == Step::kConflict && conflict != nullptr) *conflict = std::move(conflict_);
    MORAINE_RETURN_IF_ERROR(AfterFailure(step));
  }
}

// OK: try again. Garbage of other threads may be what fills the budget, so it is waited for once.
absl::Status TransactionCommit::AfterFailure(Step step) {
  if (step == Step::kDropped) return absl::NotFoundError("a tree of the transaction was dropped");
  if (step == Step::kConflict)
    return absl::AbortedError("something that was read has changed meanwhile");
  if (step == Step::kNeedsLoad) return LoadMissing();
  if (step != Step::kNoMemory) return absl::OkStatus();
  if (environment_.service != nullptr) return environment_.service->MakeRoom(kRoomForVersions);
  if (std::exchange(reclaimed_, true)) {
    return absl::ResourceExhaustedError(
        "the memory budget is used up; delete keys or raise memory_bytes");
  }
  environment_.heap->WaitForGuards();
  environment_.heap->DrainLocal();
  return absl::OkStatus();
}

TransactionCommit::Step TransactionCommit::TryOnce(TreeThread& thread, StatusObject* status,
                                                   const RecordBody& body,
                                                   CommitPosition* position) {
  installed_.clear();
  missing_.clear();
  Step step = InstallAll(thread, status);
  if (step == Step::kDone) step = Commit(thread, status, body, position);
  if (step != Step::kDone) {
    Abort(status->word);
    EpochGuard guard(thread.heap());
    StampAll(thread, status);
  }
  return step;
}

TransactionCommit::Step TransactionCommit::InstallAll(TreeThread& thread, StatusObject* status) {
  for (const TreeWrite& write : writes_) {
    Step step = InstallOne(thread, status, write);
    if (step != Step::kDone) return step;
  }
  return Step::kDone;
}

TransactionCommit::Step TransactionCommit::InstallOne(TreeThread& thread, StatusObject* status,
                                                      const TreeWrite& write) {
  EpochGuard guard(thread.heap());
  if (write.tree->dropped()) return Step::kDropped;
  Tree::Installation installation;
  installation.kind = write.kind;
  installation.key = write.key;
  installation.value = write.value;
  installation.word = TsWord::Owned(status);
  installation.self = status;
  for (;;) {
    Tree::InstallResult result = write.tree->Install(thread, &installation);
    if (result == Tree::InstallResult::kInstalled) break;
    bool blocked = result == Tree::InstallResult::kBlocked;
    if (blocked && GiveWay(thread, installation.blocker, status)) continue;
    if (installation.version != nullptr) {
      thread.heap().Free(installation.version, installation.version->allocation_bytes());
    }
    if (result == Tree::InstallResult::kNeedsLoad) {
      missing_.push_back({write.tree, installation.missing});
      return Step::kNeedsLoad;
    }
    return blocked ? Step::kRetry : Step::kNoMemory;
  }
  installed_.push_back(installation.version);
  status->CountStep();
  return Step::kDone;
}

// Deals with an undecided version in the way. True: look again; false: this attempt is over.
bool TransactionCommit::GiveWay(TreeThread& thread, Version* blocker, StatusObject* status) {
  for (Backoff<> backoff; !backoff.Exhausted(); backoff.Wait()) {
    // A wounded transaction wounds nobody.
    if (LoadWord(status->word).terminal()) return false;
    TsWord word = LoadWord(blocker->ts);
    if (word.terminal()) return true;
    if (word.state() != TsWord::State::kOwned) continue;  // a single write: nearly done
    StatusObject* other = word.owner();
    if (LoadWord(other->word).terminal()) return true;
    if (status->OlderThan(*other)) {
      Abort(other->word);
      return true;
    }
  }
  TsWord word = LoadWord(blocker->ts);
  if (word.state() == TsWord::State::kPending) {
    Abort(blocker->ts);
    return true;
  }
  if (word.terminal()) return true;
  // An older one is let through, unless it has stopped.
  if (LoadWord(status->word).terminal() || !thread.stall_watch.HasStalled(*blocker)) return false;
  StallWatch::EndAttempt(*blocker);
  return true;
}

TransactionCommit::Step TransactionCommit::Commit(TreeThread& thread, StatusObject* status,
                                                  const RecordBody& body,
                                                  CommitPosition* position) {
  Log& log = *environment_.log;
  for (uint32_t attempt = 1;; ++attempt) {
    if (attempt == kReserveTries) ForbidPush(status->word);
    LogSlot slot = log.Reserve(thread.credit, body.payload_bytes());
    body.CopyTo(slot.payload);
    Step step = Validate(thread, status, slot.lsn.value());
    EpochGuard guard(thread.heap());
    FlipResult result = FlipResult::kAborted;
    if (step == Step::kDone) result = Flip(status->word, slot.lsn.value());
    if (result == FlipResult::kCommitted) {
      log.Publish(slot, body.type(), body.checksum());
      StampAll(thread, status);
      *position = {slot.lsn, slot.end()};
      return Step::kDone;
    }
    log.Publish(slot, RecordType::kVoid, 0);
    if (step != Step::kDone) return step;
    if (result == FlipResult::kAborted) return Step::kRetry;
    MORAINE_CHECK(attempt < kReserveTries);  // no push succeeds after ForbidPush
  }
}

TransactionCommit::Step TransactionCommit::Validate(TreeThread& thread, StatusObject* status,
                                                    uint64_t position) {
  Examiner examiner{read_ts_, position, status};
  for (size_t index = 0; index < reads_.size(); ++index) {
    Step step = ValidateItem(thread, index, examiner, status);
    // The other items may miss pages too: one submission for all.
    if (step != Step::kDone && step != Step::kNeedsLoad) return step;
  }
  return missing_.empty() ? Step::kDone : Step::kNeedsLoad;
}

// Leaf by leaf, each under a guard of its own. Leaves are found by key, so splits on the way do no
// harm: where one leaf ended, the next examination begins.
TransactionCommit::Step TransactionCommit::ValidateItem(TreeThread& thread, size_t index,
                                                        const Examiner& examiner,
                                                        StatusObject* status) {
  const ReadItem& item = reads_[index];
  std::string next;
  std::string_view from = item.low;
  for (;;) {
    EpochGuard guard(thread.heap());
    if (item.tree->dropped()) return Step::kDropped;
    Examination seen = item.tree->Examine(item, from, examiner);
    if (status != nullptr) status->CountStep();
    switch (seen.finding) {
      case Examination::Finding::kNewer:
        conflict_ = {index, std::move(seen.key), seen.ts};
        return Step::kConflict;
      case Examination::Finding::kUndecided:
        if (!GiveWay(thread, seen.version, status)) return Step::kRetry;
        break;
      case Examination::Finding::kMissing:
        missing_.push_back({item.tree, seen.missing});
        return Step::kNeedsLoad;
      case Examination::Finding::kClear:
        if (!seen.more) return Step::kDone;
        next = std::move(seen.next);
        from = next;
        break;
    }
  }
}

absl::StatusOr<bool> TransactionCommit::AlreadyChanged(const TreeEnvironment& environment,
                                                       std::span<const ReadItem> reads,
                                                       uint64_t read_ts, ReadConflict* conflict) {
  TransactionCommit looker(environment);
  looker.reads_ = reads;
  looker.read_ts_ = read_ts;
  Step step = looker.Validate(environment.Local(), nullptr, 0);
  while (step == Step::kNeedsLoad) {
    MORAINE_RETURN_IF_ERROR(looker.LoadMissing());
    step = looker.Validate(environment.Local(), nullptr, 0);
  }
  if (step == Step::kDropped) return looker.AfterFailure(step);
  if (step == Step::kConflict && conflict != nullptr) *conflict = std::move(looker.conflict_);
  return step == Step::kConflict;
}

// Every version gets the outcome, then nobody asks the status object any more. Inside a guard. The
// versions of a dropped tree may be gone, and nobody comes to see them.
void TransactionCommit::StampAll(TreeThread& thread, StatusObject* status) {
  TsWord outcome = LoadWord(status->word);
  for (size_t i = 0; i < installed_.size(); ++i) {
    if (!writes_[i].tree->dropped()) Stamp(*installed_[i], outcome);
  }
  thread.heap().Retire(status, sizeof(StatusObject));
}

absl::StatusOr<CommitPosition> Tree::WriteLarge(TreeThread&, VersionKind kind, std::string_view key,
                                                std::string_view value) {
  TreeWrite write{this, kind, key, value};
  return TransactionCommit(environment_).Run({.writes = std::span(&write, 1)});
}

}  // namespace moraine
