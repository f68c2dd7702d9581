"""One run at a time writes to a region, of all runs on this minion."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Iterator

import filelock
from saltext.maas import atomic_file
from saltext.maas.errors import MaasError

log = logging.getLogger(__name__)

_MOST = 200  # bytes of a note that are read


class Held:
    """A lock that is held.

    Attributes:
        mark: Another text after each run that wrote; empty where it is not known.
    """

    def __init__(self, note: str = "", mark: str = ""):
        self._note = note
        self.mark = mark

    def writing(self) -> str:
        """Note that this run is about to write, and return the new mark.

        Whoever has read the region before sees from it that this is out of date.
        """
        self.mark = secrets.token_hex(8)
        if self._note:
            _write(self._note, self.mark)
        return self.mark


@contextlib.contextmanager
def held(folder: str, url: str, seconds: float) -> Iterator[Held]:
    """Hold the lock of a region.

    Args:
        folder: Where the locks of this minion lie.
        url: The region's URL.
        seconds: How long to wait for another run to end.

    Yields:
        :class:`Held`; one that locks nothing where no file can be made.

    Raises:
        MaasError: Another run holds it for longer than that.

    Example:
        ``with held("/var/cache/salt/minion/maas", "http://192.0.2.10:5240/MAAS", 180) as lock:``
    """
    path = os.path.join(folder, f"region-{hashlib.sha256(url.encode()).hexdigest()[:16]}")
    # The file that is locked may be emptied by whoever waits, so the note stands beside it.
    note = f"{path}.note"
    lock = filelock.FileLock(f"{path}.lock", timeout=seconds, mode=0o600, thread_local=False)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lock.acquire(poll_interval=0.1)
    except filelock.Timeout:
        raise MaasError(_busy(note, url, seconds)) from None
    except (OSError, NotImplementedError) as error:  # such as a file system without locks
        log.warning("No lock in %s (%s): the region is written to without", folder, error)
        yield Held()
        return
    try:
        mark = _read(note)[0] or secrets.token_hex(8)
        _write(note, mark)
        yield Held(note, mark)
    finally:
        lock.release()


def _busy(note, url, seconds):
    _, pid, since = _read(note)
    who = f"process {pid}, since {since}" if pid else "no process is noted"
    return (
        f"another run on this minion ({who}) holds the lock of the region {url}: timed out after "
        f"{seconds:g} s waiting for it; nothing was changed, run again when it has ended"
    )


def _read(note) -> tuple[str, ...]:
    """The mark, and the process that took the lock last and when."""
    with contextlib.suppress(OSError):
        handle = os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(handle, encoding="ascii", errors="replace") as stream:
            words = stream.read(_MOST).split(" ")
        if len(words) == 3:
            return tuple(words)
    return "", "", ""


def _write(note, mark):
    with contextlib.suppress(OSError):  # a full disk; what is noted only helps
        atomic_file.put(note, f"{mark} {os.getpid()} {time.strftime('%H:%M:%S')}")
