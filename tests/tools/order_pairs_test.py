"""Tests of the order tags: the grammar, the pairs, and the sites that need a tag."""

import unittest

import order_pairs
from style.source import Source

RELEASE = "// order: release -> Frame::Pin [I2]\na.store(1, std::memory_order_release);\n"
ACQUIRE = "// order: acquire <- Frame::Pin [I2]\na.load(std::memory_order_acquire);\n"
STATED = "// I2 pins imply residency.\n"


def messages(text, path="storage/cache/a.h", others=None):
    """The messages for a file, together with other files {path: text}."""
    sources = [Source(path, text)]
    sources += [Source(other, body) for other, body in (others or {}).items()]
    _, found = order_pairs.findings(sources)
    return [message for _, _, message in found]


class PairTest(unittest.TestCase):
    def test_reciprocal_tags_pass(self):
        self.assertEqual(messages(STATED + RELEASE + ACQUIRE), [])

    def test_pairs_reach_across_files(self):
        others = {"storage/cache/b.cc": ACQUIRE}
        self.assertEqual(messages(STATED + RELEASE, others=others), [])

    def test_lonely_release_and_lonely_acquire_fire(self):
        self.assertIn("acquire <- Frame::Pin", messages(STATED + RELEASE)[0])
        self.assertIn("release -> Frame::Pin", messages(STATED + ACQUIRE)[0])

    def test_other_name_is_no_partner(self):
        text = STATED + RELEASE + ACQUIRE.replace("Pin", "Unpin")
        self.assertEqual(len(messages(text)), 2)

    def test_acq_rel_counts_as_both_but_not_for_itself(self):
        both = "// order: acq_rel <-> Frame::Pin\na.exchange(1, std::memory_order_acq_rel);\n"
        self.assertEqual(len(messages(both)), 1)
        self.assertEqual(messages(STATED + both + ACQUIRE), [])
        self.assertEqual(messages(both + both), [])

    def test_acq_rel_may_name_two_pairs(self):
        both = (
            "// order: acq_rel -> A::B, <- Frame::Pin\na.exchange(1, std::memory_order_acq_rel);\n"
        )
        other = "// order: acquire <- A::B\nb.load(std::memory_order_acquire);\n"
        self.assertEqual(messages(STATED + RELEASE + both + other), [])


class GrammarTest(unittest.TestCase):
    def test_wrong_arrow_fires(self):
        text = RELEASE.replace("->", "<-")
        self.assertIn("'release' with the wrong arrow", messages(STATED + text))

    def test_missing_partner_fires(self):
        text = "// order: release\na.store(1, std::memory_order_release);\n"
        self.assertEqual(messages(text), ["'release' names no partner"])

    def test_reasons_are_required(self):
        for word in ("relaxed", "seq_cst"):
            site = f"a.store(1, std::memory_order_{word});\n"
            for bad in ("", ": x", " because it is"):
                text = f"// order: {word}{bad}\n" + site
                self.assertEqual(len(messages(text)), 1, text)
            self.assertEqual(messages(f"// order: {word}: only a statistic\n" + site), [])

    def test_reason_may_go_on_below(self):
        site = "a.store(1, std::memory_order_seq_cst);\n"
        text = "// order: seq_cst:\n// head and tail need one order\n" + site
        self.assertEqual(messages(text), [])

    def test_text_after_a_pair_needs_a_colon(self):
        text = STATED + ACQUIRE + RELEASE.replace("[I2]", "[I2] acquire")
        self.assertEqual(len(messages(text)), 1)
        text = STATED + ACQUIRE + RELEASE.replace("[I2]", "[I2]: last use")
        self.assertEqual(messages(text), [])

    def test_rules_have_a_form_and_are_stated(self):
        text = (RELEASE + ACQUIRE).replace("[I2]", "[see above]")
        self.assertIn("not of the form", messages(text)[0])
        self.assertIn("[I2] is stated neither", messages(RELEASE + ACQUIRE)[0])

    def test_rules_may_be_stated_by_an_included_header(self):
        text = '#include "storage/sync/epoch.h"\n' + RELEASE + ACQUIRE
        self.assertEqual(messages(text, others={"storage/sync/epoch.h": STATED}), [])


class SiteTest(unittest.TestCase):
    def test_untagged_operation_and_fence_fire(self):
        for site in (
            "a.load(std::memory_order_acquire);\n",
            "\n\n\nPolicy::Fence(std::memory_order_seq_cst);\n",
            "a.exchange(std::move(b),\n           std::memory_order_acq_rel);\n",
        ):
            self.assertEqual(len(messages("int b;\n" + site)), 1, site)

    def test_relaxed_operation_needs_no_tag(self):
        self.assertEqual(messages("a.load(std::memory_order_relaxed);\n"), [])

    def test_tag_of_another_order_fires(self):
        text = "// order: relaxed: only a statistic\na.load(std::memory_order_acquire);\n"
        self.assertEqual(messages(text), ["tagged relaxed, but the operation is acquire"])

    def test_tag_may_stand_inside_a_long_statement(self):
        text = STATED + ACQUIRE + (
            "do {\n  n = h;\n  // order: release -> Frame::Pin [I2]\n"
            "} while (!a.compare_exchange_weak(h, n, std::memory_order_release,\n"
            "                                  std::memory_order_relaxed));\n"
        )
        self.assertEqual(messages(text), [])

    def test_tag_on_the_same_line(self):
        text = "x();\na.store(1, std::memory_order_seq_cst);  // order: seq_cst: with the tail\n"
        self.assertEqual(messages(text), [])

    def test_other_layers_are_not_asked(self):
        text = "a.load(std::memory_order_acquire);\n"
        self.assertEqual(messages(text, path="tests/sync/a_test.cc"), [])

    def test_seam_hands_on_the_order_of_its_caller(self):
        text = "// order: caller: the seam itself\nx();\n\n\nf(std::memory_order_acquire);\n"
        self.assertEqual(messages(text, path="storage/sync/atomic.h"), [])
        self.assertEqual(len(messages(text, path="storage/cache/a.h")), 1)


if __name__ == "__main__":
    unittest.main()
