// The histogram behind the choice of streams.
#include "storage/temperature.h"

#include <bit>

namespace moraine {
namespace {

// Fewer observations than this say nothing.
constexpr uint32_t kFewest = 256;

uint32_t OctaveOf(uint64_t interval) { return static_cast<uint32_t>(std::bit_width(interval)); }

}  // namespace

void Temperature::Observe(uint64_t interval) {
  if (interval == 0) return;
  ++counts_[OctaveOf(interval)];
  if (++total_ < kWindow) return;
  total_ = 0;
  for (uint32_t& count : counts_) total_ += count /= 2;
}

// The octave below which `quarter` quarters of the observations lie.
uint32_t Temperature::Quantile(uint32_t quarter) const {
  uint64_t below = 0;
  for (uint32_t octave = 0; octave < counts_.size(); ++octave) {
    below += counts_[octave];
    if (4 * below >= uint64_t{quarter} * total_) return octave;
  }
  return static_cast<uint32_t>(counts_.size());
}

Stream Temperature::StreamFor(uint64_t interval) const {
  const uint32_t low = Quantile(1);
  const uint32_t high = Quantile(3);
  if (interval == 0 || total_ < kFewest || high - low <= kAlikeOctaves) return Stream::kWarm;
  const uint32_t octave = OctaveOf(interval);
  if (octave <= low) return Stream::kHot;
  return octave > high ? Stream::kCold : Stream::kWarm;
}

}  // namespace moraine
