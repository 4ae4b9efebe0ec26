// Random histories for hours: what commit_order_test does, with every shape drawn at random, until
// so many transactions have been checked. The first history that goes wrong ends it, with the seed
// that repeats it: bazel run -c opt //tests/histories:soak -- --transactions=N [--seed=N]
// [--history=SEED --keys=N --padding=N]
#include <chrono>
#include <cstdio>
#include <string>

#include "tests/histories/random_history.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

int Soak() {
  uint64_t total = TestFlag("transactions", 100'000'000);
  uint64_t only = TestFlag("history", 0);
  Random random(TestSeed());
  RandomHistoryCounts counts;
  auto begin = std::chrono::steady_clock::now();
  auto reported = begin;
  uint64_t begun = 0;
  while (begun < total) {
    RandomHistoryOptions options;
    options.seed = only != 0 ? only : random.Next();
    options.keys = 2 + random.Skewed(14);
    options.padding = random.OneIn(4) ? random.Skewed(12) : 0;
    options.eras = 1 + random.Below(4);
    options.keys = TestFlag("keys", options.keys);
    options.padding = TestFlag("padding", options.padding);
    options.eras = TestFlag("eras", options.eras);
    options.transactions = TestFlag("era-transactions", options.transactions);
    RandomHistory history(options);
    std::string wrong = history.Run();
    if (!wrong.empty()) {
      std::printf("WRONG: --history=%llu --keys=%llu --padding=%llu --eras=%llu\n%s\n",
                  static_cast<unsigned long long>(options.seed),
                  static_cast<unsigned long long>(options.keys),
                  static_cast<unsigned long long>(options.padding),
                  static_cast<unsigned long long>(options.eras), wrong.c_str());
      return 1;
    }
    counts.Add(history.counts());
    begun += options.transactions * options.eras;
    auto now = std::chrono::steady_clock::now();
    bool last = begun >= total || only != 0;
    if (now - reported < std::chrono::seconds(10) && !last) continue;
    reported = now;
    double seconds = std::chrono::duration<double>(now - begin).count();
    std::printf(
        "%llu of %llu transactions, %.0f/s; %llu committed, %llu refused, %llu lost by "
        "cuts, %llu pages evicted\n",
        static_cast<unsigned long long>(begun), static_cast<unsigned long long>(total),
        static_cast<double>(begun) / seconds, static_cast<unsigned long long>(counts.committed),
        static_cast<unsigned long long>(counts.refused),
        static_cast<unsigned long long>(counts.lost),
        static_cast<unsigned long long>(counts.evicted));
    std::fflush(stdout);
    if (only != 0) break;
  }
  return 0;
}

}  // namespace
}  // namespace moraine

int main() { return moraine::Soak(); }
