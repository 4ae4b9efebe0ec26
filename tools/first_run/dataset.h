// What the first run loads: items with a record each, and the index keys that follow from a record.
// An item NAME is stored under PREFIX + NAME; each of its index keys ends in "/" + NAME. Because
// index keys are computed from the record alone, a checker that reads only the database knows which
// ones must be there.
#ifndef MORAINE_TOOLS_FIRST_RUN_DATASET_H_
#define MORAINE_TOOLS_FIRST_RUN_DATASET_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace moraine::first_run {

struct Item {
  std::string name;    // without "/"
  std::string record;  // the value
};

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::string_view plural() const = 0;          // "packages"
  virtual std::string_view prefix() const = 0;          // of the keys of items: "pkg/"
  virtual std::string_view group_prefix() const = 0;    // index by group: "section/"
  virtual std::string_view group_plural() const = 0;    // "sections"
  virtual std::string_view popular_prefix() const = 0;  // index by reference: "rdep/"
  virtual std::string_view popular_title() const = 0;   // "most depended-on packages"

  // Calls `emit` with every index key of the item.
  virtual void IndexKeys(std::string_view name, std::string_view record,
                         absl::FunctionRef<void(std::string_view)> emit) const = 0;

  const std::vector<Item>& items() const { return items_; }
  const std::string& source() const { return source_; }

 protected:
  std::vector<Item> items_;
  std::string source_;  // where the data came from, for the report
};

// Debian's packages. `file`: what `apt-cache dumpavail` printed; empty: run it.
absl::StatusOr<std::unique_ptr<Dataset>> LoadPackages(const std::string& file);

// The tree of life: nodes.dmp and names.dmp of the NCBI taxonomy in `directory`.
absl::StatusOr<std::unique_ptr<Dataset>> LoadTaxonomy(const std::string& directory);

// The part of an index key after the last "/": the name of its item.
std::string_view OwnerOf(std::string_view index_key);
// The part between the prefix and the owner: "games" in "section/games/0ad".
std::string_view SubjectOf(std::string_view index_key, std::string_view prefix);

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_DATASET_H_
