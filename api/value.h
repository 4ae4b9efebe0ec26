// A value read from the database: a string of bytes that owns its bytes. Up to kInlineBytes are
// kept inside the object, so that reading a small value allocates nothing.
#ifndef MORAINE_API_VALUE_H_
#define MORAINE_API_VALUE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

// Any number of threads may read one Value at once. Copying copies the bytes; a moved-from Value is
// empty.
class Value {
 public:
  static constexpr size_t kInlineBytes = 120;

  Value() noexcept : size_(0) {}
  explicit Value(std::string_view bytes);
  Value(const Value& other) : Value(other.view()) {}
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  // Views are valid until the Value is changed, moved or destroyed.
  std::string_view view() const { return {data(), size_}; }
  const char* data() const { return is_inline() ? bytes_ : heap_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  std::string ToString() const { return std::string(view()); }

  friend bool operator==(const Value& a, const Value& b) { return a.view() == b.view(); }
  friend bool operator==(const Value& a, std::string_view b) { return a.view() == b; }

 private:
  bool is_inline() const { return size_ <= kInlineBytes; }

  size_t size_;  // decides which member of the union holds the bytes
  union {
    char bytes_[kInlineBytes];
    char* heap_;
  };
};

static_assert(sizeof(Value) == 128, "two cache lines, nothing wasted");

// What became of a compare-and-swap. When it did not swap, `actual` is what was there instead, with
// nullopt for an absent key.
struct CompareAndSwapResult {
  bool swapped = false;
  std::optional<Value> actual;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_VALUE_H_
