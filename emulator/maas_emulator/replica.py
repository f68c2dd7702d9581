"""A PostgreSQL copy of a region, for code that reads or mends MAAS's tables.

The tables of ``replica_tables_1x`` or ``replica_tables_2x`` are made, with the columns of that
release. They follow the region after each change; the other way round only deletions count: a row
that somebody took out of the database is gone from the region at its next look.

Names of tables and columns are those of these modules (``nosec B608``); values are parameters.
"""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass, field

import psycopg2

from maas_emulator import replica_tables_2x
from maas_emulator.replica_tables_1x import tables_of


@dataclass
class Users:
    """Numbers of accounts, and since when they are there: the region itself keeps neither.

    Other things that the region has no number for get one by :meth:`number`.
    """

    ids: dict = field(default_factory=dict)
    joined: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)

    def number(self, kind, key):
        """The number of a thing of some kind, which it keeps."""
        table = self.numbers.setdefault(kind, {})
        return table.setdefault(key, len(table) + 1)

    def see(self, region):
        """Give new accounts their numbers."""
        now = datetime.datetime.now(datetime.timezone.utc)
        for name in region.users:
            self.ids.setdefault(name, len(self.ids) + 1)
            self.joined.setdefault(name, now)


class Replica:
    """Keeps the tables of one region.

    Args:
        region: The region; its release decides which columns there are.
        uri: Of the database, as libpq takes it.

    Raises:
        ValueError: There is no such database, or it does not let us in.
    """

    def __init__(self, region, uri):
        self._uri = uri
        newer = replica_tables_2x.TABLES if region.release >= "2.0" else None
        self._tables = tables_of(region.release, newer)
        self._users = Users()
        self._all_ids = " UNION ALL ".join(
            f"SELECT '{table.name}', id FROM {table.name}"  # nosec B608
            for table in self._tables
            if table.kind
        )
        #: What was written last, by table and key, so that unchanged rows are left alone.
        self._written: dict[str, dict] = {table.name: {} for table in self._tables}
        with self._cursor() as cursor:
            for table in self._tables:
                body = ", ".join(f"{name} {kind}" for name, kind in table.columns)
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({body})")
            for table in reversed(self._tables):
                cursor.execute(f"DELETE FROM {table.name}")  # nosec B608 # of an earlier region
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
        cursor.execute(self._all_ids)
        there: dict[str, set] = {table.name: set() for table in self._tables}
        for name, ident in cursor:
            there[name].add(ident)
        for table in self._tables:
            if table.kind:
                for ident in self._written[table.name].keys() - there[table.name]:
                    region.rows(table.kind).pop(ident, None)
                    del self._written[table.name][ident]
        # What somebody deletes with a cluster need not be all that the region knows of it.
        groups = region.rows("node_groups")
        interfaces = region.rows("node_group_interfaces")
        for row in [row for row in interfaces.values() if row["group"] not in groups]:
            del interfaces[row["id"]]

    def push(self, region):
        """Make the tables like the region."""
        with self._cursor() as cursor:
            self._pull(region, cursor)
            self._users.see(region)
            wanted = {table.name: table.wanted(region, self._users) for table in self._tables}
            # First what goes: a new row may have the name of an old one.
            for table in reversed(self._tables):
                for key in self._written[table.name].keys() - wanted[table.name].keys():
                    cursor.execute(f"DELETE FROM {table.name} WHERE {table.key} = %s", [key])  # nosec B608
            for table in self._tables:
                before = self._written[table.name]
                for key, values in wanted[table.name].items():
                    if values != before.get(key):
                        _store(cursor, table, values, new=key not in before)
        self._written = wanted


def _store(cursor, table, values, new):
    """Insert a row, or update the one that has its key."""
    names = list(values)
    holes = ", ".join(["%s"] * len(names))
    if new:
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({holes})"  # nosec B608
        cursor.execute(statement, list(values.values()))
        return
    changes = ", ".join(f"{name} = %s" for name in names)
    if "updated" in dict(table.columns):
        changes += ", updated = now()"
    statement = f"UPDATE {table.name} SET {changes} WHERE {table.key} = %s"  # nosec B608
    cursor.execute(statement, [*values.values(), values[table.key]])
