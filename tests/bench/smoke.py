#!/usr/bin/env python3
"""The benchmarks' programs still work, and the counts of round trips are what they were.  Speaks TAP.

usage: smoke.py MIGRATE PROXY FLOOR
"""
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import Folder, Proxy, Server, run, write_migrations  # noqa: E402

MIGRATE, PROXY, FLOOR = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
RTT_MS = 150  # far above what a busy machine takes between two packets of one flight

# TCP 1; login: trust 1, SCRAM 3; TLS 3: the request, and two for a handshake whose first key share
# the server does not take; proof, lock and history 1; everything to apply 1.
EXPECTED = {("trust", False): 4, ("scram", False): 6, ("trust", True): 7, ("scram", True): 9}


def expect(what, actual, wanted):
    if actual != wanted:
        raise AssertionError("{}: {}, not {}".format(what, actual, wanted))


def trips_of(server, line, folder, database, user, tls, word="up"):
    run(MIGRATE, word, "--dir", folder, "--url", server.url(database, user, line.port, tls))
    return line.counted()[1]


def test_round_trips(server):
    """The history is made and 30 migrations applied in one flight; one less with nothing to do."""
    with Folder() as folder, Proxy(PROXY, server, RTT_MS) as line:
        write_migrations(folder, 30)
        for (user, tls), wanted in EXPECTED.items():
            database = server.database()
            name = "{}, {}TLS".format(user, "" if tls else "no ")
            expect(name + ", up", trips_of(server, line, folder, database, user, tls), wanted)
            expect(name + ", nothing to do", trips_of(server, line, folder, database, user, tls),
                   wanted - 1)
            expect(name + ", status",
                   trips_of(server, line, folder, database, user, tls, "status"), wanted - 1)


def test_round_trips_do_not_grow(server):
    """Also with more bytes than any buffer holds, and results on the way back."""
    with Folder() as folder, Proxy(PROXY, server, RTT_MS) as line:
        counts = []
        for n in (1, 10, 100):
            write_migrations(folder, n)
            counts.append(trips_of(server, line, folder, server.database(), "trust", False))
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
    with Proxy(PROXY, server, RTT_MS) as line:
        for name, files, wanted in OUTSIDE:
            database = server.database()
            server.sql(database, "CREATE TABLE t (i int)")
            with Folder() as folder:
                for i, text in enumerate(files, 1):
                    (folder / "{:05}_t.up.sql".format(i)).write_text(text.replace("{}", str(i)))
                run(MIGRATE, "up", "--allow-not-empty", "--dir", folder, "--url",
                    server.url(database, "trust", line.port))
            expect(name, line.counted()[1] - EXPECTED[("trust", False)] + 1, wanted)


def test_floor(server):
    with Folder() as folder, Proxy(PROXY, server, 0) as line:
        write_migrations(folder, 10)
        database = server.database()
        for _ in range(2):
            run(FLOOR, server.url(database, port=line.port), folder)
        expect("rows", server.sql(database, "SELECT count(*) FROM floor_history"), "10")
        expect("tables", server.sql(database, "SELECT count(*) FROM pg_tables WHERE tablename ~ "
                                    "'^t[0-9]+$'"), "10")
        run(FLOOR, "--read", folder)
        connections, _, sent, received = line.counted()
        expect("connections", connections, 2)
        expect("bytes were counted", sent > 1000 and received > 1000, True)


def main():
    tests = [(name, function) for name, function in sorted(globals().items())
             if name.startswith("test_")]
    print("1..{}".format(len(tests)), flush=True)
    server, failed = Server("-c", "fsync=off"), 0
    try:
        for number, (name, function) in enumerate(tests, 1):
            try:
                function(server)
                print("ok {} - {}".format(number, name), flush=True)
            except Exception:  # a test fails by raising anything
                failed += 1
                print("# " + traceback.format_exc().replace("\n", "\n# "))
                print("not ok {} - {}".format(number, name), flush=True)
    finally:
        server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
