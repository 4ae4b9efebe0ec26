"""One exception class per error code of the library; all are moraine.Error."""

from ._library import bytes_of, ffi, lib


class Error(Exception):
    """Any error of moraine. `code` is the number of the C interface."""

    code = None

    def __init__(self, message, code=None):
        super().__init__(message)
        if code is not None:
            self.code = code


class MissingError(Error, LookupError):
    """There is no database at the path or no tree of that name. Never: an absent key."""

    code = lib.MORAINE_MISSING


class ExistsError(Error):
    """The database or the tree is there already."""

    code = lib.MORAINE_EXISTS


class MisuseError(Error):
    """Something closed was used, a tree of another database, or one thing by two threads."""

    code = lib.MORAINE_MISUSE


class InvalidArgumentError(Error, ValueError):
    """A size or a value that cannot be meant or stored."""

    code = lib.MORAINE_INVALID_ARGUMENT


class RefusedError(Error):
    """A read-only database, no merge operator, or another process has the database open."""

    code = lib.MORAINE_REFUSED


class ExhaustedError(Error):
    """The memory budget or the disk is full; nothing was written."""

    code = lib.MORAINE_EXHAUSTED


class ConflictError(Error):
    """Another writer was first; trying again may succeed.

    `key` is what it changed, `winner` its place in the commit order; None when not known.
    """

    code = lib.MORAINE_CONFLICT
    key = None
    winner = None


class CorruptionError(Error):
    """Damaged bytes: the message names file, offset, expected and found."""

    code = lib.MORAINE_CORRUPTION


class DeviceError(Error, OSError):
    """The device failed; writes are refused until the database is opened again."""

    code = lib.MORAINE_DEVICE


class DeadlineError(Error, TimeoutError):
    """The time given is over."""

    code = lib.MORAINE_DEADLINE


class UnknownOutcomeError(Error):
    """Whether the commit survived is known only after opening again."""

    code = lib.MORAINE_UNKNOWN


class UnsupportedError(Error, NotImplementedError):
    """This version of the library does not have what was asked for."""

    code = lib.MORAINE_UNSUPPORTED


class InternalError(Error):
    """A defect of the library."""

    code = lib.MORAINE_INTERNAL


_CLASSES = {kind.code: kind for kind in Error.__subclasses__()}


class Call:
    """Makes calls with an error parameter: raises what they report, returns other codes."""

    def __init__(self):
        self._error = ffi.new("moraine_error**")

    def __call__(self, function, *arguments):
        code = function(*arguments, self._error)
        if code < 10:
            return code
        message = ffi.string(lib.moraine_error_message(self._error[0])).decode(errors="replace")
        exception = _CLASSES.get(code, Error)(message, code)
        key, winner = ffi.new("moraine_slice*"), ffi.new("uint64_t*")
        if lib.moraine_error_conflict(self._error[0], ffi.NULL, key, winner) == lib.MORAINE_OK:
            exception.key, exception.winner = bytes_of(key[0]), winner[0]
        lib.moraine_error_free(self._error[0])
        raise exception


def call(function, *arguments):
    """Calls function(*arguments, error) and returns its code if that is no error."""
    return Call()(function, *arguments)


def released(code):
    """Raises MisuseError when a free function found its handle in use or gone."""
    if code != lib.MORAINE_OK:
        raise MisuseError("in use by another thread, or freed before", code)
