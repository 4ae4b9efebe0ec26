// The thread pool backend, for where io_uring is missing or forbidden (containers often do): a few
// threads carry out requests with preadv2, pwritev2 and fdatasync. Same semantics, more hand-overs.
#ifndef MORAINE_STORAGE_IO_POOL_IO_H_
#define MORAINE_STORAGE_IO_POOL_IO_H_

#include <cstdint>
#include <memory>
#include <string>

#include "storage/io/io.h"

namespace moraine {

// `thread_count` is raised to one. `fallback_reason`: empty when the pool was asked for.
std::unique_ptr<Io> CreatePoolIo(uint32_t thread_count, std::string fallback_reason);

// How often threads of the pool woke up to look for requests, whether there were any or not. `io` was
// made by CreatePoolIo.
uint64_t PoolWakeUps(const Io& io);

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_POOL_IO_H_
