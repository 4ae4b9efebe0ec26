"""The main job of the first run on a small list of packages, twice in a row."""

import os
import re
import subprocess
import tempfile
import unittest

PROGRAM = os.path.abspath(os.path.join("tools", "first_run", "load_packages"))


class LoadPackagesTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        self.file = os.path.join(self.directory, "available")
        with open(self.file, "w", encoding="utf-8") as file:
            for i in range(4000):
                file.write(f"Package: p{i}\nDepends: p{i // 9} (>= 1), base\n"
                           f"Description: {'x' * (i % 300)}\nSection: s{i % 11}\n\n")

    def run_program(self, *arguments):
        return subprocess.run(
            [PROGRAM, "--file", self.file, "--directory", os.path.join(self.directory, "cache"),
             "--cache", "256M", *arguments], capture_output=True, text=True, check=False)

    def test_runs_twice(self):
        for _ in range(2):
            done = self.run_program()
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertNotIn("FAILED", done.stdout)
            self.assertNotIn("\033", done.stdout)
            self.assertRegex(done.stdout, r"base +4,000 #+\n")
            self.assertRegex(done.stdout, r"\n6 checks passed, 0 failed, in ")
            killed = re.search(r"([\d,]+) of 4,000 packages were acknowledged", done.stdout)
            self.assertGreaterEqual(int(killed.group(1).replace(",", "")), 2000)

    def test_no_packages_says_what_to_do(self):
        with open(self.file, "w", encoding="utf-8"):
            pass
        done = self.run_program()
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get update", done.stderr)


if __name__ == "__main__":
    unittest.main()
