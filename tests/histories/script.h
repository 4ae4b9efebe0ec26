// Runs a history written as a script (scripts/README.md) on an engine of its own.
#ifndef MORAINE_TESTS_HISTORIES_SCRIPT_H_
#define MORAINE_TESTS_HISTORIES_SCRIPT_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "storage/engine.h"
#include "tests/support/simulated_io.h"
#include "txn/transaction.h"

namespace moraine {

class Script {
 public:
  explicit Script(Isolation isolation);

  // What went otherwise than `text` says, one line each; empty when all went as it says.
  std::vector<std::string> Run(const std::string& text);

 private:
  using Words = std::vector<std::string>;

  void RunLine(const Words& words, const std::string& expected);
  std::string Answer(const Words& words);
  std::string AnswerOf(Transaction& transaction, const Words& words);
  std::string Walk(Transaction& transaction, const std::string& interval, bool backward,
                   size_t most);
  absl::Status Write(const Words& words);
  std::string All();
  void Complain(const std::string& what);

  const Isolation isolation_;
  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* tree_;
  std::map<std::string, std::unique_ptr<Transaction>> transactions_;
  std::string line_;
  std::vector<std::string> complaints_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_HISTORIES_SCRIPT_H_
