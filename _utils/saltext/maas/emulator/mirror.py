"""A PostgreSQL copy of a 1.x region's node groups, for code that reads or mends MAAS's tables.

Only the tables around a node group are made, with the columns they have in that release. They
follow the region after each change; the other way round only deletions count: a row that
somebody took out of the database is gone from the region at its next look.
"""

from __future__ import annotations

import contextlib
import json

import psycopg2

_NOW = "timestamp with time zone NOT NULL DEFAULT now()"
_ID = "integer PRIMARY KEY"

#: Columns as (name, definition[, first release[, first release without it]]).
_GROUP = (
    ("id", _ID),
    ("created", _NOW),
    ("updated", _NOW),
    ("name", "character varying(80) NOT NULL"),
    ("api_token_id", "integer NOT NULL"),
    ("api_key", "character varying(18) NOT NULL UNIQUE"),
    ("dhcp_key", "character varying(255) NOT NULL DEFAULT ''"),
    ("uuid", "character varying(36) NOT NULL UNIQUE"),
    ("status", "integer NOT NULL"),
    ("cluster_name", "character varying(100) NOT NULL UNIQUE"),
    ("maas_url", "character varying(255) NOT NULL DEFAULT ''"),
    ("default_disable_ipv4", "boolean NOT NULL", "1.7"),
)
_INTERFACE = (
    ("id", _ID),
    ("created", _NOW),
    ("updated", _NOW),
    ("ip", "inet NOT NULL"),
    ("nodegroup_id", "integer NOT NULL REFERENCES maasserver_nodegroup"
     " DEFERRABLE INITIALLY DEFERRED"),
    ("management", "integer NOT NULL"),
    ("interface", "character varying(255) NOT NULL"),
    ("subnet_mask", "inet", "1.5", "1.9"),
    ("broadcast_ip", "inet", "1.5", "1.9"),
    ("router_ip", "inet", "1.5", "1.9"),
    ("ip_range_low", "inet"),
    ("ip_range_high", "inet"),
    ("foreign_dhcp_ip", "inet"),
    ("static_ip_range_low", "inet", "1.6"),
    ("static_ip_range_high", "inet", "1.6"),
    ("name", "character varying(255) NOT NULL", "1.7"),
    ("vlan_id", "integer NOT NULL DEFAULT 0", "1.9"),
    ("subnet_id", "integer", "1.9"),
)  # fmt: skip
_NODE = (
    ("id", _ID),
    ("system_id", "character varying(41) NOT NULL UNIQUE"),
    ("hostname", "character varying(255) NOT NULL UNIQUE"),
    ("status", "integer NOT NULL DEFAULT 0"),
    ("nodegroup_id", "integer REFERENCES maasserver_nodegroup DEFERRABLE INITIALLY DEFERRED"),
)
_CONFIG = (
    ("id", "serial PRIMARY KEY"),
    ("name", "character varying(255) NOT NULL UNIQUE"),
    ("value", "text"),
)
_USER = (
    ("id", "serial PRIMARY KEY"),
    ("username", "character varying(30) NOT NULL UNIQUE"),
    ("email", "character varying(75) NOT NULL"),
    ("is_superuser", "boolean NOT NULL"),
)
_TABLES = {
    "maasserver_nodegroup": _GROUP,
    "maasserver_nodegroupinterface": _INTERFACE,
    "maasserver_node": _NODE,
    "maasserver_config": _CONFIG,
    "auth_user": _USER,
}
#: Tables that show rows of the region, under the name that ``Region.rows`` has for them.
_FOLLOWED = {
    "maasserver_nodegroup": "node_groups",
    "maasserver_nodegroupinterface": "node_group_interfaces",
}
#: All tables that are written, with the column that tells their rows apart.
_KEYS = {
    "maasserver_nodegroup": "id",
    "maasserver_nodegroupinterface": "id",
    "auth_user": "username",
    "maasserver_config": "name",
}


class Mirror:
    """Keeps the tables of one region.

    Args:
        region: The region; its release decides which columns there are.
        uri: Of the database, as libpq takes it.

    Raises:
        ValueError: There is no such database, or it does not let us in.
    """

    def __init__(self, region, uri):
        self._uri = uri
        self._columns = {
            table: [column for column in columns if _served(region.release, *column[2:])]
            for table, columns in _TABLES.items()
        }
        #: What was written last, by table and key, so that unchanged rows are left alone.
        self._written = {table: {} for table in _KEYS}
        with self._cursor() as cursor:
            for table, columns in self._columns.items():
                body = ", ".join(f"{column[0]} {column[1]}" for column in columns)
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} ({body})")
            for table in reversed(_KEYS):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  rows of an earlier region
        self.push(region)

    @contextlib.contextmanager
    def _cursor(self):
        """A cursor in a transaction of its own."""
        try:
            connection = psycopg2.connect(self._uri)
        except psycopg2.Error as error:
            raise ValueError(f"No connection to the database: {error}".strip()) from None
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def pull(self, region):
        """Forget in the region what is in the database no more."""
        with self._cursor() as cursor:
            self._pull(region, cursor)

    def _pull(self, region, cursor):
        for table, kind in _FOLLOWED.items():
            cursor.execute(f"SELECT id FROM {table}")  # noqa: S608
            there = {ident for (ident,) in cursor}
            for ident in set(self._written[table]) - there:
                region.rows(kind).pop(ident, None)
                del self._written[table][ident]
        groups, interfaces = (region.rows(kind) for kind in _FOLLOWED.values())
        for row in [row for row in interfaces.values() if row["group"] not in groups]:
            del interfaces[row["id"]]

    def push(self, region):
        """Make the tables like the region."""
        with self._cursor() as cursor:
            self._pull(region, cursor)
            wanted = self._wanted(region)
            # First what goes: a new row may have the name of an old one.
            for table in reversed(_KEYS):
                for key in self._written[table].keys() - wanted[table].keys():
                    cursor.execute(f"DELETE FROM {table} WHERE {_KEYS[table]} = %s", [key])  # noqa: S608
            for table, rows in wanted.items():
                for key, values in rows.items():
                    if values != self._written[table].get(key):
                        _store(cursor, table, values, new=key not in self._written[table])
        self._written = wanted

    def _wanted(self, region):
        """The rows that there should be, as ``{table: {key: {column: value}}}``."""
        found = {}
        for table, kind in _FOLLOWED.items():
            names = [column[0] for column in self._columns[table]]
            found[table] = {key: _values(row, names) for key, row in region.rows(kind).items()}
        found["auth_user"] = {
            user.username: {
                "username": user.username,
                "email": user.email,
                "is_superuser": user.is_superuser,
            }
            for user in region.users.values()
        }
        settings = dict(region.settings)
        if "secret" in vars(region):  # else it has none yet
            settings["rpc_shared_secret"] = region.secret
        found["maasserver_config"] = {
            name: {"name": name, "value": json.dumps(value)} for name, value in settings.items()
        }
        return found


def _served(release, since="1.5", until=None):
    return release >= since and not (until and release >= until)


def _values(row, names):
    """A row's columns; what the region does not keep gets a value that does no harm."""
    ident = row["id"]
    known = {
        **row,
        "nodegroup_id": row.get("group"),
        "api_token_id": ident,
        "api_key": f"{ident:018d}",
    }
    return {name: known[name] for name in names if name in known}


def _store(cursor, table, values, new):
    """Insert a row, or update the one that has its key."""
    names = list(values)
    holes = ", ".join(["%s"] * len(names))
    if new:
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({holes})"  # noqa: S608
        cursor.execute(statement, list(values.values()))
        return
    key = _KEYS[table]
    changes = ", ".join(f"{name} = %s" for name in names)
    if "created" in {column[0] for column in _TABLES[table]}:
        changes += ", updated = now()"
    statement = f"UPDATE {table} SET {changes} WHERE {key} = %s"  # noqa: S608
    cursor.execute(statement, [*values.values(), values[key]])
