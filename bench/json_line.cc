// The fields every line has, in their order.
#include "bench/json_line.h"

#include "absl/strings/str_format.h"

#include "nlohmann/json.hpp"

namespace moraine::bench {

std::string ConfigHash(std::string_view description) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char byte : description) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  return absl::StrFormat("%016x", hash);
}

nlohmann::ordered_json ResultLine(const LineHead& head, const RunResult& result) {
  nlohmann::ordered_json line;
  line["schema"] = 1;
  line["engine"] = head.engine;
  line["workload"] = head.workload;
  line["threads"] = head.threads;
  line["round"] = head.round;
  line["records"] = head.records;
  line["value_bytes"] = head.value_bytes;
  line["ops"] = result.ops;
  line["seconds"] = result.seconds;
  line["ops_per_s"] = result.ops_per_s;
  line["p50_us"] = result.p50_us;
  line["p99_us"] = result.p99_us;
  line["p999_us"] = result.p999_us;
  line["cpu_us_per_op"] = result.cpu_us_per_op;
  line["rss_bytes"] = result.rss_bytes;
  line["device_bytes_read"] = result.device_bytes_read;
  line["device_bytes_written"] = result.device_bytes_written;
  line["submissions"] = result.submissions;
  line["fragments"] = result.fragments;
  line["config_hash"] = head.config_hash;
  line["seed"] = head.seed;
  return line;
}

}  // namespace moraine::bench
