"""What a region said last, kept in files that all processes of a Salt master share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import threading
import time
import traceback

from saltext.maas import atomic_file
from saltext.maas.errors import MaasError
from saltext.maas.inventory import read

log = logging.getLogger(__name__)


def told(error: Exception) -> str:
    """An error for the log.

    The text of what is not our own may hold anything, such as the answer of a secret store, so
    that only its kind and place are told.
    """
    if isinstance(error, MaasError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    places = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" at {os.path.basename(one.filename)}:{one.lineno}" for one in places)
    return f"{type(error).__name__}{where}"


class Kept:
    """Nodes of a region, read once for all who ask.

    Args:
        client: Called when the region is asked, in a thread of its own: ``f() -> Client``.
        folder: Where the files lie, such as Salt's ``cachedir``.
        name: Tells one region from another, such as its URL.
        lifetime: Seconds for which an answer is taken as it is.
        rest: Seconds after a failure within which the region is not asked again.
    """

    def __init__(self, client, folder, name, lifetime: float = 300, rest: float = 30):
        self._client = client
        self._folder = os.path.join(folder, "maas")
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._path = os.path.join(self._folder, f"nodes-{digest}.json")
        self._lifetime = lifetime
        self._rest = rest

    def nodes(self, patience: float) -> list[dict]:
        """What is known, after waiting for the region for no longer than some seconds.

        An answer that comes later is kept for the next who asks.  Of many who
        ask at once, one asks the region; the others take the last answer, and
        wait only where there is none.

        Returns:
            As :func:`saltext.maas.inventory.read`; the last answer where the
            region gives none in time, and nothing where there never was one.
        """
        deadline = time.monotonic() + patience
        known = self._load()
        if self._fresh(known) or self._resting(known):
            return known["nodes"]
        try:
            lock = self._lock()
        except BlockingIOError:
            return known["nodes"] if known["at"] else self._wait(deadline)
        known = self._load()
        if self._fresh(known) or self._resting(known):  # somebody asked since we looked
            _unlock(lock)
            return known["nodes"]
        return self._ask(lock, known, patience)

    def _ask(self, lock, known, patience):
        answers = []
        asking = threading.Thread(target=self._refresh, args=(lock, answers), daemon=True)
        asking.start()
        asking.join(patience)
        if asking.is_alive():  # the next shall not wait as long
            self._note_failure()
        return answers[0] if answers else known["nodes"]

    def _wait(self, deadline):
        """Wait for the first answer, which somebody else asks for."""
        while time.monotonic() < deadline:
            time.sleep(min(0.05, max(0.0, deadline - time.monotonic())))
            known = self._load()
            if known["at"] or self._resting(known):
                return known["nodes"]
        self._note_failure()
        return []

    def _refresh(self, lock, answers):
        try:
            at = time.time()
            with contextlib.closing(self._client()) as client:
                answers.append(read(client))
            self._keep({"at": at, "nodes": answers[0]})
        except Exception as error:  # whatever it was, it would be the same a moment later
            log.warning("The nodes of MAAS could not be read: %s", told(error))
            self._note_failure()
        finally:
            _unlock(lock)

    # What is in the files

    def _fresh(self, known):
        return 0 <= time.time() - known["at"] < self._lifetime

    def _resting(self, known):
        try:
            since = time.time() - os.stat(f"{self._path}.failed").st_mtime
        except OSError:
            return False
        resting = 0 <= since < self._rest
        if resting and not known["at"]:
            log.warning(
                "MAAS did not answer %.0f s ago and is not asked again within %.0f s",
                since, self._rest,
            )  # fmt: skip
        return resting

    def _load(self):
        try:
            with open(self._path, encoding="utf-8") as stream:
                known = json.load(stream)
            return {"at": float(known["at"]), "nodes": list(known["nodes"])}
        except (OSError, ValueError, TypeError, KeyError):  # none yet, or none of ours
            return {"at": 0, "nodes": []}

    def _keep(self, known):
        try:
            self._made_folder()
            text = json.dumps(known)
            atomic_file.put(self._path, text, lambda number: _give(number, self._folder))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._path}.failed")
        except OSError as error:
            log.warning("What MAAS says cannot be kept in %s: %s", self._folder, told(error))

    def _note_failure(self):
        with contextlib.suppress(OSError), self._open("failed") as mark:
            os.utime(mark.fileno())

    def _lock(self):
        """An open file that holds the lock, or None where there can be no lock.

        Raises:
            BlockingIOError: Another process has it.
        """
        try:
            lock = self._open("lock")
        except OSError as error:
            log.warning("No lock in %s (%s); MAAS is asked without", self._folder, told(error))
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise
        except OSError:  # a file system without locks
            lock.close()
            return None
        return lock

    # Whose the files are: salt-ssh may run as root where the master does not.

    def _made_folder(self):
        parent = os.path.dirname(self._folder)
        os.makedirs(parent, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                _give(folder, parent)
            finally:
                os.close(folder)

    def _open(self, ending):
        """Open a file beside the answer, never through a link that somebody put there."""
        self._made_folder()
        path = f"{self._path}.{ending}"
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        try:
            number = os.open(path, flags | os.O_EXCL, 0o600)
            _give(number, self._folder)
        except FileExistsError:
            number = os.open(path, flags, 0o600)
        return open(number, "r+b", buffering=0)


def _give(number, folder):
    """Give what is open to the owner of a folder, where root has made it."""
    if os.geteuid() == 0:
        owner = os.stat(folder)
        with contextlib.suppress(OSError):  # a file system that knows no owners
            os.fchown(number, owner.st_uid, owner.st_gid)


def _unlock(lock):
    if lock is not None:
        # By name, as closing does not unlock what a fork has open too.
        fcntl.flock(lock, fcntl.LOCK_UN)
        lock.close()
