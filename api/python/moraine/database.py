"""Databases, trees, snapshots and batches."""

import json
import os
import sys
import weakref

from ._library import SYNC, bytes_of, ffi, lib, slice_of, take, view_of
from .cursor import make_range
from .errors import CorruptionError, call, released
from .reader import Reader
from .transaction import Transaction, TreeInside, transact


def open(path, create=False, **options):
    """Opens the database in the directory `path`; see Database for the options."""
    return Database(path, create, **options)


def _merge_callback(operator):
    """A C callback for operator(key, existing, operands) -> bytes."""

    def merge(_, key, key_size, existing, operands, count, result):
        before = None if existing == ffi.NULL else bytes_of(existing[0])
        try:
            after = operator(ffi.buffer(key, key_size)[:], before,
                             [bytes_of(operands[i]) or b"" for i in range(count)])
            pointer, size = view_of(after)
        except BaseException:  # It cannot pass through the engine; the value stays.
            sys.excepthook(*sys.exc_info())
            pointer, size = view_of(before or b"")
        lib.moraine_result_append(result, pointer, size)

    return ffi.callback("moraine_merge_function", merge)


class Database:
    """A directory of ordered trees. A context manager: leaving it closes the database.

    Options: create (when there is none), error_if_exists, read_only, memory_bytes (the one memory
    budget), group_interval_ms, leaf_bytes, io_uring=False (a pool of threads instead),
    checkpoint_on_close=False, merge_operators={"name": function(key, existing, operands)}.
    A merge function must be pure, returns bytes, and is called by any thread at any time; what it
    raises is reported on standard error and leaves the value as it was.
    """

    def __init__(self, path, create=False, error_if_exists=False, read_only=False, memory_bytes=0,
                 group_interval_ms=0, leaf_bytes=0, io_uring=True, checkpoint_on_close=True,
                 merge_operators=None):
        self._handle = ffi.NULL
        self._children = weakref.WeakSet()
        options = ffi.new("moraine_options*")
        lib.moraine_options_init(options, ffi.sizeof("moraine_options"))
        options.create_if_missing = create
        options.error_if_exists = error_if_exists
        options.read_only = read_only
        options.no_io_uring = not io_uring
        options.no_checkpoint_on_close = not checkpoint_on_close
        options.memory_bytes = memory_bytes
        options.group_interval_ms = group_interval_ms
        options.leaf_bytes = leaf_bytes
        self._kept = []  # callbacks live as long as the database
        operators = [self._operator(*item) for item in (merge_operators or {}).items()]
        pointers = ffi.new("moraine_merge_operator*[]", operators)
        options.merge_operators = ffi.cast("void*", pointers)
        options.merge_operator_count = len(operators)
        handle = ffi.new("moraine_database**")
        call(lib.moraine_open, os.fsencode(path), options, handle)
        self._handle = handle[0]

    def _operator(self, name, function):
        operator = ffi.new("moraine_merge_operator*")
        operator.struct_size = ffi.sizeof("moraine_merge_operator")
        text, callback = ffi.new("char[]", name.encode()), _merge_callback(function)
        operator.name, operator.merge = text, callback
        self._kept += [operator, text, callback]
        return operator

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", ffi.NULL) != ffi.NULL:
            lib.moraine_close(self._handle, ffi.NULL)

    def close(self):
        """Closes its cursors and snapshots, makes everything durable and closes."""
        if self._handle == ffi.NULL:
            return
        for child in list(self._children):
            child.close()
        handle, self._handle = self._handle, ffi.NULL
        call(lib.moraine_close, handle)

    def tree(self, name="default", create=False, merge=None):
        """The tree of that name; `merge` names the operator of one that is created."""
        options = ffi.new("moraine_tree_options*")
        lib.moraine_tree_options_init(options, ffi.sizeof("moraine_tree_options"))
        options.create_if_missing = create
        operator = ffi.NULL if merge is None else ffi.new("char[]", merge.encode())
        options.merge_operator = operator
        text, handle = name.encode(), ffi.new("moraine_tree**")
        call(lib.moraine_tree_open, self._handle, text, len(text), options, handle)
        return Tree(self, handle[0])

    def drop_tree(self, name):
        """Drops the tree with all its keys."""
        text = name.encode()
        call(lib.moraine_tree_drop, self._handle, text, len(text))

    def rename_tree(self, name, to):
        """Gives the tree another name."""
        texts = name.encode(), to.encode()
        call(lib.moraine_tree_rename, self._handle, texts[0], len(texts[0]), texts[1],
             len(texts[1]))

    def trees(self):
        """A dict from the names of all trees to the names of their merge operators (or "")."""
        block, count = ffi.new("moraine_tree_description**"), ffi.new("size_t*")
        call(lib.moraine_tree_list, self._handle, block, count)
        try:
            return {
                bytes_of(block[0][i].name).decode(errors="surrogateescape"):
                    (bytes_of(block[0][i].merge_operator) or b"").decode(errors="surrogateescape")
                for i in range(count[0])
            }
        finally:
            lib.moraine_free(block[0])

    def snapshot(self):
        """One instant of all trees."""
        return Snapshot(self)

    def transaction(self, durability=SYNC, **options):
        """A Transaction, committed when the `with` block is left without an exception.

        Options: isolation (SERIALIZABLE, SNAPSHOT_ISOLATION or READ_ONLY) and most_bytes (of
        memory for what it wrote and read). ConflictError: another writer was first.
        """
        return Transaction.begin(self, durability, options)

    def transact(self, function, durability=SYNC, **options):
        """Runs function(transaction), commits, and returns what it returned.

        When another writer was first it runs again, on a new transaction, so it must have no other
        effects. What it raises aborts and comes out here. Further options: most_tries,
        deadline_ms.
        """
        return transact(self, function, durability, options)

    def batch(self, durability=SYNC):
        """Writes that commit as one when the `with` block is left without an exception."""
        return Batch(self, durability)

    def flush(self):
        """Returns when everything that was committed before is durable."""
        call(lib.moraine_flush, self._handle)

    def checkpoint(self):
        """Writes all pages, so that opening is quick."""
        call(lib.moraine_checkpoint, self._handle)

    def stats(self):
        """Sizes and counters, as a dict."""
        text = ffi.new("moraine_slice*")
        call(lib.moraine_stats_json, self._handle, text)
        return json.loads(take(text[0]))

    def verify(self):
        """What was checked and found, as a dict: ["clean"] says whether nothing is wrong."""
        text = ffi.new("moraine_slice*")
        try:
            call(lib.moraine_verify, self._handle, text)
        except CorruptionError:
            if text.data == ffi.NULL:
                raise
        return json.loads(take(text[0]))


class Tree(Reader):
    """One ordered map of bytes, with the operators of a dict. Equal for equal trees."""

    def __eq__(self, other):
        return isinstance(other, Tree) and self._handle == other._handle

    def __hash__(self):
        return hash(self._handle)

    def at(self, view):
        """The reads of this tree as of a Snapshot, or reads and writes inside a Transaction."""
        if isinstance(view, Transaction):
            return TreeInside(self, view)
        return Reader(self._database, self._handle, view)

    def put(self, key, value, durability=SYNC):
        """Writes the value of the key."""
        call(lib.moraine_put, self._view, self._handle, *view_of(key), *view_of(value), durability)

    def delete(self, key, durability=SYNC):
        """Deletes the key, if it is there."""
        call(lib.moraine_delete, self._view, self._handle, *view_of(key), durability)

    def merge(self, key, operand, durability=SYNC):
        """Applies the tree's merge operator without reading."""
        call(lib.moraine_merge, self._view, self._handle, *view_of(key), *view_of(operand),
             durability)

    __setitem__ = put

    def __delitem__(self, key):
        if self.get_and_set(key, None) is None:
            raise KeyError(key)

    def compare_and_swap(self, key, expected, desired, durability=SYNC):
        """Writes `desired` if the key holds `expected`; None stands for absent in both.

        Returns (True, None), or (False, what it holds).
        """
        (old, kept_old), (new, kept_new) = slice_of(expected), slice_of(desired)
        actual = ffi.new("moraine_slice*")
        code = call(lib.moraine_compare_and_swap, self._view, self._handle, *view_of(key), old,
                    new, durability, actual)
        del kept_old, kept_new
        return code == lib.MORAINE_OK, take(actual[0])

    def get_and_set(self, key, value, durability=SYNC):
        """Writes the value (None: deletes) and returns what was there."""
        piece, kept = slice_of(value)
        previous = ffi.new("moraine_slice*")
        call(lib.moraine_get_and_set, self._view, self._handle, *view_of(key), piece, durability,
             previous)
        del kept
        return take(previous[0])

    def update(self, key, function, durability=SYNC):
        """Writes function(value), with None for absent both ways; returns the value before.

        It may be called more than once, and must not use the database. When it raises, nothing
        changes and the exception is raised here.
        """
        raised = []

        def update(_, current, result):
            before = None if current == ffi.NULL else bytes_of(current[0])
            after = before
            try:
                after = function(before)
                pointer, size = (None, 0) if after is None else view_of(after)
            except BaseException as exception:
                raised.append(exception)
                after = before
                pointer, size = (None, 0) if after is None else view_of(after)
            if after is None:
                return 0
            code = lib.moraine_result_append(result, pointer, size)
            return 1 if code == lib.MORAINE_OK else 0

        callback, previous = ffi.callback("moraine_update_function", update), ffi.new(
            "moraine_slice*")
        call(lib.moraine_update, self._view, self._handle, *view_of(key), callback, ffi.NULL,
             durability, previous)
        before = take(previous[0])
        if raised:
            raise raised[-1]
        return before

    def _pop(self, function, durability, bounds):
        bounds, kept = make_range(**bounds)
        key, value = ffi.new("moraine_slice*"), ffi.new("moraine_slice*")
        found = call(function, self._view, self._handle, bounds, durability, key, value)
        del kept
        return None if found == lib.MORAINE_NOT_FOUND else (take(key[0]), take(value[0]))

    def pop_first(self, durability=SYNC, **bounds):
        """Removes and returns the record with the smallest key, or None."""
        return self._pop(lib.moraine_pop_first, durability, bounds)

    def pop_last(self, durability=SYNC, **bounds):
        """Removes and returns the record with the largest key, or None."""
        return self._pop(lib.moraine_pop_last, durability, bounds)


class Snapshot:
    """One instant of all trees: read it with tree.at(snapshot). A context manager."""

    def __init__(self, database):
        self._database = database
        handle = ffi.new("moraine_snapshot**")
        call(lib.moraine_snapshot_take, database._handle, handle)
        self._handle = handle[0]
        database._children.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", ffi.NULL) != ffi.NULL:
            lib.moraine_snapshot_free(self._handle)

    def close(self):
        """Lets the old versions go; cursors made from it go on."""
        if self._handle != ffi.NULL:
            released(lib.moraine_snapshot_free(self._handle))
            self._handle = ffi.NULL

    @property
    def position(self):
        """Its place in the commit order."""
        position = ffi.new("uint64_t*")
        call(lib.moraine_snapshot_position, self._handle, position)
        return position[0]


class Batch:
    """Writes to any trees of one database that commit as one, or not at all."""

    def __init__(self, database, durability):
        self._database = database
        self._durability = durability
        handle = ffi.new("moraine_batch**")
        call(lib.moraine_batch_new, handle)
        self._handle = handle[0]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.apply()
        finally:
            self.close()

    def __del__(self):
        if getattr(self, "_handle", ffi.NULL) != ffi.NULL:
            lib.moraine_batch_free(self._handle)

    def __len__(self):
        count = ffi.new("size_t*")
        call(lib.moraine_batch_count, self._handle, count)
        return count[0]

    def put(self, tree, key, value):
        """Writes the value of the key."""
        call(lib.moraine_batch_put, self._handle, tree._handle, *view_of(key), *view_of(value))

    def delete(self, tree, key):
        """Deletes the key, if it is there."""
        call(lib.moraine_batch_delete, self._handle, tree._handle, *view_of(key))

    def merge(self, tree, key, operand):
        """Applies the tree's merge operator."""
        call(lib.moraine_batch_merge, self._handle, tree._handle, *view_of(key),
             *view_of(operand))

    def clear(self):
        """Forgets all operations."""
        call(lib.moraine_batch_clear, self._handle)

    def apply(self):
        """Commits the operations, which the batch keeps."""
        call(lib.moraine_batch_apply, self._database._handle, self._handle, self._durability)

    def close(self):
        """Lets the memory go."""
        if self._handle != ffi.NULL:
            released(lib.moraine_batch_free(self._handle))
            self._handle = ffi.NULL
