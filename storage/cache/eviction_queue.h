// Decides which pages leave memory: S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak, "FIFO queues are all
// you need for cache eviction", SOSP 2023): a small queue for newcomers, a main queue for pages that
// were used again, and fingerprints of pages that left the small queue lately. Use is counted in the
// page table (PageTable::Touch), so a hit costs at most a store to a byte and never a queue
// operation.
#ifndef MORAINE_STORAGE_CACHE_EVICTION_QUEUE_H_
#define MORAINE_STORAGE_CACHE_EVICTION_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "storage/base/ids.h"
#include "storage/cache/page_table.h"

namespace moraine {

// Any thread; shards by page id, a lock each, held for a few instructions.
class EvictionQueue {
 public:
  static std::unique_ptr<EvictionQueue> Create(PageTable& table, uint32_t shards);
  virtual ~EvictionQueue() = default;
  // A page came into memory. A page that is queued already stays where it is.
  virtual void Admit(PageId page) = 0;
  // Takes up to `count` pages that should leave, in order. Whoever cannot evict one (dirty, in
  // use) gives it back with PutBack; one that left memory is forgotten.
  virtual void PickVictims(size_t count, std::vector<PageId>* victims) = 0;
  virtual void PutBack(PageId page) = 0;
  virtual size_t size() const = 0;
  virtual uint64_t memory_bytes() const = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_EVICTION_QUEUE_H_
