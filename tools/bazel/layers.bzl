"""The layers and who may build on them: the one table of the allowed arrows.

moraine_library() turns a row into the visibility of the folder's libraries, so that an
upward dependency does not build; tools/tidy.py reads the same table (as a Python literal,
so keep it one) and checks every #include against it.
"""

# folder: the folders that may include its headers. A folder may always include itself;
# tests may include everything, and nothing may include tests, bench or tools.
# bench measures single layers, so it may look inside them.
LAYERS = {
    "storage/base": ["storage/sync", "storage/memory", "storage/io", "storage/log", "storage/segments", "storage/cache", "storage/tree", "storage", "txn", "api", "bench", "tools"],
    "storage/sync": ["storage/memory", "storage/io", "storage/log", "storage/segments", "storage/cache", "storage/tree", "storage", "txn", "api", "bench"],
    "storage/memory": ["storage/io", "storage/log", "storage/segments", "storage/cache", "storage/tree", "storage", "txn", "api", "bench"],
    "storage/io": ["storage/log", "storage/segments", "storage/cache", "storage/tree", "storage", "api", "bench"],
    "storage/log": ["storage/cache", "storage/tree", "storage", "api", "bench"],
    "storage/segments": ["storage/cache", "storage/tree", "storage", "api", "bench"],
    "storage/cache": ["storage/tree", "storage", "api", "bench"],
    "storage/tree": ["storage", "api", "bench"],
    "storage": ["txn", "api", "bench"],
    "txn": ["api", "bench"],
    "api": ["bench", "tools"],
    "bench": [],
    "tools": [],
    "tests": [],
}

def layer_of(package):
    """The row of LAYERS a package belongs to: the longest folder that contains it."""
    best = ""
    for folder in LAYERS:
        if (package == folder or package.startswith(folder + "/")) and len(folder) > len(best):
            best = folder
    if not best:
        fail("package '%s' belongs to no layer of tools/bazel/layers.bzl" % package)
    return best

def layer_visibility(package):
    """Visibility of a library in `package`: the layers above it, its own, and the tests."""
    layer = layer_of(package)

    # "storage" is the top of the storage folders: its subfolders are other layers.
    scopes = ["//storage:__pkg__" if user == "storage" else "//%s:__subpackages__" % user for user in LAYERS[layer]]
    own = "//storage:__pkg__" if layer == "storage" else "//%s:__subpackages__" % layer
    return scopes + [own, "//tests:__subpackages__"]
