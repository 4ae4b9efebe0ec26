// A bank whose books must balance after any crash: accounts in two trees, and a journal in a third
// that says which transfers there were. A transfer is one transaction over all three.
#ifndef MORAINE_TESTS_CRASH_BANK_H_
#define MORAINE_TESTS_CRASH_BANK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/engine.h"
#include "tests/support/seeds.h"

namespace moraine {

inline constexpr uint64_t kTellers = 3;

class Bank {
 public:
  // Opens the trees, with money in every account if they are not there yet.
  static absl::StatusOr<Bank> Open(Engine& engine);

  // Teller `teller`'s transfer `number` (from 1), between random accounts.
  absl::Status Transfer(uint64_t teller, uint64_t number, Random& random, Durability durability);

  // What is wrong with the books, or nothing: each teller's journal has no gap, no account has a
  // balance but the one that the journal gives, and `*transfers` (by teller) are there.
  std::string Audit(std::vector<uint64_t>* transfers);

 private:
  explicit Bank(Engine& engine) : engine_(&engine) {}

  Engine* engine_;
  Tree* checking_ = nullptr;
  Tree* savings_ = nullptr;
  Tree* journal_ = nullptr;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_CRASH_BANK_H_
