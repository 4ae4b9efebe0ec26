// The double mapping: a memfd, an address range of twice its size, and the memfd laid over each
// half.
#include "storage/log/ring_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace moraine {
namespace {

absl::Status MapError(const char* call, uint64_t bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("log ring of ", bytes, " bytes: ", call, ": ", std::strerror(errno)));
}

// Lays the file over both halves of the range at `base`.
bool MapTwice(char* base, uint64_t bytes, int file) {
  for (char* at : {base, base + bytes}) {
    void* mapped = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    if (mapped == MAP_FAILED) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RingMemory>> RingMemory::Map(uint64_t bytes) {
  int file = memfd_create("moraine-log-ring", MFD_CLOEXEC);
  if (file < 0) return MapError("memfd_create", bytes);
  if (ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    absl::Status error = MapError("ftruncate", bytes);
    close(file);
    return error;
  }
  void* range = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (range == MAP_FAILED) {
    absl::Status error = MapError("mmap", bytes);
    close(file);
    return error;
  }
  char* base = static_cast<char*>(range);
  bool mapped = MapTwice(base, bytes, file);
  absl::Status error = mapped ? absl::OkStatus() : MapError("mmap", bytes);
  close(file);
  if (!mapped) {
    munmap(range, 2 * bytes);
    return error;
  }
  return std::unique_ptr<RingMemory>(new RingMemory(base, bytes));
}

RingMemory::~RingMemory() { munmap(base_, 2 * bytes_); }

void RingMemory::Clear(uint64_t position, uint64_t bytes) {
  std::memset(Bytes(position), 0, bytes);
}

}  // namespace moraine
