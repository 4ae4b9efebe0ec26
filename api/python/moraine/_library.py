"""The shared library and its declarations, which are read from the C header itself.

Both are looked for beside this file (an installed package), in the folders above it (the source
tree and what the build made of it), and where MORAINE_LIBRARY and MORAINE_HEADER point to.
"""

import os
import re

import cffi

_HERE = os.path.dirname(os.path.abspath(__file__))


def _find(variable, names):
    """The first that exists of the file the variable names and the candidates."""
    candidates = [os.environ[variable]] if variable in os.environ else []
    candidates += [os.path.join(_HERE, name) for name in names]
    for path in candidates:
        if os.path.exists(path):
            return path
    raise ImportError(f"none of these files exists: {', '.join(candidates)} (set {variable})")


def declarations(header):
    """What cffi wants of the text of c.h: no comments, no preprocessor, no attributes."""
    text = re.sub(r"//.*", "", header)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
    text = re.sub(r"(?m)^#(?:.*\\\n)*.*$", "", text)
    return re.sub(r"\bMORAINE_API\b", "", text)


def _load():
    foreign = cffi.FFI()
    header = _find("MORAINE_HEADER", ["c.h", "../../c.h"])
    with open(header, encoding="utf-8") as file:
        foreign.cdef(declarations(file.read()))
    names = ["libmoraine.so", "../../libmoraine.so", "../../../bazel-bin/api/libmoraine.so"]
    return foreign, foreign.dlopen(_find("MORAINE_LIBRARY", names))


ffi, lib = _load()

SYNC = lib.MORAINE_SYNC
GROUP = lib.MORAINE_GROUP
NONE = lib.MORAINE_NONE


def version():
    """The version of the library, "MAJOR.MINOR.PATCH"."""
    return ffi.string(lib.moraine_version()).decode()


def view_of(data):
    """The bytes of a bytes-like object as a pointer, without a copy, and their number."""
    if isinstance(data, str):
        raise TypeError("keys and values are bytes, not str: encode it")
    pointer = ffi.from_buffer(data)
    return pointer, len(pointer)


def slice_of(data):
    """A moraine_slice of a bytes-like object, and what must be kept alive for it; None: NULL."""
    if data is None:
        return ffi.NULL, None
    pointer, size = view_of(data)
    piece = ffi.new("moraine_slice*", (pointer, size))
    return piece, pointer


def bytes_of(piece):
    """A copy of a slice; None for {NULL, 0}."""
    if piece.data == ffi.NULL:
        return None
    return ffi.buffer(piece.data, piece.size)[:]


def take(piece):
    """A copy of an owned slice, which is freed."""
    try:
        return bytes_of(piece)
    finally:
        lib.moraine_free(piece.data)
