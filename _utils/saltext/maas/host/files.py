"""Edit configuration files: atomically, with a backup, keeping what is not ours."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import secrets
import stat
from collections.abc import Callable

from saltext.maas.host import paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

BACKUP_SUFFIX = ".saltext-maas.bak"
_TEMPORARY = ".saltext-maas."  # between a file's name and some random digits


def read(path: str) -> str | None:
    """A file's text, or None when there is no such file.

    Raises:
        HostError: It is there but cannot be read, or is not safe to read; see
            :mod:`saltext.maas.host.paths`.
    """
    try:
        content = read_bytes(path)
        return None if content is None else content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{path} cannot be read: {reason(error)}.") from None


def read_bytes(path: str, user: int = 0) -> bytes | None:
    """A file's content, or None when there is no such file.

    Args:
        path: The file.
        user: Number of another user whose links are followed, for a file of that user.

    Raises:
        HostError: It is not safe to read.
        OSError: It cannot be read.
    """
    try:
        handle = paths.open_file(path, user)
    except FileNotFoundError:
        return None
    try:
        return paths.content(handle, path)
    finally:
        os.close(handle)


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
        installation: The host.
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
    try:
        before = paths.status(path)
    except OSError as error:
        raise HostError(f"{path} cannot be read: {reason(error)}.") from None

    def ready(handle):
        if before:
            chown(installation, handle, path, before.st_uid, before.st_gid)
        elif owner:
            set_owner(installation, handle, path, *owner)
        os.fchmod(handle, stat.S_IMODE(before.st_mode) if before else mode)
        if validate:
            validate(paths.content(handle, path).decode())
        if before and backup:
            back_up(path)

    try:
        _swap(path, text.encode(), ready)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {reason(error)}.") from None


def put(path: str, content: bytes, mode: int, ready: Callable[[int], object] | None = None) -> None:
    """Put bytes into a file in one step, with just this mode.

    Args:
        path: The file.
        content: Its whole new content.
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

    _swap(path, content, finish)


def _swap(path, content, ready):
    """Write beside the file, and take its place when that is safely on the disk."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with paths.parent(path) as (folder, name):
        temporary = f".{name}{_TEMPORARY}{secrets.token_hex(4)}"
        handle = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "w+b") as stream:
                stream.write(content)
                stream.flush()
                ready(handle)
                os.fsync(handle)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            temporary = None
            os.fsync(folder)
        finally:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)


def sweep(path: str) -> None:
    """Remove what a killed run left half written beside a file."""
    with contextlib.suppress(OSError), paths.parent(path) as (folder, name):
        starts = tuple(f".{one}{_TEMPORARY}" for one in (name, name + BACKUP_SUFFIX))
        for left in os.listdir(folder):
            if left.startswith(starts):
                with contextlib.suppress(OSError):
                    os.unlink(left, dir_fd=folder)


def back_up(path: str) -> str | None:
    """Copy a file beside itself, at most its owner may read the copy.

    Returns:
        Path of the copy, or None when there is no such file.

    Raises:
        HostError: It cannot be copied.
    """
    path = os.path.realpath(path)
    try:
        content, there = read_bytes(path), paths.status(path)
        if content is None or there is None:
            return None
        put(path + BACKUP_SUFFIX, content, stat.S_IMODE(there.st_mode) & 0o600)
    except OSError as error:
        raise HostError(f"{path} cannot be backed up: {reason(error)}.") from None
    return path + BACKUP_SUFFIX


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
    try:
        uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return f"{installation.inside(path)} keeps its owner: there is no {user}:{group} here."
    return chown(installation, handle, path, uid, gid)


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
        return f"{installation.inside(path)} keeps its owner: not root, in a sandbox."
    return None


def make_private(path: str) -> None:
    """Give a file mode 0600.

    Raises:
        HostError: It cannot be given, or is not safe to touch.
    """
    try:
        handle = paths.open_file(path)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError as error:
        raise HostError(f"{path} cannot be given mode 0600: {reason(error)}.") from None


def owner_of(there: os.stat_result) -> str:
    """``user:group`` of a file, numbers where there are no names."""
    try:
        user = pwd.getpwuid(there.st_uid).pw_name
    except KeyError:
        user = str(there.st_uid)
    try:
        group = grp.getgrgid(there.st_gid).gr_name
    except KeyError:
        group = str(there.st_gid)
    return f"{user}:{group}"


def own_secret(
    installation: Installation, path: str, user: str = "maas", group: str = "maas"
) -> str | None:
    """Make a secret's file ``maas:maas`` 0640, as MAAS has it.

    Returns:
        A note when the owner could not be given, else None.
    """
    try:
        handle = paths.open_file(path)
        try:
            note = set_owner(installation, handle, path, user, group)
            os.fchmod(handle, 0o640)
        finally:
            os.close(handle)
    except OSError as error:
        raise HostError(f"{path} cannot be given to {user}: {reason(error)}.") from None
    return note


def reason(error: OSError) -> str:
    """Why something could not be done, in the system's words."""
    return getattr(error, "strerror", None) or type(error).__name__
