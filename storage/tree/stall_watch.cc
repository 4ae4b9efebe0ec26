// The clock is read once per fruitless turn of a waiter; see the header.
#include "storage/tree/stall_watch.h"

#include "storage/tree/visibility.h"

namespace moraine {

bool StallWatch::HasStalled(const Version& blocker) {
  TsWord word = LoadWord(blocker.ts);
  const void* owner = &blocker;
  uint64_t steps = 0;
  if (word.state() == TsWord::State::kOwned) {
    owner = word.owner();
    steps = word.owner()->steps();
  }
  auto now = std::chrono::steady_clock::now();
  if (owner != owner_ || steps != steps_) {
    owner_ = owner;
    steps_ = steps;
    since_ = now;
    return false;
  }
  if (now - since_ < kStallPatience) return false;
  owner_ = nullptr;
  return true;
}

void StallWatch::EndAttempt(Version& blocker) {
  TsWord word = LoadWord(blocker.ts);
  Abort(word.state() == TsWord::State::kOwned ? word.owner()->word : blocker.ts);
}

}  // namespace moraine
