#!/usr/bin/env python3
"""Runs the Spin models: the protocol holds, and every seeded bug is found.

Usage: check_models.py [--scope ci|deep] [--jobs N] [--only TEXT] [--trail]

`ci` is what the test runs; `deep` searches larger scopes of the correct protocol and takes
hours. Each line of the table below is one search: a model, its macros, and what must come out.
Bugs are looked for with randomized search orders of a fixed seed, which finds them in a small
part of the states that an exhaustive search would need; only `holds` claims exhaustion.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY_MIB = 2000
SECONDS = {"ci": 120, "deep": 7200}
STATES = re.compile(r"(\S+) states, stored")


class Search(NamedTuple):
    """One search: `holds` (exhaustive, no error) or a bug that must be found."""

    model: str
    macros: str
    holds: bool
    scope: str = "ci"


def bugs(model, macros, names):
    return [Search(model, f"{macros} -D{name}".strip(), False) for name in names.split()]


SMALL_FAULT = "-DNFL=1 -DNEV=1 -DNLD=1 -DNCL=0"
SEARCHES = [
    Search("page_crash", "", True),
    *bugs("page_crash", "", "BUG_PLAIN BUG_SCAN BUG_UNPOSTED BUG_SEP BUG_CAPALL"),
    Search("page_fault", SMALL_FAULT, True),
    Search("page_fault", "", True, "deep"),
    *bugs("page_fault", "", "BUG_CAPALL BUG_EVSTAMP BUG_NOVER BUG_NODROP BUG_ORDER BUG_DM"),
    *bugs("page_fault", "", "BUG_STKDROP BUG_NOPUSH BUG_BASECAP"),
    *bugs("page_fault", SMALL_FAULT, "BUG_EVLATE BUG_BASETS"),
    Search("page_smo", "-DNE=1 -DNP=1", True, "deep"),
    Search("page_smo", "", True, "deep"),
    *bugs("page_smo", "", "BUG_I BUG_NOREREAD BUG_SAMEEV BUG_UNFLUSH BUG_PARENT"),
    Search("txn_commit", "-DSCEN=1", True),
    Search("txn_commit", "-DSCEN=1 -DATT=2", True),
    Search("txn_commit", "-DSCEN=4", True),
    Search("txn_commit", "-DSCEN=5", True),
    Search("txn_commit", "-DSCEN=7", True),
    Search("txn_commit", "-DSCEN=10", True),
    Search("txn_commit", "-DSCEN=3", True, "deep"),
    Search("txn_commit", "-DSCEN=8", True, "deep"),
    Search("txn_commit", "-DSCEN=2 -DATT=2 -DSTAMP", True, "deep"),
    *bugs("txn_commit", "-DSCEN=1", "BUG_NOPUSH BUG_NOBOUND BUG_BLINDFLIP BUG_PUSHTXN"),
    *bugs("txn_commit", "-DSCEN=1", "BUG_IGNOREACTIVE BUG_FASTANY TEXT_OPEN TEXT_FAST TEXT_MAXTS"),
    *bugs("txn_commit", "-DSCEN=1 -DATT=2", "BUG_REUSE"),
    *bugs("txn_commit", "-DSCEN=3", "BUG_STACK"),
    *bugs("txn_commit", "-DSCEN=4", "BUG_NOREVAL"),
    *bugs("txn_commit", "-DSCEN=7", "TEXT_LATEST"),
    *bugs("txn_commit", "-DSCEN=8", "BUG_VALFIRST"),
    *bugs("txn_commit", "-DSCEN=10", "TEXT_UPPER TEXT_TOMB"),
]


class Outcome(NamedTuple):
    search: Search
    verdict: str  # holds, found, incomplete, or the error of a tool
    states: str
    seconds: float
    trail: str


def build(search, directory):
    """Generates and compiles the verifier; the text of an error, or nothing."""
    model = os.path.join(HERE, search.model + ".pml")
    spin = subprocess.run(["spin", "-a", *search.macros.split(), model], cwd=directory,
                          capture_output=True, text=True)
    if spin.returncode != 0 or not os.path.exists(os.path.join(directory, "pan.c")):
        return spin.stdout + spin.stderr
    order = ["-O2"] if search.holds else ["-O0", "-DP_RAND", "-DT_RAND"]
    gcc = subprocess.run(["gcc", "-w", *order, "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=4096",
                          f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"], cwd=directory,
                         capture_output=True, text=True)
    return gcc.stderr if gcc.returncode != 0 else ""


def verdict_of(output):
    if re.search(r"errors: [1-9]", output):
        return "found"
    incomplete = "max search depth too small|out of memory|Search not completed"
    if not STATES.search(output) or re.search(incomplete, output):
        return "incomplete"
    return "holds"


def run(search, want_trail=False):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        error = build(search, directory)
        if error:
            return Outcome(search, "error: " + error, "-", 0, "")
        # Processes that a crash leaves blocked are no deadlock.
        stops = ["-E"] if search.model == "page_crash" else []
        try:
            pan = subprocess.run(["./pan", "-m400000", *stops], cwd=directory, capture_output=True,
                                 text=True, timeout=SECONDS[search.scope])
            output = pan.stdout
        except subprocess.TimeoutExpired:
            output = ""
        states = STATES.search(output)
        trail = ""
        if want_trail and verdict_of(output) == "found":
            model = os.path.join(HERE, search.model + ".pml")
            os.replace(os.path.join(directory, search.model + ".pml.trail"),
                       os.path.join(directory, "trail"))
            replay = ["spin", "-k", "trail", "-p", "-g", *search.macros.split(), model]
            trail = subprocess.run(replay, cwd=directory, capture_output=True, text=True).stdout
        return Outcome(search, verdict_of(output), states.group(1) if states else "-",
                       time.monotonic() - start, trail)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scope", choices=sorted(SECONDS), default="ci")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--trail", action="store_true", help="print the steps to each error")
    arguments = parser.parse_args()
    chosen = [search for search in SEARCHES if search.scope == arguments.scope
              and arguments.only in f"{search.model} {search.macros}"]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(lambda search: run(search, arguments.trail), chosen):
            wanted = "holds" if outcome.search.holds else "found"
            passed = outcome.verdict == wanted
            failures += not passed
            name = f"{outcome.search.model} {outcome.search.macros}".strip()
            print(f"{'ok  ' if passed else 'FAIL'} {name}: {outcome.verdict}, {outcome.states} "
                  f"states, {outcome.seconds:.1f} s", flush=True)
            if outcome.trail:
                print(outcome.trail)
    print(f"{len(chosen)} searches, {failures} failures")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
