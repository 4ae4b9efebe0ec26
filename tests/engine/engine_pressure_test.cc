// Memory that is short all the time: no write and no checkpoint may be refused for it.
// Flags: --seed=N.
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr uint64_t kMemoryBytes = uint64_t{8} << 20;
constexpr uint64_t kKeys = 200'000 / kSanitizerSlowdown;

class EnginePressureTest : public testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options = SmallEngineOptions(&io_);
    options.memory_bytes = kMemoryBytes;
    options.log_segment_bytes = uint64_t{4} << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    absl::StatusOr<Tree*> tree = engine_->CreateTree("tree", {});
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *tree;
    for (uint64_t i = 0; i < kKeys; ++i) ASSERT_EQ(Put(i), absl::OkStatus()) << i;
  }
  absl::Status Put(uint64_t i) {
    std::string key = std::to_string(i * 2654435761 % 1000003);
    key = std::string(7 - key.size(), '0') + key + "." + std::to_string(i);
    std::string value = std::string(50, 'x') + random_.Bytes(50);
    return engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone).status();
  }

  SimulatedIo io_{{}};
  Random random_{TestSeed()};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
};

// Spread over so many pages that each is out of memory again before the next one comes.
TEST_F(EnginePressureTest, NoUpdateIsRefused) {
  for (uint64_t i = 0; i < 2 * kKeys; ++i) {
    ASSERT_EQ(Put(random_.Below(kKeys)), absl::OkStatus()) << i;
  }
}

// Pages with as many fragments as there may be have to be read to be written; all of them together
// are several times the memory, and no other thread makes room.
TEST_F(EnginePressureTest, ACheckpointMayReadMoreThanFits) {
  for (int round = 0; round < 12; ++round) {
    for (uint64_t i = 0; i < kKeys / 10; ++i) {
      ASSERT_EQ(Put(random_.Below(kKeys)), absl::OkStatus()) << i;
    }
    ASSERT_EQ(engine_->Checkpoint(), absl::OkStatus()) << "round " << round;
    ASSERT_TRUE(engine_->Trim(UINT32_MAX).ok());
  }
}

}  // namespace
}  // namespace moraine
