"""Compiler flags of moraine's own code; system headers are not subject to them."""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wshadow",
    "-Wcast-align",
    "-Wcast-qual",
    "-Wextra-semi",
    "-Wformat=2",
    "-Wimplicit-fallthrough",
    "-Wmissing-declarations",
    "-Wnon-virtual-dtor",
    "-Woverloaded-virtual",
    "-Wsuggest-override",
    "-Wundef",
    "-Wvla",
    # Options structs are written {.create_if_missing = true}: the rest keeps its default.
    "-Wno-missing-field-initializers",
    # g++ 12 reports std::string concatenation wrongly (GCC bug 105651).
    "-Wno-restrict",
]

# Instrumented code makes the flow analyses of g++ see ghosts; the plain build, where they
# stay errors, compiles the same lines.
_SANITIZER_QUIET = [
    "-Wno-array-bounds",
    "-Wno-maybe-uninitialized",
    "-Wno-stringop-overflow",
    "-Wno-stringop-overread",
    # ThreadSanitizer does not model fences: code that needs one keeps its data ordered by
    # ordered operations too, or the run reports a race.
    "-Wno-tsan",
]

# Blocks are built in untyped arena memory and read as they lie; an optimizer that reasons about
# types there could break them.
MORAINE_COPTS = [
    "-std=c++20",
    "-fno-strict-aliasing",
] + _WARNINGS + select({
    "//tools/bazel:optimized": ["-g1"],
    "//conditions:default": [],
}) + select({
    "//tools/bazel:sanitized": _SANITIZER_QUIET,
    "//conditions:default": [],
})

# The C interface must compile as plain C99, with every warning a caller might switch on.
MORAINE_C_COPTS = [
    "-std=c99",
    "-pedantic-errors",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wundef",
]
