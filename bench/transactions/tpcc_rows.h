// The nine tables of TPC-C (revision 5.11) as records of one ordered store. A key is the table's
// letter and the row's numbers, big endian, so that keys sort by number; a row is its struct, byte
// for byte, with texts of the standard's usual length as padding. Fields that no transaction looks
// at are part of the padding.
#ifndef MORAINE_BENCH_TRANSACTIONS_TPCC_ROWS_H_
#define MORAINE_BENCH_TRANSACTIONS_TPCC_ROWS_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace moraine::bench {

struct WarehouseRow {
  static constexpr char kTable = 'w';
  int64_t ytd_cents;
  int32_t tax_basis_points;
  char texts[76];
};

struct DistrictRow {
  static constexpr char kTable = 'd';
  int64_t ytd_cents;
  int32_t tax_basis_points;
  uint32_t next_order;
  char texts[80];
};

struct CustomerRow {
  static constexpr char kTable = 'c';
  int64_t balance_cents;
  int64_t ytd_payment_cents;
  int32_t discount_basis_points;
  uint32_t payments;
  uint32_t deliveries;
  uint8_t bad_credit;
  char last_name[19];
  char data[480];
};

struct ItemRow {
  static constexpr char kTable = 'i';
  int64_t price_cents;
  char texts[72];
};

struct StockRow {
  static constexpr char kTable = 's';
  int32_t quantity;
  uint32_t ytd;
  uint32_t orders;
  uint32_t remote;
  char texts[288];
};

struct OrderRow {
  static constexpr char kTable = 'o';
  uint32_t customer;
  uint32_t carrier;  // 0: not delivered
  uint32_t lines;
  uint32_t all_local;
  int64_t entered;
};

struct NewOrderRow {
  static constexpr char kTable = 'n';
  uint32_t order;
};

struct OrderLineRow {
  static constexpr char kTable = 'l';
  uint32_t item;
  uint32_t supplier;
  uint32_t quantity;
  uint32_t delivered;
  int64_t amount_cents;
  char texts[24];
};

struct HistoryRow {
  static constexpr char kTable = 'h';
  int64_t amount_cents;
  char texts[32];
};

// A key under construction, or a prefix of keys.
class TpccKey {
 public:
  explicit TpccKey(char table) : bytes_(1, table) {}
  TpccKey& Add(uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<char>(number >> shift & 0xff));
    return *this;
  }
  TpccKey& Add(std::string_view text) {
    bytes_.append(text).push_back('\0');
    return *this;
  }
  operator std::string_view() const { return bytes_; }  // NOLINT(google-explicit-constructor)

 private:
  std::string bytes_;
};

template <class Row, class... Numbers>
TpccKey KeyOfRow(Numbers... numbers) {
  TpccKey key(Row::kTable);
  (key.Add(static_cast<uint32_t>(numbers)), ...);
  return key;
}

// The last number of a key.
inline uint32_t LastNumberOf(std::string_view key) {
  uint32_t number = 0;
  for (const char byte : key.substr(key.size() - 4))
    number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

template <class Row>
std::string_view BytesOf(const Row& row) {
  static_assert(std::has_unique_object_representations_v<Row>);  // no padding
  return {reinterpret_cast<const char*>(&row), sizeof(row)};
}

template <class Row>
bool RowFrom(std::string_view bytes, Row* row) {
  if (bytes.size() != sizeof(Row)) return false;
  std::memcpy(row, bytes.data(), sizeof(Row));
  return true;
}

// Indices without rows of their own: customers by last name, orders by customer.
inline constexpr char kCustomersByName = 'C';
inline constexpr char kOrdersByCustomer = 'O';

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_TPCC_ROWS_H_
