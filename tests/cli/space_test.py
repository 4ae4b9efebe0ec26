"""space and compact: what they print, and that compaction gives space back and loses nothing."""

import json
import unittest

from command import CommandTest


class SpaceTest(CommandTest):
    def load(self, rounds):
        for number in range(rounds):
            lines = "".join(
                json.dumps({"key": f"key{i:05}", "value": f"{number}-{i}-" + "x" * 80}) + "\n"
                for i in range(4000))
            self.ok("import", self.db, "-", "--format", "jsonl", stdin=lines.encode())

    def test_space_adds_up(self):
        self.load(3)
        space = self.json("space", self.db)
        streams = space["streams"]
        self.assertEqual([stream["name"] for stream in streams],
                         ["fragments", "hot", "warm", "cold", "table", "large"])
        self.assertEqual(sum(stream["live_bytes"] for stream in streams), space["live_bytes"])
        self.assertEqual(space["file_bytes"], space["segment_bytes"] * (
            space["segments"] + space["free_segments"]))
        for stream in streams:
            self.assertEqual(len(stream["by_live"]), 10)
        self.assertEqual(space["snapshots"], 0)
        self.assertGreater(space["amplification"], 0)
        self.assertIn(b"pinned by", self.ok("space", self.db))

    def test_compact_keeps_every_record(self):
        self.load(4)
        before = self.ok("scan", self.db)
        result = self.json("compact", self.db)
        self.assertLessEqual(result["bytes_after"], result["bytes_before"])
        self.assertEqual(self.ok("scan", self.db), before)
        self.assertIn(b"compacted from", self.ok("compact", self.db))
        self.assertTrue(self.json("verify", self.db)["clean"])

    def test_compact_needs_to_write(self):
        self.fails(2, "compact", self.db, "--read-only")


if __name__ == "__main__":
    unittest.main()
