// Compression and expansion with one context of each kind per thread.
#include "storage/segments/compression.h"

#include <zstd.h>

#include <memory>

namespace moraine {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Null when there is no memory for one; the next call tries again.
ZSTD_CCtx* Compressor() {
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context;
  if (context == nullptr) context.reset(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* Expander() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context;
  if (context == nullptr) context.reset(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

bool ZstdCompress(std::string_view bytes, int level, size_t most_bytes, std::string* compressed) {
  ZSTD_CCtx* context = Compressor();
  if (context == nullptr) return false;
  // With less room than ZSTD_compressBound zstd gives up as soon as the room is used.
  compressed->resize(most_bytes);
  const size_t result =
      ZSTD_compressCCtx(context, compressed->data(), most_bytes, bytes.data(), bytes.size(), level);
  if (ZSTD_isError(result) != 0) return false;
  compressed->resize(result);
  return true;
}

const char* ZstdExpand(std::string_view bytes, size_t raw_bytes, std::string* raw) {
  const unsigned long long said = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (said != raw_bytes) return "a zstd frame of another size";
  ZSTD_DCtx* context = Expander();
  if (context == nullptr) return "no memory for zstd";
  raw->resize(raw_bytes);
  const size_t result =
      ZSTD_decompressDCtx(context, raw->data(), raw_bytes, bytes.data(), bytes.size());
  if (ZSTD_isError(result) != 0) return ZSTD_getErrorName(result);
  return result == raw_bytes ? nullptr : "a zstd frame that ends early";
}

}  // namespace moraine
