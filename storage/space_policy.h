// When to clean, what, and what a byte costs: arithmetic over the segment store's figures, without
// threads or files.
//
// `fill` is how much of the segments in use shall be alive. Above the target that follows from it the
// cleaner works; above the target by more than kTolerance the bytes that flushes append are paid for
// by cleaning, a little at first and in full at the limit, so that whoever writes slows down
// smoothly and space stays bounded.
// Which segments: those with the largest age * dead / live (cost-benefit; M. Rosenblum, J. Ousterhout,
// "The design and implementation of a log-structured file system", 1992). An old segment is worth
// cleaning at a higher fill than a young one, which may yet empty by itself.
#ifndef MORAINE_STORAGE_SPACE_POLICY_H_
#define MORAINE_STORAGE_SPACE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/segments/segment_store.h"

namespace moraine {

enum class SpaceStep : uint8_t {
  kNothing,
  kRelease,   // a checkpoint that lets dead segments become free
  kClean,     // move what is alive out of the segments that are worth most
  kEvacuate,  // move what lies at the end of the files further down, so that they shrink
};

class SpacePolicy {
 public:
  explicit SpacePolicy(double fill) : fill_(fill) {}

  SpaceStep Next(const SegmentStoreStats& stats) const;
  // Bytes to gain for every byte appended: 0 while there is no need, 2 at the limit.
  double Price(const SegmentStoreStats& stats) const;
  // Segments that the live bytes may take.
  uint64_t Target(const SegmentStoreStats& stats) const;
  // Evacuation goes on until no more than this are free.
  uint64_t FreeToKeep(const SegmentStoreStats& stats) const;

  // The best ones first, at most `count`. None of them is fuller than `most_live`, or so full that
  // what headers and padding take would be all that is gained.
  static std::vector<SegmentInfo> Victims(std::vector<SegmentInfo> segments,
                                          const SegmentStoreStats& stats, double most_live,
                                          size_t count);
  double most_live() const { return (1 + fill_) / 2; }

 private:
  double fill_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SPACE_POLICY_H_
