// What lies in a database's directory, and its superblock: the one file that says "this is a
// moraine database, of this format, with this identity". Written once, when the database is
// created.
//   superblock           4096 bytes: magic "moraine\0", u32 format version, u32 required features,
//                        u64 id high, u64 id low, u32 CRC32C of the bytes before it, zeros
//   checkpoint-<hex>     all trees as of one position; see checkpoint.h
//   log-<hex>            segments of the log; see storage/log
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

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr std::string_view kLockName = "lock";
inline constexpr std::string_view kSuperblockName = "superblock";

struct Superblock {
  uint32_t format_version = kFormatVersion;
  uint32_t required_features = 0;  // bits a reader must know; unknown ones are refused
  DatabaseId id;
};

// NotFound when there is none; DataLoss when it is damaged; FailedPrecondition for a newer format.
absl::StatusOr<Superblock> ReadSuperblock(Io& io, Directory& directory);
// Creates it durably; a crash leaves either none or a whole one.
absl::Status WriteSuperblock(Io& io, Directory& directory, const Superblock& superblock);
// A fresh random identity.
absl::StatusOr<DatabaseId> NewDatabaseId();

std::string CheckpointName(Lsn position);
// The position in a checkpoint's file name; nullopt for other files.
std::optional<Lsn> ParseCheckpointName(std::string_view name);

}  // namespace moraine

#endif  // MORAINE_STORAGE_DATABASE_FILES_H_
