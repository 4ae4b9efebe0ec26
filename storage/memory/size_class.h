// The sizes that the arenas hand out: every 16 bytes up to 512, then eight steps a doubling up to
// 64 KiB, so that at most an eighth of an allocation is lost to rounding. Pure arithmetic.
#ifndef MORAINE_STORAGE_MEMORY_SIZE_CLASS_H_
#define MORAINE_STORAGE_MEMORY_SIZE_CLASS_H_

#include <bit>
#include <cstddef>
#include <cstdint>

namespace moraine {

inline constexpr size_t kSmallStepBytes = 16;
inline constexpr size_t kSmallestClassBytes = 32;  // holds the free list's links
inline constexpr size_t kSmallLimitBytes = 512;
inline constexpr size_t kLargestClassBytes = size_t{64} << 10;
inline constexpr uint32_t kSmallClassCount =
    kSmallLimitBytes / kSmallStepBytes + 1;  // index = size / 16
inline constexpr uint32_t kStepsPerDoubling = 8;
inline constexpr uint32_t kSizeClassCount = kSmallClassCount + 7 * kStepsPerDoubling;

// The class of an allocation of `bytes` <= kLargestClassBytes.
constexpr uint32_t SizeClassOf(size_t bytes) {
  if (bytes <= kSmallestClassBytes) return kSmallestClassBytes / kSmallStepBytes;
  if (bytes <= kSmallLimitBytes)
    return static_cast<uint32_t>((bytes + kSmallStepBytes - 1) / kSmallStepBytes);
  // bytes - 1 lies in [2^k, 2^(k+1)) for k >= 9; three bits below the top one choose the step.
  uint32_t k = static_cast<uint32_t>(std::bit_width(bytes - 1)) - 1;
  uint32_t step = static_cast<uint32_t>((bytes - 1) >> (k - 3)) & 7;
  return kSmallClassCount + (k - 9) * kStepsPerDoubling + step;
}

constexpr size_t SizeClassBytes(uint32_t size_class) {
  if (size_class < kSmallClassCount) return size_class * kSmallStepBytes;
  uint32_t above = size_class - kSmallClassCount;
  uint32_t k = above / kStepsPerDoubling + 9;
  return (size_t{8} + above % kStepsPerDoubling + 1) << (k - 3);
}

// What `bytes` are charged as: the class size, or whole 4 KiB pages beyond the largest class.
constexpr size_t ChargedBytes(size_t bytes) {
  return bytes <= kLargestClassBytes ? SizeClassBytes(SizeClassOf(bytes))
                                     : (bytes + 4095) & ~size_t{4095};
}

static_assert(SizeClassBytes(SizeClassOf(512)) == 512 && SizeClassBytes(SizeClassOf(513)) == 576);
static_assert(SizeClassBytes(SizeClassOf(1024)) == 1024 &&
              SizeClassBytes(SizeClassOf(1025)) == 1152);
static_assert(SizeClassOf(kLargestClassBytes) == kSizeClassCount - 1);
static_assert(SizeClassBytes(kSizeClassCount - 1) == kLargestClassBytes);

}  // namespace moraine

#endif  // MORAINE_STORAGE_MEMORY_SIZE_CLASS_H_
