"""Edit configuration files: atomically, with a backup, keeping what is not ours."""

from __future__ import annotations

import contextlib
import glob
import grp
import os
import pwd
import stat
import tempfile
from collections.abc import Callable

from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface

BACKUP_SUFFIX = ".saltext-maas.bak"
_TEMPORARY = ".saltext-maas."  # between a file's name and what mkstemp adds


def read(path: str) -> str | None:
    """A file's text, or None when there is no such file.

    Raises:
        HostError: It is there but cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{path} cannot be read: {reason(error)}.") from None


def replace(
    surface: Surface,
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
        surface: The host.
        path: The file; a symbolic link is followed.
        text: Its whole new content.
        validate: Called with the text read back from the disk before the swap;
            whatever it raises stops the swap.
        mode: Of a new file.
        owner: User and group of a new file.
        backup: Whether to keep a copy of what was there.

    Raises:
        HostError: The file cannot be written; it is as it was.
    """
    path = os.path.realpath(path)
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise HostError(f"{path} cannot be read: {reason(error)}.") from None

    def ready(handle, temporary):
        if before:
            chown(surface, temporary, before.st_uid, before.st_gid)
        elif owner:
            set_owner(surface, temporary, *owner)
        os.fchmod(handle, stat.S_IMODE(before.st_mode) if before else mode)
        if validate:
            validate(read(temporary) or "")
        if before and backup:
            back_up(path)

    try:
        _swap(path, text.encode(), ready)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {reason(error)}.") from None


def put(path: str, content: bytes, mode: int) -> None:
    """Put bytes into a file in one step, with just this mode.

    Raises:
        OSError: It cannot be written; it is as it was.
    """
    _swap(path, content, lambda handle, _: os.fchmod(handle, mode))


def _swap(path, content, ready):
    """Write beside the file, and take its place when that is safely on the disk."""
    folder, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}{_TEMPORARY}", dir=folder)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            ready(handle, temporary)
            os.fsync(handle)
        os.replace(temporary, path)
        temporary = None
        _sync_folder(folder)
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def sweep(path: str) -> None:
    """Remove what a killed run left half written beside a file."""
    folder, name = os.path.split(os.path.realpath(path))
    for start in (name, name + BACKUP_SUFFIX):
        for left in glob.glob(
            os.path.join(glob.escape(folder), f".{glob.escape(start)}{_TEMPORARY}*")
        ):
            with contextlib.suppress(OSError):
                os.unlink(left)


def back_up(path: str) -> str | None:
    """Copy a file beside itself, at most its owner may read the copy.

    Returns:
        Path of the copy, or None when there is no such file.

    Raises:
        HostError: It cannot be copied.
    """
    path = os.path.realpath(path)
    try:
        with open(path, "rb") as stream:
            content = stream.read()
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o600
        put(path + BACKUP_SUFFIX, content, mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"{path} cannot be backed up: {reason(error)}.") from None
    return path + BACKUP_SUFFIX


def _sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_owner(surface: Surface, path: str, user: str, group: str) -> str | None:
    """Give a file to a user and a group, as far as these exist on this host.

    Returns:
        A note when the owner was left as it is, else None.

    Raises:
        HostError: Not allowed, on a real host.
    """
    try:
        uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return f"{surface.inside(path)} keeps its owner: there is no {user}:{group} here."
    return chown(surface, path, uid, gid)


def chown(surface: Surface, path: str, uid: int, gid: int) -> str | None:
    """Give a file to a user and a group by number; a sandbox's stays where we are not root.

    Returns:
        A note when the owner was left as it is, else None.
    """
    now = os.stat(path)
    if (now.st_uid, now.st_gid) == (uid, gid):
        return None
    try:
        os.chown(path, uid, gid)
    except PermissionError:
        if not surface.sandbox or os.geteuid() == 0:
            raise
        return f"{surface.inside(path)} keeps its owner: not root, in a sandbox."
    return None


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


def own_secret(surface: Surface, path: str, user: str = "maas", group: str = "maas") -> str | None:
    """Make a secret's file ``maas:maas`` 0640, as MAAS has it.

    Returns:
        A note when the owner could not be given, else None.
    """
    try:
        note = set_owner(surface, path, user, group)
        os.chmod(path, 0o640)
    except OSError as error:
        raise HostError(f"{path} cannot be given to {user}: {reason(error)}.") from None
    return note


class Snapshot:
    """Files as they were, to put them back when a change fails.

    Args:
        surface: The host.
        paths: Files that are about to change; one that is absent is removed again.
    """

    def __init__(self, surface: Surface, paths):
        self._surface = surface
        self._texts = {path: read(path) for path in paths}

    def restore(self) -> list[str]:
        """Put back every file that differs.

        Returns:
            Paths that were put back.
        """
        restored = []
        for path, text in self._texts.items():
            if read(path) == text:
                continue
            if text is None:
                os.unlink(path)
            else:
                replace(self._surface, path, text, backup=False)
            restored.append(path)
        return restored


def reason(error: OSError) -> str:
    """Why something could not be done, in the system's words."""
    return getattr(error, "strerror", None) or type(error).__name__
