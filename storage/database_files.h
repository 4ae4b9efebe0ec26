// What lies in a database's directory, and its superblock: the file that says "this is a moraine
// database, of this format, with this identity" and which checkpoint it opens with.
//   superblock           two slots of 4096 bytes, written in turn, so that a crash while one is
//                        written leaves the other: magic "moraine\0", u32 format version, u32
//                        required features, u64 id high, u64 id low, u64 generation, u64 manifest
//                        bytes, u32 manifest checksum, u32 CRC32C of the bytes before it, zeros. A
//                        slot never written is all zero.
//   manifest-<hex>       what the checkpoint of that generation consists of; see manifest.h
//   data-<hex>           pieces of pages; see segments/
//   log-<hex>            segments of the log; see log/
//   lock                 held by the process that writes
#ifndef MORAINE_STORAGE_DATABASE_FILES_H_
#define MORAINE_STORAGE_DATABASE_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/base/ids.h"
#include "storage/io/io.h"

namespace moraine {

inline constexpr uint32_t kFormatVersion = 2;
inline constexpr std::string_view kLockName = "lock";
inline constexpr std::string_view kSuperblockName = "superblock";

struct Superblock {
  uint32_t format_version = kFormatVersion;
  uint32_t required_features = 0;  // bits a reader must know; unknown ones are refused
  DatabaseId id;
  uint64_t generation = 0;  // of the checkpoint; 0: none yet, everything is in the log
  uint64_t manifest_bytes = 0;
  uint32_t manifest_checksum = 0;
};

// The valid slot of the highest generation. NotFound when there is no superblock; DataLoss when no
// slot can be read; FailedPrecondition for a newer format.
absl::StatusOr<Superblock> ReadSuperblock(Io& io, Directory& directory);
// Creates it durably; a crash leaves either none or a whole one.
absl::Status CreateSuperblock(Io& io, Directory& directory, const Superblock& superblock);
// Writes the slot of the superblock's generation, durably; the other slot, of the generation before,
// stays valid until it returns.
absl::Status UpdateSuperblock(Io& io, Directory& directory, const Superblock& superblock);
// A fresh random identity.
absl::StatusOr<DatabaseId> NewDatabaseId();

std::string ManifestName(uint64_t generation);
// The generation in a manifest's file name; nullopt for other files.
std::optional<uint64_t> ParseManifestName(std::string_view name);

}  // namespace moraine

#endif  // MORAINE_STORAGE_DATABASE_FILES_H_
