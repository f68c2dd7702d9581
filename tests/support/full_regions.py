"""Emulated regions that are full: of every resource type, with clusters or racks and machines."""

from __future__ import annotations

import contextlib

from maas_emulator import hardware
from maas_emulator.server import RegionServer
from maas_emulator.settings import default_series
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.release import Release
from support.examples import CLUSTER, EXAMPLES, around, known
from support.filled import filled
from support.machine_regions import URL, images_of_nodes
from support.reconciling import SHORT, carried_out, errors, rack, snapshot_of

HOST = "rack-1.example.com"
PRINTER = "10.10.0.60"  # the address of a device
#: Settings that are none of any release's defaults.
SETTINGS = {
    "upstream_dns": "192.0.2.53", "http_proxy": "http://proxy.example.com:3128/",
    "kernel_opts": "console=ttyS0", "main_archive": "http://mirror.example.com/ubuntu",
    "enable_third_party_drivers": False, "maas_name": "site",
}  # fmt: skip
IPMI = {
    "power_type": "ipmi",
    "power_parameters": {
        "power_address": "192.0.2.21",
        "power_user": "ops",
        "power_pass": "correct horse",
    },
}
MACHINES = {
    "web-1": {"mac_addresses": ["52:54:00:00:00:21", "52:54:00:00:00:22"], "zone": "north",
              "tags": ["web"], **IPMI},
    "db-1": {"mac_addresses": ["52:54:00:00:00:23"], "power_type": "virsh", "power_parameters": {
        "power_address": "qemu+ssh://ubuntu@192.0.2.9/system", "power_id": "db-1"}},
}  # fmt: skip


@contextlib.contextmanager
def full_region(release: str):
    """A region of a release with everything that it can hold."""
    with RegionServer(release, index_seconds=0.05, import_seconds=0.05) as server:
        _images_and_controllers(server, release)
        for table in EXAMPLES:
            if table.holds_for(Release(release)):
                own = desired_object(table.name, filled(table, Release(release)), "example")
                _made(server, [*around(table, release), own])
        _made(server, _settings(release))
        carried_out(server, {"tags": {"web": None}, "machines": {
            name: {"architecture": "amd64", **one} for name, one in MACHINES.items()}})  # fmt: skip
        if "1.8" <= Release(release) < "2.0":
            client = snapshot_of(server).client
            [device] = client.get("devices/", op="list")
            asked = {"requested_address": PRINTER}
            path = f"devices/{device['system_id']}/"
            client.post(path, op="claim_sticky_ip_address", data=asked, repeat=False)
        for row in server.region.rows("machines").values():
            deployed = row["hostname"].startswith("db-1") and Release(release) >= "1.7"
            how = {"status": 6, "owner": "admin"} if deployed else {"status": 4, "owner": None}
            hardware.update(server.region, row["system_id"], **how)
        yield server


def _images_and_controllers(server, release):
    if release >= "2.0":
        rack(server, "rack-1", "10.10.0.2")
        chosen = {
            "os": "ubuntu",
            "release": default_series(server.region.release),
            "arches": ["amd64"],
        }
        carried_out(server, {"boot_sources": {URL: {"selections": [chosen]}}})
        return
    images_of_nodes(server)
    values = {
        "cluster": CLUSTER, "name": "eth0", "interface": "eth0", "management": "dhcp_and_dns",
        "ip": "10.10.0.2", "subnet_mask": "255.255.255.0", "router_ip": "10.10.0.1",
        "ip_range_low": "10.10.0.100", "ip_range_high": "10.10.0.149",
        "static_ip_range_low": "10.10.0.50", "static_ip_range_high": "10.10.0.99",
    }  # fmt: skip
    table = snapshot_of(server).tables["node_group_interface"]
    group = {"uuid": CLUSTER, "cluster_name": "first", "name": "example.com", "status": "accepted"}
    _made(server, [
        desired_object("node_group", group),
        desired_object(table.name, known(table, values, release)),
    ])  # fmt: skip


def _settings(release):
    from saltext.maas.resources.settings import SETTINGS as known_settings

    values = {**SETTINGS, "ntp_server": "192.0.2.123", "enlistment_domain": "corp.example.com",
              "ntp_servers": ["192.0.2.123"], "node_timeout": 45}  # fmt: skip
    return [
        desired_object("setting", {"name": name, "value": value})
        for name, value in values.items()
        if known_settings[name].holds_for(Release(release))
    ]


def _made(server, desired):
    snapshot = snapshot_of(server)
    plan = make_plan(snapshot, desired)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
