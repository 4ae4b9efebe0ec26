// The version of the library.
#ifndef MORAINE_API_VERSION_H_
#define MORAINE_API_VERSION_H_

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_VERSION_H_
