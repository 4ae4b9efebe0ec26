"""Tests of the stamps of the clang-tidy gate: what makes a source stale, and what does not."""

import unittest

import lint
from style.source import Source
from style.tree_rules import Tree

TREE = {
    "txn/a.cc": '#include "txn/a.h"\n',
    "txn/a.h": '#include "storage/engine.h"\n#include "absl/status/status.h"\n',
    "storage/engine.h": "#include <moraine/status.h>\n",
    "api/status.h": "#include <string>\n",
    "txn/b.h": "int b;\n",
}


def sources(**changes):
    tree = dict(TREE, **changes)
    return {path: Source(path, text) for path, text in tree.items()}


class StampTest(unittest.TestCase):
    def test_closure_follows_includes_through_headers(self):
        expected = ["api/status.h", "storage/engine.h", "txn/a.cc", "txn/a.h"]
        self.assertEqual(lint.closure("txn/a.cc", sources()), expected)

    def test_closure_ends_at_a_cycle(self):
        tree = sources(**{"api/status.h": '#include "txn/a.h"\n'})
        self.assertEqual(len(lint.closure("txn/a.cc", tree)), 4)

    def test_change_of_a_far_header_makes_the_source_stale(self):
        before = lint.key("txn/a.cc", sources(), "checks")
        tree = sources(**{"api/status.h": "#include <vector>\n"})
        self.assertNotEqual(lint.key("txn/a.cc", tree, "checks"), before)

    def test_change_of_checks_makes_the_source_stale(self):
        before = lint.key("txn/a.cc", sources(), "checks")
        self.assertNotEqual(lint.key("txn/a.cc", sources(), "more checks"), before)

    def test_change_elsewhere_does_not(self):
        before = lint.key("txn/a.cc", sources(), "checks")
        tree = sources(**{"txn/b.h": "long b;\n"})
        self.assertEqual(lint.key("txn/a.cc", tree, "checks"), before)


class FlagsTest(unittest.TestCase):
    def test_defines_of_the_target_that_names_the_source(self):
        build = 'x(srcs = ["a.cc"], local_defines = ["A=1"])\nx(srcs = ["b.cc"])\n'
        tree = Tree([Source("txn/BUILD.bazel", build)])
        self.assertEqual(lint.flags("txn/a.cc", tree), lint.FLAGS + ["-DA=1"])
        self.assertEqual(lint.flags("txn/b.cc", tree), lint.FLAGS)


if __name__ == "__main__":
    unittest.main()
