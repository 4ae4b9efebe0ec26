// Copy on write over three levels.
#include "tests/support/shared_bytes.h"

#include <algorithm>
#include <cstring>

#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace moraine {
namespace {

// The part behind `pointer`, made or copied so that it carries the mark of `owner`.
template <class Part>
Part& Own(std::shared_ptr<Part>& pointer, uint64_t owner) {
  if (pointer == nullptr) {
    pointer = std::make_shared<Part>();
  } else if (pointer->owner != owner) {
    pointer = std::make_shared<Part>(*pointer);
  }
  pointer->owner = owner;
  return *pointer;
}

}  // namespace

const SharedBytes::Block* SharedBytes::Find(uint64_t offset) const {
  const uint64_t chunk = offset / kChunkBytes;
  if (root_ == nullptr || chunk >= root_->chunks.size() || root_->chunks[chunk] == nullptr) {
    return nullptr;
  }
  return root_->chunks[chunk]->blocks[offset % kChunkBytes / kBlockBytes].get();
}

SharedBytes::Root& SharedBytes::OwnRoot(uint64_t owner) {
  MORAINE_CHECK(owner != 0);
  return Own(root_, owner);
}

SharedBytes::Block& SharedBytes::OwnBlock(uint64_t offset, uint64_t owner) {
  Root& root = OwnRoot(owner);
  const uint64_t chunk = offset / kChunkBytes;
  if (chunk >= root.chunks.size()) root.chunks.resize(chunk + 1);
  return Own(Own(root.chunks[chunk], owner).blocks[offset % kChunkBytes / kBlockBytes], owner);
}

void SharedBytes::Read(uint64_t offset, char* data, size_t size) const {
  MORAINE_CHECK(offset <= size_ && size <= size_ - offset);
  while (size > 0) {
    const size_t within = offset % kBlockBytes;
    const size_t count = std::min(size, kBlockBytes - within);
    const Block* block = Find(offset);
    if (block == nullptr) {
      std::memset(data, 0, count);
    } else {
      std::memcpy(data, block->bytes.data() + within, count);
    }
    offset += count;
    data += count;
    size -= count;
  }
}

void SharedBytes::Write(uint64_t offset, std::string_view bytes, uint64_t owner) {
  size_ = std::max(size_, offset + bytes.size());
  while (!bytes.empty()) {
    const size_t within = offset % kBlockBytes;
    const size_t count = std::min(bytes.size(), kBlockBytes - within);
    std::memcpy(OwnBlock(offset, owner).bytes.data() + within, bytes.data(), count);
    offset += count;
    bytes.remove_prefix(count);
  }
}

void SharedBytes::Resize(uint64_t size, uint64_t owner) {
  if (size < size_ && root_ != nullptr) {
    Root& root = OwnRoot(owner);
    const uint64_t chunks = (size + kChunkBytes - 1) / kChunkBytes;
    if (chunks < root.chunks.size()) root.chunks.resize(chunks);
    if (size % kChunkBytes != 0 && chunks <= root.chunks.size() &&
        root.chunks[chunks - 1] != nullptr) {
      Chunk& last = Own(root.chunks[chunks - 1], owner);
      const size_t blocks = (size % kChunkBytes + kBlockBytes - 1) / kBlockBytes;
      for (size_t block = blocks; block < kChunkBlocks; ++block) last.blocks[block] = nullptr;
    }
    if (size % kBlockBytes != 0 && Find(size) != nullptr) {
      std::array<char, kBlockBytes>& bytes = OwnBlock(size, owner).bytes;
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(size % kBlockBytes), bytes.end(), '\0');
    }
  }
  size_ = size;
}

void SharedBytes::CopyFrom(const SharedBytes& source, uint64_t begin, uint64_t end,
                           uint64_t owner) {
  end = std::min(end, source.size());
  char buffer[kBlockBytes];
  while (begin < end) {
    const size_t count = std::min<uint64_t>(kBlockBytes, end - begin);
    source.Read(begin, buffer, count);
    Write(begin, std::string_view(buffer, count), owner);
    begin += count;
  }
}

uint64_t SharedBytes::Hash() const {
  static constexpr std::array<char, kBlockBytes> kZeroes{};
  uint32_t low = ExtendCrc32c(0, size_);
  uint32_t high = ExtendCrc32c(~low, size_);
  for (uint64_t offset = 0; offset < size_; offset += kBlockBytes) {
    const Block* block = Find(offset);
    if (block == nullptr) {
      continue;
    }
    if (block->bytes == kZeroes) continue;
    low = Crc32c({block->bytes.data(), kBlockBytes}, ExtendCrc32c(low, offset));
    high = ExtendCrc32c(high, low);
  }
  return (uint64_t{high} << 32) | low;
}

}  // namespace moraine
