"""An emulated region with a rack, an image and machines that are ready."""

from __future__ import annotations

import contextlib

from maas_emulator import hardware, scripts_run
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from support.machine_regions import images_and_rack


@contextlib.contextmanager
def machine_region(release, **options):
    """A region; its ``machine(name, mac)`` makes a machine that is Ready, and returns its id."""
    with RegionServer(release, import_seconds=0, index_seconds=0, **options) as server:
        client = Client(Profile(server.url, server.api_key))
        images_and_rack(server)

        def machine(name, mac):
            number = int(mac[-2:], 16)
            ident = client.post("machines/", data={
                "hostname": name, "architecture": "amd64/generic", "power_type": "ipmi",
                "mac_addresses": mac, "power_parameters_power_address": f"10.0.1.{number}",
                "commission": "false",
            })["system_id"]  # fmt: skip
            scripts_run.begin(server.region, hardware.machine(server.region, ident), 0)
            nic = {"name": "eth0", "mac_address": mac, "address": f"10.0.0.{number}/24"}
            hardware.commissioned(
                server.region, ident, disks=[{"name": "sda", "size": 10**11}], interfaces=[nic]
            )
            hardware.update(server.region, ident, status=4, owner=None)
            return ident

        server.machine = machine
        yield server
