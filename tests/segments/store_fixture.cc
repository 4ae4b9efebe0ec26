// The model of a segment store's contents.
#include "tests/segments/store_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/io/aligned_buffer.h"
#include "tests/support/simulated_io.h"

namespace moraine {

std::vector<StoreBackend> StoreBackends() {
  return {
      {"Uring", IoBackend::kUring, [] { return Io::Create({.preferred = IoBackend::kUring}); }},
      {"Pool", IoBackend::kThreadPool,
       [] { return Io::Create({.preferred = IoBackend::kThreadPool}); }},
      {"Simulated", IoBackend::kSimulated,
       [] {
         return absl::StatusOr<std::unique_ptr<Io>>(std::make_unique<SimulatedIo>(
             SimulatedOptions{.seed = TestSeed(), .delay_completions = true}));
       }},
  };
}

std::string MakePayload(Random& random, size_t bytes, bool compressible) {
  if (!compressible) return random.Bytes(bytes);
  std::string payload;
  while (payload.size() < bytes) absl::StrAppend(&payload, "user", random.Below(50), "=blue;");
  payload.resize(bytes);
  return payload;
}

absl::StatusOr<PieceLocation> StoreModel::Append(SegmentStore& store, Stream stream, PieceKind kind,
                                                 std::string payload) {
  PieceHeader header;
  header.kind = kind;
  header.page = PageId(next_page_++);
  header.tree = TreeId(header.page.value() % 7);
  header.version = header.page.value() * 3;
  header.from = kind == PieceKind::kBase ? 0 : 1000 + header.page.value();
  header.covers = 2000 + header.page.value();
  header.max_ts = 1500 + header.page.value();
  header.entries = static_cast<uint32_t>(payload.size() / 10);
  header.level = header.page.value() % 3;
  absl::StatusOr<PieceLocation> location = store.Append(stream, header, payload);
  if (!location.ok()) return location;
  header.raw_bytes = static_cast<uint32_t>(payload.size());
  pieces_.push_back({*location, header, std::move(payload)});
  return location;
}

absl::Status StoreModel::AppendRandom(SegmentStore& store, Random& random) {
  const PieceKind kind = static_cast<PieceKind>(1 + random.Below(4));
  const Stream stream = static_cast<Stream>(random.Below(kStreamCount - 1));
  const size_t bytes = random.Skewed(random.OneIn(50) ? 17 : 14);
  return Append(store, stream, kind, MakePayload(random, bytes, random.OneIn(2))).status();
}

void StoreModel::ReleaseRandom(SegmentStore& store, Random& random) {
  if (pieces_.empty()) return;
  std::swap(pieces_[random.Below(pieces_.size())], pieces_.back());
  store.Release(pieces_.back().location);
  pieces_.pop_back();
}

void StoreModel::ReleaseAll(SegmentStore& store) {
  for (const ModelPiece& piece : pieces_) store.Release(piece.location);
  pieces_.clear();
}

absl::Status StoreModel::Adopt(SegmentStore& store) const {
  for (const ModelPiece& piece : pieces_) {
    if (absl::Status status = store.Adopt(piece.location); !status.ok()) return status;
  }
  store.FinishAdoption();
  return absl::OkStatus();
}

absl::Status StoreModel::Check(Io& io, const SegmentStore& store) const {
  for (const ModelPiece& piece : pieces_) {
    PieceHeader header;
    std::string raw;
    absl::Status status = ReadPiece(io, store, piece.location, &header, &raw);
    if (!status.ok()) return status;
    if (header.page != piece.header.page || header.kind != piece.header.kind ||
        header.tree != piece.header.tree || header.version != piece.header.version ||
        header.from != piece.header.from || header.covers != piece.header.covers ||
        header.max_ts != piece.header.max_ts || header.raw_bytes != piece.header.raw_bytes ||
        header.entries != piece.header.entries || header.level != piece.header.level) {
      return absl::InternalError(absl::StrCat("wrong header at ", piece.location.address.value()));
    }
    if (raw != piece.payload) {
      return absl::InternalError(absl::StrCat("wrong payload at ", piece.location.address.value()));
    }
  }
  return absl::OkStatus();
}

uint64_t StoreModel::live_bytes() const {
  uint64_t bytes = 0;
  for (const ModelPiece& piece : pieces_) bytes += piece.location.stored_bytes;
  return bytes;
}

absl::Status ReadPiece(Io& io, const SegmentStore& store, const PieceLocation& location,
                       PieceHeader* header, std::string* raw) {
  const PieceExtent extent = store.Locate(location);
  if (extent.file == nullptr) return absl::NotFoundError("no file there");
  AlignedBuffer buffer(extent.size);
  absl::Status status = io.ReadFully(*extent.file, extent.offset, buffer.data(), extent.size);
  if (!status.ok()) return status;
  return store.Decode(location, buffer.view().substr(extent.skip, location.stored_bytes), header,
                      raw);
}

absl::StatusOr<std::string> TakeCheckpoint(SegmentStore& store) {
  store.BeginState();
  if (absl::Status status = store.Write(); !status.ok()) return status;
  if (absl::Status status = store.Sync(); !status.ok()) return status;
  std::string state = store.EncodeState();
  if (absl::Status status = store.StateIsDurable(); !status.ok()) return status;
  return state;
}

}  // namespace moraine
