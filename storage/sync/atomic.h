// The seam through which every shared word of the engine goes. Nothing else names std::atomic, so
// the code that ships is the code that a checker drives.
//
// A policy is a type with
//   template <class T> Atomic<T>  every operation takes an explicit std::memory_order: no defaults,
//                                 no conversions
//   Fence(order)                  a fence of the calling thread
//   LightFence() / HeavyFence()   the two halves of an asymmetric sequentially consistent fence: a
//                                 heavy one on one side orders against light ones on all others
//                                 (membarrier(2); both full where it is refused)
//   Pause()                       one turn of a spin loop
//
// StdPolicy is production. HookedPolicy calls the hook of its thread before every operation: a
// seeded scheduler that installs a hook owns every interleaving of sequentially consistent steps.
// Small lock-free cores are templates over the policy, so that a model checker with weak memory can
// be a third one; the engine around them uses DefaultPolicy.
#ifndef MORAINE_STORAGE_SYNC_ATOMIC_H_
#define MORAINE_STORAGE_SYNC_ATOMIC_H_

#include <atomic>
#include <cstdint>

namespace moraine {

// True when membarrier(2) could be registered for this process; decided once, thread-safe.
bool HasAsymmetricFence();
// Orders this thread's memory accesses against the LightFence of every other running thread.
void AsymmetricHeavyFence();

inline void CpuPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct StdPolicy {
  template <class T>
  class Atomic {
   public:
    Atomic() = default;
    constexpr explicit Atomic(T value) : word_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(std::memory_order order) const { return word_.load(order); }
    void store(T value, std::memory_order order) { word_.store(value, order); }
    T exchange(T value, std::memory_order order) { return word_.exchange(value, order); }
    T fetch_add(T value, std::memory_order order) { return word_.fetch_add(value, order); }
    T fetch_sub(T value, std::memory_order order) { return word_.fetch_sub(value, order); }
    T fetch_or(T value, std::memory_order order) { return word_.fetch_or(value, order); }
    T fetch_and(T value, std::memory_order order) { return word_.fetch_and(value, order); }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) {
      return word_.compare_exchange_strong(expected, desired, success, failure);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
      return word_.compare_exchange_weak(expected, desired, success, failure);
    }

   private:
    static_assert(std::atomic<T>::is_always_lock_free);
    std::atomic<T> word_{T()};
  };

  static void Fence(std::memory_order order) { std::atomic_thread_fence(order); }
  static void LightFence() {
    // order: seq_cst: pairs with HeavyFence; the store before it against the loads after it
    if (HasAsymmetricFence()) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      // order: seq_cst: the same, where the kernel cannot make the others fence
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  }
  static void HeavyFence() { AsymmetricHeavyFence(); }
  static void Pause() { CpuPause(); }
};

// What a hooked operation is about to do; a scheduler may switch threads before it returns.
enum class AtomicStep : uint8_t { kLoad, kStore, kReadModifyWrite, kFence, kPause };
using AtomicHook = void (*)(void* context, AtomicStep step, const void* address);

// Installs `hook` for the calling thread (nullptr removes it). Only HookedPolicy calls it.
void SetAtomicHook(AtomicHook hook, void* context);
void CallAtomicHook(AtomicStep step, const void* address);

struct HookedPolicy {
  template <class T>
  class Atomic {
   public:
    Atomic() = default;
    constexpr explicit Atomic(T value) : word_(value) {}

    T load(std::memory_order order) const {
      CallAtomicHook(AtomicStep::kLoad, this);
      return word_.load(order);
    }
    void store(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kStore, this);
      word_.store(value, order);
    }
    T exchange(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.exchange(value, order);
    }
    T fetch_add(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.fetch_add(value, order);
    }
    T fetch_sub(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.fetch_sub(value, order);
    }
    T fetch_or(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.fetch_or(value, order);
    }
    T fetch_and(T value, std::memory_order order) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.fetch_and(value, order);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.compare_exchange_strong(expected, desired, success, failure);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
      CallAtomicHook(AtomicStep::kReadModifyWrite, this);
      return word_.compare_exchange_weak(expected, desired, success, failure);
    }

   private:
    StdPolicy::Atomic<T> word_;
  };

  static void Fence(std::memory_order order) {
    CallAtomicHook(AtomicStep::kFence, nullptr);
    StdPolicy::Fence(order);
  }
  static void LightFence() {
    CallAtomicHook(AtomicStep::kFence, nullptr);
    StdPolicy::LightFence();
  }
  static void HeavyFence() {
    CallAtomicHook(AtomicStep::kFence, nullptr);
    StdPolicy::HeavyFence();
  }
  static void Pause() {
    CallAtomicHook(AtomicStep::kPause, nullptr);
    StdPolicy::Pause();
  }
};

#if defined(MORAINE_CHECKED)
using DefaultPolicy = HookedPolicy;
#else
using DefaultPolicy = StdPolicy;
#endif

template <class T>
using Atomic = DefaultPolicy::Atomic<T>;

}  // namespace moraine

#endif  // MORAINE_STORAGE_SYNC_ATOMIC_H_
