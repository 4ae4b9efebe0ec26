"""The reads that databases, snapshots and transactions have in common."""

from ._library import bytes_of, ffi, lib, take, view_of
from .cursor import Cursor, make_range
from .errors import call


class Reader:
    """The reads of one tree: its latest state (a Tree), a snapshot or a transaction (Tree.at)."""

    def __init__(self, database, handle, snapshot=None):
        self._database = database
        self._handle = handle
        self._snapshot = snapshot

    @property
    def _view(self):
        return self._database._handle if self._snapshot is None else self._snapshot._handle

    def get(self, key, default=None):
        """The value of the key, or `default` when it is absent."""
        value = ffi.new("moraine_slice*")
        found = call(lib.moraine_get_copy, self._view, self._handle, *view_of(key), value)
        return default if found == lib.MORAINE_NOT_FOUND else take(value[0])

    def get_into(self, key, buffer):
        """Copies the value into a writable buffer if it fits; its size, or None when absent."""
        target, size = ffi.from_buffer(buffer, require_writable=True), ffi.new("size_t*")
        found = call(lib.moraine_get, self._view, self._handle, *view_of(key), target,
                     len(target), size)
        return None if found == lib.MORAINE_NOT_FOUND else size[0]

    def multi_get(self, keys):
        """The values of many keys as of one instant, None for absent ones."""
        pointers = [view_of(key) for key in keys]
        pieces = ffi.new("moraine_slice[]", pointers)
        values, block = ffi.new("moraine_slice[]", len(pointers)), ffi.new("void**")
        call(lib.moraine_multi_get, self._view, self._handle, pieces, len(pointers), values, block)
        try:
            return [bytes_of(value) for value in values]
        finally:
            lib.moraine_free(block[0])

    def __getitem__(self, key):
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key):
        found = call(lib.moraine_contains, self._view, self._handle, *view_of(key))
        return found == lib.MORAINE_OK

    def _end(self, function, bounds):
        bounds, kept = make_range(**bounds)
        key, value = ffi.new("moraine_slice*"), ffi.new("moraine_slice*")
        found = call(function, self._view, self._handle, bounds, key, value)
        del kept
        return None if found == lib.MORAINE_NOT_FOUND else (take(key[0]), take(value[0]))

    def first(self, **bounds):
        """The record with the smallest key in the bounds (those of scan), or None."""
        return self._end(lib.moraine_first, bounds)

    def last(self, **bounds):
        """The record with the largest key in the bounds (those of scan), or None."""
        return self._end(lib.moraine_last, bounds)

    def scan(self, **bounds):
        """A Cursor over the records of a range, as of now.

        prefix=: keys that begin with it. lower=: from there on; after=: the same without that
        very key. upper=: up to there, exclusive; up_to=: inclusive. reverse=True: downward.
        """
        return Cursor(self._database, self._view, self._handle, make_range(**bounds))

    def __iter__(self):
        for key, _ in self.scan():
            yield key

    def items(self, **bounds):
        """The same as scan."""
        return self.scan(**bounds)
