// Where things lie in a panel, and the few SVG elements that draw them.
#include "bench/scatter_gather/line_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace moraine::bench {
namespace {

constexpr double kWidth = 860;
constexpr double kHeadHeight = 64;
constexpr double kPanelHeight = 420;
constexpr double kLeft = 80;          // room for the labels of the y axis
constexpr double kRight = 700;        // beyond it the names of the lines
constexpr double kTop = 40;           // of the plot, below the panel's title
constexpr double kBottom = 360;       // of the plot, above the labels of the x axis
constexpr double kNameDistance = 15;  // between names, so that they do not overlap

struct Look {
  const char* colour;
  const char* dashes;
  const char* marker;  // a path around 0,0
};
// Colours that the colour-blind tell apart (Okabe and Ito), dashes and markers for everybody else.
constexpr Look kLooks[] = {
    {"#000000", "none", "M-4,-4H4V4H-4Z"},
    {"#0072b2", "7 4", "M0,-5L5,4H-5Z"},
    {"#d55e00", "2 3", "M0,-5L5,0L0,5L-5,0Z"},
    {"#009e73", "none", "M-4.5,0A4.5,4.5 0 1 0 4.5,0A4.5,4.5 0 1 0 -4.5,0Z"},
    {"#cc79a7", "10 3 2 3", "M-5,-5L5,5M5,-5L-5,5"},
    {"#56b4e9", "5 2", "M0,-6V6M-6,0H6"},
    {"#7a6a00", "12 5", "M0,5L5,-4H-5Z"},
    {"#e69f00", "1 4", "M-5,0H5M-3,-5V5M3,-5V5"},
};

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string Text(double x, double y, const std::string& anchor, const std::string& text,
                 int size = 13) {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n", x, y, anchor,
      size, Escape(text));
}

// A logarithmic axis between two ends of the drawing.
class Axis {
 public:
  Axis(double least, double most, double from, double to)
      : least_(std::log(least)), most_(std::log(most)), from_(from), to_(to) {
    if (most_ <= least_) most_ = least_ + 1;
  }
  double At(double value) const {
    return from_ + (to_ - from_) * (std::log(value) - least_) / (most_ - least_);
  }

 private:
  double least_;
  double most_;
  double from_;
  double to_;
};

// 1, 2 and 5 times the powers of ten from the last one at or below `least` to the first at or
// above `most`.
std::vector<double> Ticks(double least, double most) {
  std::vector<double> ticks;
  for (double power = std::pow(10, std::floor(std::log10(least)));; power *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double tick = power * step;
      if (tick <= least) ticks.clear();
      ticks.push_back(tick);
      if (tick >= most) return ticks;
    }
  }
}

// Names of lines in the order in which they first appear: a name's place decides its look.
std::vector<std::string> NamesOf(const Chart& chart) {
  std::vector<std::string> names;
  for (const ChartPanel& panel : chart.panels) {
    for (const ChartLine& line : panel.lines) {
      if (std::find(names.begin(), names.end(), line.name) == names.end()) {
        names.push_back(line.name);
      }
    }
  }
  return names;
}

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  void Add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

// A name at the end of a line: where it wants to be, and where there is room.
struct EndName {
  double wanted_y;
  double y;
  const ChartLine* line;
};

std::vector<EndName> PlaceNames(const ChartPanel& panel, const Axis& y_axis) {
  std::vector<EndName> names;
  for (const ChartLine& line : panel.lines) {
    if (line.points.empty()) continue;
    const double y = y_axis.At(line.points.back().second);
    names.push_back({y, y, &line});
  }
  std::sort(names.begin(), names.end(),
            [](const EndName& one, const EndName& other) { return one.wanted_y < other.wanted_y; });
  for (size_t index = 1; index < names.size(); ++index) {
    names[index].y = std::max(names[index].y, names[index - 1].y + kNameDistance);
  }
  return names;
}

std::string DrawLine(const ChartLine& line, const Look& look, const Axis& x_axis,
                     const Axis& y_axis) {
  std::string path;
  std::string markers;
  for (const auto& [x, y] : line.points) {
    path += absl::StrFormat("%s%.1f,%.1f ", path.empty() ? "M" : "L", x_axis.At(x), y_axis.At(y));
    markers += absl::StrFormat(
        "<path d=\"%s\" transform=\"translate(%.1f %.1f)\" fill=\"%s\" stroke=\"%s\">"
        "<title>%s: %g, %.1f</title></path>\n",
        look.marker, x_axis.At(x), y_axis.At(y), look.colour, look.colour, Escape(line.name), x, y);
  }
  return absl::StrFormat(
             "<path class=\"line\" d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" "
             "stroke-dasharray=\"%s\"/>\n",
             path, look.colour, look.dashes) +
         markers;
}

// The name at the end of its line, joined to it by a thin stroke and with its marker before it.
std::string DrawName(const EndName& name, const Look& look, double end_x) {
  return absl::StrFormat(
             "<path d=\"M%.1f,%.1fL%.1f,%.1f\" stroke=\"#999999\" stroke-width=\"0.7\"/>\n",
             end_x + 7, name.wanted_y, kRight + 2, name.y) +
         absl::StrFormat(
             "<path d=\"%s\" transform=\"translate(%.1f %.1f)\" fill=\"%s\" stroke=\"%s\"/>\n",
             look.marker, kRight + 11, name.y, look.colour, look.colour) +
         Text(kRight + 22, name.y + 4, "start", name.line->name);
}

std::string DrawAxes(const Chart& chart, const std::set<double>& xs, const std::vector<double>& ys,
                     const Axis& x_axis, const Axis& y_axis) {
  std::string svg;
  for (const double y : ys) {
    svg += absl::StrFormat("<path d=\"M%.1f,%.1fH%.1f\" stroke=\"#cccccc\" stroke-width=\"1\"/>\n",
                           kLeft, y_axis.At(y), kRight);
    svg += Text(kLeft - 8, y_axis.At(y) + 4, "end", absl::StrFormat("%g", y));
  }
  for (const double x : xs) {
    svg += absl::StrFormat("<path d=\"M%.1f,%.1fV%.1f\" stroke=\"#000000\"/>\n", x_axis.At(x),
                           kBottom, kBottom + 5);
    svg += Text(x_axis.At(x), kBottom + 20, "middle", absl::StrFormat("%g", x));
  }
  svg += absl::StrFormat("<path d=\"M%.1f,%.1fV%.1fH%.1f\" fill=\"none\" stroke=\"#000000\"/>\n",
                         kLeft, kTop, kBottom, kRight);
  svg += Text((kLeft + kRight) / 2, kBottom + 42, "middle", chart.x_label);
  svg += absl::StrFormat(
      "<text transform=\"translate(22 %.1f) rotate(-90)\" text-anchor=\"middle\" "
      "font-size=\"13\">%s</text>\n",
      (kTop + kBottom) / 2, Escape(chart.y_label));
  return svg;
}

std::string DrawPanel(const Chart& chart, const ChartPanel& panel,
                      const std::vector<std::string>& names) {
  std::set<double> xs;
  Range y_range;
  for (const ChartLine& line : panel.lines) {
    for (const auto& [x, y] : line.points) {
      xs.insert(x);
      y_range.Add(y);
    }
  }
  std::string svg = Text(kLeft, kTop - 14, "start", panel.title, 15);
  if (xs.empty()) return svg + Text(kLeft, kTop + 20, "start", "nothing was measured");
  const std::vector<double> ticks = Ticks(y_range.least, y_range.most);
  const Axis x_axis(*xs.begin(), *xs.rbegin(), kLeft + 20, kRight - 20);
  const Axis y_axis(ticks.front(), ticks.back(), kBottom, kTop);
  svg += DrawAxes(chart, xs, ticks, x_axis, y_axis);
  for (const EndName& name : PlaceNames(panel, y_axis)) {
    const auto place = std::find(names.begin(), names.end(), name.line->name) - names.begin();
    const Look& look = kLooks[static_cast<size_t>(place) % std::size(kLooks)];
    svg += DrawLine(*name.line, look, x_axis, y_axis);
    svg += DrawName(name, look, x_axis.At(name.line->points.back().first));
  }
  return svg;
}

}  // namespace

std::string DrawChart(const Chart& chart) {
  const double height = kHeadHeight + kPanelHeight * static_cast<double>(chart.panels.size());
  std::string svg = absl::StrFormat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
      "height=\"%.0f\" font-family=\"sans-serif\" role=\"img\">\n",
      kWidth, height, kWidth, height);
  svg += "<title>" + Escape(chart.title) + "</title>\n";
  svg += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  svg += Text(20, 30, "start", chart.title, 18);
  svg += Text(20, 52, "start", chart.note);
  const std::vector<std::string> names = NamesOf(chart);
  for (size_t index = 0; index < chart.panels.size(); ++index) {
    svg += absl::StrFormat("<g transform=\"translate(0 %.0f)\">\n",
                           kHeadHeight + kPanelHeight * static_cast<double>(index));
    svg += DrawPanel(chart, chart.panels[index], names) + "</g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace moraine::bench
