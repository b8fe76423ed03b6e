#!/usr/bin/env python3
"""Connections that break in the middle: nothing is applied twice, nothing is lost.  Speaks TAP.

usage: lost.py MIGRATE [NAME...]
"""
import os
import signal
import sys

from house import LIMIT_S, Project, expect, expect_in, locks, main, slow_files, wait_for
from proxy import Proxy, is_commit

LOOSE = "-- migrate:no-transaction\n"


def sleeping(project, seconds):
    return project.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep({})%' AND "
                       "state = 'active' AND pid <> pg_backend_pid() "
                       "AND datname = current_database()".format(seconds))


def terminate(project, seconds):
    wait_for(lambda: sleeping(project, seconds) != "")
    pid = sleeping(project, seconds)
    project.sql("SELECT pg_terminate_backend({})".format(pid))
    wait_for(lambda: sleeping(project, seconds) != pid)


def rows(project):
    return project.sql("SELECT version FROM migrate.history ORDER BY id").split()


# ---- A backend that is terminated ----------------------------------------------------------------


def test_a_terminated_backend_in_the_middle(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);",
        "2_b.up.sql": "CREATE TABLE b (id int);\nSELECT pg_sleep(1.25);",
        "3_c.up.sql": "CREATE TABLE c (id int);"})
    run = project.start("up")
    terminate(project, 1.25)
    out, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect([line.split()[1] for line in out.splitlines() if line.startswith("applied")],
           ["1_a", "2_b", "3_c"])
    expect_in("waiting  connecting again: ", err)
    expect_in("done     3 applied in ", out)
    expect(err.count("target   "), 1)
    expect(rows(project), ["1", "2", "3"])
    expect(locks(project), "0")


def test_one_that_is_terminated_each_time_ends_the_run(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "SELECT pg_sleep(7.5);"})
    run = project.start("up")
    for _ in range(4):
        terminate(project, 7.5)
    _, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 5)
    expect(err.count("connecting again"), 3)
    expect_in("(connection-lost)", err)
    # The server ended it in front of its COMMIT, which had been sent.
    expect_in("note: 2_b was rolled back; the one before it stays applied\n", err)
    expect(rows(project), ["1"])


def test_up_n_and_down_n_keep_their_number(server):
    files = {"{}_m.up.sql".format(i): "CREATE TABLE t{} (id int);\n".format(i) for i in range(1, 6)}
    files.update({"{}_m.down.sql".format(i): "DROP TABLE t{};\n".format(i) for i in range(1, 6)})
    files["2_m.up.sql"] += "SELECT pg_sleep(1.25);"
    files["4_m.down.sql"] += "SELECT pg_sleep(1.5);"
    project = Project(server, files)
    run = project.start("up", "3")
    terminate(project, 1.25)
    out, _ = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect(project.applied(), ["1", "2", "3"])
    expect_in("done     3 applied", out)
    project.run("up")
    run = project.start("down", "3")
    terminate(project, 1.5)
    out, _ = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect(project.applied(), ["1", "2"])
    expect_in("done     3 reverted", out)


def test_a_stale_repeatable_is_counted_once(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);", "1_a.down.sql": "DROP TABLE a;",
        "R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;\nSELECT pg_sleep(1.25);"})
    project.run("up")
    project.run("down")
    run = project.start("up")
    terminate(project, 1.25)  # the row of its run before the revert says the same as a new one
    out, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect_in("connecting again", err)
    expect([line.split()[1] for line in out.splitlines() if line.startswith("applied")],
           ["1_a", "R__v"])
    expect_in("done     2 applied", out)


def test_a_statement_outside_a_transaction_is_not_repeated(server):
    project = Project(server, {
        "1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\n"
                      "DO $$ BEGIN PERFORM pg_sleep(1.25); END $$;\nINSERT INTO a VALUES (1);"})
    run = project.start("up")
    terminate(project, 1.25)
    _, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 6)
    expect_in("connecting again", err)
    expect_in("(partial)", err)
    expect(project.sql("SELECT count(*) FROM a"), "0")


def test_a_down_script_outside_a_transaction_is_not_repeated(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);",
        "1_a.down.sql": LOOSE + "INSERT INTO a VALUES (1);\n"
                        "DO $$ BEGIN PERFORM pg_sleep(1.35); END $$;\nDROP TABLE a;"})
    project.run("up")
    run = project.start("down")
    terminate(project, 1.35)
    _, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 6)
    expect_in("connecting again", err)
    expect_in("(partial)", err)
    expect(project.sql("SELECT count(*) FROM a"), "1")
    expect(project.applied(), ["1"])


def test_a_lost_index_build_is_done_again(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (id);"})
    project.run("up", "--to", "1")
    holder = project.session()
    holder.run("BEGIN; INSERT INTO a VALUES (1)")
    run = project.start("up")
    building = ("SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND "
                "wait_event_type = 'Lock' AND datname = current_database()")
    wait_for(lambda: project.sql(building) != "")
    project.sql("SELECT pg_terminate_backend({})".format(project.sql(building)))
    holder.end()
    out, err = run.communicate(timeout=LIMIT_S)
    expect((run.returncode, err.count("connecting again")), (0, 1))
    expect_in("done     1 applied", out)
    expect(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t")
    expect(rows(project), ["1", "2"])


def test_the_connection_of_a_waiter_is_lost(server):
    project = Project(server, slow_files(2, 1.5))
    first = project.start("up")
    wait_for(lambda: locks(project) == "2")
    second = project.start("up")
    waiter = ("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'migrate/%' AND "
              "datname = current_database() AND pid NOT IN (SELECT pid FROM pg_locks WHERE "
              "locktype = 'advisory')")
    expect_in("waiting  pid ", next(line for line in iter(second.stderr.readline, "")
                                    if line.startswith("waiting")))
    project.sql("SELECT pg_terminate_backend({})".format(project.sql(waiter).split()[0]))
    out, _ = second.communicate(timeout=LIMIT_S)
    first.communicate(timeout=LIMIT_S)
    expect((first.returncode, second.returncode), (0, 0))
    expect_in("nothing left to do: app@", out)
    expect(rows(project), ["001", "002"])


# ---- Cut by the network ----------------------------------------------------------------------------


def cut_at_commit(server, how):
    """Cut the connection at the COMMIT of migration 2, once."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\nINSERT INTO a VALUES (2);",
                               "3_c.up.sql": "CREATE TABLE c (id int);"})
    seen = {"b": False, "is_cut": False, "is_next": False}

    def on_message(_, kind, body):
        if b"CREATE TABLE b" in body:
            seen["b"] = True
        if seen["b"] and not seen["is_cut"] and is_commit(kind, body):
            seen["is_cut"] = seen["is_next"] = True
        # The COMMIT runs with its Execute, which comes behind Bind and Describe.
        if seen["is_next"] and kind == b"E":
            seen["is_next"] = False
            return how
        return None

    proxy = Proxy(server, on_message)
    run = project.run("up", url=proxy.url(project.database))
    expect(seen["is_cut"], True)
    expect_in("connecting again", run.err)
    proxy.close()
    expect([line.split()[1] for line in run.out.splitlines() if line.startswith("applied")],
           ["1_a", "2_b", "3_c"])
    expect_in("done     3 applied", run.out)
    expect(rows(project), ["1", "2", "3"])
    expect(project.sql("SELECT count(*) FROM a"), "1")


def test_cut_before_the_commit_arrives(server):
    cut_at_commit(server, "before")


def test_cut_behind_the_commit_before_its_answer(server):
    cut_at_commit(server, "after")


def test_cut_in_the_middle_of_a_copy(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "COPY a FROM stdin;\n" +
                               "".join("{}\n".format(i) for i in range(300000)) + "\\.\n"})
    seen = {"n": 0}

    def on_message(_, kind, _body):
        seen["n"] += kind == b"d"
        return "before" if kind == b"d" and seen["n"] == 5 else None

    proxy = Proxy(server, on_message)
    run = project.run("up", url=proxy.url(project.database))
    proxy.close()
    expect_in("connecting again", run.err)
    expect(project.sql("SELECT count(*) FROM a"), "300000")
    expect(rows(project), ["1", "2"])


def test_what_had_not_been_sent_was_rolled_back(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "COPY a FROM stdin;\n" + "1\n" * 300000 + "\\.\n"})

    def on_message(_, kind, _body):
        proxy.is_refusing = proxy.is_refusing or kind == b"d"
        return "before" if kind == b"d" else None

    proxy = Proxy(server, on_message)
    run = project.run("up", "--wait-server", "1s", url=proxy.url(project.database), exit=5)
    proxy.close()
    expect_in("note: 2_b was rolled back; the one before it stays applied\n", run.err)
    expect(rows(project), ["1"])


def test_a_server_that_stays_away(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);"})

    def on_message(_, _kind, body):
        if b"CREATE TABLE b" in body:
            proxy.is_refusing = True
            return "before"
        return None

    proxy = Proxy(server, on_message)
    run = project.run("up", "--wait-server", "2s", url=proxy.url(project.database), exit=5)
    proxy.close()
    expect_in("error: the connection to the server was lost (connection-lost)", run.err)
    expect_in("Then it could not be reached again: ", run.err)
    expect_in("note: whether 1_a was applied is not known: see \"migrate status\"\n", run.err)
    project.run("up")
    expect(rows(project), ["1", "2"])


# ---- What another run did meanwhile ------------------------------------------------------------------

DOWNS = {"1_a.up.sql": "CREATE TABLE a (id int);", "1_a.down.sql": "DROP TABLE a;",
         "2_b.up.sql": "CREATE TABLE b (id int);", "2_b.down.sql": "DROP TABLE b;"}


class Cut:
    """Cuts the connection at the COMMIT behind the message with the part in it, once."""

    def __init__(self, server, part, how, is_refusing=False):
        self.part, self.how, self.is_refusing = part, how, is_refusing
        self.is_due = self.is_next = self.is_cut = False
        self.proxy = Proxy(server, self.on_message)

    def on_message(self, _, kind, body):
        self.is_due = self.is_due or self.part in body
        if self.is_due and not self.is_cut and is_commit(kind, body):
            self.is_cut = self.is_next = True
        if self.is_next and kind == b"E":
            self.is_next = False
            self.proxy.is_refusing = self.is_refusing
            return self.how
        return None


def cut_down(server, how):
    project = Project(server, DOWNS)
    project.run("up")
    cut = Cut(server, b"DROP TABLE b", how)
    run = project.run("down", url=cut.proxy.url(project.database))
    cut.proxy.close()
    expect(cut.is_cut, True)
    expect_in("connecting again", run.err)
    expect([line.split()[:2] for line in run.out.splitlines()[:-1]], [["reverted", "2_b"]])
    expect_in("done     1 reverted", run.out)
    expect(project.applied(), ["1"])


def test_a_down_cut_before_its_commit(server):
    cut_down(server, "before")


def test_a_down_cut_behind_its_commit(server):
    cut_down(server, "after")


def test_what_another_run_reverted_meanwhile_is_not_ours(server):
    project = Project(server, DOWNS)
    project.run("up")
    cut = Cut(server, b"DROP TABLE b", "before", is_refusing=True)
    run = project.start("down", url=cut.proxy.url(project.database))
    wait_for(lambda: cut.is_cut and locks(project) == "0")
    project.variables = {"USER": "other"}
    expect_in("done     1 reverted", project.run("down").out)
    cut.proxy.is_refusing = False
    out, err = run.communicate(timeout=LIMIT_S)
    cut.proxy.close()
    expect(run.returncode, 0)
    expect(out, "done     nothing to do, now at 1_a\n")
    expect(project.sql("SELECT reverted_by ~ '^other@' FROM migrate.history WHERE version = '2'"), "t")
    expect_in("note: 2_b was reverted meanwhile by other@", err)
    expect(project.applied(), ["1"])


def cut_baseline(server, how, *options, exit=0, is_refusing=False):
    project = Project(server, DOWNS)
    project.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    cut = Cut(server, b"INSERT INTO", how, is_refusing)
    run = project.run("baseline", "2", *options, url=cut.proxy.url(project.database), exit=exit)
    cut.proxy.close()
    expect(cut.is_cut, True)
    return project, run


def baseline_goes_on(server, how):
    project, run = cut_baseline(server, how)
    expect_in("connecting again", run.err)
    expect([line.split()[:2] for line in run.out.splitlines()[:-1]],
           [["recorded", "1_a:"], ["recorded", "2_b:"]])
    expect_in("done     2 recorded, none run, now at 2_b\n", run.out)
    if "in the history already" in run.err:
        raise AssertionError(run.err)
    expect(project.sql("SELECT string_agg(version || kind, ' ' ORDER BY id) FROM migrate.history"),
           "1baseline 2baseline")
    expect(project.run("log", "--local").out.count("2 recorded"), 1)


def test_a_baseline_cut_before_its_commit(server):
    baseline_goes_on(server, "before")


def test_a_baseline_cut_behind_its_commit(server):
    baseline_goes_on(server, "after")


def test_a_baseline_whose_server_stays_away(server):
    project, run = cut_baseline(server, "after", "--wait-server", "1s", exit=5, is_refusing=True)
    expect_in("error: the connection to the server was lost (connection-lost)", run.err)
    expect_in("note: whether it was recorded is not known: see \"migrate status\"\n", run.err)
    expect_in("nothing pending, now at 2_b", project.run("status").out)


def test_a_claim_and_a_repair_that_are_cut_say_so(server):
    project = Project(server, DOWNS)
    project.run("up")
    project.write("2_b.up.sql", "CREATE TABLE b (id bigint);")
    state = {}

    def on_message(_, kind, body):
        state["is_due"] = state["is_due"] or state["part"] in body
        if state["is_cut"] or not state["is_due"] or kind != b"E":
            return None
        state["is_cut"] = True
        return "before"

    proxy = Proxy(server, on_message)
    for words, part in ((("repair", "2", "--accept-file"), b"SET up_digest"),
                        (("claim", "production"), b"INSERT INTO"),
                        (("claim", "--release"), b"SET reverted_at")):
        state.update(part=part, is_due=False, is_cut=False)
        run = project.run(*words, url=proxy.url(project.database), exit=5)
        expect_in("is not known: run it again\n", run.err)
        project.run(*words, url=proxy.url(project.database))
    proxy.close()


# ---- A server that restarts --------------------------------------------------------------------------


def test_a_server_that_crashes_and_comes_back(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\nSELECT pg_sleep(1.75);",
                               "3_c.up.sql": "CREATE TABLE c (id int);"})
    run = project.start("up")
    wait_for(lambda: sleeping(project, 1.75) != "")
    # A backend that dies by a signal makes the server end all others and recover.
    os.kill(int(sleeping(project, 1.75)), signal.SIGKILL)
    out, err = run.communicate(timeout=LIMIT_S)
    expect((run.returncode, "connecting again" in err), (0, True))
    expect_in("done     ", out)
    wait_for(lambda: rows(project) == ["1", "2", "3"])


if __name__ == "__main__":
    sys.exit(main(globals()))
