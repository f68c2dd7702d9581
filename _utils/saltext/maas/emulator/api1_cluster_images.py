"""``nodegroups/UUID/boot-images/``: what clusters have fetched from the region (1.7+)."""

from __future__ import annotations

from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator import api1_reported_images as reported
from saltext.maas.emulator.api1_catalogue import complete_synced
from saltext.maas.emulator.api1_catalogue import usable_architectures as imported_architectures
from saltext.maas.emulator.web import TEXT, Answer, Endpoint

many = Endpoint("nodegroups/{uuid}/boot-images/", "BootImagesHandler", since=groups.RPC)

#: Purposes of an image; one that lacks the installer's files has no ``install``.
_PURPOSES = ("commissioning", "install", "xinstall")

#: Series that need a license key, which every connected cluster was seen to offer.
KEYED = (("windows", "win2012r2"),)

#: Series that 1.5 takes whatever there are images for.
SERIES_OF_1_5 = ("", "precise", "saucy", "trusty", "utopic")


def seed(region):
    """Let settings name the series that clusters can deploy."""
    region.series_choices = lambda setting: series_choices(region, setting)


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


def deployable(region):
    """``[(os, series)]`` without license key that connected clusters offer, None without any."""
    if not any(group["connected"] for group in groups.all_groups(region)):
        return None
    if region.release < groups.RPC:
        rows = region.rows(reported.IMAGES).values()
        return sorted({(row["osystem"], row["release"]) for row in rows})
    return sorted({tuple(row["name"].split("/")) for row in complete_synced(region)})


def series_choices(region, setting):
    """What the settings that hold a series take; 1.5 has a list of its own."""
    if region.release < "1.6":
        return list(SERIES_OF_1_5)
    plain = deployable(region)
    if plain is None:
        return []
    if setting == "commissioning_distro_series":
        return [series for _, series in plain]
    # An asterisk marks those that need a license key.
    return [f"{name}/{series}*" for name, series in KEYED] + ["/".join(pair) for pair in plain]


@many("GET")
def list_images(request):
    """List the boot images of a cluster."""
    group = groups.group_of(request)
    if not group["connected"]:
        raise Answer(503, b"", TEXT)
    return group["images"]
