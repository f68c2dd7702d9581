"""Boot images as clusters reported them, up to 1.6; from 1.7 on ``cluster_images`` has them.

Up to 1.6 each cluster fetches its images itself: in 1.5 what its ``bootresources.yaml`` selects
(here: what that file holds as shipped), in 1.6 what its own boot sources select.
"""

from __future__ import annotations

import json

from maas_emulator import images
from maas_emulator.api1 import catalogue, groups
from maas_emulator.api1.boot_sources import sources_of
from maas_emulator.forms import Check
from maas_emulator.web import HTML, Endpoint, Missing, as_text

many = Endpoint("nodegroups/{uuid}/boot-images/", "BootImagesHandler", until=groups.RPC)
one = Endpoint("nodegroups/{uuid}/boot-images/{id}/", "BootImageHandler", until=groups.RPC)

IMAGES = "boot_images"
PURPOSES = ("install", "commissioning", "xinstall")
#: Series, architectures and subarchitectures that 1.5 fetches as shipped.
_SHIPPED = (("trusty", "precise"), ("amd64", "i386"), ("generic",))
_COLUMNS = ("architecture", "subarchitecture", "release", "purpose", "label")


def _columns(region):
    return ("osystem", *_COLUMNS) if region.release >= "1.6" else _COLUMNS


def images_of(region, group):
    """The image rows of a cluster."""
    return [row for row in region.rows(IMAGES).values() if row["group"] == group["id"]]


def report(region, group, reported):
    """Make a cluster's images those that it reports: dicts of the columns."""
    names = _columns(region)
    defaults = {"osystem": "ubuntu", "label": "release"}
    wanted = {
        tuple(str(item.get(name) or defaults.get(name, "")) for name in names): True
        for item in reversed(reported)  # MAAS goes through a set; its last one was the first seen
    }
    rows = region.rows(IMAGES)
    for row in images_of(region, group):
        key = tuple(row[name] for name in names)
        if wanted.pop(key, None) is None:
            del rows[row["id"]]
    for key in wanted:
        rows.add({"osystem": "ubuntu", **dict(zip(names, key)), "group": group["id"]})


def fetch(region, group):
    """Let a cluster import images and report them, which takes its time.

    It takes what its sources select now; where they offer nothing it keeps what it has.
    """
    found = list(_selected(region, group))

    def arrive():
        if found and group["connected"] and group["status"] == groups.ACCEPTED:
            report(region, group, found)

    region.later(region.options.import_seconds, arrive)


def _selected(region, group):
    if region.release < "1.6":
        choices = group.get("selects") or [(catalogue.DEFAULT_URL, *_SHIPPED, ("*",))]
    else:
        urls = {source["id"]: source["url"] for source in sources_of(region, group)}
        choices = [
            (urls[row["source"]], (row["release"],), row["arches"], row["subarches"], row["labels"])
            for row in region.rows(catalogue.SELECTIONS).values()
            if row["source"] in urls
        ]
    return picked(region.release, choices)


def picked(release, choices):
    """The image rows that an importer brings.

    Args:
        release: Of MAAS.
        choices: ``(URL of the source, series, architectures, subarchitectures, labels)`` each.
    """
    for url, series, arches, subarches, labels in choices:
        if not {"*", catalogue.LABEL} & set(labels):
            continue
        for item in images.catalogue(release, url) or ():
            if not {"*", item.release} & set(series) or not {"*", item.arch} & set(arches):
                continue
            if not catalogue.is_offered(item.release, item.arch):
                continue
            for subarch in catalogue.kernels(item.release):
                if {"*", subarch} & set(subarches):
                    yield from (
                        {
                            "osystem": item.os,
                            "release": item.release,
                            "architecture": item.arch,
                            "subarchitecture": subarch,
                            "label": catalogue.LABEL,
                            "purpose": purpose,
                        }
                        for purpose in PURPOSES
                    )


def architectures(region, group):
    """``ARCH/SUBARCH`` that a cluster can commission and install."""
    found: dict = {}
    for row in images_of(region, group):
        key = f"{row['architecture']}/{row['subarchitecture']}"
        found.setdefault(key, set()).add(row["purpose"])
    return sorted(key for key, purposes in found.items() if {"commissioning"} < purposes)


def _shown(request, row):
    shown = {name: row[name] for name in ("id", *_columns(request.region))}
    place = f"nodegroups/{request.ids['uuid']}/boot-images/{row['id']}/"
    return {**shown, "resource_uri": f"/MAAS/api/1.0/{place}"}


@many("GET")
def list_images(request):
    """List the boot images that a cluster reported."""
    group = groups.group_of(request)
    return [_shown(request, row) for row in images_of(request.region, group)]


@many("POST", "report_boot_images")
def report_images(request):
    """Take a cluster's word on the images it has."""
    group = groups.group_of(request)
    groups.only_worker(request, group)
    text = request.needed("images")
    try:
        reported = json.loads(text)
    except ValueError:
        reported = None
    if not isinstance(reported, list) or not all(isinstance(item, dict) for item in reported):
        check = Check(request)
        check.error("images", "Invalid json value.")
        check.done()
    report(request.region, group, reported)
    return as_text("OK", content_type=HTML)


@one("GET")
def read_image(request):
    """Read one boot image of a cluster."""
    group, ident = groups.group_of(request), request.ids["id"]
    for row in images_of(request.region, group):
        if str(row["id"]) == ident:
            return _shown(request, row)
    raise Missing("BootImage", request)
