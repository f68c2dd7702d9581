"""What was checked before and found right, so that it need not be checked again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import marshal
import os
import re
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from saltext.maas import __version__, atomic_file

#: Folders of this library whose code decides what is right.
_FOLDERS = ("", "client", "pillar", "resources")
_MOST = 500  # values that are remembered
_LINE = re.compile("[0-9a-f]{64}")


class Checked:
    """Values that were found right, each remembered as a digest with a key of this host's own.

    Without the key nobody can tell from a digest what the value was, such as a password.  A file
    that is missing, damaged, out of date or another user's remembers nothing.

    Args:
        path: The file, in a folder that only its owner writes to; None to remember nothing.

    Example:
        ``Checked("/var/cache/salt/minion/maas/checked").knows("pillar", {"tags": {}}, "3.7")``
    """

    def __init__(self, path: str | None = None):
        self._path = path

    def knows(self, *value: object) -> bool:
        """Return whether the same code found the very same value right before."""
        return self.latest([value]) is not None

    def latest(self, values: Iterable[tuple]) -> tuple | None:
        """Return which of some values was noted last; None if none of them was."""
        key, *digests = self._lines()
        if not digests:
            return None
        places = {digest: place for place, digest in enumerate(digests)}
        found = [(places.get(self._digest(key, value), -1), value) for value in values]
        place, value = max(found, key=lambda one: one[0])
        return value if place >= 0 else None

    def note(self, *value: object) -> None:
        """Remember that a value is right; one with more in it than plain data is not remembered."""
        if self._path is None:
            return
        key, *digests = self._lines()
        digest = self._digest(key, value)
        if digest is None:
            return
        digests = [one for one in digests if one != digest]
        with contextlib.suppress(OSError):  # a full disk; the value is checked again then
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            atomic_file.put(self._path, "\n".join([key, *digests[1 - _MOST :], digest]))

    def _lines(self) -> list[str]:
        """The key and the digests; a new key where the file cannot be relied on."""
        with contextlib.suppress(OSError, ValueError):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(self._path or "", flags)
            with open(handle, encoding="ascii") as stream:
                found = os.fstat(handle)
                own = found.st_uid == os.geteuid() and not found.st_mode & 0o077
                text = stream.read(65 * (_MOST + 1)) if own and stat.S_ISREG(found.st_mode) else ""
            lines = text.split("\n")
            if all(map(_LINE.fullmatch, lines)):
                return lines
        return [secrets.token_hex(32)]

    @staticmethod
    def _digest(key, value):
        code = _code()
        with contextlib.suppress(ValueError):  # more than plain data
            # This form tells 1 from True and "1", and is the same in each process.
            content = marshal.dumps((code, value), 2)
            return hmac.digest(bytes.fromhex(key), content, "sha256").hex() if code else None
        return None


@functools.cache
def _code() -> str:
    """What tells this code from another release of it; empty where that is not known."""
    here = Path(__file__).parent
    found: list = [__version__]
    try:
        for folder in _FOLDERS:
            files = [one for one in os.scandir(here / folder) if one.name.endswith(".py")]
            for file in sorted(files, key=lambda one: one.name):
                status = file.stat()
                found.append((folder, file.name, status.st_size, status.st_mtime_ns))
    except OSError:  # such as in an archive
        return ""
    return hashlib.sha256(repr(found).encode()).hexdigest()


#: Remembers nothing.
NOTHING = Checked()
