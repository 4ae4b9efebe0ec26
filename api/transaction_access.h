// Private to api: the way from a public view to the transaction behind it.
#ifndef MORAINE_API_TRANSACTION_ACCESS_H_
#define MORAINE_API_TRANSACTION_ACCESS_H_

#include "txn/transaction.h"
#include <moraine/range.h>
#include <moraine/read_view.h>

namespace moraine::internal {

// The transaction of txn under a name that public headers can mention without declaring a second
// moraine::Transaction; only ever a pointer, converted here and back.
struct OpenTransaction;

struct TransactionAccess {
  static moraine::Transaction& Get(OpenTransaction* transaction) {
    return *reinterpret_cast<moraine::Transaction*>(transaction);
  }
  static OpenTransaction* Hide(moraine::Transaction* transaction) {
    return reinterpret_cast<OpenTransaction*>(transaction);
  }
};

// The half-open interval of exactly the keys of `range`: a key and a zero byte is the next key.
inline KeyInterval ToInterval(const v1::Range& range) {
  using Kind = v1::Bound::Kind;
  KeyInterval interval{range.lower.key, std::nullopt};
  if (range.lower.kind == Kind::kExclusive) interval.low += '\0';
  if (range.upper.kind != Kind::kUnbounded) interval.high = range.upper.key;
  if (range.upper.kind == Kind::kInclusive) *interval.high += '\0';
  return interval;
}

}  // namespace moraine::internal

#endif  // MORAINE_API_TRANSACTION_ACCESS_H_
