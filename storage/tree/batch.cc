// Install all, reserve once, flip one word, stamp.
#include "storage/tree/batch.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/tree/log_pins.h"

namespace moraine {

// Sorted by tree and key; of several writes to one key only those stay that the last put or delete
// does not cover.
void BatchWriter::Order(std::span<const TreeWrite> writes) {
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

std::string BatchWriter::Payload() const {
  std::string payload;
  for (const TreeWrite& write : writes_) {
    std::string_view value = write.kind == VersionKind::kDelete ? std::string_view() : write.value;
    AppendOperation({write.kind, write.tree->id(), write.key, value}, &payload);
  }
  return payload;
}

absl::StatusOr<CommitPosition> BatchWriter::Write(std::span<const TreeWrite> writes) {
  for (const TreeWrite& write : writes) {
    if (write.kind == VersionKind::kMerge && write.tree->merge_operator() == nullptr) {
      return absl::FailedPreconditionError(
          "the tree has no merge operator; name one when creating it");
    }
  }
  Order(writes);
  TreeThread& thread = environment_.Local();
  Log& log = *environment_.log;
  std::string payload = Payload();
  std::optional<LogPins::Pin> pin;
  if (payload.size() > MostInlinePayload(log)) pin.emplace(environment_.pins, log);
  MORAINE_ASSIGN_OR_RETURN(RecordBody body, PrepareBody(log, thread.credit, std::move(payload)));
  uint64_t priority = log.Tail().value();
  uint64_t admitted_bytes = uint64_t{kReserveTries} * body.payload_bytes();
  bool reclaimed = false;
  for (Backoff<> backoff;; backoff.Wait()) {
    MORAINE_RETURN_IF_ERROR(log.Admit(thread.credit, admitted_bytes, kReserveTries));
    void* memory = thread.heap().Allocate(sizeof(StatusObject), ChargeKind::kReserve);
    if (memory == nullptr)
      return absl::ResourceExhaustedError("the memory budget is used up; raise memory_bytes");
    StatusObject* status =
        new (memory) StatusObject(priority, reinterpret_cast<uintptr_t>(&thread));
    CommitPosition position;
    switch (TryOnce(thread, status, body, &position)) {
      case Attempt::kCommitted:
        return position;
      case Attempt::kRetry:
        break;
      case Attempt::kNoMemory:
        if (std::exchange(reclaimed, true)) {
          return absl::ResourceExhaustedError(
              "the memory budget is used up; delete keys or raise memory_bytes");
        }
        environment_.heap->WaitForGuards();
        environment_.heap->DrainLocal();
        break;
      case Attempt::kDropped:
        return absl::NotFoundError("a tree of the batch was dropped");
    }
  }
}

BatchWriter::Attempt BatchWriter::TryOnce(TreeThread& thread, StatusObject* status,
                                          const RecordBody& body, CommitPosition* position) {
  EpochGuard guard(thread.heap());
  installed_.clear();
  Attempt result = InstallAll(thread, status);
  if (result == Attempt::kCommitted && !Commit(thread, status, body, position))
    result = Attempt::kRetry;
  if (result != Attempt::kCommitted) Abort(status->word);
  // Every version gets the outcome, then nobody asks the status object any more.
  TsWord outcome = LoadWord(status->word);
  for (Version* version : installed_) Stamp(*version, outcome);
  thread.heap().Retire(status, sizeof(StatusObject));
  return result;
}

// kCommitted stands for "all installed" here.
BatchWriter::Attempt BatchWriter::InstallAll(TreeThread& thread, StatusObject* status) {
  for (const TreeWrite& write : writes_) {
    if (write.tree->dropped()) return Attempt::kDropped;
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
      if (blocked && GiveWay(installation.blocker, status)) continue;
      if (installation.version != nullptr) {
        thread.heap().Free(installation.version, installation.version->allocation_bytes());
      }
      return blocked ? Attempt::kRetry : Attempt::kNoMemory;
    }
    installed_.push_back(installation.version);
  }
  return Attempt::kCommitted;
}

// Deals with an undecided version in the way. True: try again; false: this attempt is over.
bool BatchWriter::GiveWay(Version* blocker, StatusObject* status) {
  for (Backoff<> backoff; !backoff.Exhausted(); backoff.Wait()) {
    // A wounded batch wounds nobody.
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
  return word.terminal();
}

bool BatchWriter::Commit(TreeThread& thread, StatusObject* status, const RecordBody& body,
                         CommitPosition* position) {
  Log& log = *environment_.log;
  for (uint32_t attempt = 1;; ++attempt) {
    if (attempt == kReserveTries) ForbidPush(status->word);
    LogSlot slot = log.Reserve(thread.credit, body.payload_bytes());
    body.CopyTo(slot.payload);
    FlipResult result = Flip(status->word, slot.lsn.value());
    if (result == FlipResult::kCommitted) {
      log.Publish(slot, body.type(), body.checksum());
      *position = {slot.lsn, slot.end()};
      return true;
    }
    log.Publish(slot, RecordType::kVoid, 0);
    if (result == FlipResult::kAborted) return false;
    MORAINE_CHECK(attempt < kReserveTries);  // no push succeeds after ForbidPush
  }
}

absl::StatusOr<CommitPosition> Tree::WriteLarge(TreeThread&, VersionKind kind, std::string_view key,
                                                std::string_view value) {
  TreeWrite write{this, kind, key, value};
  return BatchWriter(environment_).Write(std::span(&write, 1));
}

}  // namespace moraine
