// Sizes before bytes: nothing is escaped, so any bytes pass through untouched.
#include "absl/strings/numbers.h"

#include "fmt/format.h"
#include "storage/base/status_macros.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

// Far above what the database stores, low enough that a wrong digit does not exhaust memory.
constexpr uint64_t kMostFieldBytes = uint64_t{1} << 30;

class PairsWriter : public RecordWriter {
 public:
  void Write(std::string_view key, std::string_view value, std::string* out) override {
    fmt::format_to(std::back_inserter(*out), "+{},{}:{}->{}\n", key.size(), value.size(), key,
                   value);
  }
  void End(std::string* out) override { *out += '\n'; }
};

class PairsReader : public RecordReader {
 public:
  explicit PairsReader(Input& input) : input_(input) {}

  absl::StatusOr<bool> Next(std::string* key, std::string* value) override {
    line_ = input_.line();
    const int first = input_.Next();
    if (!input_.status().ok()) return input_.status();
    if (first == '\n') return false;
    if (first != '+') {
      return input_.Malformed(line_, first == Input::kEnd
                                         ? "the empty line at the end is missing: cut short?"
                                         : "a record begins with +KEYBYTES,VALUEBYTES:");
    }
    MORAINE_ASSIGN_OR_RETURN(const size_t key_size, Size(','));
    MORAINE_ASSIGN_OR_RETURN(const size_t value_size, Size(':'));
    std::string arrow;
    if (!input_.NextBytes(key_size, key) || !input_.NextBytes(2, &arrow) || arrow != "->" ||
        !input_.NextBytes(value_size, value) || input_.Next() != '\n') {
      if (!input_.status().ok()) return input_.status();
      return input_.Malformed(line_, "the sizes do not fit the bytes that follow");
    }
    return true;
  }

 private:
  absl::StatusOr<size_t> Size(char end) {
    std::string digits;
    while (input_.Peek() >= '0' && input_.Peek() <= '9' && digits.size() < 20) {
      digits += static_cast<char>(input_.Next());
    }
    uint64_t size = 0;
    if (!absl::SimpleAtoi(digits, &size) || size > kMostFieldBytes || input_.Next() != end) {
      return input_.Malformed(line_, "a record begins with +KEYBYTES,VALUEBYTES:");
    }
    return static_cast<size_t>(size);
  }

  Input& input_;
  uint64_t line_ = 0;
};

}  // namespace

std::unique_ptr<RecordWriter> NewPairsWriter() { return std::make_unique<PairsWriter>(); }
std::unique_ptr<RecordReader> NewPairsReader(Input& input) {
  return std::make_unique<PairsReader>(input);
}

}  // namespace moraine::cli
