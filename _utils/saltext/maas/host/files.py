"""Edit configuration files: atomically, with a backup, keeping what is not ours."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterable

from saltext.maas import atomic_file
from saltext.maas.host import paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

BACKUP_SUFFIX = ".saltext-maas.bak"


@contextlib.contextmanager
def _explained(path, what):
    """Raise a :class:`HostError` that says what could not be done to a file, and why."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{path} cannot be {what}: {reason(error)}.") from None


def read(path: str) -> str | None:
    """Return a file's text, or None when there is no such file.

    Raises:
        HostError: It is there but cannot be read, or is not safe to read; see
            :mod:`saltext.maas.host.paths`.
    """
    with _explained(path, "read"):
        content = read_bytes(path)
        return None if content is None else content.decode()


def read_bytes(path: str, user: int = 0) -> bytes | None:
    """Return a file's content, or None when there is no such file.

    Args:
        path: The file.
        user: Number of another user whose links are followed, for a file of that user.

    Raises:
        HostError: It is not safe to read.
        OSError: It cannot be read.
    """
    try:
        with paths.opened(path, user) as handle:
            return paths.content(handle, path)
    except FileNotFoundError:
        return None


def replace(
    installation: Installation,
    path: str,
    text: str,
    validate: Callable[[str], object] | None = None,
    mode: int = 0o640,
    owner: tuple[str, str] | None = None,
    backup: bool = True,
) -> None:
    """Put a new text into a file in one step.

    An existing file keeps its owner and mode, and is copied beside itself
    first, readable by root only.

    Args:
        path: The file; a symbolic link is followed where only root can have placed it.
        text: Its whole new content.
        validate: Called with the text read back from the disk before the swap;
            whatever it raises stops the swap.
        mode: Of a new file.
        owner: User and group of a new file.
        backup: Whether to keep a copy of what was there.

    Raises:
        HostError: The file cannot be written; it is as it was.
    """
    with _explained(path, "read"):
        before = paths.status(path)

    def ready(handle):
        if before:
            chown(installation, handle, path, before.st_uid, before.st_gid)
        elif owner:
            set_owner(installation, handle, path, *owner)
        if validate:
            validate(paths.content(handle, path).decode())
        if before and backup:
            back_up(path)

    with _explained(path, "written"):
        put(path, text.encode(), stat.S_IMODE(before.st_mode) if before else mode, ready)


def put(
    path: str,
    content: bytes | Iterable[bytes],
    mode: int,
    ready: Callable[[int], object] | None = None,
) -> None:
    """Put bytes into a file in one step, with just this mode, safely on the disk.

    Args:
        path: The file.
        content: Its whole new content, or the pieces of it.
        mode: Its mode.
        ready: Called with the new file's descriptor before the swap.

    Raises:
        HostError: It is not safe to write.
        OSError: It cannot be written; it is as it was.
    """

    def finish(handle):
        if ready:
            ready(handle)
        os.fchmod(handle, mode)

    with paths.parent(path) as (folder, name):
        atomic_file.put(name, content, finish, lasting=True, folder=folder)


def sweep(path: str) -> None:
    """Remove what a killed run left half written beside a file."""
    with contextlib.suppress(OSError), paths.parent(path) as (folder, name):
        starts = tuple(f".{one}{atomic_file.TEMPORARY}" for one in (name, name + BACKUP_SUFFIX))
        for left in os.listdir(folder):
            if left.startswith(starts):
                with contextlib.suppress(OSError):
                    os.unlink(left, dir_fd=folder)


def back_up(path: str) -> None:
    """Copy a file beside itself; at most its owner may read the copy.

    Raises:
        HostError: It cannot be copied.
    """
    path = os.path.realpath(path)
    with _explained(path, "backed up"):
        content, there = read_bytes(path), paths.status(path)
        if content is not None and there is not None:
            put(path + BACKUP_SUFFIX, content, stat.S_IMODE(there.st_mode) & 0o600)


def set_owner(
    installation: Installation, handle: int, path: str, user: str, group: str
) -> str | None:
    """Give an open file to a user and a group, as far as these exist on this host.

    Returns:
        A note when the owner was left as it is, else None.

    Raises:
        HostError: It is not safe to give away.
        OSError: Not allowed, on a real host.
    """
    numbers = numbers_of(user, group)
    if numbers is None:
        inside = installation.inside(path)
        return f"{inside} was not given a new owner: there is no {user}:{group} here."
    return chown(installation, handle, path, *numbers)


def numbers_of(user: str, group: str) -> tuple[int, int] | None:
    """Return the numbers of a user and a group, or None where this host lacks one of them."""
    try:
        return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def chown(installation: Installation, handle: int, path: str, uid: int, gid: int) -> str | None:
    """Give an open file to a user and a group by number; a sandbox's stays where we are not root.

    Returns:
        A note when the owner was left as it is, else None.
    """
    now = os.fstat(handle)
    if (now.st_uid, now.st_gid) == (uid, gid):
        return None
    try:
        paths.give(handle, path, uid, gid)
    except PermissionError:
        if not installation.sandbox or os.geteuid() == 0:
            raise
        return f"{installation.inside(path)} was not given a new owner: not root, in a sandbox."
    return None


def make_private(path: str) -> None:
    """Give a file mode 0600.

    Raises:
        HostError: It cannot be given, or is not safe to touch.
    """
    with _explained(path, "given mode 0600"), paths.opened(path) as handle:
        os.fchmod(handle, 0o600)


def own_secret(
    installation: Installation, path: str, user: str = "maas", group: str = "maas"
) -> str | None:
    """Make a secret's file ``maas:maas`` 0640, as MAAS has it.

    Returns:
        A note when the owner could not be given, else None.
    """
    with _explained(path, f"given to {user}"), paths.opened(path) as handle:
        note = set_owner(installation, handle, path, user, group)
        os.fchmod(handle, 0o640)
    return note


def names_of(there: os.stat_result) -> tuple[str, str]:
    """Return user and group of a file, numbers where there are no names."""
    user, group = str(there.st_uid), str(there.st_gid)
    with contextlib.suppress(KeyError):
        user = pwd.getpwuid(there.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(there.st_gid).gr_name
    return user, group


def reason(error: Exception) -> str:
    """Return why something could not be done, in the system's words."""
    return getattr(error, "strerror", None) or type(error).__name__
