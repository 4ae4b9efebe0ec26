#!/usr/bin/env python3
"""Checks the order tags: each atomic site names its partner, and the partner names it.

Usage: tools/order_pairs.py [--root DIR] [--list]

A tag is a comment on the line of an atomic operation, within its statement, or in the two
lines above the statement. A tag may go on over following comment lines.

    tag     = "order:" word
    word    = "release" to  | "acquire" from | "acq_rel" both | "relaxed" reason
            | "seq_cst" [both] reason | "caller" reason
    to      = "->" NAME [rules]                     what the release publishes to
    from    = "<-" NAME [rules]                     what the acquire sees
    both    = ( to | from | "<->" NAME [rules] ) { "," ... }
    reason  = ":" TEXT of at least two words
    rules   = "[" "I2" { "," "I3" } "]"             invariants of the head comment

Rules
    pair      every `-> NAME` has a `<- NAME` somewhere in the tree and the other way round;
              `<->` is both at once, but one site alone does not make a pair.
    tagged    in storage/ and txn/ each statement with memory_order_release, acquire,
              acq_rel or seq_cst has a tag; a fence is such a statement too.
    agrees    a tag's word is one of the orders of its statement, or one half of acq_rel.
    reason    relaxed and seq_cst say why.
    cited     a rule in brackets stands in a comment of the folder or of an included header.
A file of storage/sync that only hands on its caller's orders says so once in its head:
`order: caller: reason`; its sites need no tags.
"""

import argparse
import collections
import posixpath
import re
import sys

import tidy
from style.tree_rules import includes

Tag = collections.namedtuple("Tag", "path line word arrows rules")

_TAG = re.compile(
    r"\border: (?P<word>release|acquire|acq_rel|relaxed|seq_cst|caller)\b(?P<rest>.*)"
)
_ARROW = re.compile(
    r"\s*(?P<arrow><->|->|<-)\s+(?P<name>[A-Za-z_][\w:]*\w)\s*(?P<rules>\[[^\]]*\])?"
)
_RULES = re.compile(r"\[\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*\s*\]$")
_ORDER = re.compile(r"\bmemory_order(?:_|::)(release|acquire|acq_rel|seq_cst)\b")

# Which directions a word may have.
_DIRECTIONS = {
    "release": {"->"},
    "acquire": {"<-"},
    "acq_rel": {"->", "<-", "<->"},
    "seq_cst": {"->", "<-", "<->"},
    "relaxed": set(),
    "caller": set(),
}


def parse_tag(path, line, word, rest):
    """Returns (Tag, problem); the problem is None when the tag follows the grammar."""
    arrows, rules = [], []
    match = _ARROW.match(rest)
    while match:
        arrows.append((match.group("arrow"), match.group("name")))
        if match.group("rules"):
            if not _RULES.match(match.group("rules")):
                return None, f"rules {match.group('rules')} are not of the form [I2] or [I2, I3]"
            rules += re.findall(r"[A-Z]+\d+", match.group("rules"))
        rest = rest[match.end() :]
        match = _ARROW.match(rest, 1) if rest.startswith(",") else None
    tag = Tag(path, line, word, tuple(arrows), tuple(rules))
    if any(arrow not in _DIRECTIONS[word] for arrow, _ in arrows):
        return tag, f"'{word}' with the wrong arrow"
    if word in ("release", "acquire", "acq_rel") and not arrows:
        return tag, f"'{word}' names no partner"
    if word in ("relaxed", "seq_cst", "caller"):
        if not re.match(r"\s*:\s*\S+\s+\S", rest):
            return tag, f"'{word}' gives no reason after a colon"
    elif rest.strip() and not re.match(r"\s*[.;:(]|\s+\*/", rest):
        return tag, f"'{rest.strip()}' after the tag: put explanations after a colon"
    return tag, None


def tags_of(source):
    """Returns ([Tag], [(path, line, message)]) of a file."""
    tags, problems = [], []
    for number, text in enumerate(source.comment_lines, 1):
        match = _TAG.search(text)
        if not match:
            continue
        rest = match.group("rest")
        for below in source.comment_lines[number : number + 2]:
            # The rest of a long tag; a comment that starts a tag of its own is not one.
            if not below.strip().startswith("//") or _TAG.search(below):
                break
            if source.code_lines[number - 1].strip():
                break
            rest += " " + below.strip().lstrip("/").strip()
        tag, problem = parse_tag(source.path, number, match.group("word"), rest)
        if problem:
            problems.append((source.path, number, problem))
        if tag:
            tags.append(tag)
    return tags, problems


def statements(source):
    """Yields (first line, last line, orders) of each statement that names an order."""
    code = source.code
    for match in _ORDER.finditer(code):
        start = max(code.rfind(mark, 0, match.start()) for mark in ";{}")
        first = source.line_of(start + 1 + len(code[start + 1 :]) - len(code[start + 1 :].lstrip()))
        end = re.compile(r"[;{}]").search(code, match.end())
        last = source.line_of(end.start()) if end else len(source.lines)
        orders = set(_ORDER.findall(code[start + 1 : end.start() if end else len(code)]))
        yield first, last, source.line_of(match.start()), orders


def untagged(source, tags):
    """Yields findings for operations without a tag, or with one that names another order."""
    if any(tag.word == "caller" for tag in tags) and source.within("storage/sync"):
        return
    seen = set()
    for first, last, line, orders in statements(source):
        if (first, last) in seen:
            continue
        seen.add((first, last))
        names = "/".join(sorted(orders))
        top = first - 2
        while top > 1 and source.comment_lines[top - 1].strip().startswith("//"):
            if not source.comment_lines[top - 2].strip().startswith("//"):
                break
            top -= 1  # A tag that goes on over several lines begins higher up.
        near = [tag for tag in tags if top <= tag.line <= last]
        if not near:
            yield source.path, line, f"{names} operation without an order tag"
            continue
        accepted = orders | ({"release", "acquire"} if "acq_rel" in orders else set())
        if not any(tag.word in accepted for tag in near):
            wrong = "/".join(sorted({tag.word for tag in near}))
            yield source.path, line, f"tagged {wrong}, but the operation is {names}"


def unpaired(tags):
    """Yields findings for tags whose partner is missing."""
    sites = {"->": collections.defaultdict(set), "<-": collections.defaultdict(set)}
    for tag in tags:
        for arrow, name in tag.arrows:
            for direction in ("->", "<-") if arrow == "<->" else (arrow,):
                sites[direction][name].add((tag.path, tag.line))
    for tag in tags:
        for arrow, name in tag.arrows:
            here = {(tag.path, tag.line)}
            wanted = {"->": ["<-"], "<-": ["->"], "<->": ["<-", "->"]}[arrow]
            if not any(sites[direction][name] - here for direction in wanted):
                missing = "order: acquire <- " if arrow == "->" else "order: release -> "
                yield tag.path, tag.line, f"no partner `{missing}{name}` in the tree"


def _visible_paths(source, by_path):
    """The file, its folder, and every header of the tree it includes, directly or not."""
    folder = posixpath.dirname(source.path)
    seen = {path for path in by_path if posixpath.dirname(path) == folder}
    queue = list(seen)
    while queue:
        for _, path in includes(by_path[queue.pop()]):
            if path in by_path and path not in seen:
                seen.add(path)
                queue.append(path)
    return seen


def uncited(sources, tags):
    """Yields findings for rules in brackets that no comment the file can see states."""
    by_path = {source.path: source for source in sources}
    stated = {}
    for source in sources:
        comments = re.sub(r"\border: .*|\[[^\]]*\]", "", source.comments)
        stated[source.path] = set(re.findall(r"\b[A-Z]+\d+\b", comments))
    for tag in tags:
        visible = _visible_paths(by_path[tag.path], by_path) if tag.rules else ()
        for rule in tag.rules:
            if not any(rule in stated[path] for path in visible):
                message = f"[{rule}] is stated neither in this folder nor in an included header"
                yield tag.path, tag.line, message


def findings(sources):
    """All findings of the tree as sorted (path, line, message)."""
    sources = [source for source in sources if source.is_cpp and source.within("storage", "txn")]
    found, tags = [], []
    for source in sources:
        own, problems = tags_of(source)
        tags += own
        found += problems
        found += untagged(source, own)
    found += unpaired(tags)
    found += uncited(sources, tags)
    return tags, sorted(set(found))


def main():
    parser = argparse.ArgumentParser(description="Checks that order tags are reciprocal.")
    parser.add_argument("--root", default=tidy.REPOSITORY)
    parser.add_argument("--list", action="store_true", help="print every pair with its sites")
    options = parser.parse_args()
    sources = tidy.read_sources(options.root, tidy.repository_files(options.root))
    tags, found = findings(sources)
    if options.list:
        pairs = ((n, arrow, tag.path, tag.line) for tag in tags for arrow, n in tag.arrows)
        for name, arrow, path, line in sorted(pairs):
            print(f"{name:40} {arrow:3} {path}:{line}")
    for path, line, message in found:
        print(f"{path}:{line}: [order-pairs] {message}")
    print(f"order_pairs: {len(tags)} tags, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
