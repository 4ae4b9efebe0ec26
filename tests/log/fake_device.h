// A device in memory for tests of the log: it counts requests, fails on demand, holds writes back,
// and can lose power, whereupon any part of what was not synced is gone. One flat directory.
#ifndef MORAINE_TESTS_LOG_FAKE_DEVICE_H_
#define MORAINE_TESTS_LOG_FAKE_DEVICE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/io/io.h"

namespace moraine {

// The bytes of a file: as written, as synced, and the writes between the two.
struct FakeInode {
  std::string live;
  std::string durable;
  struct Write {
    uint64_t offset = 0;
    std::string bytes;
  };
  std::vector<Write> unsynced;
};

class FakeDevice final : public Io {
 public:
  IoBackend backend() const override { return IoBackend::kSimulated; }
  const std::string& fallback_reason() const override { return reason_; }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) override;
  absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) override;

  // Called before each request of a queue is carried out (its kind and file name); an error is
  // its result. Also for kind kSync with durable = true: the sync inside a durable write.
  using Hook = std::function<absl::Status(IoKind kind, const std::string& name)>;
  void SetHook(Hook hook);
  // The most bytes that files may have together.
  void SetCapacity(uint64_t bytes);

  // Power is lost: what was not synced survives in a random part, by sectors; names as last
  // synced, or as they were live, one by one. The device works again afterwards.
  void LosePower(std::mt19937_64& random);
  // The process is gone, not the power: nothing is lost, nothing more is written by its threads.
  // From here on old queues fail; a new incarnation begins.
  void Abandon();

  std::string* MutableLive(const std::string& name);  // to damage a file; also changes durable
  void WriteThrough(const std::string& name, const std::string& bytes);
  std::vector<std::string> Names();
  uint64_t writes() const { return writes_; }
  uint64_t syncs() const { return syncs_; }

 private:
  friend class FakeFile;
  friend class FakeDirectory;
  friend class FakeQueue;

  absl::Status Execute(const IoRequest& request, uint64_t incarnation);
  uint64_t UsedBytes();

  std::string reason_;
  std::mutex mutex_;
  Hook hook_;
  uint64_t capacity_ = ~uint64_t{0};
  uint64_t incarnation_ = 0;
  uint64_t writes_ = 0;
  uint64_t syncs_ = 0;
  std::map<std::string, std::shared_ptr<FakeInode>> live_names_;
  std::map<std::string, std::shared_ptr<FakeInode>> durable_names_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_LOG_FAKE_DEVICE_H_
