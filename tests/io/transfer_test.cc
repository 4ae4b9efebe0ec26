// How results of system calls are read: every short, interrupted and failed transfer that a kernel
// may answer with, without having to provoke it.
#include "storage/io/transfer.h"

#include <errno.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace moraine {
namespace {

class NamedFile final : public File {
 public:
  explicit NamedFile(bool direct) : direct_(direct) {}
  const std::string& path() const override { return path_; }
  bool direct() const override { return direct_; }
  absl::StatusOr<uint64_t> Size() override { return 0; }
  absl::Status Allocate(uint64_t) override { return absl::OkStatus(); }
  absl::Status Truncate(uint64_t) override { return absl::OkStatus(); }

 private:
  const std::string path_ = "db/data";
  const bool direct_;
};

class TransferTest : public testing::Test {
 protected:
  Transfer Make(IoKind kind, bool direct = false, uint64_t size = 3 * kIoAlignment) {
    return {.request = {.kind = kind,
                        .file = direct ? &direct_ : &buffered_,
                        .offset = kIoAlignment,
                        .data = nullptr,
                        .size = size}};
  }

  NamedFile buffered_{false};
  NamedFile direct_{true};
};

TEST_F(TransferTest, ShortTransfersAreContinuedWhereTheyEnded) {
  for (IoKind kind : {IoKind::kRead, IoKind::kWrite}) {
    Transfer transfer = Make(kind);
    EXPECT_FALSE(AdvanceTransfer(transfer, 100));
    EXPECT_EQ(transfer.next_offset(), kIoAlignment + 100);
    EXPECT_EQ(transfer.next_size(), 3 * kIoAlignment - 100);
    EXPECT_FALSE(AdvanceTransfer(transfer, 1));
    EXPECT_TRUE(AdvanceTransfer(transfer, 3 * kIoAlignment - 101));
    EXPECT_EQ(transfer.status, absl::OkStatus());
  }
}

TEST_F(TransferTest, InterruptionsAreRepeatedButNotForEver) {
  for (int error_number : {EINTR, EAGAIN, ECANCELED}) {
    for (IoKind kind : {IoKind::kRead, IoKind::kWrite, IoKind::kSync}) {
      Transfer transfer = Make(kind);
      int count = 0;
      while (!AdvanceTransfer(transfer, -error_number)) ++count;
      EXPECT_GT(count, 100);
      EXPECT_EQ(transfer.status.code(), absl::StatusCode::kUnavailable);
    }
  }
}

TEST_F(TransferTest, ProgressForgivesStalls) {
  Transfer transfer = Make(IoKind::kWrite, /*direct=*/false, 4'000);
  for (int index = 0; index < 3'999; ++index) {
    ASSERT_FALSE(AdvanceTransfer(transfer, -EAGAIN));
    ASSERT_FALSE(AdvanceTransfer(transfer, 1));
  }
  EXPECT_TRUE(AdvanceTransfer(transfer, 1));
  EXPECT_EQ(transfer.status, absl::OkStatus());
}

TEST_F(TransferTest, ErrorsNameFileAndOffset) {
  Transfer transfer = Make(IoKind::kWrite);
  EXPECT_FALSE(AdvanceTransfer(transfer, 50));
  EXPECT_TRUE(AdvanceTransfer(transfer, -EIO));
  EXPECT_EQ(transfer.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(transfer.status.message(), "write db/data at offset 4146: Input/output error");
  transfer = Make(IoKind::kWrite);
  EXPECT_TRUE(AdvanceTransfer(transfer, -ENOSPC));
  EXPECT_EQ(transfer.status.code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(TransferTest, EndOfFileIsOutOfRange) {
  Transfer transfer = Make(IoKind::kRead);
  EXPECT_FALSE(AdvanceTransfer(transfer, 50));
  EXPECT_TRUE(AdvanceTransfer(transfer, 0));
  EXPECT_EQ(transfer.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(transfer.status.message().find("ends at offset 4146"), std::string::npos);
}

TEST_F(TransferTest, DirectTransfersGoOnAtBlockBoundaries) {
  Transfer write = Make(IoKind::kWrite, /*direct=*/true);
  EXPECT_FALSE(AdvanceTransfer(write, kIoAlignment + 512));
  EXPECT_EQ(write.next_offset(), 2 * kIoAlignment);
  Transfer read = Make(IoKind::kRead, /*direct=*/true);
  EXPECT_TRUE(AdvanceTransfer(read, kIoAlignment + 512));
  EXPECT_EQ(read.status.code(), absl::StatusCode::kOutOfRange);
}

TEST_F(TransferTest, WriteThatMovesNothingEnds) {
  Transfer transfer = Make(IoKind::kWrite, /*direct=*/true);
  int count = 0;
  while (!AdvanceTransfer(transfer, 512)) ++count;
  EXPECT_LT(count, 100'000);
  EXPECT_EQ(transfer.status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(TransferTest, LargeTransfersGoInParts) {
  Transfer transfer = Make(IoKind::kRead, /*direct=*/false, uint64_t{5} << 30);
  uint64_t calls = 1;
  while (!AdvanceTransfer(transfer, transfer.next_size())) ++calls;
  EXPECT_EQ(calls, 5u);
  EXPECT_EQ(transfer.status, absl::OkStatus());
}

TEST_F(TransferTest, CheckWantsAlignmentOfDirectTransfersOnly) {
  alignas(kIoAlignment) static char block[2 * kIoAlignment];
  IoRequest request{.kind = IoKind::kRead, .file = &direct_, .data = block, .size = kIoAlignment};
  EXPECT_EQ(CheckRequest(request), absl::OkStatus());
  for (int part = 0; part < 3; ++part) {
    IoRequest odd = request;
    if (part == 0) odd.offset = 512;
    if (part == 1) odd.size = 512;
    if (part == 2) odd.data = block + 512;
    EXPECT_EQ(CheckRequest(odd).code(), absl::StatusCode::kInvalidArgument) << part;
    odd.file = &buffered_;
    EXPECT_EQ(CheckRequest(odd), absl::OkStatus()) << part;
  }
}

}  // namespace
}  // namespace moraine
