"""The shared library exports the list that is checked in, which is what its header declares."""

import os
import re
import subprocess
import unittest

LIBRARY = os.path.join("api", "libmoraine.so")
HEADER = os.path.join("api", "c.h")
LIST = os.path.join("tests", "api", "c", "exported_symbols.txt")


def listed():
    with open(LIST, encoding="utf-8") as file:
        return [line.strip() for line in file if not line.startswith("#")]


class SymbolsTest(unittest.TestCase):
    def test_library_exports_the_list(self):
        done = subprocess.run(["nm", "--dynamic", "--defined-only", LIBRARY],
                              capture_output=True, text=True, check=True)
        exported = sorted(line.split()[-1] for line in done.stdout.splitlines())
        self.assertEqual(exported, listed())

    def test_header_declares_the_list(self):
        with open(HEADER, encoding="utf-8") as file:
            text = re.sub(r"//.*", "", file.read())
        declared = re.findall(r"\bMORAINE_API\b[^;(]*?\b(moraine_\w+)\(", text)
        functions = [name.split("@@")[0] for name in listed() if "@@" in name]
        self.assertEqual(sorted(declared), functions)

    def test_names_its_version(self):
        done = subprocess.run(["objdump", "--private-headers", LIBRARY],
                              capture_output=True, text=True, check=True)
        self.assertRegex(done.stdout, r"SONAME +libmoraine\.so\.1\n")


if __name__ == "__main__":
    unittest.main()
