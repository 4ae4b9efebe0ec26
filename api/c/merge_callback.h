// Merge operators and update functions that are callbacks in C, shown to the C++ interface.
#ifndef MORAINE_API_C_MERGE_CALLBACK_H_
#define MORAINE_API_C_MERGE_CALLBACK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <moraine/c.h>
#include <moraine/merge_operator.h>

// Collects the bytes that a callback makes. It lives on the stack of the call; the word tells it
// from a NULL and from most of what it is not.
struct moraine_result {
  static constexpr uint64_t kAlive = 0x5be91d37f2a6c804;

  moraine_result() = default;
  ~moraine_result() { word = 0; }
  moraine_result(const moraine_result&) = delete;
  moraine_result& operator=(const moraine_result&) = delete;

  uint64_t word = kAlive;
  std::string bytes;
};

namespace moraine::c {

// Owns the callback's context: the destructor calls `destroy`.
class MergeCallback : public MergeOperator {
 public:
  explicit MergeCallback(const moraine_merge_operator& callbacks)
      : callbacks_(callbacks), name_(callbacks.name) {}
  ~MergeCallback() override {
    if (callbacks_.destroy != nullptr) callbacks_.destroy(callbacks_.context);
  }
  MergeCallback(const MergeCallback&) = delete;
  MergeCallback& operator=(const MergeCallback&) = delete;

  std::string_view name() const override { return name_; }
  std::string Merge(std::string_view key, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override;

 private:
  const moraine_merge_operator callbacks_;
  const std::string name_;
};

// The value that `update` makes of `current`.
std::optional<std::string> CallUpdate(moraine_update_function update, void* context,
                                      std::optional<std::string_view> current);

}  // namespace moraine::c

#endif  // MORAINE_API_C_MERGE_CALLBACK_H_
