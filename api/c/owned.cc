// Making and freeing the blocks that callers own.
#include "api/c/owned.h"

#include <cstring>
#include <new>

namespace moraine::c {

char* OwnedBlock(size_t size) {
  char* block = static_cast<char*>(::operator new(size + 1));
  block[size] = '\0';
  return block;
}

moraine_slice OwnedCopy(std::string_view bytes) {
  char* block = OwnedBlock(bytes.size());
  if (!bytes.empty()) std::memcpy(block, bytes.data(), bytes.size());
  return {block, bytes.size()};
}

moraine_slice OwnedCopy(const std::optional<Value>& value) {
  return value.has_value() ? OwnedCopy(value->view()) : moraine_slice{nullptr, 0};
}

}  // namespace moraine::c

void moraine_free(const void* owned) { ::operator delete(const_cast<void*>(owned)); }
