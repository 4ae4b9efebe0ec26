// The superblock, and the names of files.
#include "storage/database_files.h"

#include <sys/random.h>

#include <charconv>
#include <cstdio>
#include <memory>

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"

namespace moraine {
namespace {

constexpr size_t kSuperblockBytes = 4096;
constexpr std::string_view kMagic("moraine\0", 8);
constexpr size_t kChecksumOffset = 32;
constexpr std::string_view kTemporaryName = "superblock.new";
constexpr std::string_view kCheckpointPrefix = "checkpoint-";

absl::Status Damaged(const File& file, std::string what) {
  return absl::DataLossError(
      file.path() + ": " + what +
      "; restore the superblock from a backup, the other files may be whole");
}

}  // namespace

absl::StatusOr<Superblock> ReadSuperblock(Io& io, Directory& directory) {
  OpenFileOptions options;
  options.write = false;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           directory.OpenFile(kSuperblockName, options));
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  if (size != kSuperblockBytes) {
    return Damaged(*file, "has " + std::to_string(size) + " bytes, expected " +
                              std::to_string(kSuperblockBytes));
  }
  std::string bytes(kSuperblockBytes, '\0');
  MORAINE_RETURN_IF_ERROR(io.ReadFully(*file, 0, bytes.data(), bytes.size()));
  ByteReader reader(bytes);
  if (reader.Bytes(kMagic.size()) != kMagic)
    return Damaged(*file, "offset 0: not a moraine superblock");
  Superblock superblock;
  superblock.format_version = reader.Fixed<uint32_t>();
  superblock.required_features = reader.Fixed<uint32_t>();
  superblock.id.high = reader.Fixed<uint64_t>();
  superblock.id.low = reader.Fixed<uint64_t>();
  uint32_t stored = reader.Fixed<uint32_t>();
  uint32_t actual = Crc32c(std::string_view(bytes).substr(0, kChecksumOffset));
  if (stored != actual) {
    return Damaged(*file, "offset 32: checksum " + std::to_string(stored) + ", expected " +
                              std::to_string(actual));
  }
  if (superblock.format_version != kFormatVersion || superblock.required_features != 0) {
    return absl::FailedPreconditionError(
        file->path() + ": format version " + std::to_string(superblock.format_version) +
        " with features " + std::to_string(superblock.required_features) +
        ", this program knows version " + std::to_string(kFormatVersion) +
        " with features 0; open it with a newer moraine");
  }
  if (size_t at = bytes.find_first_not_of('\0', kChecksumOffset + sizeof(stored));
      at != std::string::npos) {
    return Damaged(*file, "offset " + std::to_string(at) + ": not zero");
  }
  return superblock;
}

absl::Status WriteSuperblock(Io& io, Directory& directory, const Superblock& superblock) {
  std::string bytes(kSuperblockBytes, '\0');
  char* at = PutBytes(bytes.data(), kMagic);
  at = PutFixed(at, superblock.format_version);
  at = PutFixed(at, superblock.required_features);
  at = PutFixed(at, superblock.id.high);
  at = PutFixed(at, superblock.id.low);
  PutFixed(at, Crc32c(std::string_view(bytes).substr(0, kChecksumOffset)));
  OpenFileOptions options;
  options.create = true;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory.OpenFile(kTemporaryName, options));
  MORAINE_RETURN_IF_ERROR(file->Truncate(0));
  MORAINE_RETURN_IF_ERROR(io.WriteFully(*file, 0, bytes.data(), bytes.size()));
  MORAINE_RETURN_IF_ERROR(io.SyncFile(*file));
  file.reset();
  MORAINE_RETURN_IF_ERROR(directory.Rename(kTemporaryName, kSuperblockName));
  return directory.Sync();
}

absl::StatusOr<DatabaseId> NewDatabaseId() {
  DatabaseId id;
  if (getrandom(&id, sizeof(id), 0) != static_cast<ssize_t>(sizeof(id))) {
    return absl::UnavailableError("the system gives no random bytes for a database identity");
  }
  return id;
}

std::string CheckpointName(Lsn position) {
  char name[32];
  std::snprintf(name, sizeof(name), "checkpoint-%016llx",
                static_cast<unsigned long long>(position.value()));
  return name;
}

std::optional<Lsn> ParseCheckpointName(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix) || name.size() != kCheckpointPrefix.size() + 16)
    return std::nullopt;
  uint64_t position = 0;
  auto [end, error] = std::from_chars(name.data() + kCheckpointPrefix.size(),
                                      name.data() + name.size(), position, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (CheckpointName(Lsn(position)) != name) return std::nullopt;  // capitals: another file's name
  return Lsn(position);
}

}  // namespace moraine
