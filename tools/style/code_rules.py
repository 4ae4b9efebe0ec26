"""Style rules for C++ text: function length, atomics, banned calls, exceptions, allocation.

A rule is a function from a Source to (line, message) pairs; tidy.py lists and runs them.
"""

import re

from style.source import closing

FUNCTION_LINES = 70

# Folders whose code must not block, sleep or throw behind the caller's back.
_ENGINE = ("storage", "txn", "api")


def _matches(source, pattern):
    """Yields (line, match) for every match of the pattern in the code."""
    for match in re.finditer(pattern, source.code):
        yield source.line_of(match.start()), match


_SCOPE = re.compile(
    r"(?:(?:inline|export|typedef|static|const)\s+)*(namespace|class|struct|union|enum)\b"
)
_ATTRIBUTE = re.compile(
    r"\balignas\s*\([^()]*(\([^()]*\))?[^()]*\)|__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]"
)


def _statement_kind(statement):
    """What a brace after this text opens: a scope, a function or a plain initializer."""
    text = re.sub(r"(?m)^\s*#.*(\\\n.*)*$", " ", statement)
    text = re.sub(r"\b(public|private|protected)\s*:", " ", text)
    text = _ATTRIBUTE.sub(" ", text).strip()
    while text.startswith("template"):
        depth, offset = 0, text.find("<")
        for offset in range(max(offset, 0), len(text)):
            depth += {"<": 1, ">": -1}.get(text[offset], 0)
            if depth == 0 and text[offset] == ">":
                break
        text = text[offset + 1 :].strip()
    if _SCOPE.match(text) and "(" not in text:
        return "scope"
    if re.match(r'extern\s*"[^"]*"$', text):
        return "scope"
    if "(" in text and not text.endswith("="):
        return "function"
    return "initializer"


def functions(source):
    """Yields (first line, last line) of every function body outside other functions."""
    code = source.code
    statement_start, first_line, offset = 0, None, 0
    while offset < len(code):
        character = code[offset]
        if character == "(":
            offset = closing(code, offset)
        elif character in ";}":
            statement_start = offset + 1
        elif character == "{":
            statement = code[statement_start:offset]
            kind = _statement_kind(statement)
            if kind != "scope":
                end = closing(code, offset)
                # After a braced member initializer the text goes on with a comma or the body.
                goes_on = first_line is not None and re.match(r"\s*(,|$)", statement)
                if kind == "function" or goes_on:
                    if not goes_on:
                        lead = len(statement) - len(statement.lstrip())
                        first_line = source.line_of(statement_start + lead)
                    yield first_line, source.line_of(end)
                offset = end
            statement_start = offset + 1
        offset += 1


def function_length(source):
    """Seventy lines is the ceiling: decisions in the caller, straight work in helpers."""
    for first, last in functions(source):
        if last - first + 1 > FUNCTION_LINES:
            length = last - first + 1
            yield first, f"function of {length} lines, more than {FUNCTION_LINES}: split it"


_ATOMIC_CALL = (
    r"(?:\.|->)\s*(load|store|exchange|fetch_add|fetch_sub|fetch_and|fetch_or|fetch_xor"
    r"|compare_exchange_weak|compare_exchange_strong|test_and_set)\s*\("
)


def memory_order(source):
    """Every atomic operation names its memory order: the default hides a decision."""
    for line, match in _matches(source, _ATOMIC_CALL):
        opening = match.end() - 1
        arguments = source.code[opening : closing(source.code, opening) + 1]
        if not re.search(r"memory_order|\b\w*order\b|\bsuccess\b", arguments):
            yield line, f"{match.group(1)} without an explicit memory order"


def atomic_outside_sync(source):
    """Shared state goes through storage/sync, so that the checkers see every access."""
    if source.within("storage/sync"):
        return
    banned = [
        (r"\bstd::atomic\w*", "use Atomic of storage/sync"),
        (r"#\s*include\s*<atomic>", "include storage/sync instead"),
        (r"\b__(?:atomic|sync)_\w+", "use Atomic of storage/sync"),
        (r"\bvolatile\b", "volatile does not order anything; use Atomic of storage/sync"),
        (
            r"\babsl::(?:Mutex\w*|CondVar|Notification|BlockingCounter|Barrier)\b",
            "Abseil's locks are invisible to ThreadSanitizer; use storage/sync",
        ),
    ]
    if not source.within("tests", "bench", "tools", "api"):
        banned += [
            (
                r"\bstd::(?:recursive_|timed_|shared_)*(?:mutex|condition_variable\w*)\b",
                "a lock outside storage/sync",
            ),
            (r"\bpthread_\w+", "a pthread call outside storage/sync"),
        ]
    for pattern, advice in banned:
        for line, match in _matches(source, pattern):
            yield line, f"{match.group().strip()}: {advice}"


# A call by that name, not a member of something else.
_CALL = r"(?<![\w.>:~])(?:std::|::)?\b({})\s*\("


def banned_calls(source):
    """Calls that overflow, cannot report an error, or hide what they do."""
    banned = [
        ("sprintf|vsprintf|strcpy|strcat|gets", "unbounded write"),
        ("rand|srand", "unseeded randomness cannot be replayed"),
        ("atoi|atol|atoll|atof", "cannot report an error; use absl::SimpleAtoi"),
        ("system|popen", "runs a shell"),
        ("assert", "use MORAINE_CHECK or MORAINE_DCHECK"),
    ]
    if source.within(*_ENGINE):
        banned.append(("usleep|sleep|nanosleep", "the engine waits on events, not on time"))
    for names, reason in banned:
        for line, match in _matches(source, _CALL.format(names)):
            before = source.code[: match.start()].rstrip()
            if re.search(r"\b(void|int|auto|Status|bool)$", before):
                continue  # A declaration of that name.
            yield line, f"{match.group(1)}: {reason}"
    other = [
        (_CALL.format("time") + r"\s*(?:NULL|nullptr|0)\s*\)", "not monotonic; use a clock"),
        (r"\bstd::endl\b", "flushes at every line; write '\\n'"),
        (r"\busing\s+namespace\b", "hides where a name comes from"),
    ]
    if source.within(*_ENGINE):
        other.append((r"\bsleep_(?:for|until)\b", "the engine waits on events, not on time"))
    for pattern, reason in other:
        for line, match in _matches(source, pattern):
            yield line, f"{match.group().strip()}: {reason}"


def exceptions(source):
    """Errors are values; only tests and the command may meet a library's exceptions."""
    if source.within("tests", "tools/cli"):
        return
    for line, match in _matches(source, r"(?<![\w_])(throw|try|catch)\b(?=\s*[({\w;\"])"):
        yield line, f"{match.group(1)}: errors are absl::Status, not exceptions"


def raw_allocation(source):
    """Memory is owned by a type and charged to the budget at one place, storage/memory.

    Placement new is not an allocation; `unique_ptr<T>(new T(...))` with a private
    constructor hands the pointer over in the same expression.
    """
    if source.within("storage/memory"):
        return
    for line, _ in _matches(source, r"\bnew\b(?!\s*\((?!\s*std::nothrow))"):
        text = source.code_lines[line - 1]
        above = source.code_lines[line - 2] if line > 1 else ""
        if re.search(r"#\s*include|\boperator\s+new\b", text):
            continue
        if re.search(r"unique_ptr<|WrapUnique\(", text):
            continue
        if re.search(r"(unique_ptr<.*|WrapUnique)\($", above):
            continue
        yield line, "raw new: let a type own it (std::make_unique, an arena)"
    for line, _ in _matches(source, r"(?<!=)(?<!= )(?<!operator )\bdelete\b(?!\s*;)"):
        yield line, "raw delete: let a type own it"
    if source.within("tests"):
        return  # Simulated disks and aligned buffers; the address sanitizer watches them.
    calls = _CALL.format("malloc|calloc|realloc|free|aligned_alloc|posix_memalign")
    for line, match in _matches(source, calls):
        yield line, f"{match.group(1)}: allocation belongs into storage/memory"


def header_guard(source):
    """Headers are guarded by their path, so that two of the same name cannot collide."""
    if not source.path.endswith(".h"):
        return
    guard = "MORAINE_" + re.sub(r"[^A-Z0-9]", "_", source.path.upper()) + "_"
    if not re.search(rf"#ifndef {guard}\n#define {guard}\n", source.code):
        yield 1, f"guard the header with #ifndef {guard}"
