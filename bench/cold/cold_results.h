// The lines of all children together: medians over the rounds, the table, and whether moraine
// reaches what is asked of it on cold data.
#ifndef MORAINE_BENCH_COLD_COLD_RESULTS_H_
#define MORAINE_BENCH_COLD_COLD_RESULTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace moraine::bench {

// Lines of fio have the engine "fio" and these workloads; "on" names the engine whose files it read.
inline constexpr std::string_view kFioDepth8 = "fio_randread_8";
inline constexpr std::string_view kFioDepth32 = "fio_randread_32";
inline constexpr std::string_view kFioSequential = "fio_read_sequential";

struct ColdVerdict {
  bool met = false;
  std::string text;  // a line for people
};

class ColdResults {
 public:
  // False, and nothing kept, when the text is no line.
  bool Add(std::string_view line);

  // The median over the rounds of a numeric field; nullopt when no such run succeeded.
  std::optional<double> Median(std::string_view engine, std::string_view workload, int threads,
                               std::string_view field) const;
  // The greatest over the rounds.
  std::optional<double> Most(std::string_view engine, std::string_view workload, int threads,
                             std::string_view field) const;
  // Of fio on the files of `engine`, reads per second; nullopt when it did not run.
  std::optional<double> Fio(std::string_view engine, std::string_view workload,
                            std::string_view field) const;

  std::string Table() const;
  // A target whose runs are missing is not met.
  std::vector<ColdVerdict> Judge() const;

 private:
  std::vector<double> Values(std::string_view engine, std::string_view workload, int threads,
                             std::string_view field, std::string_view on) const;
  std::string Row(const std::string& engine, const std::string& workload, int threads) const;
  // Whether every measured line was taken below one memory limit, of at most an eighth of the data.
  bool LimitsWereAlike() const;
  std::vector<std::string> Engines() const;

  std::vector<nlohmann::json> lines_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_COLD_RESULTS_H_
