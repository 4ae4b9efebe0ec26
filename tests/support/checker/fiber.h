// Threads of a checked program: stacks of their own that give way only where told to, so that one
// processor runs every interleaving and a run repeats exactly.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_FIBER_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_FIBER_H_

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace moraine::checker {

class Fiber {
 public:
  // The fiber of the caller's own stack.
  Fiber();
  // One that runs `body`, which never returns, on a stack of its own.
  explicit Fiber(std::function<void()> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Leaves the running fiber `from`, which is this one, and goes on where `to` left.
  void SwitchTo(Fiber& to);

 private:
  static void Enter(uint32_t high, uint32_t low);
  void FinishSwitch();

  std::function<void()> body_;
  ucontext_t context_;
  std::unique_ptr<char[]> stack_;
  // What the address sanitizer must be told about stacks.
  const void* stack_bottom_ = nullptr;
  size_t stack_bytes_ = 0;
  void* fake_stack_ = nullptr;
  Fiber* came_from_ = nullptr;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_FIBER_H_
