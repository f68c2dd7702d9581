"""Boot images on a host's disk, and the file by which a 1.5 cluster fetches them."""

from __future__ import annotations

import os
from typing import Any

import yaml
from saltext.maas.api_path import segment
from saltext.maas.client import Client
from saltext.maas.host import cluster_config, database, files, formats
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

#: Folders from ``current`` down to an image's files; 1.5 has no ``os``.
LEVELS = ("os", "arch", "subarch", "release", "label")
#: Boot loaders (2.1 and later) have a folder of their own, and names with what they are for.
_LOADERS = "bootloader"
_LOADER_KINDS = ("pxe", "uefi", "open-firmware")
_KEYS = ("release", "arches", "subarches", "labels")
_KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"


def on_disk(installation: Installation) -> dict[str, Any]:
    """Return what is on the disk below ``boot-resources/current`` or ``image-storage``.

    Args:
        installation: A cluster or rack; from 3.5 on a region.

    Returns:
        ``{"folder", "snapshot": name or None, "images": ["ubuntu/trusty/amd64"],
        "files": number, "bytes": number}``; from 3.5 on the files are named by their
        hash, so ``images`` is None there.

    Raises:
        HostError: The folder cannot be read.
    """
    hashed = installation.release >= "3.5"
    installation.need("region" if hashed else "cluster")
    folder = installation.path("images")
    real = os.path.realpath(folder)
    levels = LEVELS if installation.release >= "1.6" else LEVELS[1:]
    images, number, size = set(), 0, 0

    def refuse(error):
        raise HostError(f"{error.filename} cannot be read: {error.strerror}.")

    for where, _, found in os.walk(real, onerror=refuse if os.path.exists(real) else None):
        parts = os.path.relpath(where, real).split(os.sep)
        if found and len(parts) == len(levels) and parts[0] != _LOADERS:
            at = dict(zip(levels, parts))
            images.add(f"{at.get('os', 'ubuntu')}/{at['release']}/{at['arch']}")
        number += len(found)
        size += sum(os.lstat(os.path.join(where, name)).st_size for name in found)
    return {
        "folder": installation.inside(folder),
        "snapshot": os.path.basename(real) if os.path.islink(folder) else None,
        "images": None if hashed else sorted(images),
        "files": number,
        "bytes": size,
    }


def listed(installation: Installation, client: Client | None = None) -> list[str]:
    """Return which images the region says that this cluster should have (up to 3.4).

    In 1.5 and 1.6 it is what the cluster reported; later what the region holds, also while it is
    still fetching it.

    Args:
        installation: The cluster or rack.
        client: To ask the region's API with; without it the region's database is asked, where
            the region is on this host.

    Returns:
        ``OS/RELEASE/ARCHITECTURE`` for each, in order.

    Raises:
        HostError: There is neither; nobody can be asked.
        MaasError: API or database cannot be asked.
    """
    uuid = cluster_config.read_files(installation)["uuid"] if installation.release < "1.7" else None
    if client is not None and uuid is not None:
        shape = [{"release": str, "architecture": str}]
        reported = client.get(f"nodegroups/{segment(uuid)}/boot-images/", expect=shape)
        found = [(one.get("osystem"), one["release"], one["architecture"]) for one in reported]
    elif client is not None:
        held = client.get("boot-resources/", expect=[{"name": str, "architecture": str}])
        found = [(*_system(one["name"]), one["architecture"]) for one in held]
    elif "region" in installation.roles:
        with database.connection(installation, timeout=10) as conn:
            if uuid is not None:
                found = database.reported_images(conn, uuid)
            else:
                found = [(*_system(name), arch) for name, arch in database.boot_resources(conn)]
    else:
        raise HostError(
            "listed: name the images; the region can only be asked on its own host, or with a "
            "profile that has a key."
        )
    return sorted(
        {
            f"{system or 'ubuntu'}/{release}/{arch.partition('/')[0]}"
            for system, release, arch in found
            if release not in _LOADER_KINDS
        }
    )


def _system(name):
    """Operating system and release of a boot resource; an upload may have a plain name."""
    return name.split("/", 1) if "/" in name else ("custom", name)


def compare(
    installation: Installation, desired: list[str] | None = None, client: Client | None = None
) -> dict[str, list[str]]:
    """Compare the disk with what the region lists for this cluster (up to 3.4).

    Args:
        installation: The cluster or rack.
        desired: Images as the region names them: ``ubuntu/trusty/amd64`` or
            ``ubuntu/trusty/amd64/generic``; what :func:`listed` finds by default.
        client: For :func:`listed`.

    Returns:
        ``{"missing": [listed, not on the disk], "extra": [on the disk, not listed]}``.

    Raises:
        HostError: From 3.5 on racks keep no images on their disk.
    """
    if installation.release >= "3.5":
        raise HostError(
            f"A rack of MAAS {installation.release} keeps no images on its disk: it passes on "
            "those of the region."
        )
    here = set(on_disk(installation)["images"])
    names = listed(installation, client) if desired is None else desired
    there = {"/".join(one.split("/")[:3]) for one in names}
    return {"missing": sorted(there - here), "extra": sorted(here - there)}


# bootresources.yaml (1.5)


def _boot(installation):
    """The file's path, its mapping, and what that has below ``boot``."""
    installation.need("cluster")
    if not installation.has("bootresources"):
        raise HostError(
            f"MAAS {installation.release} has no bootresources.yaml: "
            "its boot sources are the region's."
        )
    path = installation.path("bootresources")
    data = formats.yaml_read(files.read(path), installation.inside(path))
    return path, data, data.get("boot") or {}


def sources(installation: Installation) -> dict[str, Any]:
    """Return what ``bootresources.yaml`` says: ``{"configured": bool, "sources": [...]}`` (1.5).

    Raises:
        HostError: Another release, or the file is broken.
    """
    _, _, boot = _boot(installation)
    shown = [_source(one, "the file") for one in boot.get("sources") or ()]
    return {"configured": not boot.get("configure_me", False), "sources": shown}


def _source(one, where):
    if not isinstance(one, dict) or not one.get("path") or not one.get("selections"):
        raise HostError(f"{where}: a source has a path (URL) and selections.")
    chosen = []
    for item in one["selections"]:
        if not isinstance(item, dict) or not item.get("release"):
            raise HostError(f"{where}: a selection names its release, such as trusty.")
        unknown = ", ".join(sorted(set(item) - set(_KEYS)))
        if unknown:
            raise HostError(f"{where}: a selection has no {unknown}; it has {', '.join(_KEYS)}.")
        lists = {key: list(item.get(key) or ["*"]) for key in _KEYS[1:]}
        chosen.append({"release": str(item["release"]), **lists})
    return {
        "path": str(one["path"]),
        "keyring": str(one.get("keyring") or _KEYRING),
        "selections": chosen,
    }


def set_sources(
    installation: Installation, desired: list[dict], test: bool = False
) -> dict[str, Any]:
    """Write the sources into ``bootresources.yaml``; the importer reads it at each run (1.5).

    Args:
        installation: A cluster of 1.5.
        desired: ``[{"path": URL, "keyring": file, "selections": [{"release", "arches",
            "subarches", "labels"}]}]``.
        test: Only plan.

    Returns:
        ``{"changes": {"sources": {"old", "new"}} or {}, "warnings": []}``.

    Raises:
        HostError: A source is wrong, or the file cannot be written.
    """
    now = sources(installation)
    new = [_source(one, f"sources[{at}]") for at, one in enumerate(desired)]
    if not new:
        raise HostError("sources: at least one is needed.")
    if now["configured"] and now["sources"] == new:
        return {"changes": {}, "warnings": []}
    if not test:
        path, data, boot = _boot(installation)
        boot = {"storage": "/var/lib/maas/boot-resources/", **boot, "sources": new}
        boot.pop("configure_me", None)  # with it an upgrade of MAAS writes the file anew
        text = yaml.safe_dump({**data, "boot": boot}, default_flow_style=False, sort_keys=False)
        files.sweep(path)
        files.replace(installation, path, text, formats.yaml_read, mode=0o644)
    old = now["sources"] if now["configured"] else None
    return {"changes": {"sources": {"old": old, "new": new}}, "warnings": []}


def fetch(installation: Installation, timeout: float = 7200) -> None:
    """Have a 1.5 cluster fetch its images now: ``maas-import-pxe-files``, as root.

    Raises:
        HostError: Another release, the file is not in use yet, or the command failed.
    """
    if not sources(installation)["configured"]:
        raise HostError("bootresources.yaml is as it was installed: set its sources first.")
    installation.check(["maas-import-pxe-files"], timeout=timeout)
