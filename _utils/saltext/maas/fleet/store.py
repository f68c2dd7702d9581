"""What is known about each cluster's onboarding, on the master's disk, so that it outlives it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import uuid

from saltext.maas import atomic_file


class Store:
    """Queue, records and batches of one master's fleet; files only root (or Salt's user) reads.

    The lock is the kernel's, so it ends with the process that holds it, however that ends.

    Args:
        folder: Where it all is.
    """

    def __init__(self, folder):
        self.folder = folder
        for name in ("queue", "clusters", "batches", "refused"):
            os.makedirs(os.path.join(folder, name), mode=0o700, exist_ok=True)

    # The queue

    def enqueue(self, minion: str, by: str) -> bool:
        """Ask for a minion's onboarding; False if that was asked already and is under way.

        One whose run has ended while its batch goes on is asked for anew.
        """
        with self._queue():
            ended = self.record(minion).get("state") in ("failed", "enrolled")
            if os.path.exists(self._path("queue", minion)) and not ended:
                return False
            self._write("queue", minion, {"by": by, "asked": time.time()})
            return True

    def queued(self) -> dict:
        """``{minion: {by, asked}}``, oldest first."""
        found = {}
        for name in os.listdir(os.path.join(self.folder, "queue")):
            if not name.endswith(".json"):
                continue  # just being written
            one = self._read("queue", name[: -len(".json")])
            if one is not None:
                found[name[: -len(".json")]] = {"by": one.get("by"), "asked": _asked(one)}
        return dict(sorted(found.items(), key=lambda item: item[1]["asked"]))

    def done_with(self, minion: str, asked: float) -> None:
        """Take a minion off the queue, unless it was asked for anew meanwhile."""
        with self._queue():
            if _asked(self._read("queue", minion) or {}) == asked:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path("queue", minion))

    @contextlib.contextmanager
    def _queue(self):
        path = os.path.join(self.folder, "queue.lock")
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    # Records

    def record(self, minion: str) -> dict:
        """What is known of a minion; empty where nothing is."""
        return self._read("clusters", minion) or {}

    def records(self) -> dict:
        """All records by minion."""
        names = sorted(os.listdir(os.path.join(self.folder, "clusters")))
        found = {name[: -len(".json")]: None for name in names if name.endswith(".json")}
        return {minion: self.record(minion) for minion in found}

    def keep(self, minion: str, record: dict) -> None:
        """Store a record in one step."""
        self._write("clusters", minion, {**record, "updated": time.time()})

    def forget(self, minion: str) -> None:
        """Drop a record."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path("clusters", minion))

    def refuse(self, minion: str, why: str) -> None:
        """Note why nothing was done for a minion that a person asked for."""
        self._write("refused", minion, {"why": why})

    def refusal(self, minion: str) -> str | None:
        """Why nothing was done, told once; None if something was."""
        found = self._read("refused", minion)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path("refused", minion))
        return (found or {}).get("why")

    # Batches

    def new_batch(self, **values) -> str:
        """Store a batch and return its id."""
        ident = uuid.uuid4().hex
        self._write("batches", ident, values)
        return ident

    def batch(self, ident: str) -> dict | None:
        """A batch by its id."""
        valid = isinstance(ident, str) and len(ident) == 32 and ident.isalnum()
        return self._read("batches", ident) if valid else None

    def change_batch(self, ident: str, **values) -> None:
        self._write("batches", ident, {**(self.batch(ident) or {}), **values})

    def drop_batches(self) -> None:
        """Forget all batches; those of a crashed master hold only what is of no use any more."""
        folder = os.path.join(self.folder, "batches")
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))

    # Who works

    @contextlib.contextmanager
    def working(self, name="worker"):
        """Be the only one who works; yields False at once if somebody else does."""
        path = os.path.join(self.folder, f"{name}.lock")
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                # A child that was forked meanwhile may hold the file open.
                fcntl.flock(stream, fcntl.LOCK_UN)

    # Files

    def _path(self, kind, name):
        return os.path.join(self.folder, kind, f"{name}.json")

    def _read(self, kind, name):
        try:
            with open(self._path(kind, name), encoding="utf-8") as stream:
                found = json.load(stream)
        except FileNotFoundError:
            return None
        except ValueError:
            return {}  # written when the power went; it is made anew
        return found if isinstance(found, dict) else {}

    def _write(self, kind, name, values):
        atomic_file.put(self._path(kind, name), json.dumps(values))


def _asked(entry):
    """When something was asked; 0 where its file was damaged."""
    asked = entry.get("asked")
    return asked if isinstance(asked, (int, float)) else 0
