// How a call of the C interface ends: codes made from statuses, error objects, and the guard that
// keeps exceptions (of memory and of the standard library) from crossing into C.
// tidy: allow(exceptions): the boundary at which what libraries throw becomes a code
#ifndef MORAINE_API_C_FAILURE_H_
#define MORAINE_API_C_FAILURE_H_

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include <moraine/c.h>

namespace moraine::c {

moraine_code CodeOf(const absl::Status& status);

// Returns `code`, after putting an error object of `message` to `*error` unless `error` is NULL.
// Without memory for it `*error` stays NULL.
moraine_code Fail(moraine_error** error, moraine_code code, std::string_view message) noexcept;
moraine_code Fail(moraine_error** error, const absl::Status& status) noexcept;

// What a transaction lost against.
struct ConflictDetails {
  moraine_tree* tree;
  std::string key;
  uint64_t winner;
};
moraine_code FailWithConflict(moraine_error** error, const absl::Status& status,
                              ConflictDetails details) noexcept;

// Every function with an `error` parameter is the body of this.
template <class Body>
moraine_code Guarded(moraine_error** error, const Body& body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Fail(error, MORAINE_EXHAUSTED, "out of memory");
  } catch (const std::exception& thrown) {
    return Fail(error, MORAINE_INTERNAL, thrown.what());
  }
}

}  // namespace moraine::c

#endif  // MORAINE_API_C_FAILURE_H_
