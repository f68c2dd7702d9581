"""Reach files of a host without following a link that another user could have placed.

MAAS runs as a user of its own, who owns some of the folders that root works in.  A path is
therefore walked by folder descriptors, and everything else goes by descriptor and name, so
that nothing can be exchanged between a look and the act.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from saltext.maas.host.errors import HostError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Never waits for the other end of a pipe.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_LINKS = 40  # as the kernel has it
#: Bytes of a file that are read; what MAAS keeps on a host is far smaller.
LIMIT = 64 * 1024 * 1024


@contextlib.contextmanager
def parent(path: str, make: bool = False, user: int = 0) -> Iterator[tuple[int, str]]:
    """Open the folder that a file is in.

    Symbolic links are followed where only root, or the user that runs this, can have placed
    them; the name is never one.

    Args:
        path: The file; it need not exist.
        make: Whether to make folders that are missing, with mode 0755.
        user: Number of another user whose links are followed, for what only concerns that user.

    Yields:
        ``(folder, name)``: the folder's descriptor, and the file's name in it.

    Raises:
        HostError: A link that another user could have placed is in the way.
        OSError: A folder is missing, or cannot be entered.
    """
    with _Walk(path, make, user) as walk:
        name = walk.to_the_last()
        yield walk.folders[-1], name


@contextlib.contextmanager
def folder(path: str, make: bool = False, user: int = 0) -> Iterator[int]:
    """As :func:`parent`, for a folder itself.

    Yields:
        Its descriptor.
    """
    with _Walk(path, make, user) as walk:
        walk.to_the_end()
        yield walk.folders[-1]


class _Walk:
    """A way through folders, each of them open."""

    def __init__(self, path, make, user):
        self._path, self._make = path, make
        self._users = {0, os.geteuid(), user}
        self._todo = _parts(os.path.abspath(path))
        self._links = 0
        self.folders: list[int] = []

    def __enter__(self):
        self.folders.append(os.open("/", _FOLDER))
        return self

    def __exit__(self, *_):
        for one in self.folders:
            os.close(one)

    def to_the_last(self):
        """Go to where only the last name is left, and it is no link; return it."""
        name = self._go(last=True)
        if name is None:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)
        return name

    def to_the_end(self):
        """Go to where no name is left."""
        self._go(last=False)

    def _go(self, last):
        while self._todo:
            name = self._todo.pop(0)
            if self._follow(name):
                continue
            if last and not self._todo and name != "..":
                return name
            self._enter(name)
        return None

    def _enter(self, name):
        if name == "..":
            if len(self.folders) > 1:
                os.close(self.folders.pop())
            return
        if self._make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=self.folders[-1])
        self.folders.append(os.open(name, _FOLDER, dir_fd=self.folders[-1]))

    def _follow(self, name):
        target = name != ".." and _link(self.folders[-1], name, self._path, self._users)
        if not target:
            return False
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._path)
        if target.startswith("/"):
            while len(self.folders) > 1:
                os.close(self.folders.pop())
        self._todo = _parts(target) + self._todo
        return True


def _parts(path):
    return [part for part in path.split("/") if part not in ("", ".")]


def _link(folder, name, path, users):
    """Where a symbolic link leads, or None where the name is none."""
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISLNK(there.st_mode):
        return None
    if not _trusted(os.fstat(folder), there, users):
        raise HostError(
            f"{path} is not touched: {name} in it is a symbolic link that a user other than root "
            "could have placed; remove it, or make root the owner of it and of its folder."
        )
    return os.readlink(name, dir_fd=folder)


def _trusted(folder, link, users):
    if folder.st_uid not in users or link.st_uid not in users:
        return False
    if folder.st_mode & stat.S_ISVTX:
        return True
    if folder.st_mode & stat.S_IWGRP and folder.st_gid not in (0, os.getegid(), *users):
        return False
    return not folder.st_mode & stat.S_IWOTH


def open_file(path: str, user: int = 0) -> int:
    """Open a regular file for reading.

    Args:
        path: The file.
        user: As for :func:`parent`.

    Returns:
        Its descriptor.

    Raises:
        HostError: It is no regular file, or a link of another user is in the way.
        OSError: It is missing, or cannot be read.
    """
    with parent(path, user=user) as (place, name):
        try:
            handle = os.open(name, _FILE, dir_fd=place)
        except OSError as error:
            if error.errno == errno.ELOOP:  # it became a link just now
                raise HostError(f"{path} is not touched: it is a symbolic link.") from None
            raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise HostError(f"{path} is not touched: it is no regular file.")
    return handle


@contextlib.contextmanager
def opened(path: str, user: int = 0) -> Iterator[int]:
    """As :func:`open_file`; closed at the end of the ``with``."""
    handle = open_file(path, user)
    try:
        yield handle
    finally:
        os.close(handle)


def status(path: str, user: int = 0) -> os.stat_result | None:
    """Return what the system says about a regular file; None where there is no such file.

    Args:
        path: The file.
        user: As for :func:`parent`.

    Raises:
        HostError: It is no regular file, or a link of another user is in the way.
        OSError: It cannot be reached.
    """
    try:
        with opened(path, user) as handle:
            return os.fstat(handle)
    except FileNotFoundError:
        return None


def content(handle: int, path: str) -> bytes:
    """Return everything that is in an open file.

    Raises:
        HostError: It is larger than :data:`LIMIT`.
    """
    with open(os.dup(handle), "rb") as stream:
        stream.seek(0)
        found = stream.read(LIMIT + 1)
    if len(found) > LIMIT:
        raise HostError(f"{path} is larger than {LIMIT >> 20} MiB; it is not read.")
    return found


def give(handle: int, path: str, uid: int, gid: int) -> None:
    """Give an open file to a user and a group.

    Raises:
        HostError: It has another name too, so that it may be somebody else's file.
        OSError: Not allowed.
    """
    if os.fstat(handle).st_nlink > 1:
        raise HostError(
            f"{path} is not given to another owner: it is a hard link, and its other name may be "
            "another user's; remove it."
        )
    os.fchown(handle, uid, gid)


def remove(path: str) -> bool:
    """Remove a file, or the link that stands in its place.

    Returns:
        Whether there was one.

    Raises:
        HostError: A link of another user is in the way.
        OSError: It cannot be removed.
    """
    place, name = os.path.split(path)
    try:
        with folder(place) as handle:
            os.unlink(name, dir_fd=handle)
    except FileNotFoundError:
        return False
    return True


def make_folder(path: str) -> None:
    """Make a folder, with those above it, where it is missing; mode 0755.

    Raises:
        HostError: A link of another user is in the way, or it cannot be made.
    """
    try:
        with folder(path, make=True):
            pass
    except OSError as error:
        raise HostError(f"{path} cannot be created: {error.strerror}.") from None
