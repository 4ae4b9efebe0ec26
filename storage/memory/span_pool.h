// Where a heap's memory comes from: chunks of 2 MiB on huge pages, and the free spans in them that
// no size class owns. A span is any stretch of free bytes inside one chunk; a thread takes one and
// cuts blocks from it, whatever their classes. Spans lie in buckets by the largest class that fits
// in them, so taking one is a look at a bit mask, and the smallest that fits is preferred.
//
// Pages may be given back to the system while their chunk stays ("absent" pages: their memory is
// not counted and comes back, zeroed, when touched). Spans with absent pages are kept apart, since
// taking one costs memory like mapping does. What is free is described outside of the free memory,
// so looking for it touches none.
//
// Not thread-safe: the heap calls it under its mutex. mapped_bytes() may be read by any thread.
#ifndef MORAINE_STORAGE_MEMORY_SPAN_POOL_H_
#define MORAINE_STORAGE_MEMORY_SPAN_POOL_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "storage/memory/size_class.h"
#include "storage/sync/atomic.h"

namespace moraine {

inline constexpr size_t kChunkBytes = size_t{2} << 20;
inline constexpr size_t kSystemPageBytes = 4096;
inline constexpr size_t kPagesPerChunk = kChunkBytes / kSystemPageBytes;
inline constexpr size_t kBlockAlignment = 64;  // of blocks above kSmallLimitBytes

// Multiples of 16 bytes, at least one, inside one chunk.
struct Span {
  char* begin;
  char* end;
  size_t bytes() const { return static_cast<size_t>(end - begin); }
};

class SpanPool {
 public:
  SpanPool() = default;
  SpanPool(const SpanPool&) = delete;
  SpanPool& operator=(const SpanPool&) = delete;
  ~SpanPool();  // unmaps every chunk

  // A span that begins at a cache line and has `least` bytes (a block size) or more, but not more
  // than `most` unless `least` is; without absent pages.
  std::optional<Span> Take(size_t least, size_t most);
  // The same from the spans with absent pages, of which `most_absent_bytes` become present at most.
  std::optional<Span> TakeAbsent(size_t least, size_t most, uint64_t most_absent_bytes);
  void Put(Span span);
  // Adds a fresh chunk as one span; false when the system has no memory.
  bool MapChunk();

  // Gives memory of free spans back to the system, `bytes` if it can: whole chunks first, then
  // whole pages. Returns how many were.
  uint64_t Purge(uint64_t bytes);
  // Whole free chunks alone.
  uint64_t UnmapFreeChunks(uint64_t bytes);

  // Takes all spans out, to be joined with other free memory and put back.
  std::vector<Span> Drain();
  // Where the chunks begin, in ascending order.
  std::vector<char*> ChunkAddresses() const;

  // order: relaxed: a count
  uint64_t mapped_bytes() const { return mapped_bytes_.load(std::memory_order_relaxed); }
  // Free bytes that are present, and the number of spans of any kind.
  // order: relaxed: a count
  uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  size_t span_count() const;

 private:
  // One bucket for each class and one for what is larger than all of them.
  static constexpr uint32_t kBucketCount = kSizeClassCount + 1;
  struct Chunk {
    char* base;
    std::bitset<kPagesPerChunk> absent;
    bool splits_huge_pages = false;  // has or had absent pages
  };
  class Buckets {
   public:
    void Put(Span span);
    std::optional<Span> Take(size_t least);
    std::optional<Span> TakeLargest();
    std::optional<Span> TakeWholeChunk();
    void DrainTo(std::vector<Span>* spans);
    size_t count() const;

   private:
    std::vector<Span> spans_[kBucketCount];
  };

  Buckets& PlaceOf(Span span, uint64_t absent_bytes);
  Chunk& ChunkOf(const char* address);
  uint64_t AbsentBytes(Span span);
  Span Cut(Span span, size_t least, size_t most);
  uint64_t PurgeSpan(Span span);
  void AddMapped(int64_t bytes);
  void AddFree(int64_t bytes);

  std::vector<Chunk> chunks_;  // by address
  // The places of a span, by what its whole pages are.
  Buckets fragments_;  // it has none
  Buckets present_;    // all are present
  Buckets mixed_;
  Buckets absent_;                               // all are absent
  StdPolicy::Atomic<uint64_t> mapped_bytes_{0};  // written under the heap's mutex
  StdPolicy::Atomic<uint64_t> free_bytes_{0};    // likewise
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_MEMORY_SPAN_POOL_H_
