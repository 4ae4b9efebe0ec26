// Private to api: shows a public MergeOperator to the engine, which has an interface of its own so
// that storage does not depend on the headers above it.
#ifndef MORAINE_API_MERGE_ADAPTER_H_
#define MORAINE_API_MERGE_ADAPTER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "storage/engine.h"
#include <moraine/merge_operator.h>

namespace moraine::internal {

class MergeAdapter : public MergeOperator {
 public:
  explicit MergeAdapter(std::shared_ptr<const v1::MergeOperator> target)
      : target_(std::move(target)) {}

  std::string_view name() const override { return target_->name(); }
  std::string Merge(std::string_view key, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    return target_->Merge(key, existing, operands);
  }

 private:
  std::shared_ptr<const v1::MergeOperator> target_;
};

}  // namespace moraine::internal

#endif  // MORAINE_API_MERGE_ADAPTER_H_
