// Memory of a checked log ring: records of 32 bytes, each with its slot word and one piece of plain
// data that stands for all its other bytes.
#ifndef MORAINE_TESTS_CHECKER_RING_MEMORY_H_
#define MORAINE_TESTS_CHECKER_RING_MEMORY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "storage/log/ring.h"
#include "tests/support/checker/checked_policy.h"

namespace moraine::checker {

inline constexpr uint64_t kRecord = 32;

template <size_t kRecords>
class CheckedRingMemory {
 public:
  uint64_t bytes() const { return kRecords * kRecord; }
  template <class Policy>
  typename Policy::template Atomic<uint64_t>& Word(uint64_t position) {
    return words_[position / kRecord % kRecords];
  }
  Plain<uint64_t>& Data(uint64_t position) { return data_[position / kRecord % kRecords]; }
  void Clear(uint64_t position, uint64_t bytes) {
    for (uint64_t at = position; at < position + bytes; at += kRecord) {
      Data(at).Set(0);
      words_[at / kRecord % kRecords].store(0, std::memory_order_relaxed);
    }
  }

 private:
  std::array<CheckedPolicy::Atomic<uint64_t>, kRecords> words_;
  std::array<Plain<uint64_t>, kRecords> data_;
};

template <size_t kRecords>
using CheckedRing = LogRing<CheckedPolicy, CheckedRingMemory<kRecords>>;

inline SlotWord RecordWord() {
  return SlotWord(1, static_cast<uint32_t>(kRecord - kRecordHeaderBytes), RecordType::kOne);
}

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_CHECKER_RING_MEMORY_H_
