"""The tables of the region's database, brought to the release of this host exactly once.

Which migrations the database has it says itself: South's table up to 1.9, Django's up to 3.6,
Alembic's from 3.7 on.  Which this release has are files of its packages.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from saltext.maas import poll
from saltext.maas.host import database, files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_ALEMBIC = "maasservicelayer/db/alembic/versions/*.py"
_SETS = (  # of which table, for which application, in which files; the first that exists holds
    ("django", "maasserver", "maasserver/migrations/builtin/maasserver/[0-9]*.py"),
    ("django", "maasserver", "maasserver/migrations/maasserver/[0-9]*.py"),
    ("south", "maasserver", "maasserver/migrations/[0-9]*.py"),
    ("south", "metadataserver", "metadataserver/migrations/[0-9]*.py"),
)


def missing(installation: Installation, conn) -> list[str] | None:
    """Return the migrations of this host's release that the database has not.

    Args:
        installation: A region's host.
        conn: A connection to its database.

    Returns:
        Their names, in order; None where this host's files do not tell.
    """
    has = database.migrations(conn)
    revisions = [files.read(path) or "" for path in _files(installation, _ALEMBIC)]
    if any(revisions):
        heads = _heads(revisions)
        return sorted(heads - has["alembic"])
    found: list[str] = []
    kinds: set[str] = set()
    for kind, application, pattern in _SETS:
        paths = _files(installation, pattern)
        if not paths or (kinds and kind not in kinds):
            continue
        kinds.add(kind)
        names = [os.path.basename(path)[:-3] for path in paths]
        found += [name for name in sorted(names) if (application, name) not in has[kind]]
    return found if kinds else None


def _files(installation, pattern):
    folder = os.path.join(glob.escape(installation.root), installation.fact("python"))
    return glob.glob(os.path.join(folder, pattern))


def _heads(texts):
    """The revisions of Alembic that no other follows."""
    every, followed = set(), set()
    for text in texts:
        every |= set(re.findall(r"^revision\b[^=]*= *[\"']([^\"']+)", text, re.MULTILINE))
        for below in re.findall(r"^down_revision\b[^=]*= *(.*)$", text, re.MULTILINE):
            followed |= set(re.findall(r"[\"']([^\"']+)[\"']", below))
    return every - followed


def migrate(
    installation: Installation, again: bool = False, test: bool = False, wait: float = 600
) -> dict[str, Any]:
    """Bring the database to this host's release, unless it is there already.

    Of several hosts that do so at the same time one does it, and the others wait for it.  All
    regions on this database have to be stopped.

    Args:
        installation: A region's host.
        again: Also where nothing is missing, as after a restore and after a run that was killed:
            parts of a migration leave no trace in the tables that are read.
        test: Only find out.
        wait: Seconds that another host's migration may take, and sessions of others to end.

    Returns:
        ``{"migrated": whether it was (or would be), "missing": [migration] or None}``.

    Raises:
        HostError: A region still has a session, or the command failed.
        DatabaseError: The database cannot be reached.

    MAAS 1.5 to 3.8.
    """
    installation.need("region")
    with database.connection(installation) as conn:
        conn.set_session(autocommit=True)
        if not test:
            _lock(conn, wait)  # which ends with the connection
        found = missing(installation, conn)
        needed = again or found is None or bool(found)
        if needed and not test:
            wait_for_silence(conn, wait)
            for argv in installation.fact("migrate_commands"):
                installation.check(list(argv), timeout=6 * 3600)
            if left := missing(installation, conn):
                shown = ", ".join(left[:5])
                raise HostError(f"The database still lacks migrations afterwards: {shown}.")
    return {"migrated": needed, "missing": found}


def _lock(conn, wait):
    def locked():
        return database.try_lock(conn, database.MIGRATION) or None

    if not poll.wait(locked, wait, longest=1):
        raise HostError("Another host migrates the region's database, and does not end.")


def wait_for_silence(conn, seconds: float) -> None:
    """Wait until nobody but this library is connected as the region is.

    Args:
        conn: A connection that commits by itself.
        seconds: How long.

    Raises:
        HostError: Somebody still is.
    """
    others: list[str] = []

    def silent():
        others[:] = database.sessions(conn)
        return None if others else True

    if not poll.wait(silent, seconds, longest=1):
        raise HostError(
            f"The region's database is in use: {', '.join(others[:5])}. "
            "Stop MAAS on all region hosts first."
        )
