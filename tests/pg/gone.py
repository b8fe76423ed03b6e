#!/usr/bin/env python3
"""A server that restarts and a host that vanishes, in the middle of a run.  Speaks TAP.

usage: gone.py MIGRATE [NAME...]

A host vanishes here by the link of a network namespace that goes down: no FIN, no RST.  Where none
may be made, those scenarios are skipped.
"""
import os
import signal
import subprocess
import sys

import house
from house import (LIMIT_S, Forbidden, OwnServer, Project, end_killed, expect, expect_in, locks, main,
                   read_until, wait_for)

FREE_S = 45  # the lock of a host that vanished


def run_ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=LIMIT_S)


class Link:
    """A network namespace with one link to here: the host that will vanish."""

    def __init__(self):
        number = os.getpid() % 16384
        base = "198.18.{}.{{}}".format(number // 64)  # for tests of networks, RFC 2544
        self.here, self.there = (base.format(number % 64 * 4 + i) for i in (1, 2))
        self.name, self.veth = "migrate{}".format(number), "mgveth{}".format(number)
        self.problem = None
        for words in (["netns", "add", self.name],
                      ["link", "add", self.veth, "type", "veth", "peer", "name", "eth0", "netns",
                       self.name],
                      ["addr", "add", self.here + "/30", "dev", self.veth],
                      ["link", "set", self.veth, "up"],
                      ["-n", self.name, "addr", "add", self.there + "/30", "dev", "eth0"],
                      ["-n", self.name, "link", "set", "eth0", "up"]):
            try:
                done = run_ip(*words)
            except FileNotFoundError:
                self.problem = "no ip program"
                return
            if done.returncode != 0:
                self.problem = "ip {}: {}".format(" ".join(words), done.stderr.strip())
                return

    def cut(self):
        done = run_ip("-n", self.name, "link", "set", "eth0", "down")
        expect((done.returncode, done.stderr), (0, ""))

    def lose(self):
        """What is sent to the other side is lost; it sees its own link up."""
        done = run_ip("route", "add", "blackhole", self.there + "/32")
        expect((done.returncode, done.stderr), (0, ""))

    def mend(self):
        """After either."""
        run_ip("-n", self.name, "link", "set", "eth0", "up")
        run_ip("route", "del", "blackhole", self.there + "/32")

    def remove(self):
        if self.problem != "no ip program":
            run_ip("link", "del", self.veth)
            run_ip("netns", "del", self.name)


class LinkedServer(OwnServer):
    """A server that listens on loopback and on the link."""

    def __init__(self):
        self.link = Link()
        settings, rules = [], []
        if not self.link.problem:
            settings = ["listen_addresses = '127.0.0.1,{}'".format(self.link.here)]
            rules = ["host all all {}/32 trust".format(self.link.there)]
        super().__init__(settings, rules)

    def stop(self):
        super().stop()
        self.link.remove()


def is_sleeping(project):
    return project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                       "datname = current_database()") == "1"


def test_a_server_that_is_restarted_at_once(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\nSELECT pg_sleep(1.75);",
                               "3_i.up.sql": "CREATE INDEX CONCURRENTLY i ON b (id);"})
    run = project.start("up", "--wait-server", "30s")
    wait_for(lambda: is_sleeping(project))
    server.control("restart", "-m", "immediate")
    out, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect_in("waiting  connecting again: ", err)
    expect([line.split()[1] for line in out.splitlines() if line.startswith("applied")],
           ["1_a", "2_b", "3_i"])
    expect(project.applied(), ["1", "2", "3"])


def test_a_run_that_does_not_read_for_a_while(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_sleep(0.5);\nDO $$ BEGIN"
                               " FOR i IN 1..12000 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP; END $$;"})
    run = project.start("up", "--verbose")
    wait_for(lambda: is_sleeping(project))
    run.send_signal(signal.SIGSTOP)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
                                 " AND datname = current_database()") == "1")
    project.sql("SELECT pg_sleep(12)")
    run.send_signal(signal.SIGCONT)
    _, err = run.communicate(timeout=LIMIT_S)
    expect((run.returncode, err.count("NOTICE: xxx"), "connecting again" in err), (0, 12000, False))


def start_there(server, project):
    """A run on the host that will vanish."""
    url = server.url_of(project.database, host=server.link.here)
    return subprocess.Popen(["ip", "netns", "exec", server.link.name, house.MIGRATE, "up"],
                            cwd=project.root, env=project.environment(url),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_a_host_that_vanishes_leaves_no_lock(server):
    if server.link.problem:
        raise Forbidden(server.link.problem)
    # One in a statement, one that waits for another's lock with its session idle.
    busy = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_sleep(300);"})
    idle = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                            "2_b.up.sql": "ALTER TABLE a ADD b int;"})
    idle.run("up", "--to", "1")
    holder = idle.session()
    holder.run("BEGIN; LOCK TABLE a")
    runs = [start_there(server, busy), start_there(server, idle)]
    try:
        wait_for(lambda: is_sleeping(busy))
        read_until(runs[1].stderr, "trying again in ")
        expect((locks(busy), locks(idle)), ("2", "2"))
        server.link.cut()
        if server.version() < 14:  # the session that waits is found out, the statement goes on
            wait_for(lambda: locks(idle) == "0", FREE_S)
        end_killed(busy)
        wait_for(lambda: (locks(busy), locks(idle)) == ("0", "0"), FREE_S)
    finally:
        for run in runs:
            run.kill()
            run.communicate(timeout=LIMIT_S)
        holder.end()
        server.link.mend()
    busy.write("1_a.up.sql", "CREATE TABLE a (id int);")
    for project, applied in ((busy, ["1"]), (idle, ["1", "2"])):
        project.run("up")
        expect(project.applied(), applied)


def sleeps_before_much(server, seconds):
    """More is pending than the server's host has room for while it sleeps."""
    return Project(server, {"1_a.up.sql": "CREATE TABLE a (t text);",
                            "2_b.up.sql": "SELECT pg_sleep({});".format(seconds),
                            "3_c.up.sql": "INSERT INTO a VALUES ('{}');\n".format("x" * 900) * 4000})


def test_a_slow_statement_before_much_else_is_waited_for(server):
    project = sleeps_before_much(server, 22)
    expect("connecting again" in project.run("up").err, False)
    expect(project.applied(), ["1", "2", "3"])


def test_a_servers_host_that_vanishes_with_much_on_its_way(server):
    if server.link.problem:
        raise Forbidden(server.link.problem)
    project = sleeps_before_much(server, 300)
    run = start_there(server, project)
    try:
        wait_for(lambda: is_sleeping(project))
        read_until(run.stderr, "running  2_b")  # so all is sent that there is room for
        server.link.lose()
        read_until(run.stderr, "connecting again: the connection to the server was lost")
    finally:
        server.link.mend()
        run.kill()
        run.communicate(timeout=LIMIT_S)


if __name__ == "__main__":
    sys.exit(main(globals(), LinkedServer))
