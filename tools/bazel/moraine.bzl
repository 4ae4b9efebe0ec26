"""Macros for every C++ target of the tree: compiler flags, visibility and test defaults.

Write name, srcs, hdrs and deps; the rest follows. Attributes of the native rule may still
be given and win over the defaults.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("//tools/bazel:copts.bzl", "MORAINE_COPTS", "MORAINE_C_COPTS")
load("//tools/bazel:layers.bzl", "layer_visibility")

def moraine_library(name, copts = [], visibility = None, **kwargs):
    """A C++ library, visible to the layers above its own (layers.bzl) and to the tests.

    Args:
      name: the target.
      copts: flags beyond the common ones.
      visibility: only to narrow what layers.bzl allows, for instance to private.
      **kwargs: srcs, hdrs, deps and other attributes of cc_library.
    """
    cc_library(
        name = name,
        copts = MORAINE_COPTS + copts,
        visibility = layer_visibility(native.package_name()) if visibility == None else visibility,
        **kwargs
    )

def moraine_public_library(name, hdrs, copts = [], visibility = None, **kwargs):
    """A library whose headers are included as <moraine/NAME.h>.

    Args:
      name: the target.
      hdrs: the public headers, files of this package.
      copts: flags beyond the common ones.
      visibility: as for moraine_library.
      **kwargs: srcs, deps and other attributes of cc_library.
    """
    moraine_library(
        name = name,
        hdrs = hdrs,
        copts = copts,
        include_prefix = "moraine",
        strip_include_prefix = "/" + native.package_name(),
        visibility = visibility,
        **kwargs
    )

def moraine_binary(name, copts = [], **kwargs):
    """A program.

    Args:
      name: the target.
      copts: flags beyond the common ones.
      **kwargs: srcs, deps and other attributes of cc_binary.
    """
    cc_binary(
        name = name,
        copts = MORAINE_COPTS + copts,
        **kwargs
    )

def moraine_test(name, srcs, deps = [], copts = [], size = "small", tags = [], main = True, **kwargs):
    """A googletest program.

    Tags the gates know: "tsan" for a test that starts threads, so that it also runs under
    ThreadSanitizer; "no-sanitizer" for one that cannot run under address and undefined
    behaviour sanitizers (these two run on every other test).

    Args:
      name: the target.
      srcs: the sources.
      deps: what is tested; googletest is added.
      copts: flags beyond the common ones.
      size: Bazel's test size: small has a minute, medium five.
      tags: see above.
      main: False when the sources have a main function of their own.
      **kwargs: other attributes of cc_test.
    """
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = MORAINE_COPTS + copts,
        tags = tags,
        deps = deps + ["@system//:gtest_main" if main else "@system//:gtest"],
        **kwargs
    )

def moraine_c_binary(name, srcs, copts = [], **kwargs):
    """A program in C99.

    Args:
      name: the target.
      srcs: sources in C.
      copts: flags beyond the common ones.
      **kwargs: deps and other attributes of cc_binary.
    """
    cc_binary(
        name = name,
        srcs = srcs,
        copts = MORAINE_C_COPTS + copts,
        **kwargs
    )

def moraine_c_test(name, srcs, copts = [], size = "small", **kwargs):
    """A test program in C99, which reports failure by its exit code.

    Args:
      name: the target.
      srcs: sources in C.
      copts: flags beyond the common ones.
      size: Bazel's test size.
      **kwargs: deps and other attributes of cc_test.
    """
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = MORAINE_C_COPTS + copts,
        **kwargs
    )
