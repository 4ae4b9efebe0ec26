// Fibers by ucontext, announced to the address sanitizer, which otherwise takes a switch of stacks
// for a wild stack pointer.
#include "tests/support/checker/fiber.h"

#include "storage/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace moraine::checker {
namespace {

constexpr size_t kStackBytes = size_t{256} << 10;

}  // namespace

Fiber::Fiber() : context_() {}

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)),
      context_(),
      stack_(std::make_unique<char[]>(kStackBytes)),
      stack_bottom_(stack_.get()),
      stack_bytes_(kStackBytes) {
  MORAINE_CHECK(getcontext(&context_) == 0);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  // makecontext hands over ints only.
  uint64_t self = reinterpret_cast<uintptr_t>(this);
  makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<uint32_t>(self >> 32), static_cast<uint32_t>(self));
}

void Fiber::Enter(uint32_t high, uint32_t low) {
  uint64_t self = static_cast<uint64_t>(high) << 32 | low;
  Fiber* fiber = reinterpret_cast<Fiber*>(static_cast<uintptr_t>(self));
  fiber->FinishSwitch();
  fiber->body_();
}

void Fiber::SwitchTo(Fiber& to) {
  to.came_from_ = this;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&fake_stack_, to.stack_bottom_, to.stack_bytes_);
#endif
  MORAINE_CHECK(swapcontext(&context_, &to.context_) == 0);
  FinishSwitch();
}

void Fiber::FinishSwitch() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack_, &came_from_->stack_bottom_,
                                  &came_from_->stack_bytes_);
#endif
}

}  // namespace moraine::checker
