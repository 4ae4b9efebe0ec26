// What a power cut may and may not leave, and that every kind of loss really happens.
#include "tests/support/simulated_disk.h"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

using Kind = PendingChange::Kind;

class SimulatedDiskTest : public testing::Test {
 protected:
  SimulatedDiskTest() { disk_.MakeDirectory("db"); }

  static std::string Text(const SimulatedDisk& disk, std::string_view name) {
    std::optional<SimulatedDisk::FileId> file = disk.Find("db", name);
    if (!file.has_value()) return "(none)";
    std::string text(disk.Size(*file), '?');
    disk.Read(*file, 0, text.data(), text.size());
    return text;
  }

  SimulatedDisk::FileId DurableFile(std::string_view name, std::string_view text) {
    const SimulatedDisk::FileId file = disk_.Create("db", name);
    disk_.Write(file, 0, text);
    disk_.Sync(file);
    disk_.SyncDirectory("db");
    return file;
  }

  // All contents of `name` that power cuts with many seeds leave.
  std::set<std::string> Outcomes(std::string_view name, int cuts = 400) const {
    std::set<std::string> outcomes;
    for (int index = 0; index < cuts; ++index) {
      const uint64_t seed = Random::Derive(TestSeed(), static_cast<uint64_t>(index));
      outcomes.insert(Text(disk_.SurvivePowerCut(PowerCutPlan::FromSeed(seed)), name));
    }
    return outcomes;
  }

  SimulatedDisk disk_;
};

std::string Sectors(std::string_view letters) {
  std::string text;
  for (char letter : letters) text += std::string(kDeviceSectorBytes, letter);
  return text;
}

TEST_F(SimulatedDiskTest, DurableStateSurvivesEveryCut) {
  DurableFile("data", "safe");
  EXPECT_EQ(Outcomes("data"), std::set<std::string>{"safe"});
  EXPECT_TRUE(disk_.PendingChanges().empty());
}

TEST_F(SimulatedDiskTest, SeveralWritesAreKeptDroppedTornAndReordered) {
  const SimulatedDisk::FileId file = DurableFile("data", Sectors("aaaa"));
  disk_.Write(file, 0, Sectors("bb"));
  disk_.Write(file, 2 * kDeviceSectorBytes, Sectors("cc"));
  const std::set<std::string> outcomes = Outcomes("data", 2'000);
  for (std::string_view first : {"aa", "bb", "ab", "ba"}) {
    for (std::string_view second : {"aa", "cc", "ac", "ca"}) {
      // "aa" + "cc": the later write survived alone.
      EXPECT_EQ(outcomes.count(Sectors(std::string(first) + std::string(second))), 1u)
          << first << second;
    }
  }
  EXPECT_EQ(outcomes.size(), 16u);
}

TEST_F(SimulatedDiskTest, SectorHoldsOneOfItsStates) {
  const SimulatedDisk::FileId file = DurableFile("data", Sectors("a"));
  disk_.Write(file, 0, "bbbb");
  disk_.Write(file, 2, "cc");
  std::set<std::string> heads;
  for (const std::string& outcome : Outcomes("data")) heads.insert(outcome.substr(0, 5));
  // Never "aacca": the second write wrote a sector that had the first in it.
  EXPECT_EQ(heads, (std::set<std::string>{"aaaaa", "bbbba", "bbcca"}));
}

TEST_F(SimulatedDiskTest, SizeAndDataSurviveApart) {
  const SimulatedDisk::FileId file = DurableFile("data", "");
  disk_.Write(file, 0, "1234");
  const std::set<std::string> expected = {"", "1234", std::string(4, '\0')};
  EXPECT_EQ(Outcomes("data"), expected);
  disk_.Sync(file);
  EXPECT_EQ(Outcomes("data"), std::set<std::string>{"1234"});
}

TEST_F(SimulatedDiskTest, CutAndRewrittenFileIsOldOrNewUpToTheCut) {
  const SimulatedDisk::FileId file = DurableFile("data", Sectors("aa"));
  disk_.Resize(file, 0);
  disk_.Write(file, 0, Sectors("bb"));
  const std::string zero = Sectors(std::string_view("\0", 1));
  std::set<std::string> expected = {"", Sectors("aa")};
  for (const std::string& first : {zero, Sectors("b")}) {
    for (const std::string& second : {zero, Sectors("b")}) expected.insert(first + second);
  }
  EXPECT_EQ(Outcomes("data", 2'000), expected);
}

TEST_F(SimulatedDiskTest, DurableWriteSavesItsBytesAndTheSizeOnly) {
  const SimulatedDisk::FileId file = DurableFile("data", Sectors("aaa"));
  disk_.Write(file, 0, Sectors("bbb"));
  disk_.Write(file, kDeviceSectorBytes, Sectors("c"));
  disk_.SyncRange(file, kDeviceSectorBytes, kDeviceSectorBytes);
  std::set<std::string> expected;
  for (std::string_view text : {"aca", "acb", "bca", "bcb"}) expected.insert(Sectors(text));
  EXPECT_EQ(Outcomes("data", 1'000), expected);
  disk_.Resize(file, 10 * kDeviceSectorBytes);
  disk_.Write(file, 5 * kDeviceSectorBytes, Sectors("d"));
  disk_.SyncRange(file, 5 * kDeviceSectorBytes, kDeviceSectorBytes);
  for (const std::string& outcome : Outcomes("data")) {
    ASSERT_EQ(outcome.size(), 10 * kDeviceSectorBytes);
    EXPECT_EQ(outcome.substr(5 * kDeviceSectorBytes, kDeviceSectorBytes), Sectors("d"));
  }
}

TEST_F(SimulatedDiskTest, NamesAreDurableOnlyAfterTheirDirectory) {
  const SimulatedDisk::FileId file = disk_.Create("db", "data");
  disk_.Write(file, 0, "x");
  disk_.Sync(file);
  EXPECT_EQ(Outcomes("data"), (std::set<std::string>{"(none)", "x"}));
  disk_.SyncDirectory("db");
  EXPECT_EQ(Outcomes("data"), std::set<std::string>{"x"});
  disk_.Remove("db", "data");
  EXPECT_EQ(Outcomes("data"), (std::set<std::string>{"(none)", "x"}));
  disk_.SyncDirectory("db");
  EXPECT_EQ(Outcomes("data"), std::set<std::string>{"(none)"});
}

TEST_F(SimulatedDiskTest, RenameHappensOrNot) {
  DurableFile("data", "old");
  DurableFile("data.new", "new");
  disk_.Rename("db", "data.new", "data");
  EXPECT_EQ(Text(disk_, "data"), "new");
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const SimulatedDisk survivor = disk_.SurvivePowerCut(PowerCutPlan::FromSeed(seed));
    outcomes.insert(Text(survivor, "data") + " " + Text(survivor, "data.new"));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old new", "new (none)"}));
}

TEST_F(SimulatedDiskTest, EntriesSurviveInAnyCombination) {
  disk_.Create("db", "a");
  disk_.Create("db", "b");
  std::set<size_t> counts;
  std::set<std::string> names;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const SimulatedDisk survivor = disk_.SurvivePowerCut(PowerCutPlan::FromSeed(seed));
    counts.insert(survivor.List("db").size());
    for (const std::string& name : survivor.List("db")) {
      if (survivor.List("db").size() == 1) names.insert(name);
    }
  }
  EXPECT_EQ(counts, (std::set<size_t>{0, 1, 2}));
  EXPECT_EQ(names, (std::set<std::string>{"a", "b"}));
}

TEST_F(SimulatedDiskTest, ChosenPlanDecidesEachChange) {
  const SimulatedDisk::FileId file = DurableFile("data", "aa");
  disk_.Write(file, 0, "b");
  disk_.Write(file, 1, "c");
  ASSERT_EQ(disk_.PendingChanges().size(), 2u);
  std::set<std::string> outcomes;
  for (uint64_t mask = 0; mask < 4; ++mask) {
    uint64_t index = 0;
    auto choose = [&](const PendingChange&) {
      return (mask >> index++ & 1) != 0 ? Fate::kKept : Fate::kDropped;
    };
    outcomes.insert(Text(
        disk_.SurvivePowerCut({.kind = PowerCutPlan::Kind::kChosen, .choose = choose}), "data"));
  }
  // Both writes are in one sector: with the second comes the first.
  EXPECT_EQ(outcomes, (std::set<std::string>{"aa", "ba", "bc"}));
}

TEST_F(SimulatedDiskTest, FailedSyncLosesDataForGood) {
  const SimulatedDisk::FileId file = DurableFile("data", Sectors("aa"));
  bool lost = false;
  bool kept = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk = disk_;
    disk.Write(file, 0, Sectors("bb"));
    disk.LoseUnsynced(file, seed);
    const std::string seen = Text(disk, "data");
    disk.Sync(file);
    EXPECT_EQ(Text(disk.SurvivePowerCut(PowerCutPlan::FromSeed(seed)), "data"), seen);
    lost = lost || seen == Sectors("aa");
    kept = kept || seen != Sectors("aa");
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(kept);
  EXPECT_EQ(Text(disk_, "data"), Sectors("aa"));
}

// A workload of `steps` random changes with a copy of the disk at each.
std::vector<SimulatedDisk> RandomHistory(uint64_t seed, int steps) {
  Random random(seed);
  SimulatedDisk disk;
  disk.MakeDirectory("db");
  std::vector<SimulatedDisk> history;
  for (int step = 0; step < steps; ++step) {
    const std::string name(1, static_cast<char>('a' + random.Below(6)));
    std::optional<SimulatedDisk::FileId> file = disk.Find("db", name);
    if (!file.has_value()) {
      disk.Create("db", name);
    } else if (random.OneIn(20)) {
      disk.Remove("db", name);
    } else if (random.OneIn(20)) {
      disk.Rename("db", name, "a");
    } else if (random.OneIn(10)) {
      disk.SyncDirectory("db");
      disk.DropUnreachable({});
    } else if (random.OneIn(6)) {
      disk.Sync(*file);
    } else if (random.OneIn(10)) {
      disk.Resize(*file, random.Skewed(16));
    } else {
      const uint64_t offset = random.Skewed(16);
      const std::string bytes = random.Bytes(1 + random.Skewed(12));
      disk.Write(*file, offset, bytes);
      if (random.OneIn(4)) disk.SyncRange(*file, offset, bytes.size());
    }
    history.push_back(disk);
  }
  return history;
}

TEST_F(SimulatedDiskTest, SameSeedLeavesTheSameDisk) {
  const uint64_t seed = TestSeed();
  const std::vector<SimulatedDisk> first = RandomHistory(seed, 300);
  const std::vector<SimulatedDisk> second = RandomHistory(seed, 300);
  std::set<uint64_t> hashes;
  for (size_t index = 0; index < first.size(); ++index) {
    const PowerCutPlan plan = PowerCutPlan::FromSeed(Random::Derive(seed, index));
    const uint64_t hash = first[index].SurvivePowerCut(plan).Hash();
    EXPECT_EQ(hash, second[index].SurvivePowerCut(plan).Hash());
    EXPECT_EQ(first[index].Hash(), second[index].Hash());
    hashes.insert(hash);
  }
  EXPECT_GT(hashes.size(), 100u);
}

TEST_F(SimulatedDiskTest, ImagesKeepTheirStateWhileTheDiskGoesOn) {
  const uint64_t seed = TestSeed();
  const std::vector<SimulatedDisk> images = RandomHistory(seed, 200);
  for (int length : {1, 50, 120, 199}) {
    const size_t last = static_cast<size_t>(length) - 1;
    EXPECT_EQ(images[last].Hash(), RandomHistory(seed, length).back().Hash());
  }
}

TEST_F(SimulatedDiskTest, CutOfACutChangesNothing) {
  for (const SimulatedDisk& image : RandomHistory(TestSeed(), 100)) {
    const SimulatedDisk survivor = image.SurvivePowerCut(PowerCutPlan::FromSeed(3));
    EXPECT_TRUE(survivor.PendingChanges().empty());
    EXPECT_EQ(survivor.SurvivePowerCut(PowerCutPlan::FromSeed(5)).Hash(), survivor.Hash());
  }
}

TEST_F(SimulatedDiskTest, TwentyThousandImagesAreCheap) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<SimulatedDisk> images = RandomHistory(TestSeed(), 2'500);
  uint64_t survivors = 0;
  for (const SimulatedDisk& image : images) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      survivors += image.SurvivePowerCut(PowerCutPlan::FromSeed(seed)).HasDirectory("db");
    }
  }
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(survivors, 20'000u);
  RecordProperty("images_ms", static_cast<int>(elapsed / std::chrono::milliseconds(1)));
  EXPECT_LT(elapsed, std::chrono::seconds(50));
}

}  // namespace
}  // namespace moraine
