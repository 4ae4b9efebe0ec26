// The population is consistent, stays so under the mix on several threads, and each condition notices
// what it is there for.
#include "bench/transactions/tpcc.h"

#include <string>

#include "gtest/gtest.h"

#include "bench/peers/moraine_store.h"
#include "bench/temporary_directory.h"
#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

constexpr TpccScale kTiny = {.warehouses = 2, .districts = 3, .customers = 30, .items = 100};

TEST(TpccTest, TheMixKeepsTheConditionsOnMoraine) {
  const auto directory = TemporaryDirectory::Create("");
  ASSERT_TRUE(directory.ok());
  StoreSettings settings;
  settings.directory = (*directory)->path();
  settings.cache_bytes = uint64_t{128} << 20;
  const auto store = OpenMoraine(settings);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(LoadTpcc(**store, kTiny, 3).ok());
  ASSERT_EQ(CheckTpcc(**store, kTiny), absl::OkStatus());
  const auto ran = RunRoles(**store, {TpccRole(kTiny, 3, 3)}, {.seconds = 0.5});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_GT(ran->front().result.ops, 100u);
  EXPECT_EQ(CheckTpcc(**store, kTiny), absl::OkStatus());
  EXPECT_TRUE((*store)->Close().ok());
}

TEST(TpccTest, EachConditionNoticesWhatItIsThereFor) {
  constexpr TpccScale kOne = {.warehouses = 1, .districts = 1, .customers = 30, .items = 100};
  // The letter that keys of a table begin with; see tpcc_rows.h.
  const struct {
    const char* condition;
    std::string prefix;
  } kCases[] = {
      {"condition 1", "w"}, {"condition 2", "o"}, {"condition 3", "n"}, {"condition 4", "l"}};
  for (const auto& test : kCases) {
    MapStore store;
    ASSERT_TRUE(LoadTpcc(store, kOne, 3).ok());
    ASSERT_EQ(CheckTpcc(store, kOne), absl::OkStatus());
    const auto session = store.NewSession().value();
    auto damage = [&](TransactionView& view) -> absl::Status {
      std::string key;
      std::string value;
      int skip = 3;  // neither the first nor the last one
      absl::Status found = view.Scan(test.prefix, [&](std::string_view k, std::string_view v) {
        if (!k.starts_with(test.prefix)) return false;
        key = k;
        value = v;
        return --skip > 0;
      });
      if (!found.ok()) return found;
      if (test.prefix != "w") return view.Delete(key);
      value[0] ^= 1;  // of its sum
      return view.Put(key, value);
    };
    ASSERT_TRUE(session->InTransaction(TransactionMode::kReadWrite, damage).ok());
    const absl::Status checked = CheckTpcc(store, kOne);
    EXPECT_TRUE(absl::IsDataLoss(checked)) << test.condition;
    EXPECT_NE(checked.ToString().find(test.condition), std::string::npos) << checked;
  }
}

}  // namespace
}  // namespace moraine::bench
