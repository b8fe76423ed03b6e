"""The machinery of the benchmarks: server, network, folders, one measured run."""
import atexit
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

LIMIT_S = 1800
PASSWORD = "bench"
HOME = tempfile.mkdtemp(prefix="migrate-bench-")  # the notebook of these runs is not the user's
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


class Login:
    """A way to connect, and its name in the table."""

    def __init__(self, name, user, tls):
        self.name, self.user, self.tls = name, user, tls


TRUST = Login("trust", "trust", False)
SCRAM = Login("SCRAM", "scram", False)
LOGINS = [TRUST, SCRAM, Login("trust and TLS", "trust", True),
          Login("SCRAM and TLS", "scram", True)]


class Programs:
    """The programs of a build folder."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        here = self.build / "tests" / "bench"
        self.migrate = self.build / "cmd" / "migrate"
        self.proxy, self.measure = here / "bench_proxy", here / "bench_measure"
        self.floor, self.scan = here / "bench_floor", here / "bench_scan"
        self.empty, self.empty_libpq = here / "bench_empty", here / "bench_empty_libpq"

    def targets(self):
        return [str(path.relative_to(self.build)) for path in (
            self.migrate, self.proxy, self.measure, self.floor, self.scan, self.empty,
            self.empty_libpq)]


def unprivileged():
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def server_programs():
    first = shutil.which("postgres")
    if first:
        return pathlib.Path(first).resolve().parent
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
               key=lambda path: int(path.parent.name))


class Server:
    """A throw-away PostgreSQL, its settings the defaults: roles "trust" and "scram", and TLS."""

    def __init__(self, *settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="migrate-bench-"))
        self.folder.chmod(0o777)
        self.programs, self.data = server_programs(), self.folder / "data"
        self.numbers = itertools.count(1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        try:
            self.make()
            self.said = open(self.folder / "said", "wb")
            self.process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port),
                 "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c",
                 "ssl=on", *settings], stdin=subprocess.DEVNULL, stdout=self.said,
                stderr=self.said, cwd=str(self.folder), **unprivileged())
            self.wait_until_up()
            self.sql("postgres", "CREATE ROLE trust SUPERUSER LOGIN; CREATE ROLE scram SUPERUSER "
                     "LOGIN PASSWORD '{}'".format(PASSWORD))
        except BaseException:
            self.stop()
            raise

    def make(self):
        self.as_user(str(self.programs / "initdb"), "-D", str(self.data), "-A", "trust", "-U",
                     "postgres", "--no-sync", "-E", "UTF8", "--locale", "C")
        self.as_user("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                     "-subj", "/CN=localhost", "-keyout", str(self.data / "server.key"), "-out",
                     str(self.data / "server.crt"))
        (self.data / "pg_hba.conf").write_text("host all scram 127.0.0.0/8 scram-sha-256\n"
                                               "host all all 127.0.0.0/8 trust\n")

    def as_user(self, *command):
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S,
                       cwd=str(self.folder), **unprivileged())

    def wait_until_up(self):
        end = time.monotonic() + 30
        while self.ask("postgres", "SELECT 1").returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "said").read_text())
            time.sleep(0.05)

    def url(self, database, login=TRUST, port=None):
        return "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode={}".format(
            login.user, PASSWORD, port or self.port, database,
            "require" if login.tls else "disable")

    def ask(self, database, text):
        return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                               str(self.port), "-U", "postgres", database], input=text,
                              capture_output=True, text=True, timeout=LIMIT_S,
                              env=dict(os.environ, PGSSLMODE="disable"))

    def sql(self, database, text):
        done = self.ask(database, text)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def database(self):
        name = "bench{}".format(next(self.numbers))
        self.sql("postgres", "CREATE DATABASE " + name)
        return name

    def drop(self, database):
        self.sql("postgres", "DROP DATABASE {} WITH (FORCE)".format(database))

    def stop(self):
        if hasattr(self, "process"):
            self.process.terminate()
            self.process.wait(LIMIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)


class Proxy:
    """bench_proxy: a line to the server with a delay, which counts."""

    def __init__(self, program, server, rtt_ms):
        self.process = subprocess.Popen([str(program), str(server.port), str(rtt_ms)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def counted(self):
        """(connections, round trips, bytes sent, bytes received) since the last time."""
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return tuple(int(word) for word in self.process.stdout.readline().split())

    def trips(self):
        return self.counted()[1]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(LIMIT_S)


class Folder:
    """A folder that goes at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="migrate-bench-"))
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class BackendMemory:
    """The peak memory in MB of the backends of a database, shared memory left out.

    A backend's own peak (VmHWM) holds the pages of shared_buffers that it has touched, so its
    private part (RssAnon) is looked at again and again instead.
    """

    def __init__(self, server, database):
        self.children = pathlib.Path("/proc/{0}/task/{0}/children".format(server.process.pid))
        self.mark, self.peak_mb = " {} ".format(database), 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while self.children.exists() and not self.over.wait(0.05):
            for pid in self.children.read_text().split():
                self.peak_mb = max(self.peak_mb, self.look_at(pathlib.Path("/proc", pid)))

    def look_at(self, process):
        try:
            if self.mark not in (process / "cmdline").read_text():
                return 0
            return int((process / "status").read_text().split("RssAnon:")[1].split()[0]) / 1024
        except (OSError, IndexError):  # it has ended
            return 0


class Done:
    """What one run of a program took."""

    def __init__(self, wall_us, cpu_us, peak_kb, out):
        self.wall_ms, self.cpu_ms = int(wall_us) / 1000, int(cpu_us) / 1000
        self.peak_mb, self.out = int(peak_kb) / 1024, out


def run(measure, *command):
    """Run a program to its end, measured by bench_measure."""
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "ASAN_OPTIONS",
                                                       "UBSAN_OPTIONS") if name in os.environ}
    with tempfile.NamedTemporaryFile(dir=HOME) as figures:
        done = subprocess.run([str(word) for word in (measure, figures.name, *command)],
                              env=dict(environment, USER="bench", HOME=HOME), cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S)
        out = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise RuntimeError("{}: exit {}\n{}".format(command, done.returncode, out[-4000:]))
        return Done(*figures.read().split(), out)


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
