// Sizes and offsets of the structs that callers fill in, on 64-bit machines: a change here breaks
// every program and every binding that was built before. Structs grow at the end only.
#include <stdio.h>
#include <string.h>

#include <moraine/c.h>

typedef struct expectation {
  const char* what;
  size_t is;
  size_t was;
} expectation;

#define SIZE(type, bytes) \
  { "sizeof(" #type ")", sizeof(type), bytes }
#define OFFSET(type, member, bytes) \
  { #type "." #member, offsetof(type, member), bytes }

static const expectation expectations[] = {
    SIZE(moraine_code, 4),
    SIZE(moraine_durability, 4),
    SIZE(moraine_slice, 16),
    OFFSET(moraine_slice, size, 8),
    SIZE(moraine_options, 48),
    OFFSET(moraine_options, create_if_missing, 8),
    OFFSET(moraine_options, error_if_exists, 9),
    OFFSET(moraine_options, read_only, 10),
    OFFSET(moraine_options, no_io_uring, 11),
    OFFSET(moraine_options, no_checkpoint_on_close, 12),
    OFFSET(moraine_options, group_interval_ms, 16),
    OFFSET(moraine_options, leaf_bytes, 20),
    OFFSET(moraine_options, memory_bytes, 24),
    OFFSET(moraine_options, merge_operators, 32),
    OFFSET(moraine_options, merge_operator_count, 40),
    SIZE(moraine_merge_operator, 40),
    OFFSET(moraine_merge_operator, name, 8),
    OFFSET(moraine_merge_operator, merge, 16),
    OFFSET(moraine_merge_operator, context, 24),
    OFFSET(moraine_merge_operator, destroy, 32),
    SIZE(moraine_tree_options, 24),
    OFFSET(moraine_tree_options, merge_operator, 8),
    OFFSET(moraine_tree_options, create_if_missing, 16),
    SIZE(moraine_transaction_options, 32),
    OFFSET(moraine_transaction_options, isolation, 8),
    OFFSET(moraine_transaction_options, most_tries, 12),
    OFFSET(moraine_transaction_options, most_bytes, 16),
    OFFSET(moraine_transaction_options, deadline_ms, 24),
    OFFSET(moraine_transaction_options, durability, 28),
    SIZE(moraine_tree_description, 32),
    SIZE(moraine_range, 64),
    OFFSET(moraine_range, prefix, 8),
    OFFSET(moraine_range, lower, 24),
    OFFSET(moraine_range, upper, 40),
    OFFSET(moraine_range, lower_kind, 56),
    OFFSET(moraine_range, upper_kind, 57),
    OFFSET(moraine_range, reverse, 58),
};

// The INIT macros and the init functions agree: all zero but the size.
static int initializers_differ(void) {
  const moraine_options options = MORAINE_OPTIONS_INIT;
  const moraine_tree_options tree_options = MORAINE_TREE_OPTIONS_INIT;
  const moraine_range range = MORAINE_RANGE_INIT;
  moraine_options options_too;
  moraine_tree_options tree_options_too;
  moraine_range range_too;
  moraine_options_init(&options_too, sizeof(options_too));
  moraine_tree_options_init(&tree_options_too, sizeof(tree_options_too));
  moraine_range_init(&range_too, sizeof(range_too));
  return memcmp(&options, &options_too, sizeof(options)) != 0 ||
         memcmp(&tree_options, &tree_options_too, sizeof(tree_options)) != 0 ||
         memcmp(&range, &range_too, sizeof(range)) != 0;
}

int main(void) {
  int failures = initializers_differ();
  size_t i;
  if (failures != 0) fprintf(stderr, "an INIT macro and its function differ\n");
  for (i = 0; i < sizeof(expectations) / sizeof(expectations[0]); ++i) {
    const expectation* now = &expectations[i];
    if (now->is == now->was) continue;
    fprintf(stderr, "%s is %u, was %u\n", now->what, (unsigned)now->is, (unsigned)now->was);
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}
