// A segment store with a model beside it: what was appended and not released must be read back, byte
// for byte. Shared by the tests of the store.
#ifndef MORAINE_TESTS_SEGMENTS_STORE_FIXTURE_H_
#define MORAINE_TESTS_SEGMENTS_STORE_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"
#include "storage/segments/segment_store.h"
#include "tests/support/seeds.h"

namespace moraine {

inline constexpr DatabaseId kStoreDatabase{0x1122334455667788, 0x99aabbccddeeff00};

// Small enough that a test fills many segments and files.
inline SegmentStoreOptions SmallStore() {
  return {.database_id = kStoreDatabase,
          .segment_bytes = 64 << 10,
          .file_bytes = 512 << 10,
          .buffer_bytes = 16 << 10};
}

struct StoreBackend {
  std::string name;
  IoBackend backend;
  std::function<absl::StatusOr<std::unique_ptr<Io>>()> create;
};
std::vector<StoreBackend> StoreBackends();

struct ModelPiece {
  PieceLocation location;
  PieceHeader header;
  std::string payload;
};

// Text that compresses well (about four times), or bytes that do not.
std::string MakePayload(Random& random, size_t bytes, bool compressible);

// The pieces a test holds, as the page table would name them.
class StoreModel {
 public:
  // Appends a piece of a random kind and size to a random stream (never kLarge, unless it does not
  // fit), and keeps it.
  absl::Status AppendRandom(SegmentStore& store, Random& random);
  absl::StatusOr<PieceLocation> Append(SegmentStore& store, Stream stream, PieceKind kind,
                                       std::string payload);
  void ReleaseRandom(SegmentStore& store, Random& random);
  void ReleaseAll(SegmentStore& store);
  // Every piece adopted, as recovery does.
  absl::Status Adopt(SegmentStore& store) const;
  // OK when every piece reads back as it was.
  absl::Status Check(Io& io, const SegmentStore& store) const;

  const std::vector<ModelPiece>& pieces() const { return pieces_; }
  std::vector<ModelPiece>& pieces() { return pieces_; }
  uint64_t live_bytes() const;

 private:
  std::vector<ModelPiece> pieces_;
  uint32_t next_page_ = 1;
};

// Reads one piece through Locate and Decode.
absl::Status ReadPiece(Io& io, const SegmentStore& store, const PieceLocation& location,
                       PieceHeader* header, std::string* raw);

// A checkpoint as an engine does it.
absl::StatusOr<std::string> TakeCheckpoint(SegmentStore& store);

}  // namespace moraine

#endif  // MORAINE_TESTS_SEGMENTS_STORE_FIXTURE_H_
