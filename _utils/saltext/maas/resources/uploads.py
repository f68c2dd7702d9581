"""Images that are uploaded: Windows, CentOS and whatever one builds oneself."""

from __future__ import annotations

import functools
import hashlib
import os
from typing import Any

from saltext.maas.errors import Invalid, LostAnswer, MaasError, NotDone, Unavailable
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Run, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

_PIECE = 4 * 1024 * 1024  # bytes
#: File types as an upload names them, and as MAAS shows them.
_FILETYPES = {
    "tgz": "root-tgz", "tbz": "root-tbz", "txz": "root-txz", "ddtgz": "root-dd",
    "ddtbz": "root-dd.tar.bz2", "ddtxz": "root-dd.tar.xz", "ddtar": "root-dd.tar",
    "ddbz2": "root-dd.bz2", "ddgz": "root-dd.gz", "ddxz": "root-dd.xz", "ddraw": "root-dd.raw",
}  # fmt: skip
_FILETYPE_RULES = (
    rules.one_of("tgz", "ddtgz", up_to="2.1"),
    rules.one_of(*(one for one in _FILETYPES if one not in ("tbz", "txz")), up_to="2.6"),
)
_SHOWN_FILETYPES = {shown: name for name, shown in _FILETYPES.items()}
_SHA256 = kinds.matching(r"^[0-9a-fA-F]{64}$", "a SHA-256 of 64 hexadecimal digits")
_ARCHITECTURES = ("amd64", "arm64", "armhf", "i386", "ppc64el", "s390x")
#: Operating systems of which 3.8 takes images.
_SYSTEMS = "custom|windows|centos|rhel|ol|suse|esxi|ubuntu|ubuntu-core|bootloader|onie"
_NAME = rules.matches(
    rf"({_SYSTEMS})/[^/]+|(?!({_SYSTEMS}|centos\d\d?)$)[^/]+",
    f"a name that is no operating system's own, or one after {_SYSTEMS.replace('|', '/, ')}/",
    "3.8",
)
_SYNCED, _CUSTOM = "Synced", "custom/"


class BootResource(Table):
    """Uploaded images.

    An image is found by its name and architecture and compared by its SHA-256. The file is sent in
    pieces; an upload that was cut off goes on where it ended.
    """

    name = "boot_resource"
    noun = "uploaded image"
    permission = "can_edit_boot_entities"
    since = "1.7"
    collection = "boot-resources/"
    identity = ("name", "architecture")
    by_key = True
    apart = ("path",)
    name_form = "{name}/{architecture}"
    name_doc = "The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``."
    example = {
        "name": "custom/rhel9", "architecture": "amd64", "path": "/srv/images/rhel9.tgz",
        "title": "RHEL 9",
    }  # fmt: skip
    created = "uploaded"
    after = ("image",)  # MAAS takes an architecture only once it has an image of it
    pillar = PillarLocation("boot_resources", "Images to upload.", needed=("name", "architecture"))
    fields = (
        Field("name", rules=(_NAME,),
              doc="Name, such as custom/rhel9, windows/win2022 or centos/centos9. Up to 3.7 MAAS "
              "leaves out ``custom/``; such an image is found by either name."),
        Field("architecture",
              kinds.matching(r"^\w+(/[\w-]+)?$", "an architecture such as amd64 or amd64/generic"),
              doc="Architecture, such as amd64/generic."),
        Field("path", write_only=True, doc="The file: on the minion that uploads it, or a URL such "
              "as salt://images/rhel9.tgz."),
        Field("sha256", _SHA256, read=lambda raw: _file(raw).get("sha256"),
              doc="Its SHA-256; worked out from the file where it is not given."),
        Field("title", write_only=True, doc="What a person calls it; sent with an upload only."),
        Field("filetype", kinds.choice(*_FILETYPES), default="tgz", server_default="tgz",
              rules=_FILETYPE_RULES,
              read=lambda raw: _SHOWN_FILETYPES.get(_file(raw).get("filetype")),
              doc="Type of the file; with another one the file is uploaded again."),
        Field("base_image", since="3.1", write_only=True,
              doc="Image that a custom one is built on, such as ubuntu/jammy."),
    )  # fmt: skip

    def parse(self, name: str) -> dict:
        system, _, architecture = str(name).rpartition("/")
        if "/" in system and system.rpartition("/")[2] in _ARCHITECTURES:
            system, _, kind = system.rpartition("/")
            architecture = f"{kind}/{architecture}"
        if not system:
            raise ValueError("must be NAME/ARCHITECTURE, such as custom/rhel9/amd64")
        return {"name": system, "architecture": architecture}

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        if field.name == "architecture" and found and "/" not in found:
            return f"{found}/generic"
        return found.lower() if field.name == "sha256" and found else found

    # MAAS keeps ``custom/`` from 3.8 on and strips it before, so that a part holds both names.

    def part_of(self, key: str) -> str:
        return key.removeprefix(_CUSTOM)

    def partition(self, values: dict) -> str:
        return self.part_of(self.key(values))

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        found = snapshot.records(self.name, self.partition(desired.values))
        if desired.key in found or (desired.absent and snapshot.release >= "3.8"):
            return found.get(desired.key)
        # It was uploaded before 3.8; unless that is another desired image.
        short = self.part_of(desired.key)
        return None if short in snapshot.claimed(self.name) else found.get(short)

    # Reading

    def parts(self, snapshot: Snapshot) -> list[str]:
        return sorted({self.part_of(self.key_of(raw)) for raw in self._uploaded(snapshot)})

    @staticmethod
    def _uploaded(snapshot):
        return [raw for raw in snapshot.raw("image") if raw.get("type") != _SYNCED]

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        same = {
            key: raw
            for raw in self._uploaded(snapshot)
            if self.part_of(key := self.key_of(raw)) == partition
        }
        # Only the answer for the object itself has its files.
        return [snapshot.client.get(one["resource_uri"], expect=dict) for one in same.values()]

    # Comparing

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return what is wrong with the file that would be uploaded."""
        path, given = desired.values.get("path"), desired.values.get("sha256")
        if record is not None and not self.differences(snapshot, desired, record):
            return None
        if not path:
            return "path is missing: there is no such image, or another one"
        try:
            digest, _ = fingerprint(snapshot.local_file(path))
        except OSError as error:
            return f"path: {path!r} cannot be read: {error.strerror}"
        if given and given != digest:
            return f"path: {path!r} has the SHA-256 {digest}, not {given}"
        return None

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return what is missing for an upload: an imported image of the architecture."""
        kind = change.desired.values["architecture"].partition("/")[0]
        there = (key for key in snapshot.records("image") if key.startswith("ubuntu/"))
        coming = (one.desired.values["architecture"] for one in predicted.changes("image"))
        if (
            change.action == "delete"
            or any(key.endswith(f"/{kind}") for key in there)
            or any(one in (kind, "*") for one in coming)
        ):
            return None
        return (
            f"architecture: MAAS takes {kind} only once it has imported an Ubuntu image of it; "
            "import one first, or describe one under maas:boot_sources"
        )

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        there, path = _file(record.raw), desired.values.get("path")
        new = desired.values.get("sha256")
        if new is None and path:
            try:
                new, _ = fingerprint(snapshot.local_file(path))
            except OSError:
                return {"path": (None, path)}  # whether it is what is there is unknown
        found = {}
        if not there or (new is not None and there["sha256"] != new):
            found["sha256"] = (there.get("sha256"), new)
        elif path and not there["complete"]:
            found["sha256"] = (None, there["sha256"])
        types = self.by_name["filetype"].value(record.raw), desired.values.get("filetype")
        if all(types) and types[0] != types[1]:
            found["filetype"] = types
        return found

    # Writing

    def create(self, run: Run, desired: Desired) -> None:
        path = run.snapshot.local_file(desired.values["path"])
        digest, size = fingerprint(path)
        with run.lock(digest):  # which is one file on 3.8's disk, whatever image it is of
            self._upload(run, desired, path, digest, size)

    def _upload(self, run, desired, path, digest, size):
        record = self.match(run.snapshot, desired)
        file = _file(record.raw) if record else {}
        kind = desired.values.get("filetype")
        other = kind and file.get("filetype") not in (None, _FILETYPES[kind])
        name = record.raw["name"] if record else desired.values["name"]
        values = {**desired.values, "name": name}
        if not file or file["complete"] or file["sha256"] != digest or other:
            file = self._begin(run, values, digest, size)
        if not file["complete"]:
            try:
                self._send(run, desired, file, path, size)
            except _NotAppended:
                self._send(run, desired, self._begin(run, values, digest, size), path, size)
        self.reload(run.snapshot, desired)
        record = self.match(run.snapshot, desired)
        there = _file(record.raw) if record else {}
        if not there or not there["complete"] or there["sha256"] != digest:
            raise NotDone("the region took all of the file, but does not show the image as whole")

    def reload(self, snapshot: Snapshot, desired: Desired) -> None:
        snapshot.drop("image")
        snapshot.drop(self.name, self.partition(desired.values))

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        if self.differences(run.snapshot, desired, record):
            self.create(run, desired)

    def _begin(self, run, values, digest, size):
        values = {**self.defaults(run.snapshot.release), **values, "sha256": digest}
        data, _ = self.form(run.snapshot, values)
        return _file(run.client.post(self.collection, data={**data, "size": size}, repeat=False))

    def _send(self, run, desired, file, path, size):
        """Send the pieces; after a fault the region says how far it got.

        Raises:
            _NotAppended: The first piece was refused. 3.8 appends to what it has of the SHA-256,
                of whichever image; if that becomes too long, it deletes it.
        """
        what, faults = f"upload of {desired.label}", 0
        begun = done = _stored(run.snapshot, file)
        with open(path, "rb") as stream:
            while done < size:
                stream.seek(done)
                piece = stream.read(_PIECE)
                if not piece:
                    raise MaasError(f"{path} became shorter while it was sent")
                try:
                    run.client.put(file["upload_uri"], body=piece, repeat=False)
                    done, faults = done + len(piece), 0
                    run.starts()
                except Invalid as error:
                    if done != begun or run.snapshot.release < "3.8":
                        raise
                    raise _NotAppended(str(error)) from None
                except (LostAnswer, Unavailable) as error:
                    faults += 1
                    if faults > 5:
                        raise
                    run.pause(faults, error)
                    self.reload(run.snapshot, desired)
                    record = self.match(run.snapshot, desired)
                    if record is None:
                        raise
                    file = _file(record.raw)
                    done = size if file["complete"] else _stored(run.snapshot, file)
                run.progress(what, done, size)


class _NotAppended(MaasError):
    """MAAS refused the first piece of an upload."""


def _file(raw):
    """The one file of an uploaded image's newest version; empty if there is none."""
    sets = raw.get("sets") or {}
    newest = max(sets, key=_version, default=None)
    files = list(sets[newest]["files"].values()) if newest else []
    return files[0] if files else {}


def _version(text):
    # Two uploads of one day are called 20260131 and 20260131.1.
    return [int(part) if part.isdigit() else 0 for part in str(text).split(".")]


def _stored(snapshot, file):
    """How many bytes of a file the region has, from the progress that it answers."""
    progress, size = file.get("progress") or 0, file["size"]
    if not progress:
        return 0
    if snapshot.release < "3.5":
        return round(size / progress)  # MAAS divides the wrong way round
    # A percentage of the copies on all regions, of which the upload fills one.
    regions = len(snapshot.raw("region_controller")) or 1
    return min(size, round(progress * size * regions / 100))


def fingerprint(path: str) -> tuple[str, int]:
    """The SHA-256 and size of a file.

    Raises:
        OSError: It cannot be read.
    """
    about = os.stat(path)
    return _fingerprint(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=64)
def _fingerprint(path, changed, size):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(_PIECE), b""):
            digest.update(piece)
    return digest.hexdigest(), size
