// Results that the caller of the C interface owns: blocks that moraine_free gives back.
#ifndef MORAINE_API_C_OWNED_H_
#define MORAINE_API_C_OWNED_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include <moraine/c.h>
#include <moraine/value.h>

namespace moraine::c {

// A block of `size` bytes and one zero byte behind them, so that no result is a NULL pointer and
// texts end as C expects.
char* OwnedBlock(size_t size);

// A copy of `bytes`, owned.
moraine_slice OwnedCopy(std::string_view bytes);
// {NULL, 0} for what is absent.
moraine_slice OwnedCopy(const std::optional<Value>& value);

}  // namespace moraine::c

#endif  // MORAINE_API_C_OWNED_H_
