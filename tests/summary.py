#!/usr/bin/env python3
"""Summary of a "meson test" run: failed cases with what they said, then the count.

Counts single cases: the lines "ok" and "not ok" of a program that speaks TAP,
else the program itself.  A program that ends badly without a failed case (a
crash, a sanitizer, a time limit) counts as one failed case.
"""
import json
import re
import sys

TAIL_LINES = 80
CASE = re.compile(r"^(not ok|ok)\b\s*\d*\s*(?:- )?(.*)$", re.MULTILINE)
GOOD = {"OK", "EXPECTEDFAIL"}


def cases_of(test):
    """(n_passed, [failed names], n_skipped) of one program."""
    passed, failed, skipped = 0, [], 0
    for verdict, name in CASE.findall(test.get("stdout") or ""):
        if re.search(r"# *skip", name, re.IGNORECASE):
            skipped += 1
        elif verdict == "ok":
            passed += 1
        else:
            failed.append(name.strip() or test["name"])
    if test["result"] == "SKIP":
        return 0, [], max(skipped, 1)
    # cmocka 1.1.5 writes "not ok # SKIP", which meson takes for a failure.
    is_only_skipped = test["result"] == "FAIL" and test["returncode"] == 0 and skipped > 0
    if test["result"] in GOOD or (is_only_skipped and not failed):
        return passed or (0 if skipped else 1), failed, skipped
    if not failed:
        failed = ["{} ({}, exit status {})".format(test["name"], test["result"].lower(),
                                                   test["returncode"])]
    return passed, failed, skipped


def tail(text):
    lines = text.rstrip().splitlines()
    cut = ["  ... {} lines before".format(len(lines) - TAIL_LINES)] if len(lines) > TAIL_LINES else []
    return cut + ["  " + line for line in lines[-TAIL_LINES:]]


def show_failure(test, failed):
    print("\nFAILED  {}: {}".format(test["name"], ", ".join(failed)))
    said = [line for line in (test.get("stdout") or "").splitlines()
            if not re.match(r"ok \d|1\.\.\d|TAP version", line)]
    for text in ("\n".join(said), test.get("stderr") or ""):
        if text.strip():
            print("\n".join(tail(text)))


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except OSError as error:
        print("no test log: {}".format(error))
        tests = []
    n_passed = n_failed = n_skipped = 0
    suites = {}
    for test in sorted(tests, key=lambda test: test["name"]):
        passed, failed, skipped = cases_of(test)
        n_passed, n_failed, n_skipped = (n_passed + passed, n_failed + len(failed),
                                         n_skipped + skipped)
        suite = test["name"].split(" / ")[0].split(":")[-1] if " / " in test["name"] else "all"
        row = suites.setdefault(suite, [0, 0, 0, 0.0])
        row[0] += passed
        row[1] += len(failed)
        row[2] += skipped
        row[3] += test.get("duration") or 0.0
        if failed:
            show_failure(test, failed)
    print()
    for suite, (passed, failed, skipped, seconds) in sorted(suites.items()):
        print("{:8} {:5} passed {:4} failed {:4} skipped {:7.1f} s".format(
            suite, passed, failed, skipped, seconds))
    if not tests:
        n_failed += 1
        print("no test has run")
    print("\n{} passed, {} failed".format(n_passed, n_failed))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
