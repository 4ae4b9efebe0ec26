"""txn: operations of one transaction, conditions, and what a mistake leaves behind."""

import json
import unittest

from command import CommandTest


class TxnTest(CommandTest):
    def txn(self, *operations, code=0, arguments=()):
        """The lines printed for these operations."""
        lines = "".join(json.dumps(operation) + "\n" for operation in operations)
        done = self.run_command("txn", self.db, *arguments, stdin=lines.encode())
        self.assertEqual((done.returncode, done.stderr), (code, b""))
        results = [json.loads(line) for line in done.stdout.splitlines()]
        for result in results:
            self.assertEqual(result.pop("schema"), 1)
        return results

    def test_operations_see_each_other_and_commit_together(self):
        self.ok("create", self.db, "--tree", "counts", "--merge", "add")
        results = self.txn(
            {"op": "put", "key": "a", "value": "1"},
            {"op": "put", "key": "b", "value": "2"},
            {"op": "merge", "tree": "counts", "key": "n", "value": "5"},
            {"op": "get", "key": "a"},
            {"op": "get", "tree": "counts", "key": "n"},
            {"op": "cas", "key": "b", "expected": "2", "value": None},
            {"op": "get", "key": "b"},
            {"op": "put", "key": {"hex": "ff00"}, "value": ""},
            {"op": "scan"},
            {"op": "scan", "from": "a", "to": "b", "reverse": True, "limit": 1},
            {"op": "del", "key": "a"})
        self.assertEqual(results[3], {"op": "get", "key": "a", "value": "1"})
        self.assertEqual(results[4]["value"], "5")
        self.assertEqual(results[5], {"op": "cas", "key": "b", "swapped": True})
        self.assertIsNone(results[6]["value"])
        self.assertEqual(results[8]["records"], [
            {"key": "a", "value": "1"}, {"key": {"hex": "ff00"}, "value": ""}])
        self.assertEqual(results[9]["records"], [{"key": "a", "value": "1"}])
        self.assertEqual(results[-1], {"op": "commit", "committed": True})
        self.assertEqual(self.ok("scan", self.db, "--hex"), b"ff00\t\n")
        self.assertEqual(self.ok("get", self.db, "n", "--tree", "counts"), b"5\n")

    def test_a_cas_that_does_not_swap_changes_nothing(self):
        self.ok("put", self.db, "a", "1")
        results = self.txn(
            {"op": "put", "key": "b", "value": "2"},
            {"op": "cas", "key": "a", "expected": "0", "value": "9"},
            {"op": "put", "key": "c", "value": "3"}, code=4)
        self.assertEqual(results[1],
                         {"op": "cas", "key": "a", "swapped": False, "actual": "1"})
        self.assertEqual(results[-1], {"op": "commit", "committed": False})
        self.assertEqual(self.ok("scan", self.db), b"a\t1\n")

    def test_a_malformed_line_is_named_and_nothing_runs(self):
        good = b'{"op":"put","key":"a","value":"1"}\n'
        for bad in (b"{", b"[]", b'{"op":"fetch"}', b'{"op":"get"}', b'{"op":"put","key":"k"}',
                    b'{"op":"get","key":"k","value":"v"}', b'{"op":"put","key":"k","value":null}',
                    b'{"op":"scan","prefix":"a","to":"b"}', b'{"op":"scan","limit":-1}',
                    b'{"op":"get","key":{"hex":"0"}}', b'{"op":"get","key":"k","tree":1}'):
            message = self.fails(2, "txn", self.db, stdin=good + bad + b"\n")
            self.assertIn("line 2", message, bad)
        self.fails(1, "txn", self.db, stdin=b'{"op":"get","key":"k","tree":"none"}\n')
        self.assertEqual(self.ok("scan", self.db), b"")

    def test_a_file_and_nothing_to_do(self):
        with open(self.path("operations"), "wb") as file:
            file.write(b'\n{"op":"put","key":"6b","value":"76"}\n')
        self.ok("txn", self.db, self.path("operations"), "--hex", "--isolation", "snapshot")
        self.assertEqual(self.ok("scan", self.db), b"k\tv\n")
        self.assertEqual(self.txn(), [{"op": "commit", "committed": True}])
        self.fails(1, "txn", self.db, self.path("missing"))


if __name__ == "__main__":
    unittest.main()
