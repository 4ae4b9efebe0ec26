"""Tests of the C++ rules of the style gate: each fires, and each stays silent."""

import unittest

from style import code_rules
from style.source import Source, split_cpp


def lines(rule, text, path="storage/tree/a.cc"):
    """The lines a rule reports for a file of that path and text."""
    return [line for line, _ in rule(Source(path, text))]


class SplitTest(unittest.TestCase):
    def test_comments_and_literals_leave_the_code(self):
        text = 'int a = 1\'000; // new\nchar c = \'"\'; f("// no", R"x(" new)x"); /* rand( */ b\n'
        code, comments = split_cpp(text)
        self.assertEqual(len(code), len(text))
        self.assertNotIn("new", code)
        self.assertNotIn("rand", code)
        self.assertIn("1'000", code)
        self.assertIn("b\n", code)
        self.assertIn("// new", comments)
        self.assertNotIn("// no", comments)

    def test_include_paths_stay(self):
        code, _ = split_cpp('#include "storage/base/ids.h"  // why\n')
        self.assertIn('"storage/base/ids.h"', code)
        self.assertNotIn("why", code)


class FunctionLengthTest(unittest.TestCase):
    def _body(self, count):
        return "{\n" + "  a();\n" * (count - 2) + "}\n"

    def test_fires_on_each_kind_of_function(self):
        body = self._body(71)
        for head in (
            "void F() ",
            "static int F(int a) noexcept ",
            "class A {\n  A() : b_(1), c_{2} ",
            "namespace a {\nTEST(ATest, Works) ",
            "template <typename T>\nauto F(T a) -> int ",
            "struct alignas(64) B {\n  bool operator()(int a) const ",
            'extern "C" {\nint F() ',
        ):
            text = head + body + ("}\n" if head.count("{") > head.count("}") else "")
            self.assertEqual(len(lines(code_rules.function_length, text)), 1, head)

    def test_silent_at_the_limit_and_on_long_scopes(self):
        self.assertEqual(lines(code_rules.function_length, "void F() " + self._body(70)), [])
        member = "  int F() { return 1; }\n"
        for head in ("class A", "namespace a", "struct alignas(64) A", "enum class E"):
            inside = "  kA,\n" if head.startswith("enum") else member
            text = head + " {\n" + inside * 100 + "};\n"
            self.assertEqual(lines(code_rules.function_length, text), [], head)
        table = "constexpr int kTable[] = {\n" + "  1,\n" * 100 + "};\n"
        self.assertEqual(lines(code_rules.function_length, table), [])

    def test_counts_lambdas_into_their_function(self):
        text = "void F() {\n  auto g = [&](int a) {\n" + "    b();\n" * 70 + "  };\n}\n"
        self.assertEqual(lines(code_rules.function_length, text), [1])


class MemoryOrderTest(unittest.TestCase):
    def test_fires_on_defaults(self):
        for call in ("a.load()", "a->store(1)", "x.fetch_add(1)", "a.compare_exchange_weak(b, c)"):
            self.assertEqual(lines(code_rules.memory_order, f"\n{call};\n"), [2], call)

    def test_silent_with_an_order(self):
        for call in (
            "a.load(std::memory_order_acquire)",
            "a.compare_exchange_weak(b, f(c),\n    std::memory_order::acq_rel, order)",
            "word_.store(value, order)",
            "database.Load()",
            "// a.load()",
        ):
            self.assertEqual(lines(code_rules.memory_order, call + ";\n"), [], call)


class AtomicOutsideSyncTest(unittest.TestCase):
    BANNED = (
        "std::atomic<int> a;",
        "std::atomic_thread_fence(std::memory_order_acquire);",
        "std::mutex m;",
        "std::condition_variable c;",
        "pthread_create();",
        "__atomic_load_n(p, 0);",
        "volatile int a;",
        "#include <atomic>",
        "absl::Mutex m;",
    )

    def test_fires_in_the_engine(self):
        for text in self.BANNED:
            self.assertEqual(lines(code_rules.atomic_outside_sync, text + "\n"), [1], text)

    def test_silent_in_sync_and_in_comments(self):
        for text in self.BANNED:
            found = lines(code_rules.atomic_outside_sync, text + "\n", "storage/sync/atomic.h")
            self.assertEqual(found, [])
        self.assertEqual(lines(code_rules.atomic_outside_sync, "// std::atomic<int>\n"), [])

    def test_tests_may_lock_but_not_share(self):
        for path in ("tests/log/a_test.cc", "bench/a.cc", "tools/cli/a.cc", "api/a.cc"):
            self.assertEqual(lines(code_rules.atomic_outside_sync, "std::mutex m;\n", path), [])
            text = "std::atomic<int> a;\n"
            self.assertEqual(lines(code_rules.atomic_outside_sync, text, path), [1])


class BannedCallsTest(unittest.TestCase):
    def test_fires_on_each(self):
        for call in (
            "sprintf(a, b)",
            "std::strcpy(a, b)",
            "strcat(a, b)",
            "rand()",
            "::srand(1)",
            "gets(a)",
            "atoi(a)",
            "system(a)",
            "assert(a)",
            "usleep(1)",
            "std::this_thread::sleep_for(a)",
            "time(nullptr)",
            "std::time( 0 )",
            "std::cout << std::endl",
            "using namespace std",
        ):
            self.assertEqual(lines(code_rules.banned_calls, f"x;\n{call};\n"), [2], call)

    def test_silent_on_lookalikes(self):
        for call in (
            "snprintf(a, 3, b)",
            "static_assert(a)",
            "file.system(a)",
            "grand()",
            "clock->time(0)",
            "int rand() const",
            "Policy::rand()",
            "using absl::Status",
            "// assert(a)",
        ):
            self.assertEqual(lines(code_rules.banned_calls, call + ";\n"), [], call)

    def test_tests_may_sleep(self):
        text = "std::this_thread::sleep_for(a);\n"
        self.assertEqual(lines(code_rules.banned_calls, text, "tests/log/a_test.cc"), [])


class ExceptionsTest(unittest.TestCase):
    def test_fires_on_each(self):
        for text in ("throw Error();", "try {", "} catch (...) {", "throw;"):
            self.assertEqual(lines(code_rules.exceptions, text + "\n"), [1], text)

    def test_silent_on_lookalikes_and_in_the_command(self):
        self.assertEqual(lines(code_rules.exceptions, "try_lock(); // throw Error()\n"), [])
        for path in ("tests/a_test.cc", "tools/cli/main.cc"):
            self.assertEqual(lines(code_rules.exceptions, "try {\n", path), [])


class RawAllocationTest(unittest.TestCase):
    def test_fires_on_each(self):
        for text in (
            "auto* a = new Page();",
            "p = new (std::nothrow) char[8];",
            "delete page;",
            "delete[] bytes;",
            "void* p = malloc(8);",
            "std::free(p);",
        ):
            self.assertEqual(lines(code_rules.raw_allocation, text + "\n"), [1], text)

    def test_silent_on_owned_and_placed_memory(self):
        for text in (
            "new (place) Page();",
            "::new (static_cast<void*>(p)) T(1);",
            "std::unique_ptr<Page> a(new Page());",
            "return absl::WrapUnique(new Page());",
            "return std::unique_ptr<Page>(\n    new Page(1));",
            "Page(const Page&) = delete;",
            "#include <new>",
            "void operator delete(void* p);",
            "void* operator new(size_t n);",
            "arena.free(p);",
            "// a new page",
        ):
            self.assertEqual(lines(code_rules.raw_allocation, text + "\n"), [], text)

    def test_silent_in_the_folder_of_memory(self):
        found = lines(code_rules.raw_allocation, "p = malloc(8);\n", "storage/memory/heap.cc")
        self.assertEqual(found, [])


    def test_tests_may_call_the_c_allocator(self):
        path = "tests/io/a_test.cc"
        self.assertEqual(lines(code_rules.raw_allocation, "p = malloc(8);\n", path), [])
        self.assertEqual(lines(code_rules.raw_allocation, "p = new Page();\n", path), [1])


class HeaderGuardTest(unittest.TestCase):
    def test_fires_on_other_guards(self):
        for text in ("#pragma once\n", "#ifndef LOG_H_\n#define LOG_H_\n#endif\n"):
            self.assertEqual(lines(code_rules.header_guard, text, "storage/log/log.h"), [1])

    def test_silent_on_the_path(self):
        guard = "MORAINE_STORAGE_LOG_LOG_H_"
        text = f"// Head.\n#ifndef {guard}\n#define {guard}\n#endif  // {guard}\n"
        self.assertEqual(lines(code_rules.header_guard, text, "storage/log/log.h"), [])
        self.assertEqual(lines(code_rules.header_guard, "int a;\n"), [])


if __name__ == "__main__":
    unittest.main()
