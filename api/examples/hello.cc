// The shortest tour of moraine: open, write, read, compare and swap, a batch, a transaction, a
// snapshot, a scan.
#include <cstdio>
#include <ranges>
#include <string>

#include <moraine/database.h>

namespace {

// Buys `count` sheets from the stock: reads and writes of two trees that take effect as one. It runs
// again when another thread was faster, so it does nothing but work on the transaction.
absl::Status BuyPaper(moraine::Database& db, moraine::Tree stock, moraine::Tree orders, int count) {
  return db.Transact([&](moraine::Transaction& t) -> absl::Status {
    auto sheets = t.Get(stock, "paper");
    if (!sheets.ok()) return sheets.status();
    const int left = sheets->has_value() ? std::stoi((*sheets)->ToString()) : 0;
    if (left < count) return absl::FailedPreconditionError("not enough paper");
    if (absl::Status put = t.Put(stock, "paper", std::to_string(left - count)); !put.ok())
      return put;
    return t.Put(orders, "paper", std::to_string(count));
  });
}

absl::Status Tour(moraine::Database& db) {
  absl::StatusOr<moraine::Tree> stock = db.OpenTree("stock", {.create_if_missing = true});
  if (!stock.ok()) return stock.status();

  // Durable when it returns.
  if (absl::Status put = db.Put(*stock, "pen", "12"); !put.ok()) return put;

  // One pen sold: only if there are still twelve. A mismatch is a result, and says what is there.
  auto sold = db.CompareAndSwap(*stock, "pen", "12", "11");
  if (!sold.ok()) return sold.status();
  std::printf("sold a pen: %s\n", sold->swapped ? "yes" : sold->actual->ToString().c_str());

  // One instant, whatever is written from now on.
  absl::StatusOr<moraine::Snapshot> before = db.TakeSnapshot();
  if (!before.ok()) return before.status();

  moraine::Batch delivery;
  delivery.Put(*stock, "paper", "500");
  delivery.Put(*stock, "pencil", "40");
  delivery.Delete(*stock, "pen");
  if (absl::Status applied = db.Apply(delivery); !applied.ok()) return applied;

  absl::StatusOr<moraine::Tree> orders = db.OpenTree("orders", {.create_if_missing = true});
  if (!orders.ok()) return orders.status();
  if (absl::Status bought = BuyPaper(db, *stock, *orders, 20); !bought.ok()) return bought;
  const absl::Status refused = BuyPaper(db, *stock, *orders, 1000);
  std::printf("1000 sheets more: %s\n", std::string(refused.message()).c_str());

  const auto pen = before->Get(*stock, "pen");
  if (!pen.ok()) return pen.status();
  std::printf("pens before the delivery: %s\n", pen->has_value() ? (*pen)->ToString().c_str() : "");

  moraine::Scan scan = db.Scan(*stock, moraine::Prefix("p"));
  for (auto [key, value] : scan | std::views::take(10)) {
    std::printf("%s = %s\n", std::string(key).c_str(), std::string(value).c_str());
  }
  return scan.status();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string path = argument_count > 1 ? arguments[1] : "shop";
  auto db = moraine::Database::Open(path, {.create_if_missing = true});
  if (!db.ok()) return moraine::PrintAndExit(db.status());
  if (absl::Status tour = Tour(**db); !tour.ok()) return moraine::PrintAndExit(tour);
  return moraine::PrintAndExit((*db)->Close());
}
