"""Tests of the rules that look at many files at once: each fires, and each stays silent."""

import unittest

import tidy
from style import tree_rules
from style.source import Source

LAYERS = """
LAYERS = {
    "storage/base": ["storage/log", "storage", "txn", "api"],
    "storage/log": ["storage"],
    "storage": ["txn"],
    "txn": ["api"],
    "api": ["tools"],
    "tools": [],
    "tests": [],
}
"""
PRIVATE = 'package(default_visibility = ["//visibility:private"])\n'


def run(rule, files):
    """The (path, line) pairs a rule reports for {path: text}."""
    sources = [Source(path, text) for path, text in files.items()]
    return [(path, line) for path, line, _ in rule(tree_rules.Tree(sources))]


class LayeringTest(unittest.TestCase):
    def _include(self, path, header):
        text = f"\n#include {header}\n"
        return run(tree_rules.layering, {"tools/bazel/layers.bzl": LAYERS, path: text})

    def test_fires_on_upward_and_sideways_includes(self):
        for path, header in [
            ("storage/base/a.h", '"storage/log/log.h"'),
            ("storage/log/a.h", '"storage/engine.h"'),
            ("txn/a.cc", '"storage/log/log.h"'),
            ("txn/a.cc", "<moraine/database.h>"),
            ("api/a.cc", '"tools/cli/main.h"'),
            ("tools/a.cc", '"tests/support/model.h"'),
        ]:
            self.assertEqual(self._include(path, header), [(path, 2)], header)

    def test_silent_on_the_arrows(self):
        for path, header in [
            ("storage/log/a.h", '"storage/base/ids.h"'),
            ("storage/log/a.cc", '"storage/log/a.h"'),
            ("txn/a.cc", '"storage/engine.h"'),
            ("tools/a.cc", "<moraine/database.h>"),
            ("tests/log/a_test.cc", '"storage/log/log.h"'),
            ("storage/base/a.h", '"absl/status/status.h"'),
            ("storage/base/a.h", '"gtest/gtest.h"'),
        ]:
            self.assertEqual(self._include(path, header), [], header)

    def test_fires_outside_every_layer(self):
        files = {"tools/bazel/layers.bzl": LAYERS, "extra/a.cc": "", "txn/a.cc": ""}
        self.assertEqual(run(tree_rules.known_folder, files), [("extra/a.cc", 1)])


class PublicHeadersTest(unittest.TestCase):
    def test_fires_on_an_inner_header_behind_a_public_one(self):
        files = {
            "api/tree.h": '#include "storage/engine.h"\n',
            "tools/a.cc": "#include <moraine/tree.h>\n",
        }
        self.assertEqual(run(tree_rules.public_headers, files), [("api/tree.h", 1)])

    def test_silent_on_std_absl_and_public_ones(self):
        files = {
            "api/tree.h": '#include <moraine/status.h>\n#include <span>\n#include "absl/a.h"\n',
            "api/status.h": "#include <string>\n",
            "api/glue.h": '#include "storage/engine.h"\n',
            "tools/a.cc": "#include <moraine/tree.h>\n",
        }
        self.assertEqual(run(tree_rules.public_headers, files), [])


class BuildFileTest(unittest.TestCase):
    def test_unbuilt_file(self):
        build = PRIVATE + 'moraine_library(name = "a", srcs = ["a.cc"], hdrs = ["sub/b.h"])\n'
        files = {"txn/BUILD.bazel": build, "txn/a.cc": "", "txn/sub/b.h": "", "txn/c.cc": ""}
        self.assertEqual(run(tree_rules.unbuilt_file, files), [("txn/c.cc", 1)])
        self.assertEqual(run(tree_rules.unbuilt_file, {"txn/a.cc": ""}), [("txn/a.cc", 1)])

    def test_native_rule(self):
        files = {"txn/BUILD.bazel": PRIVATE + 'cc_library(name = "a")\n'}
        self.assertEqual(run(tree_rules.native_rule, files), [("txn/BUILD.bazel", 2)])
        files = {"txn/BUILD.bazel": PRIVATE + 'moraine_library(name = "a")\n'}
        self.assertEqual(run(tree_rules.native_rule, files), [])

    def test_private_package(self):
        files = {"txn/BUILD.bazel": "", "api/BUILD.bazel": PRIVATE}
        self.assertEqual(run(tree_rules.private_package, files), [("txn/BUILD.bazel", 1)])

    def test_thread_tag(self):
        target = 'moraine_test(name = "a", srcs = ["a.cc"]{})\n'
        for tags, source, expected in [
            ("", "std::thread t;\n", [("tests/log/BUILD.bazel", 1)]),
            (', tags = ["tsan"]', "std::jthread t;\n", []),
            ("", "// std::thread\n", []),
        ]:
            files = {"tests/log/BUILD.bazel": target.format(tags), "tests/log/a.cc": source}
            self.assertEqual(run(tree_rules.thread_tag, files), expected, tags + source)


    def test_unlisted_package(self):
        packages = "# Debian packages\nlibabsl-dev  # absl_*\nlibzstd-dev  # zstd\ng++\n"
        missing = [("txn/BUILD.bazel", 2)]
        for target, expected in (("zstd", []), ("absl_time", []), ("lz4", missing)):
            build = PRIVATE + f'moraine_library(name = "a", deps = ["@system//:{target}"])\n'
            files = {"txn/BUILD.bazel": build, "tools/packages.txt": packages}
            self.assertEqual(run(tree_rules.unlisted_package, files), expected, target)


class FindingsTest(unittest.TestCase):
    def test_allowed_findings_are_left_out_and_others_are_not(self):
        head = "// What this file is and why it exists.\n"
        note = "// tidy: allow(banned-calls): the shell command runs programs\n"
        texts = {"bad": head + "int a = system(b);\n", "good": head + note + "int a = system(b);\n"}
        for name, expected in (("bad", 1), ("good", 0)):
            files = [
                Source("tools/cli/a.cc", texts[name]),
                Source("tools/cli/BUILD.bazel", "# What is built here and why.\n" + PRIVATE),
            ]
            found = [f for f in tidy.findings(files) if f[2] == "banned-calls"]
            self.assertEqual(len(found), expected, name)


if __name__ == "__main__":
    unittest.main()
