"""The nodes of a region, cached in files that all processes of a Salt master share."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable

import filelock
from saltext.maas import atomic_file, parsing, poll
from saltext.maas.client import Client
from saltext.maas.errors import MaasError
from saltext.maas.inventory import SHAPE, read

log = logging.getLogger(__name__)


def loggable(error: Exception) -> str:
    """Return what the log may say of an error.

    The text of what is not our own may hold anything, such as the answer of a secret store, so
    that only its kind and place are logged.
    """
    if isinstance(error, MaasError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    places = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" at {os.path.basename(one.filename)}:{one.lineno}" for one in places)
    return f"{type(error).__name__}{where}"


class NodeCache:
    """Nodes of a region, read once for all who ask.

    Args:
        client: Called when the region is asked, in a thread of its own.
        folder: Where the files are, such as Salt's ``cachedir``.
        name: Tells one region from another, such as its URL.
        lifetime: Seconds for which an answer is taken as it is.
        rest: Seconds after a failure within which the region is not asked again.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        folder: str,
        name: str,
        lifetime: float = 300,
        rest: float = 30,
    ):
        self._client = client
        self._folder = os.path.join(folder, "maas")
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._path = os.path.join(self._folder, f"nodes-{digest}.json")
        self._lifetime = lifetime
        self._rest = rest

    def nodes(self, patience: float) -> list[dict]:
        """Return what is known, after waiting for the region for some seconds at most.

        An answer that comes later is stored for the next who asks.  Of many who ask at once, one
        asks the region; the others take the last answer, and wait only where there is none.

        Args:
            patience: How many seconds.

        Returns:
            As :func:`saltext.maas.inventory.read`; the last answer where the
            region gives none in time, and nothing where there never was one.
        """
        known = self._load()
        if self._usable(known):
            return known["nodes"]
        try:
            lock = self._lock()
        except filelock.Timeout:
            return known["nodes"] if known["at"] else self._wait(patience)
        known = self._load()
        if self._usable(known):  # somebody asked since we looked
            _release(lock)
            return known["nodes"]
        answers: list = []
        asking = threading.Thread(target=self._ask, args=(lock, answers), daemon=True)
        asking.start()
        asking.join(patience)
        if asking.is_alive():  # the next shall not wait as long
            self._note_failure()
        return answers[0] if answers else known["nodes"]

    def _wait(self, patience):
        """Wait for the first answer, which somebody else asks for."""

        def first():
            known = self._load()
            return known["nodes"] if known["at"] or self._resting(known) else None

        found = poll.wait(first, patience, pause=0.05, longest=0.05)
        if found is None:
            self._note_failure()
        return found or []

    def _ask(self, lock, answers):
        try:
            at = time.time()
            with contextlib.closing(self._client()) as client:
                answers.append(read(client))
            self._store({"at": at, "nodes": answers[0]})
        except Exception as error:  # whatever it was, it would be the same a moment later
            log.warning("The nodes of MAAS could not be read: %s", loggable(error))
            self._note_failure()
        finally:
            _release(lock)

    # What is in the files

    def _usable(self, known):
        return 0 <= time.time() - known["at"] < self._lifetime or self._resting(known)

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
            with open(self._path, "rb") as stream:
                return parsing.of_json(stream.read(), {"at": (int, float), "nodes": [SHAPE]})
        except (OSError, ValueError):  # none yet, or none of ours
            return {"at": 0, "nodes": []}

    def _store(self, known):
        try:
            self._make_folder()
            text = json.dumps(known)
            atomic_file.put(self._path, text, lambda handle: _give(handle, self._folder))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._path}.failed")
        except OSError as error:
            log.warning(
                "The nodes of MAAS cannot be cached in %s: %s", self._folder, loggable(error)
            )

    def _note_failure(self):
        with contextlib.suppress(OSError):
            os.utime(self._file("failed"), follow_symlinks=False)

    def _lock(self):
        """Return the lock of those who ask, or None where there can be no lock.

        Raises:
            filelock.Timeout: Another process has it.
        """
        try:
            lock = filelock.FileLock(self._file("lock"), timeout=0, thread_local=False)
            lock.acquire()
            return lock
        except filelock.Timeout:
            raise
        except (OSError, NotImplementedError) as error:
            why = loggable(error)
            log.warning("No lock in %s (%s); MAAS is asked without", self._folder, why)
            return None

    # Whose the files are: salt-ssh may run as root where the master does not.

    def _make_folder(self):
        parent = os.path.dirname(self._folder)
        os.makedirs(parent, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
            _give(self._folder, parent)

    def _file(self, ending):
        """Make a file beside the answer, never through a link that somebody put there."""
        self._make_folder()
        path = f"{self._path}.{ending}"
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        try:
            handle = os.open(path, flags | os.O_EXCL, 0o600)
            _give(handle, self._folder)
        except FileExistsError:
            handle = os.open(path, flags, 0o600)
        os.close(handle)
        return path


def _give(what, folder):
    """Give a path, or what is open, to the owner of a folder, where root has made it."""
    if os.geteuid() == 0:
        owner = os.stat(folder)
        with contextlib.suppress(OSError):  # a file system that knows no owners
            if isinstance(what, int):
                os.fchown(what, owner.st_uid, owner.st_gid)
            else:
                os.chown(what, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _release(lock):
    if lock is not None:
        lock.release()
