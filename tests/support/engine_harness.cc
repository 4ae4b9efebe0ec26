// Small helpers around one engine; see the header.
#include "tests/support/engine_harness.h"

#include <algorithm>

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

void DescribeTree(const std::string& name, const std::vector<ModelRecord>& records,
                  std::string* text) {
  text->append("tree ").append(name).append("\n");
  for (const ModelRecord& record : records) {
    text->append(record.first).append(" = ").append(record.second).append("\n");
  }
}

}  // namespace

EngineOptions SmallEngineOptions(Io* io) {
  EngineOptions options;
  options.create_if_missing = true;
  options.memory_bytes = uint64_t{64} << 20;
  options.leaf_bytes = 4096;
  options.log_ring_bytes = uint64_t{64} << 10;
  options.log_segment_bytes = uint64_t{64} << 10;
  options.data_segment_bytes = uint64_t{64} << 10;
  options.data_file_bytes = uint64_t{160} << 20;  // room for the largest value
  options.shared_io = io;
  options.group_interval = std::chrono::milliseconds(1);
  return options;
}

absl::StatusOr<std::optional<std::string>> ReadValue(Engine& engine, Tree& tree,
                                                     std::string_view key,
                                                     const EngineSnapshot* snapshot) {
  std::optional<std::string> value;
  MORAINE_ASSIGN_OR_RETURN(
      const bool found,
      engine.Get(tree, key, snapshot, [&value](std::string_view bytes) { value = bytes; }));
  if (found != value.has_value()) return absl::InternalError("Get contradicts its own answer");
  return value;
}

absl::StatusOr<std::vector<ModelRecord>> ReadAll(Engine& engine, Tree& tree,
                                                 const EngineSnapshot* snapshot, bool backward) {
  std::vector<ModelRecord> records;
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, engine.NewCursor(tree, snapshot));
  MORAINE_RETURN_IF_ERROR(backward ? cursor->SeekToLast() : cursor->SeekToFirst());
  while (cursor->Valid()) {
    records.emplace_back(cursor->key(), cursor->value());
    MORAINE_RETURN_IF_ERROR(backward ? cursor->Previous() : cursor->Next());
  }
  if (backward) std::ranges::reverse(records);
  return records;
}

absl::StatusOr<std::string> Describe(Engine& engine) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeInfo> trees, engine.ListTrees());
  std::ranges::sort(trees, {}, &TreeInfo::name);
  std::string text;
  for (const TreeInfo& info : trees) {
    MORAINE_ASSIGN_OR_RETURN(Tree * tree, engine.OpenTree(info.name));
    MORAINE_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadAll(engine, *tree));
    DescribeTree(info.name, records, &text);
  }
  return text;
}

std::string Describe(const ModelDatabase& model) {
  std::string text;
  for (const std::string& name : model.TreeNames()) DescribeTree(name, model.Scan(name), &text);
  return text;
}

std::vector<WriteOperation> ToOperations(std::span<const ModelWrite> writes,
                                         const std::map<std::string, Tree*>& trees) {
  std::vector<WriteOperation> operations;
  for (const ModelWrite& write : writes) {
    WriteOperation operation;
    operation.tree = trees.at(write.tree);
    operation.key = write.key;
    operation.value = write.value;
    switch (write.kind) {
      case ModelWrite::Kind::kPut:
        operation.kind = WriteKind::kPut;
        break;
      case ModelWrite::Kind::kDelete:
        operation.kind = WriteKind::kDelete;
        break;
      case ModelWrite::Kind::kMerge:
        operation.kind = WriteKind::kMerge;
        break;
    }
    operations.push_back(operation);
  }
  return operations;
}

}  // namespace moraine
