// Operations as log records: whole, cut off, damaged, and in chunks.
#include "storage/tree/operation_record.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/checksum.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

struct OwnedOperation {
  VersionKind kind;
  uint32_t tree;
  std::string key;
  std::string value;
  LoggedOperation view() const { return {kind, TreeId(tree), key, value}; }
};

OwnedOperation RandomOperation(Random& random) {
  return {static_cast<VersionKind>(1 + random.Below(3)), static_cast<uint32_t>(random.Skewed(32)),
          random.Bytes(random.Skewed(10)), random.Bytes(random.Skewed(12))};
}

void ExpectSame(const LoggedOperation& read, const OwnedOperation& written) {
  EXPECT_EQ(read.kind, written.kind);
  EXPECT_EQ(read.tree, TreeId(written.tree));
  EXPECT_EQ(read.key, written.key);
  EXPECT_EQ(read.value, written.value);
}

TEST(OperationRecordTest, OneOperationRoundTripsWithItsChecksum) {
  Random random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    OwnedOperation operation = RandomOperation(random);
    OperationRecord record(operation.view());
    std::string payload(record.payload_bytes(), '?');
    record.CopyTo(payload.data());
    EXPECT_EQ(record.checksum(), Crc32c(payload));
    std::string appended;
    AppendOperation(operation.view(), &appended);
    EXPECT_EQ(appended, payload);
    EXPECT_LE(payload.size(),
              kMostOperationHeaderBytes + operation.key.size() + operation.value.size());
    ByteReader reader(payload);
    absl::StatusOr<LoggedOperation> read = ReadOperation(&reader);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(reader.AtEnd());
    ExpectSame(*read, operation);
  }
}

TEST(OperationRecordTest, ManyOperationsStandBehindEachOther) {
  Random random(Random::Derive(TestSeed(), 1));
  std::vector<OwnedOperation> operations;
  std::string payload;
  for (int i = 0; i < 100; ++i) {
    operations.push_back(RandomOperation(random));
    AppendOperation(operations.back().view(), &payload);
  }
  ByteReader reader(payload);
  for (const OwnedOperation& operation : operations) {
    absl::StatusOr<LoggedOperation> read = ReadOperation(&reader);
    ASSERT_TRUE(read.ok()) << read.status();
    ExpectSame(*read, operation);
  }
  EXPECT_TRUE(reader.AtEnd());
}

TEST(OperationRecordTest, EveryTruncationIsDataLoss) {
  Random random(Random::Derive(TestSeed(), 2));
  for (int i = 0; i < 50; ++i) {
    OwnedOperation operation = RandomOperation(random);
    std::string payload;
    AppendOperation(operation.view(), &payload);
    for (size_t size = 0; size < payload.size(); ++size) {
      std::vector<char> exact(payload.begin(), payload.begin() + static_cast<ptrdiff_t>(size));
      ByteReader reader(std::string_view(exact.data(), exact.size()));
      ASSERT_EQ(ReadOperation(&reader).status().code(), absl::StatusCode::kDataLoss) << size;
    }
  }
}

TEST(OperationRecordTest, RandomBytesNeverLeaveTheirBounds) {
  Random random(Random::Derive(TestSeed(), 3));
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = random.Bytes(random.Below(30));
    if (!bytes.empty()) bytes[0] = static_cast<char>(random.Below(5));
    std::vector<char> exact(bytes.begin(), bytes.end());
    ByteReader reader(std::string_view(exact.data(), exact.size()));
    absl::StatusOr<LoggedOperation> read = ReadOperation(&reader);
    if (!read.ok()) continue;
    ASSERT_LE(read->key.size() + read->value.size(), bytes.size());
  }
}

TEST(OperationRecordTest, UnknownKindsAndTreesAreDataLoss) {
  for (int kind = 0; kind < 256; ++kind) {
    const char bytes[] = {static_cast<char>(kind), 1, 0, 0};
    ByteReader reader(std::string_view(bytes, sizeof(bytes)));
    EXPECT_EQ(ReadOperation(&reader).ok(), kind >= 1 && kind <= 3) << kind;
  }
  // A tree id of more than 32 bits was cut down to another tree's.
  std::string bytes(1, '\1');
  char number[kMaxVarint64Bytes];
  bytes.append(number, static_cast<size_t>(PutVarint(number, uint64_t{1} << 32 | 7) - number));
  bytes.append(2, '\0');
  ByteReader reader(bytes);
  EXPECT_EQ(ReadOperation(&reader).status().code(), absl::StatusCode::kDataLoss);
}

// What the log holds after the writes: payloads by type, chains put together.
TEST(OperationRecordTest, LargePayloadsAreChainsThatOneCommitNames) {
  TreeWorld world;
  Log& log = world.log();
  uint64_t most = MostInlinePayload(log);
  Random random(Random::Derive(TestSeed(), 4));
  LogCredit credit;
  std::vector<std::string> payloads;
  for (uint64_t size : {uint64_t{1}, most, most + 1, 2 * most, 5 * most + 3}) {
    payloads.push_back(random.Bytes(size));
    absl::StatusOr<RecordBody> body = PrepareBody(log, credit, payloads.back());
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(body->type(), size <= most ? RecordType::kBatch : RecordType::kCommit);
    LogSlot slot = log.Reserve(credit, body->payload_bytes());
    body->CopyTo(slot.payload);
    EXPECT_EQ(body->checksum(), Crc32c({slot.payload, slot.payload_bytes}));
    log.Publish(slot, body->type(), body->checksum());
  }
  log.ReturnCredit(credit);
  ASSERT_EQ(log.Flush(), absl::OkStatus());
  std::unique_ptr<LogReader> reader =
      LogReader::Open(world.io(), world.directory(), world.log_options(), kFirstLsn).value();
  std::map<uint64_t, std::string> chains;
  std::vector<std::string> found;
  LogReader::Record record;
  for (;;) {
    absl::StatusOr<bool> more = reader->Next(&record);
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) break;
    ByteReader bytes(record.payload);
    if (record.type == RecordType::kBatch) found.emplace_back(record.payload);
    if (record.type == RecordType::kChunk) {
      uint64_t first = bytes.Varint();
      chains[first == 0 ? record.lsn.value() : first].append(bytes.Bytes(bytes.remaining()));
    }
    if (record.type == RecordType::kCommit) {
      found.push_back(chains[bytes.Varint()]);
      EXPECT_EQ(bytes.Varint(), found.back().size());
      EXPECT_TRUE(bytes.AtEnd());
    }
  }
  EXPECT_TRUE(found == payloads);
}

}  // namespace
}  // namespace moraine
