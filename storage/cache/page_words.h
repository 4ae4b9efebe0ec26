// The first word of a page-table entry as a value type: what of the page is in memory. The second
// one, where its durable pieces are, is in disk_refs.h. Objects are aligned to 8, so three low bits
// of a pointer carry the state.
//
//   mem   63 ............ 3 | 2..0 state
//         pointer or stamp  | as below
//   kFree      no page
//   kBase      an immutable block, nothing newer
//   kStack     a delta over a block
//   kPartial   a delta without a base: blind writes
//   kEvicted   nothing in memory; the stamp never repeats for a page
//   kFrozen    a page being merged into its left sibling
#ifndef MORAINE_STORAGE_CACHE_PAGE_WORDS_H_
#define MORAINE_STORAGE_CACHE_PAGE_WORDS_H_

#include <cstdint>

#include "storage/base/check.h"

namespace moraine {

enum class PageState : uint8_t {
  kFree = 0,
  kBase = 1,
  kStack = 2,
  kPartial = 3,
  kEvicted = 4,
  kFrozen = 5
};

class MemWord {
 public:
  constexpr MemWord() = default;
  static MemWord FromBits(uint64_t bits) { return MemWord(bits); }
  static MemWord Of(PageState state, const void* object) {
    uint64_t address = reinterpret_cast<uintptr_t>(object);
    MORAINE_DCHECK((address & kStateMask) == 0);
    return MemWord(address | static_cast<uint64_t>(state));
  }
  static MemWord Evicted(uint64_t stamp) {
    return MemWord(stamp << kStateBits | static_cast<uint64_t>(PageState::kEvicted));
  }

  PageState state() const { return static_cast<PageState>(bits_ & kStateMask); }
  bool resident() const { return state() == PageState::kBase || state() == PageState::kStack; }
  uint64_t stamp() const { return bits_ >> kStateBits; }
  template <class Object>
  Object* object() const {
    return reinterpret_cast<Object*>(static_cast<uintptr_t>(bits_ & ~kStateMask));
  }
  uint64_t bits() const { return bits_; }
  bool operator==(const MemWord&) const = default;

 private:
  static constexpr unsigned kStateBits = 3;
  static constexpr uint64_t kStateMask = 7;
  constexpr explicit MemWord(uint64_t bits) : bits_(bits) {}
  uint64_t bits_ = 0;
};

static_assert(sizeof(MemWord) == 8);

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_PAGE_WORDS_H_
