#!/usr/bin/env python3
"""What a build on a hosted platform meets, played through the command.  Speaks TAP.

usage: ci.py MIGRATE [NAME...]
"""
import json
import re
import signal
import subprocess
import sys

import house
from house import (LIMIT_S, UNWATCHED, Project, expect, expect_in, locks, main, slow_files,
                   wait_for)

# As version 0.1.0 made it before histories had environments and claims.
LAYOUT_1 = """
CREATE SCHEMA migrate;
CREATE TABLE migrate.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version text,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('versioned', 'repeatable', 'baseline', 'adopted')),
  up_digest text,
  token_digest text,
  down_script text,
  down_digest text,
  statements integer NOT NULL DEFAULT 0,
  statements_started integer NOT NULL DEFAULT 0,
  statements_done integer NOT NULL DEFAULT 0,
  prefix_digest text,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  duration interval NOT NULL DEFAULT '0',
  applied_by text NOT NULL,
  git_commit text,
  run_url text,
  tool_version text NOT NULL,
  reverted_at timestamptz,
  reverted_by text,
  CHECK (kind = 'repeatable' OR version IS NOT NULL));
CREATE UNIQUE INDEX ON migrate.history ((coalesce(version, 'R:' || name)))
  WHERE reverted_at IS NULL;
COMMENT ON TABLE migrate.history IS 'migrate history, layout 1';
"""


# ---- The history's layout ------------------------------------------------------------------


def columns(project):
    return project.sql("SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND "
                       "attrelid = 'migrate.history'::regclass ORDER BY attname")


def checks(project):
    return project.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND "
                       "conrelid = 'migrate.history'::regclass ORDER BY 1")


def layout(project):
    return project.sql("SELECT obj_description('migrate.history'::regclass, 'pg_class')")


def test_an_older_history_is_read_as_it_is_and_upgraded_by_the_first_step(server):
    files = {"1_a.up.sql": "CREATE TABLE a (id int);", "1_a.down.sql": "DROP TABLE a;"}
    fresh = Project(server, files)
    fresh.run("up")
    project = Project(server, files)
    project.sql(LAYOUT_1)
    project.run("status")
    expect_in("1 pending", project.run("status").out)
    expect(layout(project), "migrate history, layout 1")
    project.run("up")
    for seen in (columns, checks, layout):
        expect(seen(project), seen(fresh))
    expect(layout(project), "migrate history, layout 4")
    expect_in("reverted 1_a", project.run("down").out)


def test_an_older_history_is_upgraded_by_down_too(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "1_a.down.sql": "DROP TABLE a;"})
    project.run("up")
    rows = project.sql("SELECT version, name, kind, up_digest, token_digest, applied_by FROM "
                       "migrate.history").split("|")
    project.sql("DROP SCHEMA migrate CASCADE;" + LAYOUT_1 +
                "INSERT INTO migrate.history (version, name, kind, up_digest, token_digest, "
                "applied_by, tool_version, statements, statements_started, statements_done) VALUES "
                "({}, '0.1.0', 1, 1, 1)".format(", ".join("'{}'".format(row) for row in rows)))
    expect_in("applied  1_a", project.run("status").out)
    expect_in("reverted 1_a", project.run("down").out)
    expect(layout(project), "migrate history, layout 4")
    expect(project.sql("SELECT reverted_at IS NOT NULL FROM migrate.history"), "t")


def test_a_failed_step_keeps_the_upgrade_and_nothing_else(server):
    project = Project(server, {"1_a.up.sql": "SELECT 1/0;"})
    project.sql(LAYOUT_1)
    project.run("up", exit=1)
    expect(layout(project), "migrate history, layout 4")
    expect(project.applied(), [])


def test_a_newer_history_is_refused(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql(LAYOUT_1 + "COMMENT ON TABLE migrate.history IS 'migrate history, layout 9'")
    expect_in("has layout 9, this program knows 4 (history)", project.run("up", exit=6).err)


def test_rows_that_no_run_writes_are_refused(server):
    for change, words in (("kind = 'old'", 'is of no known kind: "old"'),
                          ("version = NULL", "has no version"),
                          ("name = NULL, version = NULL, kind = 'repeatable'", "has no name")):
        project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
        project.run("up")
        project.sql("ALTER TABLE migrate.history ALTER name DROP NOT NULL;"
                    "UPDATE migrate.history SET {}".format(change))
        for command in ("up", "status", "down", "verify"):
            expect_in('error: row 1 of history table "migrate.history" {} (history)\n'
                      "detail: No run writes such a row.\n"
                      "hint: Take back what was changed in the table by hand.\n"
                      "note: nothing was applied\n".format(words), project.run(command, exit=6).err)


# ---- Environments and claims ------------------------------------------------------------------


def run_in(project, environment, *words, exit=0):
    """The command with the variables of a platform."""
    project.variables = environment
    try:
        return project.run(*words, exit=exit)
    finally:
        project.variables = {}


def start_in(project, environment, *words):
    project.variables = environment
    try:
        return project.start(*words)
    finally:
        project.variables = {}


def vercel(environment, deployment, commit):
    return {"CI": "1", "VERCEL": "1", "VERCEL_ENV": environment,
            "VERCEL_DEPLOYMENT_ID": deployment, "VERCEL_GIT_COMMIT_SHA": commit}


PRODUCTION = vercel("production", "dpl_1", "4f2a91c")
NEXT = vercel("production", "dpl_2", "9b1c7de")
PREVIEW = vercel("preview", "dpl_3", "0c0ffee")


def test_a_preview_that_points_to_production_is_refused(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    first = run_in(project, PRODUCTION, "up")
    expect_in("environment production from VERCEL_ENV\n", first.err)
    expect_in('note: this database belongs to environment "production" from now on', first.err)
    expect(project.sql("SELECT environment, applied_by FROM migrate.history ORDER BY id"),
           "production|vercel dpl_1\nproduction|vercel dpl_1")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    refused = run_in(project, PREVIEW, "up", exit=7)
    expect_in('error: this database belongs to environment "production", this run is "preview" '
              "(claimed)\n  --> VERCEL_ENV in the environment\n", refused.err)
    expect_in("this run names none (claimed)", project.run("up", exit=7).err)
    expect(project.applied()[1:], ["1"])
    expect_in("applied  2_b", run_in(project, PRODUCTION, "up").out)
    expect_in('"claimed_by": "production"',
              run_in(project, PREVIEW, "status", "--output", "json").out)


def test_a_copy_at_another_host_is_free(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    run_in(project, PRODUCTION, "up")
    project.sql("UPDATE migrate.history SET version = 'claim:ep-other.neon.tech' "
                "WHERE kind = 'claim'")
    expect_in("nothing to do", run_in(project, PREVIEW, "up").out)
    expect_in("belongs to no environment", project.run("claim", "--show").out)
    expect_in("from now on", project.run("claim", "preview").out)
    expect_in("this run is", run_in(project, PRODUCTION, "up", exit=7).err)
    expect_in("released: it was preview", project.run("claim", "--release").out)
    expect_in("nothing to do", run_in(project, PREVIEW, "up").out)


def test_apply_no_skips_before_any_connection(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    (project.root / "migrate.yaml").write_text("environments:\n  preview:\n    apply: no\n")
    skipped = run_in(project, dict(PREVIEW, DATABASE_URL="postgres://nowhere.invalid/x"), "up")
    expect(skipped.out, 'skipped  environment preview from VERCEL_ENV has "apply: no" '
                        "(migrate.yaml:3)\n")
    expect(skipped.err, "")


def test_production_is_guarded(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    run_in(project, PRODUCTION, "up")
    project.write("2_b.up.sql", "DROP TABLE a;\n")
    refused = run_in(project, PRODUCTION, "up", exit=6)
    expect_in("takes away what production may still use: DROP TABLE (destructive)\n"
              "  --> migrations/2_b.up.sql:1", refused.err)
    project.write("2_b.up.sql", "-- migrate:destructive\nDROP TABLE a;\n")
    expect_in("applied  2_b", run_in(project, PRODUCTION, "up").out)


def test_a_new_production_is_not_guarded_from_its_own_past(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int, b int);",
                               "2_b.up.sql": "ALTER TABLE a DROP COLUMN b;"})
    run_in(project, PRODUCTION, "up")
    project.write("3_c.up.sql", "DROP TABLE a;\n")
    run_in(project, PRODUCTION, "up", exit=6)
    run_in(project, dict(PRODUCTION, MIGRATE_PRODUCTION_GUARD="off"), "up")
    expect(project.sql("SELECT to_regclass('a') IS NULL"), "t")


def test_a_claim_does_not_hide_that_tables_are_somebody_elses(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE TABLE theirs (id int)")
    expect_in("(not-empty)\n", project.run("claim", "production", exit=6).err)
    expect(project.sql("SELECT to_regnamespace('migrate') IS NULL"), "t")
    project.run("up", "--allow-not-empty")
    expect_in("from now on", project.run("claim", "production").out)


def test_a_role_of_its_own_owns_what_is_made(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE public.a (id int);\nRESET ROLE;",
                               "2_b.up.sql": "CREATE TABLE public.b (id int);"})
    project.sql("CREATE ROLE ci_owner; GRANT CREATE ON SCHEMA public TO ci_owner; "
                "GRANT CREATE ON DATABASE {} TO ci_owner".format(project.database))
    (project.root / "migrate.yaml").write_text("role: ci_owner\ntimezone: Europe/Berlin\n")
    project.run("up")
    expect(project.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN "
                       "('public', 'migrate')"), "ci_owner")
    expect_in("applied  2_b", project.run("status").out)
    project.sql("DROP OWNED BY ci_owner; DROP ROLE ci_owner")


def test_the_doctor_judges_the_role_that_migrations_run_as(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    (project.root / "migrate.yaml").write_text("role: ci_own\n")
    login = {"DATABASE_URL": server.url_of(project.database, "ci_login")}
    project.sql("CREATE ROLE ci_own; CREATE ROLE ci_login LOGIN")
    try:
        refused = run_in(project, login, "doctor", exit=2).out
        expect_in('  fail  role         permission denied to set role "ci_own"\n'
                  "                     Let the role that logs in act as it: GRANT \"ci_own\" TO \"ci_login\";", refused)
        expect_in("mend \"role\" first", refused)
        project.sql("GRANT ci_own TO ci_login")
        expect_in('GRANT CREATE ON DATABASE "{}" TO "ci_own";'.format(project.database),
                  run_in(project, login, "doctor", exit=2).out)
        project.sql("GRANT CREATE ON DATABASE {} TO ci_own; "
                    "GRANT CREATE ON SCHEMA public TO ci_own".format(project.database))
        expect_in("  ok    role         ci_own, which ci_login acts as, may create in database",
                  run_in(project, login, "doctor").out)
        run_in(project, login, "up")
        expect_in("migrate.history, 1 applied, writable by ci_own only",
                  run_in(project, login, "doctor").out)
    finally:
        project.sql("DROP OWNED BY ci_own, ci_login; DROP ROLE ci_own, ci_login")


# ---- What builds go through -----------------------------------------------------------------

SESSION = "session  PostgreSQL {}, direct, environment production from VERCEL_ENV\n"
AHEAD = "warning: 2_b is applied and newer than every file; it stays applied\n"


def a_and_b():
    return {"1_a.up.sql": "CREATE TABLE a (id int);", "2_b.up.sql": "CREATE TABLE b (id int);"}


def log_of(project, process):
    """What stands in the build's log on stderr, without the lines that every run begins with."""
    lines = process.err.replace(UNWATCHED, "").splitlines(keepends=True)
    expect_in("target   {} at ".format(project.database), lines[0])
    expect(re.sub(r"PostgreSQL \S+,", "PostgreSQL {},", lines[1]), SESSION)
    return "".join(line for line in lines[2:] if not line.startswith("note: this database belongs"))


def without_times(text):
    return re.sub(r" +<?[\d.]+ m?s$", "", re.sub(r" in <?[\d.]+ m?s", "", text), flags=re.MULTILINE)


def test_an_instant_rollback_builds_old_files_against_a_newer_database(server):
    project = Project(server, a_and_b())
    run_in(project, PRODUCTION, "up")
    (project.root / "migrations" / "2_b.up.sql").unlink()
    old = run_in(project, NEXT, "up")
    expect(old.out, "done     nothing to do, now at 2_b\n")
    expect(log_of(project, old), AHEAD)
    strict = run_in(project, NEXT, "up", "--strict", exit=6)
    expect_in("error: applied migration \"2_b\" is newer than every file (missing)\n", strict.err)
    expect_in("hint: Bring its file back; commit 4f2a91c applied it.\n", strict.err)
    expect(project.sql("SELECT to_regclass('b') IS NOT NULL"), "t")


def test_a_database_ahead_of_the_files_takes_what_comes_next(server):
    project = Project(server, a_and_b())
    run_in(project, PRODUCTION, "up")
    (project.root / "migrations" / "2_b.up.sql").unlink()
    expect(json.loads(run_in(project, NEXT, "plan", "--output", "json").out)["warnings"],
           [AHEAD[len("warning: "):-1]])
    expect_in("ahead    2_b", run_in(project, NEXT, "status", "--exit-code").out)
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    fixed = run_in(project, NEXT, "up")
    expect(without_times(fixed.out), "applied  3_c\ndone     1 applied, now at 3_c\n")
    expect(log_of(project, fixed), "warning: 2_b is applied and has no file; it stays applied\n")


def test_a_cancelled_build_is_gone_on_with_by_the_next(server):
    project = Project(server, slow_files(3, 0.5))
    first = start_in(project, PRODUCTION, "up")
    expect_in("applied  001_m", first.stdout.readline())
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                                 "'PgSleep' AND datname = current_database()") == "1")
    first.send_signal(signal.SIGTERM)
    first.out, first.err = first.communicate(timeout=LIMIT_S)
    expect(first.returncode, 143)
    n_applied = 1 + first.out.count("applied  ")
    expect_in("error: interrupted (cancelled)\n", first.err)
    expect_in(" stay", first.err.splitlines()[-1])
    following = run_in(project, NEXT, "up")
    expect_in("done     {} applied in ".format(3 - n_applied), following.out)
    expect(log_of(project, following), "")
    expect(project.sql("SELECT applied_by || ' ' || git_commit FROM migrate.history "
                       "WHERE kind = 'versioned' ORDER BY id").splitlines(),
           ["vercel dpl_1 4f2a91c"] * n_applied + ["vercel dpl_2 9b1c7de"] * (3 - n_applied))


def test_a_build_that_waited_for_a_desk_claims_all_the_same(server):
    project = Project(server, slow_files(2, 0.5))
    first = project.start("up")
    wait_for(lambda: locks(project) == "2")
    second = run_in(project, PRODUCTION, "up")
    expect_in("nothing left to do: ", second.out)
    expect_in('note: this database belongs to environment "production" from now on', second.err)
    first.communicate(timeout=LIMIT_S)
    expect(first.returncode, 0)
    expect_in("production", project.run("claim", "--show").out)


def test_of_two_builds_at_once_one_works(server):
    project = Project(server, slow_files(2, 0.5))
    first = start_in(project, PRODUCTION, "up")
    wait_for(lambda: locks(project) == "2")
    second = run_in(project, NEXT, "up")
    expect(second.out, "done     nothing left to do: vercel dpl_1 applied 2, now at 002_m\n")
    expect(re.sub(r"pid \d+|\d\d:\d\d:\d\d", "X", log_of(project, second)),
           "waiting  X migrates this database since X (vercel dpl_1, commit 4f2a91c)\n")
    out, _ = first.communicate(timeout=LIMIT_S)
    expect(first.returncode, 0)
    expect_in("done     2 applied in ", out)


def test_a_cache_of_another_branch_decides_nothing(server):
    project = Project(server, a_and_b())
    project.write("2_b.down.sql", "DROP TABLE b;")
    run_in(project, PRODUCTION, "up")
    cached = (project.root / "state.db").read_bytes()
    # What the notebook in the cache has seen is no longer so.
    run_in(project, PRODUCTION, "down", "--no-state")
    (project.root / "state.db").write_bytes(cached)
    expect(without_times(run_in(project, NEXT, "up").out),
           "applied  2_b\ndone     1 applied, now at 2_b\n")
    # Nor are files that came along believed: another text, another one of the same version.
    project.write("2_b.up.sql", "CREATE TABLE b (id bigint);")
    expect_in("error: migration \"2_b\" was edited after it was applied (drift)\n",
              run_in(project, NEXT, "up", exit=6).err)
    project.write("2_b.up.sql", a_and_b()["2_b.up.sql"])
    project.write("2_coupons.up.sql", "CREATE TABLE coupons (id int);")
    expect_in("2_coupons.up.sql", run_in(project, NEXT, "up", exit=2).err)
    (project.root / "migrations" / "2_coupons.up.sql").unlink()
    # A hosted database takes none that is older than its head; this one is local and would.
    project.write("0_coupons.up.sql", "CREATE TABLE coupons (id int);")
    expect_in("is older than the newest applied one (late)\n",
              run_in(project, dict(NEXT, MIGRATE_LATE="refuse"), "up", exit=6).err)
    expect(project.sql("SELECT to_regclass('coupons') IS NULL"), "t")


def test_a_database_that_is_not_empty(server):
    project = Project(server, a_and_b())
    project.sql("CREATE TABLE a (id int)")
    refused = run_in(project, PRODUCTION, "up", exit=6)
    expect(log_of(project, refused), """\
error: the database has tables, but no history of migrations (not-empty)
detail: They were made by hand or by another tool, and the migrations may clash with them.
hint: If it has the migrations up to a version V already, record them: migrate baseline V
hint: Is this the right database? If so, start a history in it: migrate up --allow-not-empty
note: nothing was applied; 2 migrations are pending
""")
    expect(project.sql("SELECT to_regnamespace('migrate') IS NULL"), "t")  # nor is it claimed
    run_in(project, PRODUCTION, "baseline", "1")
    expect(without_times(run_in(project, PRODUCTION, "up").out),
           "applied  2_b\ndone     1 applied, now at 2_b\n")


def build(project, environment, *, exit):
    """A build command whose last part fails: what is behind the migrations."""
    words = ["sh", "-c", '"$0" up && exit 9', house.MIGRATE]
    project.variables = environment
    done = subprocess.run(words, cwd=project.root, env=project.environment(), text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
    project.variables = {}
    expect(done.returncode, exit)
    done.out, done.err = done.stdout, done.stderr
    return done


def test_a_failed_build_whose_migrations_stay(server):
    project = Project(server, a_and_b())
    expect_in("done     2 applied in ", build(project, PRODUCTION, exit=9).out)
    again = run_in(project, NEXT, "up")
    expect(again.out, "done     nothing to do, now at 2_b\n")
    expect(log_of(project, again), "")


def test_a_migration_that_fails_the_build(server):
    project = Project(server, dict(a_and_b(), **{"3_c.up.sql": "SELECT 1/0;"}))
    failed = build(project, PRODUCTION, exit=1)
    expect(log_of(project, failed), """\
error: division by zero (22012)
  --> migrations/3_c.up.sql:1
   |
 1 | SELECT 1/0;
note: 3_c was rolled back; the 2 before it stay applied
""")
    expect(project.applied()[1:], ["1", "2"])
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    expect(without_times(run_in(project, NEXT, "up").out),
           "applied  3_c\ndone     1 applied, now at 3_c\n")


if __name__ == "__main__":
    sys.exit(main(globals()))
