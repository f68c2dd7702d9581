"""Which files of a region's host a backup holds, and how they go into a tar file and out again."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from saltext.maas.host import files, paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

MANIFEST = "manifest.json"
_PIECE, _BLOCK = 1024 * 1024, 512
_CURRENT, _COMMON = "var/snap/maas/current", "var/snap/maas/common"
_SAVED = {
    "deb": (
        "etc/maas",
        "etc/dbconfig-common/maas-region-controller.conf",
        "etc/bind/named.conf.local",
        "etc/bind/named.conf.options",
        "var/lib/maas",
    ),
    "snap": (
        f"{_CURRENT}/regiond.conf",
        f"{_CURRENT}/rackd.conf",
        f"{_CURRENT}/preseeds",
        f"{_CURRENT}/certificates",
        f"{_CURRENT}/root/.ssh",
        f"{_CURRENT}/etc/maas",
        f"{_CURRENT}/var/lib/maas",
        f"{_COMMON}/maas",
        f"{_COMMON}/etc/maas",
        f"{_COMMON}/snap_mode",
    ),
}
#: Folders that are downloaded or made again; images have a part of their own.
_LEFT_OUT = ("boot-resources", "image-storage", "tftp_root", "temporal")
#: What the host has of itself: how it was installed, and its own password of the database.
_ITS_OWN = (
    "etc/dbconfig-common/",
    "etc/bind/",
    f"{_COMMON}/snap_mode",
)
#: Identity of a region's host: what another installation left of these must not stay.
_IDENTITY = ("maas_id", "maas_uuid", "secret")


def _data(installation):
    return os.path.dirname(installation.path("secret" if installation.has("secret") else "images"))


def saved(installation: Installation) -> tuple[list[str], list[str]]:
    """Return which files of this host a backup holds.

    Returns:
        Paths below the root, and remarks about files that are left out.
    """
    found, remarks = [], []
    for top in _SAVED[installation.kind]:
        path = os.path.join(installation.root, top)
        for one in sorted(_below(path)):
            name = os.path.relpath(one, installation.root)
            there = os.lstat(one)
            if stat.S_ISLNK(there.st_mode):
                remarks.append(f"/{name} is a link; only files are in a backup.")
            elif stat.S_ISREG(there.st_mode) and there.st_nlink > 1:
                remarks.append(f"/{name} has another name too, so it is in no backup.")
            elif stat.S_ISREG(there.st_mode):
                found.append(name)
    return found, remarks


def _below(path):
    if os.path.isfile(path):
        yield path
    for folder, below, names in os.walk(path):
        below[:] = [one for one in below if one not in _LEFT_OUT]
        linked = [one for one in below if os.path.islink(os.path.join(folder, one))]
        # MAAS's own links between its folders are made again.
        below[:] = [one for one in below if one not in linked]
        yield from (os.path.join(folder, one) for one in names if ".saltext-maas." not in one)


def images(installation: Installation) -> list[str]:
    """Return the images' files, as paths below the root; none up to 3.4, whose database has them.

    MAAS writes a file under its own name when it is complete.
    """
    if installation.release < "3.5":
        return []
    folder = installation.path("images")
    found = [os.path.join(at, one) for at, _, names in sorted(os.walk(folder)) for one in names]
    return [os.path.relpath(one, installation.root) for one in found if os.path.isfile(one)]


def packed(
    installation: Installation, names: Iterable[str], manifest: dict | None = None
) -> Iterator[bytes]:
    """Yield the pieces of a tar file with files; one that is gone meanwhile is left out.

    Args:
        installation: The host.
        names: Paths below its root.
        manifest: What the first member, ``manifest.json``, says.

    Raises:
        HostError: A file is not safe to read.
        OSError: One cannot be read, or became shorter meanwhile.
    """
    if manifest is not None:
        content = json.dumps(manifest).encode()
        first = tarfile.TarInfo(MANIFEST)
        first.size = len(content)
        yield first.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % _BLOCK)
    for name in names:
        path = os.path.join(installation.root, name)
        try:
            handle = paths.open_file(path)
        except FileNotFoundError:
            continue
        with open(handle, "rb") as source:
            yield from _member(name, source)
    yield bytes(2 * _BLOCK)


def _member(name, source):
    there = os.fstat(source.fileno())
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = there.st_size, int(there.st_mtime), there.st_mode & 0o7777
    info.uid, info.gid = there.st_uid, there.st_gid
    info.uname, info.gname = files.names_of(there)
    yield info.tobuf(tarfile.PAX_FORMAT)
    left = info.size
    while left:
        data = source.read(min(left, _PIECE))
        if not data:
            raise OSError(f"/{name} became shorter while it was read")
        left -= len(data)
        yield data
    yield bytes(-info.size % _BLOCK)


class Pieces:
    """Reads from pieces, of which not all are there yet."""

    def __init__(self, pieces: Iterable[bytes]):
        self._pieces, self._held = iter(pieces), b""

    def read(self, size: int = _PIECE) -> bytes:
        """Return some bytes, at most so many; none at the end."""
        while not self._held:
            following = next(self._pieces, None)
            if following is None:
                break
            self._held = following
        found, self._held = self._held[:size], self._held[size:]
        return found


def unpack(stream: BinaryIO) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """Yield each member of a tar file with its pieces, to the end of the stream.

    Raises:
        HostError: It is no tar file, or holds something else than files.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                parts = member.name.split("/")
                if not member.isfile() or ".." in parts or member.name.startswith("/"):
                    raise HostError(f"the backup holds {member.name!r}, which is no file's name")
                yield member, _pieces(tar.extractfile(member))
    except tarfile.TarError as error:
        raise HostError(f"the backup's files cannot be read: {error}") from None
    while stream.read(_PIECE):  # to where it shows whether all was there
        pass


def _pieces(source):
    while data := source.read(_PIECE):
        yield data


def goes_back(installation: Installation, name: str) -> bool:
    """Return whether a restore writes a file of a backup; what is the host's own stays."""
    ours = any(name == one or name.startswith(f"{one}/") for one in _SAVED[installation.kind])
    return ours and not name.startswith(_ITS_OWN)


def strangers(installation: Installation, names: Iterable[str]) -> list[str]:
    """Return files that another installation left, and that must not stay beside a restored one.

    Args:
        installation: The host.
        names: The backup's files, as paths below the root.

    Returns:
        Absolute paths: identity, secret and certificates that the backup does not hold.
    """
    data = _data(installation)
    found = [os.path.join(data, one) for one in _IDENTITY]
    for folder in (
        os.path.join(data, "certificates"),
        f"{installation.root}/{_CURRENT}/certificates",
    ):
        if os.path.isdir(folder) and not os.path.islink(folder):
            found += [os.path.join(folder, one) for one in sorted(os.listdir(folder))]
    kept = {os.path.join(installation.root, one) for one in names}
    return [one for one in found if one not in kept and os.path.isfile(one)]


def write(
    installation: Installation, member: tarfile.TarInfo, pieces: Iterable[bytes]
) -> str | None:
    """Write one file of a backup, with its owner and mode.

    Returns:
        A note when the owner could not be given, else None.

    Raises:
        HostError: It cannot be written.
    """
    path = os.path.join(installation.root, member.name)
    notes = []
    numbers = files.numbers_of(member.uname, member.gname) or (member.uid, member.gid)

    def own(handle):
        notes.append(files.chown(installation, handle, path, *numbers))

    _make_folders(installation, os.path.dirname(path), numbers)
    try:
        files.sweep(path)
        files.put(path, pieces, member.mode & 0o777, own)
    except OSError as error:
        where = installation.inside(path)
        raise HostError(f"{where} cannot be written: {files.reason(error)}.") from None
    return notes[0] if notes else None


def _make_folders(installation, folder, numbers):
    """Make folders that are missing, the user's whose file is in them."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for one in reversed(missing):
        paths.make_folder(one)
        with paths.folder(one) as handle:
            os.fchmod(handle, 0o750)  # nosec B103 # MAAS's group reads its files
            try:
                os.fchown(handle, *numbers)
            except PermissionError:
                if not installation.sandbox:
                    raise
