"""Runs the real moraine command in a scratch directory, for the tests of tools/cli."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

MORAINE = os.path.abspath(os.path.join("tools", "cli", "moraine"))


class CommandTest(unittest.TestCase):
    """Every test has an empty database at self.db."""

    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.db = os.path.join(self.directory, "db")
        self.ok("create", self.db)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_command(self, *arguments, stdin=b""):
        """The finished process; its outputs are bytes."""
        return subprocess.run([MORAINE, *arguments], input=stdin, capture_output=True, check=False)

    def ok(self, *arguments, stdin=b""):
        """Standard output of a command that must succeed in silence on standard error."""
        done = self.run_command(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def fails(self, code, *arguments, stdin=b""):
        """The message of a command that must end with this exit code."""
        done = self.run_command(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, code, (arguments, done.stderr))
        return done.stderr.decode()

    def json(self, *arguments, code=0):
        """The one JSON object a command prints; checks its schema number."""
        done = self.run_command(*arguments, "--json")
        self.assertEqual((done.returncode, done.stderr), (code, b""), (arguments, done.stdout))
        value = json.loads(done.stdout)
        self.assertEqual(value["schema"], 1)
        return value
