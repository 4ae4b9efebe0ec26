// The writers of the kill test: what each of them does as a pure function of its number and the
// number of the operation, so that the survivors of a kill can be compared with a replay.
//
// Writer w owns the keys "<w>/..." of two trees. Operation i of a writer puts the counter i into
// both trees, together with a few puts and deletes of its keys, as one batch; every fifth is a
// single put instead.
#ifndef MORAINE_TESTS_CRASH_KILL_WRITER_H_
#define MORAINE_TESTS_CRASH_KILL_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "storage/sync/atomic.h"
#include "tests/support/model_database.h"

namespace moraine {

inline constexpr uint64_t kKillWriters = 8;

// Shared between the child that is killed and its parent, through a mapped file.
struct KillProgress {
  struct alignas(64) Writer {
    StdPolicy::Atomic<uint64_t> begun;    // operations started, counted from 1
    StdPolicy::Atomic<uint64_t> durable;  // the last one acknowledged as durable
  };
  Writer writers[kKillWriters];
  StdPolicy::Atomic<uint64_t> ready;  // set once the database is open and written to
};

std::vector<ModelWrite> KillOperation(uint64_t seed, uint64_t writer, uint64_t number);

// Opens the database and writes until killed. Returns only when something is wrong.
int RunKillChild(const std::string& database, const std::string& progress_file, uint64_t seed,
                 uint64_t round);

}  // namespace moraine

#endif  // MORAINE_TESTS_CRASH_KILL_WRITER_H_
