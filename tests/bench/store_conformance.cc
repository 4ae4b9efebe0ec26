// The bodies of the conformance suite of adapters.
#include "tests/bench/store_conformance.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/record_set.h"
#include "bench/workload.h"

namespace moraine::bench {

void StoreConformanceTest::SetUp() {
  auto directory = TemporaryDirectory::Create("");
  ASSERT_TRUE(directory.ok()) << directory.status();
  directory_ = std::move(*directory);
  OpenStore();
}

void StoreConformanceTest::OpenStore() {
  StoreSettings settings;
  settings.directory = directory_->path();
  settings.cache_bytes = uint64_t{64} << 20;
  // What a store is told of its data, not what it gets: cold means more than the cache.
  settings.data_bytes = GetParam().cold ? uint64_t{1} << 30 : uint64_t{1} << 20;
  settings.synced = GetParam().synced;
  settings.cold = GetParam().cold;
  auto store = GetParam().contender.open(settings);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = std::move(*store);
}

void StoreConformanceTest::TearDown() {
  if (store_ == nullptr) return;
  const absl::Status closed = store_->Close();
  EXPECT_TRUE(closed.ok()) << closed;
}

std::unique_ptr<Session> StoreConformanceTest::NewSession() {
  auto session = store_->NewSession();
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? std::move(*session) : nullptr;
}

namespace {

TEST_P(StoreConformanceTest, GetSeesTheNewestPutOfAnySession) {
  const auto one = NewSession();
  const auto two = NewSession();
  std::string value = "untouched";
  EXPECT_FALSE(one->Get("key", &value).value());
  ASSERT_TRUE(one->Put("key", "first").ok());
  EXPECT_TRUE(two->Get("key", &value).value());
  EXPECT_EQ(value, "first");
  ASSERT_TRUE(two->Put("key", "second, longer").ok());
  EXPECT_TRUE(one->Get("key", &value).value());
  EXPECT_EQ(value, "second, longer");
  EXPECT_FALSE(two->Get("kez", &value).value());
}

TEST_P(StoreConformanceTest, MultiGetKeepsTheOrderOfItsKeys) {
  const auto session = NewSession();
  ASSERT_TRUE(session->PutMany(std::vector<KeyValue>{{"a", "1"}, {"b", ""}, {"c", "3"}}).ok());
  std::vector<std::optional<std::string>> values = {"left over", "too", "and", "this", "one"};
  ASSERT_TRUE(session->MultiGet(std::vector<std::string_view>{"c", "x", "a", "b"}, &values).ok());
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"3", std::nullopt, "1", ""}));
  ASSERT_TRUE(session->MultiGet(std::vector<std::string_view>{"c", "c", "c"}, &values).ok());
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"3", "3", "3"}));
}

TEST_P(StoreConformanceTest, ClosedStoreOpensAgainWithWhatItHad) {
  ASSERT_TRUE(NewSession()->PutMany(std::vector<KeyValue>{{"a", "1"}, {"b", "2"}}).ok());
  ASSERT_TRUE(store_->Settle().ok());
  ASSERT_TRUE(NewSession()->Put("b", "newer").ok());
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  OpenStore();
  ASSERT_NE(store_, nullptr);
  std::string value;
  EXPECT_TRUE(NewSession()->Get("a", &value).value());
  EXPECT_EQ(value, "1");
  EXPECT_TRUE(NewSession()->Get("b", &value).value());
  EXPECT_EQ(value, "newer");
}

TEST_P(StoreConformanceTest, PutManyAndScanInKeyOrder) {
  const auto session = NewSession();
  ASSERT_TRUE(
      session->PutMany(std::vector<KeyValue>{{"c", "3"}, {"a", "1"}, {"d", "4"}, {"b", "2"}}).ok());
  std::string seen;
  auto collect = [&seen](std::string_view key, std::string_view value) {
    seen += std::string(key) + "=" + std::string(value) + " ";
    return key != "c";
  };
  ASSERT_TRUE(session->Scan("", collect).ok());
  EXPECT_EQ(seen, "a=1 b=2 c=3 ");
  seen.clear();
  ASSERT_TRUE(session->Scan("bb", collect).ok());
  EXPECT_EQ(seen, "c=3 ");
  seen.clear();
  ASSERT_TRUE(session->Scan("cc", collect).ok());
  EXPECT_EQ(seen, "d=4 ");
  seen.clear();
  ASSERT_TRUE(session->Scan("e", collect).ok());
  EXPECT_EQ(seen, "");
  ASSERT_TRUE(session->Put("f", "6").ok());
  ASSERT_TRUE(session->Scan("e", collect).ok());
  EXPECT_EQ(seen, "f=6 ");
}

TEST_P(StoreConformanceTest, UpdateWritesKeepsOrFindsNothing) {
  const auto session = NewSession();
  ASSERT_TRUE(session->Put("key", "old").ok());
  auto old_to_new = [](std::string_view current, std::string* next) {
    if (current != "old") return false;
    *next = "new";
    return true;
  };
  std::string value;
  EXPECT_TRUE(session->Update("key", old_to_new).value());
  EXPECT_TRUE(session->Get("key", &value).value());
  EXPECT_EQ(value, "new");
  EXPECT_FALSE(session->Update("key", old_to_new).value());
  EXPECT_FALSE(session->Update("absent", old_to_new).value());
  EXPECT_FALSE(session->Get("absent", &value).value());
  EXPECT_TRUE(session->Get("key", &value).value());
  EXPECT_EQ(value, "new");
}

TEST_P(StoreConformanceTest, TransactionsReadAndWrite) {
  if (!store_->has_transactions()) GTEST_SKIP() << "no transactions";
  const auto session = NewSession();
  ASSERT_TRUE(session->Put("a", "1").ok());
  const std::vector<std::string_view> reads = {"a", "absent"};
  const std::vector<KeyValue> writes = {{"a", "2"}, {"b", "3"}};
  std::vector<std::string> values;
  ASSERT_TRUE(session->ReadAndWrite(reads, &values, writes).ok());
  EXPECT_EQ(values, (std::vector<std::string>{"1", ""}));
  ASSERT_TRUE(session->ReadAndWrite(reads, &values, {}).ok());
  EXPECT_EQ(values[0], "2");
  std::string value;
  EXPECT_TRUE(session->Get("b", &value).value());
  EXPECT_EQ(value, "3");
}

TEST_P(StoreConformanceTest, TransactionsSeeTheirOwnWritesAndLeaveNothingWhenTheyFail) {
  if (!store_->has_transactions()) GTEST_SKIP() << "no transactions";
  const auto session = NewSession();
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(session->Put(key, key).ok());
  std::string seen;
  auto change = [&](TransactionView& view) -> absl::Status {
    seen.clear();
    std::string value;
    EXPECT_TRUE(view.Get("a", &value).value());
    EXPECT_TRUE(view.Put("bb", "new").ok());
    EXPECT_TRUE(view.Delete("b").ok());
    EXPECT_TRUE(view.Delete("absent").ok());
    EXPECT_FALSE(view.Get("b", &value).value());
    return view.Scan("aa", [&](std::string_view key, std::string_view) {
      seen.append(key).append(" ");
      return true;
    });
  };
  auto fail = [&](TransactionView& view) -> absl::Status {
    EXPECT_TRUE(change(view).ok());
    return absl::FailedPreconditionError("changed its mind");
  };
  EXPECT_TRUE(
      absl::IsFailedPrecondition(session->InTransaction(TransactionMode::kReadWrite, fail)));
  EXPECT_EQ(seen, "bb c ");
  std::string value;
  EXPECT_TRUE(session->Get("b", &value).value());
  EXPECT_FALSE(session->Get("bb", &value).value());
  ASSERT_TRUE(session->InTransaction(TransactionMode::kReadWrite, change).ok());
  EXPECT_EQ(seen, "bb c ");
  EXPECT_FALSE(session->Get("b", &value).value());
  auto look = [&](TransactionView& view) -> absl::Status {
    EXPECT_TRUE(view.Get("bb", &value).value());
    return view.Scan("c", [&](std::string_view key, std::string_view) {
      seen = key;
      return false;
    });
  };
  ASSERT_TRUE(session->InTransaction(TransactionMode::kReadOnly, look).ok());
  EXPECT_EQ(value, "new");
  EXPECT_EQ(seen, "c");
}

TEST_P(StoreConformanceTest, ConcurrentTransactionsLoseNoUpdate) {
  if (!store_->has_transactions()) GTEST_SKIP() << "no transactions";
  constexpr int kThreads = 3;
  const int turns = GetParam().synced ? 10 : 200;
  ASSERT_TRUE(NewSession()->Put("counter", "0").ok());
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([this, turns] {
      const auto session = NewSession();
      for (int turn = 0; turn < turns; ++turn) {
        auto add = [&](TransactionView& view) -> absl::Status {
          std::string value;
          const absl::StatusOr<bool> found = view.Get("counter", &value);
          if (!found.ok()) return found.status();
          std::this_thread::sleep_for(std::chrono::microseconds(20));
          return view.Put("counter", std::to_string(std::stoi(value) + 1));
        };
        EXPECT_TRUE(session->InTransaction(TransactionMode::kReadWrite, add).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string value;
  EXPECT_TRUE(NewSession()->Get("counter", &value).value());
  EXPECT_EQ(value, std::to_string(kThreads * turns));
}

TEST_P(StoreConformanceTest, ConcurrentUpdatesLoseNothing) {
  constexpr int kThreads = 3;
  const int turns = GetParam().synced ? 10 : 300;
  ASSERT_TRUE(NewSession()->Put("counter", "0").ok());
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([this, turns] {
      const auto session = NewSession();
      for (int turn = 0; turn < turns; ++turn) {
        const auto written =
            session->Update("counter", [](std::string_view current, std::string* next) {
              *next = std::to_string(std::stoi(std::string(current)) + 1);
              // Room for another thread between the read and the write.
              std::this_thread::sleep_for(std::chrono::microseconds(20));
              return true;
            });
        EXPECT_TRUE(written.ok() && *written) << written.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string value;
  EXPECT_TRUE(NewSession()->Get("counter", &value).value());
  EXPECT_EQ(value, std::to_string(kThreads * turns));
}

TEST_P(StoreConformanceTest, EveryWorkloadReadsBackWhatWasWritten) {
  const RecordSet records(5, GetParam().synced ? 100 : 3000, 100);
  RunPlan plan;
  plan.seconds = 0.02;
  plan.warm_up_seconds = 0;
  for (const int threads : {1, 2}) {
    plan.threads = threads;
    for (const Workload workload : kAllWorkloads) {
      if (workload == Workload::kTransaction && !store_->has_transactions()) continue;
      plan.workload = workload;
      const auto result = RunWorkload(*store_, records, plan);
      ASSERT_TRUE(result.ok()) << WorkloadName(workload) << ": " << result.status();
      ASSERT_TRUE(store_->Settle().ok());
    }
  }
  const auto session = NewSession();
  std::string value;
  KeyBuffer key;
  for (uint64_t index = 0; index < records.count(); ++index) {
    ASSERT_TRUE(session->Get(records.Key(index, &key), &value).value());
    ASSERT_TRUE(records.CheckValue(index, value)) << key.view();
  }
}

TEST_P(StoreConformanceTest, DescriptionNamesTheEngineAndItsDurability) {
  StoreCase other = GetParam();
  EXPECT_EQ(store_->Description().find(other.contender.name), 0U);
  EXPECT_TRUE(store_->Counters().ok());
}

}  // namespace
}  // namespace moraine::bench
