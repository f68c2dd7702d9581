"""PostgreSQL's own commands: a dump of the region's database, and databases made and exchanged.

A password goes by a file that root alone can read, never by an argument or the environment.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from saltext.maas.errors import MaasError
from saltext.maas.host import database, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, failed
from saltext.maas.host.local_users import Account, local_user

#: Bytes that are handed on at once.
PIECE = 1024 * 1024
_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "snap/maas/current/usr/lib/postgresql/*/bin",
    "snap/maas-test-db/current/usr/lib/postgresql/*/bin",
)
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_LONGEST = 50  # of a database's name, with room for an ending below PostgreSQL's 63


def find(installation: Installation, name: str, oldest: float) -> tuple[str, float]:
    """Return a command of PostgreSQL that is not older than a server or a dump.

    Args:
        installation: The host.
        name: ``pg_dump``, ``pg_restore`` or ``psql``.
        oldest: Major version that it must have: 9.5 or 14.

    Returns:
        Its path and its major version; of several the one that fits best.

    Raises:
        HostError: There is none.
    """
    places = [os.path.join(installation.root, one, name) for one in _FOLDERS]
    paths = [path for place in places for path in sorted(glob.glob(place))]
    paths += [path for path in [installation.find(name)] if path]
    found = {path: _version(path, os.stat(path).st_mtime_ns) for path in paths}
    good = [(version, path) for path, version in found.items() if version and version >= oldest]
    if not good:
        has = max((version for version in found.values() if version), default=None)
        raise HostError(
            f"{name} of PostgreSQL {oldest:g} or later is needed on this host, which has "
            f"{f'that of {has:g}' if has else 'none'}: install postgresql-client-{oldest:g}."
        )
    version, path = min(good, key=lambda one: one[0])
    return path, version


@functools.cache
def _version(path, changed):
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [path, "--version"], capture_output=True, timeout=60, check=False, text=True,
            env=_environment(),
        )  # fmt: skip
        if numbers := re.search(r"\) (\d+)(\.\d+)?", done.stdout):
            major = int(numbers[1])
            return float(f"{major}{numbers[2] or ''}" if major < 10 else major)
    return None


def _environment():
    own = Installation.environment()
    return {name: value for name, value in own.items() if not name.startswith("PG")}


@contextlib.contextmanager
def environment(installation: Installation, password: str | None) -> Iterator[dict[str, Any]]:
    """Give what PostgreSQL's commands need to find a password: a file without a name.

    Yields:
        Arguments for :class:`subprocess.Popen`.

    Raises:
        HostError: The password cannot stand in such a file.
    """
    if not password:
        yield {"env": _environment()}
        return
    if "\n" in password:
        raise HostError("The database's password has a line break, so pg_dump cannot be given it.")
    folder = os.path.join(installation.root, transaction.FOLDER)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with tempfile.TemporaryFile("w", dir=folder) as stream:  # which nothing is left of after a kill
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        stream.write(f"*:*:*:*:{escaped}\n")
        stream.flush()
        number = stream.fileno()
        yield {"env": {**_environment(), "PGPASSFILE": f"/dev/fd/{number}"}, "pass_fds": (number,)}


def options(server: dict, name: str | None = None) -> list[str]:
    """Return the arguments by which a command connects: ``host``, ``port``, ``user``, ``name``."""
    found = ["--no-password", f"--dbname={name or server['name']}"]
    found += [f"--host={server['host']}"] if server.get("host") else []
    found += [f"--port={server['port']}"] if server.get("port") else []
    return found + ([f"--username={server['user']}"] if server.get("user") else [])


class Running:
    """A command that reads or writes a stream.

    Args:
        argv: Command and arguments; never a secret among them.
        how: From :func:`environment`.
        reads: Whether it reads a stream; else it writes one.
        hide: Secrets that its complaints may hold and ours must not.
        account: Whose command it is.

    Raises:
        HostError: It cannot be started; at the end of the ``with``, it failed.
    """

    def __init__(
        self,
        argv: list[str],
        how: dict[str, Any],
        reads: bool = False,
        hide: Iterable[str] = (),
        output: Any = subprocess.DEVNULL,
        account: Account | None = None,
    ):
        self._argv, self._hide, self._reads = argv, [one for one in hide if one], reads
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                stdout=output if reads else subprocess.PIPE, stderr=self._errors, cwd="/",
                **how, **(account.identity if account else {}),
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise HostError(f"{argv[0]} cannot be run: {error.strerror}.") from None
        self._broken = False

    def read(self, size: int = PIECE) -> bytes:
        """Return the next piece of what it writes; none at the end."""
        assert self._process.stdout
        return self._process.stdout.read(size)

    def write(self, data: bytes) -> None:
        """Have it read a piece; what it does not want any more is dropped."""
        assert self._process.stdin
        if not self._broken:
            try:
                self._process.stdin.write(data)
            except BrokenPipeError:
                self._broken = True

    @property
    def broken(self) -> bool:
        """Return whether it reads no more."""
        return self._broken

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind, error, trace) -> None:
        with self._errors, self._process:
            if error is not None:
                self._process.kill()
            elif self._reads and self._process.stdin:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.close()
            if self._process.stdout and not self._reads:
                self._process.stdout.close()
            code = self._process.wait()
            self._errors.seek(0)
            text = self._errors.read(PIECE).decode(errors="replace")
        if code and error is None:
            raise failed(self._argv[:1], code, text, self._hide)


@contextlib.contextmanager
def dump(installation: Installation, server: dict, version: float) -> Iterator[Running]:
    """Dump a whole database, its large objects too, as a file of ``pg_dump --format=custom``.

    The dump is of one moment, however long it takes and whatever the region does meanwhile.

    Args:
        installation: The host.
        server: ``host``, ``port``, ``name``, ``user`` and ``password``.
        version: The server's major version.

    Yields:
        What is to be read to its end.

    Raises:
        HostError: There is no such command, or it failed.
    """
    command, _ = find(installation, "pg_dump", version)
    # From 1.7 to 3.4 nearly all of it are images, which do not get smaller.
    packed = "0" if "1.7" <= installation.release < "3.5" else "1"
    argv = [command, "--format=custom", f"--compress={packed}", *options(server)]
    with (
        environment(installation, server["password"]) as how,
        Running(argv, how, hide=[server["password"]]) as running,
    ):
        yield running


def check(installation: Installation, version: float) -> Running:
    """Return a command that reads a whole dump without a database, for a ``with``.

    Raises:
        HostError: There is no such command; at the end, the dump is broken.
    """
    command, _ = find(installation, "pg_restore", version)
    return Running([command, "--file=/dev/null"], {"env": _environment()}, reads=True)


#: What the owner of a database may not make, or the server has already.
_SKIPPED = re.compile(
    r"^\d+; \d+ \d+ (ACL|DEFAULT ACL|DATABASE|EXTENSION|PROCEDURAL LANGUAGE|SCHEMA - public|"
    r"COMMENT - (EXTENSION|LANGUAGE|PROCEDURAL LANGUAGE|DATABASE|SCHEMA public)) ?"
)
_EXTENSION = re.compile(r"^\d+; \d+ \d+ EXTENSION - (\S+)")


def contents(installation: Installation, version: float, source: Any) -> tuple[list[str], set[str]]:
    """Return what is to be loaded of a dump, and which extensions it needs.

    Args:
        installation: The host.
        version: Of the ``pg_dump`` that made it.
        source: The dump, with ``read``; only its beginning is read.

    Returns:
        Lines of ``pg_restore --list``, and names of extensions.

    Raises:
        HostError: It is no dump.
    """
    command, _ = find(installation, "pg_restore", version)
    with tempfile.TemporaryFile() as listed:
        running = Running([command, "--list"], {"env": _environment()}, reads=True, output=listed)
        with running:
            while not running.broken and (data := source.read(PIECE)):
                running.write(data)
        listed.seek(0)
        lines = listed.read().decode().splitlines()
    extensions = {found[1] for line in lines if (found := _EXTENSION.match(line))}
    return [line for line in lines if not _SKIPPED.match(line)], extensions - {"plpgsql"}


def load(
    installation: Installation, server: dict, version: float, lines: list[str], source: Any
) -> None:
    """Load a dump into an empty database, all of it owned by the role that loads.

    Args:
        installation: The host.
        server: As for :func:`dump`.
        version: Of the ``pg_dump`` that made it.
        lines: From :func:`contents`.
        source: The dump, with ``read``.

    Raises:
        HostError: Something of it cannot be loaded, or the dump is broken.
    """
    command, _ = find(installation, "pg_restore", version)
    with (
        tempfile.NamedTemporaryFile("w") as listed,
        environment(installation, server["password"]) as how,
    ):
        listed.write("\n".join(lines))
        listed.flush()
        argv = [command, "--no-owner", "--no-privileges", "--exit-on-error"]
        argv += [f"--use-list={listed.name}", *options(server)]
        with Running(argv, how, reads=True, hide=[server["password"]]) as running:
            # All is read, though it may end before: the end shows whether nothing was changed.
            while data := source.read(PIECE):
                running.write(data)


def quoted(name: str) -> str:
    """Return an identifier as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


class Admin:
    """Who may make, rename and drop databases on the region's server.

    The first of: the login that Salt's own ``postgres`` modules use, where the minion's
    configuration has one; the region's role, where it has CREATEDB; the local user ``postgres``.

    Args:
        installation: The host.
        server: The region's database: ``host``, ``port``, ``name``, ``user`` and ``password``.
        login: The minion's ``postgres.*``: ``user``, ``pass``, ``host``, ``port`` and
            ``maintenance_db``; empty where it has none.

    Raises:
        HostError: Nobody may.
    """

    def __init__(self, installation: Installation, server: dict, login: dict):
        self._installation, self._own = installation, server
        self._account: Account | None = None
        self._maintenance = login.get("maintenance_db") or "postgres"
        if login.get("user") or login.get("pass"):
            self._server = {
                "host": login.get("host") or server["host"],
                "port": login.get("port") or server.get("port"),
                "user": login.get("user") or "postgres", "password": login.get("pass"),
            }  # fmt: skip
        elif self._region_may():
            self._server = server
        elif server["host"] in _LOCAL or str(server["host"]).startswith("/"):
            self._account = local_user(installation.root, "postgres")
            host = server["host"] if str(server["host"]).startswith("/") else None
            self._server = {"host": host, "port": server.get("port"), "password": None}
        else:
            raise HostError(
                f"The role {server['user']} may not create a database at {server['host']}: give "
                "a superuser as postgres.user and postgres.pass in the minion's configuration, "
                f"or have the role create databases: ALTER ROLE {quoted(server['user'])} CREATEDB."
            )

    def _region_may(self):
        with database.connect(self._own) as conn, conn.cursor() as cursor:
            cursor.execute(
                "SELECT r.rolsuper OR (r.rolcreatedb AND d.datdba = r.oid) FROM pg_roles r, "
                "pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"
            )
            return cursor.fetchone()[0]

    def run(self, *statements: str, name: str | None = None) -> list[str]:
        """Run statements.

        Args:
            statements: SQL.
            name: The database; the one for maintenance by default.

        Returns:
            The lines that they return.

        Raises:
            HostError: One fails.
        """
        command, _ = find(self._installation, "psql", 0)
        argv = [command, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        argv += ["--set=ON_ERROR_STOP=1"]
        argv += options(self._server, name or self._maintenance)
        text = "".join(f"{statement};\n" for statement in statements).encode()
        password = self._server["password"]
        with (
            tempfile.TemporaryFile() as output,
            environment(self._installation, password) as how,
        ):
            with Running(argv, how, True, [password or ""], output, self._account) as running:
                running.write(text)
            output.seek(0)
            return output.read().decode().splitlines()

    def exists(self, name: str) -> bool:
        """Return whether there is a database of a name."""
        return bool(self.run(f"SELECT 1 FROM pg_database WHERE datname = {_literal(name)}"))  # nosec B608

    def create(self, name: str) -> None:
        """Make an empty database for the region's role, like the region's own."""
        own = self._own
        found = self.run(
            "SELECT datcollate, datctype FROM pg_database "  # nosec B608
            f"WHERE datname = {_literal(own['name'])}"
        )
        collate, kind = found[0].split("|")
        self.run(
            f"CREATE DATABASE {quoted(name)} OWNER {quoted(own['user'])} TEMPLATE template0 "
            f"ENCODING 'UTF8' LC_COLLATE {_literal(collate)} LC_CTYPE {_literal(kind)}"
        )

    def extend(self, name: str, extensions: Iterable[str]) -> None:
        """Have a database know some extensions."""
        for one in sorted(extensions):
            self.run(f"CREATE EXTENSION IF NOT EXISTS {quoted(one)} SCHEMA public", name=name)

    def drop(self, name: str) -> None:
        """Drop a database, if it is there, and end all sessions with it."""
        self.disconnect(name)
        self.run(f"DROP DATABASE IF EXISTS {quoted(name)}")

    def disconnect(self, name: str) -> None:
        """End all sessions with a database."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # nosec B608
            f"WHERE datname = {_literal(name)} AND pid <> pg_backend_pid()"
        )

    def rename(self, *pairs: tuple[str, str]) -> None:
        """Rename databases, all or none."""
        for old, _ in pairs:
            self.disconnect(old)
        statements = [f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}" for old, new in pairs]
        self.run("BEGIN", *statements, "COMMIT")


def beside(name: str, ending: str) -> str:
    """Return the name of a database that stands beside another one.

    Raises:
        HostError: The other one's is too long for that.
    """
    if len(name) > _LONGEST:
        raise HostError(f"The database's name {name!r} is too long to make another one beside it.")
    return f"{name}_{ending}"


def _literal(text):
    if "\\" in text or "\0" in text:
        raise MaasError(f"the database's name {text!r} cannot be used here")
    return "'" + text.replace("'", "''") + "'"
