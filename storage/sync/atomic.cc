// The parts of the atomics seam that need the kernel or a thread's own state.
#include "storage/sync/atomic.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace moraine {
namespace {

struct Hook {
  AtomicHook function = nullptr;
  void* context = nullptr;
};

thread_local Hook thread_hook;

}  // namespace

bool HasAsymmetricFence() {
  static const bool has =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return has;
}

void AsymmetricHeavyFence() {
  if (HasAsymmetricFence()) syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  // order: seq_cst: pairs with LightFence; what was unlinked before against the scan after
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void SetAtomicHook(AtomicHook hook, void* context) { thread_hook = {hook, context}; }

void CallAtomicHook(AtomicStep step, const void* address) {
  if (thread_hook.function != nullptr) thread_hook.function(thread_hook.context, step, address);
}

}  // namespace moraine
