// Results as lines of a chart.
#include "bench/scatter_gather/picture.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

#include "bench/scatter_gather/line_chart.h"

namespace moraine::bench {

std::string LatencyPicture(const Results& results, const RunFacts& facts) {
  Chart chart;
  chart.title = "Latency of a page by its number of fragments";
  chart.note = absl::StrFormat(
      "medians; fragments of %u bytes, scattered over %u MiB%s; fio: of one read at that depth",
      facts.fragment_bytes, facts.file_bytes >> 20,
      facts.direct ? ", direct reads" : ", THROUGH THE PAGE CACHE");
  chart.x_label = "fragments of the page (logarithmic)";
  chart.y_label = "median latency in microseconds (logarithmic)";
  std::set<int> reader_counts;
  for (const Setting& setting : results.Settings()) reader_counts.insert(setting.readers);
  for (const int readers : reader_counts) {
    ChartPanel panel;
    panel.title = absl::StrFormat("%d reader%s", readers, readers == 1 ? "" : "s");
    for (const std::string& method : results.Methods()) {
      ChartLine line;
      line.name = method;
      for (const Setting& setting : results.Settings()) {
        if (setting.readers != readers) continue;
        const auto summary = results.Summarize(method, setting);
        if (!summary.has_value() || summary->p50_us <= 0) continue;
        line.points.emplace_back(static_cast<double>(setting.fragment_count), summary->p50_us);
      }
      std::sort(line.points.begin(), line.points.end());
      if (!line.points.empty()) panel.lines.push_back(std::move(line));
    }
    chart.panels.push_back(std::move(panel));
  }
  return DrawChart(chart);
}

}  // namespace moraine::bench
