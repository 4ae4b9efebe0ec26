// The policy under which shipping templates run inside the checker, and what scenarios are written
// with: shared words, plain data, allocations. Same shape as StdPolicy of storage/sync/atomic.h.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_CHECKED_POLICY_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_CHECKED_POLICY_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include "tests/support/checker/execution.h"

namespace moraine::checker {

// How a type of words is kept as a Value. Types with open values bring their own (symbolic.h).
template <class T>
struct ValueOf {
  static constexpr size_t kBytes =
      sizeof(T);  // NOLINT(bugprone-sizeof-expression): or of a pointer
  static_assert(std::is_trivially_copyable_v<T> && kBytes <= sizeof(uint64_t));
  static constexpr bool kNumber = std::is_integral_v<T> && kBytes == sizeof(uint64_t);
  static Value To(T value) {
    Value word;
    std::memcpy(&word.bits, &value, kBytes);
    return word;
  }
  static T From(Value word) {
    T value;
    std::memcpy(&value, &word.bits, kBytes);
    return value;
  }
};

struct CheckedPolicy {
  using Source = std::source_location;

  template <class T>
  class Atomic {
   public:
    Atomic() : Atomic(T()) {}
    explicit Atomic(T value) : location_(Execution::Current().NewLocation(Of::To(value))) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(std::memory_order order, Source source = Source::current()) const {
      return Of::From(Execution::Current().Load(location_, order, source));
    }
    void store(T value, std::memory_order order, Source source = Source::current()) {
      Execution::Current().Store(location_, Of::To(value), order, Of::kNumber, source);
    }
    T exchange(T value, std::memory_order order, Source source = Source::current()) {
      return Update([&](T) { return value; }, OperationKind::kExchange, order, source);
    }
    T fetch_add(T value, std::memory_order order, Source source = Source::current()) {
      return Update([&](T old) { return static_cast<T>(old + value); }, OperationKind::kAdd, order,
                    source);
    }
    T fetch_sub(T value, std::memory_order order, Source source = Source::current()) {
      return Update([&](T old) { return static_cast<T>(old - value); }, OperationKind::kAdd, order,
                    source);
    }
    T fetch_or(T value, std::memory_order order, Source source = Source::current()) {
      return Update([&](T old) { return static_cast<T>(old | value); }, OperationKind::kAdd, order,
                    source);
    }
    T fetch_and(T value, std::memory_order order, Source source = Source::current()) {
      return Update([&](T old) { return static_cast<T>(old & value); }, OperationKind::kAdd, order,
                    source);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure, Source source = Source::current()) {
      return Swap(expected, desired, success, failure, false, source);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure, Source source = Source::current()) {
      return Swap(expected, desired, success, failure, true, source);
    }

    // What traces call the word.
    void Name(std::string name) { Execution::Current().NameLocation(location_, std::move(name)); }

   private:
    using Of = ValueOf<T>;
    template <class Change>
    T Update(Change change, OperationKind kind, std::memory_order order, const Source& source) {
      return Of::From(Execution::Current().Update(
          location_, [&](Value old) { return Of::To(change(Of::From(old))); }, kind, order,
          Of::kNumber, source));
    }
    bool Swap(T& expected, T desired, std::memory_order success, std::memory_order failure,
              bool weak, const Source& source) {
      Value old = Of::To(expected);
      bool swapped = Execution::Current().CompareAndSwap(location_, &old, Of::To(desired), success,
                                                         failure, weak, Of::kNumber, source);
      // A failure hands out what it read; a success leaves `expected` alone.
      if (!swapped) expected = Of::From(old);
      return swapped;
    }

    LocationIndex location_;
  };

  static void Fence(std::memory_order order, Source source = Source::current()) {
    FenceKind kind = order == std::memory_order_acquire   ? FenceKind::kAcquire
                     : order == std::memory_order_release ? FenceKind::kRelease
                     : order == std::memory_order_acq_rel ? FenceKind::kAcquireRelease
                                                          : FenceKind::kFull;
    Execution::Current().Fence(kind, order, source);
  }
  static void LightFence(Source source = Source::current()) {
    Execution::Current().Fence(FenceKind::kLight, std::memory_order_seq_cst, source);
  }
  static void HeavyFence(Source source = Source::current()) {
    Execution::Current().Fence(FenceKind::kHeavy, std::memory_order_seq_cst, source);
  }
  static void Pause() { Execution::Current().Pause(); }
};

// Data that is not atomic. Two accesses that are not ordered, one of them a write, are a violation.
template <class T>
class Plain {
 public:
  Plain() : Plain(T()) {}
  explicit Plain(T value)
      : value_(std::move(value)), allocation_(Execution::Current().constructing()) {
    Execution::Current().PlainWrite(&accesses_, -1);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  const T& Get() const {
    Execution::Current().PlainRead(&accesses_, allocation_);
    return value_;
  }
  void Set(T value) {
    Execution::Current().PlainWrite(&accesses_, allocation_);
    value_ = std::move(value);
  }

 private:
  T value_;
  mutable Accesses accesses_;
  int allocation_;
};

// Memory whose use is watched. What is never given to Delete is a leak.
template <class T, class... Arguments>
T* New(Arguments&&... arguments) {
  Execution& execution = Execution::Current();
  int allocation = execution.BeginAllocation();
  std::unique_ptr<T> object = std::make_unique<T>(std::forward<Arguments>(arguments)...);
  execution.EndAllocation(allocation, object.get(),
                          [](void* memory) { std::unique_ptr<T>(static_cast<T*>(memory)); });
  return object.release();
}
template <class T>
void Delete(T* object) {
  Execution::Current().Free(object);
}

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_CHECKED_POLICY_H_
