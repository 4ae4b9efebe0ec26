// Compression and expansion with one context of each kind per thread.
#include "storage/segments/compression.h"

#include <zstd.h>

namespace moraine {
namespace {

struct Contexts {
  ZSTD_CCtx* compressor = nullptr;
  ZSTD_DCtx* expander = nullptr;
};
// Apart from what frees them: a database that a static object holds is closed after the destructors
// of its thread's objects have run, and must still be able to compress. What is made that late is
// not freed.
thread_local constinit Contexts contexts;

struct FreeContexts {
  ~FreeContexts() {
    ZSTD_freeCCtx(contexts.compressor);
    ZSTD_freeDCtx(contexts.expander);
    contexts = Contexts();
  }
};

Contexts& Local() {
  [[maybe_unused]] thread_local FreeContexts at_exit;
  return contexts;
}

// Null when there is no memory for one; the next call tries again.
ZSTD_CCtx* Compressor() {
  Contexts& local = Local();
  if (local.compressor == nullptr) local.compressor = ZSTD_createCCtx();
  return local.compressor;
}

ZSTD_DCtx* Expander() {
  Contexts& local = Local();
  if (local.expander == nullptr) local.expander = ZSTD_createDCtx();
  return local.expander;
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
