// The ring before a device that may lose power after any step: whatever was acknowledged is there
// after recovery, and what is there is a prefix, whole. The flusher is the loop of flusher.cc in its
// bare order: scan, write, sync, release the ring's space, advance the stable position.
#include "tests/checker/ring_memory.h"
#include "tests/checker/scenarios.h"

namespace moraine::checker {
namespace {

constexpr uint64_t kBegin = 64;

// A device with a volatile cache: what was not synced survives record by record, or not.
class Device {
 public:
  void Write(uint64_t position, uint64_t data) { cached_.push_back({position, data}); }
  void Sync() {
    syncs_.fetch_add(1, std::memory_order_relaxed);  // a step: others may run before it
    for (const Record& record : cached_) durable_.push_back(record);
    cached_.clear();
  }
  void LosePower() {
    Execution& execution = Execution::Current();
    for (const Record& record : cached_) {
      if (execution.Choose(2) == 1) durable_.push_back(record);
    }
    cached_.clear();
  }
  // Where the prefix of whole records ends.
  uint64_t Recover() const {
    uint64_t end = kBegin;
    for (bool found = true; found;) {
      found = false;
      for (const Record& record : durable_) {
        if (record.position != end) continue;
        MORAINE_REQUIRE(record.data == end + 1);
        end += kRecord;
        found = true;
      }
    }
    return end;
  }

 private:
  struct Record {
    uint64_t position;
    uint64_t data;
  };
  CheckedPolicy::Atomic<uint64_t> syncs_;
  std::vector<Record> cached_;
  std::vector<Record> durable_;
};

void Run(Execution& execution, bool sync_first) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, kBegin, 0);
  CheckedPolicy::Atomic<uint64_t> stable{kBegin};
  Device device;
  uint64_t acknowledged = kBegin;
  auto append = [&] {
    while (!ring.Take(kRecord)) CheckedPolicy::Pause();
    uint64_t position = ring.Reserve(kRecord);
    ring.memory().Data(position).Set(position + 1);
    ring.Publish(position, RecordWord());
    return position;
  };
  execution.Run({[&] {
                   append();
                   uint64_t end = append() + kRecord;
                   while (stable.load(std::memory_order_acquire) < end) CheckedPolicy::Pause();
                   acknowledged = end;
                 },
                 [&] { append(); },
                 [&] {
                   uint64_t flushed = kBegin;
                   while (flushed < kBegin + 3 * kRecord) {
                     uint64_t end = flushed;
                     while (end < flushed + memory.bytes() && ring.Read(end).published()) {
                       device.Write(end, memory.Data(end).Get());
                       end += kRecord;
                     }
                     if (end == flushed) {
                       CheckedPolicy::Pause();
                       continue;
                     }
                     if (sync_first) device.Sync();
                     ring.Release({flushed, end - flushed}, 0);
                     stable.store(end, std::memory_order_release);
                     if (!sync_first) device.Sync();
                     flushed = end;
                   }
                 }});
  device.LosePower();
  uint64_t recovered = device.Recover();
  MORAINE_REQUIRE(recovered >= acknowledged);
}

void GroupCommit(Execution& execution) { Run(execution, true); }
void AcknowledgedBeforeTheSync(Execution& execution) { Run(execution, false); }

}  // namespace

std::vector<NamedScenario> DurabilityScenarios() {
  Options options;
  options.power_cut = true;
  options.preemption_bound = 1;
  return {{"ring: group commit and power cuts", &GroupCommit, options}};
}

std::vector<NamedScenario> PlantedBugs() {
  Options options;
  options.power_cut = true;
  options.preemption_bound = 1;
  return {{"ring: acknowledged before the sync", &AcknowledgedBeforeTheSync, options}};
}

}  // namespace moraine::checker
