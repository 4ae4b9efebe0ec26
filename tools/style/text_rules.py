"""Style rules for every text file: head comments, length, leftovers, stray characters.

A rule is a function from a Source to (line, message) pairs; tidy.py lists and runs them.
"""

import re

# Files whose format has no comments, or whose text is not ours.
_NO_HEAD = ("LICENSE", ".bazelversion")
_NO_HEAD_SUFFIXES = (".md", ".json", ".txt.golden", ".csv", ".tsv", ".html", ".svg", ".bin")

FILE_LINES = 600
README_LINES = 300


def _head_of(source):
    """The comment or docstring that begins the file, as one string."""
    text = re.sub(r"\A#!.*\n", "", source.text)
    patterns = [r"(?://.*\n)+", r"/\*[\s\S]*?\*/"]
    if not source.is_cpp:
        patterns += [r'"""[\s\S]*?"""', r"(?:#.*\n)+", r"(?:;.*\n)+"]
    for pattern in patterns:
        match = re.match(pattern, text)
        if match:
            return match.group()
    return ""


def head_comment(source):
    """Every file begins with a comment that says what it is and why it exists here."""
    if source.path in _NO_HEAD or source.path.endswith(_NO_HEAD_SUFFIXES):
        return
    if len(re.findall(r"[A-Za-z]{2,}", _head_of(source))) < 5:
        yield 1, "begin the file with a comment: what it is and why it exists here"


def file_length(source):
    """A file holds one concept; at 600 lines it is split or says in its head why not."""
    if source.path == "LICENSE":
        return
    limit = README_LINES if source.path.endswith(".md") else FILE_LINES
    count = len(source.lines) - 1
    if count > limit:
        yield 1, f"{count} lines, more than {limit}: split it"


def leftover(source):
    """Unfinished work belongs into the work, not into a note."""
    for number, line in enumerate(source.lines, 1):
        # Written with brackets so that this file does not report itself.
        match = re.search(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b", line)
        if match:
            yield number, f"{match.group()} note: finish it or drop it"


def machine_path(source):
    """A path of somebody's machine means nothing elsewhere."""
    for number, line in enumerate(source.lines, 1):
        match = re.search(r"(?<![\w.*}])/(home|root|Users|work)/[\w.]+", line)
        if match:
            yield number, f"path of one machine: {match.group()}"


_RULER = re.compile(
    r"\s*(//+|#|/\*)\s*([-=*#~_/])\2{3,}([^+|]*\2{4,}|\s*[\w ]*)\s*(\*/)?\s*$"
)


def script_columns(source):
    """Scripts keep to the 100 columns that clang-format gives the C++ files."""
    if not source.path.endswith((".py", ".sh")) and not source.text.startswith("#!"):
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > 100:
            yield number, f"{len(line)} columns, more than 100"


def ruler(source):
    """No rules or banners made of punctuation: a blank line separates as well."""
    if source.path.endswith(".md") or source.path == "LICENSE":
        return
    for number, line in enumerate(source.lines, 1):
        if _RULER.match(line):
            yield number, "ruler comment"


def stray_characters(source):
    """No tabs, carriage returns, blanks at a line's end; one newline ends the file."""
    if source.path == "LICENSE":
        return
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        elif "\t" in line:
            yield number, "tab character"
    if source.text and (not source.text.endswith("\n") or source.text.endswith("\n\n")):
        yield len(source.lines), "end the file with exactly one newline"
