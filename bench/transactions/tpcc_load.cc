// The initial population of TPC-C, and its consistency conditions (clause 3.3.2).
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bench/record_set.h"
#include "bench/transactions/tpcc.h"
#include "bench/transactions/tpcc_names.h"
#include "bench/transactions/tpcc_rows.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int64_t kDistrictYtdCents = 3'000'000;
constexpr size_t kLoadBatch = 1000;

class Loader {
 public:
  Loader(Session& session, const TpccScale& scale, uint64_t seed)
      : session_(session), scale_(scale), random_(seed) {}

  absl::Status Run() {
    for (uint32_t item = 0; item < scale_.items; ++item) {
      MORAINE_RETURN_IF_ERROR(Add(KeyOfRow<ItemRow>(item),
                                  ItemRow{100 + static_cast<int64_t>(random_.Below(9901)), {}}));
    }
    for (uint32_t warehouse = 0; warehouse < scale_.warehouses; ++warehouse)
      MORAINE_RETURN_IF_ERROR(LoadWarehouse(warehouse));
    return Send();
  }

 private:
  template <class Row>
  absl::Status Add(std::string_view key, const Row& row) {
    return AddBytes(key, BytesOf(row));
  }
  absl::Status AddBytes(std::string_view key, std::string_view value) {
    records_.emplace_back(key, value);
    return records_.size() < kLoadBatch ? absl::OkStatus() : Send();
  }
  absl::Status Send() {
    std::vector<KeyValue> views;
    for (const auto& [key, value] : records_) views.push_back({key, value});
    MORAINE_RETURN_IF_ERROR(session_.PutMany(views));
    records_.clear();
    return absl::OkStatus();
  }

  absl::Status LoadWarehouse(uint32_t warehouse) {
    MORAINE_RETURN_IF_ERROR(
        Add(KeyOfRow<WarehouseRow>(warehouse),
            WarehouseRow{kDistrictYtdCents * int64_t{scale_.districts}, Tax(), {}}));
    for (uint32_t item = 0; item < scale_.items; ++item) {
      const auto quantity = static_cast<int32_t>(10 + random_.Below(91));
      MORAINE_RETURN_IF_ERROR(
          Add(KeyOfRow<StockRow>(warehouse, item), StockRow{quantity, 0, 0, 0, {}}));
    }
    for (uint32_t district = 0; district < scale_.districts; ++district) {
      MORAINE_RETURN_IF_ERROR(Add(KeyOfRow<DistrictRow>(warehouse, district),
                                  DistrictRow{kDistrictYtdCents, Tax(), scale_.customers, {}}));
      for (uint32_t customer = 0; customer < scale_.customers; ++customer)
        MORAINE_RETURN_IF_ERROR(LoadCustomer(warehouse, district, customer));
      MORAINE_RETURN_IF_ERROR(LoadOrders(warehouse, district));
    }
    return absl::OkStatus();
  }

  int32_t Tax() { return static_cast<int32_t>(random_.Below(2001)); }

  absl::Status LoadCustomer(uint32_t warehouse, uint32_t district, uint32_t number) {
    CustomerRow row{};
    row.balance_cents = -1000;
    row.ytd_payment_cents = 1000;
    row.discount_basis_points = static_cast<int32_t>(random_.Below(5001));
    row.payments = 1;
    row.bad_credit = random_.Below(10) == 0 ? 1 : 0;
    const std::string name = TpccLastName(number % 1000);
    std::memcpy(row.last_name, name.data(), std::min(name.size(), sizeof(row.last_name)));
    MORAINE_RETURN_IF_ERROR(Add(KeyOfRow<CustomerRow>(warehouse, district, number), row));
    TpccKey by_name(kCustomersByName);
    return AddBytes(by_name.Add(warehouse).Add(district).Add(name).Add(number), "-");
  }

  // One order for each customer, in random order; the last third waits for delivery.
  absl::Status LoadOrders(uint32_t warehouse, uint32_t district) {
    std::vector<uint32_t> customers(scale_.customers);
    for (uint32_t at = 0; at < scale_.customers; ++at) {
      customers[at] = at;
      std::swap(customers[at], customers[random_.Below(at + 1)]);
    }
    for (uint32_t number = 0; number < scale_.customers; ++number) {
      const bool waits = number >= scale_.customers - scale_.customers / 3;
      const uint32_t carrier = waits ? 0 : 1 + static_cast<uint32_t>(random_.Below(10));
      const OrderRow order{customers[number], carrier, 5 + static_cast<uint32_t>(random_.Below(11)),
                           1, number};
      MORAINE_RETURN_IF_ERROR(Add(KeyOfRow<OrderRow>(warehouse, district, number), order));
      TpccKey of_customer(kOrdersByCustomer);
      of_customer.Add(warehouse).Add(district).Add(customers[number]).Add(~number);
      MORAINE_RETURN_IF_ERROR(AddBytes(of_customer, "-"));
      if (waits)
        MORAINE_RETURN_IF_ERROR(
            Add(KeyOfRow<NewOrderRow>(warehouse, district, number), NewOrderRow{number}));
      for (uint32_t at = 0; at < order.lines; ++at) {
        const auto item = static_cast<uint32_t>(random_.Below(scale_.items));
        const OrderLineRow line{item, warehouse, 5, waits ? 0U : 1U, waits ? 100 : 0, {}};
        MORAINE_RETURN_IF_ERROR(Add(KeyOfRow<OrderLineRow>(warehouse, district, number, at), line));
      }
    }
    return absl::OkStatus();
  }

  Session& session_;
  const TpccScale scale_;
  RandomStream random_;
  std::vector<std::pair<std::string, std::string>> records_;
};

// What the conditions are about, of one district.
struct Seen {
  int64_t ytd_cents = 0;
  uint64_t next_order = 0;
  uint64_t orders = 0;
  uint64_t newest_order = 0;
  uint64_t lines_by_orders = 0;
  uint64_t lines = 0;
  uint64_t waiting = 0;
  uint64_t first_waiting = 0;
  uint64_t last_waiting = 0;
};

class Checker {
 public:
  explicit Checker(Session& session) : session_(session) {}

  absl::Status District(uint32_t warehouse, uint32_t district) {
    seen_ = {};
    std::string bytes;
    MORAINE_ASSIGN_OR_RETURN(const bool found,
                             session_.Get(KeyOfRow<DistrictRow>(warehouse, district), &bytes));
    DistrictRow row;
    if (!found || !RowFrom(bytes, &row))
      return Broken("a district is missing", warehouse, district);
    seen_.ytd_cents = row.ytd_cents;
    seen_.next_order = row.next_order;
    MORAINE_RETURN_IF_ERROR(Each<OrderRow>(warehouse, district, [&](auto key, auto value) {
      OrderRow order{};
      RowFrom(value, &order);
      ++seen_.orders;
      seen_.newest_order = LastNumberOf(key);
      seen_.lines_by_orders += order.lines;
    }));
    MORAINE_RETURN_IF_ERROR(
        Each<OrderLineRow>(warehouse, district, [&](auto, auto) { ++seen_.lines; }));
    MORAINE_RETURN_IF_ERROR(Each<NewOrderRow>(warehouse, district, [&](auto key, auto) {
      if (seen_.waiting++ == 0) seen_.first_waiting = LastNumberOf(key);
      seen_.last_waiting = LastNumberOf(key);
    }));
    ytd_cents_ += seen_.ytd_cents;
    if (seen_.newest_order + 1 != seen_.next_order)
      return Broken("2: the district's next order is not the one after the last", warehouse,
                    district);
    if (seen_.waiting > 0 && seen_.last_waiting != seen_.newest_order)
      return Broken("2: the last order is not among those that wait", warehouse, district);
    if (seen_.waiting > 0 && seen_.last_waiting - seen_.first_waiting + 1 != seen_.waiting)
      return Broken("3: there is a gap among the orders that wait", warehouse, district);
    if (seen_.orders != seen_.next_order)
      return Broken("2: an order is missing", warehouse, district);
    if (seen_.lines_by_orders != seen_.lines)
      return Broken("4: there are more or fewer lines than the orders say", warehouse, district);
    return absl::OkStatus();
  }

  // After all its districts.
  absl::Status Warehouse(uint32_t warehouse) {
    std::string bytes;
    MORAINE_ASSIGN_OR_RETURN(const bool found,
                             session_.Get(KeyOfRow<WarehouseRow>(warehouse), &bytes));
    WarehouseRow row;
    if (!found || !RowFrom(bytes, &row)) return Broken("a warehouse is missing", warehouse, 0);
    if (row.ytd_cents != std::exchange(ytd_cents_, 0))
      return Broken("1: the districts' sums are not the warehouse's", warehouse, 0);
    return absl::OkStatus();
  }

 private:
  static absl::Status Broken(const char* condition, uint32_t warehouse, uint32_t district) {
    return absl::DataLossError("tpcc, consistency condition " + std::string(condition) +
                               ": warehouse " + std::to_string(warehouse) + ", district " +
                               std::to_string(district));
  }

  template <class Row, class Visit>
  absl::Status Each(uint32_t warehouse, uint32_t district, Visit visit) {
    const TpccKey prefix = KeyOfRow<Row>(warehouse, district);
    return session_.Scan(prefix, [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(std::string_view(prefix))) return false;
      visit(key, value);
      return true;
    });
  }

  Session& session_;
  Seen seen_;
  int64_t ytd_cents_ = 0;
};

}  // namespace

uint64_t TpccScale::DataBytes() const {
  const uint64_t of_customer = sizeof(CustomerRow) + sizeof(OrderRow) + 11 * 90 + 120;
  const uint64_t of_warehouse =
      uint64_t{items} * (sizeof(StockRow) + 9) + uint64_t{districts} * customers * of_customer;
  return uint64_t{items} * (sizeof(ItemRow) + 5) + warehouses * of_warehouse;
}

absl::Status LoadTpcc(Store& store, const TpccScale& scale, uint64_t seed) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, store.NewSession());
  return Loader(*session, scale, seed).Run();
}

absl::Status CheckTpcc(Store& store, const TpccScale& scale) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, store.NewSession());
  Checker checker(*session);
  for (uint32_t warehouse = 0; warehouse < scale.warehouses; ++warehouse) {
    for (uint32_t district = 0; district < scale.districts; ++district)
      MORAINE_RETURN_IF_ERROR(checker.District(warehouse, district));
    MORAINE_RETURN_IF_ERROR(checker.Warehouse(warehouse));
  }
  return absl::OkStatus();
}

}  // namespace moraine::bench
