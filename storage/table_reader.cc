// Batches of chunk reads over one queue.
#include "storage/table_reader.h"

#include <memory>
#include <string>
#include <vector>

#include "storage/base/status_macros.h"
#include "storage/io/aligned_buffer.h"

namespace moraine {
namespace {

constexpr uint32_t kDepth = 64;

struct ChunkRead {
  uint32_t chunk = 0;
  PieceLocation location;
  PieceExtent extent;
  AlignedBuffer buffer;
};

}  // namespace

absl::Status TableReader::Read(
    const std::map<uint32_t, PieceLocation>& chunks,
    absl::FunctionRef<absl::Status(uint32_t chunk, std::string_view payload)> take) {
  if (chunks.empty()) return absl::OkStatus();
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue, io_.NewQueue(kDepth));
  std::vector<ChunkRead> batch;
  auto finish = [&]() -> absl::Status {
    std::vector<IoCompletion> completions;
    MORAINE_RETURN_IF_ERROR(queue->SubmitAndWait(batch.size(), &completions));
    for (const IoCompletion& completion : completions) MORAINE_RETURN_IF_ERROR(completion.status);
    for (const ChunkRead& read : batch) {
      PieceHeader header;
      std::string payload;
      std::string_view stored(read.buffer.data() + read.extent.skip, read.location.stored_bytes);
      MORAINE_RETURN_IF_ERROR(store_.Decode(read.location, stored, &header, &payload));
      if (header.kind != PieceKind::kChunk || header.page != PageId(read.chunk)) {
        return absl::DataLossError("chunk " + std::to_string(read.chunk) +
                                   " of the page table: another piece is in its place");
      }
      MORAINE_RETURN_IF_ERROR(take(read.chunk, payload));
    }
    batch.clear();
    return absl::OkStatus();
  };
  for (const auto& [chunk, location] : chunks) {
    const PieceExtent extent = store_.Locate(location);
    batch.push_back({chunk, location, extent, AlignedBuffer(extent.size)});
    queue->Add({IoKind::kRead, false, extent.file, extent.offset, batch.back().buffer.data(),
                extent.size, 0});
    if (batch.size() == kDepth) MORAINE_RETURN_IF_ERROR(finish());
  }
  return batch.empty() ? absl::OkStatus() : finish();
}

}  // namespace moraine
