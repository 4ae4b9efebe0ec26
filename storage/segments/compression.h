// zstd with the contexts of its thread: making one costs more than expanding a page with it.
#ifndef MORAINE_STORAGE_SEGMENTS_COMPRESSION_H_
#define MORAINE_STORAGE_SEGMENTS_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moraine {

// Any thread; both allocate only when a thread uses them first or meets a larger input. Contexts are
// freed when their thread ends; they are part of what a thread costs beyond the memory budget.

// False when the result would be longer than `most_bytes`, or zstd has no memory.
bool ZstdCompress(std::string_view bytes, int level, size_t most_bytes, std::string* compressed);

// Expands to exactly `raw_bytes` bytes; nullptr, or why it cannot be done. Allocates nothing before
// the frame itself has said that it is of that size.
const char* ZstdExpand(std::string_view bytes, size_t raw_bytes, std::string* raw);

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_COMPRESSION_H_
