// Single writes: install, reserve, flip, publish (architecture.md 4.2, 4.3).
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/tree/tree.h"

namespace moraine {
namespace {

// The log space an update asks for before it knows what it will write.
constexpr uint64_t kFirstUpdateBytes = 1024;
// What a version takes beside its key and value, at most.
constexpr uint64_t kVersionOverheadBytes = sizeof(Version) + 16 + Delta::Bytes(kDeltaSlots);
// A writer helps to keep memory below its limit once in so many writes.
constexpr uint32_t kWritesPerAssist = 32;

absl::Status NoMemory() {
  return absl::ResourceExhaustedError(
      "the memory budget is used up; delete keys or raise memory_bytes");
}

// The newest version of `key` in the deltas that is not settled and not `self`'s own.
Version* FindUndecided(const PageImage& image, std::string_view key, uint8_t fingerprint,
                       const StatusObject* self) {
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    uint64_t matches = MatchFingerprints(delta->fingerprints, fingerprint, delta->count);
    for (; matches != 0; matches &= matches - 1) {
      Version* version = delta->versions[__builtin_ctzll(matches) / 8];
      if (version->key() != key) continue;
      TsWord word = LoadWord(version->ts);
      if (word.state() == TsWord::State::kOwned && word.owner() == self) return nullptr;
      Outcome outcome = OutcomeOf(*version);
      if (outcome.state == Outcome::State::kUndecided) return version;
      if (outcome.state == Outcome::State::kCommitted)
        return nullptr;  // older ones are settled [V4]
    }
  }
  return nullptr;
}

}  // namespace

Version* Tree::MakeVersion(TreeThread& thread, const Installation& installation,
                           uint32_t delta_slots) {
  size_t key_bytes = installation.key.size();
  size_t value_bytes = installation.kind == VersionKind::kDelete ? 0 : installation.value.size();
  size_t bytes = Version::DeltaOffset(key_bytes, value_bytes) + Delta::Bytes(delta_slots);
  ChargeKind charge =
      installation.kind == VersionKind::kDelete ? ChargeKind::kReserve : ChargeKind::kOrdinary;
  void* memory = thread.heap().Allocate(bytes, charge);
  if (memory == nullptr) return nullptr;
  Version* version = new (memory) Version;
  // order: relaxed: published by the page word
  version->ts.store(installation.word.bits(), std::memory_order_relaxed);
  version->value_bytes = static_cast<uint32_t>(value_bytes);
  version->key_bytes = static_cast<uint16_t>(key_bytes);
  version->kind = installation.kind;
  version->fingerprint = installation.fingerprint;
  version->delta_capacity = static_cast<uint8_t>(delta_slots);
  char* at = PutBytes(reinterpret_cast<char*>(version + 1), installation.key);
  if (value_bytes > 0) PutBytes(at, installation.value);
  return version;
}

// Fills the delta that follows `version` in its allocation: `version` on top of what `image` has.
const Delta* Tree::MakeDelta(TreeThread&, Version* version, const PageImage& image) {
  char* at = reinterpret_cast<char*>(version) +
             Version::DeltaOffset(version->key_bytes, version->value_bytes);
  Delta* delta = new (at) Delta;
  const Delta* old = image.delta;
  uint32_t carried = old != nullptr && old->count < kDeltaSlots ? old->count : 0;
  delta->base = image.base;
  delta->run = image.run;
  delta->next = old == nullptr ? nullptr : (carried == old->count ? old->next : old);
  delta->fingerprints = version->fingerprint;
  delta->high_head = image.high_head();
  if (carried > 0) delta->fingerprints |= old->fingerprints << 8;
  delta->count = static_cast<uint8_t>(carried + 1);
  delta->embedded = 1;
  delta->chain_depth =
      static_cast<uint16_t>(old == nullptr ? 1 : std::min(old->chain_depth + 1, 0xffff));
  delta->versions[0] = version;
  for (uint32_t i = 0; i < carried; ++i) delta->versions[i + 1] = old->versions[i];
  return delta;
}

// Evaluates the update against the value that the page word in hand shows. False: keep.
bool Tree::Decide(const PageImage& image, Installation* installation) {
  UpdateDecision decision;
  LookupResult result = Lookup(image, installation->key, ReadPoint(), [&](std::string_view value) {
    decision = (*installation->update)(value);
  });
  if (result != LookupResult::kFound) decision = (*installation->update)(std::nullopt);
  if (decision.action == UpdateDecision::Action::kKeep) return false;
  bool put = decision.action == UpdateDecision::Action::kPut;
  installation->kind = put ? VersionKind::kPut : VersionKind::kDelete;
  installation->decided_value = put ? std::move(decision.value) : std::string();
  installation->value = installation->decided_value;
  return true;
}

// What a leaf that is not resident means for an installation: whether it may go on blindly.
bool Tree::MayInstallBlind(const Leaf& leaf, const Installation& installation) const {
  bool out = leaf.word.state() == PageState::kEvicted || leaf.word.state() == PageState::kPartial;
  return !leaf.inner && leaf.parent != kNoPage && out && installation.update == nullptr;
}

// Recovery replays from one position on; what a resident page holds may be newer.
bool Tree::ReplayedAlready(const Leaf& leaf, const Installation& installation) const {
  return installation.word.committed() && leaf.word.resident() &&
         installation.word.ts() < CoversOf(leaf.page, PageImage::Of(leaf.word));
}

Tree::InstallResult Tree::Install(TreeThread& thread, Installation* installation) {
  uint8_t fingerprint = installation->fingerprint = FingerprintOf(installation->key);
  Version*& version = installation->version;
  PageTable& table = *environment_.table;
  auto discard = [&] {
    if (version != nullptr) thread.heap().Free(version, version->allocation_bytes());
    version = nullptr;
  };
  for (;;) {
    Leaf leaf = FindLeaf(installation->key,
                         installation->update != nullptr ? Purpose::kSearch : Purpose::kInstall);
    bool resident = leaf.word.resident();
    if (!resident && !MayInstallBlind(leaf, *installation)) {
      installation->missing = leaf.page;
      return InstallResult::kNeedsLoad;
    }
    if (ReplayedAlready(leaf, *installation)) {
      discard();
      return InstallResult::kKept;
    }
    PageImage image = PageImage::Of(leaf.word);
    if (image.delta != nullptr && image.delta->count == kDeltaSlots) {
      if (Consolidate(thread, leaf.page, leaf.word, false)) continue;
    }
    installation->blocker =
        FindUndecided(image, installation->key, fingerprint, installation->self);
    if (installation->blocker != nullptr) return InstallResult::kBlocked;
    if (installation->update != nullptr) {
      table.Touch(leaf.page);
      discard();
      if (!Decide(image, installation)) return InstallResult::kKept;
      if (installation->value.size() > installation->most_value_bytes)
        return InstallResult::kTooLarge;
    }
    uint32_t carried =
        image.delta != nullptr && image.delta->count < kDeltaSlots ? image.delta->count : 0;
    if (version != nullptr && version->delta_capacity < carried + 1) discard();
    if (version == nullptr) version = MakeVersion(thread, *installation, carried + 1);
    if (version == nullptr) return InstallResult::kNoMemory;
    const Delta* delta = MakeDelta(thread, version, image);
    // Without a fence in memory only the parent can tell that the key belongs here: unchanged since
    // before the page's word was read, it knows every split of a page that has left memory.
    if (!resident && table.Load(leaf.parent) != leaf.parent_word) continue;
    PageState state = resident ? PageState::kStack : PageState::kPartial;
    if (!table.CompareAndSwap(leaf.page, leaf.word, MemWord::Of(state, delta))) continue;
    if (image.empty()) Admit(leaf.page);
    // A delta that was not part of a version and whose versions were taken over is garbage now.
    if (image.delta != nullptr && delta->next != image.delta && image.delta->embedded == 0) {
      thread.heap().Retire(const_cast<Delta*>(image.delta), Delta::Bytes(image.delta->count));
    }
    return InstallResult::kInstalled;
  }
}

// Reserves a position and makes the version take effect there; nullopt: a batch aborted it
// meanwhile. Readers that need an earlier decision may push it on three times, then no more.
template <class Record>
std::optional<CommitPosition> Tree::Commit(TreeThread& thread, Version* version,
                                           const Record& record) {
  Log& log = *environment_.log;
  for (uint32_t attempt = 1;; ++attempt) {
    if (attempt == kReserveTries) ForbidPush(version->ts);
    LogSlot slot = log.Reserve(thread.credit, record.payload_bytes());
    record.CopyTo(slot.payload);
    FlipResult result = Flip(version->ts, slot.lsn.value());
    if (result == FlipResult::kCommitted) {
      log.Publish(slot, record.type(), record.checksum());
      return CommitPosition{slot.lsn, slot.end()};
    }
    log.Publish(slot, RecordType::kVoid, 0);
    if (result == FlipResult::kAborted) return std::nullopt;
    MORAINE_CHECK(attempt < kReserveTries);  // no push succeeds after ForbidPush
  }
}

// One try at a single write, within one guard. A version that was made and not installed is freed.
template <class MakeRecord>
Tree::InstallResult Tree::TryWrite(TreeThread& thread, Installation* installation,
                                   MakeRecord make_record, CommitPosition* position) {
  EpochGuard guard(thread.heap());
  if (dropped()) return InstallResult::kDropped;
  InstallResult result = Install(thread, installation);
  Version* version = std::exchange(installation->version, nullptr);
  if (result != InstallResult::kInstalled) {
    if (version != nullptr) thread.heap().Free(version, version->allocation_bytes());
    // A single write wounds nobody, except who has stopped.
    if (result == InstallResult::kBlocked && thread.stall_watch.HasStalled(*installation->blocker))
      StallWatch::EndAttempt(*installation->blocker);
    return result;
  }
  std::optional<CommitPosition> committed = Commit(thread, version, make_record());
  if (!committed) return InstallResult::kBlocked;
  *position = *committed;
  return InstallResult::kInstalled;
}

// Called when memory is short, outside guards: OK to try again. Without a service that can make
// room, garbage of other threads may be what fills the budget, so it is waited for once.
absl::Status Tree::MakeRoom(uint64_t bytes, bool* reclaimed) {
  if (environment_.service != nullptr) return environment_.service->MakeRoom(bytes);
  if (std::exchange(*reclaimed, true)) return NoMemory();
  environment_.heap->WaitForGuards();
  environment_.heap->DrainLocal();
  return absl::OkStatus();
}

// What a failed try means for the caller: OK to try again, or the error to report.
absl::Status Tree::AfterFailure(InstallResult result, const Installation& installation,
                                bool* reclaimed) {
  switch (result) {
    case InstallResult::kDropped:
      return CheckUsable();
    case InstallResult::kNeedsLoad:
      return LoadPages(std::span(&installation.missing, 1));
    case InstallResult::kNoMemory:
      return MakeRoom(installation.key.size() + installation.value.size() + kVersionOverheadBytes,
                      reclaimed);
    default:
      return absl::OkStatus();
  }
}

void Tree::AssistNowAndThen(TreeThread& thread) {
  if (++thread.writes % kWritesPerAssist == 0 && environment_.service != nullptr)
    environment_.service->Assist();
}

absl::StatusOr<CommitPosition> Tree::Write(VersionKind kind, std::string_view key,
                                           std::string_view value) {
  if (kind == VersionKind::kMerge && merge_ == nullptr) {
    return absl::FailedPreconditionError(
        "the tree has no merge operator; name one when creating it");
  }
  TreeThread& thread = environment_.Local();
  if (kind == VersionKind::kDelete) value = {};
  if (key.size() + value.size() > MostInlinePayload(*environment_.log) / 2) {
    return WriteLarge(thread, kind, key, value);
  }
  OperationRecord record({kind, id_, key, value});
  Installation installation;
  installation.kind = kind;
  installation.key = key;
  installation.value = value;
  bool reclaimed = false;
  for (Backoff<> backoff;; backoff.Wait()) {
    MORAINE_RETURN_IF_ERROR(environment_.log->Admit(
        thread.credit, uint64_t{kReserveTries} * record.payload_bytes(), kReserveTries));
    CommitPosition position;
    InstallResult result = TryWrite(
        thread, &installation, [&]() -> const OperationRecord& { return record; }, &position);
    if (result == InstallResult::kInstalled) {
      AssistNowAndThen(thread);
      return position;
    }
    MORAINE_RETURN_IF_ERROR(AfterFailure(result, installation, &reclaimed));
  }
}

absl::StatusOr<std::optional<CommitPosition>> Tree::Update(std::string_view key,
                                                           UpdateFunction function) {
  TreeThread& thread = environment_.Local();
  Installation installation;
  installation.key = key;
  installation.update = &function;
  uint64_t most = MostInlinePayload(*environment_.log);
  uint64_t without_value = kMostOperationHeaderBytes + key.size();
  if (without_value < most) {
    installation.most_value_bytes = std::min(kFirstUpdateBytes, most - without_value);
  }
  bool reclaimed = false;
  for (Backoff<> backoff;; backoff.Wait()) {
    uint64_t payload = without_value + installation.most_value_bytes;
    if (payload > most) {
      return UpdateLarge(thread, key, function,
                         {UpdateDecision::Action::kPut, std::move(installation.decided_value)});
    }
    MORAINE_RETURN_IF_ERROR(
        environment_.log->Admit(thread.credit, kReserveTries * payload, kReserveTries));
    CommitPosition position;
    InstallResult result = TryWrite(
        thread, &installation,
        [&] {
          return OperationRecord({installation.kind, id_, key, installation.value});
        },
        &position);
    if (result == InstallResult::kInstalled) return std::optional(position);
    if (result == InstallResult::kKept) return std::optional<CommitPosition>();
    if (result == InstallResult::kTooLarge) {
      installation.most_value_bytes = installation.value.size();
    }
    MORAINE_RETURN_IF_ERROR(AfterFailure(result, installation, &reclaimed));
  }
}

// The write is too large for one log slot: its chunks are logged before the page is touched, and the
// commit stands only if the update then still decides on that very write.
absl::StatusOr<std::optional<CommitPosition>> Tree::UpdateLarge(TreeThread& thread,
                                                                std::string_view key,
                                                                UpdateFunction function,
                                                                UpdateDecision wanted) {
  using Action = UpdateDecision::Action;
  bool reclaimed = false;
  for (Backoff<> backoff;; backoff.Wait()) {
    if (wanted.action == Action::kKeep) return std::optional<CommitPosition>();
    LogPins::Pin pin(environment_.pins, *environment_.log);
    std::string payload;
    VersionKind kind = wanted.action == Action::kPut ? VersionKind::kPut : VersionKind::kDelete;
    AppendOperation({kind, id_, key, wanted.value}, &payload);
    MORAINE_ASSIGN_OR_RETURN(RecordBody body,
                             PrepareBody(*environment_.log, thread.credit, std::move(payload)));
    UpdateDecision other;
    auto decide_the_same = [&](std::optional<std::string_view> current) -> UpdateDecision {
      UpdateDecision decision = function(current);
      if (decision.action == Action::kDelete) decision.value.clear();
      if (decision.action == wanted.action && decision.value == wanted.value) return decision;
      other = std::move(decision);
      return {};
    };
    UpdateFunction check = decide_the_same;
    Installation installation;
    installation.key = key;
    installation.update = &check;
    installation.most_value_bytes = wanted.value.size();
    CommitPosition position;
    InstallResult result = TryWrite(
        thread, &installation, [&]() -> const RecordBody& { return body; }, &position);
    if (result == InstallResult::kInstalled) return std::optional(position);
    if (result == InstallResult::kKept) wanted = std::move(other);
    MORAINE_RETURN_IF_ERROR(AfterFailure(result, installation, &reclaimed));
  }
}

absl::Status Tree::Replay(VersionKind kind, std::string_view key, std::string_view value,
                          Timestamp ts) {
  TreeThread& thread = environment_.Local();
  Installation installation;
  installation.kind = kind;
  installation.key = key;
  installation.value = value;
  installation.word = TsWord::Committed(ts.value());
  bool reclaimed = false;
  for (;;) {
    InstallResult result;
    {
      EpochGuard guard(thread.heap());
      result = Install(thread, &installation);
    }
    if (result == InstallResult::kInstalled || result == InstallResult::kKept) break;
    MORAINE_CHECK(result == InstallResult::kNoMemory || result == InstallResult::kNeedsLoad);
    if (Version* version = std::exchange(installation.version, nullptr))
      thread.heap().Free(version, version->allocation_bytes());
    MORAINE_RETURN_IF_ERROR(AfterFailure(result, installation, &reclaimed));
  }
  AssistNowAndThen(thread);
  return absl::OkStatus();
}

}  // namespace moraine
