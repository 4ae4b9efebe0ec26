// The merge operators that every database knows.
#include "storage/tree/merge_operator.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace moraine {
namespace {

bool ParseInteger(std::string_view text, int64_t* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

int64_t WrappingSum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Larger(int64_t a, int64_t b) { return std::max(a, b); }
int64_t Smaller(int64_t a, int64_t b) { return std::min(a, b); }

class IntegerOperator : public MergeOperator {
 public:
  IntegerOperator(std::string_view name, int64_t (*combine)(int64_t, int64_t))
      : name_(name), combine_(combine) {}
  std::string_view name() const override { return name_; }
  std::string Merge(std::string_view, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    int64_t result = 0;
    bool present = existing && ParseInteger(*existing, &result);
    for (std::string_view operand : operands) {
      int64_t number = 0;
      if (!ParseInteger(operand, &number)) continue;
      result = present ? combine_(result, number) : number;
      present = true;
    }
    return std::to_string(result);
  }

 private:
  std::string_view name_;
  int64_t (*combine_)(int64_t, int64_t);
};

class AppendOperator : public MergeOperator {
 public:
  std::string_view name() const override { return "append"; }
  std::string Merge(std::string_view, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    std::string result(existing.value_or(""));
    for (std::string_view operand : operands) result += operand;
    return result;
  }
};

class BitOrOperator : public MergeOperator {
 public:
  std::string_view name() const override { return "bit_or"; }
  std::string Merge(std::string_view, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    std::string result(existing.value_or(""));
    for (std::string_view operand : operands) {
      if (result.size() < operand.size()) result.resize(operand.size(), '\0');
      for (size_t i = 0; i < operand.size(); ++i)
        result[i] = static_cast<char>(result[i] | operand[i]);
    }
    return result;
  }
};

}  // namespace

std::vector<std::shared_ptr<const MergeOperator>> BuiltInMergeOperators() {
  return {std::make_shared<IntegerOperator>("add", WrappingSum),
          std::make_shared<IntegerOperator>("max", Larger),
          std::make_shared<IntegerOperator>("min", Smaller), std::make_shared<AppendOperator>(),
          std::make_shared<BitOrOperator>()};
}

}  // namespace moraine
