"""A TCP proxy in front of a server's socket that breaks connections where a test wants it."""
import os
import socket
import struct
import threading


def is_commit(kind, body):
    """Does this message begin a COMMIT of ours, in full or by its name?"""
    return (kind == b"P" and body.startswith(b"\0COMMIT\0")
            or kind == b"B" and body.startswith(b"\0migrate_commit\0"))


class Proxy:
    """Forwards to the server's Unix socket; on_message decides what is cut.

    on_message(connection, kind, body) is called for every message of a client before it is
    forwarded, and says what to do: None goes on, "before" cuts both sides without forwarding it,
    "after" forwards it, cuts the client, and the server once it has answered a COMMIT; "silent"
    forwards nothing any more.

    version is what the server calls its own, when it is to look like another.
    """

    def __init__(self, server, on_message=None, version=None):
        self.path = os.path.join(server.socket,
                                 ".s.PGSQL.{}".format(getattr(server, "port", 5432)))
        self.version = version
        self.on_message = on_message or (lambda *_: None)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.n_connections = 0
        self.is_refusing = False
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, database, user="postgres"):
        return "postgresql://{}@127.0.0.1:{}/{}?sslmode=disable&gssencmode=disable".format(
            user, self.port, database)

    def close(self):
        self.listener.close()
        for pair in self.open:
            for side in pair:
                side.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_refusing:
                client.close()
                continue
            self.n_connections += 1
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.path)
            except OSError:
                client.close()
                continue
            link = Link(self, self.n_connections, client, server)
            self.open.append((client, server))
            threading.Thread(target=link.upwards, daemon=True).start()
            threading.Thread(target=link.downwards, daemon=True).start()


def with_version(data, version):
    """Messages of a login, with another server_version in their ParameterStatus."""
    name = b"server_version\0"
    at = data.find(name)
    if at < 0:
        return data
    end = data.index(b"\0", at + len(name)) + 1
    body = name + version.encode() + b"\0"
    return data[:at - 4] + struct.pack("!I", 4 + len(body)) + body + data[end:]


class Link:
    def __init__(self, proxy, number, client, server):
        self.proxy, self.number, self.client, self.server = proxy, number, client, server
        self.is_cut = False

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.client.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def cut(self, sides):
        self.is_cut = True
        for side in sides:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def upwards(self):
        try:
            head = self.read(4)
            self.server.sendall(head + self.read(struct.unpack("!I", head)[0] - 4))
            while True:
                kind = self.read(1)
                size = self.read(4)
                body = self.read(struct.unpack("!I", size)[0] - 4)
                what = self.proxy.on_message(self.number, kind, body)
                if what == "before":
                    return self.cut((self.client, self.server))
                if what == "silent":
                    self.is_cut = True
                    continue
                self.server.sendall(kind + size + body)
                if what == "after":
                    self.cut((self.client,))
                    self.server.sendall(b"H" + struct.pack("!I", 4))
                    return None
        except (EOFError, OSError):
            self.cut((self.server,))
        return None

    def downwards(self):
        try:
            while True:
                data = self.server.recv(65536)
                if not data:
                    return self.cut((self.client,))
                if self.proxy.version:
                    data = with_version(data, self.proxy.version)
                if not self.is_cut:
                    self.client.sendall(data)
                elif b"COMMIT\0" in data:
                    return self.cut((self.server,))
        except OSError:
            self.cut((self.server,))
        return None
