// What the checker has to say, for people and for programs.
#ifndef MORAINE_TOOLS_HISTORY_REPORT_H_
#define MORAINE_TOOLS_HISTORY_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "tools/history/history.h"

namespace moraine::history {

// What the database promised. Strict: serializable in an order that agrees with real time and with
// each session.
enum class Level : uint8_t { kSnapshot, kSerializable, kStrict };
std::string_view LevelName(Level level);

struct Example {
  std::vector<uint32_t> transactions;  // of a cycle: in its order
  std::vector<std::string> lines;      // why, one sentence each
};

struct Anomaly {
  std::string name;
  bool allowed = false;  // the level permits it
  uint64_t count = 0;
  std::vector<Example> examples;  // the first few
};

class Report {
 public:
  explicit Report(Level level) : level_(level) {}

  void Add(std::string_view name, Example example);
  void set_complete(bool complete) { complete_ = complete; }

  Level level() const { return level_; }
  // Nothing that the level forbids.
  bool valid() const;
  const std::vector<Anomaly>& anomalies() const { return anomalies_; }
  const Anomaly* Find(std::string_view name) const;  // nullptr: there is none

  std::string Text(const History& history) const;
  nlohmann::ordered_json Json(const History& history) const;

 private:
  const Level level_;
  bool complete_ = true;  // the search for short cycles was not cut off
  std::vector<Anomaly> anomalies_;
};

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_REPORT_H_
