"""moraine: an embedded, ordered, transactional key-value store.

    import moraine
    with moraine.open("shop", create=True) as shop:
        shop.tree("stock", create=True)[b"pen"] = b"12"

Keys and values are bytes, or anything with the buffer protocol; what is read comes as bytes. A
write is durable when the call returns, unless it says otherwise (durability=moraine.GROUP or
moraine.NONE). An absent key is None (KeyError from tree[key]); an empty value is b"".

Threads: databases, trees and snapshots may be used by any number of threads; the interpreter's lock
is released during every call. Cursors, batches and transactions are for one thread at a time; a
second one gets MisuseError. Close a database when no other thread is inside a call on it.
"""

from ._library import GROUP, NONE, SYNC, version
from .cursor import Cursor
from .database import Batch, Database, Snapshot, Tree, open
from .errors import (
    ConflictError,
    CorruptionError,
    DeadlineError,
    DeviceError,
    Error,
    ExhaustedError,
    ExistsError,
    InternalError,
    InvalidArgumentError,
    MisuseError,
    MissingError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from .reader import Reader
from .transaction import READ_ONLY, SERIALIZABLE, SNAPSHOT_ISOLATION, Transaction, TreeInside

__version__ = version()

__all__ = [
    "Batch",
    "ConflictError",
    "CorruptionError",
    "Cursor",
    "Database",
    "DeadlineError",
    "DeviceError",
    "Error",
    "ExhaustedError",
    "ExistsError",
    "GROUP",
    "InternalError",
    "InvalidArgumentError",
    "MisuseError",
    "MissingError",
    "NONE",
    "READ_ONLY",
    "Reader",
    "RefusedError",
    "SERIALIZABLE",
    "SNAPSHOT_ISOLATION",
    "SYNC",
    "Snapshot",
    "Transaction",
    "Tree",
    "TreeInside",
    "UnknownOutcomeError",
    "UnsupportedError",
    "open",
    "version",
]
