// What a call through the C interface costs beside the same call in C++: a read of a present and of
// an absent key, an unsynced put, a step of a scan, a snapshot. The claim is at most 30 ns more.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "benchmark/benchmark.h"

#include "bench/temporary_directory.h"
#include <moraine/c.h>
#include <moraine/database.h>

namespace moraine::bench {
namespace {

constexpr int kRecords = 10000;
constexpr size_t kValueBytes = 100;

std::string KeyOf(int number) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "key%013d", number);
  return text.data();
}

void Require(bool fine, const char* what) {
  if (fine) return;
  std::fprintf(stderr, "c_api_benchmark: %s failed\n", what);
  std::exit(1);
}

// The same records in two databases, one behind each interface.
class Databases {
 public:
  Databases() {
    auto directory = TemporaryDirectory::Create("");
    Require(directory.ok(), "making a directory");
    directory_ = *std::move(directory);
    auto opened = Database::Open(directory_->path() + "/cpp", {.create_if_missing = true});
    Require(opened.ok(), "opening in C++");
    cpp = *std::move(opened);
    cpp_tree = cpp->default_tree();
    moraine_options options = MORAINE_OPTIONS_INIT;
    options.create_if_missing = 1;
    const std::string path = directory_->path() + "/c";
    Require(moraine_open(path.c_str(), &options, &c, nullptr) == MORAINE_OK, "opening in C");
    Require(moraine_tree_default(c, &c_tree, nullptr) == MORAINE_OK, "the default tree");
    const std::string value(kValueBytes, 'v');
    for (int i = 0; i < kRecords; ++i) {
      const std::string key = KeyOf(i);
      Require(cpp->Put(cpp_tree, key, value, Durability::kNone).ok(), "a put in C++");
      Require(moraine_put(c, c_tree, key.data(), key.size(), value.data(), value.size(),
                          MORAINE_NONE, nullptr) == MORAINE_OK,
              "a put in C");
    }
  }
  ~Databases() { (void)moraine_close(c, nullptr); }
  Databases(const Databases&) = delete;
  Databases& operator=(const Databases&) = delete;

  // The one that main owns: a database must be closed before main returns.
  static Databases& Get() { return **Slot(); }
  static std::unique_ptr<Databases>* Slot() {
    static std::unique_ptr<Databases> databases;
    return &databases;
  }

 private:
  std::unique_ptr<TemporaryDirectory> directory_;  // removed last

 public:
  std::unique_ptr<Database> cpp;
  Tree cpp_tree;
  moraine_database* c = nullptr;
  moraine_tree* c_tree = nullptr;
};

// One hot key: what differs is the interface, not the caches.
void GetInCpp(benchmark::State& state) {
  Databases& both = Databases::Get();
  const std::string key = KeyOf(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(both.cpp->Get(both.cpp_tree, key));
}
BENCHMARK(GetInCpp)->ArgName("key")->Arg(kRecords / 2)->Arg(kRecords);

void GetInC(benchmark::State& state) {
  Databases& both = Databases::Get();
  const std::string key = KeyOf(static_cast<int>(state.range(0)));
  std::array<char, kValueBytes> buffer;
  size_t size = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(moraine_get(both.c, both.c_tree, key.data(), key.size(), buffer.data(),
                                         buffer.size(), &size, nullptr));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(GetInC)->ArgName("key")->Arg(kRecords / 2)->Arg(kRecords);

void PutInCpp(benchmark::State& state) {
  Databases& both = Databases::Get();
  const std::string key = KeyOf(1);
  const std::string value(kValueBytes, 'w');
  for (auto _ : state) {
    benchmark::DoNotOptimize(both.cpp->Put(both.cpp_tree, key, value, Durability::kNone));
  }
}
BENCHMARK(PutInCpp);

void PutInC(benchmark::State& state) {
  Databases& both = Databases::Get();
  const std::string key = KeyOf(1);
  const std::string value(kValueBytes, 'w');
  for (auto _ : state) {
    benchmark::DoNotOptimize(moraine_put(both.c, both.c_tree, key.data(), key.size(), value.data(),
                                         value.size(), MORAINE_NONE, nullptr));
  }
}
BENCHMARK(PutInC);

void StepInCpp(benchmark::State& state) {
  Databases& both = Databases::Get();
  Scan scan = both.cpp->Scan(both.cpp_tree);
  auto record = scan.begin();
  for (auto _ : state) {
    benchmark::DoNotOptimize(*record);
    if (++record == scan.end()) record = scan.begin();
  }
}
BENCHMARK(StepInCpp);

void StepInC(benchmark::State& state) {
  Databases& both = Databases::Get();
  moraine_cursor* cursor = nullptr;
  moraine_slice key;
  moraine_slice value;
  Require(moraine_cursor_open(both.c, both.c_tree, nullptr, &cursor, nullptr) == MORAINE_OK,
          "opening a cursor");
  for (auto _ : state) {
    if (moraine_cursor_next(cursor, &key, &value, nullptr) != MORAINE_OK) {
      (void)moraine_cursor_first(cursor, &key, &value, nullptr);
    }
    benchmark::ClobberMemory();
  }
  (void)moraine_cursor_free(cursor);
}
BENCHMARK(StepInC);

void SnapshotInCpp(benchmark::State& state) {
  Databases& both = Databases::Get();
  for (auto _ : state) benchmark::DoNotOptimize(both.cpp->TakeSnapshot());
}
BENCHMARK(SnapshotInCpp);

void SnapshotInC(benchmark::State& state) {
  Databases& both = Databases::Get();
  moraine_snapshot* snapshot = nullptr;
  for (auto _ : state) {
    (void)moraine_snapshot_take(both.c, &snapshot, nullptr);
    (void)moraine_snapshot_free(snapshot);
  }
}
BENCHMARK(SnapshotInC);

int Run(int argument_count, char** arguments) {
  benchmark::Initialize(&argument_count, arguments);
  if (benchmark::ReportUnrecognizedArguments(argument_count, arguments)) return 2;
  *Databases::Slot() = std::make_unique<Databases>();
  benchmark::RunSpecifiedBenchmarks();
  Databases::Slot()->reset();
  return 0;
}

}  // namespace
}  // namespace moraine::bench

int main(int argument_count, char** arguments) {
  return moraine::bench::Run(argument_count, arguments);
}
