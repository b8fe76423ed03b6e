#!/usr/bin/env python3
"""The house rules that a program can check.  Speaks TAP.

usage: run.py SOURCE_ROOT LIBMIGRATE_SO MIGRATE COMPILER...
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
SHARED_OBJECT = sys.argv[2]
PROGRAM = sys.argv[3]
COMPILER = sys.argv[4:]

# Which folders of lib/ a folder may include from, besides itself.  migrate.h is the vocabulary of
# all of them.
LAYERS = {
    "base": [],
    "target": ["base"],
    "sql": ["base"],
    "source": ["base", "target", "sql"],
    "project": ["base", "target", "sql", "source"],
    "plan": ["base", "target", "sql", "source"],
    "pg": ["base", "target", "sql", "source", "plan"],
    "state": ["base", "target", "sql", "source", "plan"],
    "report": ["base"],
}
CMD_MAY_INCLUDE = {"migrate.h", "base/arena.h", "base/attr.h", "base/buf.h", "base/error.h",
                   "base/text.h"}

# Peers in pg/ do not know each other, but for conn.h and these.
PG_FAMILIES = {
    "diagnose": {"history", "lock", "prove", "start"},
    "dump": {"history", "programs"},
    "exec": {"blockers", "history", "index", "lock", "start"},
    "history": {"lock"},
    "record": {"history", "lock"},
    "scratch": {"programs"},
    "start": {"history", "lock", "prove"},
}

# A third-party header, and the only files that may include it.
THIRD_PARTY = [
    (r"libpq-fe\.h|libpq/.*|pg_config.*",
     r"lib/(pg/conn(_\w+)?|target/url|base/text|base/library_libpq)\.c"),
    (r"jansson\.h", r"lib/report/json\.c"),
    (r"openssl/.*", r"lib/base/(digest|library_libcrypto)\.c"),
    (r"yaml\.h", r"lib/target/config\.c"),
    (r"sqlite3\.h", r"lib/(state/state|base/library_sqlite)\.c"),
]

# A document that is not in this repository: whoever reads the comment cannot look it up.
ELSEWHERE = re.compile(
    r"\b(?!(?:README|CHANGELOG|CONTRIBUTING|json)\.)[\w-]+\.md\b"
    r"|\bDESIGN\b|\bsections?[\s*]+\d|\b[Ff]acts:")

# A word that must not stand in code, where it may, and what to use instead.
BANNED = [
    (r"strcpy|strcat|stpcpy", None, "mg_text_copy, or an MgBuf"),
    (r"sprintf|vsprintf", None, "snprintf, mg_arena_format or an MgBuf"),
    (r"strtok|strtok_r", None, "strcspn"),
    (r"atoi|atol|atoll|strtol|strtoul|strtoull", None, "mg_text_parse_uint"),
    (r"gets|fgets|getline", None, "MgReader or mg_file_read"),
    (r"system|popen", None, "posix_spawn"),
    (r"localtime|localtime_r|gmtime|ctime|asctime", None, "mg_text_minute, mg_text_iso"),
    (r"rand|srand|random|srandom", None, "mg_clock_random"),
    (r"alloca|setjmp|longjmp|sigsetjmp|siglongjmp", None, "an arena, a result"),
    (r"qsort_r|asprintf|strlcpy", None, "what every libc has"),
    (r"exit", r"cmd/main\.c", "a return"),
    (r"printf|puts|putchar|vprintf|perror", r"cmd/.*", "an event or a result: lib/ does not print"),
    (r"fprintf|fputs|fputc|vfprintf|fwrite", r"cmd/.*|lib/base/arena\.c",
     "an event or a result: lib/ does not print"),
    (r"malloc|calloc|realloc|strdup|strndup", r"lib/base/arena\.c", "an arena"),
    (r"free", r"lib/base/arena\.c", "an arena"),
]


def files(*patterns):
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def without_comments(text, keep_strings):
    """Blanks of the same length, so that line numbers stay true."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token if keep_strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(path):
    """(line, header, is_ours) of each include."""
    text = without_comments(path.read_text(encoding="utf-8"), keep_strings=True)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text, re.MULTILINE):
        yield line_at(text, match.start()), match.group(2), match.group(1) == '"'


def is_allowed_in_lib(name, header):
    if header == "migrate.h" or name.count("/") == 1:  # the wiring: it knows all stages
        return True
    folder, own = name.split("/")[1:3] if name.count("/") == 2 else (None, None)
    if folder not in LAYERS or "/" not in header:
        return False
    to_folder, to_name = header.split("/", 1)
    if to_folder != folder:
        return to_folder in LAYERS[folder]
    if folder != "pg":
        return True
    family, to_family = (re.split(r"[_.]", text)[0] for text in (own, to_name))
    return to_family in {family, "conn"} | PG_FAMILIES.get(family, set())


def check_layers():
    for path in files("lib/**/*.[ch]"):
        for line, header, is_ours in includes(path):
            if is_ours and not is_allowed_in_lib(name_of(path), header):
                yield '{}:{}: may not include "{}"'.format(name_of(path), line, header)
    for path in files("cmd/*.[ch]"):
        for line, header, is_ours in includes(path):
            if is_ours and header not in CMD_MAY_INCLUDE and not (ROOT / "cmd" / header).exists():
                yield '{}:{}: may not include "{}"'.format(name_of(path), line, header)


def check_third_party():
    for path in files("lib/**/*.[ch]", "cmd/*.[ch]"):
        for line, header, _ in includes(path):
            for pattern, where in THIRD_PARTY:
                if re.fullmatch(pattern, header) and not re.fullmatch(where, name_of(path)):
                    yield "{}:{}: {} is included only in {}".format(name_of(path), line, header,
                                                                    where)


def check_banned():
    for path in files("lib/**/*.[ch]", "cmd/*.[ch]"):
        text = without_comments(path.read_text(encoding="utf-8"), keep_strings=False)
        for pattern, where, instead in BANNED:
            if where and re.fullmatch(where, name_of(path)):
                continue
            for match in re.finditer(r"(?<![\w.>])({})\s*\(".format(pattern), text):
                yield "{}:{}: {}: take {}".format(name_of(path), line_at(text, match.start()),
                                                  match.group(1), instead)


def check_comments():
    for path in files("lib/**/*.[ch]", "cmd/*.[ch]", "tests/**/*.[ch]"):
        raw = path.read_text(encoding="utf-8")
        text = without_comments(raw, keep_strings=False)
        for match in re.finditer(r"//", text):
            yield "{}:{}: comments are /* */".format(name_of(path), line_at(text, match.start()))
        for match in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!X)", raw):
            yield "{}:{}: {} belongs into an issue".format(name_of(path),
                                                           line_at(raw, match.start()),
                                                           match.group(1))


def comments():
    """(path, line, text) of each comment, and of CONTRIBUTING.md all."""
    for path in files("lib/**/*.[ch]", "cmd/*.[ch]", "tests/**/*.[ch]"):
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r'(/\*.*?\*/)|"(?:\\.|[^"\\\n])*"', text, re.DOTALL):
            if match.group(1):
                yield path, line_at(text, match.start()), match.group(1)
    for path in files("meson.build", "*/meson.build", "tests/*/meson.build", "tests/**/*.py",
                      "tests/install", ".ci/run", "*/run"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield path, number, line[line.find("#"):] if "#" in line else ""
    yield ROOT / "CONTRIBUTING.md", 1, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def check_cited():
    for path, line, text in comments():
        for match in ELSEWHERE.finditer(text):
            yield '{}:{}: cites "{}", which is not here'.format(
                name_of(path), line + line_at(text, match.start()) - 1,
                " ".join(match.group(0).split()))


def check_version():
    stands = {}
    for name, pattern in [("meson.build", r"\bversion: '([^']*)'"),
                          ("lib/migrate.h", r'#define MG_VERSION "([^"]*)"')]:
        found = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"))
        stands[name] = found.group(1) if found else "none"
    if len(set(stands.values())) != 1:
        yield "the version differs: " + ", ".join("{} in {}".format(version, name)
                                                  for name, version in stands.items())


def check_include_cycles():
    graph = {name_of(path): [("lib/" if (ROOT / "lib" / header).exists() else "cmd/") + header
                             for _, header, is_ours in includes(path) if is_ours]
             for path in files("lib/**/*.h", "cmd/*.h")}

    def visit(name, path):
        if name in path:
            yield " -> ".join(path[path.index(name):] + [name])
            return
        for header in graph.get(name, []):
            yield from visit(header, path + [name])
    for name in graph:
        yield from visit(name, [])


def check_headers_alone():
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
             "-Werror", "-fsyntax-only", "-I", str(ROOT / "lib"), "-I", str(ROOT / "cmd")]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "alone.c"
        for path in files("lib/**/*.h", "cmd/*.h"):
            # Twice: the guard is a part of it.
            source.write_text('#include "{0}"\n#include "{0}"\n'.format(path), encoding="utf-8")
            result = subprocess.run(COMPILER + flags + [str(source)], capture_output=True,
                                    text=True, check=False)
            if result.returncode != 0:
                yield "{}: does not compile alone:\n{}".format(name_of(path), result.stderr)


def check_public_header_in_cpp():
    compiler = shutil.which("c++") or shutil.which("clang++")
    if compiler is None:
        yield "lib/migrate.h: not tried, there is no C++ compiler: install g++"
        return
    result = subprocess.run(
        [compiler, "-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         str(ROOT / "lib/migrate.h"), "-Wno-pragma-once-outside-header"],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield "lib/migrate.h: not good C++:\n" + result.stderr


def exported_by(path):
    listed = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True,
                            check=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines() if line.strip()}


def check_found_by_gnutls():
    if "_gnutls_global_init_skip" not in exported_by(PROGRAM):
        yield "_gnutls_global_init_skip of cmd/gnutls.c is not exported: GnuTLS does not find it"


def check_exported_symbols():
    text = without_comments((ROOT / "lib/migrate.h").read_text(encoding="utf-8"), True)
    declared = set(re.findall(r"^MG_API\b[^;(]*?\b(mg_\w+)\s*\(", text, re.MULTILINE))
    exported = exported_by(SHARED_OBJECT)
    for name in sorted(exported - declared):
        yield "{} leaves libmigrate, but is not MG_API".format(name)
    for name in sorted(declared - exported):
        yield "{} is MG_API, but libmigrate does not export it".format(name)


def check_library_rows():
    """One that is missing fails the link; one that nobody calls would be looked up for nothing."""
    calls = " ".join(without_comments(path.read_text(encoding="utf-8"), keep_strings=False)
                     for path in files("lib/**/*.c") if not path.name.startswith("library_"))
    for path in files("lib/base/library_*.c"):
        text = without_comments(path.read_text(encoding="utf-8"), keep_strings=False)
        for name in re.findall(r"\b(?:RETURNS|VOID)\([^,()]+,\s*(\w+),", text):
            if not re.search(r"\b{}\s*\(".format(name), calls):
                yield "{}: nobody calls {}".format(name_of(path), name)


def check_notes():
    """A library is loaded by a program whose note says so, or linked, and never both."""
    def shown(what, path):  # an older readelf does not know the kind of note, and ends with 1
        return subprocess.run(["readelf", "-W", what, path], capture_output=True, text=True,
                              check=False).stdout

    for path in (PROGRAM, SHARED_OBJECT):
        linked = set(re.findall(r"\(NEEDED\).*\[(.*)\]", shown("-d", path)))
        notes = len(re.findall(r"\bFDO +0x", shown("-n", path)))
        texts = re.findall(rb"FDO\0(\[\{[^\0]*\]?)\0", pathlib.Path(path).read_bytes())
        said = [entry for text in texts for entry in json.loads(text)]
        if not (len(said) == notes in (0, 3)):
            yield "{}: {} notes of a library, {} of them can be read".format(path, notes, len(said))
        for entry in said:
            if entry["soname"][0] in linked:
                yield "{}: is linked with a library that it says to load: {}".format(path, entry)
        if notes == 0 and not any(name.startswith("libpq.") for name in linked):
            yield "{}: is not linked with libpq, and no note says that it loads it".format(path)


def check_nothing_is_skipped():
    """A skipped test proves nothing, and cmocka 1.1.5 prints one as failed."""
    for path in files("tests/**/*.[ch]"):
        text = without_comments(path.read_text(encoding="utf-8"), keep_strings=False)
        for match in re.finditer(r"(?<!\w)skip\s*\(\s*\)", text):
            yield "{}:{}: a test is skipped".format(name_of(path), line_at(text, match.start()))


def check_summary():
    """The count that CI reads, for every way in which a program can end."""
    sys.path.insert(0, str(ROOT / "tests"))
    sys.dont_write_bytecode = True
    from summary import cases_of
    for result, status, stdout, expect in [
            ("OK", 0, "1..2\nok 1 - a\nok 2 - b\n", (2, [])),
            ("OK", 0, "no TAP", (1, [])),
            ("FAIL", 1, "1..2\nok 1 - a\nnot ok 2 - b\n", (1, ["b"])),
            ("OK", 0, "not ok - test_a # SKIP\n", (0, ["test_a # SKIP"])),
            ("OK", 0, "ok 1 - a\nok 2 - b # skip no server\n", (1, ["b # skip no server"])),
            ("SKIP", 77, "", (0, ["x (skip, exit status 77)"])),
            ("ERROR", -11, "1..2\nok 1 - a\n", (1, ["x (error, exit status -11)"])),
            ("TIMEOUT", -15, None, (0, ["x (timeout, exit status -15)"]))]:
        found = cases_of({"name": "x", "result": result, "returncode": status, "stdout": stdout})
        if found != expect:
            yield "tests/summary.py: {} {!r}: {} instead of {}".format(result, stdout, found,
                                                                       expect)


CHECKS = [
    ("folders include only what their layer may", check_layers),
    ("includes have no cycle", check_include_cycles),
    ("third-party headers stay in their files", check_third_party),
    ("no banned function", check_banned),
    ("comments are /* */ and hold no open work", check_comments),
    ("comments cite only what is here", check_cited),
    ("the version is the same everywhere", check_version),
    ("every header compiles alone", check_headers_alone),
    ("migrate.h is good C++", check_public_header_in_cpp),
    ("libmigrate exports exactly the MG_API functions", check_exported_symbols),
    ("GnuTLS is not initialised for nothing", check_found_by_gnutls),
    ("the rows of a library are what is called", check_library_rows),
    ("a note tells of each library that is loaded later", check_notes),
    ("no test is skipped", check_nothing_is_skipped),
    ("the summary counts every end of a program", check_summary),
]


def main():
    print("1..{}".format(len(CHECKS)))
    is_good = True
    for i, (title, check) in enumerate(CHECKS, 1):
        findings = sorted(set(check()))
        is_good = is_good and not findings
        print("{} {} - {}".format("not ok" if findings else "ok", i, title))
        for finding in findings:
            print("\n".join("# " + line for line in finding.splitlines()))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
