"""Images of API 1.0 (1.7+): what sources offer, what is selected and what is imported."""

from __future__ import annotations

import hashlib
import itertools

from maas_emulator import images

SOURCES = "boot_sources"
SELECTIONS = "boot_source_selections"
RESOURCES = "boot_resources"

SYNCED, GENERATED, UPLOADED = 0, 1, 2
TYPES = ("Synced", "Generated", "Uploaded")

DEFAULT_URL = "http://maas.ubuntu.com/images/ephemeral-v2/releases/"
DEFAULT_KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"

LABEL = "release"
_VERSION = "20150305"
#: (series, architecture) that the streams of 1.x lack.
_NOT_OFFERED = (("precise", "arm64"),)
_FILES = (("root-image.gz", 32), ("boot-kernel", 30), ("di-kernel", 28), ("boot-initrd", 30),
          ("di-initrd", 28))  # fmt: skip

#: Without all of these no machine of that architecture can be commissioned and installed.
_NEEDED_FILES = frozenset(name for name, _ in _FILES)

_file_ids = "boot_resource_files"


def products(source, os="", series=None):
    """What the catalogue of a source holds, as (os, series, arch)."""
    return [
        product
        for product in source["catalogue"]
        if os in ("", product[0]) and series in (None, product[1])
    ]


def kernels(series):
    """Subarchitectures of a series; the last one names the image's own kernel."""
    return tuple(dict.fromkeys(("generic", "hwe-p", f"hwe-{series[0]}")))


def offered_kernels(source, offered):
    """Subarchitectures of products of a source, which may say itself which it has."""
    return {name for product in offered for name in source.get("kernels") or kernels(product[1])}


def index(region, source):
    """Read the catalogue of a source in the background; until then it has the one it had."""
    source.setdefault("catalogue", [])
    region.later(region.options.index_seconds, lambda: _read(region, source))


def is_offered(series, arch):
    """Whether the streams of 1.x have an architecture of a series."""
    return (series, arch) not in _NOT_OFFERED


def _read(region, source):
    found = {}
    for item in images.catalogue(region.release, source["url"]) or ():
        if is_offered(item.release, item.arch):
            found[item.os, item.release, item.arch] = True
    source["catalogue"] = list(found)


def usable_architectures(region):
    """Architectures that machines and uploads may have."""
    found: set = set()
    for resource in complete_synced(region):
        names = {file["filename"] for file in resource["sets"][-1]["files"]}
        if names >= _NEEDED_FILES:
            arch = resource["architecture"].partition("/")[0]
            # From 1.9 on a kernel is chosen apart from the architecture.
            found.update(
                f"{arch}/{subarch}"
                for subarch in resource["subarches"]
                if region.release < "1.9" or not subarch.startswith("hwe-")
            )
    return sorted(found)


def is_complete(one):
    """Whether all of a file or set is there."""
    files = one.get("files", [one])
    return all(file["have"] >= file["size"] for file in files)


def complete_synced(region):
    """The resources that came from a source and are complete."""
    rows = region.rows(RESOURCES).values()
    return [row for row in rows if row["rtype"] == SYNCED and is_complete(row["sets"][-1])]


def new_file(region, filename, size, sha256, have):
    """A file of a resource set; ``have`` counts the bytes that are there."""
    row = {"filename": filename, "size": size, "sha256": sha256, "have": have, "content": b""}
    return region.rows(_file_ids).add(row)


def file_of(region, ident):
    """The file of that id, or None."""
    return region.rows(_file_ids).get(ident)


def start_import(region, finished):
    """Import what is selected; nothing new happens while one is at it.

    Args:
        finished: Called when all is there.
    """
    if region.state.get("importing"):
        return
    region.state["importing"] = True
    for source in region.rows(SOURCES).values():
        _read(region, source)  # an import reads the catalogues first
    wanted = _selected(region)
    for product in wanted:
        add_synced(region, *product)

    places = [_place(*product) for product in wanted]

    def finish():
        region.state["importing"] = False
        rows = region.rows(RESOURCES)
        for row in [row for row in rows.values() if row["rtype"] == SYNCED]:
            if (row["name"], row["architecture"]) not in places:
                del rows[row["id"]]
                continue
            for file in row["sets"][-1]["files"]:
                file["have"] = file["size"]
        finished(region)

    region.later(region.options.import_seconds, finish)


def _selected(region):
    """The products that selections ask for, each once."""
    found = {}
    for selection in region.rows(SELECTIONS).values():
        source = region.rows(SOURCES).get(selection["source"])
        if source is None or not ({"*", LABEL} & set(selection["labels"])):
            continue
        for product in products(source, selection["os"], selection["release"]):
            _, series, arch = product
            if {"*", arch} & set(selection["arches"]) and (
                {"*", *kernels(series)} & set(selection["subarches"])
            ):
                found[product] = True
    return list(found)


def _place(os, series, arch):
    return f"{os}/{series}", f"{arch}/{kernels(series)[-1]}"


def add_synced(region, os, series, arch):
    """The row of an image from a source; a new one is known by name, but nothing of it there."""
    name, architecture = _place(os, series, arch)
    rows = region.rows(RESOURCES)
    for row in rows.values():
        if (row["rtype"], row["name"], row["architecture"]) == (SYNCED, name, architecture):
            return row
    files = []
    for filename, size in _FILES:
        sha256 = hashlib.sha256(f"{name} {architecture} {filename}".encode()).hexdigest()
        files.append(new_file(region, filename, size, sha256, 0))
    return rows.add(
        {
            "rtype": SYNCED,
            "name": name,
            "architecture": architecture,
            "subarches": kernels(series),
            "extra": {"kflavor": "generic"},
            "sets": [{"version": _VERSION, "label": LABEL, "files": files}],
        }
    )


def next_version(resource, today):
    """The version of one more upload: the day, then the day with a running number."""
    taken = {one["version"] for one in resource["sets"]}
    if today not in taken:
        return today
    return next(f"{today}.{n}" for n in itertools.count(1) if f"{today}.{n}" not in taken)
