// Options, order of the runs and output.
//
// A turn is one engine on one fresh directory: load, settle, read everything once, the workloads, close,
// remove. Durable puts and TPC-C have stores of their own, since the one needs other settings and
// the other other data. Every round begins with another engine.
#include "bench/transactions/transactions.h"

#include <malloc.h>

#include <algorithm>
#include <memory>

#include "CLI/CLI.hpp"
#include "bench/json_line.h"
#include "bench/temporary_directory.h"
#include "bench/transactions/mixes.h"
#include "bench/transactions/results.h"
#include "bench/transactions/tpcc.h"
#include "bench/workload.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitMissed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 5;

constexpr double kTransactionSkew = 0.9;
constexpr double kYcsbSkew = 0.99;  // YCSB's own

const std::vector<std::string>& AllWorkloads() {
  static const std::vector<std::string> all = {
      "txn_uniform", "txn_zipf", "writer_beside_scan", "ycsb_a", "ycsb_b", "ycsb_c", "ycsb_f",
      "ycsb_d",      "ycsb_e",   "put_synced",         "tpcc"};
  return all;
}

struct Options {
  double seconds = 10;
  int rounds = 3;
  uint64_t records = 1'000'000;
  uint64_t value_bytes = 100;
  uint64_t cache_bytes = uint64_t{1} << 30;
  std::vector<int> threads = {1, 2};  // of txn_uniform and txn_zipf
  std::vector<int> synced_threads = {1, 8, 32};
  int mix_threads = 2;  // of YCSB and TPC-C
  TpccScale tpcc;
  std::vector<std::string> engines;
  std::vector<std::string> workloads = AllWorkloads();
  uint64_t seed = 1;
  std::string directory;
  bool json = false;
  bool check = false;

  bool Wants(std::string_view workload) const {
    return std::find(workloads.begin(), workloads.end(), workload) != workloads.end();
  }
};

void Describe(CLI::App& app, const std::vector<Contender>& contenders, Options* options) {
  for (const Contender& contender : contenders) options->engines.push_back(contender.name);
  app.add_option("--seconds", options->seconds, "of each run; a quarter of it before, uncounted")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--rounds", options->rounds, "turns of every engine")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--records", options->records, "loaded before every turn")
      ->check(CLI::Range(100, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--value-bytes", options->value_bytes)
      ->check(CLI::Range(uint64_t{kLeastValueBytes}, uint64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--cache-bytes", options->cache_bytes)->capture_default_str();
  app.add_option("--threads", options->threads, "of txn_uniform and txn_zipf, comma separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--synced-threads", options->synced_threads, "of put_synced, comma separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--mix-threads", options->mix_threads, "of YCSB and TPC-C")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--warehouses", options->tpcc.warehouses, "of TPC-C")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--tpcc-customers", options->tpcc.customers,
                 "of a district; fewer for a quick look")
      ->check(CLI::Range(30, 3000))
      ->capture_default_str();
  app.add_option("--tpcc-items", options->tpcc.items, "fewer for a quick look")
      ->check(CLI::Range(100, 100'000))
      ->capture_default_str();
  app.add_option("--engines", options->engines, "comma separated")
      ->delimiter(',')
      ->check(CLI::IsMember(options->engines))
      ->capture_default_str();
  app.add_option("--workloads", options->workloads, "comma separated")
      ->delimiter(',')
      ->check(CLI::IsMember(AllWorkloads()))
      ->capture_default_str();
  app.add_option("--seed", options->seed, "of keys, values and choices")->capture_default_str();
  app.add_option(
         "--directory", options->directory,
         "where the databases are made and removed; on a real disk for put_synced (default: "
         "a temporary directory)")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--json", options->json, "one JSON line per run; the table goes to stderr");
  app.add_flag("--assert", options->check, "exit 1 unless every target ratio is reached");
}

class Benchmark {
 public:
  Benchmark(const Options& options, const std::vector<Contender>& contenders, std::ostream& out,
            std::ostream& err)
      : options_(options),
        records_(options.seed, options.records, options.value_bytes),
        uniform_(options.records, 0),
        transaction_zipf_(options.records, kTransactionSkew),
        ycsb_zipf_(options.records, kYcsbSkew),
        out_(out),
        err_(err) {
    for (const Contender& contender : contenders) {
      const auto& wanted = options.engines;
      if (std::find(wanted.begin(), wanted.end(), contender.name) != wanted.end())
        contenders_.push_back(contender);
    }
  }

  absl::Status RunAll() {
    for (int round = 0; round < options_.rounds; ++round) {
      round_ = round;
      for (size_t turn = 0; turn < contenders_.size(); ++turn) {
        const Contender& contender = contenders_[(turn + round) % contenders_.size()];
        absl::Status status = RunTurn(contender);
        if (!status.ok())
          return absl::Status(status.code(), contender.name + ": " + std::string(status.message()));
      }
    }
    return absl::OkStatus();
  }

  const TransactionsResults& results() const { return results_; }

 private:
  MixData Data(const ZipfTable& keys) const {
    return {&records_, &keys, Mix(options_.seed + static_cast<uint64_t>(round_) * 1000003)};
  }

  absl::Status RunTurn(const Contender& contender) {
    MORAINE_RETURN_IF_ERROR(RunUnsynced(contender));
    if (options_.Wants("put_synced")) MORAINE_RETURN_IF_ERROR(RunSynced(contender));
    if (options_.Wants("tpcc")) MORAINE_RETURN_IF_ERROR(RunTpcc(contender));
    return absl::OkStatus();
  }

  // Opens a store in a directory of its own, hands it over, and closes it.
  template <class Work>
  absl::Status WithStore(const Contender& contender, uint64_t data_bytes, bool synced, Work work) {
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<TemporaryDirectory> directory,
                             TemporaryDirectory::Create(options_.directory));
    StoreSettings settings;
    settings.directory = directory->path();
    settings.cache_bytes = options_.cache_bytes;
    settings.data_bytes = data_bytes;
    settings.synced = synced;
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, contender.open(settings));
    absl::Status status = work(*store);
    const absl::Status closed = store->Close();
    malloc_trim(0);  // so that the next engine's resident memory is its own
    return status.ok() ? closed : status;
  }

  uint64_t DataBytes() const { return options_.records * (kKeyBytes + options_.value_bytes); }

  // Inserts come last: they change how many records a full scan finds.
  absl::Status RunUnsynced(const Contender& contender) {
    const std::vector<std::string>& wanted = options_.workloads;
    if (std::all_of(wanted.begin(), wanted.end(), [](const std::string& workload) {
          return workload == "put_synced" || workload == "tpcc";
        }))
      return absl::OkStatus();
    return WithStore(contender, DataBytes(), false, [&](Store& store) -> absl::Status {
      MORAINE_RETURN_IF_ERROR(LoadRecords(store, records_));
      MORAINE_RETURN_IF_ERROR(store.Settle());
      MORAINE_RETURN_IF_ERROR(TouchAllRecords(store, records_));
      for (const std::string& workload : AllWorkloads()) {
        if (options_.Wants(workload)) MORAINE_RETURN_IF_ERROR(RunMix(contender, store, workload));
      }
      return absl::OkStatus();
    });
  }

  absl::Status RunMix(const Contender& contender, Store& store, const std::string& workload) {
    if (workload.starts_with("txn_")) {
      if (!store.has_transactions()) return absl::OkStatus();
      const MixData data = Data(workload == "txn_zipf" ? transaction_zipf_ : uniform_);
      for (const int threads : options_.threads)
        MORAINE_RETURN_IF_ERROR(Run(contender, store, {TransactionRole(workload, data, threads)}));
      return absl::OkStatus();
    }
    if (workload == "writer_beside_scan")
      return Run(contender, store, WriterBesideScan(Data(uniform_)));
    if (workload.starts_with("ycsb_"))
      return Run(contender, store,
                 {YcsbRole(workload.back(), Data(ycsb_zipf_), options_.mix_threads)});
    return absl::OkStatus();
  }

  absl::Status RunSynced(const Contender& contender) {
    return WithStore(contender, DataBytes(), true, [&](Store& store) -> absl::Status {
      MORAINE_RETURN_IF_ERROR(LoadRecords(store, records_));
      MORAINE_RETURN_IF_ERROR(store.Settle());
      for (const int threads : options_.synced_threads)
        MORAINE_RETURN_IF_ERROR(
            Run(contender, store, {PutRole("put_synced", Data(uniform_), threads)}));
      return absl::OkStatus();
    });
  }

  absl::Status RunTpcc(const Contender& contender) {
    const TpccScale& scale = options_.tpcc;
    // Twice: orders are added all the time.
    return WithStore(contender, 2 * scale.DataBytes(), false, [&](Store& store) -> absl::Status {
      if (!store.has_transactions()) return absl::OkStatus();
      MORAINE_RETURN_IF_ERROR(LoadTpcc(store, scale, options_.seed));
      MORAINE_RETURN_IF_ERROR(store.Settle());
      MORAINE_RETURN_IF_ERROR(
          Run(contender, store, {TpccRole(scale, Data(uniform_).seed, options_.mix_threads)}));
      return CheckTpcc(store, scale);
    });
  }

  absl::Status Run(const Contender& contender, Store& store, const std::vector<Role>& roles) {
    const TimedPlan plan = {options_.seconds, options_.seconds / 4};
    MORAINE_ASSIGN_OR_RETURN(std::vector<RoleResult> ran, RunRoles(store, roles, plan));
    MORAINE_RETURN_IF_ERROR(store.Settle());
    for (RoleResult& role : ran) {
      TransactionsRecord record;
      record.engine = contender.name;
      record.round = round_;
      record.records = role.workload == "tpcc" ? 0 : options_.records;
      record.value_bytes = role.workload == "tpcc" ? 0 : options_.value_bytes;
      record.config_hash = ConfigHash(store.Description());
      record.seed = options_.seed;
      record.role = std::move(role);
      if (options_.json) out_ << TransactionsLine(record) << "\n" << std::flush;
      err_ << "round " << round_ + 1 << "/" << options_.rounds << "  " << record.role.workload
           << ", " << record.role.threads << " thread(s)  " << record.engine << "  "
           << static_cast<uint64_t>(record.role.result.ops_per_s) << " ops/s\n";
      results_.Add(std::move(record));
    }
    return absl::OkStatus();
  }

  const Options options_;
  const RecordSet records_;
  const ZipfTable uniform_;
  const ZipfTable transaction_zipf_;
  const ZipfTable ycsb_zipf_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Contender> contenders_;
  int round_ = 0;
  TransactionsResults results_;
};

}  // namespace

int RunTransactions(const std::vector<std::string>& arguments,
                    const std::vector<Contender>& contenders, std::ostream& out,
                    std::ostream& err) {
  Options options;
  CLI::App app("transactions of moraine and its peers, on data that fits into memory",
               "transactions");
  Describe(app, contenders, &options);
  // tidy: allow(exceptions): CLI11 reports a wrong command line by throwing, and only here
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 pops the last
    app.parse(reversed);
    // tidy: allow(exceptions): the other half of it
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
  }
#ifndef NDEBUG
  err << "warning: not built with -c opt; the rates mean nothing\n";
#endif
  Benchmark benchmark(options, contenders, out, err);
  const absl::Status status = benchmark.RunAll();
  std::ostream& table = options.json ? err : out;
  table << benchmark.results().Table();
  if (!status.ok()) {
    err << "transactions: " << status.ToString() << "\n";
    return kExitFailed;
  }
  if (!options.check) return kExitOk;
  bool all_met = true;
  for (const TransactionsResults::Verdict& verdict : benchmark.results().Judge()) {
    table << verdict.text << "\n";
    all_met = all_met && verdict.met;
  }
  return all_met ? kExitOk : kExitMissed;
}

}  // namespace moraine::bench
