// Stats as JSON text, written by hand since the library takes no JSON dependency.
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include <moraine/stats.h>

namespace moraine::MORAINE_V1 {

namespace {

// Text between quotes. The strings of Stats are messages in UTF-8; control characters, quotes and
// backslashes are all that JSON wants escaped.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += absl::StrFormat("\\u%04x", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

std::string Stats::ToJson() const {
  std::string json = "{\"schema\":1";
  const auto add = [&json](absl::string_view name, uint64_t value) {
    absl::StrAppend(&json, ",\"", name, "\":", value);
  };
  add("records", records);
  add("trees", trees);
  add("pages", pages);
  add("inner_pages", inner_pages);
  add("bytes_user", bytes_user);
  add("bytes_live", bytes_live);
  add("bytes_on_disk", bytes_on_disk);
  add("log_segments", log_segments);
  add("memory_bytes", memory_bytes);
  add("memory_limit_bytes", memory_limit_bytes);
  add("log_tail", log_tail);
  add("log_stable", log_stable);
  add("log_device_bytes", log_device_bytes);
  add("log_device_writes", log_device_writes);
  add("log_device_syncs", log_device_syncs);
  add("data_segments", data_segments);
  add("data_file_bytes", data_file_bytes);
  add("data_live_bytes", data_live_bytes);
  add("data_appended_bytes", data_appended_bytes);
  add("data_device_bytes", data_device_bytes);
  add("pages_loaded", pages_loaded);
  add("pieces_loaded", pieces_loaded);
  add("load_submissions", load_submissions);
  add("load_bytes", load_bytes);
  add("pages_flushed", pages_flushed);
  add("fragments_flushed", fragments_flushed);
  add("bases_flushed", bases_flushed);
  add("pages_evicted", pages_evicted);
  add("pages_on_disk", pages_on_disk);
  add("pieces_on_disk", pieces_on_disk);
  add("segments_cleaned", segments_cleaned);
  add("bytes_moved", bytes_moved);
  add("pages_rewritten", pages_rewritten);
  add("snapshots", snapshots);
  add("recovered_records", recovered_records);
  absl::StrAppend(&json, absl::StrFormat(",\"recovery_seconds\":%.6f", recovery_seconds));
  add("checkpoint_position", checkpoint_position);
  add("format_version", format_version);
  absl::StrAppend(&json, ",\"io_backend\":", Quoted(io_backend));
  absl::StrAppend(&json, ",\"io_fallback_reason\":", Quoted(io_fallback_reason), "}");
  return json;
}

}  // namespace moraine::MORAINE_V1
