// Private to api: public options in the words of the engine.
#ifndef MORAINE_API_TO_ENGINE_H_
#define MORAINE_API_TO_ENGINE_H_

#include "storage/engine.h"
#include <moraine/options.h>

namespace moraine::internal {

inline moraine::Durability ToEngine(v1::Durability durability) {
  switch (durability) {
    case v1::Durability::kSync:
      return moraine::Durability::kSync;
    case v1::Durability::kGroup:
      return moraine::Durability::kGroup;
    case v1::Durability::kNone:
      return moraine::Durability::kNone;
  }
  return moraine::Durability::kSync;
}

}  // namespace moraine::internal

#endif  // MORAINE_API_TO_ENGINE_H_
