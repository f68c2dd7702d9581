"""``nodegroups/UUID/boot-images/``: what clusters have fetched from the region (1.7+)."""

from __future__ import annotations

from maas_emulator.api1 import groups
from maas_emulator.api1 import reported_images as reported
from maas_emulator.api1.catalogue import RESOURCES, complete_synced, is_complete
from maas_emulator.api1.catalogue import usable_architectures as imported_architectures
from maas_emulator.web import TEXT, Answer, Endpoint

many = Endpoint("nodegroups/{uuid}/boot-images/", "BootImagesHandler", since=groups.RPC)

#: Purposes of an image; one that lacks the installer's files has no ``install``.
_PURPOSES = ("commissioning", "install", "xinstall")

#: Series that need a license key.
KEYED = (("windows", "win2012"), ("windows", "win2012r2"))

#: Series that 1.5 takes whatever there are images for.
SERIES_OF_1_5 = ("", "precise", "saucy", "trusty", "utopic")
COMMISSIONING_OF_1_5 = ("trusty",)
#: The long-term series of the day, which alone machines can be commissioned with.
LTS = "trusty"
#: The only choice of a setting where no cluster can deploy anything.
NO_IMAGES = "---"


def seed(region):
    """Let settings name what clusters can deploy."""
    region.series_choices = lambda setting: choices(region, setting)


def sync(region, group):
    """Let a cluster fetch what the region has, which takes its time."""
    if region.release < groups.RPC:  # there is nothing at the region to fetch
        return

    def arrive():
        # A cluster that went away meanwhile has fetched nothing, nor does one not accepted.
        if group["connected"] and group["status"] == groups.ACCEPTED:
            group["images"] = list(_images(region))

    region.later(region.options.sync_seconds, arrive)


def import_images(region, group):
    """Let a cluster import: up to 1.6 from its sources, later from the region."""
    if region.release < groups.RPC:
        reported.fetch(region, group)
    else:
        sync(region, group)


def usable_architectures(region, group):
    """Architectures that a machine of a cluster may have."""
    if region.release < groups.RPC:
        return reported.architectures(region, group)
    return imported_architectures(region)


def sync_all(region):
    """Let every accepted cluster do so."""
    for group in groups.all_groups(region):
        if group["status"] == groups.ACCEPTED and group["connected"]:
            sync(region, group)


def _images(region):
    for resource in complete_synced(region):
        osystem, _, release = resource["name"].partition("/")
        architecture = resource["architecture"].partition("/")[0]
        last = resource["sets"][-1]
        names = {file["filename"] for file in last["files"]}
        for subarchitecture in sorted(set(resource["subarches"])):
            for purpose in _PURPOSES:
                if purpose == "install" and "di-kernel" not in names:
                    continue
                yield {
                    "osystem": osystem,
                    "release": release,
                    "architecture": architecture,
                    "subarchitecture": subarchitecture,
                    "label": last["label"],
                    "purpose": purpose,
                }


def systems(region):
    """``{system: [series]}`` that connected clusters say they can deploy, in MAAS's order."""
    if not any(group["connected"] for group in groups.all_groups(region)):
        return {}
    if region.release < groups.RPC:
        rows = region.rows(reported.IMAGES).values()
        pairs = {(row["osystem"], row["release"]) for row in rows}
    else:
        rows = region.rows(RESOURCES).values()
        names = {row["name"] for row in rows if is_complete(row["sets"][-1])}
        pairs = {tuple(name.split("/", 1)) for name in names if "/" in name}
    pairs |= set(region.state.get("cluster_systems", ()))
    found: dict = {}
    for system, series in sorted(pairs, key=lambda pair: (pair[0].title(), pair[1])):
        found.setdefault(system, []).append(series)
    return found


def keyed(region):
    """``[(system, series)]`` of those that need a license key; in 1.6 with or without images."""
    if region.release < groups.RPC:
        return list(KEYED)
    return [
        (system, series)
        for system, names in systems(region).items()
        for series in names
        if (system, series) in KEYED
    ]


def choices(region, setting):
    """What the settings that hold a system or a series take."""
    if region.release < "1.6":
        return COMMISSIONING_OF_1_5 if setting.startswith("commissioning") else SERIES_OF_1_5
    known = systems(region)
    if setting == "default_osystem":
        found = list(known)
    elif setting == "commissioning_distro_series":
        lts = region.state.get("lts", LTS)
        found = [series for series in known.get("ubuntu", []) if series == lts]
    elif setting == "default_min_hwe_kernel":
        return _kernels(region)
    elif region.release >= "1.8":
        found = known.get(region.settings.get("default_osystem"), [])
    else:  # an asterisk marks those that need a license key
        found = [f"{system}/{series}" + "*" * ((system, series) in KEYED)
                 for system, names in reversed(known.items()) for series in names]  # fmt: skip
    if region.release < "1.7":
        return ["", *found] if setting.startswith("default") else found
    return found or [NO_IMAGES]


def _kernels(region):
    """The kernels that machines can be commissioned with, beside none."""
    series = region.settings["commissioning_distro_series"] or ""
    names = {
        kernel
        for row in complete_synced(region)
        if row["name"] == f"ubuntu/{series}"
        for kernel in row["subarches"]
        if kernel.startswith("hwe-") and kernel[4:] >= series[:1]
    }
    return ["", *sorted(names)]


@many("GET")
def list_images(request):
    """List the boot images of a cluster."""
    group = groups.group_of(request)
    if not group["connected"]:
        raise Answer(503, b"", TEXT)
    return group["images"]
