#!/usr/bin/env python3
"""What the suites on a real server share: the server, projects, expectations, the TAP runner."""
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import urllib.parse

MIGRATE = None
LIMIT_S = 60
ROOM_BYTES = 2 << 30  # what the databases of two suites take, with their logs, and more


def data_folder():
    """Where the files of servers go: in memory if it has room, where databases are copied quickly."""
    shared = "/dev/shm"
    if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM_BYTES:
        return shared
    return tempfile.gettempdir()


class Server:
    """A server of `migrate scratch`, and the databases made in it."""

    def __init__(self):
        self.process = subprocess.Popen([MIGRATE, "scratch", "--empty"], stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, TMPDIR=data_folder()))
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("migrate scratch gave no URL")
        self.socket = urllib.parse.parse_qs(urllib.parse.urlsplit(self.url).query)["host"][0]
        self.n_databases = 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LIMIT_S)

    def version(self):
        """15 of 15.4"""
        return int(self.sql("postgres", "SHOW server_version_num")) // 10000

    def database(self, template="template1"):
        self.n_databases += 1
        name = "scenario{}".format(self.n_databases)
        # Not through the log of changes, where the server can: that costs as much as the copy.
        self.sql("postgres", "SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 "
                 "THEN 'STRATEGY file_copy' ELSE '' END AS strategy \\gset\n"
                 "CREATE DATABASE {} TEMPLATE {} :strategy".format(name, template))
        return name

    def url_of(self, database, user="postgres"):
        return "postgresql://{}@/{}?host={}".format(user, database,
                                                    urllib.parse.quote(self.socket, safe=""))

    def sql(self, database, text, user="postgres"):
        # Not the psql on PATH: Debian's is a Perl program that looks for this one.
        done = subprocess.run([str(programs() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                               self.url_of(database, user)],
                              input=text, capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode != 0:
            raise AssertionError("psql: " + done.stderr)
        return done.stdout.strip()


def programs():
    """The folder of the server's programs: of PATH, as "migrate scratch" looks, or of the newest."""
    first = shutil.which("postgres")
    if first:
        return pathlib.Path(first).resolve().parent
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                   key=lambda path: int(path.parts[-3]))
    if not found:
        raise Skip("no server programs in PATH or /usr/lib/postgresql")
    return found[-1].parent


def unprivileged():
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


class OwnServer:
    """A server on loopback with settings of the scenario's own; it may be restarted."""

    def __init__(self, settings=(), rules=(), variables=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="migrate-server-", dir=data_folder()))
        self.folder.chmod(0o777)
        self.data, self.n_databases = self.folder / "data", 0
        self.variables = dict(os.environ, **dict(variables))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.as_user("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\n"
                       "fsync = off\n".format(self.port))
            conf.writelines(line + "\n" for line in settings)
        with open(self.data / "pg_hba.conf", "a") as hba:
            hba.writelines(line + "\n" for line in rules)
        self.control("start")

    def as_user(self, program, *words):
        with open(self.folder / "said", "a") as said:
            subprocess.run([str(programs() / program), *map(str, words)], check=True,
                           cwd=str(self.folder), timeout=LIMIT_S, stdin=subprocess.DEVNULL,
                           stdout=said, stderr=said, env=self.variables, **unprivileged())

    def control(self, *words):
        self.as_user("pg_ctl", "-w", "-D", self.data, *words)

    def stop(self):
        self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url_of(self, database, user="postgres", host="127.0.0.1"):
        return "postgresql://{}@{}:{}/{}?sslmode=disable".format(user, host, self.port, database)

    database, sql, version = Server.database, Server.sql, Server.version


class Skip(Exception):
    """Something is missing here that the scenario needs: not passed."""


class Forbidden(Skip):
    """A container, say, forbids what the scenario needs: neither passed nor failed."""


folders = []  # of the scenario that runs


def new_folder(prefix):
    """A folder that goes at the end of the scenario, however it ends."""
    folders.append(pathlib.Path(tempfile.mkdtemp(prefix=prefix)))
    return folders[-1]


def remove_folders():
    while folders:
        shutil.rmtree(folders.pop(), ignore_errors=True)


# What every run says on a server before 14.
UNWATCHED = ("note: this server has no client_connection_check_interval, which was left out:\n"
             "      if this run is killed, its lock is free only when the statement under way has ended\n")


def with_whole_errors(text):
    """Where an error's first line is broken depends on names and paths."""
    return re.sub(r"^(error: .*)((?:\n      \S.*)+)",
                  lambda match: match[1] + match[2].replace("\n      ", " "), text, flags=re.M)


class Project:
    """A folder with migrations, and a database."""

    def __init__(self, server, files):
        self.server = server
        self.database = server.database()
        self.variables = {}  # more of them, for what is run next
        self.root = new_folder("migrate-scenario-")
        (self.root / "migrations").mkdir()
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, text):
        (self.root / "migrations" / name).write_text(text)

    def environment(self, url=None):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS",
                                                    "UBSAN_OPTIONS") if name in os.environ}
        usual = dict(kept, DATABASE_URL=url or self.server.url_of(self.database), USER="app",
                     MIGRATE_STATE=str(self.root / "state.db"))
        return dict(usual, **self.variables)

    def start(self, *words, url=None):
        return subprocess.Popen([MIGRATE, *words], cwd=self.root, env=self.environment(url),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, *words, exit=0, url=None):
        process = self.start(*words, url=url)
        process.out, process.err = process.communicate(timeout=LIMIT_S)
        process.err = with_whole_errors(process.err.replace(UNWATCHED, ""))
        if process.returncode != exit:
            raise AssertionError("{}: exit {}, not {}\n{}\n{}".format(
                " ".join(words), process.returncode, exit, process.out, process.err))
        return process

    def sql(self, text, **options):
        return self.server.sql(self.database, text, **options)

    def session(self):
        return Session(self.server.url_of(self.database))

    def applied(self):
        return self.sql("SELECT version FROM migrate.history WHERE reverted_at IS NULL "
                        "ORDER BY id").split()


class Terminal:
    """A run whose three streams are a terminal of its own."""

    def __init__(self, project, *words, columns=80, term="xterm", program=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = dict({"NO_COLOR": "1"}, **project.environment(), TERM=term)

        def lead():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([program or MIGRATE, *words], cwd=project.root,
                                        env=environment, stdin=slave, stdout=slave, stderr=slave, preexec_fn=lead)
        os.close(slave)
        self.text = ""

    def read(self):
        if not select.select([self.master], [], [], LIMIT_S)[0]:
            self.process.kill()
            raise AssertionError("nothing more behind:\n{!r}".format(self.text))
        try:
            part = os.read(self.master, 4096).decode()
        except OSError:
            part = ""
        self.text += part
        return part

    def read_until(self, part):
        while part not in self.text:
            if not self.read():
                raise AssertionError("\"{}\" is not in:\n{!r}".format(part, self.text))

    def read_all(self):
        while self.read():
            pass
        self.process.wait(LIMIT_S)
        os.close(self.master)


def expect(actual, wanted):
    if actual != wanted:
        raise AssertionError("got:\n{}\nwanted:\n{}".format(actual, wanted))


def expect_in(part, text):
    if part not in text:
        raise AssertionError("\"{}\" is not in:\n{}".format(part, text))


def wait_for(condition, limit_s=20):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen within {} s".format(limit_s))
        time.sleep(0.02)


def read_until(stream, part):
    """The lines of a run up to the one with the part in it."""
    lines = []
    while not lines or part not in lines[-1]:
        lines.append(stream.readline())
        if lines[-1] == "":
            raise AssertionError("\"{}\" is not in:\n{}".format(part, "".join(lines)))
    return lines


def locks(project):
    """Advisory locks held in the project's database."""
    return project.sql("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                       "WHERE locktype = 'advisory' AND datname = current_database()")


def end_killed(project):
    """Before 14 a server does not see that a run was killed while its statement goes on."""
    if project.server.version() < 14:
        project.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "application_name LIKE 'migrate/%' AND datname = current_database()")


class Session:
    """Somebody else's session, in psql: it stays open, in a transaction too."""

    def __init__(self, url):
        self.process = subprocess.Popen(["psql", "-XqAt", "-d", url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.backend = self.run("SELECT pg_backend_pid()")

    def run(self, text):
        """What it answers, once it is done."""
        self.process.stdin.write(text + ";\n\\echo end\n")
        self.process.stdin.flush()
        return "".join(read_until(self.process.stdout, "end\n")[:-1]).strip()

    def end(self):
        self.process.communicate(timeout=LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def hold_table(project, table, seconds):
    """Another session that has the table to itself for a while; returned once it has."""
    holder = subprocess.Popen(["psql", "-Xq", "-d", project.server.url_of(project.database), "-c",
                               "BEGIN; LOCK TABLE {}; SELECT pg_sleep({}); COMMIT;".format(
                                   table, seconds)], stdout=subprocess.DEVNULL)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_locks WHERE relation = '{}'::regclass "
                                 "AND mode = 'AccessExclusiveLock'".format(table)) == "1")
    return holder


def is_asleep(project):
    """Has a run read its file, and is at a pg_sleep of it?"""
    return project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                       "datname = current_database()") == "1"


def slow_files(n, seconds):
    return {"{:03}_m.up.sql".format(i):
            "CREATE TABLE t{} (id int);\nSELECT pg_sleep({});\n".format(i, seconds)
            for i in range(1, n + 1)}


def main(functions, make_server=Server):
    """Run the scenarios among functions, a module's globals(); names on the command line choose."""
    global MIGRATE
    MIGRATE = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    tests = [(name, function) for name, function in sorted(functions.items())
             if name.startswith("test_") and (not wanted or name in wanted)]
    print("1..{}".format(len(tests)), flush=True)
    server = make_server()
    failed = 0
    try:
        for number, (name, function) in enumerate(tests, 1):
            try:
                function(server)
                print("ok {} - {}".format(number, name), flush=True)
            except Forbidden as reason:
                print("ok {} - {} # SKIP forbidden here: {}".format(number, name, reason), flush=True)
            except Skip as reason:
                print("ok {} - {} # SKIP {}".format(number, name, reason), flush=True)
            except Exception:  # a scenario fails by raising anything
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print("# " + line)
                print("not ok {} - {}".format(number, name), flush=True)
            finally:
                remove_folders()
    finally:
        server.stop()
    return 1 if failed else 0
