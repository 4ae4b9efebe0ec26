// What the workloads repeat, one class each: a step runs one operation on a session, checks what it
// got, and returns how many operations it counts for. Steps are compiled into the timed loops of
// workload.cc and cold/cold_run.cc, so they live in a header; each belongs to one thread.
#ifndef MORAINE_BENCH_STEPS_H_
#define MORAINE_BENCH_STEPS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "bench/peers/store.h"
#include "bench/record_set.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {

inline constexpr uint64_t kScanLength = 100;

inline absl::Status WrongRecord(std::string_view operation, std::string_view key,
                                std::string_view what) {
  return absl::DataLossError(std::string(operation) + " of key " + std::string(key) + ": " +
                             std::string(what));
}

// Adds up bytes of what a scan visits, so that key and value are really read.
class Touch {
 public:
  void Add(std::string_view key, std::string_view value) {
    uint64_t word = 0;
    std::memcpy(&word, value.data(), std::min(value.size(), sizeof(word)));
    sum_ += word + value.size();
    if (!value.empty()) sum_ += static_cast<unsigned char>(value.back());
    if (!key.empty()) sum_ += static_cast<unsigned char>(key.back());
  }
  ~Touch() { asm("" : : "r"(sum_)); }  // the compiler may not drop the sum

 private:
  uint64_t sum_ = 0;
};

class GetStep {
 public:
  GetStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    const uint64_t index = random_.Below(records_.count());
    const std::string_view key = records_.Key(index, &key_);
    MORAINE_ASSIGN_OR_RETURN(const bool found, session_.Get(key, &value_));
    if (!found) return WrongRecord("get", key, "it is missing");
    if (!records_.CheckValue(index, value_)) return WrongRecord("get", key, "wrong value");
    return 1;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  KeyBuffer key_;
  std::string value_;
};

class PutStep {
 public:
  PutStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    const uint64_t index = random_.Below(records_.count());
    records_.FillValue(index, random_.Next(), &value_);
    MORAINE_RETURN_IF_ERROR(session_.Put(records_.Key(index, &key_), value_));
    return 1;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  KeyBuffer key_;
  std::string value_;
};

class CasStep {
 public:
  CasStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    const uint64_t index = random_.Below(records_.count());
    const std::string_view key = records_.Key(index, &key_);
    auto next_version = [this, index](std::string_view current, std::string* next) {
      if (!records_.CheckValue(index, current)) return false;
      records_.FillValue(index, RecordSet::VersionOf(current) + 1, next);
      return true;
    };
    MORAINE_ASSIGN_OR_RETURN(const bool written, session_.Update(key, next_version));
    if (!written) return WrongRecord("cas", key, "missing or wrong value");
    return 1;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  KeyBuffer key_;
};

// Four reads and four writes of other keys in one transaction.
class TransactionStep {
 public:
  TransactionStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    for (size_t i = 0; i < kEach; ++i) {
      read_[i] = random_.Below(records_.count());
      read_keys_[i] = records_.Key(read_[i], &read_buffers_[i]);
      const uint64_t written = random_.Below(records_.count());
      records_.FillValue(written, random_.Next(), &written_values_[i]);
      writes_[i] = {records_.Key(written, &write_buffers_[i]), written_values_[i]};
    }
    MORAINE_RETURN_IF_ERROR(session_.ReadAndWrite(read_keys_, &values_, writes_));
    for (size_t i = 0; i < kEach; ++i) {
      if (!records_.CheckValue(read_[i], values_[i]))
        return WrongRecord("transaction", read_keys_[i], "missing or wrong value");
    }
    return 1;
  }

 private:
  static constexpr size_t kEach = 4;
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  uint64_t read_[kEach];
  KeyBuffer read_buffers_[kEach];
  KeyBuffer write_buffers_[kEach];
  std::string_view read_keys_[kEach];
  std::string written_values_[kEach];
  KeyValue writes_[kEach];
  std::vector<std::string> values_;
};

class ScanStep {
 public:
  ScanStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    const std::string_view from = records_.Key(random_.Below(records_.count()), &key_);
    uint64_t visited = 0;
    bool begins_right = false;
    MORAINE_RETURN_IF_ERROR(session_.Scan(from, [&](std::string_view key, std::string_view value) {
      if (visited == 0) begins_right = key == from;
      touch_.Add(key, value);
      return ++visited < kScanLength;
    }));
    if (!begins_right) return WrongRecord("scan", from, "does not begin there");
    return 1;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  KeyBuffer key_;
  Touch touch_;
};

class FullScanStep {
 public:
  FullScanStep(Session& session, const RecordSet& records) : session_(session), records_(records) {}
  absl::StatusOr<uint64_t> operator()() {
    uint64_t visited = 0;
    MORAINE_RETURN_IF_ERROR(session_.Scan({}, [&](std::string_view key, std::string_view value) {
      touch_.Add(key, value);
      ++visited;
      return true;
    }));
    if (visited != records_.count()) {
      return absl::DataLossError("full scan: " + std::to_string(visited) + " records instead of " +
                                 std::to_string(records_.count()));
    }
    return visited;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  Touch touch_;
};

// Puts records first, first + stride, ... of the set, each once.
class InsertStep {
 public:
  InsertStep(Session& session, const RecordSet& records, uint64_t first, uint64_t stride)
      : session_(session), records_(records), at_(first), stride_(stride) {}
  absl::StatusOr<uint64_t> operator()() {
    records_.FillValue(at_, 0, &value_);
    MORAINE_RETURN_IF_ERROR(session_.Put(records_.Key(at_, &key_), value_));
    at_ += stride_;
    return 1;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  uint64_t at_;
  const uint64_t stride_;
  KeyBuffer key_;
  std::string value_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_STEPS_H_
