// Printing the report, line by line, so that it can be followed while it grows.
#include "tools/first_run/report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fmt/format.h"
#include "tools/cli/progress.h"

namespace moraine::first_run {
namespace {

constexpr std::string_view kBold = "1";
constexpr std::string_view kGreen = "32";
constexpr std::string_view kRed = "1;31";
constexpr std::string_view kBlue = "34";
constexpr std::string_view kFaint = "2";

}  // namespace

Report::Report()
    : terminal_(cli::IsTerminal(STDOUT_FILENO)),
      colors_(terminal_ && std::getenv("NO_COLOR") == nullptr),
      start_(std::chrono::steady_clock::now()) {}

std::string Report::Colored(std::string_view color, std::string_view text) const {
  return colors_ ? fmt::format("\033[{}m{}\033[0m", color, text) : std::string(text);
}

void Report::Write(std::string_view line) {
  if (passing_) fmt::print("\r\033[K");
  passing_ = false;
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void Report::Title(std::string_view text) { Write(Colored(kBold, text)); }

void Report::Step(std::string_view text) {
  Write("");
  Write(Colored(kBold, fmt::format("{}. {}", ++steps_, text)));
}

void Report::Passing(std::string_view text) {
  if (!terminal_) return;
  fmt::print("\r   {}\033[K", text);
  std::fflush(stdout);
  passing_ = true;
}

void Report::Line(std::string_view text) { Write(fmt::format("   {}", text)); }

void Report::Fact(std::string_view name, std::string_view text) {
  Line(fmt::format("{} {}", Colored(kFaint, fmt::format("{:<22}", name)), text));
}

void Report::Check(bool passed, std::string_view text, std::span<const std::string> problems) {
  ++(passed ? passed_ : failed_);
  Line(fmt::format("{} {}", passed ? Colored(kGreen, "ok    ") : Colored(kRed, "FAILED"), text));
  for (const std::string& problem : problems) {
    Line("       " + Colored(kRed, problem));
  }
}

void Report::Bars(std::span<const std::pair<std::string, uint64_t>> rows) {
  constexpr uint64_t kBarCells = 36;
  uint64_t most = 1;
  size_t width = 0;
  for (const auto& [name, count] : rows) {
    most = std::max(most, count);
    width = std::max(width, name.size());
  }
  for (const auto& [name, count] : rows) {
    const std::string bar(std::max<uint64_t>(1, count * kBarCells / most), '#');
    Line(fmt::format("{:<{}} {:>9} {}", name, width, Grouped(count), Colored(kBlue, bar)));
  }
}

void Report::End(std::string_view advice) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  Write("");
  const std::string checks =
      fmt::format("{} checks passed, {} failed, in {}", passed_, failed_, Duration(seconds));
  Write(Colored(all_passed() ? kGreen : kRed, checks));
  if (!advice.empty()) Write(advice);
}

std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string Bytes(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes);
  std::string_view unit;
  for (const std::string_view larger : {"kB", "MB", "GB", "TB"}) {
    if (size < 1000 && !unit.empty()) break;
    size /= 1000;
    unit = larger;
  }
  return fmt::format("{:.1f} {}", size, unit);
}

std::string Duration(double seconds) {
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

std::string Rate(uint64_t count, std::string_view plural, double seconds) {
  const double rate = static_cast<double>(count) / std::max(seconds, 1e-9);
  return fmt::format("{} {}/s", Grouped(static_cast<uint64_t>(rate)), plural);
}

}  // namespace moraine::first_run
