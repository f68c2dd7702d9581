"""Emulated regions with an image, since MAAS takes machines only of its images' architectures."""

from __future__ import annotations

import contextlib

from maas_emulator import machines
from maas_emulator.api1 import catalogue, groups, reported_images
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from support.examples import CLUSTER
from support.reconciling import carried_out, cluster, rack

URL = "http://images.example.com/ephemeral-v3/stable"


@contextlib.contextmanager
def region_with_image(release, data=None):
    """A region that holds an image of amd64, and what else a pillar describes."""
    with RegionServer(
        release, index_seconds=0.05, import_seconds=0.05, machine_seconds=0.05
    ) as server:
        series = {"2.0": "xenial", "2.4": "bionic"}.get(release, "focal")
        chosen = {"os": "ubuntu", "release": series, "arches": ["amd64"]}
        carried_out(server, {"boot_sources": {URL: {"selections": [chosen]}}, **(data or {})})
        yield server


@contextlib.contextmanager
def regions_with_image(data=None):
    """One such region for each release, made when it is first asked for."""
    with contextlib.ExitStack() as stack:
        servers = {}

        def of_release(release):
            if release not in servers:
                servers[release] = stack.enter_context(region_with_image(release, data))
            return servers[release]

        yield of_release


def images_and_rack(server, series=None):
    """Let a region have images and a rack; the rack's id and the images' series.

    The series are by default those that the region commissions and deploys with.
    """
    client = Client(Profile(server.url, server.api_key))
    names = ("commissioning_distro_series", "default_distro_series")
    series = sorted(series or {client.get("maas/", op="get_config", name=name) for name in names})
    chosen = [{"os": "ubuntu", "release": one, "arches": ["amd64"]} for one in series]
    carried_out(server, {"boot_sources": {URL: {"selections": chosen}}})
    return rack(server, "rack", "10.0.0.254"), series


def images_of_nodes(server):
    """Let an accepted and connected cluster of API 1.0 have an image of amd64; its UUID."""
    region = server.region
    cluster(server, CLUSTER, "10.30.0.2")
    group = groups.find_group(region, CLUSTER)
    group["status"] = groups.ACCEPTED
    if region.release < "1.7":
        one = {"architecture": "amd64", "subarchitecture": "generic", "release": "trusty"}
        reported_images.report(
            region, group, [{**one, "purpose": use} for use in reported_images.PURPOSES]
        )
    else:
        for file in catalogue.add_synced(region, "ubuntu", "trusty", "amd64")["sets"][0]["files"]:
            file["have"] = file["size"]
    return CLUSTER


def forget_nodes(server):
    """Take all nodes of API 1.0 out of a region."""
    region = server.region
    for row in list(region.rows("machines").values()):
        for nic in row["macs"]:
            del region.rows("interfaces")[nic["id"]]
        del region.rows("machines")[row["id"]]


def forget_machines(server):
    """Take all machines out of a region."""
    for row in list(server.region.rows("machines").values()):
        machines.forget(server.region, "machines", row)
