// The arithmetic of space_policy.h.
#include "storage/space_policy.h"

#include <algorithm>
#include <cmath>

namespace moraine {
namespace {

// Every stream has a segment that is being filled, and a few wait to be released.
constexpr uint64_t kSlackSegments = kStreamCount + 2;
// Dead segments are worth a checkpoint when they are this part of the target.
constexpr uint64_t kDeadPart = 16;
constexpr uint64_t kFewestDead = 4;
// Beyond this part of the target, appending is as dear as it gets.
constexpr double kTolerance = 0.125;
constexpr double kMostPrice = 2;
// Free segments within the files: shrinking begins at twice what is kept.
constexpr uint64_t kFreePart = 16;
constexpr uint64_t kFewestFree = 8;

double Score(const SegmentInfo& segment, const SegmentStoreStats& stats) {
  const double age = static_cast<double>(stats.next_sequence - segment.sequence);
  const double dead = static_cast<double>(stats.segment_bytes) -
                      static_cast<double>(std::min(segment.live_bytes, stats.segment_bytes));
  return age * dead / static_cast<double>(segment.live_bytes + 1);
}

}  // namespace

uint64_t SpacePolicy::Target(const SegmentStoreStats& stats) const {
  const double live = static_cast<double>(stats.live_bytes);
  return kSlackSegments +
         static_cast<uint64_t>(std::ceil(live / fill_ / static_cast<double>(stats.segment_bytes)));
}

uint64_t SpacePolicy::FreeToKeep(const SegmentStoreStats& stats) const {
  return std::max(kFewestFree, Target(stats) / kFreePart);
}

SpaceStep SpacePolicy::Next(const SegmentStoreStats& stats) const {
  const uint64_t target = Target(stats);
  // On a full disk whatever can be gained is worth having.
  if (stats.low_space) return stats.dead_segments > 0 ? SpaceStep::kRelease : SpaceStep::kClean;
  if (stats.dead_segments > std::max(kFewestDead, target / kDeadPart)) return SpaceStep::kRelease;
  if (stats.segments - stats.dead_segments - stats.draining_segments > target)
    return SpaceStep::kClean;
  if (stats.free_segments > 2 * FreeToKeep(stats)) return SpaceStep::kEvacuate;
  return SpaceStep::kNothing;
}

double SpacePolicy::Price(const SegmentStoreStats& stats) const {
  const double target = static_cast<double>(Target(stats));
  const double limit = target * kTolerance + static_cast<double>(kFewestDead);
  const double over = static_cast<double>(stats.segments - stats.draining_segments) - target;
  // Free of charge up to half of the tolerance: the cleaner's own thread keeps up as a rule.
  return std::clamp((over / limit - 0.5) * 2 * kMostPrice, 0.0, kMostPrice);
}

std::vector<SegmentInfo> SpacePolicy::Victims(std::vector<SegmentInfo> segments,
                                              const SegmentStoreStats& stats, double most_live,
                                              size_t count) {
  const double segment_bytes = static_cast<double>(stats.segment_bytes);
  // The header and a few padded blocks in each segment are lost again.
  const double useful = 1 - 6.0 * static_cast<double>(kIoAlignment) / segment_bytes;
  const double most_bytes = std::min(most_live, useful) * segment_bytes;
  std::erase_if(segments, [&](const SegmentInfo& segment) {
    return segment.open || segment.dead || segment.run != 1 || segment.stream == Stream::kLarge ||
           static_cast<double>(segment.live_bytes) > most_bytes;
  });
  std::sort(segments.begin(), segments.end(), [&](const SegmentInfo& a, const SegmentInfo& b) {
    return Score(a, stats) > Score(b, stats);
  });
  if (segments.size() > count) segments.resize(count);
  return segments;
}

}  // namespace moraine
