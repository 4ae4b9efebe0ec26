// What stands behind the handles of databases, snapshots, trees, batches and transactions.
#ifndef MORAINE_API_C_OBJECTS_H_
#define MORAINE_API_C_OBJECTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "api/c/handle.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"
#include <moraine/c.h>
#include <moraine/database.h>

namespace moraine::c {

struct DatabaseObject;
class CursorObject;

// What reads go to. The object of a handle that may be read is stored as a pointer to this.
struct ViewObject {
  const ReadView* reader = nullptr;
  DatabaseObject* database = nullptr;
};

struct TreeObject {
  Tree tree;
  const DatabaseObject* owner;
  uint64_t owner_serial;
};

struct DatabaseObject : ViewObject {
  std::unique_ptr<Database> target;
  uint64_t serial = 0;  // of its handle: no later database has it
  // Snapshots that handles or cursors still need, and transactions: it cannot be closed meanwhile.
  Atomic<uint64_t> dependents{0};

  struct OpenTree {
    std::unique_ptr<TreeObject> object;
    Handle* handle;
  };
  Mutex mutex;  // of trees
  std::vector<OpenTree> trees;
};

// A snapshot shared by its handle and the cursors made from it, or by one cursor alone.
class SharedSnapshot {
 public:
  SharedSnapshot(Snapshot snapshot, DatabaseObject* owner)
      : snapshot_(std::move(snapshot)), owner_(owner) {
    // order: relaxed: closing while another thread makes a snapshot is a misuse that is documented
    owner_->dependents.fetch_add(1, std::memory_order_relaxed);
  }
  ~SharedSnapshot() {
    snapshot_ = Snapshot();
    // order: release -> DatabaseObject::dependents: the engine's snapshot is gone before
    owner_->dependents.fetch_sub(1, std::memory_order_release);
  }
  SharedSnapshot(const SharedSnapshot&) = delete;
  SharedSnapshot& operator=(const SharedSnapshot&) = delete;

  const Snapshot& get() const { return snapshot_; }

 private:
  Snapshot snapshot_;
  DatabaseObject* const owner_;
};

struct SnapshotObject : ViewObject {
  std::shared_ptr<const SharedSnapshot> shared;
};

// The one handle of a tree, made when it has none yet.
moraine_tree* HandleOf(DatabaseObject* database, const Tree& tree);

// A batch remembers which database its trees are of: their addresses alone may outlive it.
struct BatchObject {
  Batch batch;
  uint64_t owner_serial = 0;  // 0: no operation yet
};

// A transaction, its own or borrowed for the time of a moraine_transact. Its cursors use it only
// while they hold its handle's exclusive use, and are detached before it goes.
struct TransactionObject : ViewObject {
  Transaction owned;
  Transaction* target = nullptr;
  bool borrowed = false;
  std::vector<CursorObject*> cursors;
  absl::Status conflict;  // the last one that a call returned; OK: none
};

}  // namespace moraine::c

#endif  // MORAINE_API_C_OBJECTS_H_
