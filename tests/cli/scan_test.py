"""scan, stat and verify: ranges both ways, text and JSON, and a reader that goes away."""

import json
import subprocess
import unittest

from command import MORAINE, CommandTest


class ScanTest(CommandTest):
    def fill(self, *keys):
        lines = "".join(f"{key}\tv-{key}\n" for key in keys)
        self.ok("import", self.db, "-", stdin=lines.encode())

    def keys(self, *arguments):
        return self.ok("scan", self.db, "--keys-only", *arguments).decode().split()

    def test_ranges(self):
        self.fill("a", "b", "ba", "bb", "c")
        self.assertEqual(self.keys(), ["a", "b", "ba", "bb", "c"])
        self.assertEqual(self.keys("--prefix", "b"), ["b", "ba", "bb"])
        self.assertEqual(self.keys("--from", "b", "--to", "bb"), ["b", "ba"])
        self.assertEqual(self.keys("--reverse", "--limit", "2"), ["c", "bb"])
        self.assertEqual(self.keys("--prefix", "b", "--reverse"), ["bb", "ba", "b"])
        self.assertEqual(self.keys("--limit", "0"), [])
        self.assertEqual(self.keys("--prefix", ""), ["a", "b", "ba", "bb", "c"])
        self.fails(2, "scan", self.db, "--prefix", "a", "--from", "a")

    def test_text_and_json(self):
        self.ok("put", self.db, "a\tb", "line\nbreak\\")
        self.assertEqual(self.ok("scan", self.db), b"a\\tb\tline\\nbreak\\\\\n")
        line = json.loads(self.ok("scan", self.db, "--json"))
        self.assertEqual(line, {"schema": 1, "key": "a\tb", "value": "line\nbreak\\"})
        self.assertEqual(self.ok("scan", self.db, "--hex"),
                         b"610962\t6c696e650a627265616b5c\n")

    def test_a_reader_that_goes_away_is_no_error(self):
        self.ok("import", self.db, "-", stdin="".join(
            f"{i:06}\t{'x' * 100}\n" for i in range(20000)).encode())
        for arguments in (["scan", self.db], ["export", self.db, "-"]):
            with subprocess.Popen([MORAINE, *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                process.stdout.read(10)
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(process.wait(), 0)

    def test_a_full_device_is_an_error(self):
        self.fill("a")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MORAINE, "scan", self.db], stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"standard output", done.stderr)

    def test_stat_and_verify(self):
        self.fill("a", "bb")
        stat = self.json("stat", self.db)
        self.assertEqual(stat["records"], 2)
        self.assertEqual(stat["bytes_user"], 3 + 7)
        for name in ("trees", "pages", "bytes_live", "bytes_on_disk", "segments",
                     "fragments_per_page", "cache_bytes", "memory_bytes", "format_version"):
            self.assertIsInstance(stat[name], (int, float), name)
        self.assertGreaterEqual(stat["segments"], 1)
        self.assertIsInstance(stat["io_backend"], str)
        self.assertEqual(stat["tree_list"][0]["name"], "default")
        self.assertRegex(self.ok("stat", self.db).decode(), r"(?m)^records +2$")
        verified = self.json("verify", self.db)
        self.assertEqual((verified["clean"], verified["findings"]), (True, []))
        self.assertIn(b"nothing wrong", self.ok("verify", self.db))


if __name__ == "__main__":
    unittest.main()
