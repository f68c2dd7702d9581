"""Boot images: what a mirror offers, and the import that takes its time.

The built-in catalogue holds for any URL, so nothing is ever fetched; a URL can ask for
something else: a host that ends in ``.invalid`` cannot be reached, and ``/empty/`` in a path
stands for a mirror without images.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

VERSION = "20261101.0"
DEFAULT_URL = "http://images.maas.io/ephemeral-v3/stable/"
DEFAULT_KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"

#: Ubuntu series on the mirror: version, and the release of MAAS from which it is there.
SERIES = {
    "precise": ("12.04", "1.5", "2.0"),
    "trusty": ("14.04", "1.5", "3.0"),
    "xenial": ("16.04", "2.0", None),
    "bionic": ("18.04", "2.4", None),
    "focal": ("20.04", "2.8", None),
    "jammy": ("22.04", "3.2", None),
    "noble": ("24.04", "3.5", None),
}

#: Architectures of the Ubuntu images.
ARCHES = {"1.0": ("amd64", "i386", "arm64"), "2.0": ("amd64", "arm64")}

#: Boot loaders that come with any image: (name, architecture, file).
BOOTLOADERS = (
    ("grub-efi-signed/uefi", "amd64/generic", "grub2-signed.tar.xz"),
    ("grub-efi/uefi", "arm64/generic", "grub2.tar.xz"),
    ("pxelinux/pxe", "i386/generic", "syslinux.tar.xz"),
)


class Product(NamedTuple):
    """One image on a mirror: what a selection picks by."""

    os: str
    release: str
    arch: str
    subarch: str
    label: str
    kernels: tuple = ()


def catalogue(release, url):
    """What a mirror offers to a release of MAAS.

    Args:
        release: A :class:`~maas_emulator.release.Release`.
        url: Of the boot source.

    Returns:
        A list of :class:`Product`, or None when the mirror cannot be reached.
    """
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    if host.endswith(".invalid"):
        return None
    if "/empty/" in url:
        return []
    found = []
    for name, (version, since, until) in SERIES.items():
        if release < since or (until and release >= until):
            continue
        for arch in ARCHES[release.api]:
            for subarch in subarches(release, name, version):
                found.append(Product("ubuntu", name, arch, subarch, label(release)))
    return found


def default_url(release):
    """The public mirror, as a release stores it."""
    return DEFAULT_URL.rstrip("/") if release >= "3.8" else DEFAULT_URL


def label(release):
    """The label of the images: ``release`` in the streams of 1.x, ``stable`` later."""
    return "release" if release.api == "1.0" else "stable"


def subarches(release, series, version):
    """Kernel flavours of a series: ``hwe-t`` in 1.x, ``ga-22.04`` and so on later."""
    if release.api == "1.0":
        return ("generic", f"hwe-{series[0]}")
    return (f"ga-{version}", f"hwe-{version}", f"hwe-{version}-lowlatency")


def choose_arches(selection, source):
    """Note the architectures that a selection brings from 3.8 on.

    ``*`` stands for those that the source offers when the selection is stored; what is no longer
    named stays.
    """
    named = selection["arches"]
    if named == ["*"]:
        same = selection["os"], selection["release"]
        offered = source["catalogue"] or ()
        named = [item.arch for item in offered if (item.os, item.release) == same]
    selection["chosen"] = selection.get("chosen", set()).union(named)


def matches(selection, product, release):
    """Whether a selection picks a product; an empty list picks nothing."""
    same = (selection["os"], selection["release"]) == (product.os, product.release)
    if release >= "3.8":
        return same and product.arch in selection["chosen"]
    return (
        same
        and _picks(selection["arches"], product.arch)
        and _picks(selection["subarches"] or ["*"], product.subarch)
        and _picks(selection["labels"] or ["*"], product.label)
    )


def _picks(wanted, value):
    return "*" in wanted or value in wanted


def wanted(region):
    """The resources that an import would bring: rows without ids, in order.

    What several sources offer comes from the one of the highest priority.
    """
    rows: dict = {}
    pairs = [
        (source, selection)
        for selection in region.rows("selections").values()
        if (source := region.rows("boot_sources").get(selection["boot_source_id"]))
        and source.get("enabled", True)
    ]
    for source, selection in sorted(pairs, key=lambda one: -one[0].get("priority", 0)):
        for product in source["catalogue"] or ():
            if matches(selection, product, region.release):
                name = f"{product.os}/{product.release}"
                architecture = f"{product.arch}/{product.subarch}"
                row = {**image(region, name, architecture), "brought_by": selection["id"]}
                rows.setdefault((name, architecture), row)
    if rows:
        for name, architecture, filename in BOOTLOADERS:
            rows[name, architecture] = _bootloader(region, name, architecture, filename)
    return list(rows.values())


def image(region, name, architecture):
    """An image of an Ubuntu series, of which nothing is there yet."""
    series, flavour = name.rpartition("/")[2], architecture.rpartition("/")[2]
    version = SERIES[series][0]
    root = ("squashfs", "squashfs") if region.release >= "2.1" else ("root.tgz", "root-tgz")
    files = {"boot-initrd": "boot-initrd", "boot-kernel": "boot-kernel", root[0]: root[1]}
    names = ["generic", "hwe-p", "hwe-q", flavour]
    if region.release.api == "2.0":
        names.append(f"ga-{version}")
    row = _resource(region, "Synced", name, architecture, files, 40_000_000)
    row["subarches"] = ",".join(names)
    return row


def _bootloader(region, name, architecture, filename):
    return _resource(region, "Synced", name, architecture, {filename: "archive.tar.xz"}, 11400)


def _resource(region, kind, name, architecture, files, size):
    shown = {}
    for filename, filetype in files.items():
        digest = hashlib.sha256(f"{name} {architecture} {filename}".encode()).hexdigest()
        shown[filename] = new_file(filename, filetype, digest, size)
    return new_resource(kind, name, architecture, VERSION, label(region.release), shown)


def new_file(filename, filetype, digest, size):
    """A file of a resource of which nothing is there yet; sizes in bytes."""
    return {
        "filename": filename,
        "filetype": filetype,
        "sha256": digest,
        "size": size,
        "stored": 0,
    }


def new_resource(kind, name, architecture, version, its_label, files):
    """A boot resource with one set of files."""
    return {
        "type": kind,
        "name": name,
        "architecture": architecture,
        "version": version,
        "label": its_label,
        "files": files,
        "subarches": None,
    }


def is_complete(row):
    """Whether every file of a resource is there."""
    return all(item["stored"] >= item["size"] for item in row["files"].values())


def architectures(region):
    """The ``arch/subarch`` that something complete is there for; kernels are none in 2.0."""
    found = set()
    for row in region.rows("boot_resources").values():
        if row["type"] == "Synced" and row["subarches"] and is_complete(row):
            arch = row["architecture"].partition("/")[0]
            found |= {f"{arch}/{name}" for name in row["subarches"].split(",")}
    if region.release >= "2.0":
        found = {name for name in found if "hwe-" not in name and "ga-" not in name}
    return sorted(found)


def imported_series(region):
    """Names of the Ubuntu series that are there, such as ``jammy``."""
    names = {
        row["name"].partition("/")[2]
        for row in region.rows("boot_resources").values()
        if row["name"].startswith("ubuntu/") and row["type"] == "Synced" and is_complete(row)
    }
    return sorted(names)


def _offered(region):
    """(system, series) of what is there and no boot loader; what is custom has its own system."""
    for row in region.rows("boot_resources").values():
        if row["type"] == "Uploaded" or (row["subarches"] and is_complete(row)):
            system, slash, series = row["name"].partition("/")
            yield (system, series) if slash else ("custom", system)


def systems(region):
    """Names of the operating systems that are there."""
    return sorted({system for system, _ in _offered(region)})


def series_of(region, system):
    """Names of the series of an operating system that are there."""
    found = [series for name, series in _offered(region) if name == system]
    return list(dict.fromkeys(found))


def kernels(region, series):
    """Names of the kernels of an Ubuntu series that are there."""
    return sorted(
        {
            row["architecture"].partition("/")[2]
            for row in region.rows("boot_resources").values()
            if row["name"] == f"ubuntu/{series}" and row["subarches"] and is_complete(row)
        }
    )


class Importer:
    """The import of one region: its state, and what clusters have of it.

    Attributes:
        running: Whether an import is on.
        ever_ran: Whether there ever was one, without which source 1 has no catalogue.
    """

    def __init__(self, region):
        self.region = region
        self.running = False
        self.ever_ran = False
        self._run = 0
        self._synced_at = None

    @property
    def cluster_state(self):
        """What a connected cluster reports: ``region-importing``, ``syncing`` or ``synced``."""
        if self.running:
            return "region-importing"
        if self._synced_at is not None and self.region.clock() < self._synced_at:
            return "syncing"
        return "synced"

    def fetch_later(self, source):
        """Read a source's index in a while; the first source only has it after an import.

        From 3.8 on the first one is like any other.
        """
        if source["id"] == 1 and not self.ever_ran and self.region.release < "3.8":
            return
        self.region.later(self.region.options.index_seconds, lambda: self.fetch(source))

    def fetch(self, source):
        """Read a source's index now."""
        source["catalogue"] = catalogue(self.region.release, source["url"])

    def start(self):
        """Start an import, unless one is running."""
        if self.running:
            return
        region = self.region
        self.running = self.ever_ran = True
        self._run += 1
        run = self._run
        for source in region.rows("boot_sources").values():
            self.fetch(source)
        rows = wanted(region)
        step = region.options.import_seconds / (len(rows) or 1)
        for number, row in enumerate(rows):
            region.later(step * number, lambda row=row: self._begin(run, row))
            region.later(step * (number + 1), lambda row=row: self._finish(run, row))
        region.later(region.options.import_seconds, lambda: self._end(run, rows))

    def stop(self):
        """Stop; what is on its way still needs a moment."""
        if self.running:
            self._run += 1
            run = self._run
            rest = self.region.options.import_seconds / 10
            self.region.later(rest, lambda: self._end(run, None))

    def drop(self, selection):
        """Delete what a selection brought, though another one may name it, too."""
        table = self.region.rows("boot_resources")
        for row in list(table.values()):
            if row.get("brought_by") == selection["id"]:
                del table[row["id"]]

    def _stored(self, row):
        for old in self.region.rows("boot_resources").values():
            if old["type"] == row["type"] and all(
                old[key] == row[key] for key in ("name", "architecture")
            ):
                return old
        return None

    def _begin(self, run, row):
        if run != self._run:
            return
        table, stored = self.region.rows("boot_resources"), self._stored(row)
        moved = stored and stored.get("brought_by") != row.get("brought_by")
        if moved and self.region.release >= "3.8":
            del table[stored["id"]]
            stored = None
        if stored is None:
            table.add(row)

    def _finish(self, run, row):
        stored = self._stored(row)
        if run == self._run and stored is not None:
            for item in stored["files"].values():
                item["stored"] = item["size"]

    def _end(self, run, rows):
        if run != self._run:
            return
        self.running = False
        self._synced_at = self.region.clock() + self.region.options.sync_seconds
        if rows is None or self.region.release >= "3.8":
            return  # what belongs to a selection goes with that alone
        keep = {(row["name"], row["architecture"]) for row in rows}
        table = self.region.rows("boot_resources")
        for row in list(table.values()):
            if row["type"] == "Synced" and (row["name"], row["architecture"]) not in keep:
                del table[row["id"]]


def importer(region):
    """The :class:`Importer` of a region."""
    state = region.state
    if "importer" not in state:
        state["importer"] = Importer(region)
    return state["importer"]
