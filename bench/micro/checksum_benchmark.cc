// How fast CRC32C is, by length: a log record, a block, a page, a large write.
#include <cstdint>
#include <string>

#include "benchmark/benchmark.h"

#include "storage/base/checksum.h"

namespace moraine {
namespace {

using Checksum = uint32_t (*)(std::string_view bytes, uint32_t crc);

void ChecksumOf(benchmark::State& state, Checksum checksum) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'm');
  uint32_t crc = 0;
  for (auto _ : state) benchmark::DoNotOptimize(crc = checksum(bytes, crc));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

BENCHMARK_CAPTURE(ChecksumOf, crc32c, Crc32c)->Arg(32)->Arg(128)->Arg(1024)->Arg(4096)->Arg(65536);
BENCHMARK_CAPTURE(ChecksumOf, portable, Crc32cPortable)->Arg(128)->Arg(4096);

}  // namespace
}  // namespace moraine
