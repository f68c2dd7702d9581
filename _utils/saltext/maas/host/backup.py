"""Backups of a region: its database, configuration and secrets, and its images where asked for.

A backup is a folder of its own with a ``manifest.json`` and a file for each part.  It is made under
another name, read back, and only then gets its own: one that was killed is no backup.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

from saltext.maas import atomic_file, parsing
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.host import (
    age,
    backup_files,
    config_files,
    database,
    files,
    migration,
    postgres_tools,
    services,
    transaction,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

FOLDER = "/var/backups/maas"
KEEP = 7
#: The last part seals the others: it has their checksums in it.
PARTS = ("database", "images", "files")
#: Seconds that sessions may take to end after a region was stopped.
SILENCE = 60.0
_FORM = 1
_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
_PARTIAL = ".partial"
_LAST = "backup.last"
_STOPPED = "backup.stopped"
_PART = {"file": str, "size": int, "sha256": str, "content_size": int, "content_sha256": str}
_MANIFEST = {
    "form": int, "made": (int, float), "release": str, "kind": str, "roles": [str], "host": str,
    "postgresql": (int, float), "pg_dump": (int, float), "vault": bool, "stopped": bool,
    "keys": [str], "parts": {str: _PART}, "warnings": [str],
}  # fmt: skip


# What there is


def place(installation: Installation, folder: str = FOLDER) -> str:
    """Return the folder of the backups on this host.

    Raises:
        BadInput: It is no absolute path.
    """
    if not isinstance(folder, str) or not folder.startswith("/"):
        raise BadInput(f"folder: {folder!r} must be an absolute path")
    below = folder == installation.root or folder.startswith(f"{installation.root}/")
    return folder if below else os.path.join(installation.root, folder.strip("/"))


def _need_own(path):
    """Refuse a folder in which others could exchange a backup."""
    there = os.stat(path)
    if there.st_uid not in (0, os.geteuid()) or there.st_mode & 0o022:
        raise HostError(
            f"Others than root may write to {path}, and so exchange a backup: take another folder, "
            f"or: chown root: {path}; chmod 0700 {path}"
        )


def manifest_of(path: str) -> dict:
    """Return what a backup says of itself.

    Raises:
        HostError: It says nothing that can be understood.
    """
    try:
        found = parsing.of_json(files.read(os.path.join(path, "manifest.json")) or "", _MANIFEST)
        Release(found["release"])
    except (ValueError, TypeError):
        raise HostError(f"{path} is no backup: its manifest.json is missing or damaged.") from None
    if found["form"] != _FORM or not {"database", "files"} <= set(found["parts"]) <= set(PARTS):
        raise HostError(f"{path} was made by another version of this extension.")
    if any(one["file"] != os.path.basename(one["file"]) for one in found["parts"].values()):
        raise HostError(f"{path} is no backup: its manifest.json names files elsewhere.")
    return found


def names(installation: Installation, folder: str = FOLDER) -> list[str]:
    """Return the names of all backups in a folder, the newest first."""
    path = place(installation, folder)
    found = os.listdir(path) if os.path.isdir(path) else []
    return sorted((one for one in found if _NAME.fullmatch(one)), key=_order, reverse=True)


def _order(name):
    stamp, _, number = name.partition("-")
    return stamp, int(number or 1)


def listing(installation: Installation, folder: str = FOLDER) -> list[dict]:
    """Return the backups of a folder, the newest first.

    Returns:
        Of each ``name``, ``made`` (seconds since the epoch), ``release``, ``host``, ``parts``,
        ``encrypted``, ``size`` (bytes), and ``problem``, which is None where all files have their
        sizes.
    """
    found: list[dict] = []
    for name in names(installation, folder):
        path = os.path.join(place(installation, folder), name)
        try:
            manifest = manifest_of(path)
        except HostError as error:
            found.append({"name": name, "problem": str(error)})
            continue
        found.append({
            "name": name, "made": manifest["made"], "release": manifest["release"],
            "host": manifest["host"], "parts": sorted(manifest["parts"]),
            "encrypted": bool(manifest["keys"]),
            "size": sum(one["size"] for one in manifest["parts"].values()),
            "problem": _sizes(path, manifest),
        })  # fmt: skip
    return found


def _sizes(path, manifest):
    for part in manifest["parts"].values():
        try:
            size = os.stat(os.path.join(path, part["file"])).st_size
        except OSError:
            return f"{part['file']} is missing"
        if size != part["size"]:
            return f"{part['file']} has {size} bytes, and had {part['size']}"
    return None


def find(installation: Installation, name: str | None, folder: str = FOLDER) -> str:
    """Return the path of a backup by its name; of the newest one without.

    Raises:
        HostError: There is none, or others than root could exchange it.
    """
    known = names(installation, folder)
    if name is None and known:
        name = known[0]
    if name not in known:
        what = f"no backup {name}" if name else "no backup"
        raise HostError(f"There is {what} in {folder} on this host.")
    path = os.path.join(place(installation, folder), name)
    _need_own(os.path.dirname(path))
    _need_own(path)
    return path


def last(installation: Installation) -> dict | None:
    """Return the last good backup of this host: ``{"name", "made", "folder"}``, or None."""
    text = files.read(_own(installation, _LAST))
    try:
        return None if text is None else parsing.of_json(
            text, {"name": str, "made": (int, float), "folder": str}
        )  # fmt: skip
    except ValueError:
        return None


def _own(installation, name):
    return os.path.join(installation.root, transaction.FOLDER, name)


def _note(installation, name, text):
    path = _own(installation, name)
    files.sweep(path)
    files.put(path, text.encode(), 0o600)


# Reading back


@contextlib.contextmanager
def opened(path: str, part: dict, keys: Sequence = ()) -> Iterator[Any]:
    """Open a part of a backup, decrypted.

    Args:
        path: The backup.
        part: From its manifest.
        keys: Private keys.

    Yields:
        Something with ``read``, which raises where the part was changed or is cut off.
    """
    where = os.path.join(path, part["file"])
    try:
        with open(where, "rb") as stream:
            sealed = where.endswith(".age")
            with age.decrypted(stream, keys) if sealed else contextlib.nullcontext(stream) as found:
                yield found
    except OSError as error:
        raise HostError(f"{where} cannot be read: {error.strerror}.") from None
    except age.AgeError as error:
        raise HostError(f"{where} cannot be opened: {error}.") from None


def verify(
    installation: Installation,
    name: str | None = None,
    folder: str = FOLDER,
    identity: str | None = None,
) -> dict:
    """Read a backup back.

    Without a private key the checksums of what is stored are compared.  With it, or where nothing
    is encrypted, the database's dump is read by ``pg_restore`` and all files are unpacked.

    Args:
        installation: The host.
        name: The backup; the newest by default.
        folder: Where it is.
        identity: File on this host with a private key.

    Returns:
        Its manifest, with its ``name``.

    Raises:
        HostError: It is damaged, or the key is another one.
    """
    path = find(installation, name, folder)
    manifest = manifest_of(path)
    check_stored(path, manifest)
    if identity or not manifest["keys"]:
        check_contents(installation, path, manifest, private_keys(installation, identity))
    return {"name": os.path.basename(path), **manifest}


def private_keys(installation: Installation, identity: str | None) -> list:
    """Return the private keys that a file of this host holds; none without a file.

    Raises:
        HostError: It cannot be read, or others may read it, too.
        AgeError: It holds something else.
    """
    if identity is None:
        return []
    text = files.read(identity)
    if text is None:
        raise HostError(f"There is no {identity} on this host.")
    if os.stat(identity).st_mode & 0o077:
        raise HostError(f"Others may read {identity}: chmod 0600 {identity}")
    return age.private_keys(text, identity)


def check_stored(path: str, manifest: dict) -> None:
    """Compare the checksums of a backup's files.

    Raises:
        HostError: One differs.
    """
    for part in manifest["parts"].values():
        where = os.path.join(path, part["file"])
        try:
            with open(where, "rb") as stream:
                found = _Counted(stream)
                found.to_the_end()
        except OSError as error:
            raise HostError(f"{where} cannot be read: {error.strerror}.") from None
        if (found.size, found.digest) != (part["size"], part["sha256"]):
            raise HostError(f"{where} is damaged: it is not what was written.")


def check_contents(installation: Installation, path: str, manifest: dict, keys: Sequence) -> None:
    """Decrypt a backup's parts and read them to their end.

    Raises:
        HostError: A part is damaged, of another backup, or for another key.
    """
    parts = manifest["parts"]
    for name, part in parts.items():
        with opened(path, part, keys) as source:
            if name == "database":
                with postgres_tools.check(installation, manifest["pg_dump"]) as check:
                    found = _Counted(source, check)
                    found.to_the_end()
            else:
                found = _Counted(source)
                _read_tar(path, name, manifest, found)
        if (found.size, found.digest) != (part["content_size"], part["content_sha256"]):
            raise HostError(f"{os.path.join(path, part['file'])} is not what the manifest says.")


def _read_tar(path, name, manifest, stream):
    sealed = None
    for member, pieces in backup_files.unpack(stream):
        if member.name == backup_files.MANIFEST:
            sealed = json.loads(b"".join(pieces))
    rest = {one: part for one, part in manifest["parts"].items() if one != "files"}
    if name == "files" and sealed != _sealed({**manifest, "parts": rest}):
        raise HostError(
            f"{path} is no backup: its parts are of different backups, or its manifest.json was "
            "changed."
        )


def _sealed(manifest):
    """What is part of the last part, too: what nobody can change who has not made the backup."""
    contents = {
        name: [part["content_size"], part["content_sha256"]]
        for name, part in manifest["parts"].items()
    }
    kept = ("form", "made", "release", "kind", "host", "postgresql", "pg_dump", "vault")
    return {**{name: manifest[name] for name in kept}, "parts": contents}


class _Counted:
    """A stream that is read, or written, with the size and digest of what went through.

    Args:
        stream: Whence, or where to.
        other: What is shown all that is read, too.
    """

    def __init__(self, stream, other=None):
        self._stream, self._other = stream, other
        self._digest, self.size = hashlib.sha256(), 0

    def read(self, size=-1):
        data = self._stream.read(size)
        self._count(data)
        if self._other is not None:
            self._other.write(data)
        return data

    def write(self, data):
        self._count(data)
        return self._stream.write(data)

    def flush(self):
        self._stream.flush()

    def to_the_end(self, target=None):
        """Read everything, into a target if there is one."""
        while data := self.read(postgres_tools.PIECE):
            if target is not None:
                target.write(data)

    def _count(self, data):
        self._digest.update(data)
        self.size += len(data)

    @property
    def digest(self):
        return self._digest.hexdigest()


# Making one


def create(
    installation: Installation,
    host: str,
    folder: str = FOLDER,
    keys: Sequence[str] = (),
    keep: int = KEEP,
    images: bool = False,
    stop: bool = False,
    test: bool = False,
) -> dict[str, Any]:
    """Make a backup of the region on this host, and delete those that are too many.

    What a killed run left is removed first, and services that it stopped are started.

    Args:
        installation: The host.
        host: Its name, for the manifest.
        folder: Where the backups are; made for root alone.
        keys: Public keys of age, each of which opens it; not encrypted without any.
        keep: How many good backups to keep, this one among them.
        images: Whether also images' files are in it (3.5 and later; before, the database has them).
        stop: Whether MAAS on this host is stopped meanwhile, so that database, images and Vault
            are of the same moment.
        test: Only plan.

    Returns:
        ``{"name", "parts", "encrypted", "stopped", "deleted", "size", "warnings"}``; name and size
        are None with ``test``.

    Raises:
        BadInput: An argument is wrong.
        HostError: It cannot be made; those that there are stay.
    """
    installation.need_supported("region")
    keys = [keys] if isinstance(keys, str) else list(keys or ())
    sealing = age.public_keys(keys) if keys else []
    if type(keep) is not int or keep < 1:
        raise BadInput(f"keep: {keep!r} must be a number from 1 on")
    where = place(installation, folder)
    server = config_files.read_config(installation, secrets=True)["database"]
    with database.connect(server) as conn:
        version = database.version(conn)
    _, made_by = postgres_tools.find(installation, "pg_dump", version)
    postgres_tools.find(installation, "pg_restore", made_by)
    has_images = images and bool(backup_files.images(installation))
    done: dict[str, Any] = {
        "name": None, "parts": [one for one in PARTS if one != "images" or has_images],
        "encrypted": bool(keys), "stopped": stop,
        "deleted": _too_many(installation, folder, keep - 1, read=False), "size": None,
        "warnings": _remarks(installation, bool(keys), images),
    }  # fmt: skip
    if test:
        return done
    with transaction.locked(installation, "backup"):
        finish(installation, folder)
        os.makedirs(where, mode=0o700, exist_ok=True)
        _need_own(where)
        name = _new_name(names(installation, folder))
        partial = os.path.join(where, f"{name}{_PARTIAL}")
        os.mkdir(partial, 0o700)
        try:
            with _quiet(installation, server) if stop else contextlib.nullcontext():
                making = _Making(installation, partial, sealing, server)
                known = {
                    "made": round(time.time(), 3), "host": host, "postgresql": version,
                    "pg_dump": made_by, "keys": keys, "stopped": stop,
                }  # fmt: skip
                manifest = making.manifest(known, has_images, done["warnings"])
            check_stored(partial, manifest)
            atomic_file.put(
                os.path.join(partial, "manifest.json"), json.dumps(manifest, indent=1), lasting=True
            )
            os.rename(partial, os.path.join(where, name))
            _sync(where)
        except OSError as error:
            raise HostError(f"No backup was made: {error.strerror or error}.") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        note = {"name": name, "made": manifest["made"], "folder": folder}
        _note(installation, _LAST, json.dumps(note))
        done["deleted"] = _delete(where, _too_many(installation, folder, keep, read=False))
    size = sum(part["size"] for part in manifest["parts"].values())
    return {**done, "name": name, "size": size, "warnings": manifest["warnings"]}


def finish(installation: Installation, folder: str = FOLDER) -> None:
    """Remove what killed runs left, and start what they stopped."""
    for one in (_LAST, _STOPPED):
        files.sweep(_own(installation, one))
    where = place(installation, folder)
    for one in os.listdir(where) if os.path.isdir(where) else ():
        if one.endswith(_PARTIAL) and _NAME.fullmatch(one.removesuffix(_PARTIAL)):
            shutil.rmtree(os.path.join(where, one))
    if files.read(_own(installation, _STOPPED)) is not None:
        _start(installation)


def _start(installation):
    services.start_all(installation)
    os.unlink(_own(installation, _STOPPED))


@contextlib.contextmanager
def _quiet(installation, server):
    """Stop MAAS on this host for the time of the ``with``, if it runs."""
    _note(installation, _STOPPED, "")
    ran = services.stop_all(installation)
    try:
        with database.connect(server) as conn:
            conn.set_session(autocommit=True)
            migration.wait_for_silence(conn, SILENCE)
        yield
    finally:
        if ran:
            _start(installation)
        else:
            os.unlink(_own(installation, _STOPPED))


def _new_name(known):
    """A name that is after all others, also if the clock was put back."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    newest, number = _order(known[0]) if known else ("", 0)
    return f"{newest}-{number + 1}" if newest >= stamp else stamp


def _remarks(installation, encrypted, images):
    found = []
    if not encrypted:
        found.append("the backup is not encrypted: whoever can read it has all of MAAS's secrets")
    if installation.release < "1.7" and "cluster" in installation.roles:
        found.append("images of 1.5 and 1.6 are on the clusters' hosts, and in no backup")
    if not images and backup_files.images(installation):
        found.append("images are not in the backup; those that were uploaded exist nowhere else")
    if reached := vault.config(installation):
        found.append(
            "the region's secrets are in Vault and not in the backup: save "
            f"{reached['secrets_mount']}/{reached['secrets_path']} of {reached['url']} too, at the "
            "same moment"
        )
    return found


class _Making:
    """One backup that is being made, in a folder of its own."""

    def __init__(self, installation, partial, sealing, server):
        self._installation, self._partial = installation, partial
        self._sealing, self._server = sealing, server
        self._parts = {}

    def manifest(self, known, images, remarks):
        """Make all parts and return the manifest."""
        here, remarks = self._installation, list(remarks)
        before = self._images()
        self._database(known["postgresql"], known["pg_dump"])
        if images:
            names = backup_files.images(here)
            self._tar("images", backup_files.packed(here, names))
            remarks += self._image_remarks(before, names)
        names, more = backup_files.saved(here)
        found = {
            "form": _FORM, "release": str(here.release), "kind": here.kind,
            "roles": sorted(here.roles), "vault": bool(vault.config(here)),
            **known, "parts": self._parts,
        }  # fmt: skip
        self._tar("files", backup_files.packed(here, names, _sealed(found)))
        return {**found, "warnings": [*remarks, *more]}

    def _database(self, version, made_by):
        # It is read back while it is still in clear: afterwards only the private key opens it.
        with (
            postgres_tools.check(self._installation, made_by) as check,
            postgres_tools.dump(self._installation, self._server, version) as dump,
        ):
            self._part("database", "dump", _Counted(dump, check))

    def _tar(self, name, pieces):
        self._part(name, "tar", _Counted(backup_files.Pieces(pieces)))

    def _part(self, name, ending, content):
        file = f"{name}.{ending}{'.age' if self._sealing else ''}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(os.path.join(self._partial, file), flags, 0o600)
        with open(handle, "wb") as stream:
            stored = _Counted(stream)
            if self._sealing:
                age.encrypt(content, stored, self._sealing)
            else:
                content.to_the_end(stored)
            stream.flush()
            os.fsync(handle)
        self._parts[name] = {
            "file": file, "size": stored.size, "sha256": stored.digest,
            "content_size": content.size, "content_sha256": content.digest,
        }  # fmt: skip

    def _images(self):
        if self._installation.release < "3.5":
            return {}
        with database.connect(self._server) as conn:
            return database.image_files(conn)

    def _image_remarks(self, before, names):
        if self._images() != before:
            yield "images changed while the backup was made: make it again, or with stop=true"
        root = self._installation.root
        there = {os.path.basename(one): os.path.getsize(os.path.join(root, one)) for one in names}
        if lacking := before.items() - there.items():
            yield f"{len(lacking)} images' files are not complete on this host, nor in the backup"


def _sync(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Deleting


def prune(
    installation: Installation, folder: str = FOLDER, keep: int = KEEP, test: bool = False
) -> list[str]:
    """Delete backups, all but the newest good ones.

    The newest that is kept is read and its checksums compared, so that one good backup stays
    whatever happened to the others.

    Args:
        installation: The host.
        folder: Where they are.
        keep: How many good ones to keep.
        test: Only tell.

    Returns:
        The names of those that are deleted.

    Raises:
        BadInput: An argument is wrong.
        HostError: One cannot be deleted.
    """
    if type(keep) is not int or keep < 1:
        raise BadInput(f"keep: {keep!r} must be a number from 1 on")
    if test:
        return _too_many(installation, folder, keep)
    with transaction.locked(installation, "backup"):
        finish(installation, folder)
        return _delete(place(installation, folder), _too_many(installation, folder, keep))


def _too_many(installation, folder, keep, read=True):
    """Those that are older than so many good ones, the first of which is read if need be."""
    good, found = 0, []
    where = place(installation, folder)
    for name in names(installation, folder):
        path = os.path.join(where, name)
        if good >= keep:
            found.append(name)
            continue
        with contextlib.suppress(MaasError):
            manifest = manifest_of(path)
            if read and good == 0:
                check_stored(path, manifest)
            good += _sizes(path, manifest) is None
    return found


def _delete(where, found):
    for name in found:
        gone = os.path.join(where, f"{name}{_PARTIAL}")
        try:
            os.rename(os.path.join(where, name), gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise HostError(f"The backup {name} cannot be deleted: {error.strerror}.") from None
    return found
