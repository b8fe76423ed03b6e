#!/usr/bin/env python3
"""Runs side by side, while runs, backends and the server die at random moments.  Speaks TAP.

usage: chaos.py MIGRATE [NAME...]

MG_ROUNDS says how many rounds, MG_SEED repeats those of a failure.
"""
import os
import random
import signal
import subprocess
import sys
import time

import house
from house import LIMIT_S, OwnServer, Project, expect, locks, main, wait_for

N_FILES = 30
# What hits every session; a run gives up when it has lost three in a row.
HARD = ("terminate", "backend", "server")


def make_files(chance):
    """Every third is slow, every seventh outside a transaction; "done" counts how often each ran."""
    files = {}
    for i in range(1, N_FILES + 1):
        text = "CREATE TABLE t{0} (id int);\nINSERT INTO done VALUES ({0});\n".format(i)
        if i % 3 == 0:
            text += "SELECT pg_sleep({:.3f});\n".format(chance.uniform(0, 0.05))
        files["{:02}_m.up.sql".format(i)] = text
        if i % 7 == 0:
            files["{:02}_m.up.sql".format(i)] = "CREATE INDEX CONCURRENTLY i{} ON base (id);\n".format(i)
    return files


class Round:
    def __init__(self, server, chance):
        self.server, self.chance, self.runs, self.events = server, chance, [], []
        self.project = Project(server, make_files(chance))
        self.project.sql("CREATE TABLE base (id int); CREATE TABLE done (n int);"
                         "INSERT INTO base SELECT generate_series(1, 1000)")

    def start(self):
        run = self.project.start("up", "--allow-not-empty", "--wait-server", "50s")
        run.is_hit = False
        self.runs.append(run)

    def hit_run(self, number):
        live = [run for run in self.runs if run.poll() is None]
        if live:
            run = self.chance.choice(live)
            run.is_hit = True
            run.send_signal(number)
            self.start()

    def backends(self):
        return self.project.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE "
                                "'migrate/%' AND datname = current_database()").split()

    def happen(self, event):
        self.events.append(event)
        if event == "kill":
            self.hit_run(signal.SIGKILL)
        elif event == "cancel":
            self.hit_run(signal.SIGINT)
        elif event == "server":
            self.server.control("restart", "-m", "immediate")
        else:
            for pid in self.backends()[:1]:
                if event == "terminate":
                    self.project.sql("SELECT pg_terminate_backend({})".format(pid))
                else:
                    os.kill(int(pid), signal.SIGKILL)

    def disturb(self):
        for _ in range(3):
            self.start()
        for event in self.chance.choices(("kill", "cancel"), k=2) + self.chance.choices(HARD, k=2):
            time.sleep(self.chance.uniform(0, 0.4))  # when it hits is the point
            try:
                self.happen(event)
            except (AssertionError, subprocess.CalledProcessError):
                pass  # the server is on its way up
            wait_for(self.is_up)

    def is_up(self):
        try:
            return self.project.sql("SELECT 1") == "1"
        except AssertionError:
            return False

    def check(self):
        for run in self.runs:
            out, err = run.communicate(timeout=LIMIT_S)
            if not run.is_hit and run.returncode != 0:
                raise AssertionError("exit {}\n{}\n{}".format(run.returncode, out, err))
        wait_for(self.is_up)
        self.project.run("up", "--allow-not-empty")
        numbers = range(1, N_FILES + 1)
        expect(self.project.applied(), ["{:02}".format(i) for i in numbers])
        expect(self.project.sql("SELECT n FROM done ORDER BY n").split(),
               [str(i) for i in numbers if i % 7 != 0])
        expect(self.project.sql("SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = "
                                "'base'::regclass"), "{}|t".format(N_FILES // 7))
        wait_for(lambda: locks(self.project) == "0")
        self.project.run("verify")


def test_whatever_dies_every_migration_is_applied_once(server):
    seed = int(os.environ.get("MG_SEED") or int.from_bytes(os.urandom(4), "big"))
    chance = random.Random(seed)
    for number in range(int(os.environ.get("MG_ROUNDS") or 3)):
        one = Round(server, chance)
        try:
            one.disturb()
            one.check()
        except Exception as failure:
            raise AssertionError("MG_SEED={}, round {}: {}".format(seed, number, one.events)) from failure
        finally:
            for run in one.runs:
                run.kill()
        house.remove_folders()


if __name__ == "__main__":
    sys.exit(main(globals(), OwnServer))
