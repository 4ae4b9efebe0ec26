// Private to api: what a Database owns.
#ifndef MORAINE_API_DATABASE_STATE_H_
#define MORAINE_API_DATABASE_STATE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "storage/engine.h"
#include <moraine/database.h>

namespace moraine::MORAINE_V1 {

struct Database::State {
  std::string path;
  // Lives until the Database is destroyed, also after Close: handles may still point into it.
  std::unique_ptr<moraine::Engine> engine;
  uint64_t memory_bytes = 0;
  Tree default_tree;  // empty when opened read-only before the first writer made it
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_DATABASE_STATE_H_
