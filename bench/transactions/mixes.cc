// The steps. Keys are drawn by rank; a record's key is a mixed number, so frequent records lie
// scattered over the tree.
#include "bench/transactions/mixes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "bench/steps.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr uint64_t kLongestScan = 100;

// The steps of steps.h are types of their own; here they run behind one face.
template <class Inner>
class Wrapped : public Step {
 public:
  explicit Wrapped(Inner inner) : inner_(std::move(inner)) {}
  absl::StatusOr<uint64_t> operator()() override { return inner_(); }

 private:
  Inner inner_;
};

uint64_t SeedOf(const MixData& data, uint64_t salt, int thread) {
  return data.seed ^ Mix(salt * 1000 + static_cast<uint64_t>(thread));
}

class TransactionOfEight : public Step {
 public:
  TransactionOfEight(Session& session, const MixData& data, uint64_t seed)
      : session_(session), data_(data), random_(seed) {}

  absl::StatusOr<uint64_t> operator()() override {
    uint64_t chosen[2 * kEach];
    for (size_t i = 0; i < 2 * kEach; ++i) {
      // All different, so that nothing is read that is written.
      do {
        chosen[i] = data_.keys->Draw(&random_);
      } while (std::find(chosen, chosen + i, chosen[i]) != chosen + i);
    }
    for (size_t i = 0; i < kEach; ++i) {
      read_keys_[i] = data_.records->Key(chosen[i], &read_buffers_[i]);
      data_.records->FillValue(chosen[kEach + i], random_.Next(), &written_[i]);
      writes_[i] = {data_.records->Key(chosen[kEach + i], &write_buffers_[i]), written_[i]};
    }
    MORAINE_RETURN_IF_ERROR(session_.ReadAndWrite(read_keys_, &values_, writes_));
    for (size_t i = 0; i < kEach; ++i) {
      if (!data_.records->CheckValue(chosen[i], values_[i]))
        return WrongRecord("transaction", read_keys_[i], "missing or wrong value");
    }
    return 1;
  }

 private:
  static constexpr size_t kEach = 4;
  Session& session_;
  const MixData data_;
  RandomStream random_;
  KeyBuffer read_buffers_[kEach];
  KeyBuffer write_buffers_[kEach];
  std::string_view read_keys_[kEach];
  std::string written_[kEach];
  KeyValue writes_[kEach];
  std::vector<std::string> values_;
};

// How often each operation comes, in percent; the rest are reads.
struct YcsbMix {
  char name;
  uint64_t updates;
  uint64_t inserts;
  uint64_t scans;
  uint64_t read_modify_writes;
  bool latest;  // reads prefer what was inserted last
};
constexpr YcsbMix kYcsbMixes[] = {
    {'a', 50, 0, 0, 0, false}, {'b', 5, 0, 0, 0, false},  {'c', 0, 0, 0, 0, false},
    {'d', 0, 5, 0, 0, true},   {'e', 0, 5, 95, 0, false}, {'f', 0, 0, 0, 50, false},
};

// Each thread inserts records of its own beyond those that were loaded, and takes them for the
// latest ones.
class YcsbStep : public Step {
 public:
  YcsbStep(Session& session, const MixData& data, const YcsbMix& mix, int thread, uint64_t seed)
      : session_(session),
        data_(data),
        mix_(mix),
        random_(seed),
        // In the order of their numbers per thread; none is anybody else's, in any run of this mix.
        first_own_((static_cast<uint64_t>(mix.name) * 1024 + static_cast<uint64_t>(thread)) << 40) {
  }

  absl::StatusOr<uint64_t> operator()() override {
    uint64_t dice = random_.Below(100);
    if (dice < mix_.updates) return Update();
    dice -= mix_.updates;
    if (dice < mix_.inserts) return Insert();
    dice -= mix_.inserts;
    if (dice < mix_.scans) return Scan();
    dice -= mix_.scans;
    return dice < mix_.read_modify_writes ? ReadModifyWrite() : Read();
  }

 private:
  uint64_t Choose() {
    uint64_t rank = data_.keys->Draw(&random_);
    if (!mix_.latest) return rank;
    // The newest of its own first, then what was loaded last.
    return rank < inserted_ ? first_own_ + inserted_ - 1 - rank
                            : data_.records->count() - 1 - (rank - inserted_);
  }

  absl::StatusOr<uint64_t> Read() {
    const uint64_t index = Choose();
    const std::string_view key = data_.records->Key(index, &key_);
    MORAINE_ASSIGN_OR_RETURN(const bool found, session_.Get(key, &value_));
    if (!found) return WrongRecord("read", key, "it is missing");
    if (!data_.records->CheckValue(index, value_)) return WrongRecord("read", key, "wrong value");
    return 1;
  }
  absl::StatusOr<uint64_t> PutRecord(uint64_t index) {
    data_.records->FillValue(index, random_.Next(), &value_);
    MORAINE_RETURN_IF_ERROR(session_.Put(data_.records->Key(index, &key_), value_));
    return 1;
  }
  absl::StatusOr<uint64_t> Update() { return PutRecord(Choose()); }
  absl::StatusOr<uint64_t> Insert() { return PutRecord(first_own_ + inserted_++); }
  absl::StatusOr<uint64_t> Scan() {
    const std::string_view from = data_.records->Key(Choose(), &key_);
    uint64_t left = 1 + random_.Below(kLongestScan);
    bool began = false;
    MORAINE_RETURN_IF_ERROR(session_.Scan(from, [&](std::string_view key, std::string_view value) {
      began = began || key == from;
      touch_.Add(key, value);
      return --left > 0;
    }));
    if (!began) return WrongRecord("scan", from, "it does not begin there");
    return 1;
  }
  absl::StatusOr<uint64_t> ReadModifyWrite() {
    const uint64_t index = Choose();
    const std::string_view key = data_.records->Key(index, &key_);
    auto next_version = [this, index](std::string_view current, std::string* next) {
      if (!data_.records->CheckValue(index, current)) return false;
      data_.records->FillValue(index, RecordSet::VersionOf(current) + 1, next);
      return true;
    };
    MORAINE_ASSIGN_OR_RETURN(const bool written, session_.Update(key, next_version));
    if (!written) return WrongRecord("read-modify-write", key, "missing or wrong value");
    return 1;
  }

  Session& session_;
  const MixData data_;
  const YcsbMix mix_;
  RandomStream random_;
  const uint64_t first_own_;
  uint64_t inserted_ = 0;
  KeyBuffer key_;
  std::string value_;
  Touch touch_;
};

}  // namespace

Role TransactionRole(const std::string& name, const MixData& data, int threads) {
  return {name, threads, [data](Session& session, int thread) -> std::unique_ptr<Step> {
            return std::make_unique<TransactionOfEight>(session, data, SeedOf(data, 1, thread));
          }};
}

Role PutRole(const std::string& name, const MixData& data, int threads) {
  return {name, threads, [data](Session& session, int thread) -> std::unique_ptr<Step> {
            return std::make_unique<Wrapped<PutStep>>(
                PutStep(session, *data.records, SeedOf(data, 2, thread)));
          }};
}

std::vector<Role> WriterBesideScan(const MixData& data) {
  Role scan = {
      "scan_beside_writer", 1, [data](Session& session, int) -> std::unique_ptr<Step> {
        return std::make_unique<Wrapped<FullScanStep>>(FullScanStep(session, *data.records));
      }};
  return {PutRole("writer_beside_scan", data, 1), scan};
}

Role YcsbRole(char mix, const MixData& data, int threads) {
  const YcsbMix& chosen = kYcsbMixes[mix - 'a'];
  return {std::string("ycsb_") + mix, threads,
          [data, chosen](Session& session, int thread) -> std::unique_ptr<Step> {
            return std::make_unique<YcsbStep>(
                session, data, chosen, thread,
                SeedOf(data, static_cast<uint64_t>(chosen.name), thread));
          }};
}

}  // namespace moraine::bench
