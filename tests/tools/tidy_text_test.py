"""Tests of the text rules of the style gate: each fires, and each stays silent."""

import unittest

from style import text_rules
from style.source import Source


def lines(rule, path, text):
    """The lines a rule reports for a file of that path and text."""
    return [line for line, _ in rule(Source(path, text))]


class HeadCommentTest(unittest.TestCase):
    def test_fires_without_a_head(self):
        for path, text in [
            ("storage/a.h", "#ifndef A_H_\n"),
            ("storage/a.cc", "// Short.\nint x;\n"),
            ("tools/a.py", "import os\n"),
            ("tools/run", "#!/bin/bash\nset -e\n"),
            ("tools/BUILD.bazel", 'load("x")\n'),
        ]:
            self.assertEqual(lines(text_rules.head_comment, path, text), [1], path)

    def test_silent_with_a_head(self):
        for path, text in [
            ("storage/a.h", "// The bytes of a page, and why.\n#ifndef A_H_\n"),
            ("storage/a.h", "/* The bytes of a page,\n * and why. */\n#ifndef A_H_\n"),
            ("tools/a.py", '#!/usr/bin/env python3\n"""Counts pages\nin every file."""\n'),
            ("tools/run", "#!/bin/bash\n# Runs the thing that we need.\nset -e\n"),
            ("README.md", "moraine\n"),
            ("LICENSE", "Apache\n"),
        ]:
            self.assertEqual(lines(text_rules.head_comment, path, text), [], path)


class FileLengthTest(unittest.TestCase):
    def test_fires_beyond_the_limit(self):
        self.assertEqual(lines(text_rules.file_length, "storage/a.cc", "\n" * 601), [1])
        self.assertEqual(lines(text_rules.file_length, "storage/README.md", "\n" * 301), [1])

    def test_silent_at_the_limit(self):
        self.assertEqual(lines(text_rules.file_length, "storage/a.cc", "\n" * 600), [])
        self.assertEqual(lines(text_rules.file_length, "storage/README.md", "\n" * 300), [])
        self.assertEqual(lines(text_rules.file_length, "LICENSE", "\n" * 900), [])


class LeftoverTest(unittest.TestCase):
    def test_fires_on_each_word(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"):
            text = f"int a;\n// {word}: later\n"
            self.assertEqual(lines(text_rules.leftover, "storage/a.cc", text), [2], word)

    def test_silent_inside_other_words(self):
        text = "// HACKENSACK, TODOS, 0xXXXX, mkstemp(XXXXXX)\n"
        self.assertEqual(lines(text_rules.leftover, "storage/a.cc", text), [])


class MachinePathTest(unittest.TestCase):
    def test_fires_on_home_folders(self):
        for path in ("/ho" "me/ada/x", "/ro" "ot/x", "/Us" "ers/ada", "/wo" "rk/main"):
            self.assertEqual(lines(text_rules.machine_path, "a.sh", f"cd {path}\n"), [1], path)

    def test_silent_on_system_and_relative_paths(self):
        text = "cd /usr/include; cat a/root/b; ls /tmp/x; cd $HOME/work/y; echo /home\n"
        self.assertEqual(lines(text_rules.machine_path, "a.sh", text), [])


class RulerTest(unittest.TestCase):
    def test_fires_on_rules_and_banners(self):
        for text in ("// -----", "# ======", "/" * 20, "// ==== Pages ====", "/***********/"):
            self.assertEqual(lines(text_rules.ruler, "storage/a.cc", text + "\n"), [1], text)

    def test_silent_on_drawings_and_prose(self):
        for text in ("// +-----+-----+", "// a -- b", "//   ---- | ------", "# one", "a = b * c;"):
            self.assertEqual(lines(text_rules.ruler, "storage/a.cc", text + "\n"), [], text)


class ScriptColumnsTest(unittest.TestCase):
    def test_fires_on_a_long_line_of_a_script(self):
        self.assertEqual(lines(text_rules.script_columns, "tools/a.py", "x" * 101 + "\n"), [1])
        text = "#!/bin/sh\n" + "x" * 101 + "\n"
        self.assertEqual(lines(text_rules.script_columns, "tools/run", text), [2])

    def test_silent_on_short_lines_and_other_files(self):
        self.assertEqual(lines(text_rules.script_columns, "tools/a.py", "x" * 100 + "\n"), [])
        self.assertEqual(lines(text_rules.script_columns, "a.bzl", "x" * 101 + "\n"), [])


class StrayCharactersTest(unittest.TestCase):
    def test_fires_on_each(self):
        for text in ("a \n", "a\tb\n", "a\r\n", "a"):
            self.assertEqual(lines(text_rules.stray_characters, "a.py", text), [1], repr(text))
        self.assertEqual(lines(text_rules.stray_characters, "a.py", "a\n\n"), [3])

    def test_silent_on_a_clean_file(self):
        self.assertEqual(lines(text_rules.stray_characters, "a.py", "a\n\nb\n"), [])
        self.assertEqual(lines(text_rules.stray_characters, "empty", ""), [])


class AllowTest(unittest.TestCase):
    def test_note_with_a_reason_covers_its_line_and_the_next(self):
        text = "// tidy: allow(ruler): drawn by the format\nx\ny\n"
        source = Source("storage/a.cc", "\n" * 20 + text)
        self.assertTrue(source.allows("ruler", 21))
        self.assertTrue(source.allows("ruler", 22))
        self.assertFalse(source.allows("ruler", 23))
        self.assertFalse(source.allows("leftover", 21))

    def test_note_without_a_reason_covers_nothing(self):
        self.assertFalse(Source("a.cc", "// tidy: allow(ruler)\n").allows("ruler", 1))

    def test_note_in_the_head_covers_the_file(self):
        note = "// tidy: allow(atomic-outside-sync): threads of the kernel's making\n"
        head = Source("a.cc", "// Head\n" + note + "\n" * 9)
        self.assertTrue(head.allows("atomic-outside-sync", 9))
        self.assertFalse(head.allows("ruler", 9))
        below = Source("a.cc", "// Head\n\n" + note + "\n" * 9)
        self.assertFalse(below.allows("atomic-outside-sync", 9))


if __name__ == "__main__":
    unittest.main()
