// The common fields, and those that only data larger than memory give a meaning.
#include "bench/cold/cold_line.h"

#include <algorithm>

#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

std::string Dump(const LineHead& head, const ColdResult& result, const ColdFacts& facts,
                 const std::string& failure) {
  const auto ops = static_cast<double>(std::max<uint64_t>(result.run.ops, 1));
  const double user_bytes = ops * static_cast<double>(kKeyBytes + head.value_bytes);
  nlohmann::ordered_json line = ResultLine(head, result.run);
  line["max_us"] = result.most_us;
  line["debt_seconds"] = result.debt_seconds;
  line["device_reads"] = result.device.reads;
  line["device_reads_per_op"] = static_cast<double>(result.device.reads) / ops;
  line["whole_device_bytes_read"] = result.device.read_bytes;
  line["whole_device_bytes_written"] = result.device.written_bytes;
  line["written_per_user_byte"] = static_cast<double>(result.device.written_bytes) / user_bytes;
  line["open_seconds"] = facts.open_seconds;
  line["memory_limit_bytes"] = facts.memory_limit_bytes;
  line["memory_peak_bytes"] = facts.memory_peak_bytes;
  line["occupied_bytes"] = facts.occupied_bytes;
  line["failed"] = failure;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string ColdLine(const LineHead& head, const ColdResult& result, const ColdFacts& facts) {
  return Dump(head, result, facts, "");
}

std::string FailureLine(const LineHead& head, const std::string& reason) {
  return Dump(head, {}, {}, reason);
}

}  // namespace moraine::bench
