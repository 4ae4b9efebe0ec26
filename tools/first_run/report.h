// The report that a person reads: steps with their time, facts, tables, and checks that passed or
// failed. Colours and redrawn lines only on a terminal (and not when NO_COLOR is set).
#ifndef MORAINE_TOOLS_FIRST_RUN_REPORT_H_
#define MORAINE_TOOLS_FIRST_RUN_REPORT_H_

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moraine::first_run {

class Report {
 public:
  Report();

  void Title(std::string_view text);
  // Begins a numbered step.
  void Step(std::string_view text);
  // A line that the next one replaces; nothing when the output is no terminal.
  void Passing(std::string_view text);
  void Line(std::string_view text);
  // A named fact.
  void Fact(std::string_view name, std::string_view text);
  // One check: prints whether it passed and remembers a failure; then its problems.
  void Check(bool passed, std::string_view text, std::span<const std::string> problems = {});
  // Names with counts and a bar each, the longest for the largest.
  void Bars(std::span<const std::pair<std::string, uint64_t>> rows);
  // The last lines: how many checks passed, and the time of all.
  void End(std::string_view advice);

  bool all_passed() const { return failed_ == 0; }

 private:
  std::string Colored(std::string_view color, std::string_view text) const;
  void Write(std::string_view line);

  bool terminal_;
  bool colors_;
  bool passing_ = false;  // a replaceable line is on the screen
  int steps_ = 0;
  int passed_ = 0;
  int failed_ = 0;
  std::chrono::steady_clock::time_point start_;
};

// 1234567 as "1,234,567".
std::string Grouped(uint64_t number);
// Bytes in a unit that fits: "51.2 MB".
std::string Bytes(uint64_t bytes);
// "0.84 ms", "12.3 s".
std::string Duration(double seconds);
// How many a second: "123,456 keys/s".
std::string Rate(uint64_t count, std::string_view plural, double seconds);

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_REPORT_H_
