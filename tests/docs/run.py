#!/usr/bin/env python3
"""The documentation is true: help blocks in README.md, its C example, its commands.  Speaks TAP.

usage: run.py SOURCE_ROOT BUILD_ROOT MIGRATE CC...

MG_UPDATE=1 writes the help blocks into README.md, and docs/from-failure.md.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # of what is imported from tests/bench
LIMIT_S = 120
FENCE = "```"
FAILURES = """\
# From failure

Every failure ends with a word in brackets, `(pooled-url)`: look it up here, or run `migrate help pooled-url`.
Where the server spoke, its SQLSTATE stands there instead, `(42703)`; then read [sql](#sql).
"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **options)


def block_behind(text, comment):
    """The fenced block that follows a comment, and where its text begins and ends."""
    at = text.index(comment)
    begin = text.index("\n", text.index(FENCE, at)) + 1
    end = text.index(FENCE, begin)
    return text[begin:end], begin, end


class Docs:
    def __init__(self, source, build, migrate, cc):
        self.source, self.build = pathlib.Path(source), pathlib.Path(build).resolve()
        self.migrate, self.cc = os.path.abspath(migrate), cc
        self.readme = self.source / "README.md"

    def check_help(self, comment, *words):
        text = self.readme.read_text()
        shown, begin, end = block_behind(text, comment)
        printed = run(self.migrate, *words).stdout
        if shown != printed and os.environ.get("MG_UPDATE"):
            self.readme.write_text(text[:begin] + printed + text[end:])
            return
        assert shown == printed, "README.md shows:\n{}\nthe program prints:\n{}".format(shown,
                                                                                       printed)

    def test_readme_shows_the_help(self):
        self.check_help("it is what \"migrate --help\" prints", "--help")

    def test_readme_shows_the_exit_statuses(self):
        self.check_help("it is what \"migrate help exit\" prints", "help", "exit")

    def test_every_error_is_explained(self):
        """docs/from-failure.md has the words of "migrate help SLUG", in the order of "help exit"."""
        place = self.source / "docs" / "from-failure.md"
        slugs = [line.split()[1] for line in run(self.migrate, "help", "exit").stdout.splitlines()
                 if re.match(r" +\d+  [a-z-]+ ", line)]
        assert len(slugs) > 30, slugs
        parts = [FAILURES]
        for slug in slugs:
            head, _, text = run(self.migrate, "help", slug).stdout.partition("\n\n")
            found = re.fullmatch(r"{} \(exit status (\d+)\): (.*)".format(slug), head)
            assert found and text, head
            paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
            assert len(paragraphs) <= 2, slug
            parts.append("## {}\n\n*Exit status {}: {}.* {}\n".format(
                slug, found.group(1), found.group(2), " ".join(paragraphs)))
        wanted = "\n".join(parts)
        if os.environ.get("MG_UPDATE"):
            place.parent.mkdir(exist_ok=True)
            place.write_text(wanted)
        shown = place.read_text() if place.exists() else ""
        assert shown == wanted, "docs/from-failure.md is not what the program says (MG_UPDATE=1)"

    def test_readme_names_only_what_exists(self):
        """Every `migrate WORD` and every --option in the README is one the program knows."""
        text = self.readme.read_text()
        known = run(self.migrate, "--help").stdout
        helps = known
        for command in set(re.findall(r"(?:`|\$ |&& |exec )migrate ([a-z]+)", text)):
            done = run(self.migrate, "help", command)
            assert done.returncode == 0, "README.md names \"migrate {}\"".format(command)
            helps += done.stdout
        others = {"--buildtype", "--cflags", "--libs", "--prefix", "--readme"}
        for option in set(re.findall(r"[`( ](--[a-z][a-z-]+)", text)) - others:
            assert option in helps, "README.md names {}, no command has it".format(option)

    def test_readme_shows_all_benchmarks(self):
        """The table is one that tests/bench/run --readme wrote: all its parts, each row whole."""
        sys.path.insert(0, str(self.source / "tests" / "bench"))
        import table
        shown, _, _ = table.in_readme(self.readme)
        assert not table.faults(shown), "\n".join(table.faults(shown))

    def test_explanations_name_only_what_exists(self):
        """The same in docs/from-failure.md; an option behind a command is one of that command."""
        text = (self.source / "docs" / "from-failure.md").read_text()
        usual = run(self.migrate, "--help").stdout
        helps = {}
        for command, options in re.findall(r"[\"`]migrate ([a-z]+)((?: [^\s\".,;:)]+)*)", text):
            if command not in helps:
                done = run(self.migrate, "help", command)
                assert done.returncode == 0, "it names \"migrate {}\"".format(command)
                helps[command] = done.stdout
            for option in re.findall(r"--[a-z][a-z-]+", options):
                assert option in helps[command] + usual, "it names \"migrate {} {}\"".format(
                    command, option)
        known = usual + "".join(helps.values()) + "".join(
            run(self.migrate, "help", line.split()[0]).stdout for line in usual.splitlines()
            if re.match(r"  [a-z]+ ", line))
        options = set(re.findall(r"(--[a-z][a-z-]+)", text))
        assert len(helps) > 5 and len(options) > 5, (helps, options)
        for option in options:
            assert option in known, "it names {}, no command has it".format(option)

    def test_the_readmes_settings_are_read(self):
        text, _, _ = block_behind(self.readme.read_text(), "reads this block as migrate.yaml")
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "migrate.yaml").write_text(text)
            (place / "db" / "migrations").mkdir(parents=True)
            environment = {"PATH": os.environ["PATH"], "VERCEL_ENV": "preview"}
            done = run(self.migrate, "up", cwd=folder, env=environment)
            assert done.returncode == 0 and "apply: no" in done.stdout, done.stdout + done.stderr
            doctor = run(self.migrate, "doctor", "--env", "production", cwd=folder,
                         env=environment).stdout
            for setting in ("dir db/migrations,", "role shop_owner,", "timeouts.lock 2 s,",
                            "late refuse,", "pooled_url derive,"):
                assert setting in " ".join(doctor.split()), setting + " is not in:\n" + doctor

    def run_example(self, page, folder, *words):
        """Compile the C of a page as its readers would, and run it on an empty server."""
        code, _, _ = block_behind(page.read_text(), "compiles and runs this block")
        place = pathlib.Path(folder)
        (place / "embed.c").write_text(code)
        # As installed: the header, the library with its SONAME, the pkg-config file.
        done = run("meson", "install", "-C", str(self.build), "--no-rebuild", "--destdir",
                   folder + "/root")
        assert done.returncode == 0, done.stdout + done.stderr
        pc = next(place.rglob("migrate.pc"))
        prefix = re.search(r"^prefix=(.*)$", pc.read_text(), re.MULTILINE).group(1)
        flags = run("pkg-config", "--define-variable=prefix={}/root{}".format(folder, prefix),
                    "--cflags", "--libs", "migrate",
                    env=dict(os.environ, PKG_CONFIG_PATH=str(pc.parent)))
        assert flags.returncode == 0, flags.stderr
        done = run(*self.cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
                   *self.sanitizers(), "-o", folder + "/embed", folder + "/embed.c",
                   *flags.stdout.split())
        assert done.returncode == 0, done.stderr
        environment = dict(os.environ, LD_LIBRARY_PATH=str(next(place.rglob("libmigrate.so")).parent))
        done = run(self.migrate, "scratch", "--empty", "--", folder + "/embed", *words,
                   env=environment)
        return done, environment

    def test_the_example_compiles_and_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            done, environment = self.run_example(self.readme, folder)
            expected = "applied 1_users\n1 applied, now at 1_users\n"
            assert done.returncode == 0 and done.stdout == expected, done.stdout + done.stderr
            assert re.search(r"SONAME.*libmigrate\.so\.0",
                             run("readelf", "-d", str(next(place.rglob("libmigrate.so")))).stdout)
            for name in ("migrate", "migrate-direct"):
                shown = run(str(next(place.rglob("bin/" + name))), "--version",
                            env=environment).stdout
                assert shown.startswith("migrate "), shown

    def test_the_example_with_a_folder_compiles_and_runs(self):
        page = self.source / "docs" / "library.md"
        with tempfile.TemporaryDirectory() as folder:
            migrations = pathlib.Path(folder) / "db"
            migrations.mkdir()
            (migrations / "1_a.up.sql").write_text("CREATE TABLE a (id int);")
            (migrations / "2_i.up.sql").write_text("CREATE INDEX CONCURRENTLY ON a (id);")
            done, _ = self.run_example(page, folder, str(migrations))
            said, _, state = done.stdout.partition("{")
            assert done.returncode == 0, done.stdout + done.stderr
            assert said == ("1_a: one transaction, no down script\n2_i: no transaction: CREATE INDEX "
                            "CONCURRENTLY, no down script\n2 applied\n"), said
            assert [(row["name"], row["state"]) for row in json.loads("{" + state)["migrations"]] == [
                ("a", "applied"), ("i", "applied")], state
            # A refusal is data in the plan, and the error of the program.
            (migrations / "2_i.up.sql").write_text("CREATE INDEX CONCURRENTLY ON a (id);\nSELECT 1;")
            done, _ = self.run_example(page, folder, str(migrations))
            assert (done.returncode, done.stdout) == (6, ""), done.stdout + done.stderr
            assert "(mixed)\nhint: " in done.stderr, done.stderr

    def test_an_installation_leaves_nothing_behind(self):
        """tests/install with an apt-get of our own: also when it is interrupted or fails."""
        for how, status in (("exit 0", 0), ("exit 1", 2), ("kill -TERM $PPID", 2),
                            ("kill -HUP $PPID", 2)):
            with tempfile.TemporaryDirectory() as folder:
                place = pathlib.Path(folder)
                for name in ("root/usr/sbin", "root/etc/kept", "bin", "tmp"):
                    (place / name).mkdir(parents=True)
                log = place / "log"
                for name, text in (
                        ("apt-get", 'echo "apt-get $*" >> {0}\n'
                                    '[ "$1" = update ] || {{ ls {1}/usr/sbin {1}/etc/*/* >> {0}; '
                                    '{2}; }}'.format(log, place / "root", how)),
                        ("systemctl", 'echo "systemctl $*" >> {}'.format(log)),
                        ("id", "echo 0")):
                    (place / "bin" / name).write_text("#!/bin/sh\n" + text + "\n")
                    (place / "bin" / name).chmod(0o755)
                done = run("bash", "-c", ". {}/tests/install; install_missing "
                           "'command:no-such-program haproxy\n'".format(self.source),
                           env={"PATH": "{}/bin:{}".format(folder, os.environ["PATH"]),
                                "TMPDIR": folder + "/tmp", "install_root": folder + "/root"})
                assert done.returncode == status, "{}: {}".format(how, done)
                left = [str(path.relative_to(place)) for top in ("root", "tmp")
                        for path in (place / top).rglob("*")]
                left = sorted(set(left) - {"root/usr", "root/usr/sbin", "root/etc", "root/etc/kept"})
                assert not left, "{}: {} is left behind".format(how, left)
                seen = log.read_text()
                assert "policy-rc.d\n" in seen and "migrate-tests.conf\n" in seen, seen
                assert ("systemctl --quiet disable haproxy\n" in seen) == (status == 0), seen

    def shell(self, *words, **variables):
        """What a shell prints in a folder with two migrations, with the program in its PATH."""
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "bin").mkdir()
            for name in ("migrate", "migrate-direct"):
                (place / "bin" / name).symlink_to(self.migrate)
            (place / "migrations").mkdir()
            for name in ("1_one.up.sql", "1_one.down.sql", "2_two.sql", "R__view.sql", "odd.txt"):
                (place / "migrations" / name).write_text("no SQL is read here")
            (place / "schema.sql").write_text("")
            done = run(*words, cwd=folder, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, HOME=folder, TERM="dumb",
                                PATH="{}/bin:{}".format(folder, os.environ["PATH"]), **variables))
            assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
            return done.stdout.split("\n")[:-1]

    # The line so far, and what is offered.
    COMPLETED = [
        (["u"], ["up", "url"]),
        (["down", "--to", ""], ["1_one", "2_two"]),
        (["repair", "2"], ["2_two"]),
        (["--quiet", "status", "--out"], ["--output"]),
        (["plan", "--output", "m"], ["markdown"]),
        (["help", "pooled"], ["pooled-url"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["dump", "--file", "sch"], ["schema.sql"]),
        (["new", ""], []),
        (["nonsense", ""], []),
    ]

    def test_bash_completes(self):
        for words, expected in self.COMPLETED + [(["up", "--to", "=", "1"], ["1_one"])]:
            line = " ".join("'{}'".format(word) for word in ["migrate"] + words)
            seen = self.shell("bash", "--norc", "-c", "source <(migrate completion bash)\n"
                              "COMP_WORDS=({}) COMP_CWORD={}\n_migrate migrate\n"
                              "[ ${{#COMPREPLY[@]}} = 0 ] || printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
                              "complete -p migrate-direct > /dev/null".format(line, len(words)))
            assert seen == expected, "{}: {}".format(words, seen)

    def test_zsh_completes(self):
        for words, expected in self.COMPLETED:
            line = " ".join("'{}'".format(word) for word in ["migrate"] + words)
            seen = self.shell("zsh", "-fc", "compdef() {{ :; }}\nsource <(migrate completion zsh)\n"
                              "compadd() {{ print -l -- $values; }}\n_files() {{ print schema.sql; }}\n"
                              "words=({}) CURRENT={}\n_migrate".format(line, len(words) + 1))
            assert seen == expected, "{}: {}".format(words, seen)

    def test_fish_completes(self):
        for words, expected in self.COMPLETED + [(["up", "--to=1"], ["--to=1_one"])]:
            seen = self.shell("fish", "--no-config", "-c",
                              "migrate completion fish | source; complete -C 'migrate {}'".format(
                                  " ".join(words)))
            seen = sorted(line.split("\t")[0] for line in seen)
            assert seen == sorted(expected), "{}: {}".format(words, seen)

    def test_the_manual_page_is_well_formed(self):
        page = run(self.migrate, "help", "--man").stdout
        done = run("mandoc", "-Tlint", "-Wwarning", input=page)
        assert done.returncode == 0, done.stdout + done.stderr
        shown = re.sub(".\x08", "", run("mandoc", "-Tascii", input=page).stdout)
        for line in run(self.migrate, "--help").stdout.splitlines():
            if re.match("  [a-z]+ ", line):
                assert "   migrate " + line.split()[0] in shown, line
        for word in ('"-- migrate:no-transaction"', "R__NAME.sql", "     --url-env NAME\n"):
            assert word in shown, word

    def test_the_help_in_json_is_complete(self):
        document = json.loads(run(self.migrate, "help", "--json").stdout)
        for command in document["commands"]:
            shown = run(self.migrate, "help", command["name"]).stdout
            assert " ".join(command["about"].split()) in " ".join(shown.split()), command
            for option in command["options"] + document["options"]:
                assert option["name"] in shown or option["name"] == "--output", option
        slugs = [error["slug"] for error in document["errors"]]
        listed = run(self.migrate, "help", "exit").stdout
        assert len(slugs) > 30 and all(" " + slug + " " in listed for slug in slugs), slugs

    def test_the_tour_says_what_it_changes(self):
        """migrations-example/run: nothing outside of its folder and build/."""
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            copied = place / "copy"
            for name in ("migrations-example", "tests"):
                shutil.copytree(self.source / name, copied / name)
            (copied / "build" / "cmd").mkdir(parents=True)
            (copied / "build" / "build.ninja").write_text("")
            (copied / "build" / "cmd" / "migrate").symlink_to(self.migrate)
            for name in ("bin", "home", "tmp"):
                (place / name).mkdir()
                (place / name).chmod(0o777)
            (place / "bin" / "ninja").write_text("#!/bin/sh\n")
            (place / "bin" / "ninja").chmod(0o755)
            kept = {name: value for name, value in os.environ.items()
                    if name.endswith("SAN_OPTIONS")}
            # On a platform too, and next to another database: neither is meant.
            done = run(str(copied / "migrations-example" / "run"),
                       env=dict(kept, PATH="{}/bin:{}".format(folder, os.environ["PATH"]),
                                HOME=folder + "/home", TMPDIR=folder + "/tmp", CI="1",
                                GITHUB_ACTIONS="true", GITHUB_EVENT_NAME="pull_request",
                                POSTGRES_URL="postgresql://app@db.example.com/shop"))
            assert done.returncode == 0, done.stdout + done.stderr
            for seen in ("\nskipped  environment preview from VERCEL_ENV",
                         'belongs to environment "production" from now on'):
                assert done.stdout.count(seen) == 1, done.stdout
            left = [str(path.relative_to(place)) for top in ("home", "tmp")
                    for path in (place / top).rglob("*")]
            assert not left, "left behind: {}".format(left)

    def sanitizers(self):
        """The example must be built like the library that it loads."""
        symbols = run("nm", "-D", "--undefined-only", str(next(self.build.rglob("libmigrate.so"))))
        found = [name for name, mark in (("address", "__asan_"), ("undefined", "__ubsan_"))
                 if mark in symbols.stdout]
        return ["-fsanitize=" + ",".join(found)] if found else []


def main():
    docs = Docs(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
    tests = [name for name in dir(docs) if name.startswith("test_")]
    print("1..{}".format(len(tests)))
    failed = 0
    for number, name in enumerate(tests, 1):
        try:
            getattr(docs, name)()
            print("ok {} - {}".format(number, name))
        except (AssertionError, ValueError, StopIteration, OSError) as error:
            failed += 1
            print("# " + str(error).replace("\n", "\n# "))
            print("not ok {} - {}".format(number, name))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
