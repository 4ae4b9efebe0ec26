"""create, get, put, del, cas and merge, with any bytes and every exit code."""

import os
import unittest

from command import CommandTest


class PointsTest(CommandTest):
    def test_put_get_delete(self):
        self.ok("put", self.db, "pen", "12")
        self.assertEqual(self.ok("get", self.db, "pen"), b"12\n")
        self.assertEqual(self.ok("get", self.db, "pen", "--raw"), b"12")
        self.ok("del", self.db, "pen")
        self.assertIn("no key", self.fails(1, "get", self.db, "pen"))
        self.fails(1, "del", self.db, "pen")

    def test_an_empty_value_is_not_an_absent_key(self):
        self.ok("put", self.db, "empty", "", stdin=b"not this")
        self.assertEqual(self.ok("get", self.db, "empty"), b"\n")
        self.assertEqual(self.json("get", self.db, "empty")["value"], "")
        self.assertEqual(self.json("get", self.db, "empty")["found"], True)
        self.assertEqual(self.json("get", self.db, "none", code=1)["found"], False)

    def test_values_come_from_standard_input_byte_for_byte(self):
        value = bytes(range(256)) * 4096  # 1 MiB
        self.ok("put", self.db, "big", stdin=value)
        self.assertEqual(self.ok("get", self.db, "big", "--raw"), value)

    def test_hexadecimal_carries_any_key(self):
        self.ok("put", self.db, "00ff0a", "c0de", "--hex")
        self.assertEqual(self.ok("get", self.db, "00FF0A", "--hex"), b"c0de\n")
        self.assertEqual(self.ok("get", self.db, "00ff0a", "--hex", "--raw"), b"c0de")
        self.assertEqual(self.json("get", self.db, "00ff0a", "--hex")["value"], "c0de")
        self.assertIn("hexadecimal", self.fails(2, "get", self.db, "0g", "--hex"))
        self.assertIn("odd", self.fails(2, "get", self.db, "abc", "--hex"))

    def test_json_shows_bytes_that_are_no_text(self):
        self.ok("put", self.db, "k", stdin=b"\xff\x00")
        self.assertEqual(self.json("get", self.db, "k")["value"], {"hex": "ff00"})

    def test_brackets_and_dashes_are_ordinary_bytes(self):
        for key in ("[1,2]", "{}", "-x", "--json"):
            self.ok("put", self.db, "--", key, "[" + key + "]")
            self.assertEqual(self.ok("get", self.db, "--", key), f"[{key}]\n".encode())

    def test_cas(self):
        self.ok("cas", self.db, "k", "--absent", "1")
        self.ok("cas", self.db, "k", "1", "2")
        done = self.run_command("cas", self.db, "k", "1", "3")
        self.assertEqual((done.returncode, done.stdout), (4, b"2\n"))
        self.assertIn(b"nothing was changed", done.stderr)
        self.assertEqual(self.json("cas", self.db, "k", "1", "3", code=4)["actual"], "2")
        self.assertEqual(self.json("cas", self.db, "x", "1", "3", code=4)["actual"], None)
        self.fails(4, "cas", self.db, "k", "--absent", "3")
        self.ok("cas", self.db, "k", "2", "")
        self.ok("cas", self.db, "k", "", "[a,b]")
        self.ok("cas", self.db, "k", "[a,b]", "--delete")
        self.fails(1, "get", self.db, "k")
        self.fails(2, "cas", self.db, "k", "only one")
        self.fails(2, "cas", self.db, "k", "one", "too", "many")

    def test_merge_by_the_operator_of_the_tree(self):
        self.ok("create", self.db, "--tree", "log", "--merge", "append")
        self.ok("merge", self.db, "k", "ab", "--tree", "log")
        self.ok("merge", self.db, "k", "cd", "--tree", "log")
        self.assertEqual(self.ok("get", self.db, "k", "--tree", "log"), b"abcd\n")
        self.fails(2, "merge", self.db, "k", "ab")

    def test_trees_are_apart(self):
        self.ok("create", self.db, "--tree", "other")
        self.ok("put", self.db, "k", "there", "--tree", "other")
        self.fails(1, "get", self.db, "k")
        self.assertEqual(self.ok("get", self.db, "k", "--tree", "other"), b"there\n")

    def test_errors_name_the_next_step(self):
        missing = self.path("missing")
        self.assertIn(f"moraine create {missing}", self.fails(1, "get", missing, "k"))
        self.assertIn("--tree NAME", self.fails(1, "get", self.db, "k", "--tree", "none"))
        self.fails(4, "create", self.db)
        self.fails(2, "put", self.db, "k", "v", "--read-only")
        self.fails(2, "put", self.db, "x" * 5000, "v")
        error = self.json("get", missing, "k", code=1)["error"]
        self.assertEqual(error["code"], "NOT_FOUND")

    def test_usage(self):
        self.fails(2)
        self.fails(2, "fly", self.db)
        self.fails(2, "get", self.db)
        self.fails(2, "get", self.db, "k", "--cache", "lots")
        self.ok("put", self.db, "k", "v", "--cache", "64M")
        self.assertIn(b"Exit codes", self.ok("--help"))
        self.assertRegex(self.ok("version"), rb"^moraine \d+\.\d+\.\d+\n$")
        self.assertIn("version", self.json("version"))

    def test_reading_changes_no_file(self):
        self.ok("put", self.db, "k", "v")
        before = self.files()
        self.ok("get", self.db, "k")
        self.ok("scan", self.db)
        self.ok("stat", self.db)
        self.ok("verify", self.db)
        self.assertEqual(self.files(), before)

    def files(self):
        content = {}
        for name in sorted(os.listdir(self.db)):
            with open(os.path.join(self.db, name), "rb") as file:
                content[name] = file.read()
        return content


if __name__ == "__main__":
    unittest.main()
