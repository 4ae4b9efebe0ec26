// Reads the records of a log back, in order, before it is opened for appending, and tells the two
// kinds of bad bytes apart. A torn tail was never acknowledged: the log ends there. Damage of bytes
// that were durable once is an error, never a silent end. The proof that a position was durable is a
// later, valid record or segment header of this log that vouches for it: every sync ends with
// padding that names what was durable before it, a clean close says so in a marker, and opening
// after recovery writes what recovery found into the new segment's header. A valid record without
// such a voucher proves nothing, because a power cut may keep a later write and drop an earlier one.
// What is left: damage of the very last sync before a crash looks like a torn tail, since only one
// write ever knew of it.
#ifndef MORAINE_STORAGE_LOG_LOG_READER_H_
#define MORAINE_STORAGE_LOG_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/io/io.h"
#include "storage/log/log_options.h"
#include "storage/log/log_space.h"
#include "storage/log/record_format.h"

namespace moraine {

// One thread. Memory: a window of a mebibyte, or of the largest record.
class LogReader final {
 public:
  struct Record {
    Lsn lsn;
    RecordType type = RecordType::kVoid;
    std::string_view payload;  // valid until the next call
  };
  // Begins at `begin`, a record boundary that a checkpoint or a new database vouches for. Changes
  // no file.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(Io& io, Directory& directory,
                                                         const LogOptions& options, Lsn begin);

  // True and the next record that is not void, padding or a marker, or false at the end. DataLoss
  // (file, offset, what was expected and found) when bytes are damaged that were durable once; a
  // torn tail is just the end. After an error every further call returns it again.
  absl::StatusOr<bool> Next(Record* record);
  // After Next returned false: the end of the last record, where Log::Open may continue.
  Lsn end() const { return Lsn(position_); }

 private:
  LogReader(std::unique_ptr<LogSpace> space, const LogOptions& options, uint64_t begin);

  absl::StatusOr<bool> Advance(Record* record);
  absl::StatusOr<bool> ReadRecord(Record* record);
  absl::StatusOr<bool> EndOrDamage(std::string what);
  absl::StatusOr<uint64_t> FindVoucher(uint64_t position);
  uint64_t VouchedWithin(std::string_view bytes, uint64_t at, uint64_t position) const;

  const std::unique_ptr<LogSpace> space_;
  const uint32_t record_salt_;
  uint64_t position_;  // the end of what was read
  bool ended_ = false;
  absl::Status failed_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_READER_H_
