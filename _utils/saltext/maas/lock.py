"""One run at a time writes to a region, of all runs on this minion."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import time

from saltext.maas.errors import MaasError

log = logging.getLogger(__name__)

_PAUSE = 0.1  # seconds between two tries
_MOST = 200  # bytes of the file that are read


class Held:
    """A lock that is held.

    Attributes:
        mark: Another text after each run that wrote; empty where it is not known.
    """

    def __init__(self, file=None, mark=""):
        self._file = file
        self.mark = mark

    def writing(self) -> str:
        """Note that this run is about to write, and return the new mark.

        Whoever has read the region before sees from it that this is out of date.
        """
        self.mark = os.urandom(8).hex()
        if self._file is not None:
            _note(self._file, self.mark)
        return self.mark


@contextlib.contextmanager
def held(folder: str, url: str, seconds: float):
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
    name = f"region-{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(os.path.join(folder, name), flags, 0o600)
    except OSError as error:
        log.warning("No lock in %s (%s): the region is written to without", folder, error.strerror)
        yield Held()
        return
    try:
        mark = _taken(file, url, seconds) or os.urandom(8).hex()
        _note(file, mark)
        yield Held(file, mark)
    finally:
        os.close(file)  # which unlocks it


def _taken(file, url, seconds):
    """Take the lock, and return the mark in the file."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _read(file)[0]
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise MaasError(_busy(file, url, seconds)) from None
        except OSError:  # a file system without locks
            return ""
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))


def _busy(file, url, seconds):
    _, pid, since = _read(file)
    who = f"process {pid}, since {since}" if pid else "no process is noted"
    return (
        f"another run on this minion ({who}) holds the lock of the region {url}: timed out after "
        f"{seconds:g} s waiting for it; nothing was changed, run again when it has ended"
    )


def _read(file):
    """The mark, and the process that took the lock last and when."""
    words = os.pread(file, _MOST, 0).decode("ascii", "replace").split(" ")
    return tuple(words) if len(words) == 3 else ("", "", "")


def _note(file, mark):
    text = f"{mark} {os.getpid()} {time.strftime('%H:%M:%S')}"
    with contextlib.suppress(OSError):  # a full disk; what is noted only helps
        os.pwrite(file, text.encode(), 0)
        os.ftruncate(file, len(text))
