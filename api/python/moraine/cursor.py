"""Cursors: iterators over the records of a range, which also move and seek."""

from ._library import bytes_of, ffi, lib, view_of
from .errors import call, released

_RECORDS = 256

_UNBOUNDED, _INCLUSIVE, _EXCLUSIVE = range(3)


def make_range(prefix=None, lower=None, upper=None, after=None, up_to=None, reverse=False):
    """A moraine_range and what must be kept alive for it; see Reader.scan for the arguments."""
    if (lower is not None and after is not None) or (upper is not None and up_to is not None):
        raise TypeError("one lower (lower or after) and one upper bound (upper or up_to)")
    bounds = ffi.new("moraine_range*")
    lib.moraine_range_init(bounds, ffi.sizeof("moraine_range"))
    kept = []

    def put(name, data):
        pointer, size = view_of(data)
        kept.append(pointer)
        part = getattr(bounds, name)
        part.data, part.size = pointer, size

    if prefix is not None:
        put("prefix", prefix)
    if lower is not None or after is not None:
        put("lower", after if lower is None else lower)
        bounds.lower_kind = _EXCLUSIVE if lower is None else _INCLUSIVE
    if upper is not None or up_to is not None:
        put("upper", up_to if upper is None else upper)
        bounds.upper_kind = _INCLUSIVE if upper is None else _EXCLUSIVE
    bounds.reverse = 1 if reverse else 0
    return bounds, kept


class Cursor:
    """Walks the records of a range as (key, value) pairs of bytes, as of one instant.

        with stock.scan(prefix=b"pen/") as cursor:
            for key, value in cursor:
                ...

    For one thread at a time. Iterating fetches records in groups; the moves below go one by one
    and return a pair, or None where there is no record.
    """

    def __init__(self, database, view, tree, bounds):
        self._database = database
        bounds, kept = bounds
        handle = ffi.new("moraine_cursor**")
        call(lib.moraine_cursor_open, view, tree, bounds, handle)
        del kept
        self._handle = handle[0]
        self._keys = ffi.new("moraine_slice[]", _RECORDS)
        self._values = ffi.new("moraine_slice[]", _RECORDS)
        self._key = ffi.new("moraine_slice*")
        self._value = ffi.new("moraine_slice*")
        self._fetched = []  # records read ahead, the next one last
        self._given = None  # the key of the record given last by iterating
        database._children.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", ffi.NULL) != ffi.NULL:
            lib.moraine_cursor_free(self._handle)

    def close(self):
        """Lets its snapshot go. A closed cursor raises MisuseError; closing twice is fine."""
        if self._handle != ffi.NULL:
            released(lib.moraine_cursor_free(self._handle))
            self._handle = ffi.NULL
            self._fetched = []

    def __iter__(self):
        return self

    def __next__(self):
        if not self._fetched:
            count = ffi.new("size_t*")
            arguments = (self._handle, _RECORDS, self._keys, self._values, count)
            if call(lib.moraine_cursor_fetch, *arguments) == lib.MORAINE_NOT_FOUND:
                self._given = None
                raise StopIteration
            pairs = ((self._keys[i], self._values[i]) for i in range(count[0]))
            self._fetched = [(bytes_of(key), bytes_of(value)) for key, value in pairs][::-1]
        record = self._fetched.pop()
        self._given = record[0]
        return record

    def _move(self, function, *arguments):
        self._fetched = []
        self._given = None
        found = call(function, self._handle, *arguments, self._key, self._value)
        return None if found == lib.MORAINE_NOT_FOUND else (
            bytes_of(self._key[0]), bytes_of(self._value[0]))

    def _come_back(self):
        """To the record that iterating gave last, when it has read ahead of it."""
        if self._fetched:
            self.seek(self._given)

    def next(self):
        """The next record; the first one at the beginning."""
        self._come_back()
        return self._move(lib.moraine_cursor_next)

    def previous(self):
        """The previous record; the last one at the beginning."""
        self._come_back()
        return self._move(lib.moraine_cursor_previous)

    def first(self):
        """The first record of the range, in its direction."""
        return self._move(lib.moraine_cursor_first)

    def last(self):
        """The last record of the range, in its direction."""
        return self._move(lib.moraine_cursor_last)

    def seek(self, key):
        """The first record at the key or behind it, in the direction of the range."""
        return self._move(lib.moraine_cursor_seek, *view_of(key))
