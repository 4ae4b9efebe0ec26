// One instant of the whole database, for reading.
#ifndef MORAINE_API_SNAPSHOT_H_
#define MORAINE_API_SNAPSHOT_H_

#include <cstdint>
#include <memory>

#include <moraine/namespace.h>
#include <moraine/read_view.h>

namespace moraine::MORAINE_V1 {

// Taking one is instant, blocks nobody and copies nothing. It sees every write that committed
// before it was taken, in all trees, and none later: a batch is in it whole or not at all.
//
// Move-only; releasing it is destroying it. While it lives, at most one old version per changed key
// is kept for it. It must be destroyed before its Database, and its scans before it. Any number of
// threads may read it at once; moving and destroying are for one thread.
class Snapshot : public ReadView {
 public:
  // A snapshot of nothing; reads return FailedPrecondition.
  Snapshot();
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;
  ~Snapshot();

  // Its place in the commit order: grows from snapshot to snapshot when something was written in
  // between.
  uint64_t position() const;

 private:
  friend class Database;
  Snapshot(moraine::Engine* engine, std::unique_ptr<moraine::EngineSnapshot> pinned);

  std::unique_ptr<moraine::EngineSnapshot> pinned_;  // on the heap: scans point to it
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_SNAPSHOT_H_
