"""Emulated regions with an image, since MAAS takes machines only of its images' architectures."""

from __future__ import annotations

import contextlib

from maas_emulator import machines
from maas_emulator.server import RegionServer
from support.reconciling import carried_out

URL = "http://images.example.com/ephemeral-v3/stable"


@contextlib.contextmanager
def region_with_image(release, data=None):
    """A region that holds an image of amd64, and what else a pillar describes."""
    with RegionServer(
        release, index_seconds=0.05, import_seconds=0.05, machine_seconds=0.05
    ) as server:
        series = "xenial" if release in ("2.0", "2.4") else "focal"
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


def forget_machines(server):
    """Take all machines out of a region."""
    for row in list(server.region.rows("machines").values()):
        machines.forget(server.region, "machines", row)
