// Every function of the C interface with every handle wrong: NULL, freed, closed, of another kind,
// of another database, no handle at all. A table; the last test asks that no function is left out.
#include <fstream>
#include <functional>
#include <set>

#include "tests/api/c/misuse_fixture.h"

namespace moraine {
namespace {

// One parameter of one function, with a call that passes the pointer there and is right elsewhere.
struct Row {
  const char* function;
  std::vector<const void*> wrong;
  std::function<moraine_code(const void* pointer, moraine_error** error)> call;
};

class MisuseTest : public MisuseFixture {
 protected:
  using Pointers = std::vector<const void*>;
  using Error = moraine_error**;

  static moraine_database* Db(const void* p) {
    return static_cast<moraine_database*>(const_cast<void*>(p));
  }
  static moraine_tree* Tr(const void* p) {
    return static_cast<moraine_tree*>(const_cast<void*>(p));
  }
  static moraine_batch* Ba(const void* p) {
    return static_cast<moraine_batch*>(const_cast<void*>(p));
  }
  static moraine_transaction* Tx(const void* p) {
    return static_cast<moraine_transaction*>(const_cast<void*>(p));
  }
  static moraine_cursor* Cu(const void* p) {
    return static_cast<moraine_cursor*>(const_cast<void*>(p));
  }

  Pointers With(std::initializer_list<const void*> further) const {
    Pointers pointers = NoHandles();
    pointers.insert(pointers.end(), further);
    return pointers;
  }
  Pointers NoDatabases() const { return With({dead_database_, dead_tree_, tree_, snapshot_}); }
  Pointers NoTrees() const { return With({dead_tree_, database_, dead_database_}); }
  Pointers NotItsTrees() const { return With({dead_tree_, other_tree_, database_, snapshot_}); }
  Pointers NoViews() const {
    return With({dead_database_, dead_snapshot_, dead_transaction_, tree_, cursor_});
  }
  Pointers NoBatches() const { return With({dead_batch_, database_, cursor_}); }
  Pointers NoTransactions() const { return With({dead_transaction_, snapshot_, database_}); }
  Pointers NoCursors() const { return With({dead_cursor_, snapshot_, batch_}); }

  std::vector<Row> DatabaseRows() {
    const Pointers wrong = NoDatabases();
    return {
        {"moraine_close", wrong, [](auto p, Error e) { return moraine_close(Db(p), e); }},
        {"moraine_flush", wrong, [](auto p, Error e) { return moraine_flush(Db(p), e); }},
        {"moraine_checkpoint", wrong, [](auto p, Error e) { return moraine_checkpoint(Db(p), e); }},
        {"moraine_stats_json", wrong,
         [this](auto p, Error e) { return moraine_stats_json(Db(p), &slice_, e); }},
        {"moraine_verify", wrong,
         [this](auto p, Error e) { return moraine_verify(Db(p), &slice_, e); }},
        {"moraine_tree_default", wrong,
         [this](auto p, Error e) { return moraine_tree_default(Db(p), &out_tree_, e); }},
        {"moraine_tree_create", wrong,
         [this](auto p, Error e) {
           return moraine_tree_create(Db(p), "t", 1, nullptr, &out_tree_, e);
         }},
        {"moraine_tree_open", wrong,
         [this](auto p, Error e) {
           return moraine_tree_open(Db(p), "t", 1, nullptr, &out_tree_, e);
         }},
        {"moraine_tree_drop", wrong,
         [](auto p, Error e) { return moraine_tree_drop(Db(p), "t", 1, e); }},
        {"moraine_tree_rename", wrong,
         [](auto p, Error e) { return moraine_tree_rename(Db(p), "t", 1, "u", 1, e); }},
        {"moraine_tree_list", wrong,
         [this](auto p, Error e) { return moraine_tree_list(Db(p), &list_, &size_, e); }},
        {"moraine_batch_apply", wrong,
         [this](auto p, Error e) { return moraine_batch_apply(Db(p), batch_, 0, e); }},
        {"moraine_snapshot_take", wrong,
         [this](auto p, Error e) { return moraine_snapshot_take(Db(p), &out_snapshot_, e); }},
    };
  }

  // Functions of a database and a tree: `wrong` goes to the place that `first` says.
  std::vector<Row> WriteRows(bool first) {
    const Pointers wrong = first ? NoDatabases() : NotItsTrees();
    const auto db = [this, first](auto p) { return first ? Db(p) : database_; };
    const auto tree = [this, first](auto p) { return first ? tree_ : Tr(p); };
    return {
        {"moraine_put", wrong,
         [=](auto p, Error e) { return moraine_put(db(p), tree(p), "k", 1, "v", 1, 0, e); }},
        {"moraine_delete", wrong,
         [=](auto p, Error e) { return moraine_delete(db(p), tree(p), "k", 1, 0, e); }},
        {"moraine_merge", wrong,
         [=](auto p, Error e) { return moraine_merge(db(p), tree(p), "k", 1, "v", 1, 0, e); }},
        {"moraine_compare_and_swap", wrong,
         [=, this](auto p, Error e) {
           return moraine_compare_and_swap(db(p), tree(p), "k", 1, nullptr, nullptr, 0, &slice_, e);
         }},
        {"moraine_get_and_set", wrong,
         [=, this](auto p, Error e) {
           return moraine_get_and_set(db(p), tree(p), "k", 1, nullptr, 0, &slice_, e);
         }},
        {"moraine_update", wrong,
         [=, this](auto p, Error e) {
           return moraine_update(db(p), tree(p), "k", 1, Delete, nullptr, 0, &slice_, e);
         }},
        {"moraine_pop_first", wrong,
         [=, this](auto p, Error e) {
           return moraine_pop_first(db(p), tree(p), nullptr, 0, &slice_, &slice_, e);
         }},
        {"moraine_pop_last", wrong,
         [=, this](auto p, Error e) {
           return moraine_pop_last(db(p), tree(p), nullptr, 0, &slice_, &slice_, e);
         }},
    };
  }

  std::vector<Row> ReadRows(bool first) {
    const Pointers wrong = first ? NoViews() : NotItsTrees();
    const auto view = [this, first](auto p) { return first ? p : snapshot_; };
    const auto tree = [this, first](auto p) { return first ? tree_ : Tr(p); };
    return {
        {"moraine_get", wrong,
         [=, this](auto p, Error e) {
           return moraine_get(view(p), tree(p), "k", 1, buffer_, sizeof(buffer_), &size_, e);
         }},
        {"moraine_get_copy", wrong,
         [=, this](auto p, Error e) {
           return moraine_get_copy(view(p), tree(p), "k", 1, &slice_, e);
         }},
        {"moraine_contains", wrong,
         [=](auto p, Error e) { return moraine_contains(view(p), tree(p), "k", 1, e); }},
        {"moraine_multi_get", wrong,
         [=, this](auto p, Error e) {
           return moraine_multi_get(view(p), tree(p), &slice_, 1, &slice_, &block_, e);
         }},
        {"moraine_first", wrong,
         [=, this](auto p, Error e) {
           return moraine_first(view(p), tree(p), nullptr, &slice_, &slice_, e);
         }},
        {"moraine_last", wrong,
         [=, this](auto p, Error e) {
           return moraine_last(view(p), tree(p), nullptr, &slice_, &slice_, e);
         }},
        {"moraine_cursor_open", wrong,
         [=, this](auto p, Error e) {
           return moraine_cursor_open(view(p), tree(p), nullptr, &out_cursor_, e);
         }},
    };
  }

  std::vector<Row> BatchRows() {
    const Pointers wrong = NoBatches();
    const Pointers no_trees = NoTrees();
    return {
        {"moraine_batch_put", wrong,
         [this](auto p, Error e) { return moraine_batch_put(Ba(p), tree_, "k", 1, "v", 1, e); }},
        {"moraine_batch_put", no_trees,
         [this](auto p, Error e) { return moraine_batch_put(batch_, Tr(p), "k", 1, "v", 1, e); }},
        {"moraine_batch_delete", wrong,
         [this](auto p, Error e) { return moraine_batch_delete(Ba(p), tree_, "k", 1, e); }},
        {"moraine_batch_delete", no_trees,
         [this](auto p, Error e) { return moraine_batch_delete(batch_, Tr(p), "k", 1, e); }},
        {"moraine_batch_merge", wrong,
         [this](auto p, Error e) { return moraine_batch_merge(Ba(p), tree_, "k", 1, "v", 1, e); }},
        {"moraine_batch_merge", no_trees,
         [this](auto p, Error e) { return moraine_batch_merge(batch_, Tr(p), "k", 1, "v", 1, e); }},
        {"moraine_batch_clear", wrong,
         [](auto p, Error e) { return moraine_batch_clear(Ba(p), e); }},
        {"moraine_batch_count", wrong,
         [this](auto p, Error e) { return moraine_batch_count(Ba(p), &size_, e); }},
        {"moraine_batch_apply", wrong,
         [this](auto p, Error e) { return moraine_batch_apply(database_, Ba(p), 0, e); }},
        {"moraine_batch_apply",
         {orphan_batch_},
         [this](auto p, Error e) { return moraine_batch_apply(database_, Ba(p), 0, e); }},
    };
  }

  std::vector<Row> CursorRows() {
    const Pointers wrong = NoCursors();
    return {
        {"moraine_cursor_next", wrong,
         [](auto p, Error e) { return moraine_cursor_next(Cu(p), nullptr, nullptr, e); }},
        {"moraine_cursor_previous", wrong,
         [](auto p, Error e) { return moraine_cursor_previous(Cu(p), nullptr, nullptr, e); }},
        {"moraine_cursor_first", wrong,
         [](auto p, Error e) { return moraine_cursor_first(Cu(p), nullptr, nullptr, e); }},
        {"moraine_cursor_last", wrong,
         [](auto p, Error e) { return moraine_cursor_last(Cu(p), nullptr, nullptr, e); }},
        {"moraine_cursor_seek", wrong,
         [](auto p, Error e) { return moraine_cursor_seek(Cu(p), "k", 1, nullptr, nullptr, e); }},
        {"moraine_cursor_fetch", wrong,
         [this](auto p, Error e) {
           return moraine_cursor_fetch(Cu(p), 1, &slice_, nullptr, &size_, e);
         }},
        {"moraine_snapshot_position", With({dead_snapshot_, database_, tree_}),
         [this](auto p, Error e) {
           return moraine_snapshot_position(static_cast<const moraine_snapshot*>(p), &position_, e);
         }},
    };
  }

  // Functions of a transaction and a tree, as WriteRows.
  std::vector<Row> TransactionRows(bool first) {
    const Pointers wrong = first ? NoTransactions() : NotItsTrees();
    const auto txn = [this, first](auto p) { return first ? Tx(p) : transaction_; };
    const auto tree = [this, first](auto p) { return first ? tree_ : Tr(p); };
    return {
        {"moraine_transaction_put", wrong,
         [=](auto p, Error e) {
           return moraine_transaction_put(txn(p), tree(p), "k", 1, "v", 1, e);
         }},
        {"moraine_transaction_delete", wrong,
         [=](auto p, Error e) { return moraine_transaction_delete(txn(p), tree(p), "k", 1, e); }},
        {"moraine_transaction_merge", wrong,
         [=](auto p, Error e) {
           return moraine_transaction_merge(txn(p), tree(p), "k", 1, "v", 1, e);
         }},
        {"moraine_transaction_compare_and_swap", wrong,
         [=, this](auto p, Error e) {
           return moraine_transaction_compare_and_swap(txn(p), tree(p), "k", 1, nullptr, nullptr,
                                                       &slice_, e);
         }},
        {"moraine_transaction_get_for_update", wrong,
         [=, this](auto p, Error e) {
           return moraine_transaction_get_for_update(txn(p), tree(p), "k", 1, &slice_, e);
         }},
        {"moraine_transaction_delete_range", wrong,
         [=](auto p, Error e) {
           return moraine_transaction_delete_range(txn(p), tree(p), nullptr, nullptr, e);
         }},
    };
  }

  std::vector<Row> TransactionEndRows() {
    const Pointers wrong = NoTransactions();
    return {
        {"moraine_transaction_begin", NoDatabases(),
         [this](auto p, Error e) {
           return moraine_transaction_begin(Db(p), nullptr, &out_transaction_, e);
         }},
        {"moraine_transact", NoDatabases(),
         [](auto p, Error e) { return moraine_transact(Db(p), Commit, nullptr, nullptr, e); }},
        {"moraine_transaction_set_savepoint", wrong,
         [this](auto p, Error e) { return moraine_transaction_set_savepoint(Tx(p), &size_, e); }},
        {"moraine_transaction_roll_back_to", wrong,
         [](auto p, Error e) { return moraine_transaction_roll_back_to(Tx(p), 0, e); }},
        {"moraine_transaction_release_savepoint", wrong,
         [](auto p, Error e) { return moraine_transaction_release_savepoint(Tx(p), 0, e); }},
        {"moraine_transaction_commit", wrong,
         [](auto p, Error e) { return moraine_transaction_commit(Tx(p), 0, nullptr, e); }},
        {"moraine_transaction_abort", wrong,
         [](auto p, Error e) { return moraine_transaction_abort(Tx(p), e); }},
    };
  }

  // The free functions: NULL is fine there.
  std::vector<Row> FreeRows() {
    const auto without_null = [](Pointers pointers) {
      pointers.erase(pointers.begin());
      return pointers;
    };
    return {
        {"moraine_batch_free", without_null(NoBatches()),
         [](auto p, Error) { return moraine_batch_free(Ba(p)); }},
        {"moraine_cursor_free", without_null(NoCursors()),
         [](auto p, Error) { return moraine_cursor_free(Cu(p)); }},
        {"moraine_snapshot_free", without_null(With({dead_snapshot_, database_})),
         [](auto p, Error) {
           return moraine_snapshot_free(static_cast<moraine_snapshot*>(const_cast<void*>(p)));
         }},
        {"moraine_transaction_free", without_null(NoTransactions()),
         [](auto p, Error) { return moraine_transaction_free(Tx(p)); }},
        {"moraine_error_conflict", With({dead_error_, database_}),
         [](auto p, Error) {
           return moraine_error_conflict(static_cast<const moraine_error*>(p), nullptr, nullptr,
                                         nullptr);
         }},
        {"moraine_error_free", without_null(With({dead_error_, database_})),
         [](auto p, Error) {
           return moraine_error_free(static_cast<moraine_error*>(const_cast<void*>(p)));
         }},
        {"moraine_error_code", without_null(With({dead_error_, database_})),
         [](auto p, Error) { return moraine_error_code(static_cast<const moraine_error*>(p)); }},
        {"moraine_result_append", NoHandles(),
         [](auto p, Error) {
           return moraine_result_append(static_cast<moraine_result*>(const_cast<void*>(p)), "x", 1);
         }},
    };
  }

  std::vector<Row> AllRows() {
    std::vector<Row> all;
    for (const auto& rows : {DatabaseRows(), WriteRows(true), WriteRows(false), ReadRows(true),
                             ReadRows(false), BatchRows(), CursorRows(), TransactionRows(true),
                             TransactionRows(false), TransactionEndRows(), FreeRows()}) {
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }

  static moraine_code Commit(void*, moraine_transaction*) { return MORAINE_OK; }
  static int32_t Delete(void*, const moraine_slice*, moraine_result*) { return 0; }

  moraine_slice slice_ = {nullptr, 0};
  moraine_tree* out_tree_ = nullptr;
  moraine_snapshot* out_snapshot_ = nullptr;
  moraine_cursor* out_cursor_ = nullptr;
  moraine_transaction* out_transaction_ = nullptr;
  moraine_tree_description* list_ = nullptr;
  void* block_ = nullptr;
  size_t size_ = 0;
  uint64_t position_ = 0;
  char buffer_[16] = {};
};

TEST_F(MisuseTest, WrongHandleIsAnsweredWithMisuse) {
  for (const Row& row : AllRows()) {
    for (size_t i = 0; i < row.wrong.size(); ++i) {
      EXPECT_EQ(row.call(row.wrong[i], nullptr), MORAINE_MISUSE) << row.function << ", wrong " << i;
    }
  }
}

TEST_F(MisuseTest, ErrorObjectSaysWhichArgument) {
  for (const Row& row : AllRows()) {
    for (const void* pointer : row.wrong) {
      moraine_error* error = nullptr;
      EXPECT_EQ(row.call(pointer, &error), MORAINE_MISUSE) << row.function;
      if (error == nullptr) continue;  // those without an error parameter
      EXPECT_EQ(moraine_error_code(error), MORAINE_MISUSE) << row.function;
      EXPECT_STRNE(moraine_error_message(error), "") << row.function;
      EXPECT_EQ(moraine_error_free(error), MORAINE_OK);
    }
  }
}

TEST_F(MisuseTest, LiveHandlesSurviveIt) {
  for (const Row& row : AllRows()) {
    for (const void* pointer : row.wrong) (void)row.call(pointer, nullptr);
  }
  EXPECT_EQ(moraine_contains(snapshot_, tree_, "k", 1, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_cursor_next(cursor_, nullptr, nullptr, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_batch_put(batch_, tree_, "k", 1, "v", 1, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_transaction_put(transaction_, tree_, "k", 1, "v", 1, nullptr), MORAINE_OK);
  EXPECT_STRNE(moraine_error_message(error_), "");
}

TEST_F(MisuseTest, BatchTakesTreesOfOneDatabase) {
  EXPECT_EQ(moraine_batch_put(batch_, tree_, "k", 1, "v", 1, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_batch_put(batch_, other_tree_, "k", 1, "v", 1, nullptr), MORAINE_MISUSE);
  EXPECT_EQ(moraine_batch_apply(other_database_, batch_, MORAINE_NONE, nullptr), MORAINE_MISUSE);
  EXPECT_EQ(moraine_batch_clear(batch_, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_batch_put(batch_, other_tree_, "k", 1, "v", 1, nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_batch_apply(other_database_, batch_, MORAINE_NONE, nullptr), MORAINE_OK);
}

TEST_F(MisuseTest, NullIsFineWhereThereIsNothingToDo) {
  moraine_free(nullptr);
  EXPECT_EQ(moraine_error_free(nullptr), MORAINE_OK);
  EXPECT_EQ(moraine_error_code(nullptr), MORAINE_OK);
  EXPECT_STREQ(moraine_error_message(nullptr), "");
  EXPECT_STREQ(moraine_error_message(dead_error_), "");
  EXPECT_STREQ(moraine_code_name(-1), moraine_code_name(INT32_MAX));
  EXPECT_STREQ(moraine_code_name(MORAINE_INTERNAL), "MORAINE_INTERNAL");
}

TEST_F(MisuseTest, TableHasEveryFunction) {
  // Those that take no handle, or cannot fail, are called in misuse_values_test.cc.
  std::set<std::string> tested = {
      "moraine_batch_new",
      "moraine_code_name",
      "moraine_error_message",
      "moraine_free",
      "moraine_open",
      "moraine_options_init",
      "moraine_range_init",
      "moraine_version",
      "moraine_tree_options_init",
      "moraine_transaction_options_init",
  };
  for (const Row& row : AllRows()) tested.insert(row.function);
  std::ifstream list("tests/api/c/exported_symbols.txt");
  std::string line;
  int functions = 0;
  while (std::getline(list, line)) {
    if (line.find("@@") == std::string::npos) continue;
    ++functions;
    const std::string name = line.substr(0, line.find('@'));
    EXPECT_TRUE(tested.count(name) == 1) << name << " has no row";
  }
  EXPECT_GT(functions, 50);
}

}  // namespace
}  // namespace moraine
