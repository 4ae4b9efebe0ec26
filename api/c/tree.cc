// Trees: making, finding and listing them, and one handle for each.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include "api/c/owned.h"
#include <moraine/c.h>

namespace moraine::c {

moraine_tree* HandleOf(DatabaseObject* database, const Tree& tree) {
  const MutexLock lock(database->mutex);
  for (const DatabaseObject::OpenTree& open : database->trees) {
    if (open.object->tree == tree) return reinterpret_cast<moraine_tree*>(open.handle);
  }
  auto object = std::make_unique<TreeObject>(TreeObject{tree, database, database->serial});
  database->trees.reserve(database->trees.size() + 1);
  Handle* handle = HandlePool::Get().Make(HandleKind::kTree, object.get());
  database->trees.push_back({std::move(object), handle});
  return reinterpret_cast<moraine_tree*>(handle);
}

namespace {

TreeOptions ReadOptions(const moraine_tree_options* from, Arguments* arguments) {
  const moraine_tree_options given = arguments->Struct(from, sizeof(moraine_tree_options));
  for (const uint8_t byte : given.reserved) {
    if (byte != 0) arguments->Unsupported("tree options: reserved is not zero");
  }
  TreeOptions options;
  options.create_if_missing = given.create_if_missing != 0;
  if (arguments->ok() && given.merge_operator != nullptr) {
    options.merge_operator = given.merge_operator;
  }
  return options;
}

// One block: the descriptions, then the texts they point to.
moraine_tree_description* OwnedList(const std::vector<TreeDescription>& trees) {
  size_t size = trees.size() * sizeof(moraine_tree_description);
  for (const TreeDescription& tree : trees) size += tree.name.size() + tree.merge_operator.size();
  char* block = OwnedBlock(size);
  char* text = block + trees.size() * sizeof(moraine_tree_description);
  const auto append = [&text](const std::string& bytes) {
    const moraine_slice slice = {text, bytes.size()};
    if (!bytes.empty()) std::memcpy(text, bytes.data(), bytes.size());
    text += bytes.size();
    return slice;
  };
  auto* list = reinterpret_cast<moraine_tree_description*>(block);
  for (size_t i = 0; i < trees.size(); ++i) {
    const moraine_slice name = append(trees[i].name);
    new (list + i) moraine_tree_description{name, append(trees[i].merge_operator)};
  }
  return list;
}

enum class Missing { kCreate, kOpen };

moraine_code OpenOrCreate(Missing missing, moraine_database* database, const char* name,
                          size_t name_size, const moraine_tree_options* options,
                          moraine_tree** tree, moraine_error** error) {
  Arguments arguments;
  DatabaseObject* object = arguments.DatabaseOf(database);
  const std::string_view text = arguments.Name(name, name_size);
  const TreeOptions read = ReadOptions(options, &arguments);
  arguments.Required(tree, "tree: NULL");
  if (!arguments.ok()) return arguments.Fail(error);
  *tree = nullptr;
  const absl::StatusOr<Tree> found = missing == Missing::kCreate
                                         ? object->target->CreateTree(text, read)
                                         : object->target->OpenTree(text, read);
  if (!found.ok()) return Fail(error, found.status());
  *tree = HandleOf(object, *found);
  return MORAINE_OK;
}

}  // namespace

}  // namespace moraine::c

using moraine::c::Arguments;
using moraine::c::DatabaseObject;
using moraine::c::Fail;
using moraine::c::Guarded;

moraine_code moraine_tree_default(moraine_database* database, moraine_tree** tree,
                                  moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    arguments.Required(tree, "tree: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *tree = nullptr;
    const moraine::Tree found = object->target->default_tree();
    if (!found) return Fail(error, MORAINE_MISSING, "no writer has made the default tree yet");
    *tree = moraine::c::HandleOf(object, found);
    return MORAINE_OK;
  });
}

moraine_code moraine_tree_create(moraine_database* database, const char* name, size_t name_size,
                                 const moraine_tree_options* options, moraine_tree** tree,
                                 moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return moraine::c::OpenOrCreate(moraine::c::Missing::kCreate, database, name, name_size,
                                    options, tree, error);
  });
}

moraine_code moraine_tree_open(moraine_database* database, const char* name, size_t name_size,
                               const moraine_tree_options* options, moraine_tree** tree,
                               moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return moraine::c::OpenOrCreate(moraine::c::Missing::kOpen, database, name, name_size, options,
                                    tree, error);
  });
}

moraine_code moraine_tree_drop(moraine_database* database, const char* name, size_t name_size,
                               moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    const std::string_view text = arguments.Name(name, name_size);
    if (!arguments.ok()) return arguments.Fail(error);
    const absl::Status dropped = object->target->DropTree(text);
    return dropped.ok() ? MORAINE_OK : Fail(error, dropped);
  });
}

moraine_code moraine_tree_rename(moraine_database* database, const char* from, size_t from_size,
                                 const char* to, size_t to_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    const std::string_view before = arguments.Name(from, from_size);
    const std::string_view after = arguments.Name(to, to_size);
    if (!arguments.ok()) return arguments.Fail(error);
    const absl::Status renamed = object->target->RenameTree(before, after);
    return renamed.ok() ? MORAINE_OK : Fail(error, renamed);
  });
}

moraine_code moraine_tree_list(moraine_database* database, moraine_tree_description** list,
                               size_t* count, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    arguments.Required(list, "list: NULL");
    arguments.Required(count, "count: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto trees = object->target->ListTrees();
    if (!trees.ok()) return Fail(error, trees.status());
    *list = moraine::c::OwnedList(*trees);
    *count = trees->size();
    return MORAINE_OK;
  });
}
