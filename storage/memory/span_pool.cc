// Buckets of free spans, and the system calls behind chunks and absent pages.
#include "storage/memory/span_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "storage/base/check.h"

namespace moraine {
namespace {

char* MapAligned(size_t bytes, size_t alignment) {
  size_t reserve = bytes + alignment;
  void* mapped = mmap(nullptr, reserve, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* base = static_cast<char*>(mapped);
  char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(base) + alignment - 1) &
                                          ~(alignment - 1));
  if (aligned != base) munmap(base, static_cast<size_t>(aligned - base));
  char* end = base + reserve;
  if (aligned + bytes != end) munmap(aligned + bytes, static_cast<size_t>(end - aligned) - bytes);
  madvise(aligned, bytes, MADV_HUGEPAGE);
  return aligned;
}

char* AlignUp(char* address, size_t alignment) {
  return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(address) + alignment - 1) &
                                 ~(uintptr_t{alignment} - 1));
}

// The whole pages inside a span; empty or negative when there is none.
Span WholePages(Span span) {
  return {AlignUp(span.begin, kSystemPageBytes),
          AlignUp(span.end - (kSystemPageBytes - 1), kSystemPageBytes)};
}

// The largest class that fits into `bytes`.
uint32_t BucketOf(size_t bytes) {
  if (bytes > kLargestClassBytes) return kSizeClassCount;
  uint32_t size_class = SizeClassOf(bytes);
  return SizeClassBytes(size_class) > bytes ? size_class - 1 : size_class;
}

bool Fits(Span span, size_t least) {
  char* aligned = AlignUp(span.begin, kBlockAlignment);
  return aligned < span.end && static_cast<size_t>(span.end - aligned) >= least;
}

}  // namespace

void SpanPool::Buckets::Put(Span span) { spans_[BucketOf(span.bytes())].push_back(span); }

std::optional<Span> SpanPool::Buckets::Take(size_t least) {
  // In the first bucket a span may be too small once its begin is aligned; only a few are tried.
  constexpr size_t kMostTries = 8;
  for (uint32_t bucket = SizeClassOf(least); bucket < kBucketCount; ++bucket) {
    std::vector<Span>& spans = spans_[bucket];
    size_t tries = std::min(spans.size(), kMostTries);
    for (size_t i = spans.size() - tries; i < spans.size(); ++i) {
      Span span = spans[i];
      if (!Fits(span, least)) continue;
      spans[i] = spans.back();
      spans.pop_back();
      return span;
    }
  }
  return std::nullopt;
}

std::optional<Span> SpanPool::Buckets::TakeLargest() {
  for (uint32_t bucket = kBucketCount; bucket-- > BucketOf(kSystemPageBytes);) {
    if (spans_[bucket].empty()) continue;
    Span span = spans_[bucket].back();
    spans_[bucket].pop_back();
    return span;
  }
  return std::nullopt;
}

std::optional<Span> SpanPool::Buckets::TakeWholeChunk() {
  std::vector<Span>& spans = spans_[kBucketCount - 1];
  for (Span& candidate : spans) {
    if (candidate.bytes() != kChunkBytes) continue;
    Span span = candidate;
    candidate = spans.back();
    spans.pop_back();
    return span;
  }
  return std::nullopt;
}

void SpanPool::Buckets::DrainTo(std::vector<Span>* spans) {
  for (std::vector<Span>& bucket : spans_) {
    spans->insert(spans->end(), bucket.begin(), bucket.end());
    bucket.clear();
    bucket.shrink_to_fit();
  }
}

size_t SpanPool::Buckets::count() const {
  size_t count = 0;
  for (const std::vector<Span>& bucket : spans_) count += bucket.size();
  return count;
}

SpanPool::~SpanPool() {
  for (Chunk& chunk : chunks_) munmap(chunk.base, kChunkBytes);
}

void SpanPool::AddMapped(int64_t bytes) {
  // order: relaxed: a count
  mapped_bytes_.fetch_add(static_cast<uint64_t>(bytes), std::memory_order_relaxed);
}

void SpanPool::AddFree(int64_t bytes) {
  // order: relaxed: a count
  free_bytes_.fetch_add(static_cast<uint64_t>(bytes), std::memory_order_relaxed);
}

SpanPool::Chunk& SpanPool::ChunkOf(const char* address) {
  auto after = std::ranges::upper_bound(chunks_, address, {}, &Chunk::base);
  MORAINE_CHECK(after != chunks_.begin());
  MORAINE_DCHECK(address < std::prev(after)->base + kChunkBytes);
  return *std::prev(after);
}

uint64_t SpanPool::AbsentBytes(Span span) {
  const Chunk& chunk = ChunkOf(span.begin);
  if (chunk.absent.none()) return 0;
  uint64_t count = 0;
  size_t last = static_cast<size_t>(span.end - 1 - chunk.base) / kSystemPageBytes;
  for (size_t page = static_cast<size_t>(span.begin - chunk.base) / kSystemPageBytes; page <= last;
       ++page) {
    count += chunk.absent[page] ? 1 : 0;
  }
  return count * kSystemPageBytes;
}

void SpanPool::Put(Span span) {
  MORAINE_DCHECK(span.begin < span.end);
  uint64_t absent_bytes = AbsentBytes(span);
  // A page that a span touches only in part was never given back, so this does not wrap.
  AddFree(static_cast<int64_t>(span.bytes() - absent_bytes));
  PlaceOf(span, absent_bytes).Put(span);
}

SpanPool::Buckets& SpanPool::PlaceOf(Span span, uint64_t absent_bytes) {
  Span pages = WholePages(span);
  if (pages.begin >= pages.end) return fragments_;
  if (absent_bytes == 0) return present_;
  return absent_bytes == pages.bytes() ? absent_ : mixed_;
}

// Returns the part to use and puts what is before and behind it back.
Span SpanPool::Cut(Span span, size_t least, size_t most) {
  char* begin = AlignUp(span.begin, kBlockAlignment);
  size_t wanted = std::max(least, most);
  size_t room = static_cast<size_t>(span.end - begin);
  char* end = begin + std::min(wanted, room);
  if (begin != span.begin) Put({span.begin, begin});
  if (end != span.end) Put({end, span.end});
  return {begin, end};
}

std::optional<Span> SpanPool::Take(size_t least, size_t most) {
  std::optional<Span> span = fragments_.Take(least);
  if (!span) span = present_.Take(least);
  if (!span) return std::nullopt;
  AddFree(-static_cast<int64_t>(span->bytes()));
  return Cut(*span, least, most);
}

std::optional<Span> SpanPool::TakeAbsent(size_t least, size_t most, uint64_t most_absent_bytes) {
  std::optional<Span> span = mixed_.Take(least);
  if (!span) span = absent_.Take(least);
  if (!span) return std::nullopt;
  AddFree(-static_cast<int64_t>(span->bytes() - AbsentBytes(*span)));
  // Pages that the cut shares with its neighbours become present for all of them.
  Chunk& chunk = ChunkOf(span->begin);
  char* begin = AlignUp(span->begin, kBlockAlignment);
  size_t room = static_cast<size_t>(span->end - begin);
  Span part = {begin, begin + std::min(std::max(least, most), room)};
  uint64_t absent_bytes = AbsentBytes(part);
  if (absent_bytes > most_absent_bytes) {
    Put(*span);
    return std::nullopt;
  }
  size_t last = static_cast<size_t>(part.end - 1 - chunk.base) / kSystemPageBytes;
  for (size_t page = static_cast<size_t>(begin - chunk.base) / kSystemPageBytes; page <= last;
       ++page) {
    chunk.absent[page] = false;
  }
  AddMapped(static_cast<int64_t>(absent_bytes));
  return Cut(*span, least, most);
}

bool SpanPool::MapChunk() {
  char* base = MapAligned(kChunkBytes, kChunkBytes);
  if (base == nullptr) return false;
  chunks_.insert(std::ranges::upper_bound(chunks_, base, {}, &Chunk::base), Chunk{base, {}});
  AddMapped(kChunkBytes);
  Put({base, base + kChunkBytes});
  return true;
}

uint64_t SpanPool::UnmapFreeChunks(uint64_t bytes) {
  uint64_t given_back = 0;
  for (Buckets* buckets : {&present_, &mixed_, &absent_}) {
    while (given_back < bytes) {
      std::optional<Span> span = buckets->TakeWholeChunk();
      if (!span) break;
      uint64_t present_bytes = kChunkBytes - AbsentBytes(*span);
      chunks_.erase(std::ranges::lower_bound(chunks_, span->begin, {}, &Chunk::base));
      munmap(span->begin, kChunkBytes);
      AddMapped(-static_cast<int64_t>(present_bytes));
      AddFree(-static_cast<int64_t>(present_bytes));
      given_back += present_bytes;
    }
  }
  return given_back;
}

// Of a span with whole pages. A huge page that lost some would be filled up again by the system,
// behind our count, unless it is told not to.
uint64_t SpanPool::PurgeSpan(Span span) {
  auto [begin, end] = WholePages(span);
  Chunk& chunk = ChunkOf(begin);
  if (!chunk.splits_huge_pages) {
    if (madvise(chunk.base, kChunkBytes, MADV_NOHUGEPAGE) != 0) return 0;
    chunk.splits_huge_pages = true;
  }
  if (madvise(begin, static_cast<size_t>(end - begin), MADV_DONTNEED) != 0) return 0;
  uint64_t bytes = static_cast<uint64_t>(end - begin) - AbsentBytes({begin, end});
  for (char* page = begin; page != end; page += kSystemPageBytes) {
    chunk.absent[static_cast<size_t>(page - chunk.base) / kSystemPageBytes] = true;
  }
  AddMapped(-static_cast<int64_t>(bytes));
  return bytes;
}

uint64_t SpanPool::Purge(uint64_t bytes) {
  uint64_t given_back = UnmapFreeChunks(bytes);
  std::vector<Span> purged;
  for (Buckets* buckets : {&present_, &mixed_}) {
    while (given_back < bytes) {
      std::optional<Span> span = buckets->TakeLargest();
      if (!span) break;
      AddFree(-static_cast<int64_t>(span->bytes() - AbsentBytes(*span)));
      given_back += PurgeSpan(*span);
      purged.push_back(*span);
    }
  }
  for (Span span : purged) Put(span);
  return given_back;
}

std::vector<Span> SpanPool::Drain() {
  std::vector<Span> spans;
  fragments_.DrainTo(&spans);
  present_.DrainTo(&spans);
  mixed_.DrainTo(&spans);
  absent_.DrainTo(&spans);
  // order: relaxed: a count
  free_bytes_.store(0, std::memory_order_relaxed);
  return spans;
}

std::vector<char*> SpanPool::ChunkAddresses() const {
  std::vector<char*> addresses;
  addresses.reserve(chunks_.size());
  for (const Chunk& chunk : chunks_) addresses.push_back(chunk.base);
  return addresses;
}

size_t SpanPool::span_count() const {
  return fragments_.count() + present_.count() + mixed_.count() + absent_.count();
}

}  // namespace moraine
