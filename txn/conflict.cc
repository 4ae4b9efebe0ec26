// Payload: u64 address of the tree, u64 position of the winner, the key.
#include "txn/conflict.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "storage/base/coding.h"

namespace moraine {
namespace {

constexpr char kPayloadUrl[] = "moraine/conflict";
constexpr size_t kNumberBytes = 2 * sizeof(uint64_t);
constexpr size_t kMostShownBytes = 64;

std::string Quoted(std::string_view key) {
  std::string_view shown = key.substr(0, kMostShownBytes);
  return absl::StrCat("\"", absl::CHexEscape({shown.data(), shown.size()}), "\"",
                      shown.size() < key.size() ? "..." : "");
}

std::string Described(const ReadItem& item, std::string_view key) {
  if (item.kind == ReadKind::kKey) return absl::StrCat("key ", Quoted(key));
  std::string end = item.kind == ReadKind::kRange ? absl::StrCat(Quoted(item.high), ")") : "end";
  return absl::StrCat("key ", Quoted(key), " of the range [", Quoted(item.low), ", ", end);
}

}  // namespace

absl::Status ConflictError(const ReadItem& item, const ReadConflict& conflict) {
  absl::Status status = absl::AbortedError(
      absl::StrCat("conflict: another writer changed ", Described(item, conflict.key),
                   " at position ", conflict.winner_ts, ", after this transaction began"));
  std::string payload(kNumberBytes, '\0');
  PutFixed(payload.data(), uint64_t{reinterpret_cast<uintptr_t>(item.tree)});
  PutFixed(payload.data() + sizeof(uint64_t), conflict.winner_ts);
  payload += conflict.key;
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

std::optional<Conflict> ConflictOf(const absl::Status& status) {
  auto cord = status.GetPayload(kPayloadUrl);
  if (!cord.has_value() || cord->size() < kNumberBytes) return std::nullopt;
  std::string payload(*cord);
  Conflict conflict;
  conflict.tree =
      reinterpret_cast<const Tree*>(static_cast<uintptr_t>(GetFixed<uint64_t>(payload.data())));
  conflict.winner = Lsn(GetFixed<uint64_t>(payload.data() + sizeof(uint64_t)));
  conflict.key = payload.substr(kNumberBytes);
  return conflict;
}

}  // namespace moraine
