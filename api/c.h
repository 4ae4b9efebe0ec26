// The C interface of moraine: an embedded, ordered, transactional key-value store. C99 and C++.
//
//   moraine_options options = MORAINE_OPTIONS_INIT;
//   moraine_database* shop = NULL;
//   moraine_tree* stock = NULL;
//   options.create_if_missing = 1;
//   if (moraine_open("shop", &options, &shop, NULL) != MORAINE_OK) return 1;
//   moraine_tree_default(shop, &stock, NULL);
//   moraine_put(shop, stock, "pen", 3, "12", 2, MORAINE_SYNC, NULL);  /* now durable */
//   moraine_close(shop, NULL);
//
// Results. Every call that can fail returns a moraine_code: 0 for success, 1 to 9 for results that
// are no errors (an absent key, a compare-and-swap that met another value), 10 and above for
// errors. The last parameter of such a call is `error`: NULL, or where to put an object that
// describes an error; it is set to NULL when there is none. The caller frees it.
//
// Bytes. Keys, values and names are (pointer, size) pairs without terminator; NULL with size 0 is
// an empty one. Keys have up to MORAINE_MOST_KEY_BYTES, values up to MORAINE_MOST_VALUE_BYTES, tree
// names 1 to 255 bytes. Keys are ordered as strings of unsigned bytes. An empty value is a value; an
// absent key is MORAINE_NOT_FOUND, and a slice {NULL, 0} where a call returns slices.
//
// Ownership. Arguments are copied or done with when the call returns, unless said otherwise.
// "Owned" results are freed with moraine_free; "borrowed" ones live as long as stated. Outputs are
// untouched or zero when a call fails.
//
// Handles are opaque. NULL, a handle that was freed or closed, one of another kind, and a tree of
// another database are answered with MORAINE_MISUSE. What cannot be detected: a pointer that never
// was a handle; a handle freed so long ago that its place is in use again (64 others were freed
// since); closing a database or freeing a snapshot while another thread is inside a call on it;
// calls from inside a callback; moraine_free of something that is not an owned result.
//
// Threads. Databases, trees and snapshots may be used by any number of threads at once. Cursors,
// batches, transactions and errors are for one thread at a time, any thread; a call on a cursor,
// batch or transaction that another thread is inside of is answered with MORAINE_MISUSE.
//
// Structs that callers fill in begin with struct_size and grow at the end only: initialize them with
// their INIT macro or moraine_*_init, so that a program and a library of different age understand
// each other. Zero is the default of every member.
#ifndef MORAINE_API_C_H_
#define MORAINE_API_C_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MORAINE_API __attribute__((visibility("default")))
#else
#define MORAINE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t moraine_code;

enum {
  MORAINE_OK = 0,
  // Results, not errors; they come without an error object.
  MORAINE_NOT_FOUND = 1,  // the key is absent, or there is no further record
  MORAINE_MISMATCH = 2,   // compare-and-swap found another value
  MORAINE_TOO_SMALL = 3,  // the caller's buffer; the needed size was stored
  // Errors.
  MORAINE_MISSING = 10,           // no database at the path, no tree of that name, a dropped tree
  MORAINE_EXISTS = 11,            // the database or the tree is there already
  MORAINE_MISUSE = 12,            // a bad handle, NULL where it may not be; see above
  MORAINE_INVALID_ARGUMENT = 13,  // a size or value that cannot be meant or stored
  MORAINE_REFUSED = 14,           // read-only, no merge operator, locked by another process
  MORAINE_EXHAUSTED = 15,         // memory budget or disk full; nothing was written
  MORAINE_CONFLICT = 16,          // another writer was first; trying again may succeed
  MORAINE_CORRUPTION = 17,   // damaged bytes: the message names file, offset, what was expected
  MORAINE_DEVICE = 18,       // the device failed; writes are refused until opened again
  MORAINE_DEADLINE = 19,     // the time given is over
  MORAINE_UNKNOWN = 20,      // whether the commit survived is known only after opening again
  MORAINE_UNSUPPORTED = 21,  // asks for what this version of the library does not have
  MORAINE_INTERNAL = 22      // a defect of the library
};

enum { MORAINE_MOST_KEY_BYTES = 4096, MORAINE_MOST_VALUE_BYTES = 67108864 };

typedef struct moraine_database moraine_database;
typedef struct moraine_tree moraine_tree;
typedef struct moraine_snapshot moraine_snapshot;
typedef struct moraine_cursor moraine_cursor;
typedef struct moraine_batch moraine_batch;
typedef struct moraine_transaction moraine_transaction;
typedef struct moraine_error moraine_error;
typedef struct moraine_result moraine_result;

// What can be read: a moraine_database (its latest state), a moraine_snapshot (one instant) or a
// moraine_transaction (one instant with its own writes). Which one it is, is checked when it is used.
typedef const void moraine_view;

typedef struct moraine_slice {
  const void* data;
  size_t size;
} moraine_slice;

// --- Library ---

// "MAJOR.MINOR.PATCH"; static.
MORAINE_API const char* moraine_version(void);
// The name of a code, "MORAINE_OK"; static, never NULL.
MORAINE_API const char* moraine_code_name(moraine_code code);
// Frees an owned result; NULL is fine.
MORAINE_API void moraine_free(const void* owned);

// What the error is about, for people, in one line; lives as long as the error. "" for NULL.
MORAINE_API const char* moraine_error_message(const moraine_error* error);
// MORAINE_OK for NULL.
MORAINE_API moraine_code moraine_error_code(const moraine_error* error);
// Of a MORAINE_CONFLICT: the tree and the key that another writer changed, and where in the commit
// order it did; each output may be NULL. `key` is borrowed from the error, `tree` from the database.
// MORAINE_NOT_FOUND: the error does not say.
MORAINE_API moraine_code moraine_error_conflict(const moraine_error* error, moraine_tree** tree,
                                                moraine_slice* key, uint64_t* winner);
// NULL is fine.
MORAINE_API moraine_code moraine_error_free(moraine_error* error);

// --- Merge operators ---

// Where a callback puts the bytes that it makes; for the time of the callback only. Later bytes go
// behind earlier ones. MORAINE_INVALID_ARGUMENT: the result would be larger than a value may be.
MORAINE_API moraine_code moraine_result_append(moraine_result* result, const void* data,
                                               size_t size);

// Appends to `result` the value after `operands`, oldest first, were applied to `existing` (NULL:
// absent). It must be pure and associative (operands may be folded in several steps); it is called
// by any thread at any time, also while opening, and must not call the database.
typedef void (*moraine_merge_function)(void* context, const void* key, size_t key_size,
                                       const moraine_slice* existing, const moraine_slice* operands,
                                       size_t operand_count, moraine_result* result);

// The struct is copied; `context` must live until `destroy` (may be NULL) is called with it, which
// happens when the database is closed, or when opening failed.
typedef struct moraine_merge_operator {
  size_t struct_size;
  const char* name;  // 1 to 255 bytes; stored with the tree: never give it a new meaning
  moraine_merge_function merge;
  void* context;
  void (*destroy)(void* context);
} moraine_merge_operator;

#define MORAINE_MERGE_OPERATOR_INIT \
  { sizeof(moraine_merge_operator), NULL, NULL, NULL, NULL }

// --- Databases ---

typedef struct moraine_options {
  size_t struct_size;
  uint8_t create_if_missing;  // when the directory is missing or empty
  uint8_t error_if_exists;
  uint8_t read_only;               // change no file, refuse writes
  uint8_t no_io_uring;             // use the pool of threads although io_uring is there
  uint8_t no_checkpoint_on_close;  // close at once; the next opening replays the log
  uint8_t reserved[3];             // zero
  uint32_t group_interval_ms;      // how long a MORAINE_GROUP write may wait; 0: 10
  uint32_t leaf_bytes;             // target size of a leaf page, 4096 to 32768; 0: 8192
  uint64_t memory_bytes;           // the one memory budget; 0: 1 GiB
  const moraine_merge_operator* const* merge_operators;  // beyond the built-in ones
  size_t merge_operator_count;
} moraine_options;

#define MORAINE_OPTIONS_INIT \
  { sizeof(moraine_options), 0, 0, 0, 0, 0, {0, 0, 0}, 0, 0, 0, NULL, 0 }

// What the INIT macro does, for languages that have no macros. `struct_size` is the size that the
// caller knows.
MORAINE_API moraine_code moraine_options_init(moraine_options* options, size_t struct_size);

// Opens the database in the directory `path`; `options` NULL: all defaults. One process at a time
// has a database open for writing (MORAINE_REFUSED).
MORAINE_API moraine_code moraine_open(const char* path, const moraine_options* options,
                                      moraine_database** database, moraine_error** error);
// Makes everything durable and closes. Its trees become invalid, and batches with them. With a
// snapshot or cursor still there: MORAINE_MISUSE, and the database stays open. After any other error
// it is closed all the same.
MORAINE_API moraine_code moraine_close(moraine_database* database, moraine_error** error);

// Returns when everything committed before is durable.
MORAINE_API moraine_code moraine_flush(moraine_database* database, moraine_error** error);
// Writes all pages as of one instant, so that the log before can go and opening is quick.
MORAINE_API moraine_code moraine_checkpoint(moraine_database* database, moraine_error** error);
// One JSON object, owned, with a zero byte behind it. Counting reads every page.
MORAINE_API moraine_code moraine_stats_json(moraine_database* database, moraine_slice* json,
                                            moraine_error** error);
// Checks every page, key and checksum. MORAINE_CORRUPTION when something is wrong. `report` is what
// was checked and found, one JSON object, owned, with a zero byte behind it; set in both cases.
MORAINE_API moraine_code moraine_verify(moraine_database* database, moraine_slice* report,
                                        moraine_error** error);

// --- Trees ---
// A tree handle belongs to its database, lives until that is closed and needs no freeing. The same
// tree gives the same handle. After the tree was dropped, calls with it return MORAINE_MISSING.

// `merge_operator`: NULL for none, "add", "max", "min", "append", "bit_or", or one given at open; it
// is fixed when the tree is made.
typedef struct moraine_tree_options {
  size_t struct_size;
  const char* merge_operator;
  uint8_t create_if_missing;  // moraine_tree_open only
  uint8_t reserved[7];        // zero
} moraine_tree_options;

#define MORAINE_TREE_OPTIONS_INIT                                  \
  {                                                                \
    sizeof(moraine_tree_options), NULL, 0, { 0, 0, 0, 0, 0, 0, 0 } \
  }

MORAINE_API moraine_code moraine_tree_options_init(moraine_tree_options* options,
                                                   size_t struct_size);

// The tree named "default", which every database has.
MORAINE_API moraine_code moraine_tree_default(moraine_database* database, moraine_tree** tree,
                                              moraine_error** error);
// MORAINE_EXISTS when there is one of that name. `options` NULL: all defaults.
MORAINE_API moraine_code moraine_tree_create(moraine_database* database, const char* name,
                                             size_t name_size, const moraine_tree_options* options,
                                             moraine_tree** tree, moraine_error** error);
// MORAINE_MISSING when there is none and create_if_missing is not set.
MORAINE_API moraine_code moraine_tree_open(moraine_database* database, const char* name,
                                           size_t name_size, const moraine_tree_options* options,
                                           moraine_tree** tree, moraine_error** error);
// Drops the tree with all its keys; the default tree cannot be dropped or renamed (MORAINE_REFUSED).
MORAINE_API moraine_code moraine_tree_drop(moraine_database* database, const char* name,
                                           size_t name_size, moraine_error** error);
MORAINE_API moraine_code moraine_tree_rename(moraine_database* database, const char* from,
                                             size_t from_size, const char* to, size_t to_size,
                                             moraine_error** error);

typedef struct moraine_tree_description {
  moraine_slice name;
  moraine_slice merge_operator;  // empty: none
} moraine_tree_description;

// All trees in the order of their names: one owned block, which holds the names too.
MORAINE_API moraine_code moraine_tree_list(moraine_database* database,
                                           moraine_tree_description** list, size_t* count,
                                           moraine_error** error);

// --- Writes ---
// Each is atomic, and seen by all later reads when it returns.

// When success is reported. Whatever is chosen, what survives a crash is a prefix of the commit
// order.
typedef int32_t moraine_durability;

enum {
  MORAINE_SYNC = 0,   // when it is on the device
  MORAINE_GROUP = 1,  // at once; it is on the device within group_interval_ms
  MORAINE_NONE = 2    // at once; it is on the device with the next sync, flush or checkpoint
};

MORAINE_API moraine_code moraine_put(moraine_database* database, moraine_tree* tree,
                                     const void* key, size_t key_size, const void* value,
                                     size_t value_size, moraine_durability durability,
                                     moraine_error** error);
// Deleting an absent key is MORAINE_OK.
MORAINE_API moraine_code moraine_delete(moraine_database* database, moraine_tree* tree,
                                        const void* key, size_t key_size,
                                        moraine_durability durability, moraine_error** error);
// Applies the tree's merge operator without reading; MORAINE_REFUSED when it has none.
MORAINE_API moraine_code moraine_merge(moraine_database* database, moraine_tree* tree,
                                       const void* key, size_t key_size, const void* operand,
                                       size_t operand_size, moraine_durability durability,
                                       moraine_error** error);
// Writes `desired` (NULL: deletes) if the key holds `expected` (NULL: is absent). Otherwise
// MORAINE_MISMATCH, and `actual` (may be NULL) is what it holds: owned, {NULL, 0} if absent.
MORAINE_API moraine_code moraine_compare_and_swap(moraine_database* database, moraine_tree* tree,
                                                  const void* key, size_t key_size,
                                                  const moraine_slice* expected,
                                                  const moraine_slice* desired,
                                                  moraine_durability durability,
                                                  moraine_slice* actual, moraine_error** error);
// Writes `value` (NULL: deletes). `previous` (may be NULL) is what was there: owned, {NULL, 0} if
// absent.
MORAINE_API moraine_code moraine_get_and_set(moraine_database* database, moraine_tree* tree,
                                             const void* key, size_t key_size,
                                             const moraine_slice* value,
                                             moraine_durability durability, moraine_slice* previous,
                                             moraine_error** error);

// Makes the new value from the current one (NULL: absent): nonzero to write the bytes put into
// `result`, 0 to delete. Called again when another writer was faster; it must neither wait nor call
// the database.
typedef int32_t (*moraine_update_function)(void* context, const moraine_slice* current,
                                           moraine_result* result);

// `previous` (may be NULL) is the value that the new one was made from: owned, {NULL, 0} if absent.
MORAINE_API moraine_code moraine_update(moraine_database* database, moraine_tree* tree,
                                        const void* key, size_t key_size,
                                        moraine_update_function update, void* context,
                                        moraine_durability durability, moraine_slice* previous,
                                        moraine_error** error);

// --- Batches: writes to any trees of one database that commit as one ---
// Of several operations on a key the last one counts.

MORAINE_API moraine_code moraine_batch_new(moraine_batch** batch, moraine_error** error);
MORAINE_API moraine_code moraine_batch_put(moraine_batch* batch, moraine_tree* tree,
                                           const void* key, size_t key_size, const void* value,
                                           size_t value_size, moraine_error** error);
MORAINE_API moraine_code moraine_batch_delete(moraine_batch* batch, moraine_tree* tree,
                                              const void* key, size_t key_size,
                                              moraine_error** error);
MORAINE_API moraine_code moraine_batch_merge(moraine_batch* batch, moraine_tree* tree,
                                             const void* key, size_t key_size, const void* operand,
                                             size_t operand_size, moraine_error** error);
// Forgets all operations and keeps the memory.
MORAINE_API moraine_code moraine_batch_clear(moraine_batch* batch, moraine_error** error);
// The number of operations.
MORAINE_API moraine_code moraine_batch_count(moraine_batch* batch, size_t* count,
                                             moraine_error** error);
// All or nothing. The batch keeps its operations.
MORAINE_API moraine_code moraine_batch_apply(moraine_database* database, moraine_batch* batch,
                                             moraine_durability durability, moraine_error** error);
// NULL is fine.
MORAINE_API moraine_code moraine_batch_free(moraine_batch* batch);

// --- Snapshots ---

// One instant of all trees; instant itself, and blocks nobody.
MORAINE_API moraine_code moraine_snapshot_take(moraine_database* database,
                                               moraine_snapshot** snapshot, moraine_error** error);
// Its place in the commit order.
MORAINE_API moraine_code moraine_snapshot_position(const moraine_snapshot* snapshot,
                                                   uint64_t* position, moraine_error** error);
// NULL is fine. Cursors made from it go on.
MORAINE_API moraine_code moraine_snapshot_free(moraine_snapshot* snapshot);

// --- Reads, of any view ---

// Copies the value to `buffer`. `value_size` (may be NULL) is the size of the value, also with
// MORAINE_TOO_SMALL, which copies nothing. MORAINE_NOT_FOUND: absent.
MORAINE_API moraine_code moraine_get(moraine_view* view, moraine_tree* tree, const void* key,
                                     size_t key_size, void* buffer, size_t buffer_size,
                                     size_t* value_size, moraine_error** error);
// The value as an owned copy.
MORAINE_API moraine_code moraine_get_copy(moraine_view* view, moraine_tree* tree, const void* key,
                                          size_t key_size, moraine_slice* value,
                                          moraine_error** error);
// MORAINE_OK or MORAINE_NOT_FOUND.
MORAINE_API moraine_code moraine_contains(moraine_view* view, moraine_tree* tree, const void* key,
                                          size_t key_size, moraine_error** error);

enum { MORAINE_MOST_GET_KEYS = 1048576 };

// The values of `count` keys as of one instant, in the order of the keys; {NULL, 0} for an absent
// one. `block` is owned and holds their bytes.
MORAINE_API moraine_code moraine_multi_get(moraine_view* view, moraine_tree* tree,
                                           const moraine_slice* keys, size_t count,
                                           moraine_slice* values, void** block,
                                           moraine_error** error);

// How a key bounds a range.
enum { MORAINE_UNBOUNDED = 0, MORAINE_INCLUSIVE = 1, MORAINE_EXCLUSIVE = 2 };

// The keys that begin with `prefix`, are above `lower` and below `upper`; zero: all. Bounds have up
// to MORAINE_MOST_KEY_BYTES.
typedef struct moraine_range {
  size_t struct_size;
  moraine_slice prefix;
  moraine_slice lower;
  moraine_slice upper;
  uint8_t lower_kind;  // MORAINE_UNBOUNDED: `lower` does not count
  uint8_t upper_kind;
  uint8_t reverse;      // cursors: begin at the upper end and go down
  uint8_t reserved[5];  // zero
} moraine_range;

#define MORAINE_RANGE_INIT                                                             \
  {                                                                                    \
    sizeof(moraine_range), {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, { 0, 0, 0, 0, 0 } \
  }

MORAINE_API moraine_code moraine_range_init(moraine_range* range, size_t struct_size);

// The first and the last record of a range (NULL: of the tree) in the order of keys, as owned
// copies; `value` may be NULL. MORAINE_NOT_FOUND when there is none.
MORAINE_API moraine_code moraine_first(moraine_view* view, moraine_tree* tree,
                                       const moraine_range* range, moraine_slice* key,
                                       moraine_slice* value, moraine_error** error);
MORAINE_API moraine_code moraine_last(moraine_view* view, moraine_tree* tree,
                                      const moraine_range* range, moraine_slice* key,
                                      moraine_slice* value, moraine_error** error);
// The same, and removes it. No record is returned twice.
MORAINE_API moraine_code moraine_pop_first(moraine_database* database, moraine_tree* tree,
                                           const moraine_range* range,
                                           moraine_durability durability, moraine_slice* key,
                                           moraine_slice* value, moraine_error** error);
MORAINE_API moraine_code moraine_pop_last(moraine_database* database, moraine_tree* tree,
                                          const moraine_range* range, moraine_durability durability,
                                          moraine_slice* key, moraine_slice* value,
                                          moraine_error** error);

// --- Cursors ---
// A cursor walks a range both ways, as of the instant of its snapshot, or of its making. At first it
// stands nowhere. Key and value are borrowed until the next call on the cursor; either output may be
// NULL. MORAINE_NOT_FOUND: there is no record there; the cursor then stands beyond that end, and
// going back leads to the record before it. "Next" and "first" are in the direction of the range.

// `range` NULL: all keys, upward. It is copied.
MORAINE_API moraine_code moraine_cursor_open(moraine_view* view, moraine_tree* tree,
                                             const moraine_range* range, moraine_cursor** cursor,
                                             moraine_error** error);
// The next record; the first one, when the cursor stands nowhere.
MORAINE_API moraine_code moraine_cursor_next(moraine_cursor* cursor, moraine_slice* key,
                                             moraine_slice* value, moraine_error** error);
// The previous record; the last one, when the cursor stands nowhere.
MORAINE_API moraine_code moraine_cursor_previous(moraine_cursor* cursor, moraine_slice* key,
                                                 moraine_slice* value, moraine_error** error);
MORAINE_API moraine_code moraine_cursor_first(moraine_cursor* cursor, moraine_slice* key,
                                              moraine_slice* value, moraine_error** error);
MORAINE_API moraine_code moraine_cursor_last(moraine_cursor* cursor, moraine_slice* key,
                                             moraine_slice* value, moraine_error** error);
// The first record of the range at `target` or behind it, in the direction of the range.
MORAINE_API moraine_code moraine_cursor_seek(moraine_cursor* cursor, const void* target,
                                             size_t target_size, moraine_slice* key,
                                             moraine_slice* value, moraine_error** error);
// Up to `most` next records at once, for languages where a call is dear: MORAINE_OK with `count` > 0
// of them, or MORAINE_NOT_FOUND. It stops early when they have some 256 KiB. All are borrowed until
// the next call on the cursor. `values` may be NULL.
MORAINE_API moraine_code moraine_cursor_fetch(moraine_cursor* cursor, size_t most,
                                              moraine_slice* keys, moraine_slice* values,
                                              size_t* count, moraine_error** error);
// NULL is fine.
MORAINE_API moraine_code moraine_cursor_free(moraine_cursor* cursor);

// --- Transactions: reads and writes that take effect at one instant, or not at all ---
// A transaction reads the instant of its begin, with its own writes laid over it: give it to the
// reads and cursors above as their view. Nobody sees its writes before it commits, and it blocks
// nobody; instead a commit may find that another writer was first (MORAINE_CONFLICT), and then
// nothing was written. After commit or abort every call but free is MORAINE_REFUSED, and its cursors
// answer MORAINE_MISUSE.

enum {
  // As if transactions ran one after another: conflicts with a change of anything that was read.
  MORAINE_SERIALIZABLE = 0,
  // Conflicts only with changes of keys that it writes or read for update.
  MORAINE_SNAPSHOT_ISOLATION = 1,
  // Reads only, never conflicts.
  MORAINE_READ_ONLY = 2
};

typedef struct moraine_transaction_options {
  size_t struct_size;
  int32_t isolation;
  uint32_t most_tries;            // moraine_transact; 0: 100
  uint64_t most_bytes;            // memory for what it wrote and read; 0: an eighth of the budget
  uint32_t deadline_ms;           // moraine_transact: no try begins later; 0: no limit
  moraine_durability durability;  // moraine_transact
} moraine_transaction_options;

#define MORAINE_TRANSACTION_OPTIONS_INIT \
  { sizeof(moraine_transaction_options), 0, 0, 0, 0, 0 }

MORAINE_API moraine_code moraine_transaction_options_init(moraine_transaction_options* options,
                                                          size_t struct_size);

// `options` NULL: all defaults. To be ended by commit or abort, and then freed.
MORAINE_API moraine_code moraine_transaction_begin(moraine_database* database,
                                                   const moraine_transaction_options* options,
                                                   moraine_transaction** transaction,
                                                   moraine_error** error);
MORAINE_API moraine_code moraine_transaction_put(moraine_transaction* transaction,
                                                 moraine_tree* tree, const void* key,
                                                 size_t key_size, const void* value,
                                                 size_t value_size, moraine_error** error);
MORAINE_API moraine_code moraine_transaction_delete(moraine_transaction* transaction,
                                                    moraine_tree* tree, const void* key,
                                                    size_t key_size, moraine_error** error);
// Transactions that only merge into a key do not conflict over it.
MORAINE_API moraine_code moraine_transaction_merge(moraine_transaction* transaction,
                                                   moraine_tree* tree, const void* key,
                                                   size_t key_size, const void* operand,
                                                   size_t operand_size, moraine_error** error);
// As moraine_compare_and_swap, on what the transaction sees.
MORAINE_API moraine_code moraine_transaction_compare_and_swap(
    moraine_transaction* transaction, moraine_tree* tree, const void* key, size_t key_size,
    const moraine_slice* expected, const moraine_slice* desired, moraine_slice* actual,
    moraine_error** error);
// The value, owned, of a key that is going to be written: MORAINE_CONFLICT at once when it has
// changed already.
MORAINE_API moraine_code moraine_transaction_get_for_update(moraine_transaction* transaction,
                                                            moraine_tree* tree, const void* key,
                                                            size_t key_size, moraine_slice* value,
                                                            moraine_error** error);
// Deletes the keys of `range` (NULL: all) that the transaction sees. `count` (may be NULL): how many.
MORAINE_API moraine_code moraine_transaction_delete_range(moraine_transaction* transaction,
                                                          moraine_tree* tree,
                                                          const moraine_range* range,
                                                          uint64_t* count, moraine_error** error);

// Marks the writes so far. Savepoints are numbered from 0 and nest.
MORAINE_API moraine_code moraine_transaction_set_savepoint(moraine_transaction* transaction,
                                                           size_t* savepoint,
                                                           moraine_error** error);
// Takes back the writes since, and ends later savepoints; this one stays.
MORAINE_API moraine_code moraine_transaction_roll_back_to(moraine_transaction* transaction,
                                                          size_t savepoint, moraine_error** error);
// Keeps the writes, and ends this savepoint and later ones.
MORAINE_API moraine_code moraine_transaction_release_savepoint(moraine_transaction* transaction,
                                                               size_t savepoint,
                                                               moraine_error** error);

// `position` (may be NULL): its place in the commit order. MORAINE_UNKNOWN: the writes are visible,
// but the device failed before they were durable. After any other error nothing was written.
MORAINE_API moraine_code moraine_transaction_commit(moraine_transaction* transaction,
                                                    moraine_durability durability,
                                                    uint64_t* position, moraine_error** error);
// Forgets all writes.
MORAINE_API moraine_code moraine_transaction_abort(moraine_transaction* transaction,
                                                   moraine_error** error);
// Aborts it if it is not over. NULL is fine.
MORAINE_API moraine_code moraine_transaction_free(moraine_transaction* transaction);

// Runs in a transaction; returns MORAINE_OK to have it committed, anything else to have it aborted.
// After MORAINE_CONFLICT of a call it should return that. The transaction ends with the call: it may
// be neither kept nor committed, aborted or freed there (MORAINE_MISUSE).
typedef moraine_code (*moraine_transact_function)(void* context, moraine_transaction* transaction);

// Runs `body` in a transaction and commits it; when it loses to another writer, runs it again from
// the start, within most_tries and deadline_ms. So it must have no other effects. Returns what the
// commit returns, or what `body` returned instead of MORAINE_OK (then without an error object, but
// for a conflict). MORAINE_CONFLICT: the tries are used up. MORAINE_DEADLINE: the time is.
MORAINE_API moraine_code moraine_transact(moraine_database* database,
                                          moraine_transact_function body, void* context,
                                          const moraine_transaction_options* options,
                                          moraine_error** error);

#ifdef __cplusplus
}
#endif

#endif  // MORAINE_API_C_H_
