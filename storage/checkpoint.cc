// Writing and reading of checkpoint files.
#include "storage/checkpoint.h"

#include <algorithm>

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/database_files.h"

namespace moraine {
namespace {

constexpr std::string_view kMagic("moraineC", 8);
constexpr size_t kHeaderBytes = 64;
constexpr size_t kFrameHeaderBytes = 16;
constexpr uint32_t kEndFrame = 0xffffffff;
constexpr size_t kBufferBytes = size_t{1} << 20;
constexpr std::string_view kTemporaryName = "checkpoint.new";

uint32_t FrameChecksum(const DatabaseId& id, Lsn position, uint64_t offset, std::string_view sizes,
                       std::string_view content) {
  return Crc32c(content, Crc32c(sizes, ChecksumSalt(id, SegmentId(position.value()), offset)));
}

std::string EncodeHeader(const DatabaseId& id, const CheckpointHeader& header) {
  std::string bytes(kHeaderBytes, '\0');
  char* at = PutBytes(bytes.data(), kMagic);
  at = PutFixed(at, kFormatVersion);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, id.high);
  at = PutFixed(at, id.low);
  at = PutFixed(at, header.position.value());
  PutFixed(at, header.replay_from.value());
  constexpr size_t kCovered = kHeaderBytes - sizeof(uint32_t);
  uint32_t checksum =
      FrameChecksum(id, header.position, 0, std::string_view(bytes).substr(0, kCovered), {});
  PutFixed(bytes.data() + kCovered, checksum);
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointWriter>> CheckpointWriter::Create(
    Io& io, Directory& directory, const DatabaseId& id, const CheckpointHeader& header) {
  std::unique_ptr<CheckpointWriter> writer(
      new CheckpointWriter(io, directory, id, header));  // private constructor
  OpenFileOptions options;
  options.create = true;
  MORAINE_ASSIGN_OR_RETURN(writer->file_, directory.OpenFile(kTemporaryName, options));
  MORAINE_RETURN_IF_ERROR(writer->file_->Truncate(0));
  writer->buffer_ = EncodeHeader(id, header);
  return writer;
}

absl::Status CheckpointWriter::WriteBuffer() {
  MORAINE_RETURN_IF_ERROR(io_.WriteFully(*file_, written_bytes_, buffer_.data(), buffer_.size()));
  written_bytes_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status CheckpointWriter::AddFrame(TreeId tree, std::string_view content, uint64_t size) {
  uint64_t offset = bytes();
  char header[kFrameHeaderBytes] = {};
  char* at = PutFixed(header, static_cast<uint32_t>(size));
  at = PutFixed(at, tree.value());
  PutFixed(at, FrameChecksum(id_, header_.position, offset, std::string_view(header, 8), content));
  buffer_.append(header, sizeof(header));
  buffer_.append(content);
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : WriteBuffer();
}

absl::Status CheckpointWriter::Add(TreeId tree, std::string_view block) {
  ++frame_count_;
  return AddFrame(tree, block, block.size());
}

absl::Status CheckpointWriter::Finish() {
  char count[sizeof(uint64_t)];
  PutFixed(count, frame_count_);
  MORAINE_RETURN_IF_ERROR(AddFrame(TreeId(kEndFrame), std::string_view(count, sizeof(count)), 0));
  MORAINE_RETURN_IF_ERROR(WriteBuffer());
  MORAINE_RETURN_IF_ERROR(io_.SyncFile(*file_));
  file_.reset();
  return absl::OkStatus();
}

absl::Status CheckpointWriter::Publish() {
  MORAINE_RETURN_IF_ERROR(directory_.Rename(kTemporaryName, CheckpointName(header_.position)));
  return directory_.Sync();
}

absl::Status CheckpointReader::Damaged(uint64_t offset, std::string what) const {
  return absl::DataLossError(file_->path() + ": offset " + std::to_string(offset) + ": " + what +
                             "; restore the file from a backup");
}

absl::StatusOr<std::unique_ptr<CheckpointReader>> CheckpointReader::Open(Io& io,
                                                                         Directory& directory,
                                                                         const DatabaseId& id,
                                                                         Lsn position) {
  std::unique_ptr<CheckpointReader> reader(new CheckpointReader(io, id));  // private constructor
  OpenFileOptions options;
  options.write = false;
  MORAINE_ASSIGN_OR_RETURN(reader->file_, directory.OpenFile(CheckpointName(position), options));
  MORAINE_ASSIGN_OR_RETURN(reader->size_bytes_, reader->file_->Size());
  MORAINE_RETURN_IF_ERROR(reader->ReadHeader(position));
  return reader;
}

absl::StatusOr<std::string_view> CheckpointReader::Read(uint64_t count) {
  if (count > size_bytes_ - offset_) {
    return Damaged(offset_, "the file ends after " + std::to_string(size_bytes_) +
                                " bytes, expected at least " + std::to_string(offset_ + count));
  }
  uint64_t have = window_begin_ + window_.size() - offset_;
  if (have < count) {
    window_.erase(0, offset_ - window_begin_);
    window_begin_ = offset_;
    uint64_t more = std::min(std::max<uint64_t>(count, kBufferBytes), size_bytes_ - offset_) - have;
    window_.resize(have + more);
    MORAINE_RETURN_IF_ERROR(
        io_.ReadFully(*file_, window_begin_ + have, window_.data() + have, more));
  }
  std::string_view bytes = std::string_view(window_).substr(offset_ - window_begin_, count);
  offset_ += count;
  return bytes;
}

absl::Status CheckpointReader::ReadHeader(Lsn position) {
  MORAINE_ASSIGN_OR_RETURN(std::string_view bytes, Read(kHeaderBytes));
  ByteReader reader(bytes);
  reader.Bytes(kMagic.size() + 24);
  header_.position = Lsn(reader.Fixed<uint64_t>());
  header_.replay_from = Lsn(reader.Fixed<uint64_t>());
  // Encoding again what was understood compares magic, version, identity, zeros and checksum at
  // once.
  if (bytes != EncodeHeader(id_, header_) || header_.position != position ||
      header_.replay_from > position) {
    return Damaged(0, "not the header of the checkpoint at " + std::to_string(position.value()) +
                          " of this database");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CheckpointReader::Next(TreeId* tree, std::string_view* block) {
  uint64_t begin = offset_;
  MORAINE_ASSIGN_OR_RETURN(std::string_view bytes, Read(kFrameHeaderBytes));
  std::string sizes(bytes.substr(0, 8));
  ByteReader reader(bytes);
  uint32_t size = reader.Fixed<uint32_t>();
  *tree = TreeId(reader.Fixed<uint32_t>());
  uint32_t stored = reader.Fixed<uint32_t>();
  uint32_t zero = reader.Fixed<uint32_t>();
  bool is_end = tree->value() == kEndFrame;
  MORAINE_ASSIGN_OR_RETURN(std::string_view content, Read(is_end ? sizeof(uint64_t) : size));
  uint32_t actual = FrameChecksum(id_, header_.position, begin, sizes, content);
  if (stored != actual || zero != 0) {
    return Damaged(begin,
                   "checksum " + std::to_string(stored) + ", expected " + std::to_string(actual));
  }
  if (!is_end) {
    ++frame_count_;
    *block = content;
    return true;
  }
  if (GetFixed<uint64_t>(content.data()) != frame_count_ || offset_ != size_bytes_ || size != 0) {
    return Damaged(begin, "the file has " + std::to_string(frame_count_) +
                              " pages, its end names another number");
  }
  return false;
}

}  // namespace moraine
