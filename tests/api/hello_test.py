"""The first program of the documentation runs, twice in a row, and prints what it should."""

import os
import subprocess
import tempfile
import unittest

HELLO = os.path.join("api", "examples", "hello")


class HelloTest(unittest.TestCase):
    def test_runs_twice(self):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(2):
                done = subprocess.run(
                    [HELLO, os.path.join(directory, "shop")], capture_output=True, text=True)
                self.assertEqual(done.stderr, "")
                self.assertEqual(done.returncode, 0)
                self.assertEqual(done.stdout.splitlines(), [
                    "sold a pen: yes", "pens before the delivery: 11",
                    "paper = 500", "pencil = 40"])


if __name__ == "__main__":
    unittest.main()
