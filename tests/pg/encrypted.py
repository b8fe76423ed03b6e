#!/usr/bin/env python3
"""A session with TLS, and what else is sent for it.  Speaks TAP.

usage: encrypted.py MIGRATE [NAME...]
"""
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import house
from house import (LIMIT_S, OwnServer, Project, Skip, expect, expect_in, locks, main, new_folder,
                   unprivileged, wait_for)

CANCEL_REQUEST = 80877102


class Tap:
    """Forwards to a port, and keeps the number with which each connection begins."""

    def __init__(self, port):
        self.to, self.numbers, self.open = port, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            self.open += [client, server]
            threading.Thread(target=self.forward, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.forward, args=(server, client, False), daemon=True).start()

    def forward(self, source, target, is_client):
        try:
            head = source.recv(8, socket.MSG_WAITALL) if is_client else b""
            if len(head) == 8:
                self.numbers.append(struct.unpack("!II", head)[1])
            target.sendall(head)
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for one in [self.listener, *self.open]:
            one.close()


def test_a_cancel_is_encrypted_where_libpq_can(_):
    if shutil.which("openssl") is None:
        raise Skip("no openssl program")
    folder = new_folder("migrate-certificate-")
    folder.chmod(0o777)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", "key", "-out", "crt"], check=True,
                   capture_output=True, cwd=folder, timeout=LIMIT_S, **unprivileged())
    server = OwnServer(["ssl = on", "ssl_cert_file = '{}/crt'".format(folder),
                        "ssl_key_file = '{}/key'".format(folder)])
    tap = Tap(server.port)
    try:
        project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_sleep(300);"})
        run = project.start("up", url="postgresql://postgres@127.0.0.1:{}/{}?sslmode=require".format(
            tap.port, project.database))
        wait_for(lambda: house.is_asleep(project))
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=3)
        expect(run.returncode, 130)
        wait_for(lambda: locks(project) == "0")
        expect_in("canceling statement due to user request", (server.folder / "said").read_text())
        is_able = b"PQcancelBlocking" in pathlib.Path(house.MIGRATE).read_bytes()
        expect(CANCEL_REQUEST in tap.numbers, not is_able)
    finally:
        tap.close()
        server.stop()


class NoServer:
    """Each scenario has its own."""

    def stop(self):
        pass


if __name__ == "__main__":
    sys.exit(main(globals(), NoServer))
