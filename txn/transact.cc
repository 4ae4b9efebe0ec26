// The loop of tries, and what decides whether there is another one.
#include "txn/transact.h"

#include <algorithm>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "storage/sync/mutex.h"
#include "txn/conflict.h"

namespace moraine {
namespace {

class Retries {
 public:
  Retries(const RetryOptions& options, const RetryEnvironment& environment)
      : options_(options),
        environment_(environment),
        begin_(options.deadline.count() > 0 ? Now() : std::chrono::nanoseconds(0)) {}

  // Called with the conflict of a try; OK: pause is over, try again.
  absl::Status Next(const absl::Status& conflict) {
    ++tries_;
    if (tries_ >= options_.most_tries) {
      absl::Status given_up = absl::AbortedError(
          absl::StrCat("gave up after ", tries_, " tries; the last one: ", conflict.message()));
      conflict.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
        given_up.SetPayload(url, payload);
      });
      return given_up;
    }
    std::chrono::nanoseconds pause = NextPause();
    if (options_.deadline.count() > 0 && Now() + pause - begin_ >= options_.deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no time left after ", tries_, " tries; the last one: ", conflict.message()));
    }
    if (pause.count() > 0) Pause(pause);
    return absl::OkStatus();
  }

 private:
  std::chrono::nanoseconds Now() const {
    if (environment_.now) return environment_.now();
    return std::chrono::steady_clock::now().time_since_epoch();
  }
  void Pause(std::chrono::nanoseconds time) const {
    if (environment_.pause) return environment_.pause(time);
    EventCount nobody;  // never notified: the time is all that ends the wait
    nobody.WaitFor(nobody.Ticket(), time);
  }
  uint64_t Dice() {
    if (environment_.random) return environment_.random();
    if (!generator_) generator_ = std::make_unique<std::mt19937_64>(std::random_device()());
    return (*generator_)();
  }
  std::chrono::nanoseconds NextPause() {
    if (tries_ <= options_.tries_without_pause) return std::chrono::nanoseconds(0);
    uint32_t doublings = std::min<uint32_t>(tries_ - options_.tries_without_pause, 30);
    int64_t most =
        std::min<int64_t>(options_.first_pause.count() << doublings, options_.most_pause.count());
    if (most <= 0) return std::chrono::nanoseconds(0);
    return std::chrono::nanoseconds(Dice() % static_cast<uint64_t>(most));
  }

  const RetryOptions& options_;
  const RetryEnvironment& environment_;
  const std::chrono::nanoseconds begin_;
  uint32_t tries_ = 0;
  std::unique_ptr<std::mt19937_64> generator_;  // made when first needed
};

absl::StatusOr<Lsn> TryOnce(Engine& engine, TransactionOptions* options, Durability durability,
                            absl::FunctionRef<absl::Status(Transaction&)> body) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Transaction> transaction,
                           Transaction::Begin(engine, *options));
  if (options->priority == 0) options->priority = transaction->read_position().value();
  MORAINE_RETURN_IF_ERROR(body(*transaction));
  return transaction->Commit(durability);
}

}  // namespace

absl::StatusOr<Lsn> Transact(Engine& engine, TransactionOptions options, const RetryOptions& retry,
                             const RetryEnvironment& environment, Durability durability,
                             absl::FunctionRef<absl::Status(Transaction&)> body) {
  Retries retries(retry, environment);
  for (;;) {
    absl::StatusOr<Lsn> done = TryOnce(engine, &options, durability, body);
    if (done.ok() || !ConflictOf(done.status())) return done;
    MORAINE_RETURN_IF_ERROR(retries.Next(done.status()));
  }
}

}  // namespace moraine
