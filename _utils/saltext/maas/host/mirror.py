"""A mirror of boot images in a folder, by Ubuntu's own tool ``sstream-mirror``."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from saltext.maas import schemas
from saltext.maas.errors import BadInput, few
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, failed
from saltext.maas.release import Release
from saltext.maas.schemas import filled, flag, listed, mapping, text, whole

COMMAND = "sstream-mirror"
KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"
SOURCE = "https://images.maas.io/ephemeral-v3/stable/"
_SIGNED = "streams/v1/index.sjson"
#: What limits the images, and its name in the index.
_KEYS = {
    "os": "os", "releases": "release", "arches": "arch", "labels": "label", "kernels": "subarch",
    "flavors": "kflavor",
}  # fmt: skip
_WORD = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_words = {"items": {"type": "string", "pattern": _WORD}, "allowed": "a list of words"}
#: The pillar's ``maas:mirror``.
SCHEMA = mapping(
    {
        "folder": text("Folder that it is in.", pattern="^/.+", allowed="an absolute path"),
        "source": text(f"URL of the images that are mirrored; {SOURCE}.", "url"),
        "path": text(f"Index within it; {_SIGNED}."),
        "os": {"type": "array", **_words, "doc": "Operating systems; all."},
        "releases": {"type": "array", **_words, "doc": "Releases, such as noble; all."},
        "arches": {"type": "array", **_words, "doc": "Architectures, such as amd64; all."},
        "labels": {"type": "array", **_words, "doc": "Labels, such as stable; all."},
        "kernels": {"type": "array", **_words, "doc": "Kernels, such as ga-24.04; all."},
        "flavors": {"type": "array", **_words, "doc": "Flavours of kernels; all."},
        "filters": listed(
            filled(text("")), "Further filters of sstream-mirror, such as version_name=20240101."
        ),
        "bootloaders": flag("Boot loaders of the architectures, which MAAS needs; true."),
        "versions": whole("Versions of each image that are kept; 1.", 1, 1000),
        "keyring": text(f"File with the keys that sign the index; {KEYRING}."),
        "verify": flag("Whether signatures are checked; true."),
        "port": whole("Port of the web server; 8081.", 1, 65535),
    },
    "A mirror of boot images on this host (maas.mirror).",
    required=("folder",),
)  # fmt: skip


def sync(
    described: dict[str, Any], test: bool = False, timeout: float = 6 * 3600
) -> dict[str, Any]:
    """Bring a mirror up to date with its source.

    Args:
        described: As :data:`SCHEMA` has it.
        test: Only find out what would be fetched; this reads the source's index.
        timeout: Seconds that each of the two runs of the tool may take.

    Returns:
        ``{"changes": {"images" or "bootloaders": {"old", "new"}}, "warnings", "restarted"}``.

    Raises:
        BadInput: The description is wrong.
        HostError: The tool is missing, failed, or left no index.
    """
    schemas.check(described, SCHEMA, "maas:mirror")
    path, verify = described.get("path", _SIGNED), described.get("verify", True)
    if verify and not path.endswith(".sjson"):
        raise BadInput(
            [
                f"maas:mirror:path: {path!r} is not signed, as an index that ends in .sjson is; "
                "name one, or set verify to false"
            ]
        )
    folder = described["folder"]
    changes = {}
    for name, filters in _runs(described):
        lines = _run(described, path, verify, filters, test, timeout)
        new, old = ([line[2:] for line in lines if line.startswith(sign)] for sign in ("+ ", "- "))
        if new or old:
            changes[name] = {"old": _versions(old), "new": _versions(new)}
    if not test and not os.path.isfile(os.path.join(folder, path)):
        raise HostError(f"{COMMAND} ended well, but left no {path} in {folder}.")
    return {"changes": changes, "warnings": [], "restarted": []}


def _runs(described):
    """The name and the filters of each run of the tool."""
    chosen = {
        key: f"{name}~^({'|'.join(re.escape(word) for word in described[key])})$"
        for key, name in _KEYS.items()
        if described.get(key)
    }
    yield "images", [*chosen.values(), *described.get("filters", ())]
    # They have no release, nor kernels, so they are left out where these are chosen.
    if chosen and described.get("bootloaders", True):
        kept = [chosen[key] for key in ("arches", "labels") if key in chosen]
        yield "bootloaders", ["bootloader-type~.", *kept]


def _run(described, path, verify, filters, test, timeout):
    """Run the tool; returns the lines that say what it fetches and removes."""
    argv = [COMMAND, f"--max={described.get('versions', 1)}", f"--path={path}"]
    argv += [f"--keyring={described.get('keyring', KEYRING)}"] if verify else ["--no-verify"]
    argv += ["--dry-run"] if test else []
    source = described.get("source", SOURCE)
    source = source if urlsplit(source).path.endswith("/") else f"{source}/"
    host = Installation(Release("3.8"), "deb", frozenset())  # whose commands these are
    argv += [source, described["folder"], *filters]
    # What a run fetched in part is gone on with. Where the server begins anew that spoils it, and
    # the tool fails and removes it.
    tries = 2 if not test and _has_parts(described["folder"]) else 1
    for _ in range(tries):
        code, stdout, stderr = host.run(argv, timeout=timeout)
        if not code:
            break
    if code:
        raise failed(argv, code, stderr or stdout)
    return f"{stdout}\n{stderr}".splitlines()  # one or the other, by the tool's version


def _has_parts(folder):
    return any(name.endswith(".part") for _, _, names in os.walk(folder) for name in names)


def _versions(lines):
    """Products with their versions, out of lines ``PRODUCT VERSION ITEM PATH SIZE Mb``."""
    found = dict.fromkeys(" ".join(line.split()[:2]) for line in lines)
    return few([*found], 50) if found else None
