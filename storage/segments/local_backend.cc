// Appends are plain writes at offsets that are handed out under a lock and used outside of it; a
// batch of reads is one submission.
//
// The head file: u64 magic, u32 checksum of what follows, u64 version, u64 length, then the bytes.
#include "storage/segments/local_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/checksum.h"
#include "storage/base/coding.h"
#include "storage/base/status_macros.h"

namespace moraine {
namespace {

constexpr uint32_t kQueueDepth = 64;
constexpr std::string_view kHeadName = "segment.head";  // the dot: no segment has this name
constexpr std::string_view kNextHeadName = "segment.head.next";
constexpr uint64_t kHeadMagic = 0x44486e6961726f6d;  // "morainHD"
constexpr size_t kHeadBytes = 28;
constexpr size_t kHeadCheckedOffset = 12;

class LocalReader final : public SegmentReader {
 public:
  explicit LocalReader(std::unique_ptr<File> file) : file_(std::move(file)) {}
  const std::string& path() const override { return file_->path(); }
  File* local_file() const override { return file_.get(); }
  absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }

 private:
  const std::unique_ptr<File> file_;
};

class LocalWriter final : public SegmentWriter {
 public:
  LocalWriter(Io& io, Directory& directory, std::unique_ptr<File> file)
      : io_(io), directory_(directory), reader_(std::make_shared<LocalReader>(std::move(file))) {}

  absl::StatusOr<uint64_t> Append(std::string_view bytes) override {
    uint64_t offset = 0;
    {
      MutexLock lock(mutex_);
      if (sealed_) {
        return absl::FailedPreconditionError(absl::StrCat(reader_->path(), ": is sealed"));
      }
      offset = end_;
      end_ += bytes.size();
    }
    MORAINE_RETURN_IF_ERROR(
        io_.WriteFully(*reader_->local_file(), offset, bytes.data(), bytes.size()));
    return offset;
  }

  absl::Status Sync() override {
    MutexLock one_at_a_time(sync_mutex_);
    // A failed sync says nothing about what is on the disk, and neither does a later one.
    MORAINE_RETURN_IF_ERROR(health_);
    health_ = io_.SyncFile(*reader_->local_file());
    if (health_.ok() && !named_) {
      health_ = directory_.Sync();
      named_ = health_.ok();
    }
    return health_;
  }

  absl::Status Seal() override {
    {
      MutexLock lock(mutex_);
      sealed_ = true;
    }
    return Sync();
  }

  bool sealed() const override {
    MutexLock lock(mutex_);
    return sealed_;
  }

  std::shared_ptr<const SegmentReader> reader() const override { return reader_; }

 private:
  Io& io_;
  Directory& directory_;
  const std::shared_ptr<const LocalReader> reader_;
  mutable Mutex mutex_;
  uint64_t end_ = 0;
  bool sealed_ = false;
  Mutex sync_mutex_;
  bool named_ = false;  // the file's name is durable
  absl::Status health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentWriter>> LocalBackend::Create(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  OpenFileOptions options;
  options.create = true;
  options.exclusive = true;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory_.OpenFile(name, options));
  return std::make_unique<LocalWriter>(io_, directory_, std::move(file));
}

absl::StatusOr<std::shared_ptr<const SegmentReader>> LocalBackend::Open(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  OpenFileOptions options;
  options.write = false;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory_.OpenFile(name, options));
  return std::make_shared<LocalReader>(std::move(file));
}

absl::StatusOr<std::vector<std::string>> LocalBackend::List(std::string_view prefix) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_.List());
  std::erase_if(names, [&](const std::string& name) {
    return !name.starts_with(prefix) || !ValidSegmentName(name);
  });
  return names;
}

absl::Status LocalBackend::Delete(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  absl::Status removed = directory_.Remove(name);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

absl::StatusOr<std::unique_ptr<IoQueue>> LocalBackend::BorrowQueue() {
  {
    MutexLock lock(queue_mutex_);
    if (!idle_queues_.empty()) {
      std::unique_ptr<IoQueue> queue = std::move(idle_queues_.back());
      idle_queues_.pop_back();
      return queue;
    }
  }
  return io_.NewQueue(kQueueDepth);
}

void LocalBackend::GiveBack(std::unique_ptr<IoQueue> queue) {
  MutexLock lock(queue_mutex_);
  idle_queues_.push_back(std::move(queue));
}

void LocalBackend::Read(std::span<SegmentRead> reads) {
  if (reads.size() == 1) {
    SegmentRead& read = reads.front();
    read.status = io_.ReadFully(*read.segment->local_file(), read.offset, read.data, read.size);
    return;
  }
  while (!reads.empty()) {
    std::span<SegmentRead> round = reads.first(std::min<size_t>(reads.size(), kQueueDepth));
    reads = reads.subspan(round.size());
    absl::StatusOr<std::unique_ptr<IoQueue>> queue = BorrowQueue();
    for (SegmentRead& read : round) read.status = queue.status();
    if (!queue.ok()) continue;
    for (size_t i = 0; i < round.size(); ++i) {
      round[i].status = absl::UnavailableError("the queue of reads broke");
      (*queue)->Add({.kind = IoKind::kRead,
                     .file = round[i].segment->local_file(),
                     .offset = round[i].offset,
                     .data = round[i].data,
                     .size = round[i].size,
                     .token = i});
    }
    std::vector<IoCompletion> completions;
    absl::Status whole = (*queue)->SubmitAndWait(round.size(), &completions);
    for (IoCompletion& completion : completions) {
      round[completion.token].status = std::move(completion.status);
    }
    // A broken queue waits for what it has under way when it is destroyed, here.
    if (whole.ok()) GiveBack(*std::move(queue));
  }
}

absl::StatusOr<SegmentHead> LocalBackend::ReadHeadLocked() {
  OpenFileOptions options;
  options.write = false;
  absl::StatusOr<std::unique_ptr<File>> file = directory_.OpenFile(kHeadName, options);
  if (absl::IsNotFound(file.status())) return SegmentHead();
  MORAINE_RETURN_IF_ERROR(file.status());
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, (*file)->Size());
  std::string bytes(size, '\0');
  MORAINE_RETURN_IF_ERROR(io_.ReadFully(**file, 0, bytes.data(), bytes.size()));
  ByteReader reader(bytes);
  uint64_t magic = reader.Fixed<uint64_t>();
  uint32_t checksum = reader.Fixed<uint32_t>();
  SegmentHead head;
  head.version = reader.Fixed<uint64_t>();
  head.bytes = std::string(reader.Bytes(reader.Fixed<uint64_t>()));
  uint32_t found =
      size < kHeadBytes ? 0 : Crc32c(std::string_view(bytes).substr(kHeadCheckedOffset));
  if (!reader.AtEnd() || magic != kHeadMagic || checksum != found || head.version == 0) {
    return absl::DataLossError(absl::StrCat((*file)->path(), ": offset 0: expected checksum ",
                                            checksum, ", found ", found, " over ", size, " bytes"));
  }
  return head;
}

absl::StatusOr<SegmentHead> LocalBackend::ReadHead() {
  MutexLock lock(head_mutex_);
  return ReadHeadLocked();
}

absl::StatusOr<uint64_t> LocalBackend::ReplaceHead(uint64_t expected_version,
                                                   std::string_view bytes) {
  MutexLock lock(head_mutex_);
  MORAINE_ASSIGN_OR_RETURN(SegmentHead now, ReadHeadLocked());
  if (now.version != expected_version) {
    return absl::AbortedError(absl::StrCat("the head is of version ", now.version, ", not ",
                                           expected_version, ": read it again"));
  }
  std::string image(kHeadBytes, '\0');
  char* at = PutFixed(image.data(), kHeadMagic);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, expected_version + 1);
  PutFixed(at, uint64_t{bytes.size()});
  image.append(bytes);
  PutFixed(image.data() + sizeof(uint64_t),
           Crc32c(std::string_view(image).substr(kHeadCheckedOffset)));
  OpenFileOptions options;
  options.create = true;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory_.OpenFile(kNextHeadName, options));
  MORAINE_RETURN_IF_ERROR(file->Truncate(0));
  MORAINE_RETURN_IF_ERROR(io_.WriteFully(*file, 0, image.data(), image.size()));
  MORAINE_RETURN_IF_ERROR(io_.SyncFile(*file));
  MORAINE_RETURN_IF_ERROR(directory_.Rename(kNextHeadName, kHeadName));
  MORAINE_RETURN_IF_ERROR(directory_.Sync());
  return expected_version + 1;
}

}  // namespace moraine
