#!/usr/bin/env python3
"""What up and down write to stdout with --output json and markdown: one document, on failure too."""
import json
import re
import sys

import house
from house import Project, expect, expect_in

FILES = {
    "1_users.up.sql": "CREATE TABLE users (id int PRIMARY KEY);\n",
    "1_users.down.sql": "DROP TABLE users;\n",
    "2_orders.up.sql": "CREATE TABLE orders (id int);\nINSERT INTO orders VALUES (1);\n",
    "2_orders.down.sql": "DROP TABLE orders;\n",
    "3_index.up.sql": "CREATE INDEX CONCURRENTLY orders_id ON orders (id);\n",
    "3_index.down.sql": "DROP INDEX CONCURRENTLY orders_id;\n",
    "R__view.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n",
}


def document(project, *words, **options):
    ran = project.run(*words, "--output", "json", **options)
    ret = json.loads(ran.out)
    ret["talk"] = ran.err
    return ret


def names(rows):
    return [row["label"] for row in rows]


def test_up_and_down_write_what_they_did(server):
    project = Project(server, FILES)
    up = document(project, "up")
    expect(up["schema"], "migrate.up.v1")
    expect(up["error"], None)
    expect(names(up["applied"]), ["1_users", "2_orders", "3_index", "R__view"])
    expect([row["version"] for row in up["applied"]], ["1", "2", "3", None])
    expect([row["name"] for row in up["applied"]], ["users", "orders", "index", "view"])
    expect([row["kind"] for row in up["applied"]], ["versioned"] * 3 + ["repeatable"])
    expect([row["statements"] for row in up["applied"]], [1, 2, 1, 1])
    expect([row["transactional"] for row in up["applied"]], [True, True, False, True])
    expect(up["applied"][0]["file"], "migrations/1_users.up.sql")
    expect(up["head"], "3")
    expect(up["target"]["database"], project.database)
    expect(up["session"]["verdict"], "direct")
    expect_in("applied  1_users", up["talk"])
    again = document(project, "up")
    expect((again["applied"], again["head"], again["error"]), ([], "3", None))
    down = document(project, "down", "2")
    expect(down["schema"], "migrate.down.v1")
    expect(names(down["reverted"]), ["3_index", "2_orders"])
    expect(down["head"], "1")
    expect(document(project, "up", "--quiet")["talk"], "")


def test_a_failure_is_told_with_what_was_done_before(server):
    project = Project(server, dict(FILES, **{
        "4_bad.up.sql": "CREATE TABLE fine (id int);\nSELECT 'é', nothing;\n"}))
    up = document(project, "up", exit=1)
    expect(names(up["applied"]), ["1_users", "2_orders", "3_index"])
    expect(up["head"], "3")
    error = up["error"]
    expect((error["code"], error["sqlstate"], error["place"], error["line"], error["column"]),
           ("sql", "42703", "migrations/4_bad.up.sql", 2, 13))
    expect(error["exit"], 1)
    expect_in("SELECT 'é', nothing;", error["excerpt"])
    expect_in("error: ", up["talk"])
    expect(project.applied(), ["1", "2", "3"])


def test_one_transaction_that_fails_has_applied_nothing(server):
    files = {name: text for name, text in FILES.items() if "index" not in name}
    project = Project(server, dict(files, **{"4_bad.up.sql": "SELECT nothing;\n"}))
    up = document(project, "up", "--single-transaction", exit=1)
    expect((up["applied"], up["tried"], up["head"]), ([], [], None))
    tried = document(project, "up", "--rehearse", "2")
    expect((tried["applied"], names(tried["tried"])), ([], ["1_users", "2_orders"]))
    expect(tried["head"], None)
    all_or_none = document(project, "up", "2", "--single-transaction")
    expect(names(all_or_none["applied"]), ["1_users", "2_orders"])


def test_what_fails_before_the_run_is_a_document_too(server):
    project = Project(server, FILES)
    for words, exit, slug in ((["up", "--dir", "nowhere"], 2, "source"),
                              (["up", "--url", "mysql://x@y/z"], 2, "bad-url"),
                              (["up", "--to", "9"], 6, "unknown-version"),
                              (["down", "--url", "postgres://x@127.0.0.1:9/z",
                                "--wait-server", "0s"], 5, "unreachable")):
        failed = document(project, *words, exit=exit)
        expect((failed["error"]["code"], failed["error"]["exit"]), (slug, exit))
        expect((failed["head"], failed["session"] is None), (None, slug != "unknown-version"))
    pooled = document(project, "up", "--url", "postgres://u:secret@a-pooler.eu.aws.neon.tech/db",
                      exit=3)
    expect(pooled["error"]["code"], "pooled-url")
    if "secret" in json.dumps(pooled):
        raise AssertionError(pooled)


def test_a_dry_run_writes_the_plan(server):
    project = Project(server, FILES)
    expect(document(project, "up", "--dry-run")["schema"], "migrate.plan.v1")


def test_where_nothing_is_to_be_done_the_document_says_why(server):
    project = Project(server, FILES)
    (project.root / "migrate.yaml").write_text(
        "environments:\n  preview:\n    apply: no\n")
    up = document(project, "up", "--env", "preview")
    expect_in("apply: no", up["skipped"])
    expect((up["applied"], up["error"], up["target"]), ([], None, None))


def test_markdown_for_a_pull_request(server):
    project = Project(server, dict(FILES, **{"4_bad.up.sql": "SELECT nothing;\n"}))
    shown = project.run("up", "--output", "markdown", exit=1).out
    shown = re.sub(r"(\\<)?[0-9.]+ (ms|s)\b", "N ms", shown)
    expect(shown, """## Migrations applied

| migration | took | statements | how |
| --- | ---: | ---: | --- |
| 1_users | N ms | 1 | |
| 2_orders | N ms | 2 | |
| 3_index | N ms | 1 | no transaction |

**error**: column "nothing" does not exist (42703)
at migrations/4_bad.up.sql:1:8

```
   |
 1 | SELECT nothing;
   |        ^^^^^^^
```

3 applied in N ms, now at 3_index
""")


if __name__ == "__main__":
    sys.exit(house.main(globals()))
