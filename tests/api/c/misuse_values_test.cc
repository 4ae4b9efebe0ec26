// Every other argument wrong: NULL outputs and bytes, sizes that cannot be, structs of other
// versions, numbers that mean nothing. None of the huge ones may be read or allocated.
#include <cstdint>
#include <cstring>

#include "tests/api/c/misuse_fixture.h"

namespace moraine {
namespace {

constexpr size_t kHuge[] = {size_t{1} << 32, SIZE_MAX / 2, SIZE_MAX};

class MisuseValuesTest : public MisuseFixture {
 protected:
  static int32_t Delete(void*, const moraine_slice*, moraine_result*) { return 0; }

  moraine_slice out_ = {nullptr, 0};
  size_t size_ = 0;
};

TEST_F(MisuseValuesTest, HugeKeyIsRefusedUnread) {
  std::vector<size_t> sizes(std::begin(kHuge), std::end(kHuge));
  sizes.push_back(MORAINE_MOST_KEY_BYTES + 1);
  for (const size_t size : sizes) {
    const moraine_slice key = {"k", size};
    moraine_slice value = {nullptr, 0};
    void* block = nullptr;
    const moraine_code codes[] = {
        moraine_put(database_, tree_, "k", size, "v", 1, MORAINE_NONE, nullptr),
        moraine_delete(database_, tree_, "k", size, MORAINE_NONE, nullptr),
        moraine_merge(database_, tree_, "k", size, "v", 1, MORAINE_NONE, nullptr),
        moraine_compare_and_swap(database_, tree_, "k", size, nullptr, nullptr, 0, &out_, nullptr),
        moraine_get_and_set(database_, tree_, "k", size, nullptr, 0, &out_, nullptr),
        moraine_update(database_, tree_, "k", size, Delete, nullptr, 0, &out_, nullptr),
        moraine_get(database_, tree_, "k", size, nullptr, 0, nullptr, nullptr),
        moraine_get_copy(database_, tree_, "k", size, &out_, nullptr),
        moraine_contains(database_, tree_, "k", size, nullptr),
        moraine_multi_get(database_, tree_, &key, 1, &value, &block, nullptr),
        moraine_batch_put(batch_, tree_, "k", size, "v", 1, nullptr),
        moraine_batch_delete(batch_, tree_, "k", size, nullptr),
        moraine_batch_merge(batch_, tree_, "k", size, "v", 1, nullptr),
        moraine_cursor_seek(cursor_, "k", size, nullptr, nullptr, nullptr),
        moraine_transaction_put(transaction_, tree_, "k", size, "v", 1, nullptr),
        moraine_transaction_delete(transaction_, tree_, "k", size, nullptr),
        moraine_transaction_merge(transaction_, tree_, "k", size, "v", 1, nullptr),
        moraine_transaction_compare_and_swap(transaction_, tree_, "k", size, nullptr, nullptr,
                                             &out_, nullptr),
        moraine_transaction_get_for_update(transaction_, tree_, "k", size, &out_, nullptr),
    };
    for (size_t i = 0; i < std::size(codes); ++i) {
      EXPECT_EQ(codes[i], MORAINE_INVALID_ARGUMENT) << "call " << i << ", size " << size;
    }
  }
}

TEST_F(MisuseValuesTest, HugeValueIsRefusedUnread) {
  std::vector<size_t> sizes(std::begin(kHuge), std::end(kHuge));
  sizes.push_back(size_t{MORAINE_MOST_VALUE_BYTES} + 1);
  for (const size_t size : sizes) {
    const moraine_slice value = {"v", size};
    const moraine_code codes[] = {
        moraine_put(database_, tree_, "k", 1, "v", size, MORAINE_NONE, nullptr),
        moraine_merge(database_, tree_, "k", 1, "v", size, MORAINE_NONE, nullptr),
        moraine_compare_and_swap(database_, tree_, "k", 1, &value, nullptr, 0, &out_, nullptr),
        moraine_compare_and_swap(database_, tree_, "k", 1, nullptr, &value, 0, &out_, nullptr),
        moraine_get_and_set(database_, tree_, "k", 1, &value, 0, &out_, nullptr),
        moraine_batch_put(batch_, tree_, "k", 1, "v", size, nullptr),
        moraine_batch_merge(batch_, tree_, "k", 1, "v", size, nullptr),
        moraine_transaction_put(transaction_, tree_, "k", 1, "v", size, nullptr),
        moraine_transaction_merge(transaction_, tree_, "k", 1, "v", size, nullptr),
    };
    for (size_t i = 0; i < std::size(codes); ++i) {
      EXPECT_EQ(codes[i], MORAINE_INVALID_ARGUMENT) << "call " << i << ", size " << size;
    }
  }
}

TEST_F(MisuseValuesTest, HugeNameIsRefusedUnread) {
  moraine_tree* tree = nullptr;
  for (const size_t size : {size_t{256}, SIZE_MAX}) {
    const moraine_code codes[] = {
        moraine_tree_create(database_, "t", size, nullptr, &tree, nullptr),
        moraine_tree_open(database_, "t", size, nullptr, &tree, nullptr),
        moraine_tree_drop(database_, "t", size, nullptr),
        moraine_tree_rename(database_, "t", size, "u", 1, nullptr),
        moraine_tree_rename(database_, "t", 1, "u", size, nullptr),
    };
    for (const moraine_code code : codes) EXPECT_EQ(code, MORAINE_INVALID_ARGUMENT);
  }
  EXPECT_EQ(moraine_tree_create(database_, nullptr, 0, nullptr, &tree, nullptr),
            MORAINE_INVALID_ARGUMENT);
  EXPECT_EQ(moraine_tree_create(database_, nullptr, 3, nullptr, &tree, nullptr), MORAINE_MISUSE);
}

TEST_F(MisuseValuesTest, HugeCountIsRefused) {
  moraine_slice slice = {"k", 1};
  void* block = nullptr;
  for (const size_t count : {size_t{MORAINE_MOST_GET_KEYS} + 1, SIZE_MAX}) {
    EXPECT_EQ(moraine_multi_get(database_, tree_, &slice, count, &slice, &block, nullptr),
              MORAINE_INVALID_ARGUMENT);
  }
  EXPECT_EQ(moraine_cursor_fetch(cursor_, 0, &slice, nullptr, &size_, nullptr),
            MORAINE_INVALID_ARGUMENT);
}

TEST_F(MisuseValuesTest, NullBytesWithASize) {
  const moraine_slice slice = {nullptr, 1};
  void* block = nullptr;
  const moraine_code codes[] = {
      moraine_put(database_, tree_, nullptr, 1, "v", 1, MORAINE_NONE, nullptr),
      moraine_put(database_, tree_, "k", 1, nullptr, 1, MORAINE_NONE, nullptr),
      moraine_get_and_set(database_, tree_, "k", 1, &slice, 0, &out_, nullptr),
      moraine_get(database_, tree_, "k", 1, nullptr, 1, nullptr, nullptr),
      moraine_multi_get(database_, tree_, &slice, 1, &out_, &block, nullptr),
      moraine_cursor_seek(cursor_, nullptr, 1, nullptr, nullptr, nullptr),
      moraine_update(database_, tree_, "k", 1, nullptr, nullptr, 0, &out_, nullptr),
  };
  for (size_t i = 0; i < std::size(codes); ++i) EXPECT_EQ(codes[i], MORAINE_MISUSE) << i;
}

TEST_F(MisuseValuesTest, NullOutputs) {
  moraine_slice keys[1];
  const moraine_code codes[] = {
      moraine_open("x", nullptr, nullptr, nullptr),
      moraine_stats_json(database_, nullptr, nullptr),
      moraine_verify(database_, nullptr, nullptr),
      moraine_tree_default(database_, nullptr, nullptr),
      moraine_tree_create(database_, "t", 1, nullptr, nullptr, nullptr),
      moraine_tree_open(database_, "default", 7, nullptr, nullptr, nullptr),
      moraine_tree_list(database_, nullptr, &size_, nullptr),
      moraine_batch_new(nullptr, nullptr),
      moraine_batch_count(batch_, nullptr, nullptr),
      moraine_transaction_begin(database_, nullptr, nullptr, nullptr),
      moraine_transaction_get_for_update(transaction_, tree_, "k", 1, nullptr, nullptr),
      moraine_transaction_set_savepoint(transaction_, nullptr, nullptr),
      moraine_transact(database_, nullptr, nullptr, nullptr, nullptr),
      moraine_snapshot_take(database_, nullptr, nullptr),
      moraine_snapshot_position(snapshot_, nullptr, nullptr),
      moraine_get_copy(database_, tree_, "k", 1, nullptr, nullptr),
      moraine_multi_get(database_, tree_, &out_, 1, &out_, nullptr, nullptr),
      moraine_multi_get(database_, tree_, &out_, 1, nullptr, nullptr, nullptr),
      moraine_first(database_, tree_, nullptr, nullptr, nullptr, nullptr),
      moraine_last(database_, tree_, nullptr, nullptr, nullptr, nullptr),
      moraine_pop_first(database_, tree_, nullptr, MORAINE_NONE, nullptr, nullptr, nullptr),
      moraine_pop_last(database_, tree_, nullptr, MORAINE_NONE, nullptr, nullptr, nullptr),
      moraine_cursor_open(database_, tree_, nullptr, nullptr, nullptr),
      moraine_cursor_fetch(cursor_, 1, nullptr, nullptr, &size_, nullptr),
      moraine_cursor_fetch(cursor_, 1, keys, nullptr, nullptr, nullptr),
  };
  for (size_t i = 0; i < std::size(codes); ++i) EXPECT_EQ(codes[i], MORAINE_MISUSE) << i;
  EXPECT_EQ(moraine_contains(database_, tree_, "k", 1, nullptr), MORAINE_OK);
}

TEST_F(MisuseValuesTest, DurabilityThatThereIsNot) {
  for (const moraine_durability durability : {-1, 3, INT32_MAX, INT32_MIN}) {
    const moraine_code codes[] = {
        moraine_put(database_, tree_, "k", 1, "v", 1, durability, nullptr),
        moraine_delete(database_, tree_, "k", 1, durability, nullptr),
        moraine_merge(database_, tree_, "k", 1, "v", 1, durability, nullptr),
        moraine_batch_apply(database_, batch_, durability, nullptr),
        moraine_pop_first(database_, tree_, nullptr, durability, &out_, nullptr, nullptr),
    };
    for (const moraine_code code : codes) EXPECT_EQ(code, MORAINE_INVALID_ARGUMENT);
  }
}

TEST_F(MisuseValuesTest, RangeThatIsNone) {
  moraine_cursor* cursor = nullptr;
  const auto open = [&](const moraine_range& range) {
    return moraine_cursor_open(database_, tree_, &range, &cursor, nullptr);
  };
  moraine_range range = MORAINE_RANGE_INIT;
  range.lower_kind = 3;
  EXPECT_EQ(open(range), MORAINE_INVALID_ARGUMENT);
  range = MORAINE_RANGE_INIT;
  range.upper_kind = MORAINE_INCLUSIVE;
  range.upper = {"u", SIZE_MAX};
  EXPECT_EQ(open(range), MORAINE_INVALID_ARGUMENT);
  range.upper = {nullptr, 2};
  EXPECT_EQ(open(range), MORAINE_MISUSE);
  range = MORAINE_RANGE_INIT;
  range.prefix = {"p", SIZE_MAX};
  EXPECT_EQ(open(range), MORAINE_INVALID_ARGUMENT);
  range = MORAINE_RANGE_INIT;
  range.reserved[4] = 1;
  EXPECT_EQ(open(range), MORAINE_UNSUPPORTED);
  for (const size_t size : {size_t{0}, sizeof(range) - 1, SIZE_MAX}) {
    range = MORAINE_RANGE_INIT;
    range.struct_size = size;
    EXPECT_EQ(open(range), MORAINE_MISUSE) << size;
  }
  EXPECT_EQ(cursor, nullptr);
}

// A struct as a later version of the library may have it: a member more.
struct LaterTreeOptions {
  moraine_tree_options known;
  uint64_t later;
};

TEST_F(MisuseValuesTest, StructOfALaterVersionIsTakenWhenItsMembersAreZero) {
  LaterTreeOptions options;
  ASSERT_EQ(moraine_tree_options_init(&options.known, sizeof(options)), MORAINE_OK);
  EXPECT_EQ(options.known.struct_size, sizeof(options));
  EXPECT_EQ(options.later, 0u);
  options.known.create_if_missing = 1;
  moraine_tree* tree = nullptr;
  EXPECT_EQ(moraine_tree_open(database_, "new", 3, &options.known, &tree, nullptr), MORAINE_OK);
  options.later = 1;
  EXPECT_EQ(moraine_tree_open(database_, "new", 3, &options.known, &tree, nullptr),
            MORAINE_UNSUPPORTED);
}

TEST_F(MisuseValuesTest, InitializersRefuseSizesThatCannotBe) {
  moraine_options options;
  moraine_tree_options tree_options;
  moraine_range range;
  EXPECT_EQ(moraine_options_init(nullptr, sizeof(options)), MORAINE_MISUSE);
  EXPECT_EQ(moraine_tree_options_init(nullptr, sizeof(tree_options)), MORAINE_MISUSE);
  EXPECT_EQ(moraine_range_init(nullptr, sizeof(range)), MORAINE_MISUSE);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{1} << 20, SIZE_MAX}) {
    EXPECT_EQ(moraine_options_init(&options, size), MORAINE_MISUSE);
    EXPECT_EQ(moraine_tree_options_init(&tree_options, size), MORAINE_MISUSE);
    EXPECT_EQ(moraine_range_init(&range, size), MORAINE_MISUSE);
  }
}

TEST_F(MisuseValuesTest, TransactionOptionsThatAreNone) {
  moraine_transaction* transaction = nullptr;
  moraine_transaction_options options = MORAINE_TRANSACTION_OPTIONS_INIT;
  options.isolation = 3;
  EXPECT_EQ(moraine_transaction_begin(database_, &options, &transaction, nullptr),
            MORAINE_INVALID_ARGUMENT);
  options = MORAINE_TRANSACTION_OPTIONS_INIT;
  options.durability = -1;
  EXPECT_EQ(moraine_transaction_begin(database_, &options, &transaction, nullptr),
            MORAINE_INVALID_ARGUMENT);
  options.struct_size = 1;
  EXPECT_EQ(moraine_transaction_begin(database_, &options, &transaction, nullptr), MORAINE_MISUSE);
  EXPECT_EQ(moraine_transaction_commit(transaction_, 7, nullptr, nullptr),
            MORAINE_INVALID_ARGUMENT);
  EXPECT_EQ(moraine_transaction_roll_back_to(transaction_, SIZE_MAX, nullptr),
            MORAINE_INVALID_ARGUMENT);
  EXPECT_EQ(moraine_transaction_release_savepoint(transaction_, SIZE_MAX, nullptr),
            MORAINE_INVALID_ARGUMENT);
  EXPECT_EQ(moraine_transaction_options_init(nullptr, sizeof(options)), MORAINE_MISUSE);
  EXPECT_EQ(moraine_transaction_options_init(&options, SIZE_MAX), MORAINE_MISUSE);
}

TEST_F(MisuseValuesTest, OptionsThatAreNone) {
  moraine_database* database = nullptr;
  const auto open = [&](const moraine_options& options) {
    return moraine_open((directory_ + "/new").c_str(), &options, &database, nullptr);
  };
  EXPECT_EQ(moraine_open(nullptr, nullptr, &database, nullptr), MORAINE_MISUSE);
  moraine_options options = MORAINE_OPTIONS_INIT;
  options.struct_size = 0;
  EXPECT_EQ(open(options), MORAINE_MISUSE);
  options = MORAINE_OPTIONS_INIT;
  options.reserved[0] = 1;
  EXPECT_EQ(open(options), MORAINE_UNSUPPORTED);
  options = MORAINE_OPTIONS_INIT;
  options.merge_operator_count = 1;
  EXPECT_EQ(open(options), MORAINE_MISUSE);
  options.merge_operator_count = SIZE_MAX;
  EXPECT_EQ(open(options), MORAINE_MISUSE);
  moraine_merge_operator no_function = MORAINE_MERGE_OPERATOR_INIT;
  no_function.name = "name";
  const moraine_merge_operator* list[] = {&no_function};
  options.merge_operators = list;
  options.merge_operator_count = 1;
  EXPECT_EQ(open(options), MORAINE_MISUSE);
  list[0] = nullptr;
  EXPECT_EQ(open(options), MORAINE_MISUSE);
  EXPECT_EQ(database, nullptr);
}

}  // namespace
}  // namespace moraine
