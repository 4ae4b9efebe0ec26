// Finds the memory that is free whatever size class it was cut for. Every free piece (block or
// span) is added; a page of the system whose 4096 bytes are all free is then whole, and whole pages
// that touch make up a span, which reaches on into the pieces that straddle its ends. All other
// pieces stay what they are, and by default so does a large piece that would be a span alone: its
// class reuses it without leaving a rest. Two bytes a page count and two say how far a span reaches on, so the
// census of a heap is a thousandth of it.
//
//   pieces   |--a--|-b-|---c---|   |--d--|
//   pages    .       |       |       |       a, b, c fill the second page
//   result   |=== one span ====|   |--d--|   d stays in its class's list
//
// Pure arithmetic on addresses; it touches no free memory. One thread.
#ifndef MORAINE_STORAGE_MEMORY_PAGE_CENSUS_H_
#define MORAINE_STORAGE_MEMORY_PAGE_CENSUS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/memory/span_pool.h"

namespace moraine {

class PageCensus {
 public:
  // `chunks`: where the chunks begin, in ascending order.
  enum class Alone : uint8_t { kKeep, kAbsorb };
  PageCensus(std::vector<char*> chunks, Alone alone);

  // A free piece; each byte is added once. First all of these calls, then those of Absorb with the
  // same pieces, then Spans.
  void Add(const char* begin, size_t bytes);
  // Whether the piece belongs to a span; otherwise its owner keeps it.
  bool Absorb(const char* begin, size_t bytes);
  std::vector<Span> Spans() const;

 private:
  struct Page {
    uint16_t free_bytes = 0;
    uint8_t before = 0;  // of a span's first page: units of 16 bytes in the page before it
    uint8_t after = 0;   // of a span's last page: units of 16 bytes in the page after it
    bool whole() const { return free_bytes == kSystemPageBytes; }
  };

  // Whether the span of a piece would hold nothing else.
  static bool IsAlone(const Page* pages, size_t begin, size_t end);
  // The chunk of an address; pieces of one list tend to share it.
  size_t ChunkOf(const char* address);

  const std::vector<char*> chunks_;
  const Alone alone_;
  size_t last_chunk_ = 0;
  std::vector<Page> pages_;  // kPagesPerChunk for each chunk
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_MEMORY_PAGE_CENSUS_H_
