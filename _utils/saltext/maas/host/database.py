"""What only the region's PostgreSQL knows, read over psycopg2.

Everything reads in read-only transactions.  The writes, :func:`delete_node_group` and
:func:`replace_secret`, are for what MAAS offers no other way.

Names of tables and columns are written into statements (``nosec B608``): they stand in this file,
or come from the database's own catalogue.  Values are always parameters.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import MaasError
from saltext.maas.host.config_files import read_config
from saltext.maas.host.installation import Installation
from saltext.maas.redact import redact
from saltext.maas.release import Release
from saltext.maas.resources.users import SYSTEM_USERS


class DatabaseError(MaasError):
    """The database cannot be reached, or refuses; the text shows no password."""


class DriverMissing(DatabaseError):
    """The Python library that speaks to the database is not installed."""


class StillUsed(DatabaseError):
    """A row cannot be deleted because something hangs on it."""


@contextlib.contextmanager
def connection(
    installation: Installation, write: bool = False, timeout: float = 30
) -> Iterator[Any]:
    """Connect as the region of this host does; closed at the end of the ``with``.

    Args:
        write: Whether the session may write at all.
        timeout: Seconds that one statement may take.

    Yields:
        A psycopg2 connection.

    Raises:
        DatabaseError: psycopg2 is missing, no connection, or a statement failed.
    """
    database = read_config(installation, secrets=True)["database"]
    with connect(database, write, timeout) as conn:
        yield conn


@contextlib.contextmanager
def connect(database: dict, write: bool = False, timeout: float = 30) -> Iterator[Any]:
    """As :func:`connection`, with ``host``, ``port``, ``name``, ``user`` and ``password`` given."""
    try:
        import psycopg2  # slow, and not everywhere
    except ImportError:
        raise DriverMissing("The Python library psycopg2 is not installed.") from None
    password = database.get("password") or ""

    def reason(error):
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return redact(lines[0], [password] if password else [])

    try:
        conn = psycopg2.connect(
            host=database["host"] or None,
            port=database.get("port") or None,
            dbname=database["name"],
            user=database["user"],
            password=password or None,
            connect_timeout=max(2, int(min(timeout, 10))),
            application_name="saltext.maas",
            options=f"-c statement_timeout={int(timeout * 1000)}",
        )
        conn.set_session(readonly=not write, isolation_level="REPEATABLE READ")
    except psycopg2.Error as error:
        raise DatabaseError(f"No connection to the region's database: {reason(error)}") from None
    try:
        yield conn
    except psycopg2.Error as error:
        raise DatabaseError(f"The region's database refused: {reason(error)}") from None
    finally:
        conn.close()


def _rows(conn, query, *values):
    with conn.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _columns(conn, table):
    """Column names of a table; empty when there is no such table."""
    found = _rows(
        conn,
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "AND table_schema = ANY (current_schemas(false))",
        table,
    )
    return {name for (name,) in found}


def version(conn) -> float:
    """Return the server's version: 9.5, or 14 of 14.12."""
    # 9.5 is 90500, 12.3 is 120003.
    number = conn.server_version
    major = number // 10000
    return major + (number // 100 % 100) / 10 if major < 10 else float(major)


def too_old(conn, installation: Installation) -> str | None:
    """Return that the server is older than the release needs, if it is.

    MAAS's own ``dbupgrade`` of 3.3 and later does not refuse one: it upgrades the database, and
    then the region does not start.
    """
    now, oldest = version(conn), installation.fact("postgresql_oldest")
    if now >= oldest:
        return None
    return (
        f"PostgreSQL {now:g} is too old: MAAS {installation.release} needs {oldest:g} or later. "
        f"Upgrade PostgreSQL to {installation.fact('postgresql_good'):g} or later."
    )


def missing_rights(conn, installation: Installation) -> list[tuple[str, str]]:
    """Return what the region's role may not do and ``dbupgrade`` of 3.8 and later has to.

    Returns:
        Pairs of what is missing and its remedy; none before 3.8.
    """
    if installation.release < "3.8":
        return []
    creates, here, there, user, name = _rows(
        conn,
        "SELECT has_database_privilege(current_database(), 'CREATE'), "
        "(SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'pgcrypto'), "
        "EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pgcrypto'), "
        "current_user::text, current_database()::text",
    )[0]
    found = []
    if not creates:
        text = f"The role {user} may not create schemas and extensions in the database {name}."
        found.append((text, f'As a superuser: GRANT CREATE ON DATABASE "{name}" TO "{user}".'))
    if here not in (None, "public"):
        text = f"The extension pgcrypto is in the schema {here}, and MAAS calls it in public."
        found.append((text, "As a superuser: ALTER EXTENSION pgcrypto SET SCHEMA public."))
    elif not here and not there:
        text = "The database server has no extension pgcrypto."
        found.append((text, "Install PostgreSQL's contrib modules there."))
    return found


def router_ips(conn) -> dict[tuple[str, str], str | None]:
    """Return the routers of all cluster interfaces, which the API of 1.x never returns.

    Returns:
        ``{(cluster uuid, interface name): address or None}``; before 1.6 the
        interface is known by its network interface's name.
    """
    columns = _columns(conn, "maasserver_nodegroupinterface")
    name = "name" if "name" in columns else "interface"
    if "router_ip" in columns:
        router, join = "i.router_ip", ""
    else:  # in 1.9 it is the subnet's
        router = "s.gateway_ip"
        join = "LEFT JOIN maasserver_subnet s ON s.id = i.subnet_id"
    found = _rows(
        conn,
        f"SELECT g.uuid, i.{name}, host({router}) FROM maasserver_nodegroupinterface i "  # nosec B608
        f"JOIN maasserver_nodegroup g ON g.id = i.nodegroup_id {join}",
    )
    return {(uuid, interface): router_ip for uuid, interface, router_ip in found}


def user_by_email(conn, email: str) -> str | None:
    """Return the username that has an e-mail address, or None."""
    found = _rows(conn, "SELECT username FROM auth_user WHERE email = %s ORDER BY id", email)
    return found[0][0] if found else None


def user(conn, username: str) -> dict | None:
    """Return a user: ``{"email", "is_superuser", "password"}``, or None.

    The password is what Django stores of it, not to be shown.
    """
    query = "SELECT email, is_superuser, password FROM auth_user WHERE username = %s"
    for email, is_superuser, password in _rows(conn, query, username):
        return {"email": email, "is_superuser": bool(is_superuser), "password": password}
    return None


def make_superuser(conn, username: str) -> None:
    """Make a user an administrator, for which MAAS has its web interface only.

    From 3.8 on it takes the membership of a group as well, if that was not deleted.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET is_superuser = true WHERE username = %s", [username])
        cursor.execute("SELECT to_regclass('openfga.tuple')")
        if cursor.fetchone()[0] is None:
            return
        cursor.execute(
            "INSERT INTO openfga.tuple (store, object_type, object_id, relation, _user, user_type, "
            "ulid, inserted_at) SELECT repeat('0', 26), 'group', g.id::text, 'member', "
            "'user:' || u.id, 'user', %s, now() FROM maasserver_usergroup g, auth_user u "
            "WHERE g.name = 'Administrators' AND u.username = %s ON CONFLICT DO NOTHING",
            [_ulid(), username],
        )


def _ulid() -> str:
    """Return a new id as OpenFGA has them: milliseconds and chance, in Crockford's base 32."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[number >> shift & 31] for shift in range(125, -1, -5))


def usernames(conn) -> list[str]:
    """Return everyone who has an account, MAAS's own users among them."""
    return [name for (name,) in _rows(conn, "SELECT username FROM auth_user ORDER BY id")]


def clock(conn) -> float:
    """Return the server's time, in seconds since the epoch."""
    return float(_rows(conn, "SELECT extract(epoch FROM clock_timestamp())")[0][0])


def _secret_row(conn):
    """Table and condition of the shared secret's row: until 3.2 a setting, from 3.3 on its own."""
    if _columns(conn, "maasserver_secret"):
        return "maasserver_secret", "path = 'global/rpc-shared'"
    return "maasserver_config", "name = 'rpc_shared_secret'"


def secret(conn) -> str | None:
    """Return the shared secret that the database holds, or None (1.7 and later).

    With Vault the database holds none.
    """
    table, row = _secret_row(conn)
    for (value,) in _rows(conn, f"SELECT value FROM {table} WHERE {row}"):  # nosec B608
        value = _decoded(value)
        value = value.get("secret") if isinstance(value, dict) else value
        if value:
            return str(value)
    return None


def setting(conn, name: str) -> Any:
    """Return a setting of MAAS's own, or None where it has its default."""
    for (value,) in _rows(conn, "SELECT value FROM maasserver_config WHERE name = %s", name):
        return _decoded(value)
    return None


def _decoded(value):
    """A column's value, which is JSON as text or, in later releases, decoded by the driver."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def vault_enabled(conn) -> bool:
    """Return whether the region's secrets were moved to Vault (3.3 and later)."""
    return bool(_columns(conn, "maasserver_vaultsecret")) and setting(conn, "vault_enabled") is True


def own_secret(conn, path: str) -> dict | None:
    """Return a row of the region's secrets, such as ``global/tls`` (3.3 and later), or None."""
    if not _columns(conn, "maasserver_secret"):
        return None
    for (value,) in _rows(conn, "SELECT value FROM maasserver_secret WHERE path = %s", path):
        value = _decoded(value)
        return value if isinstance(value, dict) else None
    return None


def open_workflows(conn, names: list[str]) -> set[str] | None:
    """Return which of some workflows of MAAS's Temporal are open (3.5 and later).

    Args:
        conn: A connection.
        names: Their ids.

    Returns:
        The ids; None where Temporal keeps nothing in this database.
    """
    if _rows(conn, "SELECT to_regclass('temporal.current_executions')")[0][0] is None:
        return None
    # Of its states 1 is created and 2 running; a later one is over.
    query = (
        "SELECT workflow_id FROM temporal.current_executions "
        "WHERE workflow_id = ANY (%s) AND state IN (1, 2)"
    )
    return {name for (name,) in _rows(conn, query, names)}


#: NODE_STATUS of what an upgrade would interrupt.
_AT_WORK = {1: "commissioning", 9: "deploying", 12: "releasing", 14: "disk erasing", 21: "testing"}


def at_work(conn, release: Release) -> list[str]:
    """Return what of the region an upgrade would interrupt.

    Args:
        conn: A connection.
        release: The region's release, which decides what numbers mean and where imports are seen.

    Returns:
        Texts such as ``importing images`` and ``node-1: deploying``.
    """
    numbers = [one for one in _AT_WORK if release >= "1.7" or one == 1]
    nodes = _rows(
        conn,
        "SELECT hostname, status FROM maasserver_node WHERE status = ANY (%s) ORDER BY 1",
        numbers,
    )
    if release >= "3.8":
        importing = open_workflows(conn, ["master-image-sync"])
    else:  # one of MAAS's own locks, by their class
        importing = _rows(
            conn,
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 20120116 "
            "AND objid = 4 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
    found = [f"{name}: {_AT_WORK[status]}" for name, status in nodes]
    return (["importing images"] if importing else []) + found


def images_size(conn) -> int:
    """Return how many bytes of images the database holds (1.7 to 3.4)."""
    if not _columns(conn, "maasserver_largefile"):
        return 0
    return int(_rows(conn, "SELECT coalesce(sum(total_size), 0) FROM maasserver_largefile")[0][0])


def owner(conn) -> tuple[str, str, str]:
    """Return ``(owner of the database, the region's role, the database's name)``."""
    return _rows(
        conn,
        "SELECT pg_get_userbyid(datdba)::text, current_user::text, datname::text "
        "FROM pg_database WHERE datname = current_database()",
    )[0]


def rsd_pods(conn) -> list[str]:
    """Return the names of the pods of Rack Scale Design (2.2 to 2.9), which 3.0 deletes."""
    if "name" not in _columns(conn, "maasserver_bmc"):
        return []
    query = "SELECT name FROM maasserver_bmc WHERE power_type = 'rsd' ORDER BY 1"
    return [name for (name,) in _rows(conn, query)]


def controllers(conn) -> list[str]:
    """Return the host names of all region controllers (2.0 and later)."""
    if not _columns(conn, "maasserver_regioncontrollerprocess"):
        return []
    query = "SELECT hostname FROM maasserver_node WHERE node_type IN (3, 4) ORDER BY 1"
    return [name for (name,) in _rows(conn, query)]


def connected_racks(conn, since: Any = None) -> list[str]:
    """Return the host names of the racks that are connected to a region process (2.0 and later).

    Args:
        conn: A connection.
        since: Only connections made after this time of the database's clock.

    Returns:
        Names in order; empty in 1.x, which writes down no connections.
    """
    if not _columns(conn, "maasserver_regionrackrpcconnection"):
        return []
    query = (
        "SELECT DISTINCT n.hostname FROM maasserver_regionrackrpcconnection c "
        "JOIN maasserver_node n ON n.id = c.rack_controller_id "
        "WHERE %s::timestamptz IS NULL OR c.created > %s::timestamptz ORDER BY 1"
    )
    return [name for (name,) in _rows(conn, query, since, since)]


def now(conn) -> Any:
    """Return the database's time, as it writes it down itself."""
    return _rows(conn, "SELECT clock_timestamp()")[0][0]


def node_group_status(conn, uuid: str) -> int | None:
    """Return a 1.x cluster's status as MAAS counts it, or None when there is no such cluster."""
    found = _rows(conn, "SELECT status FROM maasserver_nodegroup WHERE uuid = %s", uuid)
    return found[0][0] if found else None


def reported_images(conn, uuid: str) -> list[tuple]:
    """Return what a cluster of 1.5 or 1.6 reported: ``(os, release, architecture)`` each."""
    system = "osystem" if "osystem" in _columns(conn, "maasserver_bootimage") else "'ubuntu'"
    query = (
        f"SELECT DISTINCT {system}, release, architecture FROM maasserver_bootimage i "  # nosec B608
        "JOIN maasserver_nodegroup g ON g.id = i.nodegroup_id WHERE g.uuid = %s"
    )
    return _rows(conn, query, uuid)


def boot_resources(conn) -> list[tuple]:
    """Return the images that a region of 1.7 or later holds: ``(name, architecture)`` of each."""
    return _rows(conn, "SELECT DISTINCT name, architecture FROM maasserver_bootresource")


def image_files(conn) -> dict[str, int]:
    """Return the files that images have on the disks of regions of 3.5 or later, and their bytes.

    Returns:
        ``{name: size}``; empty before 3.5.
    """
    if "filename_on_disk" not in _columns(conn, "maasserver_bootresourcefile"):
        return {}
    query = (
        "SELECT DISTINCT filename_on_disk, size FROM maasserver_bootresourcefile "
        "WHERE filename_on_disk <> ''"
    )
    return dict(_rows(conn, query))


def contents(conn) -> dict[str, int]:
    """Return how much a region holds that somebody made, such as ``{"users": 3}``."""
    found = {}
    people = len(set(usernames(conn)) - set(SYSTEM_USERS)) if _columns(conn, "auth_user") else 0
    # One may be the administrator whom the installation made.
    if people > 1:
        found["users"] = people
    for kind, table, where in (
        # From 2.0 on a controller is a node, too.
        ("machines and devices", "maasserver_node", "node_type IN (0, 1)"),
        ("tagged VLANs", "maasserver_vlan", "vid > 0"),
        ("networks", "maasserver_network", "true"),
        ("IP ranges", "maasserver_iprange", "true"),
    ):
        columns = _columns(conn, table)
        if table == "maasserver_node" and "node_type" not in columns:
            where = "true"
        if columns:
            ((count,),) = _rows(conn, f"SELECT count(*) FROM {table} WHERE {where}")  # nosec B608
            found.update({kind: count} if count else {})
    return found


def has_rack(conn, system_id: str) -> bool:
    """Return whether the region holds a rack controller (2.0 and later; node_type 2 or 4)."""
    query = "SELECT 1 FROM maasserver_node WHERE system_id = %s AND node_type IN (2, 4)"
    return bool(_rows(conn, query, system_id))


def own_nodes(
    conn, system_id: str | None, hostname: str, macs: list[str]
) -> list[dict[str, Any]] | None:
    """Return the nodes that a region may take its own host for as it starts (2.0 and later).

    Args:
        conn: A connection.
        system_id: What the host's file ``maas_id`` says.
        hostname, macs: The host's own.

    Returns:
        ``[{"system_id", "hostname", "node_type", "runs": whether the region knows a process of
        it}]``; None where the database has no tables of MAAS.
    """
    if not _columns(conn, "maasserver_node"):
        return None
    configs = "current_config_id" in _columns(conn, "maasserver_node")
    by_mac = "i.node_config_id = n.current_config_id" if configs else "i.node_id = n.id"
    query = (
        "SELECT n.system_id, n.hostname, n.node_type, "
        "EXISTS (SELECT 1 FROM maasserver_regioncontrollerprocess p WHERE p.region_id = n.id) "
        "FROM maasserver_node n WHERE n.system_id = %s OR n.hostname = %s OR "
        "EXISTS (SELECT 1 FROM maasserver_interface i "  # nosec B608
        f"WHERE {by_mac} AND lower(i.mac_address::text) = ANY (%s)) ORDER BY n.id"
    )
    keys = ("system_id", "hostname", "node_type", "runs")
    return [dict(zip(keys, row)) for row in _rows(conn, query, system_id, hostname, macs)]


def region_versions(conn) -> list[tuple[str, str]]:
    """Return host name and MAAS version of the region controllers that run (2.3 and later)."""
    if not _columns(conn, "maasserver_controllerinfo"):
        return []
    query = (
        "SELECT n.hostname, i.version FROM maasserver_controllerinfo i "
        "JOIN maasserver_node n ON n.id = i.node_id WHERE coalesce(i.version, '') <> '' AND EXISTS "
        "(SELECT 1 FROM maasserver_regioncontrollerprocess p WHERE p.region_id = n.id) ORDER BY 1"
    )
    return _rows(conn, query)


def connections_used(conn) -> dict[str, int]:
    """Return how many connections the server takes, and what counts on them.

    Returns:
        ``{"most": max_connections less those for superusers, "now": those of this database,
        "regions": region controllers that run}``.
    """
    most, reserved, now = _rows(
        conn,
        "SELECT current_setting('max_connections')::int, "
        "current_setting('superuser_reserved_connections')::int, "
        "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())",
    )[0]
    regions = 0
    if _columns(conn, "maasserver_regioncontrollerprocess"):
        query = "SELECT count(DISTINCT region_id) FROM maasserver_regioncontrollerprocess"
        regions = _rows(conn, query)[0][0]
    return {"most": most - reserved, "now": now, "regions": regions}


def equal_macs(conn) -> dict[str, list[str]]:
    """Return the physical interfaces at which ``dbupgrade`` of 3.8 stops, for their MAC addresses.

    It writes all of them lower case with colons, and then wants no two alike, but for those of one
    node in several of its configurations.

    Returns:
        ``{MAC address: ["interface ID of system SYSTEM_ID"]}``.
    """
    if _columns(conn, "maasserver_nodeconfig"):
        config, node = "i.node_config_id", "c.node_id"
        join = "JOIN maasserver_nodeconfig c ON c.id = i.node_config_id"
    else:  # a node has a single configuration
        config, node, join = "i.node_id", "i.node_id", ""
    rows = _rows(
        conn,
        f"SELECT i.id, i.mac_address::text, {config}, {node}, n.system_id "  # nosec B608
        f"FROM maasserver_interface i {join} LEFT JOIN maasserver_node n ON n.id = {node} "
        f"WHERE i.type = 'physical' AND {config} IS NOT NULL "
        "AND coalesce(i.mac_address::text, '') <> '' ORDER BY i.id",
    )
    groups: dict[str, list[tuple]] = {}
    for ident, mac, *place in rows:
        groups.setdefault(_plain_mac(mac), []).append((ident, *place))
    return {
        mac: [f"interface {ident} of system {system}" for ident, _, _, system in found]
        for mac, found in groups.items()
        if len({config for _, config, _, _ in found}) < len(found)
        or len({node for _, _, node, _ in found}) > 1
    }


def _plain_mac(text):
    """A MAC address in lower case with colons, in whichever of the three forms it is written."""
    parts = re.split("[-:.]", text.lower())
    if len(parts) <= 3:  # without separators, or in groups of two bytes
        whole = "".join(part.zfill(4) if len(parts) == 3 else part for part in parts)
        parts = re.findall("..", whole)
    return ":".join(part.zfill(2) for part in parts)


def replace_secret(conn, old: str, new: str) -> None:
    """Put another shared secret into the database, for which MAAS has no command.

    Args:
        conn: A connection that may write; the caller's transaction.
        old: What must be there.
        new: Hex.

    Raises:
        DatabaseError: Something else is there; nothing was changed.
    """
    table, row = _secret_row(conn)
    value = json.dumps({"secret": new} if table == "maasserver_secret" else new)
    with conn.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE {row} FOR UPDATE")  # nosec B608
        if secret(conn) != old:
            raise DatabaseError("The shared secret in the database changed meanwhile.")
        cursor.execute(f"UPDATE {table} SET value = %s WHERE {row}", [value])  # nosec B608


#: What :func:`try_lock` is asked for while the tables are migrated.
MIGRATION = 0x6D616173_75706772
_MIGRATIONS = {
    "south": ("south_migrationhistory", "app_name, migration"),
    "django": ("django_migrations", "app, name"),
    "alembic": ("alembic_version", "version_num"),
}


def migrations(conn) -> dict[str, set]:
    """Return the migrations that the tables have had.

    Returns:
        ``{"south": {(application, name)}, "django": {(application, name)},
        "alembic": {revision}}``, each empty where there is no such table.
    """
    found: dict[str, set] = {}
    for kind, (table, columns) in _MIGRATIONS.items():
        there = _columns(conn, table)
        rows = _rows(conn, f"SELECT {columns} FROM {table}") if there else []  # nosec B608
        found[kind] = {row if len(row) > 1 else row[0] for row in rows}
    return found


def is_empty(conn) -> bool:
    """Return whether a database has no table at all, as a new one."""
    query = (
        "SELECT count(*) FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return not _rows(conn, query)[0][0]


def try_lock(conn, number: int) -> bool:
    """Take one of PostgreSQL's advisory locks, which ends with the connection.

    Returns:
        False where another connection has it.
    """
    return bool(_rows(conn, "SELECT pg_try_advisory_lock(%s)", number)[0][0])


def sessions(conn) -> list[str]:
    """Return who else is connected to this database as the same role, this library apart.

    While one is there, a region runs.

    Returns:
        Texts such as ``maas-regiond at 192.0.2.4``.
    """
    query = (
        "SELECT DISTINCT coalesce(nullif(application_name, ''), 'a session') || "
        "coalesce(' at ' || host(client_addr), ' on its own host') FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = current_user "
        "AND pid <> pg_backend_pid() AND application_name <> 'saltext.maas' ORDER BY 1"
    )
    return [text for (text,) in _rows(conn, query)]


#: Tables whose rows a cluster reports, or that only describe it, so that they go with it.
DERIVED = (
    "maasserver_dhcplease",
    "maasserver_downloadprogress",
    "maasserver_bootimage",
    "maasserver_nodegroupinterface",
    # only in 1.6 are these a cluster's own; later nothing leads to them from here
    "maasserver_bootsource",
    "maasserver_bootsourceselection",
)


def delete_node_group(conn, uuid: str, test: bool = False) -> dict[str, Any]:
    """Delete a 1.x cluster's row, for which MAAS has no API.

    Args:
        conn: A connection that may write, unless ``test``.
        uuid: The cluster's.
        test: Only inspect, and refuse as the real run would.

    Returns:
        ``{"deleted": whether it was (or would be), "rows": {table: number}}``.

    Raises:
        StillUsed: Nodes, managed interfaces or anything unknown hang on it;
            nothing was changed.
        DatabaseError: The database refused; nothing was changed.
    """
    with conn:  # one transaction: committed at the end, rolled back by any error
        lock = "" if test else " FOR UPDATE"
        found = _rows(conn, f"SELECT id FROM maasserver_nodegroup WHERE uuid = %s{lock}", uuid)  # nosec B608
        if not found:
            return {"deleted": False, "rows": {}}
        ident = found[0][0]
        _refuse_used(conn, uuid, ident)
        derived = _derived(conn, f"Cluster {uuid}", "maasserver_nodegroup", [ident])
        rows: dict[str, int] = {}
        for table, idents in derived:
            rows[table] = rows.get(table, 0) + len(idents)
        if test:
            return {"deleted": True, "rows": rows}
        with conn.cursor() as cursor:
            for table, idents in [*derived, ("maasserver_nodegroup", [ident])]:
                cursor.execute(f'DELETE FROM "{table}" WHERE id = ANY (%s)', [idents])  # nosec B608
    return {"deleted": True, "rows": rows}


def _refuse_used(conn, uuid, ident):
    """Refuse by name what protects a node group: nodes and managed interfaces."""
    nodes = _rows(
        conn, "SELECT hostname FROM maasserver_node WHERE nodegroup_id = %s ORDER BY 1", ident
    )
    if nodes:
        raise StillUsed(f"Cluster {uuid} still has {_named('node', [name for (name,) in nodes])}.")
    columns = _columns(conn, "maasserver_nodegroupinterface")
    name = "name" if "name" in columns else "interface"
    managed = _rows(
        conn,
        f"SELECT {name} FROM maasserver_nodegroupinterface "  # nosec B608
        "WHERE nodegroup_id = %s AND management <> 0 ORDER BY 1",
        ident,
    )
    if managed:
        names = _named("managed interface", [text for (text,) in managed])
        raise StillUsed(f"Cluster {uuid} still has {names}; make it unmanaged first.")


def _derived(conn, who, table, idents):
    """What goes with rows of a table, as ``[(table, ids)]`` in the order of deletion.

    Raises:
        StillUsed: Rows of any other table hang on them.
    """
    found = []
    for child, column in _references(conn, table):
        if child not in DERIVED:
            query = f'SELECT count(*) FROM "{child}" WHERE "{column}" = ANY (%s)'  # nosec B608
            count = _rows(conn, query, idents)[0][0]
            if count:
                raise StillUsed(f"{who} is still used by {count} row(s) of {child}.")
            continue
        query = f'SELECT id FROM "{child}" WHERE "{column}" = ANY (%s) ORDER BY 1'  # nosec B608
        own = [own for (own,) in _rows(conn, query, idents)]
        if own:
            part = f"{who}, by its rows of {child},"
            found += [*_derived(conn, part, child, own), (child, own)]
    return found


def _references(conn, table):
    """Which columns of which tables point to a table, as the database itself knows."""
    return _rows(
        conn,
        "SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c "
        "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        "WHERE c.contype = 'f' AND c.confrelid = %s::regclass ORDER BY 1, 2",
        table,
    )


def _named(what, names):
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({shown})"
