// Words and JSON for a verdict.
#include "tools/history/report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "nlohmann/json.hpp"

namespace moraine::history {
namespace {

constexpr size_t kMostExamples = 5;

struct Meaning {
  std::string_view name;
  std::string_view words;
};
constexpr Meaning kMeanings[] = {
    {"internal", "a transaction contradicts itself"},
    {"garbage-read", "what was read was written by nobody"},
    {"duplicate-elements", "one write shows twice in a list"},
    {"incompatible-order", "two reads of a list disagree about its order"},
    {"G1a", "aborted read"},
    {"G1b", "intermediate read"},
    {"lost-update", "two updates of one version"},
    {"G0", "dirty write: writes in a cycle"},
    {"G1c", "circular information: writes and reads in a cycle"},
    {"G-single", "read skew: a cycle with one write that a read missed"},
    {"G-nonadjacent", "long fork: a cycle of missed writes, no two of them in a row"},
    {"G2-item", "write skew: a cycle of missed writes"},
    {"G2", "write skew through a range, or phantom"},
};

std::string MeaningOf(std::string_view name) {
  std::string_view base = name.substr(0, name.rfind("-realtime"));
  base = base.substr(0, base.rfind("-session"));
  for (const Meaning& meaning : kMeanings) {
    if (meaning.name == base) return std::string(meaning.words);
  }
  return "";
}

// A cycle of two missed writes in a row is what snapshot isolation permits.
bool IsAllowed(std::string_view name, Level level) {
  return level == Level::kSnapshot && (name == "G2-item" || name == "G2");
}

}  // namespace

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kSnapshot:
      return "snapshot";
    case Level::kSerializable:
      return "serializable";
    case Level::kStrict:
      return "strict";
  }
  return "";
}

const Anomaly* Report::Find(std::string_view name) const {
  for (const Anomaly& anomaly : anomalies_) {
    if (anomaly.name == name) return &anomaly;
  }
  return nullptr;
}

void Report::Add(std::string_view name, Example example) {
  auto at = std::find_if(anomalies_.begin(), anomalies_.end(),
                         [name](const Anomaly& anomaly) { return anomaly.name == name; });
  if (at == anomalies_.end()) {
    Anomaly anomaly;
    anomaly.name = name;
    anomaly.allowed = IsAllowed(name, level_);
    at = anomalies_.insert(anomalies_.end(), std::move(anomaly));
  }
  ++at->count;
  if (at->examples.size() < kMostExamples) at->examples.push_back(std::move(example));
}

bool Report::valid() const {
  return std::all_of(anomalies_.begin(), anomalies_.end(),
                     [](const Anomaly& anomaly) { return anomaly.allowed; });
}

std::string Report::Text(const History& history) const {
  std::string level = std::string(LevelName(level_));
  if (level_ == Level::kSnapshot) level = "snapshot isolation";
  if (level_ == Level::kStrict) level = "strict serializable";
  std::string text = absl::StrCat(history.transactions().size(), " transactions, ",
                                  history.operation_count(), " operations, ", history.key_count(),
                                  " keys: ", valid() ? "consistent with " : "NOT ", level, "\n");
  for (const Anomaly& anomaly : anomalies_) {
    absl::StrAppend(&text, "\n", anomaly.name, " (", MeaningOf(anomaly.name), "): ", anomaly.count,
                    " found", anomaly.allowed ? ", which the level allows" : "", "\n");
    for (const Example& example : anomaly.examples) {
      for (size_t i = 0; i < example.lines.size(); ++i)
        absl::StrAppend(&text, i == 0 ? "  - " : "    ", example.lines[i], "\n");
    }
    if (anomaly.count > anomaly.examples.size())
      absl::StrAppend(&text, "  - and ", anomaly.count - anomaly.examples.size(), " more\n");
  }
  if (!complete_)
    absl::StrAppend(&text,
                    "\nThere are too many cycles to look at each: the verdict stands, but "
                    "there may be shorter cycles, and of worse kinds.\n");
  return text;
}

nlohmann::ordered_json Report::Json(const History& history) const {
  nlohmann::ordered_json anomalies = nlohmann::ordered_json::array();
  for (const Anomaly& anomaly : anomalies_) {
    nlohmann::ordered_json examples = nlohmann::ordered_json::array();
    for (const Example& example : anomaly.examples) {
      nlohmann::ordered_json names = nlohmann::ordered_json::array();
      nlohmann::ordered_json lines = nlohmann::ordered_json::array();
      for (uint32_t transaction : example.transactions) {
        names.push_back(history.NameOf(transaction));
        lines.push_back(history.transactions()[transaction].line);
      }
      examples.push_back({{"transactions", names}, {"lines", lines}, {"because", example.lines}});
    }
    anomalies.push_back({{"name", anomaly.name},
                         {"meaning", MeaningOf(anomaly.name)},
                         {"allowed", anomaly.allowed},
                         {"count", anomaly.count},
                         {"examples", std::move(examples)}});
  }
  return {{"level", std::string(LevelName(level_))},
          {"valid", valid()},
          {"transactions", history.transactions().size()},
          {"operations", history.operation_count()},
          {"keys", history.key_count()},
          {"search_complete", complete_},
          {"anomalies", std::move(anomalies)}};
}

}  // namespace moraine::history
