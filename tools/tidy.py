#!/usr/bin/env python3
"""The style gate: what a script can check is not discussed in review.

Usage: tools/tidy.py [--root DIR] [--list] [FILE ...]

Checks the files git knows or would add under the root (the repository by default), or only
the given ones, and prints `path:line: [rule] message` for each finding; exits 1 when there
are any. A finding is accepted by a note with its reason on the same line or the one above,

    // tidy: allow(rule): the reason in at least ten characters

or, to cover the whole file, in its head comment. The rules are in
tools/style/, each a small function with its tests in tests/tools/.
"""

import argparse
import os
import subprocess
import sys

from style import code_rules, text_rules, tree_rules
from style.source import Source

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

TEXT_RULES = {
    "head-comment": text_rules.head_comment,
    "file-length": text_rules.file_length,
    "leftover": text_rules.leftover,
    "machine-path": text_rules.machine_path,
    "ruler": text_rules.ruler,
    "script-columns": text_rules.script_columns,
    "stray-characters": text_rules.stray_characters,
}

CODE_RULES = {
    "function-length": code_rules.function_length,
    "memory-order": code_rules.memory_order,
    "atomic-outside-sync": code_rules.atomic_outside_sync,
    "banned-calls": code_rules.banned_calls,
    "exceptions": code_rules.exceptions,
    "raw-allocation": code_rules.raw_allocation,
    "header-guard": code_rules.header_guard,
}

TREE_RULES = {
    "layering": tree_rules.layering,
    "known-folder": tree_rules.known_folder,
    "public-headers": tree_rules.public_headers,
    "unbuilt-file": tree_rules.unbuilt_file,
    "native-rule": tree_rules.native_rule,
    "private-package": tree_rules.private_package,
    "thread-tag": tree_rules.thread_tag,
    "unlisted-package": tree_rules.unlisted_package,
}


def findings(sources):
    """All findings as sorted (path, line, rule, message), without the allowed ones."""
    found = []
    tree = tree_rules.Tree(sources)
    for source in sources:
        rules = dict(TEXT_RULES, **(CODE_RULES if source.is_cpp else {}))
        for name, rule in rules.items():
            found += [(source.path, line, name, message) for line, message in rule(source)]
    for name, rule in TREE_RULES.items():
        found += [(path, line, name, message) for path, line, message in rule(tree)]
    return sorted(f for f in found if not tree.by_path[f[0]].allows(f[2], f[1]))


def repository_files(root):
    """Tracked files and new ones that are not ignored; deleted ones are left out."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    paths = sorted(set(listing.split("\0")) - {""})
    return [path for path in paths if os.path.isfile(os.path.join(root, path))]


def read_sources(root, paths):
    """The text files among the paths; files with bytes that are not UTF-8 are skipped."""
    sources = []
    for path in paths:
        try:
            with open(os.path.join(root, path), encoding="utf-8", newline="") as file:
                sources.append(Source(path, file.read()))
        except UnicodeDecodeError:
            continue
    return sources


def main():
    parser = argparse.ArgumentParser(description="Checks the house style.")
    parser.add_argument("--root", default=REPOSITORY)
    parser.add_argument("--list", action="store_true", help="print the rules and their reasons")
    parser.add_argument("files", nargs="*", help="report on these files only")
    options = parser.parse_args()
    if options.list:
        for name, rule in {**TEXT_RULES, **CODE_RULES, **TREE_RULES}.items():
            print(f"{name:20} {rule.__doc__.strip().splitlines()[0]}")
        return 0
    paths = repository_files(options.root)
    found = findings(read_sources(options.root, paths))
    if options.files:
        wanted = {os.path.relpath(os.path.abspath(path), options.root) for path in options.files}
        found = [finding for finding in found if finding[0] in wanted]
    for path, line, name, message in found:
        print(f"{path}:{line}: [{name}] {message}")
    print(f"tidy: {len(paths)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
