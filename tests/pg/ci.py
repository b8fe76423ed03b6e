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


if __name__ == "__main__":
    sys.exit(main(globals()))
