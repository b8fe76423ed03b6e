#!/usr/bin/env python3
"""Names of hosts: looked up by us, so that time and a cancel reach the look-up.  Speaks TAP.

usage: names.py MIGRATE [NAME...]

Runs have files of their own for the resolver, in a mount namespace, and where name servers are to
be silent a network namespace too.  Where none may be made, those scenarios are skipped.
"""
import os
import pathlib
import signal
import subprocess
import sys

import house
from house import (LIMIT_S, Forbidden, OwnServer, Project, Skip, expect, expect_in, main,
                   new_folder, wait_for)

# In the namespace: the files of the resolver, and a name server that reads nothing.
INSIDE = """
import fcntl, os, socket, struct, subprocess, sys
folder, is_silent, words = sys.argv[1], sys.argv[2] == "silent", sys.argv[3:]
for name in ("hosts", "nsswitch.conf", "resolv.conf"):
    if not os.path.exists("/etc/" + name):
        continue
    subprocess.run(["mount", "--bind", folder + "/" + name, "/etc/" + name], check=True)
if is_silent:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(listener, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: up
    listener.bind(("127.0.0.1", 53))
    listener.set_inheritable(True)
os.execvp(words[0], words)
"""

# For everybody; for root, where a chroot or a setting forbids the first.
WAYS_IN = (("--user", "--map-root-user", "--mount"), ("--mount",))

HOSTS = """127.0.0.1 localhost db.example
127.0.0.7 two.example
127.0.0.1 two.example
"""


class Resolver:
    """What a run finds in /etc."""

    def __init__(self, is_silent=False):
        self.is_silent = is_silent
        folder = new_folder("migrate-resolver-")
        (folder / "hosts").write_text(HOSTS)
        (folder / "nsswitch.conf").write_text("hosts: files{}\n".format(" dns" if is_silent else ""))
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        inside = [sys.executable, "-c", INSIDE, str(folder), "silent" if is_silent else ""]
        said = ""
        for kind in WAYS_IN:
            self.words = ["unshare", *kind, *["--net"] * is_silent, *inside]
            try:
                done = subprocess.run([*self.words, "true"], capture_output=True, text=True,
                                      timeout=LIMIT_S)
            except FileNotFoundError:
                raise Skip("no unshare program") from None
            if done.returncode == 0:
                return
            said = done.stderr.strip().splitlines()[-1]
        raise Forbidden("no namespaces: " + said)

    def start(self, project, *words, url):
        return subprocess.Popen([*self.words, house.MIGRATE, *words], cwd=project.root,
                                env=project.environment(url), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def run(self, project, *words, url, exit=0):
        run = self.start(project, *words, url=url)
        run.out, run.err = run.communicate(timeout=LIMIT_S)
        if run.returncode != exit:
            raise AssertionError("{}: exit {}, not {}\n{}\n{}".format(
                " ".join(words), run.returncode, exit, run.out, run.err))
        return run


FILES = {"1_a.up.sql": "CREATE TABLE a (id int);"}
NOBODY = "postgresql://postgres@nobody.example/x?sslmode=disable"


def test_a_deadline_cuts_a_silent_name_server(server):
    project = Project(server, FILES)
    run = Resolver(is_silent=True).run(project, "up", "--deadline", "1s", exit=8, url=NOBODY)
    expect_in("error: the time for this run is over (deadline)\n", run.err)
    expect_in("It waited for the server: could not connect to the server: could not translate host "
              "name \"nobody.example\" to address: no answer after ", " ".join(run.err.split()))
    expect_in("note: nothing was changed\n", run.err)


def is_asking(run):
    return pathlib.Path("/proc/{0}/task/{0}/children".format(run.pid)).read_text() != ""


def test_cancel_while_a_name_is_looked_up(server):
    project = Project(server, FILES)
    resolver = Resolver(is_silent=True)
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        run = resolver.start(project, "up", "--wait-server", "0s", url=NOBODY)
        wait_for(lambda: house.MIGRATE.encode() in
                 pathlib.Path("/proc/{}/cmdline".format(run.pid)).read_bytes().split(b"\0")[0])
        wait_for(lambda: is_asking(run))
        os.killpg(run.pid, number)  # as a terminal does: the one that looks up gets it too
        _, err = run.communicate(timeout=3)
        expect((run.returncode, err), (status, "error: interrupted (cancelled)\n"
                                               "note: nothing was changed\n"))


def test_a_silent_name_server_does_not_stop_another_host(server):
    project = Project(server, FILES)
    Resolver(is_silent=True).run(project, "up", url="host=nobody.example,{} port={} user=postgres dbname={}"
                                 .format(server.folder, server.port, project.database))
    expect(project.applied(), ["1"])


def test_every_address_of_a_name_is_tried(server):
    project = Project(server, FILES)
    resolver = Resolver()
    resolver.run(project, "up", url=server.url_of(project.database, host="two.example"))
    expect(project.applied(), ["1"])
    run = resolver.run(project, "status", url=server.url_of(project.database, host="db.example"))
    expect_in("at db.example", run.err)


def test_names_from_everywhere(server):
    project = Project(server, FILES)
    resolver = Resolver()
    service = project.root / "service.conf"
    service.write_text("[shop]\nhost=db.example\nport={}\ndbname={}\nuser=postgres\n".format(
        server.port, project.database))
    for url, variables in (
            ("service=shop", {"PGSERVICEFILE": str(service)}),
            ("dbname={} user=postgres".format(project.database),
             {"PGHOST": "db.example", "PGPORT": str(server.port)}),
            ("host=nobody.example port={} dbname={} user=postgres".format(server.port, project.database),
             {"PGHOSTADDR": "127.0.0.1"}),
            ("host=nobody.example,db.example port=1,{} dbname={} user=postgres".format(
                server.port, project.database), {}),
            ("host=db.example,two.example,127.0.0.1 port={} dbname={} user=postgres "
             "target_session_attrs=read-write".format(server.port, project.database), {})):
        project.variables = dict(variables, PGSSLMODE="disable")
        resolver.run(project, "up", url=url)
    expect(project.applied(), ["1"])


def test_libpq_warns_of_a_password_file_once(server):
    project = Project(server, FILES)
    file = project.root / "passwords"
    file.write_text("*:*:*:*:secret\n")
    file.chmod(0o644)
    project.variables = {"PGPASSFILE": str(file)}
    run = Resolver().run(project, "up", url=server.url_of(project.database, host="db.example"))
    expect(run.err.count("WARNING: password file"), 1)


def test_what_is_said_of_names(server):
    project = Project(server, FILES)
    resolver = Resolver()

    def said(url):
        run = resolver.run(project, "status", "--wait-server", "0s", exit=5, url=url)
        return " ".join(run.err.split()).replace("error: could not connect to the server", "")

    expect_in(": could not translate host name \"nobody.example\" to address: Name or service not known "
              "(unreachable)", said(NOBODY))
    expect_in(" at \"db.example\" (127.0.0.1), port 1: Connection refused", said("host=db.example port=1"))
    expect_in(" at \"127.0.0.1\", port 1: Connection refused",
              said("host=127.0.0.1,db.example port=1,2"))
    err = said("host=nobody.example,db.example port=1")
    expect_in(" at \"db.example\" (127.0.0.1), port 1: Connection refused", err)
    expect_in("detail: Another host was left out: could not translate host name \"nobody.example\" to "
              "address: Name or service not known.", err)
    expect_in("could not match 2 port numbers to 1 hosts", said("host=db.example port=1,2"))


def test_of_two_hosts_without_ports_one_is_left_out(server):
    project = Project(server, FILES)
    run = Resolver().start(project, "status", "--wait-server", "0s",
                           url="postgresql://postgres@nobody.example,db.example/x?sslmode=disable")
    _, err = run.communicate(timeout=LIMIT_S)
    expect("could not match" in err, False)
    if run.returncode == 5:  # nobody listens at the port that is meant
        expect_in(" at \"db.example\" (127.0.0.1), port 5432: Connection refused", " ".join(err.split()))


def make_server():
    """With a socket too, beside its data: who is in a namespace may go there."""
    return OwnServer(["unix_socket_directories = '..'"])


if __name__ == "__main__":
    sys.exit(main(globals(), make_server))
