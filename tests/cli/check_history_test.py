"""check-history: verdicts, levels, exit codes, and files that are no histories."""

import unittest

from command import CommandTest

SKEW = (b'{"name":"A","ops":[["read","x",[]],["append","y",1]]}\n'
        b'{"name":"B","ops":[["read","y",[]],["append","x",1]]}\n')


class CheckHistoryTest(CommandTest):
    def write(self, content):
        """A file that holds this."""
        path = self.path("history.jsonl")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_a_clean_history_passes(self):
        path = self.write(b'{"ops":[["append","x",1]]}\n\n{"ops":[["read","x",[1]]]}\n')
        self.assertIn(b"consistent with serializable", self.ok("check-history", path))
        verdict = self.json("check-history", path)
        self.assertEqual((verdict["valid"], verdict["transactions"]), (True, 2))
        self.ok("check-history", "-", stdin=b"")

    def test_an_anomaly_is_explained_and_ends_with_1(self):
        done = self.run_command("check-history", "-", stdin=SKEW)
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        self.assertIn(b"NOT serializable", done.stdout)
        self.assertIn(b"A -rw-> B -rw-> A", done.stdout)
        verdict = self.json("check-history", self.write(SKEW), code=1)
        self.assertEqual(verdict["anomalies"][0]["name"], "G2-item")
        self.assertEqual(verdict["anomalies"][0]["examples"][0]["transactions"], ["A", "B"])

    def test_levels_differ(self):
        path = self.write(SKEW)
        self.assertIn(b"which the level allows",
                      self.ok("check-history", path, "--level", "snapshot"))
        self.assertIn("session", self.fails(2, "check-history", path, "--level", "strict"))
        self.fails(2, "check-history", path, "--level", "chaos")
        stale = (b'{"begin":1,"end":2,"ops":[["append","x",1]]}\n'
                 b'{"begin":3,"end":4,"ops":[["read","x",[]]]}\n')
        self.ok("check-history", "-", stdin=stale)
        verdict = self.run_command("check-history", "-", "--level", "strict", stdin=stale)
        self.assertEqual(verdict.returncode, 1)

    def test_what_is_no_history_is_refused(self):
        message = self.fails(2, "check-history", self.write(SKEW + b"{\n"))
        self.assertIn("line 3", message)
        self.assertIn("history.jsonl", message)
        self.assertIn("unique", self.fails(2, "check-history", "-", stdin=SKEW + SKEW))
        self.fails(1, "check-history", self.path("missing"))
        self.fails(2, "check-history")


if __name__ == "__main__":
    unittest.main()
