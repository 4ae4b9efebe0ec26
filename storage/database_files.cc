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

constexpr size_t kSlotBytes = 4096;
constexpr size_t kSlots = 2;
constexpr std::string_view kMagic("moraine\0", 8);
constexpr size_t kChecksumOffset = 52;
constexpr std::string_view kTemporaryName = "superblock.new";
constexpr std::string_view kManifestPrefix = "manifest-";

absl::Status Damaged(const File& file, std::string what) {
  return absl::DataLossError(
      file.path() + ": " + what +
      "; restore the superblock from a backup, the other files may be whole");
}

// nullopt: never written.
absl::StatusOr<std::optional<Superblock>> DecodeSlot(const File& file, uint64_t offset,
                                                     std::string_view bytes) {
  if (bytes.find_first_not_of('\0') == std::string_view::npos) return std::optional<Superblock>();
  std::string where = "offset " + std::to_string(offset);
  ByteReader reader(bytes);
  if (reader.Bytes(kMagic.size()) != kMagic)
    return Damaged(file, where + ": not a moraine superblock");
  Superblock superblock;
  superblock.format_version = reader.Fixed<uint32_t>();
  superblock.required_features = reader.Fixed<uint32_t>();
  superblock.id.high = reader.Fixed<uint64_t>();
  superblock.id.low = reader.Fixed<uint64_t>();
  superblock.generation = reader.Fixed<uint64_t>();
  superblock.manifest_bytes = reader.Fixed<uint64_t>();
  superblock.manifest_checksum = reader.Fixed<uint32_t>();
  uint32_t stored = reader.Fixed<uint32_t>();
  uint32_t actual = Crc32c(bytes.substr(0, kChecksumOffset));
  if (stored != actual) {
    return Damaged(file, "offset " + std::to_string(offset + kChecksumOffset) + ": checksum " +
                             std::to_string(stored) + ", expected " + std::to_string(actual));
  }
  size_t at = bytes.find_first_not_of('\0', kChecksumOffset + sizeof(stored));
  if (at != std::string_view::npos)
    return Damaged(file, "offset " + std::to_string(offset + at) + ": not zero");
  return std::optional<Superblock>(superblock);
}

std::string EncodeSlot(const Superblock& superblock) {
  std::string bytes(kSlotBytes, '\0');
  char* at = PutBytes(bytes.data(), kMagic);
  at = PutFixed(at, superblock.format_version);
  at = PutFixed(at, superblock.required_features);
  at = PutFixed(at, superblock.id.high);
  at = PutFixed(at, superblock.id.low);
  at = PutFixed(at, superblock.generation);
  at = PutFixed(at, superblock.manifest_bytes);
  at = PutFixed(at, superblock.manifest_checksum);
  PutFixed(at, Crc32c(std::string_view(bytes).substr(0, kChecksumOffset)));
  return bytes;
}

absl::Status CheckFormat(const File& file, const Superblock& superblock) {
  if (superblock.format_version == kFormatVersion && superblock.required_features == 0)
    return absl::OkStatus();
  bool newer = superblock.format_version > kFormatVersion || superblock.required_features != 0;
  return absl::FailedPreconditionError(
      file.path() + ": format version " + std::to_string(superblock.format_version) +
      " with features " + std::to_string(superblock.required_features) +
      ", this program knows version " + std::to_string(kFormatVersion) +
      " with features 0; open it with " + (newer ? "a newer moraine" : "the moraine that made it"));
}

}  // namespace

absl::StatusOr<Superblock> ReadSuperblock(Io& io, Directory& directory) {
  OpenFileOptions options;
  options.write = false;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           directory.OpenFile(kSuperblockName, options));
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  if (size != kSlots * kSlotBytes) {
    return Damaged(*file, "has " + std::to_string(size) + " bytes, expected " +
                              std::to_string(kSlots * kSlotBytes));
  }
  std::string bytes(kSlots * kSlotBytes, '\0');
  MORAINE_RETURN_IF_ERROR(io.ReadFully(*file, 0, bytes.data(), bytes.size()));
  std::optional<Superblock> newest;
  absl::Status damage = Damaged(*file, "offset 0: no slot was ever written");
  for (size_t slot = 0; slot < kSlots; ++slot) {
    auto read = DecodeSlot(*file, slot * kSlotBytes,
                           std::string_view(bytes).substr(slot * kSlotBytes, kSlotBytes));
    if (!read.ok()) {
      damage = read.status();
    } else if (*read && (!newest || (*read)->generation > newest->generation)) {
      newest = **read;
    }
  }
  // One unreadable slot is what a crash during a checkpoint leaves behind. Were it damage instead,
  // the manifest of the older slot would be gone, and opening would say so.
  if (!newest) return damage;
  MORAINE_RETURN_IF_ERROR(CheckFormat(*file, *newest));
  return *newest;
}

absl::Status CreateSuperblock(Io& io, Directory& directory, const Superblock& superblock) {
  std::string bytes = EncodeSlot(superblock);
  bytes.resize(kSlots * kSlotBytes, '\0');
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

absl::Status UpdateSuperblock(Io& io, Directory& directory, const Superblock& superblock) {
  std::string bytes = EncodeSlot(superblock);
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory.OpenFile(kSuperblockName, {}));
  uint64_t offset = superblock.generation % kSlots * kSlotBytes;
  MORAINE_RETURN_IF_ERROR(io.WriteFully(*file, offset, bytes.data(), bytes.size()));
  return io.SyncFile(*file);
}

absl::StatusOr<DatabaseId> NewDatabaseId() {
  DatabaseId id;
  if (getrandom(&id, sizeof(id), 0) != static_cast<ssize_t>(sizeof(id))) {
    return absl::UnavailableError("the system gives no random bytes for a database identity");
  }
  return id;
}

std::string ManifestName(uint64_t generation) {
  char name[32];
  std::snprintf(name, sizeof(name), "manifest-%016llx",
                static_cast<unsigned long long>(generation));
  return name;
}

std::optional<uint64_t> ParseManifestName(std::string_view name) {
  if (!name.starts_with(kManifestPrefix) || name.size() != kManifestPrefix.size() + 16)
    return std::nullopt;
  uint64_t generation = 0;
  auto [end, error] = std::from_chars(name.data() + kManifestPrefix.size(),
                                      name.data() + name.size(), generation, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (ManifestName(generation) != name) return std::nullopt;  // capitals: another file's name
  return generation;
}

}  // namespace moraine
