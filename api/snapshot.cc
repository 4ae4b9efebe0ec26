// Holding and handing on the engine's registration of a snapshot.
#include <utility>

#include "storage/engine.h"
#include <moraine/snapshot.h>

namespace moraine::MORAINE_V1 {

Snapshot::Snapshot() = default;

Snapshot::Snapshot(moraine::Engine* engine, std::unique_ptr<moraine::EngineSnapshot> pinned)
    : pinned_(std::move(pinned)) {
  engine_ = engine;
  snapshot_ = pinned_.get();
}

Snapshot::Snapshot(Snapshot&& other) noexcept : ReadView(other), pinned_(std::move(other.pinned_)) {
  other.engine_ = nullptr;
  other.snapshot_ = nullptr;
}

Snapshot& Snapshot::operator=(Snapshot&& other) noexcept {
  if (this == &other) return *this;
  pinned_ = std::move(other.pinned_);
  engine_ = std::exchange(other.engine_, nullptr);
  snapshot_ = std::exchange(other.snapshot_, nullptr);
  return *this;
}

Snapshot::~Snapshot() = default;

uint64_t Snapshot::position() const {
  return pinned_ == nullptr ? 0 : pinned_->timestamp().value();
}

}  // namespace moraine::MORAINE_V1
