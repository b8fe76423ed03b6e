#!/usr/bin/env python3
"""The benchmarks still work, and the counts of round trips are what they were.  Speaks TAP.

usage: smoke.py BUILD_ROOT
"""
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import traceback

if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # the many databases take half the time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import parts  # noqa: E402
import table  # noqa: E402
from files import write_migrations  # noqa: E402
from rig import LOGINS, SCRAM, TRUST, Folder, Programs, Proxy, Server, run  # noqa: E402

PROGRAMS = Programs(sys.argv[1])
RTT_MS = 150  # far above what a busy machine takes between two packets of one flight

# TCP 1; login: trust 1, SCRAM 3; TLS 3: the request, and two for a handshake whose first key share
# the server does not take; proof, lock and history 1; everything to apply 1.
EXPECTED = {"trust": 4, "SCRAM": 6, "trust and TLS": 7, "SCRAM and TLS": 9}

SMALL = parts.Sizes(n_runs=1, logins=[SCRAM], pending=(0, 2), rtts_ms=(0, 1), count_rtt_ms=1,
                    peers_rtt_ms=1, n_latency=2, n_loopback=2, n_files=(2,), big_mb=0.1,
                    scan_mb=0.1, n_starts=1, n_counted=(2,), counted_mb=0.01)


def expect(what, actual, wanted):
    if actual != wanted:
        raise AssertionError("{}: {}, not {}".format(what, actual, wanted))


def side_by_side(function, argument_lists):
    """Each waits for its line nearly all the time."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(function, *arguments) for arguments in argument_lists]:
            job.result()


def trips_of(server, line, folder, database, login, *words):
    run(PROGRAMS.measure, PROGRAMS.migrate, *words, "--dir", folder, "--url",
        server.url(database, login, line.port))
    return line.trips()


def test_round_trips(server):
    """The history is made and 30 migrations applied in one flight; one less with nothing to do."""
    def count(login, wanted):
        database = server.database()
        with Folder() as folder, Proxy(PROGRAMS.proxy, server, RTT_MS) as line:
            write_migrations(folder, 30)
            for what, word, expected in (("up", "up", wanted), ("nothing to do", "up", wanted - 1),
                                         ("status", "status", wanted - 1)):
                expect("{}, {}".format(login.name, what),
                       trips_of(server, line, folder, database, login, word), expected)

    side_by_side(count, [(login, EXPECTED[login.name]) for login in LOGINS])


def test_round_trips_do_not_grow(server):
    """Also with more bytes than any buffer holds, and results on the way back."""
    with Folder() as folder, Proxy(PROGRAMS.proxy, server, RTT_MS) as line:
        counts = []
        for n in (1, 10, 100):
            write_migrations(folder, n)
            counts.append(trips_of(server, line, folder, server.database(), TRUST, "up"))
        expect("1, 10 and 100 migrations", counts, [4, 4, 4])


# What cannot be in the pipeline, and the round trips that applying it takes.  A statement that
# refuses a transaction must have ended before what follows may be sent: one each, and its mark rides
# with whatever comes next.  A COPY takes three: libpq leaves the pipeline with all answers read,
# wants the server's word before it sends data, and goes back behind the last answer.
INDEX = "CREATE INDEX CONCURRENTLY ON t (i);\n"
NAMED = "CREATE INDEX CONCURRENTLY i{} ON t (i);\n"
COPY = "COPY t FROM stdin;\n1\n\\.\n"
LOOSE = "-- migrate:no-transaction\n"
OUTSIDE = [
    ("an index", [NAMED], 2),
    ("two files with an index", [NAMED, NAMED], 3),
    ("three in a file", [INDEX * 3], 4),
    ("between two others", ["SELECT 1;", NAMED, "SELECT 1;"], 2),
    ("rebuilt", ["REINDEX TABLE CONCURRENTLY t;"], 2),
    ("VACUUM and DROP", ["VACUUM t;\nDROP INDEX CONCURRENTLY IF EXISTS i;"], 3),
    ("marked", [LOOSE + "INSERT INTO t VALUES (1);\n" + INDEX + "INSERT INTO t VALUES (2);"], 2),
    ("COPY", ["SELECT 1;\n" + COPY], 4),
    ("two COPY in a row", [COPY + COPY], 6),
    ("two COPY apart", [COPY + "SELECT 1;\n" + COPY], 7),
    ("two files with a COPY", [COPY, COPY], 7),
    ("COPY outside a transaction", [LOOSE + COPY], 4),
]


def test_round_trips_outside_the_pipeline(server):
    def count(name, files, wanted):
        database = server.database()
        server.sql(database, "CREATE TABLE t (i int)")
        with Proxy(PROGRAMS.proxy, server, RTT_MS) as line, Folder() as folder:
            for i, text in enumerate(files, 1):
                (folder / "{:05}_t.up.sql".format(i)).write_text(text.replace("{}", str(i)))
            counted = trips_of(server, line, folder, database, TRUST, "up", "--allow-not-empty")
        expect(name, counted - EXPECTED["trust"] + 1, wanted)

    side_by_side(count, OUTSIDE)


def test_floor(server):
    with Folder() as folder, Proxy(PROGRAMS.proxy, server, 0) as line:
        write_migrations(folder, 10)
        database = server.database()
        for _ in range(2):
            run(PROGRAMS.measure, PROGRAMS.floor, server.url(database, port=line.port), folder)
        expect("rows", server.sql(database, "SELECT count(*) FROM floor_history"), "10")
        expect("tables", server.sql(database, "SELECT count(*) FROM pg_tables WHERE tablename ~ "
                                    "'^t[0-9]+$'"), "10")
        run(PROGRAMS.measure, PROGRAMS.floor, "--read", folder)
        connections, _, sent, received = line.counted()
        expect("connections", connections, 2)
        expect("bytes were counted", sent > 1000 and received > 1000, True)


def test_measure(_):
    """What it says of a program that is known, and that a failure is one."""
    done = run(PROGRAMS.measure, "sh", "-c",
               "head -c 50000000 /dev/zero | tail -c 50000000 | wc -c")
    expect("output", done.out, "50000000\n")
    expect("peak memory of the largest in MB", 48 < done.peak_mb < 60, True)
    expect("CPU time of all", 0 < done.cpu_ms <= 3 * done.wall_ms, True)
    for command, status in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
                            (["/no/such/program"], 127)):
        try:
            run(PROGRAMS.measure, *command)
        except RuntimeError as error:
            expect("exit status", "exit {}\n".format(status) in str(error), True)
        else:
            raise AssertionError("{} did not fail".format(command))


def test_every_part(server):
    """Each, with small sizes; the table has the shape that README.md is held to."""
    bench = parts.Bench(PROGRAMS, server, SMALL, lambda text: print("# " + text, flush=True))
    wanted = [part for part in table.HEADINGS if part != "instructions" or can_be_counted()]
    for part in wanted:
        bench.measure(part)
    shown = "2026-11-22, a CPU, 2 cores, PostgreSQL 15.\n\n" + table.render(bench.rows)
    expect("faults", table.faults(shown, wanted), [])
    with Folder() as folder:
        readme = folder / "README.md"
        readme.write_text("above\n" + table.BEGIN + "old\n" + table.END + "below\n")
        table.write_into_readme(readme, shown)
        expect("README", readme.read_text(),
               "above\n" + table.BEGIN + shown + table.END + "below\n")


def can_be_counted():
    """Valgrind does not run what was built with sanitizers."""
    return b"__asan_" not in PROGRAMS.migrate.read_bytes()


def test_faults_of_a_table_are_seen(_):
    """The check that README.md is held to does not let everything through."""
    origin = "2026-11-22, a CPU, 2 cores, PostgreSQL 15.\n\n"
    rows = [table.heading("start"), ("`--version`", "3 ms", "`true` 1 ms", "3.00")]
    expect("no faults", table.faults(origin + table.render(rows), ["start"]), [])
    for what, shown in (
            ("nothing", ""),
            ("no date", "a CPU\n\n" + table.render(rows)),
            ("a part is missing", origin + table.render(rows[:1])),
            ("no ratio", origin + table.render([rows[0], rows[1][:3] + ("",)])),
            ("no figure", origin + table.render([rows[0], ("x", "fast", "", "")])),
            ("another heading", origin + table.render([table.heading("big"), rows[1]])),
            ("five cells", origin + table.render([rows[0], rows[1] + ("5",)])),
            ("other columns", origin + table.render(rows).replace("against", "beside"))):
        expect(what, bool(table.faults(shown, ["start"])), True)


def outcome(function, server):
    try:
        function(server)
        return None
    except Exception:  # a test fails by raising anything
        return traceback.format_exc()


def main():
    tests = [(name, function) for name, function in sorted(globals().items())
             if name.startswith("test_")]
    print("1..{}".format(len(tests)), flush=True)
    server, failed = Server("-c", "fsync=off"), 0
    try:
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            jobs = [pool.submit(outcome, function, server) for _, function in tests]
            for number, ((name, _), job) in enumerate(zip(tests, jobs), 1):
                error = job.result()
                if error:
                    failed += 1
                    print("# " + error.replace("\n", "\n# "))
                print("{}ok {} - {}".format("not " if error else "", number, name), flush=True)
    finally:
        server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
