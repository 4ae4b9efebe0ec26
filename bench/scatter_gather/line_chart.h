// Line charts as one self-contained SVG: both axes logarithmic, every line told apart by its dashes,
// its markers and the name at its end, so that colour is never needed.
#ifndef MORAINE_BENCH_SCATTER_GATHER_LINE_CHART_H_
#define MORAINE_BENCH_SCATTER_GATHER_LINE_CHART_H_

#include <string>
#include <utility>
#include <vector>

namespace moraine::bench {

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y, both above 0; by x
};

struct ChartPanel {
  std::string title;
  std::vector<ChartLine> lines;  // of one name: drawn alike in every panel
};

struct Chart {
  std::string title;
  std::string note;  // a line below the title
  std::string x_label;
  std::string y_label;
  std::vector<ChartPanel> panels;  // below each other
};

// A whole SVG document. Lines without points are left out.
std::string DrawChart(const Chart& chart);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_LINE_CHART_H_
