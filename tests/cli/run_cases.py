#!/usr/bin/env python3
"""Run tests/cli/cases/*.case: what the command prints, word for word.  Speaks TAP.

usage: run_cases.py MIGRATE CASE_FILE_OR_FOLDER...

A case file holds any number of cases.  A line that starts with "%%" is a directive:

    %% case NAME                  starts a case
    %% server                     it needs a database: {url} is a new, empty one
    %% file PATH                  the lines that follow are its text; PATH lies in the case's folder
    %% bytes PATH                 the same, with escapes such as \\x00 and \\n, line ends left out
    %% folder PATH | link PATH TARGET
    %% env NAME=value             added to an environment that is otherwise nearly empty
    %% run COMMAND                run by bash in the case's folder; "migrate" is the one under test
    %% exit N                     0 when it is left out
    %% stdout | stderr            what it prints there; nothing when it is left out

A case may have several "run", each with its own expectations, in order.  What differs from run to
run is replaced before it is compared: {dir} the case's folder, {url} and {socket} of the server,
{ms} durations, {pid}, {n} connections in use, {time} dates and times, {day} the day of a claim,
{user} user@host (of a case that takes the identity "vercel dpl_test" away), {version} of the
server.  MG_UPDATE=1 writes what was seen back into the files; read the difference before you keep
it.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pg"))
from house import UNWATCHED, programs, with_whole_errors  # noqa: E402

TIME_LIMIT_S = 120


class Run:
    def __init__(self, command):
        self.command = command
        self.status, self.stdout, self.stderr = 0, [], []


class Case:
    def __init__(self, name):
        self.name, self.setup, self.env, self.runs = name, [], [], []
        self.needs_server = False
        self.comments = []


class BadCase(Exception):
    pass


# ---- Case files --------------------------------------------------------------


def parse(path):
    """The comment lines at the top, and the cases."""
    header, cases, text = [], [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("%%"):
            if text is not None:
                text.append(line)
            elif not cases:
                header.append(line)
            elif line.strip():
                raise BadCase("{}:{}: text outside a directive".format(path, number))
            continue
        word, _, rest = line[2:].strip().partition(" ")
        if word == "case" and text and text[-1] == "":
            text.pop()
        text = apply_directive(word, rest.strip(), cases, "{}:{}".format(path, number))
    for case in cases:
        for lines in [item[2] for item in case.setup] + [
                lines for run in case.runs for lines in (run.stdout, run.stderr)]:
            # One empty line before the next directive is for the reader, before a case another.
            if lines and lines[-1] == "":
                lines.pop()
    return header, cases


def apply_directive(word, rest, cases, place):
    """Takes one directive in; returns the list that its text lines go to, or None."""
    if word == "case":
        cases.append(Case(rest))
        return None
    if not cases:
        raise BadCase(place + ": no case yet")
    case = cases[-1]
    if word in ("file", "bytes", "folder", "link"):
        case.setup.append((word, rest, []))
        return case.setup[-1][2] if word in ("file", "bytes") else None
    if word == "server":
        case.needs_server = True
    elif word == "env":
        case.env.append(rest)
    elif word == "run":
        case.runs.append(Run(rest))
    elif word in ("exit", "stdout", "stderr") and case.runs:
        if word == "exit":
            case.runs[-1].status = int(rest)
            return None
        return getattr(case.runs[-1], word)
    else:
        raise BadCase("{}: unknown directive \"{}\", or no run yet".format(place, word))
    return None


def text_lines(lines):
    """An empty line at the end of a text is told from the one for the reader by a second one."""
    return lines + [""] if lines and lines[-1] == "" else lines


def write(path, header, cases):
    out = list(header)
    while out and out[-1] == "":
        out.pop()
    for case in cases:
        out += [""] if out else []
        out.append("%% case " + case.name)
        out += ["%% server"] if case.needs_server else []
        for word, rest, lines in case.setup:
            out += ["%% {} {}".format(word, rest)] + text_lines(lines)
        out += ["%% env " + text for text in case.env]
        for run in case.runs:
            out.append("%% run " + run.command)
            out += ["%% exit {}".format(run.status)] if run.status else []
            for word in ("stdout", "stderr"):
                lines = getattr(run, word)
                out += ["%% " + word] + text_lines(lines) if lines else []
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


# ---- Running -------------------------------------------------------------------


class Server:
    """One scratch server for all cases, started when the first asks for it."""

    def __init__(self, migrate):
        self.migrate, self.process, self.url, self.count = migrate, None, None, 0

    def database(self):
        if self.process is None:
            self.process = subprocess.Popen([self.migrate, "scratch", "--empty"],
                                            stdout=subprocess.PIPE, text=True)
            self.url = self.process.stdout.readline().strip()
            if not self.url:
                raise BadCase("migrate scratch did not start")
        self.count += 1
        name = "case_{}".format(self.count)
        subprocess.run([str(programs() / "psql"), "-Xq", self.url, "-c",
                        "CREATE DATABASE " + name], check=True, capture_output=True)
        return self.url.replace("@/postgres?", "@/" + name + "?")

    def socket(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.url).query)
        return query["host"][0]

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=TIME_LIMIT_S)


def set_up(case, folder):
    for word, rest, lines in case.setup:
        name, _, target = rest.partition(" ")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if word == "folder":
            path.mkdir()
        elif word == "link":
            path.symlink_to(target.strip())
        elif word == "file":
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        else:
            escaped = "".join(lines).encode("ascii")
            path.write_bytes(escaped.decode("unicode_escape").encode("latin-1"))


REPLACED = [
    # A padded column is as wide as its text: the padding goes with it.
    (r" +\\?<?\d+(?:\.\d+)? (?:ms|s)(?=$|\s|[,;:.])", " {ms}"),
    (r" +took\b", " took"),
    (r"\bpid \d+", "pid {pid}"),
    (r"\b\d+ of (\d+ in use)", r"{n} of \1"),
    (r"\bPostgreSQL \d+(\.\d+|beta\d+|rc\d+|devel)", "PostgreSQL {version}"),
    (r"(\"server_version\": \")[^\"]*", r"\1{version}"),
    (r"/[^\s\"']*/migrate-\w{6}\b", "{socket}"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?", "{time}"),
    (r"\bon \d{4}-\d\d-\d\d\b", "on {day}"),
    (r"\"duration_ms\": \d+", "\"duration_ms\": {ms}"),
]


def normalise(text, folder, url, server):
    pairs = [(str(folder), "{dir}")]
    if url:
        pairs += [(url, "{url}"), (server.socket(), "{socket}"),
                  (urllib.parse.quote(server.socket(), safe=""), "{socket}"),
                  (urllib.parse.urlsplit(url).path[1:], "{database}")]
    for value, word in pairs:
        text = text.replace(value, word)
    host = os.uname().nodename
    text = re.sub(r"\b[\w.-]+@" + re.escape(host) + r"(?![\w-]|\.\w)", "{user}", text)
    for pattern, word in REPLACED:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def run_command(command, folder, env):
    """(exit status, (stdout, stderr)).  At the time limit nothing of it stays behind."""
    with subprocess.Popen(["bash", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            outputs = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        status = process.returncode
        return status if status >= 0 else 128 - status, outputs


def run_case(case, migrate, server, folder):
    """What was seen: (status, stdout lines, stderr lines) of each run."""
    url = server.database() if case.needs_server else None
    set_up(case, folder)
    bin_folder = folder.parent / "bin"
    bin_folder.mkdir(exist_ok=True)
    if not (bin_folder / "migrate").exists():
        (bin_folder / "migrate").symlink_to(migrate)
    env = {"PATH": "{}:{}".format(bin_folder, os.environ.get("PATH", "/usr/bin:/bin")),
           "HOME": str(folder.parent), "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "10",
           # Who applied it: user and host would make a column of another width everywhere.
           "VERCEL": "1", "VERCEL_DEPLOYMENT_ID": "dpl_test"}
    env.update({name: value for name, value in os.environ.items()
                if name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR")})
    for text in case.env:
        name, _, value = text.partition("=")
        env[name] = value.replace("{url}", url or "").replace("{dir}", str(folder))
    seen = []
    for run in case.runs:
        command = run.command.replace("{url}", url or "").replace("{dir}", str(folder))
        status, outputs = run_command(command, folder, env)
        texts = [normalise(output.decode("utf-8", errors="backslashreplace"), folder, url, server)
                 for output in outputs]
        texts = [with_whole_errors(text.replace(UNWATCHED, "")) for text in texts]
        seen.append((status, texts[0].splitlines(), texts[1].splitlines()))
    return seen


def differences(case, seen):
    for run, (status, stdout, stderr) in zip(case.runs, seen):
        found = [("exit", [str(run.status)], [str(status)]),
                 ("stdout", run.stdout, stdout), ("stderr", run.stderr, stderr)]
        for word, expected, got in found:
            if expected != got:
                yield "$ {}: {} differs".format(run.command, word)
                yield from ("- " + line for line in expected)
                yield from ("+ " + line for line in got)


def main():
    migrate = os.path.abspath(sys.argv[1])
    is_update = os.environ.get("MG_UPDATE") == "1"
    files = [(path, *parse(path)) for named in map(pathlib.Path, sys.argv[2:])
             for path in (sorted(named.glob("*.case")) if named.is_dir() else [named])]
    print("1..{}".format(sum(len(cases) for _, _, cases in files)))
    server = Server(migrate)
    root = pathlib.Path(tempfile.mkdtemp(prefix="migrate-cases-"))
    number = n_failed = 0
    try:
        for path, header, cases in files:
            for case in cases:
                number += 1
                folder = root / "case{}".format(number)
                folder.mkdir()
                title = "{}: {}".format(path.stem, case.name)
                try:
                    seen = run_case(case, migrate, server, folder)
                    found = list(differences(case, seen))
                except (BadCase, OSError, subprocess.SubprocessError) as error:
                    seen, found = None, [str(error)]
                if is_update and seen is not None:
                    for run, (run.status, run.stdout, run.stderr) in zip(case.runs, seen):
                        pass
                n_failed += 1 if found else 0
                print("{} {} - {}".format("not ok" if found else "ok", number, title))
                for line in found:
                    print("# " + line)
                sys.stdout.flush()
            if is_update:
                write(path, header, cases)
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
