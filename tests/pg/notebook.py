#!/usr/bin/env python3
"""The notebook, status and log on a real server.  Speaks TAP.

usage: notebook.py MIGRATE [NAME...]
"""
import html.parser
import json
import os
import pathlib
import pty
import re
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import xml.dom.minidom

import house
from house import Project, expect, expect_in

FILES = {
    "1_users.up.sql": "CREATE TABLE users (id int);\n",
    "1_users.down.sql": "DROP TABLE users;\n",
    "2_orders.up.sql": "CREATE TABLE orders (id int);\n",
    "2_orders.down.sql": "DROP TABLE orders;\n",
}


def many(n):
    return {"{:03}_t.up.sql".format(i): "CREATE TABLE t{} (id int);\n".format(i)
            for i in range(1, n + 1)}


def notebook(project):
    return sqlite3.connect(project.root / "state.db")


def run(project, *words, exit=0, url=None, wrapper=(), **more):
    """A command with another environment."""
    environment = dict(project.environment(url), **more)
    done = subprocess.run([*wrapper, house.MIGRATE, *words], cwd=project.root,
                          env={name: value for name, value in environment.items() if value},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=house.LIMIT_S)
    if done.returncode != exit:
        raise AssertionError("{}: exit {}, not {}\n{}\n{}".format(
            " ".join(words), done.returncode, exit, done.stdout, done.stderr))
    return done


def plain(project, text):
    """Without what is another one at every run."""
    text = text.replace(project.database, "{database}")
    text = re.sub(r" +<?\d+(\.\d+)? (ms|s)\b", " {ms}", text)
    text = re.sub(r" +took", " took", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "{time}", text)


# ---- It never decides ----------------------------------------------------------------


def lie(project):
    """Whatever can be wrong in a notebook is wrong in this one."""
    with notebook(project) as db:
        db.execute("UPDATE target SET has_history = 1 - has_history, seen_at_ms = 0,"
                   " server_version = '8.0', verdict = 'transaction-pooled', fingerprint = 1")
        db.execute("UPDATE applied SET digest = 'beef', token_digest = 'beef', down_digest = 'beef',"
                   " statements_done = 0, statements = 9, down_started = 3, down_done = 1, name = 'lie', applied_at_ms = 1,"
                   " kind = 'baseline', is_stale = 1 - is_stale, version = '99' || version, duration_us = 900000000")
        for target, in db.execute("SELECT id FROM target").fetchall():
            for i in range(1, 9):
                db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?, ?, 'lie', 'versioned',"
                           " 'd', 'd', 'd', NULL, 1, 1, 1, 1, 1, 'nobody', NULL, 0, 0, 0, NULL, 1)",
                           (target, 1000 + i, str(i)))
        db.execute("UPDATE run SET n_applied = 77, head = '9_lie'")
        db.execute("UPDATE step SET label = '1_lie', what = 'applied', duration_us = 1")
    db.close()


def tell_all(project, *options, lies):
    said = []
    project.run("up", "1", *options)
    for words in (["status"], ["status", "--exit-code"], ["plan"], ["status", "--output", "json"],
                  ["up"], ["plan"], ["status", "--all"], ["down"], ["status"], ["up"], ["log"]):
        if lies:
            lie(project)
        process = project.start(*words, *options)
        process.out, process.err = process.communicate(timeout=house.LIMIT_S)
        if "json" in words:
            document = json.loads(process.out)
            del document["at"], document["target"]
            for row in document["migrations"]:
                row["applied_at"] = bool(row["applied_at"])
                row["duration_ms"] = row["duration_ms"] is not None
            process.out = json.dumps(document)
        said.append((words, process.returncode, plain(project, process.out),
                     plain(project, process.err)))
    return said


def test_a_lying_notebook_changes_no_answer(server):
    honest, lied_to = Project(server, FILES), Project(server, FILES)
    expect(tell_all(lied_to, lies=True), tell_all(honest, "--no-state", lies=False))
    if (honest.root / "state.db").exists():
        raise AssertionError("--no-state made a notebook")


# ---- Offline -----------------------------------------------------------------------------


def test_offline_tells_what_was_seen(server):
    project = Project(server, FILES)
    project.run("up", "1")
    online = project.run("status")
    # Of the server nothing is left but its URL.
    dead = project.server.url_of(project.database)
    shown = project.run("status", "--offline", url=dead)
    expect(plain(project, shown.out), plain(project, online.out))
    expect_in("session  none: as this machine saw it just now, ", shown.err)
    project.run("status", "--offline", "--exit-code", exit=10)

    project.run("up")  # what a run did is known without another look
    expect_in("nothing pending, now at 2_orders", project.run("status", "--offline").out)
    expect(plain(project, project.run("status", "--offline").out),
           plain(project, project.run("status").out))
    project.run("down")
    shown = project.run("status", "--offline")
    expect_in("pending  2_orders", shown.out)
    expect(project.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE"
                       " 'migrate%'"), "0")

    with notebook(project) as db:
        db.execute("UPDATE target SET seen_at_ms = seen_at_ms - 3 * 3600 * 1000")
    db.close()
    shown = project.run("status", "--offline", "--output", "json")
    expect_in("as this machine saw it 3 h ago, ", shown.err)
    document = json.loads(shown.out)
    expect(document["as_of"] < document["at"], True)
    expect([row["state"] for row in document["migrations"]], ["applied", "pending"])


def test_offline_without_a_history(server):
    """Empty or not, as it was seen: nothing is refused that the database would not refuse."""
    project = Project(server, FILES)
    for exit, sql in ((10, "CREATE TABLE of_another_tool (id int)"), (6, "SELECT 1")):
        online = project.run("status", "--exit-code", exit=exit)
        offline = project.run("status", "--exit-code", "--offline", exit=exit)
        expect(offline.out, online.out)
        project.sql(sql)


def same_offline(project):
    """What the notebook knows is what the database says."""
    offline = plain(project, project.run("status", "--offline", "--all").out)
    expect(offline, plain(project, project.run("status", "--all", "--no-state").out))
    return offline


def test_a_half_run_migration_is_partial_offline(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);\n",
        "2_b.up.sql": "CREATE INDEX CONCURRENTLY a_1 ON a (id);\n"
                      "CREATE INDEX CONCURRENTLY a_2 ON a (nothing);\n"})
    project.run("up", exit=1)
    expect_in("partial  2_b", same_offline(project))
    expect_in("stopped behind statement 1 of 2", same_offline(project))
    project.write("2_b.up.sql", "CREATE INDEX CONCURRENTLY a_1 ON a (id);\n"
                                "CREATE INDEX CONCURRENTLY a_2 ON a ((id + 1));\n")
    project.run("up")
    expect_in("applied  2_b", same_offline(project))


def test_offline_needs_no_server(server):
    """A URL where nobody listens any more, in a notebook that has seen it."""
    project = Project(server, FILES)
    project.run("up", "1")
    with notebook(project) as db:
        db.execute("UPDATE address SET host = 'gone.example.com', port = 5433, user = 'app'")
    db.close()
    url = "postgresql://app:topsecret@gone.example.com:5433/" + project.database
    shown = project.run("status", "--offline", url=url)
    expect_in("1 pending", shown.out)
    expect_in("target   {} at gone.example.com, from DATABASE_URL".format(project.database),
              shown.err)
    # Another user, port, database or history table may be another target.
    for other in (url.replace("app:", "bob:"), url.replace("5433", "5434"), url + "x"):
        refused = project.run("status", "--offline", url=other, exit=2)
        expect_in("this machine has not seen the history of", refused.err)
    project.run("status", "--offline", "--history", "a.b", url=url, exit=2)


def test_offline_without_a_notebook(server):
    project = Project(server, FILES)
    refused = project.run("status", "--offline", "--output", "json", exit=2)
    document = json.loads(refused.out)
    expect(document["error"]["code"], "notebook")
    expect(document["migrations"], None)
    expect_in("there is no notebook", refused.err)
    expect_in("cannot be combined", project.run("status", "--offline", "--no-state", exit=2).err)


def test_every_change_of_the_history_is_noted(server):
    """baseline, repair, claim and rehearsals: in the journal, and known offline."""
    project = Project(server, dict(FILES, **{"3_more.up.sql": "SELECT 3;\n"}))
    project.run("baseline", "1", "--yes")
    expect_in("pending  2_orders", same_offline(project))
    project.run("up", "--rehearse")
    expect_in("pending  2_orders", same_offline(project))
    project.run("up")
    project.write("3_more.up.sql", "SELECT 4;\n")
    project.run("repair", "3", "--accept-file", "--yes")
    expect_in("nothing pending, now at 3_more", same_offline(project))
    project.run("claim", "staging")
    project.run("claim", "staging")
    project.run("claim", "--release")
    project.run("claim", "--show")
    project.run("redo", "--yes", exit=6)
    runs = json.loads(project.run("log", "--local", "--output", "json").out)["runs"]
    expect([(row["command"], row["recorded"], row["tried"], row["applied"], row["error"])
            for row in reversed(runs)],
           [("baseline", 1, 0, 0, None), ("up", 0, 2, 0, None), ("up", 0, 0, 2, None),
            ("repair", 1, 0, 0, None), ("claim", 1, 0, 0, None), ("claim", 0, 0, 0, None),
            ("claim", 1, 0, 0, None), ("redo", 0, 0, 0, "no-down")])
    with notebook(project) as db:
        expect(db.execute("SELECT count(*) FROM run WHERE elapsed_us = 0").fetchone(), (0,))
    steps = [[(step["what"], step["migration"]) for step in
              json.loads(project.run("log", "--local", str(i), "--output", "json").out)["steps"]]
             for i in range(1, 8)]
    expect(steps, [[("recorded", "1_users")], [("tried", "2_orders"), ("tried", "3_more")],
                   [("applied", "2_orders"), ("applied", "3_more")], [("repaired", "3_more")],
                   [("claimed", "environment staging")], [], [("released", "environment staging")]])
    shown = project.run("log", "--local").out
    expect_in("2 tried", shown)
    expect_in("1 recorded", shown)
    expect_in("nothing to do", shown)
    expect(re.sub(r"(?m)^run .*", "", project.run("log", "--local", "4").out).split("\n")[0],
           "what      migration    took")


def test_a_failed_rehearsal_names_what_failed(server):
    project = Project(server, dict(FILES, **{"3_bad.up.sql": "SELECT nothing;\n"}))
    project.run("up", "--rehearse", exit=1)
    document = json.loads(project.run("log", "--local", "1", "--output", "json").out)
    expect([(step["what"], step["migration"]) for step in document["steps"]],
           [("tried", "1_users"), ("tried", "2_orders"), ("failed", "3_bad")])


# ---- Whatever is wrong with it, the run goes on ---------------------------------------------


def test_the_run_goes_on_without_it(server):
    """Silent where nobody asked for it; one warning where somebody did."""
    project = Project(server, FILES)
    honest = plain(project, run(project, "up", MIGRATE_STATE="", HOME="").stdout)
    project.run("down", "2")
    root = project.root
    (root / "file").write_text("no folder")
    (root / "broad").mkdir()
    (root / "broad").chmod(0o777)
    for place in ({"HOME": ""}, {"HOME": "/proc"}, {"HOME": str(root / "none")},
                  {"XDG_CACHE_HOME": str(root / "file")}, {"XDG_CACHE_HOME": str(root / "broad")},
                  {"XDG_CACHE_HOME": "/dev/null"}):
        done = run(project, "up", MIGRATE_STATE="", **place)
        expect(plain(project, done.stdout), honest)
        expect("otebook" in done.stderr, False)
        project.run("down", "2", "--no-state")

    for path in (root / "migrations", root / "file" / "state.db", "/proc/state.db"):
        done = run(project, "up", "--state", str(path))
        expect(plain(project, done.stdout), honest)
        expect(done.stderr.count("warning:"), 1)
        expect_in("the notebook \"{}\"".format(path), done.stderr)
        expect_in("; nothing is noted", done.stderr.replace("\n      ", " "))
        project.run("down", "2", "--no-state")


def drop_logs(path):
    """What was written lies in the file itself."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def test_a_damaged_notebook_is_made_anew(server):
    project = Project(server, FILES)
    cache = project.root / "cache"
    path = cache / "migrate" / "state.db"
    where = {"MIGRATE_STATE": "", "XDG_CACHE_HOME": str(cache)}
    run(project, "up", "1", **where)
    expect(oct((cache / "migrate").stat().st_mode & 0o777), "0o700")
    expect(oct(path.stat().st_mode & 0o777), "0o600")
    drop_logs(path)  # which would heal it
    path.write_bytes(b"damaged " * 1000)
    done = run(project, "up", **where)
    expect("otebook" in done.stderr, False)
    expect(path.with_name("state.db.damaged").read_bytes()[:8], b"damaged ")
    expect_in("1 applied", run(project, "log", "--local", **where).stdout)


def test_a_newer_notebook_is_left_alone(server):
    project = Project(server, FILES)
    project.run("up", "1")
    with notebook(project) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    expect_in("a newer migrate has written it", project.run("up").err)
    with notebook(project) as db:
        expect(db.execute("SELECT count(*) FROM run").fetchone()[0], 1)
    db.close()


def test_a_full_disk_does_no_harm(server):
    project = Project(server, many(30))
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40 * 1024, 40 * 1024))
    done = subprocess.run([house.MIGRATE, "up"], cwd=project.root, env=project.environment(),
                          preexec_fn=limit, capture_output=True, text=True, timeout=house.LIMIT_S)
    expect((done.returncode, "done     30 applied" in done.stdout), (0, True))
    expect_in("; nothing is noted", done.stderr.replace("\n      ", " "))
    project.run("status")
    expect_in("nothing pending", project.run("status", "--offline").out)


def test_a_notebook_that_cannot_be_written(server):
    """Read by another user, who may not write: offline status and the journal still answer."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return
    project = Project(server, FILES)
    project.run("up", "1")
    for path in (project.root, *project.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    expect_in("1 pending", run(project, "status", "--offline", wrapper=nobody).stdout)
    expect_in("1 applied", run(project, "log", "--local", wrapper=nobody).stdout)
    drop_logs(project.root / "state.db")
    expect_in("1 applied", run(project, "log", "--local", wrapper=nobody).stdout)


def test_a_cache_of_another_user_is_left_alone(server):
    """As sudo may leave HOME: the folder of somebody else is neither read nor written."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return
    project = Project(server, FILES)
    for path in (project.root, *project.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    home = project.root / "home"
    (home / ".cache" / "migrate").mkdir(parents=True, mode=0o755)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    def played(wrapper, owner, words=("status",), exit=0, **place):
        for path in (home, home / ".cache", home / ".cache" / "migrate"):
            os.chown(path, owner, owner)
        done = run(project, *words, wrapper=wrapper, exit=exit, MIGRATE_STATE="",
                   **(place or {"HOME": str(home)}))
        expect("otebook" in done.stderr, "--offline" in words)
        return done
    def files():
        return sorted(path.name for path in (home / ".cache" / "migrate").iterdir())
    for wrapper, owner in ((nobody, 0), ((), 65534)):
        # Others cannot reach the server's socket; the notebook they could reach.
        for place in ({"HOME": str(home)}, {"XDG_CACHE_HOME": str(home / ".cache")}):
            played(wrapper, owner, exit=5 if wrapper else 0, **place)
        expect(files(), [])
        refused = played(wrapper, owner, ("status", "--offline"), exit=2)
        expect_in("there is no place for a notebook", refused.stderr)
    # The folder is ours, but a file in it is not: it is not trusted either.
    played((), 0)
    expect("state.db" in files(), True)
    os.chown(home / ".cache" / "migrate" / "state.db", 65534, 65534)
    before = (home / ".cache" / "migrate" / "state.db").read_bytes()
    played((), 0)
    expect((home / ".cache" / "migrate" / "state.db").read_bytes(), before)
    expect_in("it belongs to another user",
              " ".join(played((), 0, ("status", "--offline"), exit=2).stderr.split()))


def test_many_runs_at_once(server):
    project = Project(server, many(5))
    runs = [project.start("up") for _ in range(8)]
    for process in runs:
        process.out, process.err = process.communicate(timeout=house.LIMIT_S)
        expect(process.returncode, 0)
    noted = json.loads(project.run("log", "--local", "--output", "json").out)["runs"]
    expect(sum(row["applied"] for row in noted) in (0, 5), True)
    with notebook(project) as db:
        expect(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
    db.close()


def test_no_secret_is_in_it(server):
    project = Project(server, {
        "1_role.up.sql": "CREATE ROLE notebook_role PASSWORD 'topsecret';\nSELECT broken;\n",
        "2_link.up.sql": "SELECT 1;\n"})
    query = "&password=topsecret&sslmode=disable"
    url = project.server.url_of(project.database).replace("postgres@", "postgres:topsecret@")
    project.run("up", url=url, exit=1)
    project.run("up", url=url + query, exit=1)
    unreachable = "postgresql://app:topsecret@127.0.0.1:1/shop"
    project.run("up", "--wait-server", "0s", url=unreachable, exit=5)
    written = b"".join(path.read_bytes() for path in project.root.glob("state.db*"))
    expect(b"topsecret" in written, False)
    expect(b"notebook_role" in written, True)  # the place of the error is


def test_it_stays_small(server):
    project = Project(server, FILES)
    project.run("up")
    with notebook(project) as db:
        db.execute("WITH RECURSIVE n(x) AS (VALUES (10) UNION ALL SELECT x + 1 FROM n WHERE x < 911)"
                   " INSERT INTO run SELECT x, command, began_at_ms, elapsed_us, host, port, user,"
                   " database, history, by, tool, n_applied, n_reverted, n_recorded, n_tried,"
                   " head, n_steps, slug,"
                   " sqlstate, place, line, \"column\", message, excerpt, detail, hint, more, note"
                   " FROM run, n WHERE id = 1")
        db.execute("WITH RECURSIVE n(x) AS (VALUES (10) UNION ALL SELECT x + 1 FROM n WHERE x < 90)"
                   " INSERT INTO target SELECT x, 'copy' || x, database_oid, database, place,"
                   " history, server_version, verdict, has_history,"
                   " is_database_empty, n_applied, fingerprint, seen_at_ms - x, n_settled"
                   " FROM target, n WHERE id = 1")
    db.close()
    Project(server, FILES).run("up", "--state", str(project.root / "state.db"))
    with notebook(project) as db:
        expect(db.execute("SELECT count(*), max(id), (SELECT count(*) FROM target),"
                          " (SELECT count(*) FROM step WHERE run_id = 1) FROM run").fetchone(),
               (500, 912, 50, 0))
    db.close()


# ---- The journal ------------------------------------------------------------------------------


def test_the_journal_has_a_run_in_full(server):
    project = Project(server, dict(FILES, **{"3_bad.up.sql": "SELECT 1;\nSELECT nothing;\n"}))
    project.run("up", "--quiet", exit=1)
    shown = project.run("log", "--local").out
    expect_in("error 42703", shown)
    expect_in("2 applied, then", shown)
    shown = plain(project, project.run("log", "--local", "1").out)
    expect(re.sub(r"by \S+,", "by {user},", re.sub(r"at /\S+", "at {socket}", shown)),
           "what     migration took\n"
           "applied  1_users {ms}\n"
           "applied  2_orders {ms}\n"
           "failed   3_bad {ms}\n"
           "\n"
           "run 1: up by {user}, {time} UTC, {database} at {socket}\n"
           "2 applied, then error 42703, in {ms}\n"
           "\n"
           "error: column \"nothing\" does not exist (42703)\n"
           "  --> migrations/3_bad.up.sql:2:8\n"
           "   |\n"
           " 1 | SELECT 1;\n"
           " 2 | SELECT nothing;\n"
           "   |        ^^^^^^^\n"
           "note: 3_bad was rolled back; the 2 before it stay applied\n")
    document = json.loads(project.run("log", "--local", "1", "--output", "json").out)
    expect([step["what"] for step in document["steps"]], ["applied", "applied", "failed"])
    error, = document["run"]["errors"]
    expect((error["place"], error["line"], error["column"], error["sqlstate"]),
           ("migrations/3_bad.up.sql", 2, 8, "42703"))
    expect_in("has no run 7", project.run("log", "--local", "7", exit=2).err)
    expect_in("is no number of a run", project.run("log", "--local", "x", exit=2).err)


def test_a_run_behind_a_lost_connection_is_one_run(server):
    """Its second plan begins with what the first one has left."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\n",
                               "2_b.up.sql": "SELECT pg_sleep(current_setting('test.nap')::float);\n",
                               "3_c.up.sql": "CREATE TABLE c (id int);\n"})
    project.sql("ALTER DATABASE {} SET test.nap = '20'".format(project.database))
    process = project.start("up")
    asleep = ("SELECT {} FROM pg_stat_activity WHERE datname = current_database()"
              " AND query LIKE 'SELECT pg_sleep(current_setting%' AND state = 'active'")
    house.wait_for(lambda: project.sql(asleep.format("count(*)")) == "1")
    project.sql("ALTER DATABASE {} SET test.nap = '0'".format(project.database))
    project.sql(asleep.format("pg_terminate_backend(pid)"))
    process.out, process.err = process.communicate(timeout=house.LIMIT_S)
    expect((process.returncode, process.err), (0, process.err))
    document = json.loads(project.run("log", "--local", "1", "--output", "json").out)
    expect([(step["what"], step["migration"]) for step in document["steps"]],
           [("applied", "1_a"), ("applied", "2_b"), ("applied", "3_c")])
    offline = project.run("status", "--offline")
    expect(plain(project, offline.out), plain(project, project.run("status").out))


def test_a_running_migration_tells_what_it_took_elsewhere(server):
    files = {"1_slow.up.sql": "SELECT pg_sleep(current_setting('test.nap')::float);\n"}
    there, here = Project(server, files), Project(server, files)
    for project, nap in ((there, "0.01"), (here, "10.3")):
        project.sql("ALTER DATABASE {} SET test.nap = '{}'".format(project.database, nap))
    there.run("up")
    with notebook(there) as db:
        db.execute("UPDATE applied SET duration_us = 200000000")
        db.execute("UPDATE step SET duration_us = 200000000")
    db.close()
    done = here.run("up", "--state", str(there.root / "state.db"))
    expect(re.findall(r"(?m)^running .*$", done.err),
           ["running  1_slow" + " " * 35 + "10 s  usually 3 min 20 s"])


def test_the_live_line_tells_it_too(server):
    files = {"1_slow.up.sql": "SELECT pg_sleep(current_setting('test.nap')::float);\n"}
    project = Project(server, files)
    project.sql("ALTER DATABASE {} SET test.nap = '0.01'".format(project.database))
    project.run("up", "--rehearse")  # what was tried took its time as well
    with notebook(project) as db:
        db.execute("UPDATE step SET duration_us = 200000000 WHERE what = 'tried'")
    db.close()
    project.sql("ALTER DATABASE {} SET test.nap = '600'".format(project.database))
    ours, theirs = pty.openpty()
    process = subprocess.Popen([house.MIGRATE, "up"], cwd=project.root, stdin=theirs, stdout=theirs,
                               stderr=theirs, env=dict(project.environment(), TERM="xterm"))
    os.close(theirs)
    seen = b""
    while b"usually 3 min 20 s" not in seen:
        ready = select.select([ours], [], [], house.LIMIT_S)[0]
        if not ready:
            raise AssertionError(seen)
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            if not os.read(ours, 4096):
                break
        except OSError:
            break
    os.close(ours)
    expect(process.wait(timeout=house.LIMIT_S), 130)
    expect_in("1 of 1", seen.decode())


# ---- Status -------------------------------------------------------------------------------------


def test_status_at_a_glance(server):
    project = Project(server, many(12))
    project.run("up")
    project.write("013_t.up.sql", "SELECT 1;\n")
    project.write("002_t.up.sql", "CREATE TABLE t2 (id bigint);\n")
    def shown(*words):
        return re.findall(r"(?m)^(\w+) +(\d+)_t", project.run("status", *words).out)
    glance = shown()
    expect(glance, [("drifted", "002")] + [("applied", "{:03}".format(i)) for i in range(3, 13)]
           + [("pending", "013")])
    expect_in("\n1 more applied earlier; \"migrate status --all\" shows it\n",
              project.run("status").out)
    expect(len(shown("--all")), 13)
    expect(shown("--pending"), [("pending", "013")])
    expect(len(json.loads(project.run("status", "--output", "json").out)["migrations"]), 13)
    expect(project.run("status", "--output", "markdown").out.count("| applied |"), 10)
    page = project.run("status", "--output", "html").out
    xml.dom.minidom.parseString(page)
    glance, folded = page.split("<summary>1 more applied earlier</summary>")
    expect((glance.count("<td class=\"tone"), folded.count("<td class=\"tone")), (12, 1))
    for words in (["--all"], ["--pending"]):
        expect("<details>" in project.run("status", "--output", "html", *words).out, False)
    project.run("status", "--exit-code", exit=6)  # 6 beats 10
    project.write("002_t.up.sql", "CREATE TABLE t2 (id int);\n")
    project.run("status", "--exit-code", exit=10)
    project.run("status", "--all", "--pending", exit=2)


class Page(html.parser.HTMLParser):
    """What a browser would make of it: tags in order, text without markup."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src", "action")]
        assert not [name for name, _ in attributes if name.startswith("on")], attributes

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def test_html_is_one_page_that_trusts_nobody(server):
    project = Project(server, FILES)
    project.run("up")
    evil = "<script>alert(1)</script>&\"' \x1b[31m"
    project.sql("UPDATE migrate.history SET applied_by = $x${0}$x$, git_commit = $x${0}$x$,"
                " run_url = $x$https://x/\"onclick=alert(1)$x$ WHERE version = '1';"
                "UPDATE migrate.history SET run_url = 'javascript:alert(1)', duration = '3 min 20 s',"
                " applied_at = applied_at - interval '40 days' WHERE version = '2'".format(evil))
    for words in (["status"], ["log"], ["log", "--local"], ["log", "--local", "1"]):
        text = project.run(*words, "--output", "html").out
        xml.dom.minidom.parseString(text)
        page = Page(text)
        expect("script" in page.tags, False)
        expect([link for link in page.links if not link.startswith("https://x/")], [])
        expect("\x1b" in text, False)
        if "--local" not in words:
            expect_in("<script>alert(1)</script>&\"' ?[31m", "".join(page.text))
            expect(page.tags.count("circle"), 2)
            expect_in("The slowest: 2_orders, 3 min 20 s.", text)
            expect_in("prefers-color-scheme:dark", text)
    text = project.run("status", "--output", "html", "--history", "no.where", exit=6).out
    expect_in("(history)", "".join(Page(text).text))


# ---- docs/json.md ----------------------------------------------------------------------------------


def keys_of(value, prefix=""):
    """Dotted names of all keys; of a list, those of its objects.  An error has its own table."""
    if isinstance(value, list):
        return set().union(*(keys_of(item, prefix) for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    keys = set()
    for name, inner in value.items():
        keys.add(prefix + name)
        if prefix + name != "run.errors":
            keys |= keys_of(inner, prefix + name + ".")
    return keys


def test_the_json_documents_have_the_keys_that_are_documented(server):
    docs = (pathlib.Path(__file__).parents[2] / "docs" / "json.md").read_text()
    def documented(begin):
        table = docs[docs.index(begin):].split("| --- | --- |\n", 1)[1].split("\n\n", 1)[0]
        return {key for row in table.splitlines()
                for key in re.findall(r"`([^`]+)`", row.split("|")[1])}
    project = Project(server, dict(FILES, **{"3_bad.up.sql": "SELECT nothing;\n"}))
    project.run("up", exit=1)
    common = documented("Every document begins")
    for words in (["status"], ["log"], ["log", "--local"], ["log", "--local", "1"]):
        document = json.loads(project.run(*words, "--output", "json").out)
        expect(sorted(keys_of(document) - common),
               sorted(documented("keys of {} ".format(document["schema"]))))
    error, = document["run"]["errors"]
    for words, status in ((["plan"], 0), (["show"], 0), (["show", "1"], 0), (["verify"], 6),
                          (["doctor"], 6), (["init"], 0)):
        if status == 6:
            project.write("1_users.up.sql", "CREATE TABLE edited (id int);")
        document = json.loads(project.run(*words, "--output", "json", exit=status).out)
        expect(sorted(keys_of(document) - common),
               sorted(documented("keys of {} ".format(document["schema"]))))
    project.write("1_users.up.sql", FILES["1_users.up.sql"])
    expect(sorted(error), sorted(documented("An error is an object")))
    (project.root / "migrations" / "3_bad.up.sql").unlink()
    for words in (["down"], ["up"]):
        document = json.loads(project.run(*words, "--output", "json").out)
        expect(sorted(keys_of(document) - common),
               sorted(documented("keys of {} ".format(document["schema"]))))
    for words in (["status"], ["log"]):
        failed = json.loads(project.run(*words, "--output", "json", "--history", "no.where",
                                        exit=6).out)
        known = json.loads(project.run(*words, "--output", "json").out)
        expect(list(failed), list(known))
        expect(sorted(failed["error"]), sorted(error))


# ---- Log -----------------------------------------------------------------------------------------


def test_log_tells_every_application_and_revert(server):
    project = Project(server, dict(FILES, **{"R__view.sql": "CREATE OR REPLACE VIEW v AS SELECT 1;"}))
    project.run("up")
    project.run("down")
    project.write("R__view.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 ;\nSELECT 2;")
    project.run("up")
    shown = project.run("log")
    expect(re.findall(r"(?m)^\S+ \S+  (\w+) +(\S+)", shown.out),
           [("applied", "R__view"), ("applied", "2_orders"), ("reverted", "2_orders"),
            ("applied", "R__view"), ("applied", "2_orders"), ("applied", "1_users")])
    expect_in("session  PostgreSQL ", shown.err)
    expect(len(project.run("log", "2").out.splitlines()), 4)
    expect(project.run("log", "migrations/2_orders.up.sql").out, project.run("log", "2").out)
    expect_in("2 of 6; \"migrate log --all\" shows the others",
              project.run("log", "-n", "2").out)
    expect_in("has no migration \"9\"", project.run("log", "9", exit=6).err)
    project.write("3_more.up.sql", "SELECT 1;")
    for word in "3", "3_more", "migrations/3_more.up.sql":
        expect_in("has no migration \"{}\" (unknown-version)\ndetail: Its file is here: it is pending.\n"
                  "hint: To apply what is pending: migrate up\n".format(word),
                  project.run("log", word, exit=6).err)
    expect_in("hint: Did you mean 2_orders?\n", project.run("log", "orders", exit=6).err)
    document = json.loads(project.run("log", "--output", "json").out)
    expect([(row["what"], row["version"]) for row in document["entries"]][1:3],
           [("applied", "2"), ("reverted", "2")])
    expect(document["total"], 6)
    for words in (["-n", "0"], ["-n", "x"], ["-n", "3", "--all"]):
        project.run("log", *words, exit=2)


def test_log_of_an_empty_database(server):
    project = Project(server, FILES)
    expect(project.run("log").out, "nothing was ever applied here\n")
    expect(project.run("log", "--local").out, "no run is noted yet\n")


if __name__ == "__main__":
    sys.exit(house.main(globals()))
