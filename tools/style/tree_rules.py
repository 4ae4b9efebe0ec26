"""Style rules that need more than one file: layers, build files, public headers.

A rule is a function from the Tree to (path, line, message) triples; tidy.py runs them.
"""

import ast
import posixpath
import re

_INCLUDE = re.compile(r"(?m)^\s*#\s*include\s*(\"([^\"\n]+)\"|<([^>\n]+)>)")
_STUBS = ("tools/bazel/rules_cc", "tools/bazel/remote_coverage_tools")


class Tree:
    """All sources of a check by path, with what the rules below look up in them."""

    def __init__(self, sources):
        self.by_path = {source.path: source for source in sources}

    def cpp(self):
        return [source for source in self.by_path.values() if source.is_cpp]

    def layers(self):
        """The table LAYERS of tools/bazel/layers.bzl."""
        source = self.by_path.get("tools/bazel/layers.bzl")
        if source is None:
            return {}
        for node in ast.parse(source.text).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "LAYERS":
                return ast.literal_eval(node.value)
        raise ValueError("tools/bazel/layers.bzl has no table LAYERS")

    def build_file(self, path):
        """The build file of the package a file belongs to, or None."""
        folder = posixpath.dirname(path)
        while True:
            build = self.by_path.get(posixpath.join(folder, "BUILD.bazel"))
            if build is not None or not folder:
                return build
            folder = posixpath.dirname(folder)


def includes(source):
    """Yields (line, path of the tree) for every include of a moraine header."""
    for match in _INCLUDE.finditer(source.code):
        line = source.line_of(match.start(1))
        quoted, angled = match.group(2), match.group(3)
        if quoted and not quoted.startswith(("absl/", "gtest/", "gmock/", "benchmark/")):
            yield line, quoted
        elif angled and angled.startswith("moraine/"):
            yield line, "api/" + angled[len("moraine/") :]


def layer_of(layers, path):
    """The longest folder of the table that contains the path, or None."""
    best = None
    for folder in layers:
        if path.startswith(folder + "/") and len(folder) > len(best or ""):
            best = folder
    return best


def layering(tree):
    """The include graph follows the arrows of tools/bazel/layers.bzl."""
    layers = tree.layers()
    for source in tree.cpp():
        user = layer_of(layers, source.path)
        for line, path in includes(source):
            used = layer_of(layers, path)
            if user is None or used is None or user == used or user == "tests":
                continue
            if user not in layers[used]:
                yield source.path, line, f"{user} may not include {used} ({path})"


def known_folder(tree):
    """Every source lies in a layer, so that the arrows speak of it."""
    layers = tree.layers()
    for source in tree.cpp():
        if layers and layer_of(layers, source.path) is None:
            yield source.path, 1, "outside every folder of tools/bazel/layers.bzl"


def public_headers(tree):
    """What users include by <moraine/NAME.h> includes only std, absl and such headers."""
    public = set()
    for source in tree.cpp():
        for match in _INCLUDE.finditer(source.code):
            if match.group(3) and match.group(3).startswith("moraine/"):
                public.add("api/" + match.group(3)[len("moraine/") :])
    for path in sorted(public & set(tree.by_path)):
        source = tree.by_path[path]
        for match in _INCLUDE.finditer(source.code):
            if match.group(2) and not match.group(2).startswith("absl/"):
                line = source.line_of(match.start(1))
                yield path, line, f"public header includes {match.group(2)}"


def targets(build):
    """Yields (rule, {attribute: literal}, line) for each target of a build file."""
    for node in ast.walk(ast.parse(build.text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        attributes = {}
        for keyword in node.keywords:
            try:
                attributes[keyword.arg] = ast.literal_eval(keyword.value)
            except ValueError:
                attributes[keyword.arg] = None
        yield node.func.id, attributes, node.lineno


def _is_build(source):
    return posixpath.basename(source.path) == "BUILD.bazel"


def unbuilt_file(tree):
    """A source no target names is never compiled and rots."""
    for source in tree.cpp():
        build = tree.build_file(source.path)
        if build is None:
            yield source.path, 1, "belongs to no Bazel package"
            continue
        name = posixpath.relpath(source.path, posixpath.dirname(build.path) or ".")
        if f'"{name}"' not in build.text and "glob(" not in build.text:
            yield source.path, 1, f"no target of {build.path} names it"


def native_rule(tree):
    """Targets use the macros of moraine.bzl, which bring flags, visibility and tags."""
    for source in tree.by_path.values():
        if not _is_build(source) or source.within("tools/bazel"):
            continue
        for rule, _, line in targets(source):
            if rule in ("cc_library", "cc_binary", "cc_test"):
                macro = "moraine_" + rule[len("cc_") :]
                yield source.path, line, f"{rule}: use {macro} of tools/bazel/moraine.bzl"


def private_package(tree):
    """Packages are private by default: what is open is said at the target."""
    wanted = 'package(default_visibility = ["//visibility:private"])'
    for source in tree.by_path.values():
        if not _is_build(source) or source.within(*_STUBS):
            continue
        if wanted not in source.text:
            yield source.path, 1, f"add {wanted}"


def thread_tag(tree):
    """A test that starts threads is tagged "tsan", or ThreadSanitizer never sees it."""
    for build in tree.by_path.values():
        if not _is_build(build) or not build.within("tests"):
            continue
        folder = posixpath.dirname(build.path)
        for rule, attributes, line in targets(build):
            if rule != "moraine_test" or "tsan" in (attributes.get("tags") or []):
                continue
            for name in attributes.get("srcs") or []:
                source = tree.by_path.get(posixpath.join(folder, name))
                if source and re.search(r"\bstd::j?thread\b", source.code):
                    yield build.path, line, f'{name} starts threads: add tags = ["tsan"]'


def unlisted_package(tree):
    """A library of @system comes from a package that tools/packages.txt installs."""
    packages = tree.by_path.get("tools/packages.txt")
    if packages is None:
        return
    provided = set()
    for line in packages.lines:
        if not line.startswith("#") and "#" in line:
            provided.update(line.split("#", 1)[1].split())
    for source in tree.by_path.values():
        if not _is_build(source):
            continue
        for number, line in enumerate(source.lines, 1):
            for name in re.findall(r"@system//:(\w+)", line):
                if name not in provided and not (name.startswith("absl_") and "absl_*" in provided):
                    yield source.path, number, f"no package of tools/packages.txt provides {name}"
