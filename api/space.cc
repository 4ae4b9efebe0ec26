// Space as JSON text, written by hand since the library takes no JSON dependency.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include <moraine/space.h>

namespace moraine::MORAINE_V1 {

std::string Space::ToJson() const {
  std::string json = "{\"schema\":1";
  const auto add = [&json](absl::string_view name, uint64_t value) {
    absl::StrAppend(&json, ",\"", name, "\":", value);
  };
  add("segment_bytes", segment_bytes);
  add("file_bytes", file_bytes);
  add("log_bytes", log_bytes);
  add("live_bytes", live_bytes);
  add("segments", segments);
  add("free_segments", free_segments);
  add("dead_segments", dead_segments);
  add("snapshots", snapshots);
  add("oldest_snapshot", oldest_snapshot);
  add("log_tail", log_tail);
  add("appended_bytes", appended_bytes);
  add("device_bytes", device_bytes);
  add("moved_bytes", moved_bytes);
  add("segments_cleaned", segments_cleaned);
  add("releases", releases);
  absl::StrAppend(&json, absl::StrFormat(",\"fill_wanted\":%.3f,\"streams\":[", fill_wanted));
  bool first = true;
  for (const StreamSpace& stream : streams) {
    // The names are this library's own and need no escaping.
    absl::StrAppend(&json, first ? "" : ",", "{\"name\":\"", stream.name,
                    "\",\"segments\":", stream.segments, ",\"used_bytes\":", stream.used_bytes,
                    ",\"live_bytes\":", stream.live_bytes, ",\"by_live\":[",
                    absl::StrJoin(stream.by_live, ","), "]}");
    first = false;
  }
  return json + "]}";
}

}  // namespace moraine::MORAINE_V1
