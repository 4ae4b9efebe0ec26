// The writer threads and how they share the work.
#include "tools/first_run/loader.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/base/status_macros.h"

namespace moraine::first_run {

Loader::Loader(Database& database, const Dataset& dataset,
               std::function<void(std::span<const uint32_t>)> acknowledged)
    : database_(database), dataset_(dataset), acknowledged_(std::move(acknowledged)) {}

LoadCounts Loader::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool Loader::finished() const {
  const std::lock_guard lock(mutex_);
  return started_ && writers_at_work_ == 0;
}

absl::Status Loader::Run(size_t writer_count, absl::FunctionRef<void(const LoadCounts&)> tick) {
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
    writers_at_work_ = writer_count;
  }
  std::vector<std::thread> writers;
  for (size_t i = 0; i < writer_count; ++i) writers.emplace_back([this] { Write(); });
  while (!finished()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    tick(counts());
  }
  for (std::thread& writer : writers) writer.join();
  return status_;
}

bool Loader::Take(size_t* begin, size_t* end) {
  const std::lock_guard lock(mutex_);
  if (!status_.ok() || next_item_ == dataset_.items().size()) return false;
  *begin = next_item_;
  *end = next_item_ = std::min(next_item_ + kShare, dataset_.items().size());
  return true;
}

void Loader::Write() {
  size_t begin = 0;
  size_t end = 0;
  while (Take(&begin, &end)) {
    const absl::Status written = WriteShare(begin, end);
    if (written.ok()) continue;
    const std::lock_guard lock(mutex_);
    status_.Update(written);
  }
  const std::lock_guard lock(mutex_);
  --writers_at_work_;
}

absl::Status Loader::WriteShare(size_t begin, size_t end) {
  const Tree tree = database_.default_tree();
  Batch batch;
  std::vector<uint32_t> durable;
  for (size_t i = begin; i < end; ++i) {
    const Item& item = dataset_.items()[i];
    batch.Clear();
    batch.Put(tree, std::string(dataset_.prefix()) + item.name, item.record);
    dataset_.IndexKeys(item.name, item.record,
                       [&](std::string_view key) { batch.Put(tree, key, ""); });
    MORAINE_RETURN_IF_ERROR(
        database_.Apply(batch, i + 1 == end ? Durability::kSync : Durability::kGroup));
    durable.push_back(static_cast<uint32_t>(i));
    const std::lock_guard lock(mutex_);
    ++counts_.items;
    counts_.keys += batch.size();
    counts_.bytes += batch.size_bytes();
  }
  if (acknowledged_) acknowledged_(durable);
  return absl::OkStatus();
}

}  // namespace moraine::first_run
