// Everything that may go either way in a checked execution is one choice: which thread steps, which
// message a load reads, where a store goes, whether a thread stops for ever, which branch an open
// value takes. One stack of choices, replayed from the start for every execution, is the whole
// state of the exploration; nothing of the program is ever copied or restored.
//
// A choice is recorded by what it means (thread 2, second newest message), not by its index among
// the alternatives that the reductions left, so that a record replays without them.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_CHOICES_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_CHOICES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/support/seeds.h"

namespace moraine::checker {

enum class ChoiceKind : uint8_t {
  kThread,   // the thread that steps
  kMessage,  // how many messages are newer than the one that is read
  kSlot,     // how many messages will be newer than the store
  kStop,     // 1: the thread stops for ever
  kFailure,  // 1: a weak compare-and-swap fails for no reason
  kBranch,   // 1: an open condition holds
  kScenario  // a choice of the scenario's own
};

struct Choice {
  static constexpr uint16_t kDefault = 0xffff;  // whatever is first: go on, newest, at the end
  ChoiceKind kind;
  uint16_t value;
  bool operator==(const Choice&) const = default;
};

std::string ToString(std::span<const Choice> choices);

class ChoiceSource {
 public:
  virtual ~ChoiceSource() = default;
  // One of the alternatives, which are not empty; the first is the tamest. `order` is its index.
  virtual uint16_t Choose(ChoiceKind kind, std::span<const uint16_t> alternatives,
                          size_t* order) = 0;
  // What was chosen in this execution so far.
  const std::vector<Choice>& record() const { return record_; }

 protected:
  std::vector<Choice> record_;
};

// All choices, depth first.
class DepthFirst final : public ChoiceSource {
 public:
  uint16_t Choose(ChoiceKind kind, std::span<const uint16_t> alternatives, size_t* order) override;
  // Moves to the next execution; false when all are done.
  bool Next();
  // False when an execution did not follow the choices it was given: the scenario depends on
  // something else than its choices.
  bool deterministic() const { return deterministic_; }

 private:
  struct Frame {
    uint32_t first;  // of its alternatives
    uint16_t count;
    uint16_t chosen;
    ChoiceKind kind;
  };
  std::vector<Frame> frames_;
  std::vector<uint16_t> alternatives_;
  size_t depth_ = 0;
  bool deterministic_ = true;
};

// Uniformly random choices.
class RandomChoices final : public ChoiceSource {
 public:
  explicit RandomChoices(uint64_t seed) : random_(seed) {}
  uint16_t Choose(ChoiceKind kind, std::span<const uint16_t> alternatives, size_t* order) override;
  void Next() { record_.clear(); }

 private:
  Random random_;
};

// Follows a record. Where the record does not fit any more, or ends, the tamest is taken.
class RecordedChoices final : public ChoiceSource {
 public:
  explicit RecordedChoices(std::vector<Choice> choices) : choices_(std::move(choices)) {}
  uint16_t Choose(ChoiceKind kind, std::span<const uint16_t> alternatives, size_t* order) override;
  // The record with every value that only repeats the default replaced by it.
  const std::vector<Choice>& normalized() const { return normalized_; }

 private:
  const std::vector<Choice> choices_;
  std::vector<Choice> normalized_;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_CHOICES_H_
