// The unsigned 64-bit integer that a policy counts in: uint64_t, unless the policy names another one
// as U64. A checker's policy counts in numbers that stand for all values at once; templates that
// compare or add sizes and positions take their number type from here, so that it runs them as
// they ship.
#ifndef MORAINE_STORAGE_SYNC_POLICY_NUMBER_H_
#define MORAINE_STORAGE_SYNC_POLICY_NUMBER_H_

#include <cstdint>

namespace moraine {

template <class Policy>
struct PolicyNumber {
  using Type = uint64_t;
};
template <class Policy>
requires requires { typename Policy::U64; }
struct PolicyNumber<Policy> {
  using Type = typename Policy::U64;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SYNC_POLICY_NUMBER_H_
