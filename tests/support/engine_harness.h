// What tests of the engine share: tiny capacities, reading everything back, and one text form in
// which an engine and its reference can be compared.
#ifndef MORAINE_TESTS_SUPPORT_ENGINE_HARNESS_H_
#define MORAINE_TESTS_SUPPORT_ENGINE_HARNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/engine.h"
#include "tests/support/model_database.h"
#include "tests/support/seeds.h"

namespace moraine {

// Tiny capacities, so that segments turn and leaves split within a few hundred writes.
EngineOptions SmallEngineOptions(Io* io);

// The value of `key`, read through the engine; nullopt when absent.
absl::StatusOr<std::optional<std::string>> ReadValue(Engine& engine, Tree& tree,
                                                     std::string_view key,
                                                     const EngineSnapshot* snapshot = nullptr);
// Every record of a tree, in order, by a cursor that goes forward, or backward.
absl::StatusOr<std::vector<ModelRecord>> ReadAll(Engine& engine, Tree& tree,
                                                 const EngineSnapshot* snapshot = nullptr,
                                                 bool backward = false);
// All trees and all their records as one text: equal texts, equal databases.
absl::StatusOr<std::string> Describe(Engine& engine);
std::string Describe(const ModelDatabase& model);

// Translates writes of the reference; `trees` names what they go to.
std::vector<WriteOperation> ToOperations(std::span<const ModelWrite> writes,
                                         const std::map<std::string, Tree*>& trees);

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_ENGINE_HARNESS_H_
