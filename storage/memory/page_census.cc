// Counting free bytes by page, and joining whole pages to spans.
#include "storage/memory/page_census.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"

namespace moraine {
namespace {

constexpr size_t kUnitBytes = 16;

}  // namespace

PageCensus::PageCensus(std::vector<char*> chunks, Alone alone)
    : chunks_(std::move(chunks)), alone_(alone), pages_(chunks_.size() * kPagesPerChunk) {}

size_t PageCensus::ChunkOf(const char* address) {
  const char* last = chunks_[last_chunk_];
  if (address < last || address >= last + kChunkBytes) {
    auto after = std::ranges::upper_bound(chunks_, address, std::less<const char*>());
    MORAINE_CHECK(after != chunks_.begin());
    last_chunk_ = static_cast<size_t>(after - chunks_.begin()) - 1;
    MORAINE_CHECK(address < chunks_[last_chunk_] + kChunkBytes);
  }
  return last_chunk_;
}

void PageCensus::Add(const char* begin, size_t bytes) {
  size_t chunk = ChunkOf(begin);
  size_t at = static_cast<size_t>(begin - chunks_[chunk]);
  Page* page = &pages_[chunk * kPagesPerChunk + at / kSystemPageBytes];
  for (size_t left = bytes; left > 0; ++page) {
    size_t here = std::min(left, kSystemPageBytes - at % kSystemPageBytes);
    page->free_bytes = static_cast<uint16_t>(page->free_bytes + here);
    // Bytes that are free twice belong to two owners already.
    MORAINE_CHECK(page->free_bytes <= kSystemPageBytes);
    at += here;
    left -= here;
  }
}

bool PageCensus::IsAlone(const Page* pages, size_t begin, size_t end) {
  size_t first = (begin + kSystemPageBytes - 1) / kSystemPageBytes;  // that it fills
  size_t after = end / kSystemPageBytes;
  if (first >= after) return false;
  bool joined_before = first > 0 && pages[first - 1].whole();
  bool joined_after = after < kPagesPerChunk && pages[after].whole();
  return !joined_before && !joined_after;
}

bool PageCensus::Absorb(const char* begin, size_t bytes) {
  size_t chunk = ChunkOf(begin);
  size_t at = static_cast<size_t>(begin - chunks_[chunk]);
  size_t end = at + bytes;
  Page* pages = &pages_[chunk * kPagesPerChunk];
  size_t first = at / kSystemPageBytes;
  size_t last = (end - 1) / kSystemPageBytes;
  // A page between the two is covered by this piece alone, hence whole.
  if (!pages[first].whole() && !pages[last].whole() && last - first < 2) return false;
  if (alone_ == Alone::kKeep && IsAlone(pages, at, end)) {
    // No other piece touches the pages that this one fills; they are no span's any more.
    for (size_t page = first; page <= last; ++page) {
      if (pages[page].whole()) pages[page].free_bytes = 0;
    }
    return false;
  }
  if (!pages[first].whole()) {
    pages[first + 1].before =
        static_cast<uint8_t>(((first + 1) * kSystemPageBytes - at) / kUnitBytes);
  }
  if (!pages[last].whole()) {
    pages[last - 1].after = static_cast<uint8_t>((end - last * kSystemPageBytes) / kUnitBytes);
  }
  return true;
}

std::vector<Span> PageCensus::Spans() const {
  std::vector<Span> spans;
  for (size_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    const Page* pages = &pages_[chunk * kPagesPerChunk];
    for (size_t page = 0; page < kPagesPerChunk; ++page) {
      if (!pages[page].whole()) continue;
      char* begin = chunks_[chunk] + page * kSystemPageBytes - pages[page].before * kUnitBytes;
      while (page + 1 < kPagesPerChunk && pages[page + 1].whole()) ++page;
      char* end = chunks_[chunk] + (page + 1) * kSystemPageBytes + pages[page].after * kUnitBytes;
      spans.push_back({begin, end});
    }
  }
  return spans;
}

}  // namespace moraine
