// The sources of choices: depth first, random, recorded.
#include "tests/support/checker/choices.h"

#include <algorithm>

#include "storage/base/check.h"

namespace moraine::checker {

std::string ToString(std::span<const Choice> choices) {
  static constexpr char kLetters[] = {'t', 'm', 's', 'x', 'f', 'b', 'c'};
  std::string text;
  for (const Choice& choice : choices) {
    if (!text.empty()) text += ' ';
    text += kLetters[static_cast<size_t>(choice.kind)];
    text += choice.value == Choice::kDefault ? std::string("-") : std::to_string(choice.value);
  }
  return text;
}

uint16_t DepthFirst::Choose(ChoiceKind kind, std::span<const uint16_t> alternatives,
                            size_t* order) {
  MORAINE_CHECK(!alternatives.empty());
  size_t index = 0;
  if (alternatives.size() > 1) {
    if (depth_ == frames_.size()) {
      frames_.push_back({static_cast<uint32_t>(alternatives_.size()),
                         static_cast<uint16_t>(alternatives.size()), 0, kind});
      alternatives_.insert(alternatives_.end(), alternatives.begin(), alternatives.end());
    }
    const Frame& frame = frames_[depth_++];
    bool same =
        frame.kind == kind && frame.count == alternatives.size() &&
        std::equal(alternatives.begin(), alternatives.end(), alternatives_.begin() + frame.first);
    if (!same) deterministic_ = false;
    index = std::min<size_t>(frame.chosen, alternatives.size() - 1);
  }
  *order = index;
  record_.push_back({kind, alternatives[index]});
  return alternatives[index];
}

bool DepthFirst::Next() {
  record_.clear();
  depth_ = 0;
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (++frame.chosen < frame.count) return true;
    alternatives_.resize(frame.first);
    frames_.pop_back();
  }
  return false;
}

uint16_t RandomChoices::Choose(ChoiceKind kind, std::span<const uint16_t> alternatives,
                               size_t* order) {
  *order = random_.Below(alternatives.size());
  record_.push_back({kind, alternatives[*order]});
  return alternatives[*order];
}

uint16_t RecordedChoices::Choose(ChoiceKind kind, std::span<const uint16_t> alternatives,
                                 size_t* order) {
  size_t at = record_.size();
  size_t index = 0;
  if (at < choices_.size() && choices_[at].kind == kind) {
    auto found = std::find(alternatives.begin(), alternatives.end(), choices_[at].value);
    if (found != alternatives.end()) index = static_cast<size_t>(found - alternatives.begin());
  }
  *order = index;
  record_.push_back({kind, alternatives[index]});
  normalized_.push_back({kind, index == 0 ? Choice::kDefault : alternatives[index]});
  return alternatives[index];
}

}  // namespace moraine::checker
