"""A PostgreSQL copy of a 1.x region's node groups, for code that reads or mends MAAS's tables.

Only the tables around a node group are made, with the columns they have in that release. They
follow the region after each change; the other way round only deletions count: a row that
somebody took out of the database is gone from the region at its next look.
"""

from __future__ import annotations

import contextlib
import json

import psycopg2
from psycopg2 import sql

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
#: Table and the region's rows that it shows; the latter under the name of ``Region.rows``.
_FOLLOWED = (
    ("maasserver_nodegroup", "node_groups"),
    ("maasserver_nodegroupinterface", "node_group_interfaces"),
)


class Mirror:
    """Keeps the tables of one region.

    Args:
        region: The region; its release decides which columns there are.
        uri: Of the database, as libpq takes it.

    Raises:
        psycopg2.Error: There is no such database, or it does not let us in.
    """

    def __init__(self, region, uri):
        self._uri = uri
        self._known = {table: set() for table, _ in _FOLLOWED}
        self._columns = {
            table: [column for column in columns if _served(region.release, *column[2:])]
            for table, columns in _TABLES.items()
        }
        with self._cursor() as cursor:
            for table, columns in self._columns.items():
                cursor.execute(_creation(table, columns))
            # Rows of an earlier region would stand in the way of this one's.
            for table in ("maasserver_nodegroupinterface", "maasserver_nodegroup", "auth_user"):
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        self.push(region)

    @contextlib.contextmanager
    def _cursor(self):
        """A cursor in a transaction of its own."""
        connection = psycopg2.connect(self._uri)
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
        for table, kind in _FOLLOWED:
            cursor.execute(sql.SQL("SELECT id FROM {}").format(sql.Identifier(table)))
            gone = self._known[table] - {ident for (ident,) in cursor}
            for ident in gone:
                region.rows(kind).pop(ident, None)
            self._known[table] -= gone
        groups, interfaces = (region.rows(kind) for _, kind in _FOLLOWED)
        for row in [row for row in interfaces.values() if row["group"] not in groups]:
            del interfaces[row["id"]]

    def push(self, region):
        """Make the tables like the region."""
        with self._cursor() as cursor:
            self._pull(region, cursor)
            for table, kind in _FOLLOWED:
                rows = region.rows(kind)
                names = [column[0] for column in self._columns[table]]
                for row in rows.values():
                    _store(cursor, table, "id", _values(row, names))
                for ident in self._known[table] - set(rows):
                    statement = sql.SQL("DELETE FROM {} WHERE id = %s")
                    cursor.execute(statement.format(sql.Identifier(table)), (ident,))
                self._known[table] = set(rows)
            for user in region.users.values():
                values = {name: getattr(user, name) for name in ("username", "email")}
                values["is_superuser"] = user.is_superuser
                _store(cursor, "auth_user", "username", values)
            settings = {"rpc_shared_secret": region.secret, **region.settings}
            for name, value in settings.items():
                values = {"name": name, "value": json.dumps(value)}
                _store(cursor, "maasserver_config", "name", values)


def _served(release, since="1.5", until=None):
    return release >= since and not (until and release >= until)


def _creation(table, columns):
    body = ", ".join(f'"{column[0]}" {column[1]}' for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {table} ({body})"


def _values(row, names):
    """A row's columns; what the region does not keep gets a value that does no harm."""
    ident = row["id"]
    extra = {
        "nodegroup_id": row.get("group"),
        "api_token_id": ident,
        "api_key": f"{ident:018d}",
    }
    return {name: row[name] if name in row else extra[name] for name in names
            if name in row or name in extra}  # fmt: skip


def _store(cursor, table, key, values):
    """Insert a row, or update the one that has its key (9.1 knows no ON CONFLICT)."""
    names = list(values)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    holes = sql.SQL(", ").join([sql.Placeholder()] * len(names))
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in names
    )
    target = sql.Identifier(table)
    cursor.execute(
        sql.SQL("UPDATE {} SET {} WHERE {} = {}").format(
            target, changes, sql.Identifier(key), sql.Placeholder()
        ),
        [*values.values(), values[key]],
    )
    if not cursor.rowcount:
        cursor.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(target, columns, holes),
            list(values.values()),
        )
