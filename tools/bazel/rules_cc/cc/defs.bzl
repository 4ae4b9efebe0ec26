"""The C++ rules under the names that Bazel's own toolchain files load.

Bazel 4 still carries these rules natively, so handing them on is all that is needed; a
newer Bazel can replace this stub by the real rules_cc without a change elsewhere.
"""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
