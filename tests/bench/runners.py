"""Programs that apply a folder of migrations: ours, the floor, and those that are installed."""
import pathlib
import re
import shutil
import subprocess

import files


class Runner:
    def __init__(self, name, path, write, up, version=("--version",)):
        self.name, self.path, self.write, self.words = name, path, write, up
        self.version_words = version

    def up(self, folder, url):
        """The command that applies a folder filled by write(folder, n, statements_of)."""
        return [self.path, *self.words(folder, url)]

    def version(self):
        said = subprocess.run([self.path, *self.version_words], capture_output=True, text=True)
        found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
        return found.group(0) if found else "of unknown version"


def ours(programs):
    return Runner("migrate", programs.migrate, files.write_migrations,
                  lambda folder, url: ("up", "--dir", folder, "--url", url))


def floor(programs):
    return Runner("floor", programs.floor, files.write_migrations,
                  lambda folder, url: (url, folder))


# Of the driver of both: a statement with parameters takes one round trip less.
LIB_PQ_OPTION = "&binary_parameters=yes"


def dbmate_words(folder, url):
    """"migrate", not "up": that one asks first whether the database exists."""
    return ("--url", url + LIB_PQ_OPTION, "--migrations-dir", folder, "--no-dump-schema",
            "migrate")


def sql_migrate_words(folder, url):
    config = folder / "{}.yml".format(re.sub(r"\W", "_", url))
    config.write_text("development:\n  dialect: postgres\n  datasource: {}\n  dir: {}\n".format(
        url + LIB_PQ_OPTION, folder))
    return "up", "-config={}".format(config)


def find_dbmate():
    """npm's dbmate starts Node, which starts the program: that one is taken itself."""
    found = shutil.which("dbmate")
    if found:
        modules = pathlib.Path(found).resolve().parent.parent.parent
        return next((str(path) for path in modules.glob("@dbmate/*/bin/dbmate")), found)
    return None


def find_peers():
    """(those that are installed, the names of those that are not)"""
    known = [Runner("dbmate", find_dbmate(), files.write_dbmate, dbmate_words),
             Runner("sql-migrate", shutil.which("sql-migrate"), files.write_sql_migrate,
                    sql_migrate_words)]
    return [one for one in known if one.path], [one.name for one in known if not one.path]
