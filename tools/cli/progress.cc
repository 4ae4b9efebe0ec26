// Drawing the bar of Progress in place, over what was drawn before.
#include "tools/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace moraine::cli {

bool IsTerminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return ::isatty(descriptor) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

Progress::Progress(std::string action, uint64_t total, std::string unit)
    : shown_(IsTerminal(STDERR_FILENO)),
      action_(std::move(action)),
      total_(total),
      unit_(std::move(unit)),
      start_(std::chrono::steady_clock::now()),
      next_draw_(start_ + std::chrono::milliseconds(300)) {}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");
}

void Progress::Update(uint64_t done, uint64_t records) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + std::chrono::milliseconds(100);
  Draw(done, records, std::chrono::duration<double>(now - start_).count());
}

void Progress::Draw(uint64_t done, uint64_t records, double seconds) {
  std::string line = fmt::format("{} {} {}, {:.0f}/s", action_, records, unit_,
                                 static_cast<double>(records) / seconds);
  if (total_ != 0) {
    constexpr size_t kWidth = 24;
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const auto filled = static_cast<size_t>(share * kWidth);
    const double left = share > 0 ? seconds * (1 - share) / share : 0;
    line += fmt::format(" [{}{}] {:.0f}%, {:.0f} s left", std::string(filled, '#'),
                        std::string(kWidth - filled, '.'), share * 100, left);
  }
  fmt::print(stderr, "\r{}\033[K", line);
  std::fflush(stderr);
}

}  // namespace moraine::cli
