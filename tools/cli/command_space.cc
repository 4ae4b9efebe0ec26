// space and compact: where the bytes on disk go, and how to get them back at once.
#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/command.h"
#include "tools/cli/progress.h"

namespace moraine::cli {
namespace {

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Megabytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

// Ten columns, one for each tenth of a segment that may be alive, from empty to full.
std::string Histogram(const StreamSpace& stream) {
  constexpr std::string_view kHeights = " .:-=+*#%@";
  const uint64_t most = std::max<uint64_t>(1, *std::ranges::max_element(stream.by_live));
  std::string text;
  for (const uint64_t count : stream.by_live) {
    const uint64_t height = (count * (kHeights.size() - 1) + most - 1) / most;
    text += kHeights[height];
  }
  return text;
}

void PrintSpace(Session& session, const Space& space) {
  auto line = [&](std::string_view name, const std::string& value) {
    session.output().WriteLine(fmt::format("{:18} {}", name, value));
  };
  const uint64_t disk = space.file_bytes + space.log_bytes;
  line("on disk", Megabytes(disk));
  line("  data files",
       fmt::format("{} in {} segments of {}", Megabytes(space.file_bytes),
                   space.segments + space.free_segments, Megabytes(space.segment_bytes)));
  line("  log", Megabytes(space.log_bytes));
  line("alive",
       fmt::format("{} (data files take {:.2f} times as much)", Megabytes(space.live_bytes),
                   Ratio(space.file_bytes, space.live_bytes)));
  const uint64_t dead = space.segments * space.segment_bytes - space.live_bytes;
  line("dead",
       fmt::format("{}, of it {} in {} segments that are free before long", Megabytes(dead),
                   Megabytes(space.dead_segments * space.segment_bytes), space.dead_segments));
  line("free", Megabytes(space.free_segments * space.segment_bytes));
  line("fill", fmt::format("{:.0f} % alive, {:.0f} % wanted",
                           100 * Ratio(space.live_bytes, (space.segments - space.dead_segments) *
                                                             space.segment_bytes),
                           100 * space.fill_wanted));
  line("pinned by",
       space.snapshots == 0
           ? "no snapshot"
           : fmt::format("{} snapshots; the oldest is {} of log behind", space.snapshots,
                         Megabytes(space.log_tail - space.oldest_snapshot)));
  session.output().WriteLine(
      fmt::format("\n{:10} {:>9} {:>12} {:>12}  {:12} segments by how much is alive", "stream",
                  "segments", "written", "alive", "0%      100%"));
  for (const StreamSpace& stream : space.streams) {
    session.output().WriteLine(fmt::format("{:10} {:>9} {:>12} {:>12}  [{}]", stream.name,
                                           stream.segments, Megabytes(stream.used_bytes),
                                           Megabytes(stream.live_bytes), Histogram(stream)));
  }
}

absl::StatusOr<int> ShowSpace(Session& session) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead, false));
  MORAINE_ASSIGN_OR_RETURN(const Space space, session.database().Space());
  if (session.options().json) {
    nlohmann::ordered_json members = nlohmann::ordered_json::parse(space.ToJson());
    members["amplification"] = Ratio(space.file_bytes + space.log_bytes, space.live_bytes);
    session.PrintJson(members);
  } else {
    PrintSpace(session, space);
  }
  return kExitOk;
}

absl::StatusOr<int> Compact(Session& session) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite, false));
  MORAINE_ASSIGN_OR_RETURN(const Space before, session.database().Space());
  {
    constexpr uint64_t kWhole = 1000;
    Progress bar("compacting", kWhole, "pages and segments");
    MORAINE_RETURN_IF_ERROR(session.database().Compact([&](const CompactionProgress& progress) {
      bar.Update(progress.done * kWhole / std::max<uint64_t>(1, progress.all), progress.done);
      return true;
    }));
  }
  MORAINE_ASSIGN_OR_RETURN(const Space after, session.database().Space());
  const uint64_t from = before.file_bytes + before.log_bytes;
  const uint64_t to = after.file_bytes + after.log_bytes;
  session.PrintResult({{"bytes_before", from},
                       {"bytes_after", to},
                       {"live_bytes", after.live_bytes},
                       {"segments_cleaned", after.segments_cleaned},
                       {"moved_bytes", after.moved_bytes}},
                      fmt::format("compacted from {} to {}", Megabytes(from), Megabytes(to)));
  return kExitOk;
}

}  // namespace

void AddSpace(CommandLine& line) {
  line.Add("space", "Show live and dead bytes of each stream of segments").OnUse(ShowSpace);
}

void AddCompact(CommandLine& line) {
  line.Add("compact", "Make the files as small as they can be; others go on working")
      .OnUse(Compact);
}

}  // namespace moraine::cli
