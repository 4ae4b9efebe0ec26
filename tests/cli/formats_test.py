"""import and export: every format carries any bytes there and back; bad input loses nothing."""

import json
import os
import unittest

from command import CommandTest

RECORDS = {
    b"plain": b"text",
    b"empty": b"",
    b"tab\tand\nbreak\r": b"\\ back\\slash \\t",
    b"quote\"comma,": b"\"\"a\",\r\n",
    b" space ": b" kept ",
    bytes(range(256)): bytes(reversed(range(256))) * 300,
    "grüße".encode(): "日本語".encode(),
    b"\x00": b"\x00",
    b"->": b"+1,1:a->b\n",
    b"key": b"value",
    b"#": b"{\"hex\":\"00\"}",
}


class FormatsTest(CommandTest):
    def fill(self):
        text = b"".join(b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in RECORDS.items())
        self.ok("import", self.db, "-", "--format", "pairs", stdin=text + b"\n")

    def records(self, db):
        found = {}
        for line in self.ok("scan", db, "--hex").decode().splitlines():
            key, value = line.split("\t")
            found[bytes.fromhex(key)] = bytes.fromhex(value)
        return found

    def test_round_trips(self):
        self.fill()
        self.assertEqual(self.records(self.db), RECORDS)
        for name in ("tsv", "csv", "jsonl", "pairs"):
            for flags in ([], ["--hex"]):
                with self.subTest(format=name, flags=flags):
                    file = self.path("export." + name)
                    self.ok("export", self.db, file, *flags)
                    copy = self.path(name + "-copy" + "".join(flags))
                    self.ok("create", copy)
                    result = json.loads(self.ok("import", copy, file, "--json", *flags))
                    self.assertEqual((result["schema"], result["records"]), (1, len(RECORDS)))
                    self.assertEqual(self.records(copy), RECORDS)
                    # Through pipes instead of files.
                    piped = self.ok("export", self.db, "-", "--format", name, *flags)
                    with open(file, "rb") as exported:
                        self.assertEqual(piped, exported.read())
                    self.ok("import", copy, "-", "--format", name, *flags, stdin=piped)

    def test_csv_is_what_spreadsheets_write(self):
        self.ok("import", self.db, "-", "--format", "csv",
                stdin=b'key,value\r\na,1\r\n"b ""x""","two\r\nlines"\r\nlast,3')
        self.assertEqual(self.records(self.db),
                         {b"a": b"1", b'b "x"': b"two\r\nlines", b"last": b"3"})

    def test_bad_input_says_where_and_keeps_what_came_before(self):
        cases = {
            "tsv": (b"a\t1\nno tab\n", "line 2"),
            "csv": (b"key,value\na,1\nb\n", "line 3"),
            "jsonl": (b'{"key":"a","value":"1"}\n{"key":"b"}\n', "line 2"),
            "pairs": (b"+1,1:a->1\n+9,9:b->2\n\n", "line 2"),
        }
        for name, (text, where) in cases.items():
            with self.subTest(format=name):
                message = self.fails(2, "import", self.db, "-", "--format", name, stdin=text)
                self.assertIn(where, message)
                self.assertIn("1 records before it were imported", message)
                self.assertEqual(self.records(self.db), {b"a": b"1"})
                self.ok("del", self.db, "a")

    def test_more_bad_input(self):
        for name, text in (("tsv", b"a\tb\tc\n"), ("tsv", b"a\t\\q\n"), ("csv", b"a,1\n"),
                           ("csv", b'key,value\n"a,1\n'), ("csv", b"key,value\na,1,2\n"),
                           ("jsonl", b"[1]\n"), ("jsonl", b'{"key":1,"value":""}\n'),
                           ("jsonl", b'{"key":{"hex":"0"},"value":""}\n'),
                           ("jsonl", b'{"key":"\xff","value":""}\n'),
                           ("pairs", b"+1,1:a->1\n"), ("pairs", b"+99999999999,1:a->1\n"),
                           ("pairs", b"junk"), ("pairs", b"")):
            with self.subTest(format=name, text=text):
                self.fails(2, "import", self.db, "-", "--format", name, stdin=text)

    def test_a_failed_export_leaves_the_old_file(self):
        file = self.path("out.tsv")
        with open(file, "wb") as old:
            old.write(b"precious")
        self.fails(1, "export", self.db, file, "--tree", "none")
        with open(file, "rb") as old:
            self.assertEqual(old.read(), b"precious")
        self.fails(5, "export", self.db, self.path("no/such/place.tsv"))
        self.assertEqual(sorted(os.listdir(self.directory)), ["db", "out.tsv"])

    def test_a_missing_file(self):
        self.assertIn("nowhere.tsv", self.fails(1, "import", self.db, self.path("nowhere.tsv")))


if __name__ == "__main__":
    unittest.main()
