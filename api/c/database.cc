// Opening, closing and care of databases.
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/merge_callback.h"
#include "api/c/objects.h"
#include "api/c/owned.h"
#include "api/c/report_json.h"
#include <moraine/c.h>
#include <moraine/version.h>

namespace moraine::c {

namespace {

// More are a count that nobody set.
constexpr size_t kMostMergeOperators = 1024;

// Checks all before any context changes hands.
void CheckMergeOperators(const moraine_options& given, Arguments* arguments) {
  if (given.merge_operator_count > kMostMergeOperators) {
    return arguments->Misuse("options: more than 1024 merge operators");
  }
  if (given.merge_operator_count == 0) return;
  arguments->Required(given.merge_operators, "options: merge_operators is NULL");
  for (size_t i = 0; arguments->ok() && i < given.merge_operator_count; ++i) {
    const moraine_merge_operator* callbacks = given.merge_operators[i];
    arguments->Required(callbacks, "options: a merge operator is NULL");
    const auto known = arguments->Struct(callbacks, sizeof(moraine_merge_operator));
    arguments->Required(known.name, "merge operator: name is NULL");
    if (known.merge == nullptr) arguments->Misuse("merge operator: merge is NULL");
  }
}

Options ReadOptions(const moraine_options* from, Arguments* arguments) {
  const moraine_options given = arguments->Struct(from, sizeof(moraine_options));
  for (const uint8_t byte : given.reserved) {
    if (byte != 0) arguments->Unsupported("options: reserved is not zero");
  }
  CheckMergeOperators(given, arguments);
  Options options;
  if (!arguments->ok()) return options;
  options.create_if_missing = given.create_if_missing != 0;
  options.error_if_exists = given.error_if_exists != 0;
  options.read_only = given.read_only != 0;
  options.use_io_uring = given.no_io_uring == 0;
  options.checkpoint_on_close = given.no_checkpoint_on_close == 0;
  if (given.memory_bytes != 0) options.memory_bytes = given.memory_bytes;
  if (given.leaf_bytes != 0) options.leaf_bytes = given.leaf_bytes;
  if (given.group_interval_ms != 0) {
    options.group_interval = std::chrono::milliseconds(given.group_interval_ms);
  }
  for (size_t i = 0; i < given.merge_operator_count; ++i) {
    const auto callbacks =
        arguments->Struct(given.merge_operators[i], sizeof(moraine_merge_operator));
    options.merge_operators.push_back(std::make_shared<MergeCallback>(callbacks));
  }
  return options;
}

}  // namespace

}  // namespace moraine::c

using moraine::c::Arguments;
using moraine::c::DatabaseObject;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::Handle;
using moraine::c::HandleKind;
using moraine::c::HandlePool;
using moraine::c::ViewObject;

const char* moraine_version(void) { return moraine::kVersion; }

moraine_code moraine_open(const char* path, const moraine_options* options,
                          moraine_database** database, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    arguments.Required(path, "path: NULL");
    arguments.Required(database, "database: NULL");
    const moraine::Options read = moraine::c::ReadOptions(options, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
    *database = nullptr;
    auto object = std::make_unique<DatabaseObject>();
    auto opened = moraine::Database::Open(path, read);
    if (!opened.ok()) return Fail(error, opened.status());
    object->target = *std::move(opened);
    object->reader = object->target.get();
    object->database = object.get();
    Handle* handle =
        HandlePool::Get().Make(HandleKind::kDatabase, static_cast<ViewObject*>(object.get()));
    object.release()->serial = handle->serial();
    *database = reinterpret_cast<moraine_database*>(handle);
    return MORAINE_OK;
  });
}

moraine_code moraine_close(moraine_database* database, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    if (!arguments.ok()) return arguments.Fail(error);
    // order: acquire <- DatabaseObject::dependents: the last snapshot is gone from the engine
    if (object->dependents.load(std::memory_order_acquire) != 0) {
      return Fail(error, MORAINE_MISUSE,
                  "the database still has a snapshot, cursor or transaction");
    }
    if (Handle::Claim(database, HandleKind::kDatabase) == nullptr) {
      return Fail(error, MORAINE_MISUSE, "another thread is closing the database");
    }
    const std::unique_ptr<DatabaseObject> owned(object);
    for (const DatabaseObject::OpenTree& tree : owned->trees) {
      (void)Handle::Claim(tree.handle, HandleKind::kTree);
      HandlePool::Get().Release(tree.handle);
    }
    HandlePool::Get().Release(database);
    const absl::Status closed = owned->target->Close();
    return closed.ok() ? MORAINE_OK : Fail(error, closed);
  });
}

moraine_code moraine_flush(moraine_database* database, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    if (!arguments.ok()) return arguments.Fail(error);
    const absl::Status flushed = object->target->Flush();
    return flushed.ok() ? MORAINE_OK : Fail(error, flushed);
  });
}

moraine_code moraine_checkpoint(moraine_database* database, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    if (!arguments.ok()) return arguments.Fail(error);
    const absl::Status written = object->target->Checkpoint();
    return written.ok() ? MORAINE_OK : Fail(error, written);
  });
}

moraine_code moraine_stats_json(moraine_database* database, moraine_slice* json,
                                moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    arguments.Required(json, "json: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto stats = object->target->Stats();
    if (!stats.ok()) return Fail(error, stats.status());
    *json = moraine::c::OwnedCopy(stats->ToJson());
    return MORAINE_OK;
  });
}

moraine_code moraine_verify(moraine_database* database, moraine_slice* report,
                            moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    DatabaseObject* object = arguments.DatabaseOf(database);
    arguments.Required(report, "report: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto found = object->target->Verify();
    if (!found.ok()) return Fail(error, found.status());
    *report = moraine::c::OwnedCopy(moraine::c::ReportJson(*found));
    if (found->clean()) return MORAINE_OK;
    return Fail(error, MORAINE_CORRUPTION,
                found->findings[0].where + ": " + found->findings[0].what);
  });
}
