// The shortest tour of moraine in C: open, write, read, compare and swap, a batch, a snapshot, a
// cursor. Errors end the program with their message.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <moraine/c.h>

static moraine_error* error = NULL;

// Ends the program unless `code` is that of a success or a result.
static moraine_code expect(moraine_code code) {
  if (code < 10) return code;
  fprintf(stderr, "%s: %s\n", moraine_code_name(code), moraine_error_message(error));
  exit(1);
}

static void print(const char* what, moraine_slice value) {
  printf("%s%.*s\n", what, (int)value.size, (const char*)value.data);
}

static void scan(moraine_view* view, moraine_tree* stock) {
  moraine_range range = MORAINE_RANGE_INIT;
  moraine_cursor* cursor = NULL;
  moraine_slice key;
  moraine_slice value;
  range.prefix.data = "p";
  range.prefix.size = 1;
  expect(moraine_cursor_open(view, stock, &range, &cursor, &error));
  while (expect(moraine_cursor_next(cursor, &key, &value, &error)) == MORAINE_OK) {
    printf("%.*s", (int)key.size, (const char*)key.data);
    print(" = ", value);
  }
  moraine_cursor_free(cursor);
}

static void tour(moraine_database* shop, moraine_tree* stock) {
  const moraine_slice twelve = {"12", 2};
  const moraine_slice eleven = {"11", 2};
  moraine_slice value;
  moraine_snapshot* before = NULL;
  moraine_batch* delivery = NULL;
  moraine_code code;

  // Durable when it returns.
  expect(moraine_put(shop, stock, "pen", 3, "12", 2, MORAINE_SYNC, &error));

  // One pen sold: only if there are still twelve. Otherwise the call says what is there.
  code = expect(moraine_compare_and_swap(shop, stock, "pen", 3, &twelve, &eleven, MORAINE_SYNC,
                                         &value, &error));
  printf("sold a pen: %s\n", code == MORAINE_OK ? "yes" : "no");
  moraine_free(value.data);

  // One instant, whatever is written from now on.
  expect(moraine_snapshot_take(shop, &before, &error));

  expect(moraine_batch_new(&delivery, &error));
  expect(moraine_batch_put(delivery, stock, "paper", 5, "500", 3, &error));
  expect(moraine_batch_put(delivery, stock, "pencil", 6, "40", 2, &error));
  expect(moraine_batch_delete(delivery, stock, "pen", 3, &error));
  expect(moraine_batch_apply(shop, delivery, MORAINE_SYNC, &error));
  moraine_batch_free(delivery);

  if (expect(moraine_get_copy(before, stock, "pen", 3, &value, &error)) == MORAINE_OK) {
    print("pens before the delivery: ", value);
    moraine_free(value.data);
  }
  moraine_snapshot_free(before);
  scan(shop, stock);
}

int main(int argument_count, char** arguments) {
  moraine_options options = MORAINE_OPTIONS_INIT;
  moraine_tree_options tree_options = MORAINE_TREE_OPTIONS_INIT;
  moraine_database* shop = NULL;
  moraine_tree* stock = NULL;
  options.create_if_missing = 1;
  tree_options.create_if_missing = 1;
  expect(moraine_open(argument_count > 1 ? arguments[1] : "shop", &options, &shop, &error));
  expect(moraine_tree_open(shop, "stock", 5, &tree_options, &stock, &error));
  tour(shop, stock);
  expect(moraine_close(shop, &error));
  return 0;
}
