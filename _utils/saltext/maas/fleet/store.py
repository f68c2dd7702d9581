"""Queue, records and batches of one master's fleet, in a database on the master's disk."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator

import filelock
from saltext.maas import parsing
from saltext.maas.errors import MaasError

#: Form of the database; a newer one is refused.
VERSION = 1
_TABLES = """
    CREATE TABLE queue (minion TEXT PRIMARY KEY, asker TEXT, asked REAL NOT NULL);
    CREATE TABLE records (minion TEXT PRIMARY KEY, record TEXT NOT NULL);
    CREATE TABLE refusals (minion TEXT PRIMARY KEY, why TEXT NOT NULL);
    CREATE TABLE batches (id TEXT PRIMARY KEY, batch TEXT NOT NULL);
"""
_MOUNTS = "/proc/self/mounts"
#: How kinds of file systems begin that several hosts use at once.
_SHARED = ("nfs", "cifs", "smb", "afs", "ceph", "fuse.gluster", "fuse.sshfs", "fuse.ceph",
           "glusterfs", "gfs2", "ocfs2", "lustre", "beegfs", "gpfs")  # fmt: skip
_BUSY = 30.0  # seconds for which another process may hold the database


class StoreError(MaasError):
    """The state of the fleet cannot be read or written."""


class Store:
    """The state of a master's fleet; only Salt's own user can read it.

    It outlives the master.  A crash loses nothing that was written; a power failure may lose the
    last writes, which a run makes anew.

    Args:
        folder: Where it is; made where it is missing.

    Raises:
        StoreError: It cannot be opened, or a newer version of this extension has written it.
    """

    def __init__(self, folder: str):
        self.path = os.path.join(folder, "fleet.sqlite")
        self._worker = os.path.join(folder, "worker.lock")
        with self._errors():
            os.makedirs(folder, mode=0o700, exist_ok=True)
            shared = _shared(folder)
            if shared:
                raise StoreError(
                    f"the state of the fleet in {self.path}: it lies on a shared file system "
                    f"({shared}), on which neither its lock nor its database is safe; set "
                    "maas.fleet:folder to a folder on a disk of this master"
                )
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._open(folder)

    @property
    def mark(self) -> str:
        """What tells this store from those of other masters."""
        ((number,),) = self._rows("PRAGMA application_id")
        return str(number)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # The queue

    def enqueue(self, minion: str, by: str) -> bool:
        """Ask for a minion's onboarding; return False if that was asked already and is under way.

        A minion whose run has ended while its batch goes on is asked for anew.

        Args:
            minion: Its id.
            by: Who asks: ``start``, ``event`` or ``run``.
        """
        with self._change() as db:
            ended = self.record(minion).get("state") in ("failed", "enrolled")
            if ended:
                db.execute("DELETE FROM queue WHERE minion = ?", (minion,))
            row = (minion, by, time.time())
            return db.execute("INSERT OR IGNORE INTO queue VALUES (?, ?, ?)", row).rowcount > 0

    def queued(self) -> dict[str, dict]:
        """Return ``{minion: {by, asked}}``, oldest first."""
        rows = self._rows("SELECT minion, asker, asked FROM queue ORDER BY asked")
        return {minion: {"by": by, "asked": asked} for minion, by, asked in rows}

    def dequeue(self, minion: str, asked: float) -> None:
        """Take a minion off the queue, unless it was asked for anew meanwhile."""
        self._rows("DELETE FROM queue WHERE minion = ? AND asked = ?", minion, asked)

    # Records

    def record(self, minion: str) -> dict:
        """Return what is known of a minion's onboarding; empty where nothing is."""
        return self._one("SELECT record FROM records WHERE minion = ?", minion) or {}

    def records(self) -> dict[str, dict]:
        """Return all records by minion."""
        rows = self._rows("SELECT minion, record FROM records ORDER BY minion")
        return {minion: self._mapping(record) for minion, record in rows}

    def keep(self, minion: str, record: dict) -> None:
        """Store a record."""
        text = json.dumps({**record, "updated": time.time()})
        self._rows("INSERT OR REPLACE INTO records VALUES (?, ?)", minion, text)

    def forget(self, minion: str) -> None:
        """Drop a record."""
        self._rows("DELETE FROM records WHERE minion = ?", minion)

    def refuse(self, minion: str, why: str) -> None:
        """Note why nothing was done for a minion that a person asked for."""
        self._rows("INSERT OR REPLACE INTO refusals VALUES (?, ?)", minion, why)

    def take_refusal(self, minion: str) -> str | None:
        """Return why nothing was done for a minion, and forget it; None if something was done."""
        with self._change():
            found = self._rows("SELECT why FROM refusals WHERE minion = ?", minion)
            self._rows("DELETE FROM refusals WHERE minion = ?", minion)
        return found[0][0] if found else None

    # Batches

    def new_batch(self, **values) -> str:
        """Store a batch and return its id."""
        ident = uuid.uuid4().hex
        self._rows("INSERT INTO batches VALUES (?, ?)", ident, json.dumps(values))
        return ident

    def batch(self, ident: str) -> dict | None:
        """Return a batch by its id, or None."""
        return self._one("SELECT batch FROM batches WHERE id = ?", str(ident))

    def change_batch(self, ident: str, **values) -> None:
        """Change some values of a batch."""
        with self._change():
            text = json.dumps({**(self.batch(ident) or {}), **values})
            self._rows("UPDATE batches SET batch = ? WHERE id = ?", text, ident)

    def drop_batches(self) -> None:
        """Forget all batches; those of a crashed master are of no use any more."""
        self._rows("DELETE FROM batches")

    # Who works

    @contextlib.contextmanager
    def working(self) -> Iterator[bool]:
        """Be the only process that works; yield False at once if another one does.

        The lock is the kernel's: it ends with the process that holds it, however that ends.
        """
        lock = filelock.FileLock(self._worker, timeout=0, mode=0o600, thread_local=False)
        with contextlib.suppress(filelock.Timeout):
            lock.acquire()
        try:
            yield lock.is_locked
        finally:
            lock.release()

    # The database

    def _rows(self, statement, *values):
        with self._errors():
            return self._db.execute(statement, values).fetchall()

    def _one(self, statement, *values):
        rows = self._rows(statement, *values)
        return self._mapping(rows[0][0]) if rows else None

    def _mapping(self, text) -> dict:
        try:
            return parsing.of_json(text, dict)
        except (ValueError, TypeError):  # somebody else wrote it
            raise StoreError(
                f"the state of the fleet in {self.path} is damaged: move the file away to start "
                "with an empty queue"
            ) from None

    @contextlib.contextmanager
    def _change(self):
        """Let no other process write within this block, all of which is written or nothing."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield self._db

    @contextlib.contextmanager
    def _errors(self):
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            why = getattr(error, "strerror", None) or error
            raise StoreError(f"the state of the fleet in {self.path}: {why}") from None

    def _open(self, folder):
        with self._change() as db:
            if self.mark == "0":
                db.execute(f"PRAGMA application_id = {1 + secrets.randbelow(2**31 - 1)}")
            ((version,),) = self._rows("PRAGMA user_version")
            if version > VERSION:
                raise StoreError(
                    f"the state of the fleet in {self.path} was written by a newer version of "
                    f"this extension (form {version}, this version knows {VERSION}): update the "
                    "extension on the master, or move the file away to start with an empty queue"
                )
            if version == VERSION:
                return
            for statement in _TABLES.split(";")[:-1]:
                db.execute(statement)
            self._take_over(folder)
            db.execute(f"PRAGMA user_version = {VERSION}")
        for name in ("queue", "clusters", "batches", "refused"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)

    def _take_over(self, folder):
        """Take over queue and records of a version that kept a file for each."""
        for minion, one in _files(os.path.join(folder, "queue")):
            asked = one.get("asked")
            asked = asked if isinstance(asked, (int, float)) else 0
            self._rows("INSERT INTO queue VALUES (?, ?, ?)", minion, one.get("by"), asked)
        for minion, one in _files(os.path.join(folder, "clusters")):
            self._rows("INSERT INTO records VALUES (?, ?)", minion, json.dumps(one))


def _shared(folder):
    """The kind of the shared file system that a folder is on; empty for a local one."""
    path, found = os.path.realpath(folder) + "/", ("", "")
    with contextlib.suppress(OSError), open(_MOUNTS, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            _, point, kind = line.split(" ")[:3]
            point = point.replace("\\040", " ").rstrip("/") + "/"
            if path.startswith(point) and len(point) >= len(found[0]):
                found = (point, kind)
    return found[1] if found[1].startswith(_SHARED) else ""


def _files(folder):
    """The mappings in a folder's JSON files, by name; one that was damaged is empty."""
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        stem, ending = os.path.splitext(name)
        if ending == ".json":
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
                try:
                    found = json.load(stream)
                except ValueError:
                    found = None
            yield stem, found if isinstance(found, dict) else {}
