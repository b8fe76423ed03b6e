"""What is measured: a function a part.  Each adds rows: what, ours, against what, the ratio."""
import concurrent.futures
import contextlib
import re
import shutil

import files
import runners
import table
from rig import LOGINS, SCRAM, TRUST, BackendMemory, Folder, Proxy, median, run
from table import counts, grouped, megabytes, millions, ratios, times


class Sizes:
    """How much is measured."""

    def __init__(self, **changed):
        self.n_runs = 5
        self.logins = LOGINS
        self.pending = (0, 10, 100, 1000)  # migrations
        self.rtts_ms = (0, 10, 30, 80)     # of the lines on which time is taken
        self.count_rtt_ms = 80             # of the line on which round trips are counted
        self.peers_rtt_ms = 2              # the same for peers, who answer one by one
        self.n_latency = 100               # migrations that are compared over each line
        self.n_loopback = 1000
        self.n_files = (10, 1000, 10000)   # that are all applied
        self.big_mb = 200
        self.scan_mb = 50
        self.n_starts = 41
        self.n_counted = (10, 1000)        # files, for instructions
        self.counted_mb = 1
        self.__dict__.update(changed)


class Bench:
    def __init__(self, programs, server, sizes, progress=print):
        self.programs, self.server, self.sizes, self.progress = programs, server, sizes, progress
        self.ours, self.floor = runners.ours(programs), runners.floor(programs)
        self.peers, self.missing = runners.find_peers()
        self.rows = []

    def measure(self, part):
        self.rows.append(table.heading(part))
        n_rows = len(self.rows)
        PARTS[part](self)
        if len(self.rows) == n_rows:
            self.rows.pop()  # left out

    def row(self, what, ours, against="", ratio=""):
        self.rows.append((what, ours, against, ratio))
        self.progress("  {}: {} {} {}".format(what, ours, "| " + against if against else "", ratio))

    def run(self, *command):
        return run(self.programs.measure, *command)

    @contextlib.contextmanager
    def database(self):
        name = self.server.database()
        yield name
        self.server.drop(name)

    @contextlib.contextmanager
    def folder(self, runner, n, statements_of=files.schema_change):
        with Folder() as folder:
            runner.write(folder, n, statements_of)
            yield folder

    def up(self, runner, folder, database, login=TRUST, port=None):
        return self.run(*runner.up(folder, self.server.url(database, login, port)))


# ---- Over a line --------------------------------------------------------------------------------


def measure_trips(bench):
    """Round trips with nothing to do, and of the first run with 10, 100 and 1 000 migrations."""
    for login in bench.sizes.logins:
        ours = trips_of(bench, bench.ours, login, bench.sizes.count_rtt_ms)
        bare = trips_of(bench, bench.floor, login, bench.sizes.count_rtt_ms)
        bench.row("`up`, {}: {} migrations".format(login.name, counts(bench.sizes.pending)),
                  counts(ours), "floor " + counts(bare), ratios(ours, bare))
        for peer in bench.peers if login is SCRAM else ():
            theirs = trips_of(bench, peer, login, bench.sizes.peers_rtt_ms)
            bench.row("the same", counts(ours), peer.name + " " + counts(theirs),
                      ratios(ours, theirs))


def trips_of(bench, runner, login, rtt_ms):
    counted = []
    with Proxy(bench.programs.proxy, bench.server, rtt_ms) as line:
        for n in bench.sizes.pending[1:]:
            with bench.database() as database, bench.folder(runner, n) as folder:
                bench.up(runner, folder, database, login, line.port)
                counted.append(line.trips())
                if len(counted) == 1:
                    bench.up(runner, folder, database, login, line.port)
                    counted.insert(0, line.trips())
    return counted


def measure_latency(bench):
    """Time over lines of several round trips."""
    n, rivals = bench.sizes.n_latency, [bench.floor, *bench.peers]
    taken, n_trips = times_over_lines(bench, n, SCRAM, rivals)
    ours = taken[bench.ours.name]
    what = "{} migrations, SCRAM; a round trip takes {} ms".format(
        grouped(n), table.listed(bench.sizes.rtts_ms))
    for runner in rivals:
        theirs = taken[runner.name]
        bench.row(what, times(ours), "{} {}".format(runner.name, times(theirs)),
                  ratios(ours, theirs))
        what = "the same"
    bound = [ours[0] + n_trips * rtt_ms for rtt_ms in bench.sizes.rtts_ms[1:]]
    bench.row(what, times(ours), "{} round trips + the time at 0 ms: – / {}".format(
        n_trips, times(bound)), "– / " + ratios(ours[1:], bound))
    for login in bench.sizes.logins:
        for other_n in bench.sizes.pending:
            if (login is SCRAM) != (other_n == n):
                taken, _ = times_over_lines(bench, other_n, login, [bench.floor])
                ours, bare = taken[bench.ours.name], taken[bench.floor.name]
                what = "{} migrations".format(grouped(other_n)) if other_n else "nothing to do"
                bench.row("{}, {}".format(what, login.name), times(ours), "floor " + times(bare),
                          ratios(ours, bare))


def times_over_lines(bench, n, login, rivals):
    """The medians in ms by name, one for each line; the round trips of ours on the longest."""
    medians, n_trips = {runner.name: [] for runner in (bench.ours, *rivals)}, 0
    for rtt_ms in bench.sizes.rtts_ms:
        # With a line a peer takes that many seconds that turns would not make it fairer.
        in_turns = [runner for runner in (bench.ours, *rivals)
                    if rtt_ms == 0 or runner not in bench.peers]
        taken, counted = {runner.name: [] for runner in in_turns}, []
        with Proxy(bench.programs.proxy, bench.server, rtt_ms) as line:
            for _ in range(bench.sizes.n_runs):
                for runner in in_turns:
                    line.counted()
                    taken[runner.name].append(
                        one_up(bench, runner, n, login, line.port).wall_ms)
                    if runner is bench.ours:
                        counted.append(line.trips())
        for runner in rivals:
            if runner not in in_turns:
                taken[runner.name] = times_side_by_side(bench, runner, n, login, rtt_ms)
        for name, of_runs in taken.items():
            medians[name].append(median(of_runs))
        n_trips = min(counted)
    return medians, n_trips


def one_up(bench, runner, n, login, port, statements_of=files.schema_change):
    """Apply n migrations to a new database; with 0, when ten are applied already."""
    with bench.database() as database, bench.folder(runner, n or 10, statements_of) as folder:
        if n == 0:
            bench.up(runner, folder, database)
        return bench.up(runner, folder, database, login, port)


def times_side_by_side(bench, peer, n, login, rtt_ms):
    """Of three runs at once, which wait for their line all the time."""
    with Proxy(bench.programs.proxy, bench.server, rtt_ms) as line, contextlib.ExitStack() as stack:
        jobs = [(stack.enter_context(bench.folder(peer, n)), stack.enter_context(bench.database()))
                for _ in range(min(3, bench.sizes.n_runs))]
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            return [one.wall_ms for one in pool.map(
                lambda job: bench.up(peer, *job, login, line.port), jobs)]


def measure_loopback(bench):
    """Many migrations without a line: of the schema, and of data, which we clean up behind."""
    n, rivals = bench.sizes.n_loopback, [bench.floor, *bench.peers]
    for kind, statements_of in (("schema changes", files.schema_change),
                                ("`INSERT`s", files.data_change)):
        taken = {runner.name: [] for runner in [bench.ours, *rivals]}
        for _ in range(bench.sizes.n_runs):
            for runner in (bench.ours, *rivals):
                taken[runner.name].append(one_up(bench, runner, n, TRUST, None, statements_of))
        for what, figure in (("{} migrations: {}".format(grouped(n), kind), "wall_ms"),
                             ("the same, own CPU time", "cpu_ms")):
            ours = [median(getattr(one, figure) for one in taken[bench.ours.name])]
            for runner in rivals:
                theirs = [median(getattr(one, figure) for one in taken[runner.name])]
                bench.row(what, times(ours), "{} {}".format(runner.name, times(theirs)),
                          ratios(ours, theirs))


LOOSE = {
    "a `COPY` with its data": "CREATE TABLE c{0} (i int);\nCOPY c{0} FROM stdin;\n1\n\\.\n",
    "a `CREATE INDEX CONCURRENTLY`": "CREATE INDEX CONCURRENTLY i{0} ON a (i);\n",
    "a `VACUUM` (`no-transaction`)": "-- migrate:no-transaction\nVACUUM a;\n",
    "a `CREATE TABLE` (`no-transaction`)":
        "-- migrate:no-transaction\nCREATE TABLE d{0} (i int);\n",
}


def measure_loose(bench):
    """Round trips of a migration that cannot be in the pipeline, from those of one and of three."""
    with Proxy(bench.programs.proxy, bench.server, bench.sizes.count_rtt_ms) as line:
        for name, text in LOOSE.items():
            counted = []
            for n in (1, 3):
                with bench.database() as database, Folder() as folder:
                    (folder / "1_a.up.sql").write_text("CREATE TABLE a (i int);")
                    for i in range(n):
                        (folder / "{}_b.up.sql".format(i + 2)).write_text(text.format(i))
                    bench.up(bench.ours, folder, database, TRUST, line.port)
                    counted.append(line.trips())
            bench.row(name, "{:.3g} each".format((counted[1] - counted[0]) / 2))


# ---- On this machine ----------------------------------------------------------------------------


def measure_noop(bench):
    """Nothing to do: what every deploy and every start of a container waits for."""
    sizes, rivals = bench.sizes.n_files, [bench.floor, *bench.peers]
    of_sizes = [medians_of_noop(bench, n, rivals) for n in sizes]

    def column(name, figure):
        return [medians[name][figure] for medians in of_sizes]

    for word in ("up", "status"):
        wall, cpu, digests = (column(name, figure) for name, figure in (
            (word, "wall_ms"), (word, "cpu_ms"), ("read", "cpu_ms")))
        what = "`{}`: {} files".format(word, counts(sizes))
        for runner in rivals if word == "up" else ():
            theirs = column(runner.name, "wall_ms")
            bench.row(what, times(wall), "{} {}".format(runner.name, times(theirs)),
                      ratios(wall, theirs))
            what = "the same"
        if word == "status":
            bench.row(what, times(wall))
        bench.row("the same, own CPU time", times(cpu),
                  "libpq, and each file read once and its SHA-256 " + times(digests),
                  ratios(cpu, digests))
        bench.row("the same, peak memory", megabytes(column(word, "peak_mb")))


def medians_of_noop(bench, n, rivals):
    """The medians by name: two commands of ours, the floor that only reads, the others' "up"."""
    figures = ("wall_ms", "cpu_ms", "peak_mb")
    with contextlib.ExitStack() as stack:
        commands = {}
        for runner in (bench.ours, *rivals):
            folder = stack.enter_context(bench.folder(runner, n))
            database = stack.enter_context(bench.database())
            bench.up(runner, folder, database)
            url = bench.server.url(database)
            if runner is bench.ours:
                for word in ("up", "status"):
                    commands[word] = [bench.programs.migrate, word, "--dir", folder, "--url", url]
                commands["read"] = [bench.programs.floor, "--read", folder]
            else:
                commands[runner.name] = runner.up(folder, url)
        runs = {name: [] for name in commands}
        for _ in range(bench.sizes.n_runs):
            for name, command in commands.items():
                runs[name].append(bench.run(*command))
    return {name: {figure: median([getattr(one, figure) for one in done]) for figure in figures}
            for name, done in runs.items()}


BIG = (("`COPY` data", files.write_copy), ("`INSERT`s of one row", files.write_inserts),
       ("`INSERT`s of 1 000 rows", files.write_long_inserts))


def measure_big(bench):
    """Big files beside psql: time, and peak memory of the client and of its backend."""
    for name, write in BIG:
        with Folder() as folder:
            write(folder / "1_big.up.sql", bench.sizes.big_mb)
            ours, theirs = medians_of_big(bench, folder)
        bench.row("{} MB of {}".format(grouped(bench.sizes.big_mb), name), times(ours[:1]),
                  "psql " + times(theirs[:1]), ratios(ours[:1], theirs[:1]))
        seen = [mb for mb in zip(ours[1:], theirs[1:]) if mb[1]]
        bench.row("the same, peak memory" + (": client / its backend" if len(seen) == 2 else ""),
                  megabytes(mb[0] for mb in seen), "psql " + megabytes(mb[1] for mb in seen),
                  ratios(*zip(*seen)))


def medians_of_big(bench, folder):
    """(ms, MB of the client, MB of its backend) of ours and of psql."""
    def psql(url):
        return ("psql", "-Xqo", "/dev/null", "-v", "ON_ERROR_STOP=1", "-1", "-d", url, "-f",
                folder / "1_big.up.sql")

    taken = ([], [])
    for _ in range(min(3, bench.sizes.n_runs) if bench.sizes.big_mb <= 200 else 1):
        for side, command in enumerate((lambda url: bench.ours.up(folder, url), psql)):
            with bench.database() as database, BackendMemory(bench.server, database) as backend:
                done = bench.run(*command(bench.server.url(database)))
            taken[side].append((done.wall_ms, done.peak_mb, backend.peak_mb))
    return ([median(column) for column in zip(*side)] for side in taken)


def measure_start(bench):
    """How long it takes until a program does anything."""
    compare_starts(bench, "`--version`", ["--version"], {
        "`true`": [shutil.which("true")], "an empty program": [bench.programs.empty],
        **{peer.name: [peer.path, *peer.version_words] for peer in bench.peers}})
    # The least that needs libpq, which is loaded for it.
    compare_starts(bench, "`url`", ["url", "--url", "postgresql://localhost/x"],
                   {"an empty program with libpq": [bench.programs.empty_libpq]})


def compare_starts(bench, what, words, rivals):
    commands = {"migrate": [bench.programs.migrate, *words], **rivals}
    runs = {name: [] for name in commands}
    for _ in range(bench.sizes.n_starts):
        for name, command in commands.items():
            runs[name].append(bench.run(*command))
    for kind, figure in ((what, "wall_ms"), ("the same, own CPU time", "cpu_ms")):
        of_ours, *of_rivals = ([median([getattr(one, figure) for one in runs[name]])]
                               for name in commands)
        for name, theirs in zip(rivals, of_rivals):
            bench.row(kind, times(of_ours), "{} {}".format(name, times(theirs)),
                      ratios(of_ours, theirs))


SCANNED = (("`COPY` data", files.write_copy), ("`INSERT`s of one row", files.write_inserts),
           ("`INSERT`s of 1 000 rows", files.write_long_inserts), ("DDL", files.write_ddl),
           ("functions", files.write_functions), ("comments", files.write_comments))


def measure_scan(bench):
    """How fast a file is read; a digest of it is the least, ours takes two."""
    said = bench.run("openssl", "speed", "-mr", "-seconds", 1, "-bytes", 65536, "-evp", "sha256")
    hashed = float(re.search(r"^\+F:\d+:sha256:([\d.]+)", said.out, re.MULTILINE).group(1)) / 1e6
    for name, write in SCANNED:
        with Folder() as folder:
            write(folder / "big.sql", bench.sizes.scan_mb)
            found, kinds, whole = (
                float(bench.run(bench.programs.scan, part, folder / "big.sql",
                                bench.sizes.n_runs).out)
                for part in ("scan", "kinds", "analysis"))
        bench.row(name, "{} (statements found {}, classified {})".format(
            *(grouped(round(rate)) for rate in (whole, found, kinds))),
            "`openssl speed sha256` " + grouped(round(hashed)), ratios([hashed], [whole]))


def measure_instructions(bench):
    """Instructions of the client, which no other work on the machine changes."""
    if not shutil.which("valgrind"):
        bench.progress("  left out: valgrind is not installed")
        return
    n_files = bench.sizes.n_counted
    counted = {name: [] for name in ("plan", "up", "noop", "floor", "floor noop")}
    for n in n_files:
        with bench.folder(bench.ours, n) as folder, bench.database() as ours, \
                bench.database() as bare:
            where = ("--dir", folder, "--url", bench.server.url(ours))
            for name, command in (("plan", (bench.programs.migrate, "plan", *where)),
                                  ("up", (bench.programs.migrate, "up", *where)),
                                  ("noop", (bench.programs.migrate, "up", *where)),
                                  ("floor", bench.floor.up(folder, bench.server.url(bare))),
                                  ("floor noop", bench.floor.up(folder, bench.server.url(bare)))):
                counted[name].append(instructions_of(bench, *command))
    for name, what, beside in (("plan", "`plan`, all pending", None),
                               ("up", "`up`, all pending", "floor"),
                               ("noop", "`up`, nothing to do", "floor noop")):
        bench.row("{}: {} files".format(what, counts(n_files)), millions(counted[name]),
                  "floor " + millions(counted[beside]) if beside else "",
                  ratios(counted[name], counted[beside]) if beside else "")
    with Folder() as folder:
        files.write_ddl(folder / "ddl.sql", bench.sizes.counted_mb)
        bench.row("{} MB of DDL, read".format(bench.sizes.counted_mb), millions([instructions_of(
            bench, bench.programs.scan, "analysis", folder / "ddl.sql")]))


def instructions_of(bench, *command):
    out = bench.run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command).out
    return int(re.search(r"Collected : (\d+)", out).group(1))


PARTS = {
    "trips": measure_trips,
    "latency": measure_latency,
    "loopback": measure_loopback,
    "loose": measure_loose,
    "noop": measure_noop,
    "big": measure_big,
    "start": measure_start,
    "scan": measure_scan,
    "instructions": measure_instructions,
}
