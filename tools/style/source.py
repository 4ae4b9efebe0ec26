"""A source file as the style rules see it: raw lines, code without comments, comments alone.

The rules are line-based searches, not a parser; what makes them reliable is that they look
at code with comments and literals blanked out (same length, same lines), so that a word in a
comment or a string never counts as code and the other way round.
"""

import re

CPP_SUFFIXES = (".h", ".cc", ".c")

_TOKEN = re.compile(
    r"""
      (?P<line_comment>//(?:[^\n\\]|\\.|\\\n)*)
    | (?P<block_comment>/\*.*?\*/)
    | (?P<raw_string>\bR"(?P<fence>[^\s()\\]{0,16})\(.*?\)(?P=fence)")
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<character>(?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)+')
    """,
    re.VERBOSE | re.DOTALL,
)

_ALLOW = re.compile(r"tidy: allow\((?P<rule>[a-z-]+)\): (?P<reason>\S.{9,})")


def _blank(text):
    """The same number of characters and lines, all of them spaces."""
    return re.sub(r"[^\n]", " ", text)


def split_cpp(text):
    """Returns (code, comments): each is `text` with the other part, and literals, blanked.

    An include path stays in the code, since it is a literal only to the eye.
    """
    code, comments, position = [], [], 0
    for match in _TOKEN.finditer(text):
        code.append(text[position : match.start()])
        comments.append(_blank(text[position : match.start()]))
        position = match.end()
        token = match.group()
        if match.lastgroup in ("line_comment", "block_comment"):
            code.append(_blank(token))
            comments.append(token)
            continue
        comments.append(_blank(token))
        line_start = text.rfind("\n", 0, match.start()) + 1
        if re.match(r"\s*#\s*include\b", text[line_start : match.start()]):
            code.append(token)
        else:
            code.append(token[0] + _blank(token[1:-1]) + token[-1])
    code.append(text[position:])
    comments.append(_blank(text[position:]))
    return "".join(code), "".join(comments)


class Source:
    """One tracked file: `path` relative to the root, with slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.is_cpp = path.endswith(CPP_SUFFIXES)
        if self.is_cpp:
            self.code, self.comments = split_cpp(text)
            self.code_lines = self.code.split("\n")
            self.comment_lines = self.comments.split("\n")

    def within(self, *folders):
        """Whether the file lies in one of the folders or below."""
        return any(self.path.startswith(folder + "/") for folder in folders)

    def line_of(self, offset):
        """The line number, from 1, of a character of the text."""
        return self.text.count("\n", 0, offset) + 1

    def allows(self, rule, line):
        """Whether `tidy: allow(rule): reason` stands on the line or on the one above it.

        In the head comment of the file such a note covers the whole file.
        """
        head = 0
        while head < len(self.lines) and self.lines[head].startswith(("//", "#", " *", "/*")):
            head += 1
        for text in self.lines[:head] + self.lines[max(line - 2, 0) : line]:
            match = _ALLOW.search(text)
            if match and match.group("rule") == rule:
                return True
        return False


def closing(code, opening):
    """The offset of the bracket that closes the one at `opening`, or the end of the code."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    left, right = code[opening], pairs[code[opening]]
    depth = 0
    for offset in range(opening, len(code)):
        if code[offset] == left:
            depth += 1
        elif code[offset] == right:
            depth -= 1
            if depth == 0:
                return offset
    return len(code)
