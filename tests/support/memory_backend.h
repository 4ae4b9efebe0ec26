// A place for segments that behaves like a store of objects behind a network: an object appears whole
// when it is sealed and cannot be added to, every call takes its time, any call may fail. What a user
// of SegmentBackend has to live with, without a network.
//
// A Sync seals: what is durable here cannot grow. A crash (Crash) takes away what was not sealed.
#ifndef MORAINE_TESTS_SUPPORT_MEMORY_BACKEND_H_
#define MORAINE_TESTS_SUPPORT_MEMORY_BACKEND_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/segments/segment_backend.h"
#include "storage/sync/mutex.h"
#include "tests/support/seeds.h"

namespace moraine {

struct MemoryBackendOptions {
  uint64_t seed = 1;
  std::chrono::microseconds most_latency{0};  // of each call, drawn anew; 0: none
  uint64_t failure_one_in = 0;                // calls that fail as Unavailable; 0: none
  uint64_t most_bytes = UINT64_MAX;           // of all objects; more is ResourceExhausted
};

class MemoryBackend final : public SegmentBackend {
 public:
  explicit MemoryBackend(const MemoryBackendOptions& options = {})
      : state_(std::make_shared<State>(options)) {}

  absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(std::string_view name) override;
  absl::StatusOr<std::shared_ptr<const SegmentReader>> Open(std::string_view name) override;
  absl::StatusOr<std::vector<std::string>> List(std::string_view prefix) override;
  absl::Status Delete(std::string_view name) override;
  void Read(std::span<SegmentRead> reads) override;
  absl::StatusOr<SegmentHead> ReadHead() override;
  absl::StatusOr<uint64_t> ReplaceHead(uint64_t expected_version, std::string_view bytes) override;

  // Every writer of before is dead: its segment is gone unless it was sealed.
  void Crash();
  uint64_t call_count() const;
  uint64_t failure_count() const;

 private:
  friend class MemoryWriter;

  // Shared with writers, which may outlive a crash.
  struct State {
    explicit State(const MemoryBackendOptions& given) : options(given), random(given.seed) {}
    const MemoryBackendOptions options;
    Mutex mutex;
    Random random;
    std::map<std::string, std::shared_ptr<const SegmentReader>, std::less<>> objects;
    std::set<std::string, std::less<>> begun;  // created and not sealed
    SegmentHead head;
    uint64_t bytes = 0;
    uint64_t generation = 0;
    uint64_t calls = 0;
    uint64_t failures = 0;

    // The network: waits, and may fail. Without the lock.
    absl::Status Travel();
  };

  const std::shared_ptr<State> state_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_MEMORY_BACKEND_H_
