// Everything the C interface does, once, as a program in C99 would; c_test_as_cpp.cc compiles the
// same lines as C++20.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <moraine/c.h>

static int failures = 0;

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                               \
    }                                                                           \
  } while (0)

#define CHECK_CODE(expected, call)                                  \
  do {                                                              \
    const moraine_code code_of_call = (call);                       \
    if (code_of_call != (expected)) {                               \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
              moraine_code_name(code_of_call));                     \
      ++failures;                                                   \
    }                                                               \
  } while (0)

static int is(moraine_slice slice, const char* text) {
  const size_t size = strlen(text);
  return slice.data != NULL && slice.size == size && memcmp(slice.data, text, size) == 0;
}

static moraine_slice slice_of(const char* text) {
  moraine_slice slice;
  slice.data = text;
  slice.size = strlen(text);
  return slice;
}

static moraine_code put(moraine_database* db, moraine_tree* tree, const char* key,
                        const char* value) {
  return moraine_put(db, tree, key, strlen(key), value, strlen(value), MORAINE_NONE, NULL);
}

// Whether `key` holds `text` in `view`; NULL: whether it is absent.
static int holds(moraine_view* view, moraine_tree* tree, const char* key, const char* text) {
  moraine_slice value;
  int as_expected;
  const moraine_code code = moraine_get_copy(view, tree, key, strlen(key), &value, NULL);
  if (text == NULL) return code == MORAINE_NOT_FOUND && value.data == NULL;
  as_expected = code == MORAINE_OK && is(value, text);
  moraine_free(value.data);
  return as_expected;
}

static void test_gets(moraine_database* db, moraine_tree* tree) {
  char buffer[8];
  size_t size = 99;
  CHECK_CODE(MORAINE_OK, put(db, tree, "pen", "12"));
  CHECK_CODE(MORAINE_OK, put(db, tree, "nothing", ""));
  CHECK_CODE(MORAINE_OK, moraine_get(db, tree, "pen", 3, buffer, sizeof(buffer), &size, NULL));
  CHECK(size == 2 && memcmp(buffer, "12", 2) == 0);
  CHECK_CODE(MORAINE_TOO_SMALL, moraine_get(db, tree, "pen", 3, buffer, 1, &size, NULL));
  CHECK(size == 2);
  CHECK_CODE(MORAINE_TOO_SMALL, moraine_get(db, tree, "pen", 3, NULL, 0, &size, NULL));
  CHECK_CODE(MORAINE_OK, moraine_get(db, tree, "nothing", 7, NULL, 0, &size, NULL));
  CHECK(size == 0);
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_get(db, tree, "ink", 3, buffer, 8, NULL, NULL));
  CHECK(holds(db, tree, "nothing", ""));
  CHECK(holds(db, tree, "ink", NULL));
  CHECK_CODE(MORAINE_OK, moraine_contains(db, tree, "nothing", 7, NULL));
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_contains(db, tree, "ink", 3, NULL));
  CHECK_CODE(MORAINE_OK, moraine_delete(db, tree, "pen", 3, MORAINE_GROUP, NULL));
  CHECK_CODE(MORAINE_OK, moraine_delete(db, tree, "pen", 3, MORAINE_SYNC, NULL));
  CHECK(holds(db, tree, "pen", NULL));
  CHECK_CODE(MORAINE_OK, moraine_put(db, tree, NULL, 0, "empty key", 9, MORAINE_NONE, NULL));
  CHECK(holds(db, tree, "", "empty key"));
  CHECK_CODE(MORAINE_OK, moraine_delete(db, tree, NULL, 0, MORAINE_NONE, NULL));
}

static void test_compare_and_swap(moraine_database* db, moraine_tree* tree) {
  const moraine_slice one = slice_of("1");
  const moraine_slice two = slice_of("2");
  moraine_slice actual = slice_of("untouched");
  CHECK_CODE(MORAINE_OK,
             moraine_compare_and_swap(db, tree, "cas", 3, NULL, &one, MORAINE_NONE, NULL, NULL));
  CHECK_CODE(MORAINE_MISMATCH,
             moraine_compare_and_swap(db, tree, "cas", 3, &two, &one, MORAINE_NONE, &actual, NULL));
  CHECK(is(actual, "1"));
  moraine_free(actual.data);
  CHECK_CODE(MORAINE_OK,
             moraine_compare_and_swap(db, tree, "cas", 3, &one, NULL, MORAINE_NONE, &actual, NULL));
  CHECK(actual.data == NULL);
  CHECK_CODE(MORAINE_MISMATCH,
             moraine_compare_and_swap(db, tree, "cas", 3, &one, &two, MORAINE_NONE, &actual, NULL));
  CHECK(actual.data == NULL && actual.size == 0);
  CHECK_CODE(MORAINE_OK,
             moraine_get_and_set(db, tree, "cas", 3, &two, MORAINE_NONE, &actual, NULL));
  CHECK(actual.data == NULL);
  CHECK_CODE(MORAINE_OK,
             moraine_get_and_set(db, tree, "cas", 3, NULL, MORAINE_NONE, &actual, NULL));
  CHECK(is(actual, "2"));
  moraine_free(actual.data);
  CHECK(holds(db, tree, "cas", NULL));
}

// Doubles the value; deletes one of more than four bytes.
static int32_t twice(void* context, const moraine_slice* current, moraine_result* result) {
  ++*(int*)context;
  if (current == NULL) return moraine_result_append(result, "x", 1) == MORAINE_OK;
  if (current->size > 4) return 0;
  moraine_result_append(result, current->data, current->size);
  return moraine_result_append(result, current->data, current->size) == MORAINE_OK;
}

static void test_update(moraine_database* db, moraine_tree* tree) {
  static const char* const expected[] = {"x", "xx", "xxxx", "xxxxxxxx"};
  moraine_slice previous;
  int calls = 0;
  int round;
  for (round = 0; round < 4; ++round) {
    CHECK_CODE(MORAINE_OK,
               moraine_update(db, tree, "up", 2, twice, &calls, MORAINE_NONE, &previous, NULL));
    CHECK(round == 0 ? previous.data == NULL : is(previous, expected[round - 1]));
    moraine_free(previous.data);
    CHECK(holds(db, tree, "up", expected[round]));
  }
  CHECK_CODE(MORAINE_OK,
             moraine_update(db, tree, "up", 2, twice, &calls, MORAINE_NONE, NULL, NULL));
  CHECK(holds(db, tree, "up", NULL));
  CHECK(calls == 5);
}

static void test_trees(moraine_database* db) {
  moraine_tree_options options = MORAINE_TREE_OPTIONS_INIT;
  moraine_tree* counters = NULL;
  moraine_tree* again = NULL;
  moraine_tree_description* list = NULL;
  moraine_error* error = NULL;
  size_t count = 0;
  CHECK_CODE(MORAINE_MISSING, moraine_tree_open(db, "counters", 8, NULL, &counters, &error));
  CHECK(counters == NULL);
  CHECK(moraine_error_code(error) == MORAINE_MISSING);
  CHECK(strstr(moraine_error_message(error), "counters") != NULL);
  CHECK_CODE(MORAINE_OK, moraine_error_free(error));
  options.merge_operator = "add";
  options.create_if_missing = 1;
  CHECK_CODE(MORAINE_OK, moraine_tree_open(db, "counters", 8, &options, &counters, &error));
  CHECK(error == NULL);
  CHECK_CODE(MORAINE_OK, moraine_tree_open(db, "counters", 8, NULL, &again, NULL));
  CHECK(counters == again);
  CHECK_CODE(MORAINE_EXISTS, moraine_tree_create(db, "counters", 8, NULL, &again, NULL));
  CHECK_CODE(MORAINE_OK, moraine_merge(db, counters, "n", 1, "40", 2, MORAINE_NONE, NULL));
  CHECK_CODE(MORAINE_OK, moraine_merge(db, counters, "n", 1, "2", 1, MORAINE_NONE, NULL));
  CHECK(holds(db, counters, "n", "42"));
  CHECK_CODE(MORAINE_OK, moraine_tree_list(db, &list, &count, NULL));
  CHECK(count == 2);
  CHECK(is(list[0].name, "counters") && is(list[0].merge_operator, "add"));
  CHECK(is(list[1].name, "default") && list[1].merge_operator.size == 0);
  moraine_free(list);
  CHECK_CODE(MORAINE_OK, moraine_tree_rename(db, "counters", 8, "sums", 4, NULL));
  CHECK(holds(db, counters, "n", "42"));
  CHECK_CODE(MORAINE_OK, moraine_tree_drop(db, "sums", 4, NULL));
  CHECK_CODE(MORAINE_MISSING, moraine_contains(db, counters, "n", 1, NULL));
  CHECK_CODE(MORAINE_REFUSED, moraine_tree_drop(db, "default", 7, NULL));
}

static void test_batch_and_snapshot(moraine_database* db, moraine_tree* tree) {
  moraine_batch* batch = NULL;
  moraine_snapshot* before = NULL;
  moraine_snapshot* after = NULL;
  uint64_t before_position = 0;
  uint64_t after_position = 0;
  size_t count = 0;
  CHECK_CODE(MORAINE_OK, put(db, tree, "b1", "old"));
  CHECK_CODE(MORAINE_OK, moraine_snapshot_take(db, &before, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_new(&batch, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_put(batch, tree, "b1", 2, "new", 3, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_put(batch, tree, "b2", 2, "", 0, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_put(batch, tree, "b3", 2, "gone", 4, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_delete(batch, tree, "b3", 2, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_count(batch, &count, NULL));
  CHECK(count == 4);
  CHECK(holds(db, tree, "b1", "old"));
  CHECK_CODE(MORAINE_OK, moraine_batch_apply(db, batch, MORAINE_SYNC, NULL));
  CHECK(holds(db, tree, "b1", "new") && holds(db, tree, "b2", "") && holds(db, tree, "b3", NULL));
  CHECK(holds(before, tree, "b1", "old") && holds(before, tree, "b2", NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_clear(batch, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_merge(batch, tree, "b1", 2, "x", 1, NULL));
  CHECK_CODE(MORAINE_REFUSED, moraine_batch_apply(db, batch, MORAINE_NONE, NULL));
  CHECK_CODE(MORAINE_OK, moraine_batch_free(batch));
  CHECK_CODE(MORAINE_OK, moraine_snapshot_take(db, &after, NULL));
  CHECK_CODE(MORAINE_OK, moraine_snapshot_position(before, &before_position, NULL));
  CHECK_CODE(MORAINE_OK, moraine_snapshot_position(after, &after_position, NULL));
  CHECK(before_position < after_position);
  CHECK_CODE(MORAINE_OK, moraine_snapshot_free(before));
  CHECK_CODE(MORAINE_OK, moraine_snapshot_free(after));
}

static void test_multi_get(moraine_database* db, moraine_tree* tree) {
  moraine_slice keys[3];
  moraine_slice values[3];
  void* block = NULL;
  keys[0] = slice_of("b2");
  keys[1] = slice_of("b3");
  keys[2] = slice_of("b1");
  CHECK_CODE(MORAINE_OK, moraine_multi_get(db, tree, keys, 3, values, &block, NULL));
  CHECK(is(values[0], "") && values[1].data == NULL && is(values[2], "new"));
  moraine_free(block);
  CHECK_CODE(MORAINE_OK, moraine_multi_get(db, tree, NULL, 0, NULL, &block, NULL));
  moraine_free(block);
}

static void test_cursor(moraine_database* db, moraine_tree* tree) {
  static const char* const names[] = {"c/a", "c/b", "c/c", "c/d"};
  moraine_range range = MORAINE_RANGE_INIT;
  moraine_cursor* cursor = NULL;
  moraine_slice key;
  moraine_slice value;
  moraine_slice keys[3];
  moraine_slice values[3];
  size_t count = 0;
  int i;
  for (i = 0; i < 4; ++i) CHECK_CODE(MORAINE_OK, put(db, tree, names[i], names[i] + 2));
  range.prefix = slice_of("c/");
  CHECK_CODE(MORAINE_OK, moraine_cursor_open(db, tree, &range, &cursor, NULL));
  for (i = 0; moraine_cursor_next(cursor, &key, &value, NULL) == MORAINE_OK; ++i) {
    CHECK(i < 4 && is(key, names[i]) && is(value, names[i] + 2));
  }
  CHECK(i == 4);
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_cursor_next(cursor, &key, &value, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_previous(cursor, &key, NULL, NULL));
  CHECK(is(key, "c/d"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_previous(cursor, &key, NULL, NULL));
  CHECK(is(key, "c/c"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_next(cursor, &key, NULL, NULL));
  CHECK(is(key, "c/d"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_seek(cursor, "c/aa", 4, &key, NULL, NULL));
  CHECK(is(key, "c/b"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_first(cursor, NULL, NULL, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_fetch(cursor, 3, keys, values, &count, NULL));
  CHECK(count == 3 && is(keys[0], "c/b") && is(keys[2], "c/d") && is(values[2], "d"));
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_cursor_fetch(cursor, 3, keys, NULL, &count, NULL));
  CHECK(count == 0);
  CHECK_CODE(MORAINE_MISUSE, moraine_close(db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_free(cursor));

  range.lower = slice_of("c/a");
  range.lower_kind = MORAINE_EXCLUSIVE;
  range.reverse = 1;
  CHECK_CODE(MORAINE_OK, moraine_cursor_open(db, tree, &range, &cursor, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_seek(cursor, "c/bb", 4, &key, NULL, NULL));
  CHECK(is(key, "c/b"));
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_cursor_next(cursor, &key, NULL, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_last(cursor, &key, NULL, NULL));
  CHECK(is(key, "c/b"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_free(cursor));
}

static void test_ends(moraine_database* db, moraine_tree* tree) {
  moraine_range range = MORAINE_RANGE_INIT;
  moraine_slice key;
  moraine_slice value;
  range.prefix = slice_of("c/");
  CHECK_CODE(MORAINE_OK, moraine_first(db, tree, &range, &key, &value, NULL));
  CHECK(is(key, "c/a") && is(value, "a"));
  moraine_free(key.data);
  moraine_free(value.data);
  CHECK_CODE(MORAINE_OK, moraine_last(db, tree, &range, &key, NULL, NULL));
  CHECK(is(key, "c/d"));
  moraine_free(key.data);
  CHECK_CODE(MORAINE_OK, moraine_pop_first(db, tree, &range, MORAINE_NONE, &key, &value, NULL));
  CHECK(is(key, "c/a") && is(value, "a"));
  moraine_free(key.data);
  moraine_free(value.data);
  CHECK_CODE(MORAINE_OK, moraine_pop_last(db, tree, &range, MORAINE_NONE, &key, NULL, NULL));
  CHECK(is(key, "c/d"));
  moraine_free(key.data);
  range.lower = slice_of("c/x");
  range.lower_kind = MORAINE_INCLUSIVE;
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_first(db, tree, &range, &key, NULL, NULL));
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_pop_last(db, tree, &range, MORAINE_NONE, &key, NULL, NULL));
}

static void test_transaction(moraine_database* db, moraine_tree* tree) {
  moraine_transaction* transaction = NULL;
  moraine_cursor* cursor = NULL;
  moraine_slice value;
  moraine_slice key;
  const moraine_slice one = slice_of("1");
  const moraine_slice two = slice_of("2");
  moraine_range range = MORAINE_RANGE_INIT;
  size_t savepoint = 99;
  uint64_t position = 0;
  uint64_t count = 0;
  CHECK_CODE(MORAINE_OK, put(db, tree, "t/1", "1"));
  CHECK_CODE(MORAINE_OK, moraine_transaction_begin(db, NULL, &transaction, NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_put(transaction, tree, "t/2", 3, "2", 1, NULL));
  CHECK(holds(transaction, tree, "t/2", "2") && holds(db, tree, "t/2", NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_set_savepoint(transaction, &savepoint, NULL));
  CHECK(savepoint == 0);
  CHECK_CODE(MORAINE_OK, moraine_transaction_delete(transaction, tree, "t/1", 3, NULL));
  CHECK(holds(transaction, tree, "t/1", NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_roll_back_to(transaction, 0, NULL));
  CHECK(holds(transaction, tree, "t/1", "1"));
  CHECK_CODE(MORAINE_OK, moraine_transaction_release_savepoint(transaction, 0, NULL));
  CHECK_CODE(MORAINE_INVALID_ARGUMENT, moraine_transaction_roll_back_to(transaction, 0, NULL));
  CHECK_CODE(MORAINE_MISMATCH, moraine_transaction_compare_and_swap(transaction, tree, "t/1", 3,
                                                                    &two, &one, &value, NULL));
  CHECK(is(value, "1"));
  moraine_free(value.data);
  CHECK_CODE(MORAINE_OK, moraine_transaction_compare_and_swap(transaction, tree, "t/1", 3, &one,
                                                              &two, NULL, NULL));
  CHECK_CODE(MORAINE_OK,
             moraine_transaction_get_for_update(transaction, tree, "t/1", 3, &value, NULL));
  CHECK(is(value, "2"));
  moraine_free(value.data);
  CHECK_CODE(MORAINE_REFUSED, moraine_transaction_merge(transaction, tree, "t/1", 3, "x", 1, NULL));
  range.prefix = slice_of("t/");
  CHECK_CODE(MORAINE_OK, moraine_cursor_open(transaction, tree, &range, &cursor, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_next(cursor, &key, NULL, NULL));
  CHECK(is(key, "t/1"));
  CHECK_CODE(MORAINE_OK, moraine_cursor_next(cursor, &key, &value, NULL));
  CHECK(is(key, "t/2") && is(value, "2"));
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_cursor_next(cursor, &key, NULL, NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_commit(transaction, MORAINE_SYNC, &position, NULL));
  CHECK(position > 0);
  CHECK(holds(db, tree, "t/1", "2") && holds(db, tree, "t/2", "2"));
  CHECK_CODE(MORAINE_REFUSED, moraine_transaction_put(transaction, tree, "t", 1, "x", 1, NULL));
  CHECK_CODE(MORAINE_REFUSED, moraine_cursor_first(cursor, &key, NULL, NULL));
  CHECK_CODE(MORAINE_MISUSE, moraine_close(db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_free(transaction));
  CHECK_CODE(MORAINE_MISUSE, moraine_cursor_first(cursor, &key, NULL, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_free(cursor));

  CHECK_CODE(MORAINE_OK, moraine_transaction_begin(db, NULL, &transaction, NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_delete_range(transaction, tree, &range, &count, NULL));
  CHECK(count == 2);
  CHECK_CODE(MORAINE_OK, moraine_transaction_abort(transaction, NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_free(transaction));
  CHECK(holds(db, tree, "t/1", "2"));
}

static void test_conflict(moraine_database* db, moraine_tree* tree) {
  moraine_transaction_options options = MORAINE_TRANSACTION_OPTIONS_INIT;
  moraine_transaction* transaction = NULL;
  moraine_error* error = NULL;
  moraine_tree* where = NULL;
  moraine_slice key;
  moraine_slice value;
  uint64_t winner = 0;
  CHECK_CODE(MORAINE_OK, moraine_transaction_begin(db, &options, &transaction, NULL));
  CHECK(holds(transaction, tree, "conflict", NULL));
  CHECK_CODE(MORAINE_OK, moraine_transaction_put(transaction, tree, "other", 5, "x", 1, NULL));
  CHECK_CODE(MORAINE_OK, put(db, tree, "conflict", "won"));
  CHECK_CODE(MORAINE_CONFLICT,
             moraine_transaction_get_for_update(transaction, tree, "conflict", 8, &value, NULL));
  CHECK_CODE(MORAINE_CONFLICT, moraine_transaction_commit(transaction, MORAINE_NONE, NULL, &error));
  CHECK_CODE(MORAINE_OK, moraine_error_conflict(error, &where, &key, &winner));
  CHECK(where == tree && is(key, "conflict") && winner > 0);
  moraine_error_free(error);
  CHECK_CODE(MORAINE_OK, moraine_transaction_free(transaction));
  CHECK(holds(db, tree, "other", NULL));

  options.isolation = MORAINE_READ_ONLY;
  CHECK_CODE(MORAINE_OK, moraine_transaction_begin(db, &options, &transaction, NULL));
  CHECK(moraine_transaction_put(transaction, tree, "k", 1, "v", 1, NULL) >= 10);
  CHECK_CODE(MORAINE_OK, moraine_transaction_free(transaction));
}

// What the functions below need, and how often they ran.
typedef struct transact_context {
  moraine_database* db;
  moraine_tree* tree;
  moraine_transaction* seen;
  moraine_cursor* cursor;
  int runs;
} transact_context;

// Adds one to a number that somebody else changes during the first two tries.
static moraine_code add_one(void* context, moraine_transaction* transaction) {
  transact_context* const own = (transact_context*)context;
  char text[32];
  size_t size = 0;
  moraine_code code = moraine_get(transaction, own->tree, "sum", 3, text, 15, &size, NULL);
  if (code != MORAINE_OK) return code;
  text[size] = '\0';
  if (++own->runs <= 2) CHECK_CODE(MORAINE_OK, put(own->db, own->tree, "sum", "40"));
  own->seen = transaction;
  CHECK_CODE(MORAINE_MISUSE, moraine_transaction_commit(transaction, MORAINE_NONE, NULL, NULL));
  CHECK_CODE(MORAINE_MISUSE, moraine_transaction_free(transaction));
  snprintf(text, sizeof(text), "%ld", strtol(text, NULL, 10) + 1);
  if (own->cursor == NULL) {
    CHECK_CODE(MORAINE_OK, moraine_cursor_open(transaction, own->tree, NULL, &own->cursor, NULL));
    CHECK_CODE(MORAINE_OK, moraine_cursor_first(own->cursor, NULL, NULL, NULL));
  }
  return moraine_transaction_put(transaction, own->tree, "sum", 3, text, strlen(text), NULL);
}

static moraine_code give_up(void* context, moraine_transaction* transaction) {
  transact_context* const own = (transact_context*)context;
  ++own->runs;
  CHECK_CODE(MORAINE_OK, moraine_transaction_put(transaction, own->tree, "sum", 3, "0", 1, NULL));
  return MORAINE_NOT_FOUND;
}

// Loses every time, and says so itself.
static moraine_code always_lose(void* context, moraine_transaction* transaction) {
  transact_context* const own = (transact_context*)context;
  moraine_slice value;
  ++own->runs;
  CHECK_CODE(MORAINE_OK, put(own->db, own->tree, "sum", "42"));
  return moraine_transaction_get_for_update(transaction, own->tree, "sum", 3, &value, NULL);
}

static void test_transact(moraine_database* db, moraine_tree* tree) {
  moraine_transaction_options options = MORAINE_TRANSACTION_OPTIONS_INIT;
  moraine_error* error = NULL;
  transact_context own = {NULL, NULL, NULL, NULL, 0};
  own.db = db;
  own.tree = tree;
  CHECK_CODE(MORAINE_OK, put(db, tree, "sum", "1"));
  CHECK_CODE(MORAINE_OK, moraine_transact(db, add_one, &own, NULL, NULL));
  CHECK(own.runs == 3);
  CHECK(holds(db, tree, "sum", "41"));
  CHECK_CODE(MORAINE_MISUSE, moraine_transaction_put(own.seen, tree, "k", 1, "v", 1, NULL));
  CHECK_CODE(MORAINE_MISUSE, moraine_cursor_next(own.cursor, NULL, NULL, NULL));
  CHECK_CODE(MORAINE_OK, moraine_cursor_free(own.cursor));
  own.runs = 0;
  CHECK_CODE(MORAINE_NOT_FOUND, moraine_transact(db, give_up, &own, NULL, NULL));
  CHECK(own.runs == 1 && holds(db, tree, "sum", "41"));
  own.runs = 0;
  options.most_tries = 4;
  CHECK_CODE(MORAINE_CONFLICT, moraine_transact(db, always_lose, &own, &options, &error));
  CHECK(own.runs == 4);
  CHECK_CODE(MORAINE_OK, moraine_error_conflict(error, NULL, NULL, NULL));
  moraine_error_free(error);
}

static void test_care(moraine_database* db) {
  moraine_slice text;
  CHECK_CODE(MORAINE_OK, moraine_flush(db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_checkpoint(db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_stats_json(db, &text, NULL));
  CHECK(strncmp((const char*)text.data, "{\"schema\":1,\"records\":", 22) == 0);
  CHECK(strlen((const char*)text.data) == text.size);
  moraine_free(text.data);
  CHECK_CODE(MORAINE_OK, moraine_verify(db, &text, NULL));
  CHECK(strncmp((const char*)text.data, "{\"schema\":1,\"clean\":true,", 25) == 0);
  moraine_free(text.data);
}

// Keeps the longer one of value and operands.
static void longest(void* context, const void* key, size_t key_size, const moraine_slice* existing,
                    const moraine_slice* operands, size_t operand_count, moraine_result* result) {
  moraine_slice best = {NULL, 0};
  size_t i;
  (void)context;
  (void)key;
  (void)key_size;
  if (existing != NULL) best = *existing;
  for (i = 0; i < operand_count; ++i) {
    if (operands[i].size > best.size) best = operands[i];
  }
  moraine_result_append(result, best.data, best.size);
}

static void count_destroy(void* context) { ++*(int*)context; }

static void test_merge_operator(const char* path) {
  int destroyed = 0;
  moraine_merge_operator callbacks = MORAINE_MERGE_OPERATOR_INIT;
  const moraine_merge_operator* list[1];
  moraine_options options = MORAINE_OPTIONS_INIT;
  moraine_tree_options tree_options = MORAINE_TREE_OPTIONS_INIT;
  moraine_database* db = NULL;
  moraine_tree* tree = NULL;
  callbacks.name = "longest";
  callbacks.merge = longest;
  callbacks.context = &destroyed;
  callbacks.destroy = count_destroy;
  list[0] = &callbacks;
  options.merge_operators = list;
  options.merge_operator_count = 1;
  tree_options.create_if_missing = 1;
  tree_options.merge_operator = "longest";
  CHECK_CODE(MORAINE_OK, moraine_open(path, &options, &db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_tree_open(db, "words", 5, &tree_options, &tree, NULL));
  CHECK_CODE(MORAINE_OK, moraine_merge(db, tree, "w", 1, "moraine", 7, MORAINE_NONE, NULL));
  CHECK_CODE(MORAINE_OK, moraine_merge(db, tree, "w", 1, "scree", 5, MORAINE_NONE, NULL));
  CHECK(holds(db, tree, "w", "moraine"));
  CHECK(destroyed == 0);
  CHECK_CODE(MORAINE_OK, moraine_close(db, NULL));
  CHECK(destroyed == 1);
  CHECK_CODE(MORAINE_MISUSE, moraine_contains(db, tree, "w", 1, NULL));
}

static void test_opening(const char* path) {
  moraine_options options = MORAINE_OPTIONS_INIT;
  moraine_database* db = NULL;
  moraine_database* second = NULL;
  moraine_tree* tree = NULL;
  moraine_error* error = NULL;
  CHECK_CODE(MORAINE_MISSING, moraine_open(path, NULL, &db, &error));
  CHECK(db == NULL && moraine_error_message(error)[0] != '\0');
  moraine_error_free(error);
  options.create_if_missing = 1;
  CHECK_CODE(MORAINE_OK, moraine_open(path, &options, &db, NULL));
  CHECK_CODE(MORAINE_REFUSED, moraine_open(path, &options, &second, NULL));
  CHECK_CODE(MORAINE_OK, moraine_tree_default(db, &tree, NULL));
  test_gets(db, tree);
  test_compare_and_swap(db, tree);
  test_update(db, tree);
  test_trees(db);
  test_batch_and_snapshot(db, tree);
  test_multi_get(db, tree);
  test_cursor(db, tree);
  test_ends(db, tree);
  test_transaction(db, tree);
  test_conflict(db, tree);
  test_transact(db, tree);
  test_care(db);
  CHECK_CODE(MORAINE_OK, moraine_close(db, NULL));
  CHECK_CODE(MORAINE_MISUSE, moraine_close(db, NULL));

  options.create_if_missing = 0;
  options.read_only = 1;
  CHECK_CODE(MORAINE_OK, moraine_open(path, &options, &db, NULL));
  CHECK_CODE(MORAINE_OK, moraine_tree_default(db, &tree, NULL));
  CHECK(holds(db, tree, "b1", "new"));
  CHECK_CODE(MORAINE_REFUSED, put(db, tree, "b1", "newer"));
  CHECK_CODE(MORAINE_OK, moraine_close(db, NULL));
}

int main(void) {
  char path[512];
  const char* scratch = getenv("TEST_TMPDIR");
  snprintf(path, sizeof(path), "%s/c_test", scratch != NULL ? scratch : ".");
  CHECK(strchr(moraine_version(), '.') != NULL);
  test_opening(path);
  test_merge_operator(path);
  if (failures == 0) printf("all fine\n");
  return failures == 0 ? 0 : 1;
}
