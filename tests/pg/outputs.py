#!/usr/bin/env python3
"""Where the output goes: GitHub's annotations and summaries, terminals, locales, readers that are not
there.  Speaks TAP.

usage: outputs.py MIGRATE [NAME...]
"""
import re
import subprocess
import sys

import house
from house import LIMIT_S, Project, Terminal, expect, expect_in, main

FILES = {"1_a.up.sql": "CREATE TABLE a (id int);", "1_a.down.sql": "DROP TABLE a;",
         "2_b.up.sql": "CREATE INDEX CONCURRENTLY b ON a (id);"}
BROKEN = {"3_c.up.sql": "UPDATE a\n   SET id = \"100%, a:b\";\n"}


def on_github(server, files):
    project = Project(server, files)
    project.variables = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(project.root.parent),
                         "GITHUB_STEP_SUMMARY": str(project.root / "summary.md")}
    return project


def summary(project):
    """What was added to the summary, without what differs from run to run."""
    path = project.root / "summary.md"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    text = re.sub(r"<?[\d.]+ (ms|s)\b", "T", text)
    return text.replace(project.database, "DB").replace(project.server.socket, "SOCKET")


def annotations(run):
    return [line for line in run.err.splitlines() if line.startswith("::")]


# ---- GitHub Actions --------------------------------------------------------------------------------


def test_a_run_that_succeeds_has_a_summary(server):
    project = on_github(server, FILES)
    version = project.sql("SHOW server_version").split()[0]
    target = "DB at SOCKET, from DATABASE_URL\\\nPostgreSQL {}, direct\n".format(version)
    run = project.run("up")
    expect(annotations(run), [])
    expect(summary(project), "## migrate up\n\n" + target +
           "\n| | migration | took | |\n| --- | --- | ---: | --- |\n"
           "| applied | 1_a | T |  |\n| applied | 2_b | T | no transaction |\n"
           "\n**done**: 2 applied in T, now at 2_b\n\n")
    # It is added to what is there.
    (project.root / "summary.md").write_text("before\n")
    project.run("up", "--quiet")
    expect(summary(project), "before\n## migrate up\n\n" + target +
           "\n**done**: nothing to do, now at 2_b\n\n")


def test_an_error_is_an_annotation_and_in_the_summary(server):
    project = on_github(server, dict(FILES, **BROKEN))
    plain = Project(server, dict(FILES, **BROKEN)).run("up", exit=1)
    run = project.run("up", exit=1)
    # The plain lines are those of elsewhere.
    begin = run.err.index("error: ")
    expect(run.err[begin:run.err.index("::error")], plain.err[plain.err.index("error: "):])
    expect(annotations(run),
           ["::error file={}/migrations/3_c.up.sql,line=2,col=13,title=migrate (sql)::"
            "column \"100%25, a:b\" does not exist%0A"
            "note: 3_c was rolled back; the 2 before it stay applied".format(project.root.name)])
    text = summary(project)
    expect_in("| applied | 1_a | T |", text)
    expect(text[text.index("\n**error**"):],
           "\n**error**: column \"100%, a:b\" does not exist (sql)\n"
           "\nmigrations/3_c.up.sql:2:13\n"
           "\n       |\n     1 | UPDATE a\n     2 |    SET id = \"100%, a:b\";\n"
           "       |             ^^^^^^^^^^^\n"
           "\nnote: 3_c was rolled back; the 2 before it stay applied\n\n")


def test_what_has_no_file_has_no_place(server):
    project = on_github(server, FILES)
    run = project.run("up", "--wait-server", "0s", exit=5,
                      url="postgresql://postgres@127.0.0.1:1/x?sslmode=disable")
    expect(len(annotations(run)), 1)
    expect_in("::error title=migrate (unreachable)::could not connect to the server at ",
              annotations(run)[0])
    expect_in("**error**: could not connect", summary(project))


def test_plan_and_status_put_their_tables_into_the_summary(server):
    project = on_github(server, FILES)
    asked = project.run("plan", "--output", "markdown")
    expect(summary(project), "")
    shown = project.run("plan")
    expect_in("\"migrate up\" would apply 2", shown.out)
    expect(summary(project), asked.out.replace(project.database, "DB").replace(
        project.server.socket, "SOCKET") + "\n")
    project.run("status", "--output", "json")
    expect_in("2 pending", summary(project))
    project.run("help")
    project.run("show")
    expect(summary(project), "")


def test_refusals_have_their_place(server):
    project = on_github(server, FILES)
    project.run("up")
    project.write("1_a.up.sql", "CREATE TABLE a (id bigint);")
    where = "file={}/migrations/1_a.up.sql,".format(project.root.name)
    for words, kind, status in [(["plan"], "error", 6), (["up"], "error", 6),
                                (["status"], "warning", 0)]:
        run = project.run(*words, exit=status)
        expect(len(annotations(run)), 1)
        expect_in("::{} {}title=migrate (drift)::migration \"1_a\" was edited".format(kind, where),
                  annotations(run)[0])


def test_a_summary_that_cannot_be_written_is_a_warning(server):
    project = on_github(server, FILES)
    project.variables["GITHUB_STEP_SUMMARY"] = str(project.root / "nowhere" / "summary.md")
    run = project.run("up")
    expect_in("warning: the summary could not be written to GITHUB_STEP_SUMMARY: No such file or "
              "directory\n::warning title=migrate::the summary could not be", run.err)
    expect_in("done     2 applied", run.out)


def test_elsewhere_nothing_is_annotated(server):
    project = Project(server, BROKEN)
    project.variables = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""}
    expect(annotations(project.run("up", exit=1)), [])


def test_words_of_others_are_no_commands_to_github(server):
    project = on_github(server, {"1_a.up.sql": "DO $$ BEGIN RAISE NOTICE E'one\\n::error::two\\n"
                                               "  ::add-mask::e ##[error]f'; END $$;"})
    expect_in("NOTICE: one (line 1, DO)\n         ?:error::two\n         ?:add-mask::e ?#[error]f\n",
              project.run("up").err)


# ---- Terminals, locales, streams ---------------------------------------------------------------------


def on_terminal(project, *words, columns=80, term="xterm", **variables):
    """What a terminal got, without the live line."""
    project.variables = variables
    terminal = Terminal(project, *words, columns=columns, term=term)
    terminal.read_all()
    return terminal.text.replace("\r\033[K", "").replace("\r\n", "\n")


def test_colour_is_for_terminals_that_want_it(server):
    project = Project(server, FILES)
    expect_in("\033[32mapplied\033[0m  1_a", on_terminal(project, "up", NO_COLOR=""))
    for options in ({"NO_COLOR": "1"}, {"NO_COLOR": "", "term": "dumb"}):
        expect("\033" in on_terminal(project, "status", **options), False)
    expect("\033" in on_terminal(project, "status", "--no-color", NO_COLOR=""), False)


def test_a_narrow_terminal_gets_shorter_names(server):
    name = "20260309101500_add_order_totals_to_every_order"
    project = Project(server, {name + ".up.sql": "CREATE TABLE a (id int);"})
    narrow = on_terminal(project, "up", columns=40)
    applied = [line for line in narrow.splitlines() if line.startswith("applied")]
    expect(len(applied), 1)
    expect_in("applied  20260309101500_add_or...", applied[0])
    expect_in(name, project.run("status").out)  # never in a pipe
    # The version stays whole, however narrow it is.
    expect_in("applied  20260309101500_add_or...  ", on_terminal(project, "status", columns=40))


def test_prose_is_as_wide_as_the_terminal(server):
    """Help and tables; a page has at most 100 columns, and in a pipe it has them."""
    project = Project(server, FILES)
    for words in ("help", "up"), ("doctor",):
        for columns, most in (60, 60), (80, 80), (120, 100):
            text = on_terminal(project, *words, columns=columns, NO_COLOR="1")
            widest = max(text.splitlines(), key=len)
            expect((words, columns, len(widest) <= most, most - len(widest) < 16),
                   (words, columns, True, True))
    expect(project.run("help", "up").out, on_terminal(project, "help", "up", columns=100))


def test_without_a_utf8_locale_names_stay_as_they_are(server):
    project = Project(server, {"1_a.up.sql": "SELECT '\u20ac' FROM nichts_\u00e4;"})
    seen = []
    for locale in ("C", "C.UTF-8"):
        project.variables = {"LC_ALL": locale}
        run = project.run("up", exit=1)
        seen.append(run.err)
    expect(seen[0], seen[1])
    expect_in("  --> migrations/1_a.up.sql:1:17\n", seen[0])
    # What is not from the file is ASCII.
    kept = re.sub("\u20ac|nichts_\u00e4", "", seen[0])
    expect(kept.isascii(), True)


def test_streams_that_are_closed_or_full(server):
    project = Project(server, FILES)
    for closing in (">&-", "2>&-", ">&- 2>&- <&-"):
        project.run("up")
        done = subprocess.run(["sh", "-c", '"$0" down --yes ' + closing, house.MIGRATE],
                              cwd=project.root, env=project.environment(), timeout=LIMIT_S,
                              capture_output=True, text=True)
        expect(done.returncode, 6)  # 2_b has no down script
        done = subprocess.run(["sh", "-c", '"$0" status ' + closing, house.MIGRATE],
                              cwd=project.root, env=project.environment(), timeout=LIMIT_S,
                              capture_output=True, text=True)
        expect(done.returncode, 0)
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    done = subprocess.run(["sh", "-c", '"$0" up > /dev/full', house.MIGRATE], cwd=project.root,
                          env=project.environment(), timeout=LIMIT_S, capture_output=True,
                          text=True)
    expect(done.returncode, 2)
    expect_in("error: could not write to stdout: No space left on device (system)\n"
              "note: the command itself was carried out; its output is not complete\n",
              done.stderr)
    expect(project.applied(), ["1", "2", "3"])


if __name__ == "__main__":
    sys.exit(main(globals()))
