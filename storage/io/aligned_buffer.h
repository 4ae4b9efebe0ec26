// Memory that direct I/O accepts: aligned to kIoAlignment, zero-filled.
#ifndef MORAINE_STORAGE_IO_ALIGNED_BUFFER_H_
#define MORAINE_STORAGE_IO_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "storage/io/io.h"

namespace moraine {

class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t bytes)
      : bytes_(static_cast<char*>(::operator new(bytes, kAlignment))), size_(bytes) {
    std::memset(bytes_.get(), 0, bytes);
  }
  char* data() { return bytes_.get(); }
  const char* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{kIoAlignment};
  struct Free {
    void operator()(char* bytes) const { ::operator delete(bytes, kAlignment); }
  };
  std::unique_ptr<char, Free> bytes_;
  size_t size_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_ALIGNED_BUFFER_H_
