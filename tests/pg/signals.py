#!/usr/bin/env python3
"""Signals, terminals and readers that go away, and the live line of a terminal.  Speaks TAP.

usage: signals.py MIGRATE [NAME...]
"""
import array
import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time

from house import (LIMIT_S, Project, Terminal, end_killed, expect, expect_in, hold_table, locks,
                   main, read_until, wait_for)

SLOW = {"1_a.up.sql": "CREATE TABLE a (id int);",
        "2_b.up.sql": "CREATE TABLE b (id int);\nSELECT pg_sleep(30);"}


def is_running(project):
    return project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                       "datname = current_database()") == "1"


# ---- Who reads nothing ---------------------------------------------------------------------------


def is_full(pipe):
    n_bytes = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, n_bytes)
    return n_bytes[0] > 56 * 1024


def test_a_reader_that_reads_nothing_does_not_keep_a_run_that_is_to_end(server):
    """Such as "less", when nobody turns the page."""
    names = ["{:04d}_{}".format(i, "x" * 60) for i in range(1000)]
    project = Project(server, {name + ".up.sql": "SELECT 1;" for name in names})
    run = project.start("up")
    wait_for(lambda: is_full(run.stdout))
    expect((run.poll(), locks(project) != "0"), (None, True))
    run.send_signal(signal.SIGINT)
    run.wait(LIMIT_S)
    wait_for(lambda: locks(project) == "0")
    run.communicate()


# ---- Who is asked --------------------------------------------------------------------------------


def answer(project, word, *words):
    terminal = Terminal(project, *words, columns=100)
    terminal.read_until("? [y/N] ")
    os.write(terminal.master, word.encode() + b"\n")
    terminal.read_all()
    return terminal


def live_kinds(project):
    return project.sql("SELECT string_agg(kind, ' ' ORDER BY kind) FROM migrate.history "
                       "WHERE reverted_at IS NULL")


def test_what_is_asked_on_a_database_elsewhere(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "1_a.down.sql": "DROP TABLE a;"})
    # Where a service leads is not known before the connection, so it is no place on this machine.
    (project.root / "services").write_text("[far]\nhost={}\n".format(server.socket))
    project.variables = {"PGSERVICEFILE": str(project.root / "services"),
                         "DATABASE_URL": "postgresql://postgres@/{}?service=far".format(
                             project.database),
                         "MIGRATE_ENV": "production"}
    project.run("up")
    project.run("claim", "production")
    place = "{} at {}".format(project.database, server.socket)
    for word, exit in ("n", 130), ("", 130), ("y", 0):
        asked = answer(project, word, "down")
        expect_in("revert 1 migration in {}? [y/N] ".format(place), asked.text)
        expect(asked.process.returncode, exit)
        expect(live_kinds(project), "claim" if exit == 0 else "claim versioned")
    for word, exit in ("n", 130), ("y", 0):
        asked = answer(project, word, "claim", "--release")
        expect_in("release {}, which is production since ".format(place), asked.text)
        expect_in("released: " if exit == 0 else "note: nothing was changed", asked.text)
        expect(asked.process.returncode, exit)
        expect(live_kinds(project), "" if exit == 0 else "claim")
    expect_in("belongs to no environment", project.run("claim", "--release", "--yes").out)
    project.run("claim", "production")  # is not asked: it takes no guard away
    expect_in("releasing a claim on another machine needs --yes",
              project.run("claim", "--release", exit=2).err)
    expect_in("released: ", project.run("claim", "--release", "--yes").out)


# ---- The live line -------------------------------------------------------------------------------


def test_a_live_line_on_a_terminal(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "SELECT pg_sleep(1.5);"})
    terminal = Terminal(project, "up")
    terminal.read_all()
    expect(terminal.process.returncode, 0)
    live = [part.split("\r\n")[0] for part in terminal.text.split("\r\033[K")[1:]]
    shown = [line for line in live if line.startswith("2 of 2   2_b ")]
    if len(shown) < 2 or not all(line.endswith("s  SELECT") for line in shown):
        raise AssertionError(repr(terminal.text))
    # What stays is the plain output.
    left = [part.rsplit("\r\033[K", 1)[-1] for part in terminal.text.split("\r\n")]
    expect([line.split()[:2] for line in left if line.startswith("applied")],
           [["applied", "1_a"], ["applied", "2_b"]])
    if any(" of 2 " in line for line in left):
        raise AssertionError(repr(terminal.text))


def test_no_live_line_on_a_dumb_terminal(server):
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(0.8);"})
    terminal = Terminal(project, "up", term="dumb")
    terminal.read_all()
    expect("\033" in terminal.text or "1 of 1" in terminal.text, False)


def test_a_live_line_never_wraps(server):
    project = Project(server, {"1_a_name_that_is_much_too_long_for_this.up.sql": "SELECT pg_sleep(0.8);"})
    terminal = Terminal(project, "up", columns=30)
    terminal.read_all()
    live = [part.split("\r\n")[0] for part in terminal.text.split("\r\033[K")[1:]]
    shown = [line for line in live if line.startswith("1 of 1")]
    expect((len(shown) > 0, max(map(len, shown)) < 30), (True, True))


# ---- Ends -------------------------------------------------------------------------------------------


def ends_clean(project, applied):
    wait_for(lambda: locks(project) == "0", 2)
    expect(project.applied(), applied)
    expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")


def test_a_terminal_that_is_closed(server):
    project = Project(server, SLOW)
    terminal = Terminal(project, "up")
    terminal.read_until("applied  1_a")
    wait_for(lambda: is_running(project))
    os.close(terminal.master)
    expect(terminal.process.wait(LIMIT_S), 128 + signal.SIGHUP)
    ends_clean(project, ["1"])


def test_a_hang_up(server):
    project = Project(server, SLOW)
    run = project.start("up")
    wait_for(lambda: is_running(project))
    run.send_signal(signal.SIGHUP)
    _, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 129)
    expect_in("note: 2_b was rolled back; the one before it stays applied", err)
    ends_clean(project, ["1"])


def test_a_reader_that_goes_away_does_not_stop_the_run(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_sleep(0.5);",
                               "2_b.up.sql": "CREATE TABLE b (id int);"})
    run = project.start("up")
    wait_for(lambda: is_running(project))
    run.stdout.close()
    run.stderr.close()
    expect(run.wait(LIMIT_S), 0)
    expect(project.applied(), ["1", "2"])


def test_kill_9_in_a_statement(server):
    project = Project(server, SLOW)
    run = project.start("up")
    wait_for(lambda: is_running(project))
    run.kill()
    run.communicate(timeout=LIMIT_S)
    end_killed(project)
    ends_clean(project, ["1"])


COPY_SETUP = """CREATE TABLE c (id int);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep({}); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON c FOR EACH {} EXECUTE FUNCTION slow();
"""


def test_a_live_line_while_a_copy_works(server):
    project = Project(server, {"1_a.up.sql": COPY_SETUP.format(1.5, "STATEMENT"),
                               "2_b.up.sql": "COPY c FROM stdin;\n1\n\\.\n"})
    terminal = Terminal(project, "up")
    terminal.read_all()
    expect(terminal.process.returncode, 0)
    live = [part.split("\r\n")[0] for part in terminal.text.split("\r\033[K")[1:]]
    shown = [line for line in live if line.startswith("2 of 2   2_b ")]
    if len(shown) < 2 or not all(line.endswith("s  COPY FROM STDIN") for line in shown):
        raise AssertionError(repr(terminal.text))


def test_cancel_in_a_copy(server):
    # The server works behind the data; it stops reading, with more data than the socket takes.
    for sleep, kind, n_rows in ((30, "STATEMENT", 1), (0.2, "ROW", 1500000)):
        project = Project(server, {"1_a.up.sql": COPY_SETUP.format(sleep, kind),
                                   "2_b.up.sql": "CREATE TABLE b (id int);\nCOPY c FROM stdin;\n" +
                                                 "1234567\n" * n_rows + "\\.\n"})
        run = project.start("up")
        wait_for(lambda: is_running(project))
        run.send_signal(signal.SIGINT)
        run.out, run.err = run.communicate(timeout=LIMIT_S)
        expect(run.returncode, 130)
        expect_in("error: interrupted", run.err)
        wait_for(lambda: not is_running(project))
        ends_clean(project, ["1"])
        expect(project.sql("SELECT count(*) FROM c"), "0")


def test_a_stopped_run_is_said_to_be_silent(server):
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(1);", "2_b.up.sql": "SELECT 1;"})
    copy = "COPY a FROM stdin;\n" + "1\n" * 2000000 + "\\.\n"
    project.write("3_c.up.sql", "CREATE TABLE a (id int);\n" + copy)
    run = project.start("up")
    wait_for(lambda: is_running(project))
    run.send_signal(signal.SIGSTOP)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                                 "'ClientRead' AND datname = current_database() AND "
                                 "application_name LIKE 'migrate/%'") == "1")
    waiter = project.run("up", "--wait-turn", "500ms", exit=4)
    expect_in(") is silent since ", waiter.err)
    run.send_signal(signal.SIGCONT)
    run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)


def test_cancel_while_another_works(server):
    project = Project(server, SLOW)
    worker = project.start("up")
    wait_for(lambda: is_running(project))
    waiter = project.start("up")
    read_until(waiter.stderr, "waiting")
    waiter.send_signal(signal.SIGINT)
    waiter.communicate(timeout=3)
    expect(waiter.returncode, 130)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=3)
    expect(worker.returncode, 143)
    ends_clean(project, ["1"])


def test_cancel_while_a_lock_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\nALTER TABLE a ADD b int;"})
    project.run("up", "--to", "1")
    holder = hold_table(project, "a", 20)
    run = project.start("up")
    read_until(run.stderr, "trying again")
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=3)
    expect(run.returncode, 143)
    expect_in("error: interrupted (cancelled)\nnote: 2_b was rolled back\n", err)
    holder.kill()
    holder.wait(LIMIT_S)
    wait_for(lambda: locks(project) == "0", 2)
    expect(project.applied(), ["1"])


def test_a_second_signal_leaves_at_once(server):
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(30);"})
    run = project.start("up")
    wait_for(lambda: is_running(project))
    backend = int(project.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                              "datname = current_database()"))
    # A backend that is stopped does not hear that it is to stop.
    os.kill(backend, signal.SIGSTOP)
    try:
        run.send_signal(signal.SIGINT)
        time.sleep(0.3)  # what comes sooner counts as the same key
        expect(run.poll(), None)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=1)
        expect(run.returncode, 130)
    finally:
        os.kill(backend, signal.SIGCONT)
    wait_for(lambda: locks(project) == "0", 2)


def test_cancel_while_connecting(server):
    project = Project(server, SLOW)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run = project.start("up", url="postgresql://postgres@127.0.0.1:{}/x?sslmode=disable".format(
            listener.getsockname()[1]))
        accepted, _ = listener.accept()  # and nothing is said
        with accepted:
            accepted.recv(1)
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=3)
    expect((run.returncode, err), (130, "error: interrupted (cancelled)\n"
                                        "note: nothing was changed\n"))


def test_cancel_while_the_server_is_waited_for(server):
    project = Project(server, SLOW)
    run = project.start("up", "--wait-server", "30s",
                        url="postgresql://postgres@127.0.0.1:1/x?sslmode=disable")
    read_until(run.stderr, "waiting")
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=3)
    expect(run.returncode, 143)


if __name__ == "__main__":
    sys.exit(main(globals()))
