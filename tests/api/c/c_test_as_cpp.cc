// The test of the C interface, compiled as C++20: the header is the same for both languages.
#include "tests/api/c/c_test.c"  // NOLINT(bugprone-suspicious-include)
