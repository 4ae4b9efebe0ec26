#!/usr/bin/env python3
"""The clang-tidy gate: runs the checks of .clang-tidy on every source, in parallel.

Usage: tools/lint.py [--jobs N] [--all] [FILE ...]

A source whose text, headers of the tree, checks and clang-tidy are those of an earlier clean
run is not read again: a stamp named by the hash of all that lies in ~/.cache/moraine-lint.
--all ignores the stamps. Headers are checked through the sources that include them.

clang-tidy reads the code with clang, g++ builds it. Debian's default, clang 14, cannot read
<ranges> and <source_location> of g++ 12; 16 can. A source that it still cannot read says so in
its head, `tidy: allow(clang-tidy): reason`, and is left out.
"""

import argparse
import concurrent.futures
import hashlib
import os
import subprocess
import sys
import tempfile

import tidy
from style.tree_rules import Tree, includes, targets

PROGRAM = "clang-tidy-16"
FLAGS = ["-std=c++20", "-I.", "-Wno-everything"]


def read(path):
    with open(os.path.join(tidy.REPOSITORY, path), encoding="utf-8") as file:
        return file.read()


def closure(path, sources):
    """The source and every header of the tree it includes, directly or not, sorted."""
    seen, queue = {path}, [path]
    while queue:
        for _, included in includes(sources[queue.pop()]):
            if included in sources and included not in seen:
                seen.add(included)
                queue.append(included)
    return sorted(seen)


def flags(path, tree):
    """The compiler flags of a source: the common ones and the defines of its target."""
    build = tree.build_file(path)
    result = list(FLAGS)
    for _, attributes, _ in targets(build) if build else ():
        name = os.path.relpath(path, os.path.dirname(build.path) or ".")
        if name in (attributes.get("srcs") or []):
            defines = (attributes.get("local_defines") or []) + (attributes.get("defines") or [])
            result += ["-D" + define for define in defines]
    return result


def key(path, sources, common):
    """The name of the stamp: a hash of everything the outcome depends on."""
    digest = hashlib.sha256(common.encode())
    for part in closure(path, sources):
        digest.update(f"{part}\0{sources[part].text}\0".encode())
    return digest.hexdigest()


def lint(path, own_flags, include_folder):
    """Runs clang-tidy on one source; returns (clean, what it printed)."""
    command = [PROGRAM, "--quiet", path, "--", *own_flags, "-I" + include_folder]
    result = subprocess.run(command, cwd=tidy.REPOSITORY, capture_output=True, text=True)
    # Standard error only tells how many warnings of system headers were left out.
    return result.returncode == 0, result.stdout


def run(paths, tree, options, folders):
    """Lints the paths; returns the number of sources with findings."""
    stamps, include_folder = folders
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout
    common = version + read(".clang-tidy")
    own = {path: flags(path, tree) for path in paths}
    keys = {
        path: os.path.join(stamps, key(path, tree.by_path, common + " ".join(own[path])))
        for path in paths
    }
    stale = [path for path in paths if options.all or not os.path.exists(keys[path])]
    print(f"lint: {len(stale)} of {len(paths)} sources to read", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        tasks = {pool.submit(lint, path, own[path], include_folder): path for path in stale}
        for done, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            path, (clean, output) = tasks[task], task.result()
            if clean:
                open(keys[path], "w", encoding="utf-8").close()
            else:
                bad += 1
                print(output.strip(), flush=True)
            if done % 20 == 0:
                print(f"lint: {done}/{len(stale)}", flush=True)
    return bad


def main():
    parser = argparse.ArgumentParser(description="Runs clang-tidy where it is needed.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--all", action="store_true", help="also read what was clean before")
    parser.add_argument("files", nargs="*", help="these sources only")
    options = parser.parse_args()
    tree = Tree(tidy.read_sources(tidy.REPOSITORY, tidy.repository_files(tidy.REPOSITORY)))
    sources = tree.by_path
    wanted = {os.path.relpath(os.path.abspath(path), tidy.REPOSITORY) for path in options.files}
    paths = [
        path
        for path in sorted(sources)
        if path.endswith(".cc") and (not wanted or path in wanted)
        if not sources[path].allows("clang-tidy", 1)
    ]
    stamps = os.path.expanduser("~/.cache/moraine-lint")
    os.makedirs(stamps, exist_ok=True)
    with tempfile.TemporaryDirectory() as include_folder:
        # Public headers are included as <moraine/NAME.h> and lie in api/.
        os.symlink(os.path.join(tidy.REPOSITORY, "api"), os.path.join(include_folder, "moraine"))
        bad = run(paths, tree, options, (stamps, include_folder))
    print(f"lint: {bad} sources with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
