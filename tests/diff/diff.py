#!/usr/bin/env python3
"""What "migrate show" takes for the statements of generated files, against

  - the generator, which wrote them one by one;
  - libpg-query's scanner, the server's own, where it knows the construct;
  - psql: a listener that speaks the protocol takes down what psql sends, byte by byte;
  - a server: every statement is one statement to its parser.

usage: diff.py MIGRATE [SPLIT]     SPLIT: built from split.c; left out when libpg-query is missing
"""
import ctypes
import ctypes.util
import functools
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pg"))
import corpus  # noqa: E402
import house  # noqa: E402

MIGRATE = os.path.abspath(sys.argv[1])
SPLIT = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
N_STATEMENTS = 120
MODES = {"plain": 30, "psql": 30, "off": 6, "psql cuts": 6}

GAP = re.compile(rb"(?:[ \t\n\r\f\v;]|--[^\n\r]*)+")


def strip_gap(text):
    """text without the blanks, comments and semicolons in front."""
    while True:
        before = text
        match = GAP.match(text)
        if match:
            text = text[match.end():]
        depth = at = 0
        while text[at:at + 2] == b"/*" or depth > 0 and at < len(text):
            step = {b"/*": 1, b"*/": -1}.get(text[at:at + 2], 0)
            depth += step
            at += 2 if step else 1
            if depth == 0:
                break
        text = text[at:]
        if text == before:
            return text


def all_files():
    return [(mode, seed, corpus.build(seed, mode, N_STATEMENTS))
            for mode, n in MODES.items() for seed in range(n)]


def show(folder, mode, seed, file):
    path = folder / "{} {}".format(mode, seed)
    path.mkdir()
    (path / "1_x.up.sql").write_bytes(file.bytes)
    done = subprocess.run([MIGRATE, "show", "1", "--dir", str(path), "--output", "json"],
                          capture_output=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return json.loads(done.stdout)["statements"]


# ---- The generator ---------------------------------------------------------------------------------------

def test_show_finds_what_was_written(folder):
    for mode, seed, file in all_files():
        rows = show(folder, mode, seed, file)
        shown = [(row["begin"], row["end"], row["data_begin"], row["data_end"]) for row in rows]
        wanted = [row[:4] for row in file.statements]
        for one, other in zip(shown, wanted):
            if one != other:
                raise AssertionError("{} {}: {!r} at {}, wanted {!r} at {}".format(
                    mode, seed, file.text(one), one, file.text(other), other))
        house.expect(len(shown), len(wanted))
        for row, (begin, *_) in zip(rows, file.statements):
            house.expect((row["line"], row["column"]), place_of(file.bytes, begin))


def place_of(text, offset):
    """Line and column in characters, as an editor counts: \\n, \\r\\n or \\r ends a line."""
    before = bytes(text[:offset])
    if before.startswith(b"\xef\xbb\xbf"):
        before = before[3:]
    lines = re.split(rb"\r\n|\r|\n", before)
    return len(lines), len(lines[-1].decode()) + 1


# ---- libpg-query ------------------------------------------------------------------------------------------

def test_the_servers_scanner_splits_the_same(folder):
    if SPLIT is None:
        raise house.Skip("libpg-query-dev is not installed")
    for mode, seed, file in all_files():
        if mode != "plain":
            continue
        path = folder / "text"
        path.write_bytes(file.bytes)
        done = subprocess.run([SPLIT, str(path)], capture_output=True, text=True, check=True,
                              env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        lines = done.stdout.splitlines()
        if lines[0].startswith("error"):
            raise AssertionError("{} {}: {}".format(mode, seed, lines[0]))
        theirs = []
        for line in lines[1:]:
            begin, size = map(int, line.split())
            text = strip_gap(bytes(file.bytes[begin:begin + size]))
            if text:
                theirs.append(text)
        compare(mode, seed, file, theirs)


def compare(mode, seed, file, theirs):
    """Each of theirs begins with ours, and holds nothing else."""
    ours = [file.text(row) for row in file.statements]
    for i, (one, other) in enumerate(zip(ours, theirs)):
        if not other.startswith(one) or strip_gap(other[len(one):]):
            raise AssertionError("{} {}, statement {}: {!r}, but they have {!r}".format(
                mode, seed, i + 1, one, other))
    house.expect(len(theirs), len(ours))


# ---- psql --------------------------------------------------------------------------------------------------

class Listener:
    """A server that agrees with everything, and takes down what it is sent."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.sent = []  # (text, data or None)
        self.error = None
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def read(self, n):
        data = self.stream.read(n)
        if len(data) < n:
            raise EOFError
        return data

    def message(self):
        kind = self.read(1)
        return kind, self.read(struct.unpack("!i", self.read(4))[0] - 4)

    def answer(self, *messages):
        for kind, body in messages:
            self.stream.write(kind + struct.pack("!i", len(body) + 4) + body)
        self.stream.flush()

    def parameter(self, name, value):
        return b"S", name + b"\0" + value + b"\0"

    def listen(self):
        try:
            connection, _ = self.socket.accept()
            self.stream = connection.makefile("rwb")
            with connection:
                self.serve()
        except EOFError:
            pass
        except Exception:
            self.error = traceback.format_exc()

    def serve(self):
        self.read(struct.unpack("!i", self.read(4))[0] - 4)
        self.answer((b"R", struct.pack("!i", 0)), self.parameter(b"server_version", b"15.4"),
                    self.parameter(b"client_encoding", b"UTF8"),
                    self.parameter(b"server_encoding", b"UTF8"),
                    self.parameter(b"standard_conforming_strings", b"on"), (b"Z", b"I"))
        while True:
            kind, body = self.message()
            if kind == b"X":
                return
            assert kind == b"Q", kind
            self.take(body[:-1])

    def take(self, text):
        statement = strip_gap(text)
        words = re.sub(rb"/\*.*?\*/", b" ", statement.lower()).split()
        if words[:1] == [b"copy"] and b"stdin" in b" ".join(words).replace(b";", b" ").split():
            self.answer((b"G", b"\0\0\1\0\0"))
            data = b""
            for kind, body in iter(self.message, (b"c", b"")):
                data += body
            if psql_version() < 18:  # the end mark is sent too
                house.expect(data[-3:], b"\\.\n")
                data = data[:-3]
            self.sent.append((text, data))
            self.answer((b"C", b"COPY 0\0"), (b"Z", b"I"))
            return
        self.sent.append((text, None))
        changed = []
        if statement.startswith((b"SET standard", b"RESET standard")):
            value = b"off" if statement.startswith(b"SET") else b"on"
            changed = [self.parameter(b"standard_conforming_strings", value)]
        self.answer(*changed, (b"C", b"SELECT 0\0") if statement else (b"I", b""), (b"Z", b"I"))


def ask_psql(folder, file):
    path = folder / "psql.sql"
    path.write_bytes(file.bytes)
    listener = Listener()
    done = subprocess.run(["psql", "-X", "-q", "-f", str(path),
                           "host=127.0.0.1 port={} user=u dbname=d sslmode=disable"
                           " gssencmode=disable".format(listener.port)],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          env=dict(os.environ, PGCLIENTENCODING="UTF8"))
    listener.thread.join(60)
    listener.socket.close()
    if listener.error:
        raise AssertionError(listener.error)
    return [(strip_gap(text), data) for text, data in listener.sent if strip_gap(text)], done.stderr.decode()


@functools.lru_cache
def psql_version():
    """15 of 15.4; 0 without one"""
    if shutil.which("psql") is None:
        return 0
    said = subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout
    return int(re.search(r"\) (\d+)", said).group(1))


def test_psql_sends_the_same(folder):
    if psql_version() < 15:
        raise house.Skip("psql is missing, or takes the comments out, as before 15")
    for mode, seed, file in all_files():
        if mode == "psql cuts":
            continue
        sent, complaint = ask_psql(folder, file)
        try:
            compare(mode, seed, file, [text for text, _ in sent])
        except AssertionError as difference:
            raise AssertionError("{}\npsql says: {}".format(difference, complaint[:500]))
        for (_, data), row in zip(sent, file.statements):
            house.expect(data, row[4].data)


def test_psql_is_wrong_where_we_say_so(folder):
    """When it no longer is, these statements belong to the others."""
    if psql_version() != 15:
        raise house.Skip("psql 15 is not installed")
    for text in corpus.STRINGS_PSQL_CUTS + corpus.ATOMIC_PSQL_CUTS:
        file = corpus.File()
        file.add(corpus.Statement(text if text.startswith("CREATE") else "SELECT " + text))
        file.bytes += b"\n"
        file.add(corpus.Statement("SELECT 1"))
        sent, _ = ask_psql(folder, file)
        house.expect(len(sent) == 2 and sent[0][0].rstrip(b";") == file.statements[0][4].text, False)
    file = corpus.File(b"COPY t FROM stdin;\n1\n\\.\n;\nSELECT 1;\n")
    house.expect([text for text, _ in ask_psql(folder, file)[0]], [b"COPY t FROM stdin;"])


# ---- A server -------------------------------------------------------------------------------------------------

class Parser:
    """A server's parser, by libpq."""

    def __init__(self, url):
        self.libpq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
        for name in ("PQconnectdb", "PQprepare", "PQexec"):
            getattr(self.libpq, name).restype = ctypes.c_void_p
        self.libpq.PQresultErrorField.restype = ctypes.c_char_p
        self.connection = ctypes.c_void_p(self.libpq.PQconnectdb(url.encode()))
        self.is_off, self.version = None, self.libpq.PQserverVersion(self.connection)
        if not self.trouble(b"SELECT 1; SELECT 2", False):
            raise AssertionError("the server was not asked")

    def set_strings(self, is_off):
        self.is_off = is_off
        value = b"off" if is_off else b"on"
        result = self.libpq.PQexec(self.connection, b"SET escape_string_warning = off;"
                                                    b"SET backslash_quote = on;"
                                                    b"SET standard_conforming_strings = " + value)
        self.libpq.PQclear(ctypes.c_void_p(result))

    def trouble(self, text, is_off):
        """What the parser has against the text, or None; that names in it mean nothing is fine."""
        if self.is_off != is_off:
            self.set_strings(is_off)
        result = ctypes.c_void_p(self.libpq.PQprepare(self.connection, b"", text, 0, None))
        message = self.libpq.PQresultErrorField(result, ord("M"))
        self.libpq.PQclear(result)
        is_bad = message and re.search(rb"syntax error|multiple commands|unterminated", message)
        return message.decode() if is_bad else None


def test_a_server_parses_each_as_one(folder):
    """The extended protocol takes one statement: 42601 says that it was none, or more than one."""
    seen = {(row[4].text, row[4].is_off) for _, _, file in all_files() for row in file.statements}
    server = house.Server()
    try:
        parser = Parser(server.url)
        for text, is_off in sorted(seen, key=lambda one: one[1]):
            if parser.version < 140000 and re.search(rb"BEGIN\s+ATOMIC|begin /\* ; \*/ atomic", text):
                continue  # a syntax error to it
            if parser.version >= 190000 and is_off:
                continue  # it has standard strings only
            trouble = parser.trouble(text, is_off)
            if trouble:
                raise AssertionError("{!r}: {}".format(text, trouble))
    finally:
        server.stop()


def main():
    house.MIGRATE = MIGRATE
    tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
    print("1..{}".format(len(tests)), flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="migrate-diff-"))
        try:
            function(folder)
            print("ok {} - {}".format(number, name), flush=True)
        except house.Skip as reason:
            print("ok {} - {} # SKIP {}".format(number, name, reason), flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print("not ok {} - {}".format(number, name), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
