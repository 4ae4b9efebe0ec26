// The five transactions. Each is a body over a TransactionView; what it needs from the dice is drawn
// before it, so that a second try does the same.
#include "bench/transactions/tpcc.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "bench/record_set.h"
#include "bench/transactions/tpcc_names.h"
#include "bench/transactions/tpcc_rows.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int64_t kHundredPercent = 10'000;  // basis points
constexpr uint32_t kMostLines = 15;

absl::Status Missing(std::string_view what) {
  return absl::DataLossError("tpcc: missing " + std::string(what));
}

template <class Row>
absl::Status ReadRow(TransactionView& view, std::string_view key, std::string_view what, Row* row) {
  std::string bytes;
  MORAINE_ASSIGN_OR_RETURN(const bool found, view.Get(key, &bytes));
  if (!found || !RowFrom(bytes, row)) return Missing(what);
  return absl::OkStatus();
}

// The numbers at the ends of the keys that begin with `prefix`, in order, at most `most`.
absl::StatusOr<std::vector<uint32_t>> NumbersBelow(TransactionView& view, std::string_view prefix,
                                                   size_t most) {
  std::vector<uint32_t> numbers;
  MORAINE_RETURN_IF_ERROR(view.Scan(prefix, [&](std::string_view key, std::string_view) {
    if (!key.starts_with(prefix)) return false;
    numbers.push_back(LastNumberOf(key));
    return numbers.size() < most;
  }));
  return numbers;
}

class TpccStep : public Step {
 public:
  TpccStep(Session& session, const TpccScale& scale, uint64_t seed, int thread)
      : session_(session), scale_(scale), random_(seed), thread_(static_cast<uint32_t>(thread)) {}

  absl::StatusOr<uint64_t> operator()() override {
    warehouse_ = Below(scale_.warehouses);
    district_ = Below(scale_.districts);
    const uint64_t dice = random_.Below(100);
    absl::Status done;
    if (dice < 45) {
      done = NewOrder();
    } else if (dice < 88) {
      done = Payment();
    } else if (dice < 92) {
      done = OrderStatus();
    } else if (dice < 96) {
      done = Deliver();
    } else {
      done = StockLevel();
    }
    MORAINE_RETURN_IF_ERROR(done);
    return 1;
  }

 private:
  struct Line {
    uint32_t item;
    uint32_t supplier;
    uint32_t quantity;
  };

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_.Below(bound)); }
  // Not uniform: the standard's NURand, which makes some customers and items frequent.
  uint32_t Frequent(uint32_t spread, uint32_t count) {
    return ((Below(spread + 1) | Below(count)) + spread / 3) % count;
  }
  uint32_t AnyCustomer() { return Frequent(1023, scale_.customers); }

  absl::Status NewOrder() {
    const uint32_t customer = AnyCustomer();
    std::vector<Line> lines(5 + Below(kMostLines - 4));
    bool all_local = true;
    for (Line& line : lines) {
      line = {Frequent(8191, scale_.items), warehouse_, 1 + Below(10)};
      if (scale_.warehouses > 1 && random_.Below(100) == 0) line.supplier = OtherWarehouse();
      all_local = all_local && line.supplier == warehouse_;
    }
    // In one order of the keys, so that nobody waits in a circle where the engine locks.
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
      return a.supplier != b.supplier ? a.supplier < b.supplier : a.item < b.item;
    });
    const bool takes_back = random_.Below(100) == 0;
    const absl::Status done =
        session_.InTransaction(TransactionMode::kReadWrite, [&](TransactionView& view) {
          return PlaceOrder(view, customer, lines, all_local, takes_back);
        });
    return takes_back && absl::IsCancelled(done) ? absl::OkStatus() : done;
  }

  uint32_t OtherWarehouse() {
    return (warehouse_ + 1 + Below(scale_.warehouses - 1)) % scale_.warehouses;
  }

  absl::Status PlaceOrder(TransactionView& view, uint32_t customer, const std::vector<Line>& lines,
                          bool all_local, bool takes_back) {
    WarehouseRow warehouse;
    MORAINE_RETURN_IF_ERROR(
        ReadRow(view, KeyOfRow<WarehouseRow>(warehouse_), "warehouse", &warehouse));
    DistrictRow district;
    const TpccKey district_key = KeyOfRow<DistrictRow>(warehouse_, district_);
    MORAINE_RETURN_IF_ERROR(ReadRow(view, district_key, "district", &district));
    CustomerRow buyer;
    MORAINE_RETURN_IF_ERROR(
        ReadRow(view, KeyOfRow<CustomerRow>(warehouse_, district_, customer), "customer", &buyer));
    const uint32_t number = district.next_order++;
    MORAINE_RETURN_IF_ERROR(view.Put(district_key, BytesOf(district)));
    OrderRow order{customer, 0, static_cast<uint32_t>(lines.size()), all_local ? 1U : 0U, number};
    MORAINE_RETURN_IF_ERROR(
        view.Put(KeyOfRow<OrderRow>(warehouse_, district_, number), BytesOf(order)));
    MORAINE_RETURN_IF_ERROR(view.Put(KeyOfRow<NewOrderRow>(warehouse_, district_, number),
                                     BytesOf(NewOrderRow{number})));
    TpccKey of_customer(kOrdersByCustomer);
    // The newest first.
    of_customer.Add(warehouse_).Add(district_).Add(customer).Add(~number);
    MORAINE_RETURN_IF_ERROR(view.Put(of_customer, "-"));
    for (uint32_t at = 0; at < lines.size(); ++at)
      MORAINE_RETURN_IF_ERROR(AddLine(view, lines[at], number, at));
    return takes_back ? absl::CancelledError("an item that does not exist") : absl::OkStatus();
  }

  absl::Status AddLine(TransactionView& view, const Line& line, uint32_t order, uint32_t at) {
    ItemRow item;
    MORAINE_RETURN_IF_ERROR(ReadRow(view, KeyOfRow<ItemRow>(line.item), "item", &item));
    StockRow stock;
    const TpccKey stock_key = KeyOfRow<StockRow>(line.supplier, line.item);
    MORAINE_RETURN_IF_ERROR(ReadRow(view, stock_key, "stock", &stock));
    const auto wanted = static_cast<int32_t>(line.quantity);
    stock.quantity += stock.quantity >= wanted + 10 ? -wanted : 91 - wanted;
    stock.ytd += line.quantity;
    ++stock.orders;
    if (line.supplier != warehouse_) ++stock.remote;
    MORAINE_RETURN_IF_ERROR(view.Put(stock_key, BytesOf(stock)));
    OrderLineRow row{
        line.item, line.supplier, line.quantity, 0, item.price_cents * int64_t{line.quantity}, {}};
    return view.Put(KeyOfRow<OrderLineRow>(warehouse_, district_, order, at), BytesOf(row));
  }

  // By number, or, three times of five, the middle one of those of a name.
  absl::StatusOr<uint32_t> FindCustomer(TransactionView& view, uint32_t warehouse,
                                        uint32_t district, bool by_name, uint32_t choice) {
    if (!by_name) return choice % scale_.customers;
    TpccKey prefix(kCustomersByName);
    prefix.Add(warehouse).Add(district).Add(TpccLastName(choice % 1000 % scale_.customers));
    MORAINE_ASSIGN_OR_RETURN(const std::vector<uint32_t> found,
                             NumbersBelow(view, prefix, SIZE_MAX));
    if (found.empty()) return Missing("customer of a name");
    return found[found.size() / 2];
  }

  absl::Status Payment() {
    const int64_t amount = 100 + static_cast<int64_t>(random_.Below(500'000));
    const bool by_name = random_.Below(100) < 60;
    const uint32_t choice = by_name ? Frequent(255, 1000) : AnyCustomer();
    const bool remote = scale_.warehouses > 1 && random_.Below(100) < 15;
    const uint32_t home = remote ? OtherWarehouse() : warehouse_;
    const uint32_t home_district = remote ? Below(scale_.districts) : district_;
    const uint32_t receipt = receipts_++;
    return session_.InTransaction(
        TransactionMode::kReadWrite, [&](TransactionView& view) -> absl::Status {
          WarehouseRow warehouse;
          const TpccKey warehouse_key = KeyOfRow<WarehouseRow>(warehouse_);
          MORAINE_RETURN_IF_ERROR(ReadRow(view, warehouse_key, "warehouse", &warehouse));
          warehouse.ytd_cents += amount;
          MORAINE_RETURN_IF_ERROR(view.Put(warehouse_key, BytesOf(warehouse)));
          DistrictRow district;
          const TpccKey district_key = KeyOfRow<DistrictRow>(warehouse_, district_);
          MORAINE_RETURN_IF_ERROR(ReadRow(view, district_key, "district", &district));
          district.ytd_cents += amount;
          MORAINE_RETURN_IF_ERROR(view.Put(district_key, BytesOf(district)));
          MORAINE_ASSIGN_OR_RETURN(const uint32_t customer,
                                   FindCustomer(view, home, home_district, by_name, choice));
          CustomerRow payer;
          const TpccKey payer_key = KeyOfRow<CustomerRow>(home, home_district, customer);
          MORAINE_RETURN_IF_ERROR(ReadRow(view, payer_key, "customer", &payer));
          payer.balance_cents -= amount;
          payer.ytd_payment_cents += amount;
          ++payer.payments;
          if (payer.bad_credit != 0) {
            std::memmove(payer.data + 24, payer.data, sizeof(payer.data) - 24);
            std::memcpy(payer.data, &amount, sizeof(amount));
          }
          MORAINE_RETURN_IF_ERROR(view.Put(payer_key, BytesOf(payer)));
          return view.Put(KeyOfRow<HistoryRow>(warehouse_, district_, thread_, receipt),
                          BytesOf(HistoryRow{amount, {}}));
        });
  }

  absl::Status OrderStatus() {
    const bool by_name = random_.Below(100) < 60;
    const uint32_t choice = by_name ? Frequent(255, 1000) : AnyCustomer();
    return session_.InTransaction(
        TransactionMode::kReadOnly, [&](TransactionView& view) -> absl::Status {
          MORAINE_ASSIGN_OR_RETURN(const uint32_t customer,
                                   FindCustomer(view, warehouse_, district_, by_name, choice));
          TpccKey orders(kOrdersByCustomer);
          orders.Add(warehouse_).Add(district_).Add(customer);
          MORAINE_ASSIGN_OR_RETURN(const std::vector<uint32_t> newest,
                                   NumbersBelow(view, orders, 1));
          if (newest.empty()) return Missing("order of a customer");
          const TpccKey lines = KeyOfRow<OrderLineRow>(warehouse_, district_, ~newest[0]);
          MORAINE_ASSIGN_OR_RETURN(const std::vector<uint32_t> found,
                                   NumbersBelow(view, lines, SIZE_MAX));
          return found.empty() ? Missing("lines of an order") : absl::OkStatus();
        });
  }

  // The oldest order of every district, each in a transaction of its own, as the standard allows.
  absl::Status Deliver() {
    const uint32_t carrier = 1 + Below(10);
    for (uint32_t district = 0; district < scale_.districts; ++district) {
      MORAINE_RETURN_IF_ERROR(session_.InTransaction(
          TransactionMode::kReadWrite,
          [&](TransactionView& view) { return DeliverOldest(view, district, carrier); }));
    }
    return absl::OkStatus();
  }

  absl::Status DeliverOldest(TransactionView& view, uint32_t district, uint32_t carrier) {
    const TpccKey waiting = KeyOfRow<NewOrderRow>(warehouse_, district);
    MORAINE_ASSIGN_OR_RETURN(const std::vector<uint32_t> oldest, NumbersBelow(view, waiting, 1));
    if (oldest.empty()) return absl::OkStatus();
    const uint32_t number = oldest[0];
    // Read once more by its key: where ranges are not validated, this is.
    NewOrderRow row;
    const TpccKey row_key = KeyOfRow<NewOrderRow>(warehouse_, district, number);
    MORAINE_RETURN_IF_ERROR(ReadRow(view, row_key, "new order", &row));
    MORAINE_RETURN_IF_ERROR(view.Delete(row_key));
    OrderRow order;
    const TpccKey order_key = KeyOfRow<OrderRow>(warehouse_, district, number);
    MORAINE_RETURN_IF_ERROR(ReadRow(view, order_key, "order", &order));
    order.carrier = carrier;
    MORAINE_RETURN_IF_ERROR(view.Put(order_key, BytesOf(order)));
    int64_t total = 0;
    for (uint32_t at = 0; at < order.lines; ++at) {
      OrderLineRow line;
      const TpccKey line_key = KeyOfRow<OrderLineRow>(warehouse_, district, number, at);
      MORAINE_RETURN_IF_ERROR(ReadRow(view, line_key, "order line", &line));
      line.delivered = 1;
      total += line.amount_cents;
      MORAINE_RETURN_IF_ERROR(view.Put(line_key, BytesOf(line)));
    }
    CustomerRow customer;
    const TpccKey customer_key = KeyOfRow<CustomerRow>(warehouse_, district, order.customer);
    MORAINE_RETURN_IF_ERROR(ReadRow(view, customer_key, "customer", &customer));
    customer.balance_cents += total;
    ++customer.deliveries;
    return view.Put(customer_key, BytesOf(customer));
  }

  // How many items of the last twenty orders are short.
  absl::Status StockLevel() {
    const auto threshold = static_cast<int32_t>(10 + Below(11));
    return session_.InTransaction(
        TransactionMode::kReadOnly, [&](TransactionView& view) -> absl::Status {
          DistrictRow district;
          MORAINE_RETURN_IF_ERROR(
              ReadRow(view, KeyOfRow<DistrictRow>(warehouse_, district_), "district", &district));
          const uint32_t first = district.next_order > 20 ? district.next_order - 20 : 0;
          const TpccKey of_district = KeyOfRow<OrderLineRow>(warehouse_, district_);
          std::set<uint32_t> items;
          auto add = [&](std::string_view key, std::string_view bytes) {
            OrderLineRow line;
            if (!key.starts_with(std::string_view(of_district)) || !RowFrom(bytes, &line))
              return false;
            items.insert(line.item);
            return true;
          };
          MORAINE_RETURN_IF_ERROR(
              view.Scan(KeyOfRow<OrderLineRow>(warehouse_, district_, first), add));
          for (const uint32_t item : items) {
            StockRow stock;
            MORAINE_RETURN_IF_ERROR(
                ReadRow(view, KeyOfRow<StockRow>(warehouse_, item), "stock", &stock));
            if (stock.quantity < threshold) ++short_items_;
          }
          return absl::OkStatus();
        });
  }

  Session& session_;
  const TpccScale scale_;
  RandomStream random_;
  const uint32_t thread_;
  uint32_t receipts_ = 0;
  uint64_t short_items_ = 0;
  uint32_t warehouse_ = 0;
  uint32_t district_ = 0;
};

}  // namespace

Role TpccRole(const TpccScale& scale, uint64_t seed, int threads) {
  return {"tpcc", threads, [scale, seed](Session& session, int thread) -> std::unique_ptr<Step> {
            return std::make_unique<TpccStep>(
                session, scale, seed ^ Mix(7000 + static_cast<uint64_t>(thread)), thread);
          }};
}

}  // namespace moraine::bench
