"""What the benchmarks and their smoke test share: server, network, folders, one measured run."""
import atexit
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

LIMIT_S = 600
PASSWORD = "bench"
HOME = tempfile.mkdtemp(prefix="migrate-bench-")  # the notebook of these runs is not the user's
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


def unprivileged():
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def server_programs():
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
                      key=lambda path: int(path.parent.name))
    if versions:
        return versions[-1]
    return pathlib.Path(shutil.which("postgres")).resolve().parent


class Server:
    """A throw-away PostgreSQL with its default settings: roles "trust" and "scram", TLS on offer."""

    def __init__(self, *settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="migrate-bench-"))
        self.folder.chmod(0o777)
        self.programs, self.data = server_programs(), self.folder / "data"
        self.n_databases = 0
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

    def url(self, database, user="trust", port=None, tls=False):
        return "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode={}".format(
            user, PASSWORD, port or self.port, database, "require" if tls else "disable")

    def ask(self, database, text):
        return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                               self.url(database, "postgres")], input=text, capture_output=True,
                              text=True, timeout=LIMIT_S)

    def sql(self, database, text):
        done = self.ask(database, text)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def database(self, template="template1"):
        self.n_databases += 1
        name = "bench{}".format(self.n_databases)
        self.sql("postgres", "CREATE DATABASE {} TEMPLATE {}".format(name, template))
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


def statements_of(i):
    """Tiny migrations: every fifth adds an index to the table that it makes."""
    text = "CREATE TABLE t{0} (id int PRIMARY KEY, name text NOT NULL);\n".format(i)
    return text + ("CREATE INDEX ON t{0} (name);\n".format(i) if i % 5 == 0 else "")


def write_migrations(folder, n):
    for i in range(1, n + 1):
        (folder / "{:05}_t.up.sql".format(i)).write_text(statements_of(i))


class BackendMemory:
    """The peak memory of the backend whose application_name is like this, shared memory left out.

    A backend's VmHWM holds the pages of shared_buffers that it has touched, so the private part
    (RssAnon) is looked at again and again instead.
    """

    def __init__(self, server, like):
        self.server, self.like, self.peak_mb, self.is_over = server, like, 0, False

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()

    def watch(self):
        pid = ""
        while not self.is_over:
            if not pid:
                pid = self.server.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE "
                                      "application_name LIKE '{}' LIMIT 1".format(self.like))
            if pid:
                try:
                    text = pathlib.Path("/proc/{}/status".format(pid)).read_text()
                    size = int(text.split("RssAnon:")[1].split()[0]) / 1024
                    self.peak_mb = max(self.peak_mb, size)
                except (OSError, IndexError):
                    pass
            time.sleep(0.05)


class Done:
    """What one run of a program took."""

    def __init__(self, wall_ms, cpu_ms, rss_mb, out):
        self.wall_ms, self.cpu_ms, self.rss_mb, self.out = wall_ms, cpu_ms, rss_mb, out


def run(*command, stdin=None, exit=0, folder=None):
    """Run a program to its end; CPU time and peak memory are its own and its children's."""
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "ASAN_OPTIONS",
                                                       "UBSAN_OPTIONS") if name in os.environ}
    begin = time.monotonic()
    process = subprocess.Popen([str(word) for word in command],
                               env=dict(environment, USER="bench", HOME=HOME),
                               cwd=str(folder or "/"), stdin=stdin or subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.monotonic() - begin) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != exit:
        raise RuntimeError("{}: exit {}\n{}".format(command, process.returncode,
                                                    out.decode(errors="replace")[-4000:]))
    return Done(wall_ms, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024, out)


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
