// A progress bar on standard error, shown only on a terminal: how far, how fast, how long still.
#ifndef MORAINE_TOOLS_CLI_PROGRESS_H_
#define MORAINE_TOOLS_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace moraine::cli {

class Progress {
 public:
  // `total` counts the same thing as `done` in Update, 0 when it is not known. `unit`: what the rate
  // counts.
  Progress(std::string action, uint64_t total, std::string unit = "records");
  // Removes the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `records` are what the rate counts: of `unit`. Cheap; draws at most ten times a second.
  void Update(uint64_t done, uint64_t records);

 private:
  void Draw(uint64_t done, uint64_t records, double seconds);

  bool shown_;
  std::string action_;
  uint64_t total_;
  std::string unit_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_draw_;
};

// Whether standard error is a terminal where a line can be redrawn.
bool IsTerminal(int descriptor);

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_PROGRESS_H_
