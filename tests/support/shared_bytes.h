// The contents of a simulated file: a byte array whose copies share what they have in common, so
// that an image of a whole disk can be kept at every write of a workload.
//
// root -> chunks (256 KiB) -> blocks (4 KiB); a missing one reads as zero. Whoever changes an array
// passes its owner mark: a part with the same mark belongs to this array alone and is changed in
// place, any other is copied first. An owner that shares its parts (by copying the array) must take
// a new mark before the next change; marks, unlike reference counts, need no order between threads
// that hold copies.
#ifndef MORAINE_TESTS_SUPPORT_SHARED_BYTES_H_
#define MORAINE_TESTS_SUPPORT_SHARED_BYTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace moraine {

class SharedBytes {
 public:
  uint64_t size() const { return size_; }
  // [offset, offset + size) must lie within size().
  void Read(uint64_t offset, char* data, size_t size) const;
  // Extends the array when needed; a gap is zero.
  void Write(uint64_t offset, std::string_view bytes, uint64_t owner);
  void Resize(uint64_t size, uint64_t owner);
  // Makes [begin, end), as far as `source` reaches, equal to `source`.
  void CopyFrom(const SharedBytes& source, uint64_t begin, uint64_t end, uint64_t owner);
  // Equal contents have equal hashes, however they came to be.
  uint64_t Hash() const;

 private:
  static constexpr size_t kBlockBytes = 4096;
  static constexpr size_t kChunkBlocks = 64;
  static constexpr size_t kChunkBytes = kBlockBytes * kChunkBlocks;

  struct Block {
    uint64_t owner = 0;
    std::array<char, kBlockBytes> bytes{};
  };
  struct Chunk {
    uint64_t owner = 0;
    std::array<std::shared_ptr<Block>, kChunkBlocks> blocks;
  };
  struct Root {
    uint64_t owner = 0;
    std::vector<std::shared_ptr<Chunk>> chunks;
  };

  const Block* Find(uint64_t offset) const;
  Root& OwnRoot(uint64_t owner);
  Block& OwnBlock(uint64_t offset, uint64_t owner);

  std::shared_ptr<Root> root_;
  uint64_t size_ = 0;  // bytes of existing blocks beyond it are zero
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SHARED_BYTES_H_
