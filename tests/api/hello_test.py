"""The first programs of the documentation run, twice in a row, and print what they should."""

import os
import subprocess
import tempfile
import unittest

EXAMPLES = os.path.join("api", "examples")


class HelloTest(unittest.TestCase):
    def runs_twice(self, program, *lines):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(2):
                done = subprocess.run(
                    [os.path.join(EXAMPLES, program), os.path.join(directory, "shop")],
                    capture_output=True, text=True)
                self.assertEqual(done.stderr, "")
                self.assertEqual(done.returncode, 0)
                self.assertEqual(done.stdout.splitlines(), list(lines))

    def test_in_cpp(self):
        self.runs_twice("hello", "sold a pen: yes", "1000 sheets more: not enough paper",
                        "pens before the delivery: 11", "paper = 480", "pencil = 40")

    def test_in_c(self):
        self.runs_twice("c_hello", "sold a pen: yes", "pens before the delivery: 11",
                        "paper = 500", "pencil = 40")


if __name__ == "__main__":
    unittest.main()
