"""The Python package: everything it does, with the errors it raises."""

import gc
import os
import random
import sys
import tempfile
import threading
import unittest

import moraine


class DatabaseCase(unittest.TestCase):
    """A fresh database `self.db` with its default tree `self.tree`."""

    options = {}

    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "db")
        self.db = moraine.open(self.path, create=True, memory_bytes=64 << 20, **self.options)
        self.addCleanup(lambda: self.db.close())
        self.tree = self.db.tree()

    def fill(self, keys):
        for key in keys:
            self.tree.put(key, b"v" + key, durability=moraine.NONE)


class OpenTest(DatabaseCase):
    def test_missing_database(self):
        with self.assertRaises(moraine.MissingError) as raised:
            moraine.open(self.path + "-not")
        self.assertIn("-not", str(raised.exception))
        self.assertIsInstance(raised.exception, moraine.Error)

    def test_second_opening_is_refused(self):
        with self.assertRaises(moraine.RefusedError):
            moraine.open(self.path)

    def test_survives_closing(self):
        self.tree[b"k"] = b"v"
        self.db.close()
        self.db = moraine.open(self.path, read_only=True)
        self.assertEqual(self.db.tree()[b"k"], b"v")
        with self.assertRaises(moraine.RefusedError):
            self.db.tree()[b"k"] = b"w"

    def test_closing_twice_is_fine_and_use_afterwards_is_not(self):
        self.db.close()
        self.db.close()
        for use in (lambda: self.tree.get(b"k"), self.db.flush, self.db.snapshot, self.tree.scan):
            with self.assertRaises(moraine.MisuseError):
                use()

    def test_closing_closes_what_is_open(self):
        self.fill([b"a"])
        snapshot, cursor = self.db.snapshot(), self.tree.scan()
        next(cursor)
        self.db.close()
        with self.assertRaises(moraine.MisuseError):
            snapshot.position
        with self.assertRaises(moraine.MisuseError):
            next(cursor)

    def test_dropped_objects_free_their_handles(self):
        for _ in range(300):
            self.db.snapshot()
            self.tree.scan()
            self.db.batch()
        gc.collect()
        self.assertEqual(self.db.stats()["snapshots"], 0)

    def test_version(self):
        self.assertRegex(moraine.version(), r"^\d+\.\d+\.\d+$")


class TreeTest(DatabaseCase):
    def test_empty_is_not_absent(self):
        self.tree[b"k"] = b""
        self.assertEqual(self.tree.get(b"k"), b"")
        self.assertIsNone(self.tree.get(b"absent"))
        self.assertEqual(self.tree.get(b"absent", b"d"), b"d")
        self.assertIn(b"k", self.tree)
        self.assertNotIn(b"absent", self.tree)
        with self.assertRaises(KeyError):
            self.tree[b"absent"]
        with self.assertRaises(KeyError):
            del self.tree[b"absent"]
        del self.tree[b"k"]
        self.assertNotIn(b"k", self.tree)

    def test_takes_and_fills_buffers(self):
        self.tree.put(bytearray(b"key"), memoryview(b"xvaluex")[1:6])
        self.assertEqual(self.tree[memoryview(b"key")], b"value")
        buffer = bytearray(8)
        self.assertEqual(self.tree.get_into(b"key", buffer), 5)
        self.assertEqual(buffer, b"value\0\0\0")
        small = bytearray(2)
        self.assertEqual(self.tree.get_into(b"key", small), 5)
        self.assertEqual(small, b"\0\0")
        self.assertIsNone(self.tree.get_into(b"absent", buffer))
        with self.assertRaises(BufferError if sys.version_info >= (3, 12) else
                               (BufferError, ValueError)):
            self.tree.get_into(b"key", b"readonly")
        with self.assertRaises(TypeError):
            self.tree.get("text")

    def test_sizes(self):
        with self.assertRaises(moraine.InvalidArgumentError):
            self.tree.put(b"k" * 4097, b"")
        self.tree.put(b"k" * 4096, b"v" * 100000, durability=moraine.GROUP)
        self.assertEqual(self.tree[b"k" * 4096], b"v" * 100000)
        with self.assertRaises(ValueError):
            self.tree.put(b"k", b"", durability=9)

    def test_compare_and_swap(self):
        self.assertEqual(self.tree.compare_and_swap(b"k", None, b"1"), (True, None))
        self.assertEqual(self.tree.compare_and_swap(b"k", b"2", b"3"), (False, b"1"))
        self.assertEqual(self.tree.compare_and_swap(b"k", b"1", None), (True, None))
        self.assertEqual(self.tree.compare_and_swap(b"k", b"1", b"2"), (False, None))

    def test_get_and_set_and_update(self):
        self.assertIsNone(self.tree.get_and_set(b"k", b"1"))
        self.assertEqual(self.tree.get_and_set(b"k", b"2"), b"1")
        self.assertEqual(self.tree.update(b"k", lambda value: value * 2), b"2")
        self.assertEqual(self.tree[b"k"], b"22")
        self.assertEqual(self.tree.update(b"k", lambda value: None), b"22")
        self.assertNotIn(b"k", self.tree)
        self.assertIsNone(self.tree.update(b"k", lambda value: b"" if value is None else b"x"))
        self.assertEqual(self.tree[b"k"], b"")

    def test_update_that_raises_changes_nothing(self):
        self.tree[b"k"] = b"1"
        with self.assertRaises(ZeroDivisionError):
            self.tree.update(b"k", lambda value: 1 // 0)
        with self.assertRaises(TypeError):
            self.tree.update(b"k", lambda value: "text")
        self.assertEqual(self.tree[b"k"], b"1")

    def test_threads_count_right(self):
        def count():
            for _ in range(50):
                self.tree.update(b"n", lambda n: str(int(n or b"0") + 1).encode(), moraine.NONE)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.tree[b"n"], b"200")

    def test_multi_get(self):
        self.fill([b"a", b"c"])
        self.assertEqual(self.tree.multi_get([b"c", b"b", b"a"]), [b"vc", None, b"va"])
        self.assertEqual(self.tree.multi_get([]), [])

    def test_ends_and_pops(self):
        self.fill([b"a", b"b", b"c"])
        self.assertEqual(self.tree.first(), (b"a", b"va"))
        self.assertEqual(self.tree.first(after=b"a"), (b"b", b"vb"))
        self.assertEqual(self.tree.last(upper=b"c"), (b"b", b"vb"))
        self.assertEqual(self.tree.pop_first(), (b"a", b"va"))
        self.assertEqual(self.tree.pop_last(up_to=b"b"), (b"b", b"vb"))
        self.assertIsNone(self.tree.pop_last(prefix=b"x"))


class CatalogTest(DatabaseCase):
    def test_trees(self):
        words = self.db.tree("words", create=True)
        self.assertEqual(self.db.tree("words"), words)
        self.assertNotEqual(words, self.tree)
        self.db.tree("sums", create=True, merge="add")
        self.assertEqual(self.db.trees(), {"default": "", "sums": "add", "words": ""})
        self.db.rename_tree("words", "wörter")
        words[b"k"] = b"v"
        self.assertEqual(self.db.tree("wörter")[b"k"], b"v")
        self.db.drop_tree("wörter")
        with self.assertRaises(moraine.MissingError):
            words.get(b"k")
        with self.assertRaises(moraine.MissingError):
            self.db.tree("wörter")

    def test_care(self):
        self.fill([b"a", b"b"])
        self.db.flush()
        self.db.checkpoint()
        self.assertEqual(self.db.stats()["records"], 2)
        self.assertTrue(self.db.verify()["clean"])


class MergeTest(DatabaseCase):
    @staticmethod
    def longest(_, existing, operands):
        return max([existing or b"", *operands], key=len)

    @staticmethod
    def broken(*_):
        raise RuntimeError("broken on purpose")

    options = {"merge_operators": {"longest": longest.__func__, "broken": broken.__func__}}

    def test_built_in(self):
        sums = self.db.tree("sums", create=True, merge="add")
        sums.merge(b"n", b"40")
        sums.merge(b"n", b"2")
        self.assertEqual(sums[b"n"], b"42")
        with self.assertRaises(moraine.RefusedError):
            self.tree.merge(b"n", b"1")

    def test_in_python(self):
        words = self.db.tree("words", create=True, merge="longest")
        for word in (b"scree", b"moraine", b"till"):
            words.merge(b"w", word)
        self.assertEqual(words[b"w"], b"moraine")

    def test_what_it_raises_leaves_the_value(self):
        tree = self.db.tree("broken", create=True, merge="broken")
        tree[b"k"] = b"before"
        reported = []
        hook, sys.excepthook = sys.excepthook, lambda kind, *_: reported.append(kind)
        try:
            tree.merge(b"k", b"x")
            self.assertEqual(tree[b"k"], b"before")
            self.db.close()  # which folds too
        finally:
            sys.excepthook = hook
        self.assertIn(RuntimeError, reported)


class BatchAndSnapshotTest(DatabaseCase):
    def test_batch_commits_when_left(self):
        other = self.db.tree("other", create=True)
        self.tree[b"gone"] = b"x"
        with self.db.batch() as batch:
            batch.put(self.tree, b"a", b"1")
            batch.put(other, b"b", b"2")
            batch.delete(self.tree, b"gone")
            self.assertEqual(len(batch), 3)
            self.assertNotIn(b"a", self.tree)
        self.assertEqual((self.tree[b"a"], other[b"b"]), (b"1", b"2"))
        self.assertNotIn(b"gone", self.tree)

    def test_batch_left_by_an_exception_does_nothing(self):
        with self.assertRaises(RuntimeError):
            with self.db.batch() as batch:
                batch.put(self.tree, b"a", b"1")
                raise RuntimeError
        self.assertNotIn(b"a", self.tree)

    def test_snapshot_stays(self):
        self.tree[b"k"] = b"old"
        with self.db.snapshot() as then:
            self.tree[b"k"] = b"new"
            self.tree[b"later"] = b""
            before = self.tree.at(then)
            self.assertEqual(before[b"k"], b"old")
            self.assertEqual(before.multi_get([b"k", b"later"]), [b"old", None])
            self.assertEqual(list(before.scan()), [(b"k", b"old")])
            cursor = before.scan()
        self.assertEqual(cursor.first(), (b"k", b"old"))  # it keeps the instant
        with self.assertRaises(moraine.MisuseError):
            before.get(b"k")
        with self.db.snapshot() as later:
            self.assertGreater(later.position, 0)


class TransactionTest(DatabaseCase):
    def test_commits_when_left(self):
        self.tree[b"a"] = b"1"
        with self.db.transaction() as t:
            inside = self.tree.at(t)
            inside[b"a"] = b"2"
            inside[b"b"] = b"3"
            self.assertEqual(list(inside.scan()), [(b"a", b"2"), (b"b", b"3")])
            self.assertEqual(inside.compare_and_swap(b"b", b"3", None), (True, None))
            self.assertEqual(inside.compare_and_swap(b"a", b"3", None), (False, b"2"))
            self.assertEqual(self.tree[b"a"], b"1")
        self.assertEqual(list(self.tree.scan()), [(b"a", b"2")])
        with self.assertRaises(moraine.MisuseError):
            inside.get(b"a")

    def test_left_by_an_exception_does_nothing(self):
        with self.assertRaises(RuntimeError):
            with self.db.transaction() as t:
                self.tree.at(t)[b"a"] = b"1"
                raise RuntimeError
        self.assertNotIn(b"a", self.tree)

    def test_conflict_says_what_changed(self):
        with self.assertRaises(moraine.ConflictError) as raised:
            with self.db.transaction() as t:
                inside = self.tree.at(t)
                inside[b"copy"] = inside.get(b"a", b"")
                self.tree[b"a"] = b"1"
        self.assertEqual(raised.exception.key, b"a")
        self.assertGreater(raised.exception.winner, 0)
        self.assertNotIn(b"copy", self.tree)

    def test_savepoint(self):
        self.fill([b"a", b"b", b"c"])
        with self.db.transaction() as t:
            inside = self.tree.at(t)
            with self.assertRaises(RuntimeError):
                with t.savepoint():
                    self.assertEqual(inside.delete_range(), 3)
                    self.assertIsNone(inside.first())
                    raise RuntimeError
            with t.savepoint():
                self.assertEqual(inside.delete_range(upper=b"c"), 2)
        self.assertEqual(list(self.tree), [b"c"])

    def test_read_only_and_snapshot_isolation(self):
        with self.db.transaction(isolation=moraine.READ_ONLY) as t:
            with self.assertRaises(moraine.Error):
                self.tree.at(t)[b"a"] = b"1"
        with self.db.transaction(isolation=moraine.SNAPSHOT_ISOLATION) as t:
            self.tree.at(t)[b"copy"] = self.tree.at(t).get(b"a", b"none")
            self.tree[b"a"] = b"1"
        self.assertEqual(self.tree[b"copy"], b"none")
        with self.assertRaises(TypeError):
            self.db.transaction(isolated=True)

    def test_transact_runs_again(self):
        runs = []

        def add(t):
            inside = self.tree.at(t)
            before = int(inside.get_for_update(b"n", b"0"))
            runs.append(before)
            if len(runs) < 3:
                self.tree[b"n"] = b"%d" % (10 * len(runs))
            inside[b"n"] = b"%d" % (before + 1)
            return before + 1

        self.assertEqual(self.db.transact(add), 21)
        self.assertEqual(runs, [0, 10, 20])
        self.assertEqual(self.tree[b"n"], b"21")

    def test_transact_that_raises_or_loses(self):
        def broken(t):
            self.tree.at(t)[b"n"] = b"1"
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            self.db.transact(broken)
        self.assertNotIn(b"n", self.tree)

        def lose(t):
            self.tree.at(t).get(b"n")
            self.tree[b"n"] = b""
            self.tree.at(t)[b"m"] = b""

        with self.assertRaises(moraine.ConflictError) as raised:
            self.db.transact(lose, most_tries=3)
        self.assertEqual(raised.exception.key, b"n")

    def test_threads_move_money(self):
        accounts = [b"%d" % i for i in range(4)]
        for account in accounts:
            self.tree[account] = b"100"

        def move(seed):
            dice = random.Random(seed)
            for _ in range(25):
                source, target = dice.sample(accounts, 2)

                def once(t, source=source, target=target):
                    inside = self.tree.at(t)
                    inside[source] = b"%d" % (int(inside[source]) - 1)
                    inside[target] = b"%d" % (int(inside[target]) + 1)

                self.db.transact(once, durability=moraine.NONE, most_tries=1000)

        threads = [threading.Thread(target=move, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(int(value) for _, value in self.tree.scan()), 400)


class CursorTest(DatabaseCase):
    def test_moves(self):
        self.fill([b"a", b"b", b"c"])
        with self.tree.scan() as cursor:
            self.assertEqual(cursor.next(), (b"a", b"va"))
            self.assertEqual(cursor.previous(), None)
            self.assertEqual(cursor.last(), (b"c", b"vc"))
            self.assertEqual(cursor.previous(), (b"b", b"vb"))
            self.assertEqual(cursor.seek(b"bb"), (b"c", b"vc"))
            self.assertEqual(cursor.next(), None)
        cursor.close()
        with self.assertRaises(moraine.MisuseError):
            cursor.next()

    def test_moves_within_an_iteration(self):
        self.fill([b"a", b"b", b"c", b"d"])
        cursor = self.tree.scan()
        self.assertEqual([next(cursor)[0], next(cursor)[0]], [b"a", b"b"])
        self.assertEqual(cursor.next(), (b"c", b"vc"))
        self.assertEqual(next(cursor), (b"d", b"vd"))
        self.assertEqual(list(cursor), [])
        self.assertEqual(cursor.previous(), (b"d", b"vd"))

    def test_same_as_a_sorted_dict(self):
        seed = int(os.environ.get("MORAINE_SEED", random.SystemRandom().randrange(1 << 32)))
        for argument in sys.argv:
            if argument.startswith("--seed="):
                seed = int(argument[len("--seed="):])
        print(f"--seed={seed}")
        dice = random.Random(seed)
        keys = sorted({dice.randbytes(dice.randrange(1, 4)) for _ in range(1500)})
        self.fill(keys)
        for _ in range(60):
            low, high = sorted([dice.randbytes(2), dice.randbytes(2)])
            prefix, reverse = dice.randbytes(1), dice.random() < 0.5
            inside = {
                "lower": lambda key: key >= low, "after": lambda key: key > low,
                "upper": lambda key: key < high, "up_to": lambda key: key <= high,
                "prefix": lambda key: key.startswith(prefix)}
            bounds = {dice.choice(["lower", "after"]): low, dice.choice(["upper", "up_to"]): high}
            if dice.random() < 0.3:
                bounds = {"prefix": prefix}
            expected = [key for key in keys if all(inside[name](key) for name in bounds)]
            with self.subTest(bounds=bounds, reverse=reverse):
                found = [key for key, _ in self.tree.scan(reverse=reverse, **bounds)]
                self.assertEqual(found, expected[::-1] if reverse else expected)
        self.assertEqual(list(self.tree), keys)

    def test_bounds_that_contradict(self):
        with self.assertRaises(TypeError):
            self.tree.scan(lower=b"a", after=b"b")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
