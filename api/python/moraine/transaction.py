"""Transactions: reads and writes that take effect at one instant, or not at all."""

import contextlib

from ._library import ffi, lib, slice_of, take, view_of
from .cursor import make_range
from .errors import ConflictError, Error, call, released
from .reader import Reader

SERIALIZABLE = lib.MORAINE_SERIALIZABLE
SNAPSHOT_ISOLATION = lib.MORAINE_SNAPSHOT_ISOLATION
READ_ONLY = lib.MORAINE_READ_ONLY


def _make_options(durability, given):
    options = ffi.new("moraine_transaction_options*")
    lib.moraine_transaction_options_init(options, ffi.sizeof("moraine_transaction_options"))
    options.durability = durability
    for name, value in given.items():
        if name not in ("isolation", "most_bytes", "most_tries", "deadline_ms"):
            raise TypeError(f"transactions have no option {name!r}")
        setattr(options, name, value)
    return options


class Transaction:
    """Read and write a tree inside it with tree.at(transaction).

        with shop.transaction() as t:
            inside = stock.at(t)
            inside[b"pen"] = str(int(inside[b"pen"]) - 1).encode()

    Leaving the block commits, an exception aborts. For one thread at a time.
    """

    def __init__(self, database, handle, durability, owned):
        self._database = database
        self._handle = handle
        self._durability = durability
        self._owned = owned
        database._children.add(self)

    @classmethod
    def begin(cls, database, durability, given):
        """Begins one; see Database.transaction."""
        handle = ffi.new("moraine_transaction**")
        call(lib.moraine_transaction_begin, database._handle, _make_options(durability, given),
             handle)
        return cls(database, handle[0], durability, True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def __del__(self):
        if self._owned and self._handle != ffi.NULL:
            lib.moraine_transaction_free(self._handle)

    def commit(self, durability=None):
        """Commits, and returns the place in the commit order. ConflictError: run it again."""
        position = ffi.new("uint64_t*")
        chosen = self._durability if durability is None else durability
        call(lib.moraine_transaction_commit, self._handle, chosen, position)
        return position[0]

    def abort(self):
        """Forgets all writes."""
        call(lib.moraine_transaction_abort, self._handle)

    def close(self):
        """Aborts it if it is not over."""
        if self._owned and self._handle != ffi.NULL:
            released(lib.moraine_transaction_free(self._handle))
        self._handle = ffi.NULL

    @contextlib.contextmanager
    def savepoint(self):
        """An exception within the block takes back the writes made there, and goes on."""
        number = ffi.new("size_t*")
        call(lib.moraine_transaction_set_savepoint, self._handle, number)
        try:
            yield
        except BaseException:
            call(lib.moraine_transaction_roll_back_to, self._handle, number[0])
            call(lib.moraine_transaction_release_savepoint, self._handle, number[0])
            raise
        call(lib.moraine_transaction_release_savepoint, self._handle, number[0])


class TreeInside(Reader):
    """A tree as a transaction sees it, with the writes that the transaction will commit."""

    def __init__(self, tree, transaction):
        super().__init__(tree._database, tree._handle, transaction)

    def put(self, key, value):
        """Writes the value of the key."""
        call(lib.moraine_transaction_put, self._view, self._handle, *view_of(key), *view_of(value))

    def delete(self, key):
        """Deletes the key, if it is there."""
        call(lib.moraine_transaction_delete, self._view, self._handle, *view_of(key))

    def merge(self, key, operand):
        """Applies the tree's merge operator without reading: merges do not conflict."""
        call(lib.moraine_transaction_merge, self._view, self._handle, *view_of(key),
             *view_of(operand))

    __setitem__ = put

    def __delitem__(self, key):
        if key not in self:
            raise KeyError(key)
        self.delete(key)

    def get_for_update(self, key, default=None):
        """The value of a key that will be written; ConflictError at once if it has changed."""
        value = ffi.new("moraine_slice*")
        found = call(lib.moraine_transaction_get_for_update, self._view, self._handle,
                     *view_of(key), value)
        return default if found == lib.MORAINE_NOT_FOUND else take(value[0])

    def compare_and_swap(self, key, expected, desired):
        """Writes `desired` if the key holds `expected`; see Tree.compare_and_swap."""
        (old, kept_old), (new, kept_new) = slice_of(expected), slice_of(desired)
        actual = ffi.new("moraine_slice*")
        code = call(lib.moraine_transaction_compare_and_swap, self._view, self._handle,
                    *view_of(key), old, new, actual)
        del kept_old, kept_new
        return code == lib.MORAINE_OK, take(actual[0])

    def delete_range(self, **bounds):
        """Deletes the keys of a range (the bounds of scan), and returns how many."""
        bounds, kept = make_range(**bounds)
        count = ffi.new("uint64_t*")
        call(lib.moraine_transaction_delete_range, self._view, self._handle, bounds, count)
        del kept
        return count[0]


def transact(database, function, durability, given):
    """Runs and repeats function(transaction); see Database.transact."""
    outcome = {}

    def body(_, handle):
        outcome.clear()
        transaction = Transaction(database, handle, durability, False)
        try:
            outcome["result"] = function(transaction)
            return lib.MORAINE_OK
        except ConflictError as conflict:
            outcome["raised"] = conflict
            return lib.MORAINE_CONFLICT
        except BaseException as raised:
            outcome["raised"] = raised
            return lib.MORAINE_INTERNAL
        finally:
            transaction.close()

    callback = ffi.callback("moraine_transact_function", body)
    try:
        call(lib.moraine_transact, database._handle, callback, ffi.NULL,
             _make_options(durability, given))
    except Error:
        if "raised" in outcome:
            raise outcome["raised"]
        raise
    return outcome["result"]
