// Which stream a page's new base goes to: pages that are rewritten after about the same time die
// together, so they lie together, and a segment of them empties without help.
//
// A page's interval is how far the log has grown since the page was written before. The scale is
// what the database has seen lately: the quarters of a histogram of the intervals' logarithms, of
// which the older observations count half after each kWindow. When the middle half is narrow, all
// pages are alike (uniform writes), and several streams would only cost open segments and purity;
// then there is one.
#ifndef MORAINE_STORAGE_TEMPERATURE_H_
#define MORAINE_STORAGE_TEMPERATURE_H_

#include <array>
#include <cstdint>

#include "storage/segments/address.h"

namespace moraine {

// One thread at a time.
class Temperature {
 public:
  static constexpr uint32_t kWindow = 4096;  // observations
  // Uniform writes have exponential intervals, whose quartiles are 2.3 octaves apart.
  static constexpr uint32_t kAlikeOctaves = 3;

  // 0: the page's first time, or not known; it says nothing about the others.
  void Observe(uint64_t interval);
  Stream StreamFor(uint64_t interval) const;

 private:
  uint32_t Quantile(uint32_t quarter) const;

  std::array<uint32_t, 65> counts_{};
  uint32_t total_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TEMPERATURE_H_
