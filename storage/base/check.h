// Assertions. MORAINE_CHECK is always on and guards invariants whose breach would lose data;
// MORAINE_DCHECK guards hot paths and is on in debug, sanitizer and --config=check builds.
//
// A failed check is a bug in moraine: it prints file, line and condition, then aborts, since
// going on could write wrong bytes. Bytes that come from disk are never checked this way;
// they are validated and reported as DataLoss.
#ifndef MORAINE_STORAGE_BASE_CHECK_H_
#define MORAINE_STORAGE_BASE_CHECK_H_

// MORAINE_DCHECK_IS_ON is 1 where MORAINE_DCHECK evaluates its condition.
#if !defined(NDEBUG) || defined(MORAINE_CHECKED)
#define MORAINE_DCHECK_IS_ON 1
#else
#define MORAINE_DCHECK_IS_ON 0
#endif

namespace moraine::internal {

// Prints the message to standard error and aborts. Allocates nothing.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace moraine::internal

#define MORAINE_CHECK(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::moraine::internal::CheckFailed(__FILE__, __LINE__, #condition))

#if MORAINE_DCHECK_IS_ON
#define MORAINE_DCHECK(condition) MORAINE_CHECK(condition)
#else
// Compiled, so that it cannot rot and its variables count as used, but never evaluated.
#define MORAINE_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif

#endif  // MORAINE_STORAGE_BASE_CHECK_H_
