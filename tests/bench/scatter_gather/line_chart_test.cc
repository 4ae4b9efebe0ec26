// The chart is well-formed, self-contained, and has every line with its name; two lines never look
// alike.
#include "bench/scatter_gather/line_chart.h"

#include <regex>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/bench/scatter_gather/xml_check.h"

namespace moraine::bench {
namespace {

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Chart EightLines() {
  Chart chart = {.title = "a & b", .note = "<note>", .x_label = "\"x\"", .y_label = "y"};
  ChartPanel panel = {.title = "one"};
  for (int line = 0; line < 8; ++line) {
    const double factor = line + 1;
    panel.lines.push_back({.name = "line" + std::to_string(line),
                           .points = {{1, 10 * factor}, {8, 20 * factor}, {32, 900 * factor}}});
  }
  chart.panels = {panel, panel};
  return chart;
}

TEST(XmlCheckTest, TellsBrokenFromWhole) {
  EXPECT_EQ(XmlError("<?xml version=\"1.0\"?>\n<a b=\"1\">x &amp; y<c/></a>\n"), "");
  for (const char* broken : {"", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a>&</a>", "<a b=1/>",
                             "<a>1 < 2</a>", "x<a/>", "<a b=\"1/>"}) {
    EXPECT_NE(XmlError(broken), "") << broken;
  }
}

TEST(LineChartTest, IsWellFormedAndHasEveryLine) {
  const std::string svg = DrawChart(EightLines());
  EXPECT_EQ(XmlError(svg), "");
  EXPECT_EQ(CountOf(svg, "class=\"line\""), 16U);
  for (int line = 0; line < 8; ++line) {
    EXPECT_EQ(CountOf(svg, ">line" + std::to_string(line) + "</text>"), 2U) << line;
  }
  EXPECT_NE(svg.find("a &amp; b"), std::string::npos);
  EXPECT_EQ(CountOf(svg, "href"), 0U);  // nothing from elsewhere
}

TEST(LineChartTest, LinesDifferWithoutColour) {
  const std::string svg = DrawChart(EightLines());
  std::set<std::string> looks;
  const std::regex marker(
      R"re(<path d="([^"]*)" transform="[^"]*" fill="[^"]*" stroke="[^"]*"><title>)re");
  for (std::sregex_iterator at(svg.begin(), svg.end(), marker), end; at != end; ++at) {
    looks.insert((*at)[1]);
  }
  EXPECT_EQ(looks.size(), 8U);
}

TEST(LineChartTest, FewOrNoPointsStillDraw) {
  Chart chart = {.title = "t"};
  EXPECT_EQ(XmlError(DrawChart(chart)), "");
  chart.panels = {{.title = "empty"}, {.title = "point", .lines = {{"a", {{8, 100}}}, {"b", {}}}}};
  const std::string svg = DrawChart(chart);
  EXPECT_EQ(XmlError(svg), "");
  EXPECT_NE(svg.find("nothing was measured"), std::string::npos);
  EXPECT_EQ(CountOf(svg, "class=\"line\""), 1U);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace moraine::bench
