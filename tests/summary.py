#!/usr/bin/env python3
"""Summary of a "meson test" run: failed cases with what they said, then the count.

Counts single cases: the lines "ok" and "not ok" of a program that speaks TAP,
else the program itself.  A program that ends badly without a failed case (a
crash, a sanitizer, a time limit) counts as one failed case.  What is
skipped has not passed; but what a container forbids, say, is only named.
"""
import json
import re
import sys

TAIL_LINES = 80
CASE = re.compile(r"^(not ok|ok)\b\s*\d*\s*(?:- )?(.*)$", re.MULTILINE)
SKIPPED = re.compile(r"# *skip", re.IGNORECASE)
FORBIDDEN = re.compile(r"^ok\b\s*\d*\s*- (.*?) # SKIP forbidden here: (.*)$", re.MULTILINE)
GOOD = {"OK", "EXPECTEDFAIL"}


def cases_of(test):
    """(n_passed, [failed names]) of one program."""
    passed, failed = 0, []
    said = test.get("stdout") or ""
    for verdict, name in CASE.findall(FORBIDDEN.sub("", said)):
        if verdict == "ok" and not SKIPPED.search(name):
            passed += 1
        else:
            failed.append(name.strip() or test["name"])
    is_forbidden = FORBIDDEN.search(said) is not None
    is_good = test["result"] in GOOD or (test["result"] == "SKIP" and is_forbidden)
    if is_good and not failed:
        return passed or (0 if is_forbidden else 1), []
    return passed, failed or ["{} ({}, exit status {})".format(
        test["name"], test["result"].lower(), test["returncode"])]


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
    n_passed = n_failed = 0
    suites = {}
    for test in sorted(tests, key=lambda test: test["name"]):
        passed, failed = cases_of(test)
        n_passed, n_failed = n_passed + passed, n_failed + len(failed)
        suite = test["name"].split(" / ")[0].split(":")[-1] if " / " in test["name"] else "all"
        row = suites.setdefault(suite, [0, 0, 0.0])
        row[0] += passed
        row[1] += len(failed)
        row[2] += test.get("duration") or 0.0
        if failed:
            show_failure(test, failed)
        for name, reason in FORBIDDEN.findall(test.get("stdout") or ""):
            print("not tried  {}: {}".format(name, reason))
    print()
    for suite, (passed, failed, seconds) in sorted(suites.items()):
        print("{:8} {:5} passed {:4} failed {:7.1f} s".format(suite, passed, failed, seconds))
    if not tests:
        n_failed += 1
        print("no test has run")
    elif int(sys.argv[2]) != 0 and n_failed == 0:
        n_failed += 1
        print("the tests did not run to their end: see meson-test.log in the build folder")
    print("\n{} passed, {} failed".format(n_passed, n_failed))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
