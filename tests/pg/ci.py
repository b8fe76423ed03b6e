#!/usr/bin/env python3
"""What a build on a hosted platform meets, played through the command.  Speaks TAP.

usage: ci.py MIGRATE [NAME...]
"""
import sys

from house import Project, expect, expect_in, main

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
    expect(layout(project), "migrate history, layout 2")
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
    expect(layout(project), "migrate history, layout 2")
    expect(project.sql("SELECT reverted_at IS NOT NULL FROM migrate.history"), "t")


def test_a_failed_step_keeps_the_upgrade_and_nothing_else(server):
    project = Project(server, {"1_a.up.sql": "SELECT 1/0;"})
    project.sql(LAYOUT_1)
    project.run("up", exit=1)
    expect(layout(project), "migrate history, layout 2")
    expect(project.applied(), [])


def test_a_newer_history_is_refused(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql(LAYOUT_1 + "COMMENT ON TABLE migrate.history IS 'migrate history, layout 9'")
    expect_in("has layout 9, this program knows 2 (history)", project.run("up", exit=6).err)


# ---- Environments and claims ------------------------------------------------------------------


def run_in(project, environment, *words, exit=0):
    """The command with more variables."""
    plain = project.environment
    project.environment = lambda url=None: dict(plain(url), **environment)
    try:
        return project.run(*words, exit=exit)
    finally:
        project.environment = plain


PRODUCTION = {"VERCEL": "1", "VERCEL_ENV": "production", "VERCEL_DEPLOYMENT_ID": "dpl_1"}
PREVIEW = {"VERCEL": "1", "VERCEL_ENV": "preview"}


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


if __name__ == "__main__":
    sys.exit(main(globals()))
