// Loads a data set with several writer threads, each item with all its index keys in one batch.
#ifndef MORAINE_TOOLS_FIRST_RUN_LOADER_H_
#define MORAINE_TOOLS_FIRST_RUN_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "tools/first_run/dataset.h"
#include <moraine/database.h>

namespace moraine::first_run {

struct LoadCounts {
  uint64_t items = 0;
  uint64_t keys = 0;   // item and index keys
  uint64_t bytes = 0;  // of keys and values
};

class Loader {
 public:
  // Borrows its arguments. `acknowledged` may be empty; it is called by the writer threads with
  // positions in dataset.items() that are durable, each position once.
  Loader(Database& database, const Dataset& dataset,
         std::function<void(std::span<const uint32_t>)> acknowledged);

  // Loads everything, calling `tick` about ten times a second from this thread. The first error of
  // any writer.
  absl::Status Run(size_t writer_count, absl::FunctionRef<void(const LoadCounts&)> tick);

  LoadCounts counts() const;
  // No writer is at work any more, or none will be.
  bool finished() const;

 private:
  // Items a writer takes at a time; it ends each share with a synced batch, and since what is
  // durable is a prefix of the commit order, its whole share is durable then.
  static constexpr size_t kShare = 128;

  void Write();
  absl::Status WriteShare(size_t begin, size_t end);
  // The next share; false when none is left or a writer failed.
  bool Take(size_t* begin, size_t* end);

  Database& database_;
  const Dataset& dataset_;
  const std::function<void(std::span<const uint32_t>)> acknowledged_;

  mutable std::mutex mutex_;  // guards what follows
  size_t next_item_ = 0;
  size_t writers_at_work_ = 0;
  bool started_ = false;
  LoadCounts counts_;
  absl::Status status_;
};

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_LOADER_H_
