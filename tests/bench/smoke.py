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
