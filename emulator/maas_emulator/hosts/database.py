"""What a region's commands and daemons do in its PostgreSQL."""

from __future__ import annotations

import contextlib
import json

from maas_emulator.hosts import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox


def _login(host):
    """What the region's configuration says about its database, in psycopg2's words."""
    text = host.read("region_config")
    if host.kind == "deb" and host.release < "1.9":
        settings = formats.read_settings(text)["DATABASES"]["default"]
        names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user"}
        found = {ours: settings.get(theirs) for theirs, ours in names.items()}
        return {**found, "password": settings.get("PASSWORD")}
    keys = {"database_host": "localhost", "database_port": None, **formats.read_yaml(text)}
    return {
        "host": keys["database_host"],
        "port": keys["database_port"],
        "dbname": keys.get("database_name", "maasdb"),
        "user": keys.get("database_user", "maas"),
        "password": keys.get("database_pass"),
    }


@contextlib.contextmanager
def transaction(host: Sandbox):
    """Give a cursor in one transaction of the region's database.

    Raises:
        psycopg2.Error: No connection, or a statement failed; nothing was changed.
    """
    import psycopg2  # slow, and most commands do without

    login = {key: value for key, value in _login(host).items() if value not in (None, "")}
    connected = contextlib.closing(psycopg2.connect(connect_timeout=5, **login))
    with connected as conn, conn, conn.cursor() as cursor:
        yield cursor


def _decoded(value):
    return json.loads(value) if isinstance(value, str) else value


def setting(cursor, name: str):
    """Return one of MAAS's settings, or None."""
    cursor.execute("SELECT value FROM maasserver_config WHERE name = %s", [name])
    found = cursor.fetchone()
    return _decoded(found[0]) if found else None


def set_setting(cursor, name: str, value) -> None:
    """Set one of MAAS's settings; None takes it out."""
    cursor.execute("DELETE FROM maasserver_config WHERE name = %s", [name])
    if value is not None:
        statement = "INSERT INTO maasserver_config (name, value) VALUES (%s, %s)"
        cursor.execute(statement, [name, json.dumps(value)])


def set_secret(cursor, path: str, value) -> None:
    """Set one of MAAS's secrets (3.3 and later); None takes it out."""
    cursor.execute("DELETE FROM maasserver_secret WHERE path = %s", [path])
    if value is not None:
        statement = "INSERT INTO maasserver_secret (path, value) VALUES (%s, %s)"
        cursor.execute(statement, [path, json.dumps(value)])


def secrets(cursor) -> dict:
    """Return MAAS's secrets by path."""
    cursor.execute("SELECT path, value FROM maasserver_secret")
    return {path: _decoded(value) for path, value in cursor.fetchall()}


def shared_secret(host: Sandbox) -> str | None:
    """Return the secret that clusters share with the region; None without one or a database.

    It is a setting up to 3.2, and one of the secrets from 3.3 on.
    """
    try:
        import psycopg2
    except ImportError:
        return None
    try:
        with transaction(host) as cursor:
            if host.release < "3.3":
                return setting(cursor, "rpc_shared_secret")
            return secrets(cursor).get("global/rpc-shared", {}).get("secret")
    except psycopg2.Error:
        return None
