#!/usr/bin/env python3
"""Never through a pool: real poolers and proxies between the command and the server.  Speaks TAP.

usage: pools.py MIGRATE [NAME...]

For each set-up: the verdict, the exit status, that nothing is applied and nothing is left on a
backend where it is refused, and that everything is applied where it is accepted.
"""
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pg"))
import house  # noqa: E402
from house import (LIMIT_S, OwnServer, Project, Session, Skip, expect, expect_in,  # noqa: E402
                   locks, main, new_folder, programs, read_until, unprivileged, wait_for)

FILES = {"1_a.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);",
         "2_b.up.sql": "CREATE TABLE b (id int);"}
WITH_INDEX = dict(FILES, **{"3_i.up.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);"})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Part:
    """A program between the command and the server, run as an unprivileged user."""

    def __init__(self):
        self.folder = new_folder("migrate-pool-")
        self.folder.chmod(0o777)
        self.port = free_port()

    def __enter__(self):
        return self

    def start(self, *command):
        """Until it listens; what it says goes into its folder, and into the failure.

        It starts in its folder: the user may not be able to enter the one of this run.
        """
        self.said = self.folder / "said"
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said,
                                            stderr=said, cwd=str(self.folder),
                                            **unprivileged())
        try:
            wait_for(lambda: listens(self.port) or self.process.poll() is not None, LIMIT_S)
            if self.process.poll() is not None:
                raise AssertionError("{} ended with {}".format(command[0], self.process.returncode))
        except AssertionError as failure:
            self.__exit__()
            raise AssertionError("{}\n{}".format(failure, self.said.read_text()[-2000:]))

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(LIMIT_S)

    def url_of(self, database, more=""):
        return "postgresql://postgres@127.0.0.1:{}/{}{}".format(self.port, database, more)


class PgBouncer(Part):
    def __init__(self, server, mode, **settings):
        super().__init__()
        settings = dict({"default_pool_size": 5, "server_round_robin": 0}, **settings)
        (self.folder / "users").write_text('"postgres" ""\n')
        (self.folder / "ini").write_text(
            "[databases]\n* = host={}\n[pgbouncer]\npool_mode = {}\nlisten_addr = 127.0.0.1\n"
            "listen_port = {}\nauth_type = trust\nauth_file = {}/users\nunix_socket_dir =\n"
            "logfile = {}/log\n{}".format(
                server.socket, mode, self.port, self.folder, self.folder,
                "".join("{} = {}\n".format(*item) for item in settings.items())))
        self.start("pgbouncer", str(self.folder / "ini"))


class PgPool(Part):
    def __init__(self, server):
        super().__init__()
        (self.folder / "pool_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        (self.folder / "pgpool.conf").write_text(
            "listen_addresses = '127.0.0.1'\nport = {0}\npcp_port = {1}\n"
            "unix_socket_directories = '{2}'\nsocket_dir = '{2}'\npcp_socket_dir = '{2}'\n"
            "backend_hostname0 = '{3}'\nbackend_port0 = 5432\nbackend_weight0 = 1\n"
            "backend_clustering_mode = 'raw'\nnum_init_children = 4\nlogdir = '{2}'\n"
            "pid_file_name = '{2}/pid'\nlog_destination = 'stderr'\nuse_watchdog = off\n".format(
                self.port, free_port(), self.folder, server.socket))
        (self.folder / "pcp.conf").write_text("")
        self.start("pgpool", "-n", "-f", str(self.folder / "pgpool.conf"), "-a",
                   str(self.folder / "pool_hba.conf"), "-F", str(self.folder / "pcp.conf"))


class Socat(Part):
    def __init__(self, server):
        super().__init__()
        self.start("socat", "TCP-LISTEN:{},bind=127.0.0.1,fork,reuseaddr".format(self.port),
                   "UNIX-CONNECT:{}/.s.PGSQL.5432".format(server.socket))


class HaProxy(Part):
    def __init__(self, *backends):
        super().__init__()
        (self.folder / "cfg").write_text(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"
            "listen pg\n bind 127.0.0.1:{}\n balance roundrobin\n{}".format(
                self.port, "".join(" server s{} {}\n".format(i, where)
                                   for i, where in enumerate(backends))))
        self.start("haproxy", "-f", str(self.folder / "cfg"))


class KeyProxy:
    """A 1:1 proxy of our own that changes BackendKeyData: "fake" as Neon's does, or "drop"."""

    def __init__(self, server, how):
        self.path, self.how = server.socket + "/.s.PGSQL.5432", how
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    url_of = Part.url_of

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self.answers, args=(server, client), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def answers(self, server, client):
        """Messages until the first ReadyForQuery; then bytes."""
        try:
            first = server.recv(1)
            if first == b"N":  # no TLS here
                client.sendall(first)
                first = server.recv(1)
            while first:
                size = server.recv(4, socket.MSG_WAITALL)
                body = server.recv(struct.unpack("!I", size)[0] - 4, socket.MSG_WAITALL)
                if first == b"K":
                    body = os.urandom(len(body)) if self.how == "fake" else None
                if body is not None:
                    client.sendall(first + size + body)
                if first == b"Z":
                    break
                first = server.recv(1)
        except OSError:
            pass
        self.pump(server, client)


class TlsServer(Part):
    """A PostgreSQL of its own, on loopback, with a certificate that it made itself."""

    def __init__(self):
        super().__init__()
        binaries = programs()
        data = self.folder / "data"
        self.as_user([str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres",
                      "--no-sync"])
        self.as_user(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                      "-keyout", str(data / "server.key"), "-out", str(data / "server.crt")])
        (self.folder / "root.crt").write_bytes((data / "server.crt").read_bytes())
        self.start(str(binaries / "postgres"), "-D", str(data), "-p", str(self.port), "-c",
                   "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "ssl=on",
                   "-c", "fsync=off")
        wait_for(lambda: self.ask("SELECT 1").returncode == 0)  # it listens before it is up

    def ask(self, sql):
        return subprocess.run(["psql", "-XqAt", "-d", self.url_of("postgres"), "-c", sql],
                              capture_output=True, text=True, timeout=LIMIT_S)

    def as_user(self, command):
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S,
                       cwd=str(self.folder), **unprivileged())


class Standby(TlsServer):
    """A standby of such a server, as it is now."""

    def __init__(self, primary):
        Part.__init__(self)
        binaries, data = programs(), self.folder / "data"
        self.as_user([str(binaries / "pg_basebackup"), "-d", primary.url_of("postgres"), "-D",
                      str(data), "-c", "fast", "-X", "stream"])
        self.as_user(["touch", str(data / "standby.signal")])
        self.start(str(binaries / "postgres"), "-D", str(data), "-p", str(self.port), "-c",
                   "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
        wait_for(lambda: self.ask("SELECT 1").returncode == 0)


# ---- Refused ------------------------------------------------------------------------------------


def is_untouched(project):
    """Nothing applied, and no backend that is left holds a lock of ours."""
    expect(project.sql("SELECT to_regclass('a') IS NULL AND to_regclass('migrate.history') IS NULL"),
           "t")
    expect(locks(project), "0")


def warm(pool, project, n=3):
    """Let the pool have n idle backends."""
    clients = [subprocess.Popen(["psql", "-Xq", "-d", pool.url_of(project.database), "-c",
                                 "BEGIN; SELECT pg_sleep(0.3); COMMIT"], stdout=subprocess.DEVNULL)
               for _ in range(n)]
    for client in clients:
        client.wait(LIMIT_S)


def refused(pool, project, verdict_words):
    run = project.run("up", url=pool.url_of(project.database), exit=3)
    expect_in("(unproved)\n", run.err)
    expect_in("The backend".replace("The", "This") + " was not started by our startup packet.",
              run.err.replace("\n      ", " "))
    expect_in(verdict_words, run.err)
    is_untouched(project)


def settings_are_untouched(pool, project):
    shown = subprocess.run(
        ["psql", "-XqAt", "-d", pool.url_of(project.database), "-c",
         "SELECT current_setting('lock_timeout'), "
         "current_setting('idle_in_transaction_session_timeout'), "
         "current_setting('application_name') LIKE 'migrate/%'"],
        capture_output=True, text=True, timeout=LIMIT_S)
    expect(shown.stdout.strip(), "0|0|f")


def transaction_pool(server, is_warm, **settings):
    project = Project(server, FILES)
    with PgBouncer(server, "transaction", **settings) as pool:
        if is_warm:
            warm(pool, project)
        refused(pool, project, "session  PostgreSQL {}".format(server.version()))
        expect_in("not proved to be direct",
                  project.run("status", url=pool.url_of(project.database)).err)
        # Without a history, and with one: verify reads as status does.
        run = project.run("verify", url=pool.url_of(project.database))
        expect_in("not proved to be direct", run.err)
        expect(run.out, "nothing found: 2 migrations looked at, files and history\n")
        settings_are_untouched(pool, project)
        project.run("up")
        project.write("1_a.up.sql", "CREATE TABLE another (id int);")
        run = project.run("verify", url=pool.url_of(project.database), exit=6)
        expect_in("not proved to be direct", run.err)
        expect_in('drift    migrations/1_a.up.sql  migration "1_a" was edited', run.out)
        settings_are_untouched(pool, project)


def test_pgbouncer_transaction_cold(server):
    transaction_pool(server, False)


def test_pgbouncer_transaction_warm(server):
    transaction_pool(server, True)


def test_pgbouncer_transaction_round_robin_cold(server):
    transaction_pool(server, False, server_round_robin=1)


def test_pgbouncer_transaction_round_robin_warm(server):
    transaction_pool(server, True, server_round_robin=1)


def test_pgbouncer_transaction_of_one(server):
    transaction_pool(server, False, default_pool_size=1)


def test_pgbouncer_transaction_says_so(server):
    project = Project(server, FILES)
    with PgBouncer(server, "transaction") as pool:
        refused(pool, project, "session  PostgreSQL {}".format(server.version()))
        expect_in(", transaction-pooled\n", project.run("up", url=pool.url_of(project.database),
                                                        exit=3).err)


def test_pgbouncer_statement(server):
    project = Project(server, FILES)
    with PgBouncer(server, "statement") as pool:
        refused(pool, project, ", transaction-pooled\n")


def test_pgbouncer_session_is_refused(server):
    for is_warm in (False, True):
        project = Project(server, FILES)
        with PgBouncer(server, "session") as pool:
            if is_warm:
                warm(pool, project)
            refused(pool, project, ", session-pooled\n")


def test_pgbouncer_session_with_consent(server):
    project = Project(server, FILES)
    with PgBouncer(server, "session") as pool:
        url = pool.url_of(project.database)
        run = project.run("up", "--connection", "session", url=url)
        expect_in(", session-pooled\n", run.err)
        expect(project.applied(), ["1", "2"])
        # What no fence can stop is not run there.
        project.write("3_i.up.sql", WITH_INDEX["3_i.up.sql"])
        expect_in("error: migration \"3_i\" needs a direct session (unproved)",
                  project.run("up", "--connection", "session", url=url, exit=3).err)
        expect_in("migration \"3_i\" needs a direct session",
                  project.run("doctor", "--connection", "session", url=url, exit=3).out)
        expect(project.applied(), ["1", "2"])
        wait_for(lambda: locks(project) == "0")


def test_a_session_that_a_pooler_loses_is_made_anew(_):
    server = OwnServer()
    server.socket = "127.0.0.1 port={}".format(server.port)
    try:
        project = Project(server, FILES)
        key = re.search(r"key (-?\d+)", project.run("doctor").out).group(1)
        with PgBouncer(server, "session") as pool, project.session() as holder:
            holder.run("SELECT pg_advisory_lock({})".format(key))
            run = project.start("up", "--connection", "session", url=pool.url_of(project.database))
            read_until(run.stderr, "waiting  ")
            # Its backend crashes, with all the others: so the lock is free.
            os.kill(int(project.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE "
                                    "'migrate/%' AND datname = current_database()")), signal.SIGKILL)
            _, err = run.communicate(timeout=LIMIT_S)
        expect_in("waiting  connecting again: this session was ended: server conn crashed?\n", err)
        expect((run.returncode, project.applied()), (0, ["1", "2"]))
    finally:
        server.stop()


def test_a_transaction_pool_is_refused_with_consent_to_sessions(server):
    project = Project(server, FILES)
    with PgBouncer(server, "transaction") as pool:
        run = project.run("up", "--connection", "session", url=pool.url_of(project.database),
                          exit=3)
        expect_in(", transaction-pooled\n", run.err)
        is_untouched(project)


def test_a_full_session_pool_is_given_up_in_time(server):
    project = Project(server, FILES)
    with PgBouncer(server, "session", default_pool_size=1) as pool:
        refused(pool, project, ", unproved\n")


def test_two_pgbouncers_behind_haproxy(server):
    for is_warm in (False, True):
        project = Project(server, FILES)
        with PgBouncer(server, "transaction") as one, PgBouncer(server, "transaction") as two, \
                HaProxy("127.0.0.1:{}".format(one.port), "127.0.0.1:{}".format(two.port)) as pool:
            if is_warm:
                warm(pool, project)
            run = project.run("up", url=pool.url_of(project.database), exit=3)
            expect_in("(unproved)\n", run.err)
            is_untouched(project)


def test_pgpool(server):
    project = Project(server, FILES)
    with PgPool(server) as pool:
        run = project.run("up", url=pool.url_of(project.database), exit=3)
        expect_in(", pgpool\n", run.err)
        is_untouched(project)


def statements_of_others(project):
    """What backends that are left in the project's database ran last, but psql's and our own."""
    return project.sql("SELECT string_agg(query, '; ') FROM pg_stat_activity WHERE datname = "
                       "current_database() AND pid <> pg_backend_pid() AND query ~* "
                       "'(search_path|snapshot|pg_dump|REPEATABLE READ)'")


def test_a_dump_through_a_transaction_pool_is_refused_before_anything_is_asked(server):
    """pg_dump changes settings of its session, which others would get next; and no file is made."""
    project = Project(server, FILES)
    project.run("up")
    for mode in "transaction", "statement":
        with PgBouncer(server, mode) as pool:
            warm(pool, project)
            for words in ("dump",), ("dump", "--connection", "session"), \
                    ("dump", "--file", "schema.sql"):
                run = project.run(*words, url=pool.url_of(project.database), exit=3)
                expect_in("(unproved)\n", run.err)
                expect((run.out, (project.root / "schema.sql").exists()), ("", False))
            expect(statements_of_others(project), "")
            settings_are_untouched(pool, project)


def test_a_dump_through_a_session_pool_needs_consent(server):
    project = Project(server, FILES)
    project.run("up")
    direct = project.run("dump").out
    with PgBouncer(server, "session") as pool:
        url = pool.url_of(project.database)
        expect(project.run("dump", url=url, exit=3).out, "")
        run = project.run("dump", "--connection", "session", url=url)
        expect_in(", session-pooled\n", run.err)
        expect(run.out, direct)
        # What pg_dump set is not what the next client finds.
        settings_are_untouched(pool, project)
        shown = subprocess.run(["psql", "-XqAt", "-d", url, "-c", "SHOW search_path"],
                               capture_output=True, text=True, timeout=LIMIT_S)
        expect(shown.stdout.strip(), "\"$user\", public")


def test_a_dump_through_pgpool_is_refused(server):
    project = Project(server, FILES)
    project.run("up")
    with PgPool(server) as pool:
        for words in ("dump",), ("dump", "--connection", "session"):
            run = project.run(*words, url=pool.url_of(project.database), exit=3)
            expect_in(", pgpool\n", run.err)
            expect(run.out, "")


def test_pgpool_over_unix_sockets(server):
    project = Project(server, FILES)
    with PgPool(server) as pool:
        url = "postgresql://postgres@/{}?host={}&port={}".format(project.database, pool.folder,
                                                                pool.port)
        run = project.run("up", url=url, exit=3)
        expect_in(", pgpool\n", run.err)
        is_untouched(project)


class Refuser:
    """A server that says one thing to whoever connects, and closes."""

    def __init__(self, sqlstate, words):
        self.message = b"".join(kind + text.encode() + b"\0" for kind, text in (
            (b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", words))) + b"\0"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                if struct.unpack("!II", client.recv(8, socket.MSG_WAITALL))[1] == 80877103:
                    client.sendall(b"N")  # no TLS here
                    client.recv(4096)
                client.sendall(b"E" + struct.pack("!I", len(self.message) + 4) + self.message)
                client.close()
            except OSError:
                return


def test_refusals_of_others_are_explained(server):
    project = Project(server, FILES)
    for sqlstate, words, hint in (
            ("53300", "sorry, too many clients already", "hint: Close other sessions, or raise"),
            ("08P01", "unsupported startup parameter: options", "hint: A connection pooler says so"),
            ("XX000", "Tenant or user not found", "hint: Supabase's pooler says so"),
            ("08P01", "query_wait_timeout", "hint: A connection pooler has no free backend")):
        refuser = Refuser(sqlstate, words)
        run = project.start("up", "--wait-server", "0s",
                            url="postgresql://app:s3cret@127.0.0.1:{}/shop".format(refuser.port))
        _, err = run.communicate(timeout=LIMIT_S)
        expect(run.returncode, 5)
        expect_in(words, err)
        expect_in(hint, err)
        refuser.listener.close()


class Gallows:
    """A tunnel that kills the run with its n-th message on the way to the server."""

    def __init__(self, port, n):
        self.to, self.left = port, n
        self.lock, self.is_started = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def kill(self, run):
        """Is it killed before it ends by itself?  With what it said."""
        self.run = run
        self.is_started.set()
        out, err = run.communicate(timeout=LIMIT_S)
        self.listener.close()
        return run.returncode == -signal.SIGKILL, out + err

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=KeyProxy.pump, args=(server, client), daemon=True).start()
            threading.Thread(target=self.there, args=(client, server), daemon=True).start()

    def there(self, client, server):
        self.is_started.wait(LIMIT_S)
        try:
            while True:
                data = client.recv(65536)
                with self.lock:
                    self.left -= len(data) > 0
                    is_last = self.left == 0 and len(data) > 0
                if not data:
                    break
                server.sendall(data)
                if is_last:
                    self.run.kill()
        except OSError:
            pass
        try:
            server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def killed_in_each_phase(project, pool, *words):
    """Yields behind each of the runs that end with one message more than the one before."""
    is_killed, n = True, 0
    while is_killed:
        n += 1
        gallows = Gallows(pool.port, n)
        run = project.start("up", *words, url=Part.url_of(gallows, project.database))
        is_killed, said = gallows.kill(run)
        wait_for(lambda: locks(project) == "0")
        settings_are_untouched(pool, project)
        yield is_killed, said
    if n < 4:
        raise AssertionError("{} messages are all".format(n))


def test_a_run_killed_in_a_pool_leaves_nothing(server):
    for mode in ("transaction", "session"):
        project = Project(server, FILES)
        with PgBouncer(server, mode) as pool:
            for is_killed, said in killed_in_each_phase(project, pool):
                is_untouched(project)
            expect_in("(unproved)\n", said)


def test_a_run_killed_in_a_session_pool_leaves_whole_migrations(server):
    project = Project(server, dict(FILES, **{"3_c.up.sql": "CREATE TABLE c (id int);"}))
    made = "SELECT concat(to_regclass('a'), to_regclass('b'), to_regclass('c'))"
    with PgBouncer(server, "session") as pool:
        for is_killed, said in killed_in_each_phase(project, pool, "--connection", "session"):
            is_there = project.sql("SELECT to_regclass('migrate.history') IS NOT NULL") == "t"
            expect(project.sql(made),
                   "".join("_abc"[int(version)] for version in project.applied())
                   if is_there else "")
        expect_in("now at 3_c", said)
        expect(project.applied(), ["1", "2", "3"])


# ---- The fence alone ---------------------------------------------------------------------------


def race(server, **settings):
    """Six runners, twenty migrations, a transaction pool, and no proof: nothing is done twice."""
    project = Project(server, {"00_counter.up.sql": "CREATE TABLE counter (version text);"})
    project.run("up")
    # The last line of defence would hide what the fence lets through.
    project.sql("DROP INDEX migrate.history_coalesce_idx")
    for i in range(1, 21):
        project.write("{:02}_m.up.sql".format(i), "INSERT INTO counter VALUES ('{:02}');\n"
                      "SELECT pg_sleep(0.01);".format(i))
    said = []
    # Since 1.21 it may keep prepared statements itself, and refuses a name that it knows.
    shown = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True).stdout
    if tuple(map(int, re.search(r"(\d+)\.(\d+)", shown).groups())) >= (1, 21):
        settings["max_prepared_statements"] = 0
    with PgBouncer(server, "transaction", **settings) as pool:
        for _ in range(3):
            runs = [subprocess.Popen([os.environ["MG_UNPROVED"], "up", "--wait-turn", "5s"],
                                     cwd=project.root, stdin=subprocess.DEVNULL,
                                     env=project.environment(pool.url_of(project.database)),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    for _ in range(6)]
            said += [run.communicate(timeout=LIMIT_S) for run in runs]
    # Each got as far as the lock, or the counts below say nothing.
    for out, err in said:
        if not re.search(r"\((fence|unproved|lock-busy)\)\n|^done     ", out + err, re.M):
            raise AssertionError(out + err)
    twice = "SELECT count(*) - count(DISTINCT version) FROM "
    expect(project.sql(twice + "counter"), "0")
    expect(project.sql(twice + "migrate.history"), "0")
    expect(project.sql("SELECT count(*) + 1 FROM counter"),
           project.sql("SELECT count(*) FROM migrate.history"))
    return "".join(err for _, err in said)


def test_the_fence_alone_on_shared_backends(server):
    race(server)


def test_the_fence_alone_round_robin(server):
    race(server, server_round_robin=1, default_pool_size=3)


def test_the_fence_alone_where_locks_vanish(server):
    """Each transaction's end drops all locks: all six believe that they hold theirs."""
    expect_in("(fence)\n", race(server, server_reset_query_always=1, default_pool_size=10))


def test_a_pooler_that_betrays_itself_behind_the_login(server):
    project = Project(server, FILES)
    with PgBouncer(server, "session", default_pool_size=1, query_wait_timeout=1) as pool:
        url = pool.url_of(project.database)
        with Session(url):
            run = project.start("up", url=url)
            _, err = run.communicate(timeout=LIMIT_S)
        expect(err[err.index("error:"):],
               "error: query_wait_timeout (unreachable)\n"
               "hint: A connection pooler has no free backend: use the URL of the server itself.\n"
               "note: nothing was applied\n")
        expect(run.returncode, 5)  # a later try may find the pool less full
    is_untouched(project)


# ---- Accepted -----------------------------------------------------------------------------------


def accepted(server, proxy, verdict):
    project = Project(server, WITH_INDEX)
    run = project.run("up", url=proxy.url_of(project.database))
    expect_in(", {}\n".format(verdict), run.err)
    expect(project.applied(), ["1", "2", "3"])
    expect_in("nothing to do", project.run("up", url=proxy.url_of(project.database)).out)
    wait_for(lambda: locks(project) == "0")


def test_direct_over_a_socket(server):
    project = Project(server, WITH_INDEX)
    expect_in(", direct\n", project.run("up").err)
    expect(project.applied(), ["1", "2", "3"])


def test_direct_over_tcp_and_tls(server):
    with TlsServer() as tls:
        url = "postgresql://postgres@localhost:{}/postgres?hostaddr=127.0.0.1&".format(tls.port)
        modes = ["disable", "require", "verify-full&sslrootcert={}/root.crt".format(tls.folder)]
        for i, mode in enumerate(modes):
            project = Project(server, WITH_INDEX)
            history = "--history=h{}.history".format(i)
            made = tls.ask("DROP TABLE IF EXISTS a, b; CREATE SCHEMA h{}".format(i))
            expect(made.returncode, 0)
            run = project.run("up", history, url=url + "sslmode=" + mode)
            expect_in(", direct\n", run.err)
            expect(run.out.count("applied  "), 3)


def test_a_standby_is_read_and_not_written(server):
    project = Project(server, FILES)
    with TlsServer() as primary:
        project.run("up", "1", url=primary.url_of("postgres"))
        with Standby(primary) as standby:
            url = standby.url_of("postgres")
            expect(standby.ask("SELECT pg_is_in_recovery()").stdout, "t\n")
            note = "note: this server is a standby: what was applied just now may not be there yet\n"
            run = project.run("status", url=url)
            expect_in(note, run.err)
            expect([line.split()[:2] for line in run.out.splitlines()[1:3]],
                   [["applied", "1_a"], ["pending", "2_b"]])
            run = project.run("plan", url=url)
            expect_in(note, run.err)
            expect_in("2_b", run.out)
            run = project.run("verify", url=url)
            expect_in(note, run.err)
            expect_in("nothing found: 2 migrations", run.out)
            project.write("1_a.up.sql", "CREATE TABLE another (id int);")
            run = project.run("verify", url=url, exit=6)
            expect_in('migration "1_a" was edited', run.out)
            project.write("1_a.up.sql", FILES["1_a.up.sql"])
            run = project.run("up", url=url, exit=3)
            expect_in("error: the server is a standby and cannot be written to (read-only)\n"
                      "hint: Use the URL of the primary server.\n"
                      "note: nothing was changed\n", run.err)
            expect(run.out, "")
            run = project.run("doctor", url=url, exit=3)
            expect_in("fail  version      PostgreSQL {}".format(server.version()), run.out)
            expect_in(": the server is a standby and cannot be written to\n", run.out)
            expect_in("ok    history      migrate.history, 1 applied, writable by postgres only\n",
                      run.out)
            # Both hosts in one URL: libpq takes the one that can be written to.
            both = "postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?{}".format(
                standby.port, primary.port, "target_session_attrs=read-write")
            expect_in("applied  2_b", project.run("up", url=both).out)


def test_the_doctor_of_tls(server):
    project = Project(server, FILES)
    with TlsServer() as tls, TlsServer() as other:
        url = "postgresql://postgres@localhost:{}/postgres?hostaddr=127.0.0.1&sslmode=".format(
            tls.port)
        root = "&sslrootcert={}/root.crt".format(tls.folder)
        for mode, row in (
                ("disable", "ok    TLS          none, the data stays on this machine"),
                ("prefer", "note  TLS          TLSv1.3, encrypted, certificate not verified "
                           "(sslmode=prefer)"),
                ("require", "note  TLS          TLSv1.3, encrypted, certificate not verified "
                            "(sslmode=require)"),
                ("require" + root, "note  TLS          TLSv1.3, certificate verified, host name "
                                   "not (sslmode=require)"),
                ("verify-ca" + root, "note  TLS          TLSv1.3, certificate verified, host name "
                                     "not (sslmode=verify-ca)"),
                ("verify-full" + root,
                 "ok    TLS          TLSv1.3, certificate and host name verified")):
            expect_in("\n  {}\n".format(row), project.run("doctor", url=url + mode).out)
        # Another server's root, and another name than the certificate's.
        wrong = "verify-full&sslrootcert={}/root.crt".format(other.folder)
        run = project.run("doctor", "--wait-server", "0s", url=url + wrong, exit=5)
        expect_in("certificate verify failed", run.out)
        expect_in("verdict: \"migrate up\" cannot run here (unreachable)", run.out)
        named = (url + "verify-full" + root).replace("@localhost", "@db.example")
        run = project.run("doctor", "--wait-server", "0s", url=named, exit=5)
        expect_in("does not match host name", " ".join(run.out.split()))


def test_socat(server):
    with Socat(server) as proxy:
        accepted(server, proxy, "pinned")


def test_haproxy(server):
    with HaProxy("unix@{}/.s.PGSQL.5432".format(server.socket)) as proxy:
        accepted(server, proxy, "pinned")


def test_a_proxy_that_fakes_the_cancel_key_as_neons_does(server):
    with KeyProxy(server, "fake") as proxy:
        accepted(server, proxy, "pinned")


def test_a_proxy_that_drops_the_cancel_key(server):
    with KeyProxy(server, "drop") as proxy:
        accepted(server, proxy, "pinned")


def test_a_role_that_may_connect_once_only(server):
    project = Project(server, FILES)
    project.sql("CREATE ROLE pool_single LOGIN CONNECTION LIMIT 1; GRANT CREATE ON DATABASE {0} "
                "TO pool_single; GRANT ALL ON SCHEMA public TO pool_single".format(
                    project.database))
    with Socat(server) as proxy:
        url = proxy.url_of(project.database).replace("postgres@", "pool_single@")
        expect_in(", pinned\n", project.run("up", url=url).err)
        expect(project.applied(), ["1", "2"])


# ---- The doctor ---------------------------------------------------------------------------------


def shape(run):
    """Its lines without what differs from run to run; those below a row without their indent."""
    for pattern, word in ((r"in [\d.]+ m?s, round trip <?[\d.]+ m?s", "in {ms}"),
                          (r"PostgreSQL [\d.]+((beta|rc)\d+)?", "PostgreSQL {version}"),
                          (r"key -?\d+", "key {key}"), (r"\d+ of \d+ in use", "{n} in use")):
        run.out = re.sub(pattern, word, run.out)
    return [line.strip() for line in run.out.splitlines()]


def test_the_doctor_through_a_transaction_pool(server):
    project = Project(server, FILES)
    with PgBouncer(server, "transaction") as pool:
        run = project.run("doctor", url=pool.url_of(project.database), exit=3)
        expect("\n".join(shape(run)), """\
URL
ok    source       DATABASE_URL in the environment
ok    kind         an address on this machine
Connection
ok    reached      in {ms}
ok    TLS          none, the data stays on this machine
warn  startup      this backend was started by somebody else's startup packet: a pooler
note  cancel key   not this backend's: a proxy is between
warn  behaviour    a second connection was given our backend
fail  proof        transaction-pooled: this session shares its backend with others (a transaction
pooler)
Use the URL of the server itself, without the pooler.
A pooler or proxy may be what listens on this machine, such as PgBouncer or
Cloud SQL's Auth Proxy.
Server
ok    version      PostgreSQL {version}, primary, writable
ok    role         postgres, superuser
ok    connections  {n} in use
Migrations
ok    history      migrate.history is not there yet, the first "migrate up" makes it
ok    files        2 in migrations/, 2 pending, none late, none drifted
ok    lock         free, key {key}
Settings
ok    by default   dir migrations, format native, history migrate.history, connection direct,
pooled_url refuse, late auto, timezone UTC, timeouts.lock 1 s,
timeouts.statement none, timeouts.idle 1 min, lock_retry 10 min, wait_turn 5
min, deadline none, output table, production_guard on, apply yes

verdict: "migrate up" cannot run here (unproved): mend "proof" first; 1 failure, 2 warnings""")
        is_untouched(project)
        settings_are_untouched(pool, project)


def test_the_doctor_through_a_session_pool(server):
    project = Project(server, FILES)
    with PgBouncer(server, "session") as pool:
        url = pool.url_of(project.database)
        expect_in("fail  proof        session-pooled: ", project.run("doctor", url=url, exit=3).out)
        run = project.run("doctor", "--connection", "session", url=url)
        expect_in("warn  proof        session-pooled, accepted; nothing runs here outside a "
                  "transaction\n", run.out)
        is_untouched(project)


def test_the_doctor_in_front_of_a_full_pool(server):
    project = Project(server, FILES)
    with PgBouncer(server, "session", default_pool_size=1) as pool:
        url = pool.url_of(project.database)
        with Session(url):
            run = project.run("doctor", url=url, exit=3)
        expect_in("fail  proof        unproved: the session does not answer\n", run.out)
        expect_in("ok    files        2 in migrations/\n", run.out)


def test_the_doctor_of_pgpool(server):
    project = Project(server, FILES)
    with PgPool(server) as pool:
        run = project.run("doctor", url=pool.url_of(project.database), exit=3)
        expect_in("fail  proof        pgpool: ", run.out)
        is_untouched(project)


def test_the_doctor_through_socat(server):
    project = Project(server, FILES)
    with Socat(server) as proxy:
        run = project.run("doctor", url=proxy.url_of(project.database))
        expect("\n".join(shape(run)[3:13]), """\
Connection
ok    reached      in {ms}
ok    TLS          none, the data stays on this machine
ok    startup      this backend was started by our own startup packet
ok    cancel key   this backend's
note  client port  the server sees another one: a proxy or a tunnel is between
ok    behaviour    a second connection got a new backend, and ours stayed ours
ok    proof        pinned
Server
ok    version      PostgreSQL {version}, primary, writable""")
        expect_in('verdict: "migrate up" may run here\n', run.out)
        is_untouched(project)


def test_the_doctor_of_a_proxy_that_fakes_the_cancel_key(server):
    project = Project(server, FILES)
    with KeyProxy(server, "fake") as proxy:
        run = project.run("doctor", url=proxy.url_of(project.database))
        expect_in("note  cancel key   not this backend's: a proxy is between\n", run.out)
    with KeyProxy(server, "drop") as proxy:
        run = project.run("doctor", url=proxy.url_of(project.database))
        expect_in("note  cancel key   none was sent: a proxy is between\n", run.out)


def test_the_doctor_of_neons_direct_endpoint(server):
    project = Project(server, FILES)
    with KeyProxy(server, "fake") as proxy:
        url = "postgresql://postgres@ep-x.eu-central-1.aws.neon.tech:{}/{}?hostaddr=127.0.0.1".format(
            proxy.port, project.database)
        run = project.run("doctor", url=url)
        expect_in("ok    kind         Neon, direct endpoint\n", run.out)
        expect_in("note  cancel key   not this backend's: a proxy is between, as always with Neon\n"
                  "  ok    behaviour    a second connection got a new backend, and ours stayed ours\n"
                  "  ok    proof        pinned\n", run.out)
        is_untouched(project)


# ---- Being asked -------------------------------------------------------------------------------


def on_a_terminal(project, words, url, answer, ready, pause_s=0):
    """What the command prints on a terminal where answer is typed when ready is to be seen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.root)
        os.execve(house.MIGRATE, [house.MIGRATE, *words],
                  dict(project.environment(url), NO_COLOR="1"))
    seen, is_answered = "", False
    try:
        while select.select([terminal], [], [], LIMIT_S)[0]:
            part = os.read(terminal, 4096)
            seen += part.decode()
            if not part:
                break
            if ready in seen and not is_answered:
                time.sleep(pause_s)  # a person reads first: the run does not count that
                os.write(terminal, answer)
                is_answered = True
    except OSError:  # how Linux tells the end of a terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.replace("\r", "")


def test_down_on_another_machine_asks(server):
    try:
        os.close(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise Skip("no terminal can be made here")
    project = Project(server, dict(FILES, **{"2_b.down.sql": "DROP TABLE b;"}))
    project.run("up")
    with KeyProxy(server, "fake") as proxy:
        # 127.0.0.1, but not by its looks.
        url = "postgresql://postgres@2130706433:{}/{}".format(proxy.port, project.database)
        words = ["down", "--url", url]
        for answer, status, end in (
                (b"n\n", 130, "n\nerror: the answer was not yes (cancelled)\n"
                              "note: nothing was reverted\n"),
                (b"\x03", 130, "^C\nerror: the run was interrupted (cancelled)\n"
                               "note: nothing was reverted\n")):
            found, seen = on_a_terminal(project, words, url, answer, "[y/N] ")
            question = ("\nstep  migration  statements  how\n"
                        "   1  2_b                 1  one transaction\n\n"
                        "revert 1 migration in {} at 2130706433? [y/N] ".format(project.database))
            expect((found, seen[seen.index("\nstep"):]), (status, question + end))
            expect(project.applied(), ["1", "2"])
        found, seen = on_a_terminal(project, ["redo", "--url", url], url, b"n\n", "[y/N] ")
        question = ("\nstep  does    migration  statements  how\n"
                    "   1  revert  2_b                 1  one transaction\n"
                    "   2  apply   2_b                 1  one transaction\n\n"
                    "revert 2_b and apply it again in {} at 2130706433? [y/N] n\n".format(
                        project.database))
        expect((found, seen[seen.index("\nstep"):seen.index("error:")]), (130, question))
        found, seen = on_a_terminal(project, words, url, b"y\n", "[y/N] ", 4)
        took = re.search(r"1 reverted in ([0-9.]+) (ms|s), now at 1_a", seen)
        if found != 0 or took is None or (took.group(2) == "s" and float(took.group(1)) >= 4):
            raise AssertionError(seen)
        expect(project.applied(), ["1"])


if __name__ == "__main__":
    sys.exit(main(globals()))
