// Where a Value's bytes live: inside it when they fit, otherwise in one block of its own.
#include <cstring>
#include <new>
#include <utility>

#include <moraine/value.h>

namespace moraine::MORAINE_V1 {

Value::Value(std::string_view bytes) : size_(bytes.size()) {
  if (size_ == 0) return;
  char* target = bytes_;
  if (!is_inline()) target = heap_ = static_cast<char*>(::operator new(size_));
  std::memcpy(target, bytes.data(), size_);
}

Value::Value(Value&& other) noexcept : size_(other.size_) {
  if (is_inline()) {
    std::memcpy(bytes_, other.bytes_, size_);
  } else {
    heap_ = other.heap_;
  }
  other.size_ = 0;
}

Value& Value::operator=(const Value& other) {
  if (this != &other) *this = Value(other.view());
  return *this;
}

Value& Value::operator=(Value&& other) noexcept {
  if (this == &other) return *this;
  this->~Value();
  new (this) Value(std::move(other));
  return *this;
}

Value::~Value() {
  if (!is_inline()) ::operator delete(heap_);
}

}  // namespace moraine::MORAINE_V1
