"""Machines, devices and VM hosts as pillar: whole, without effect where they are, and a copy."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from saltext.maas import pillar, region_plan
from saltext.maas.client import Client, Profile
from support.machine_regions import region_with_image
from support.pillars import revealed
from support.reconciling import carried_out, snapshot_of

NETWORK = {
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}}}},
    "subnets": {"10.1.0.0/24": {"vlan": "dc1/untagged", "gateway_ip": "10.1.0.1"},
                "10.1.10.0/24": {"vlan": "dc1/10"}},
}  # fmt: skip
DISKS = [{"name": f"sd{letter}", "size": 10**11, "tags": ["ssd"]} for letter in "abcd"]
SECRETS = {
    "sdb://maas/machine/ipmi/power_pass": "horse", "sdb://maas/machine/ipmi/k_g": "0xbattery",
    "sdb://maas/vm_host/kvm-1/power_pass": "staple",
}  # fmt: skip
KEYS = ("machines", "devices", "vm_hosts")


def macs(number):
    return [f"52:54:00:00:{number:02x}:{nic:02x}" for nic in (1, 2)]


STORED = {
    "mirror": {
        "disks": {
            "sda": {"partitions": [{"size": "512MiB", "fs": "fat32", "mount": "/boot/efi"},
                                   {"size": "rest"}]},
            "sdb": {"partitions": [{"size": "10G"}, {"size": "rest"}]},
        },
        "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"], "spares": ["sdc"]}},
        "volume_groups": {"vg0": {"devices": ["md0"], "volumes": {
            "root": {"size": "30%", "fs": "ext4", "mount": "/", "options": "noatime"},
            "swap": {"size": "rest", "fs": "swap"}}}},
        "special": [{"fs": "tmpfs", "mount": "/tmp", "options": "size=1G"}],
    },
    "cached": {
        "disks": {"sda": {"partitions": [
            {"size": "20G", "fs": "ext4", "mount": "/"}, {"size": "20G"}, {"size": "20G"}]}},
        "bcaches": {
            "bcache0": {"backing": "sdb", "cache": "sda-part2", "mode": "writeback"},
            "bcache1": {"backing": "sdc", "cache": "sda-part3", "mode": "writearound"},
        },
    },
    "esx": {"layout": "vmfs6"},
    "plain": {"layout": "flat"},
}  # fmt: skip
INTERFACES = {
    "eth0": {"mac_address": macs(0)[0]}, "eth1": {"mac_address": macs(0)[1], "tags": ["fast"]},
    "bond0": {"type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 9000,
              "vlan": "dc1/untagged", "links": [{"mode": "static", "subnet": "10.1.0.0/24",
              "ip_address": "10.1.0.21", "default_gateway": True}]},
    "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "dc1/10"},
    "br0": {"type": "bridge", "parent": "bond0.10", "bridge_stp": True,
            "links": [{"mode": "auto", "subnet": "10.1.10.0/24"}]},
}  # fmt: skip


def described(release):
    new = {"architecture": "amd64", "power_type": "manual"}
    machines = {name: {**new, "mac_addresses": macs(number), "tags": ["web"]}
                for number, name in enumerate(STORED)}  # fmt: skip
    machines["ipmi"] = {
        **new, "mac_addresses": macs(9), "power_type": "ipmi", "swap_size": 0, "power_parameters": {
            "power_address": "192.0.2.7", "power_user": "maas", "power_pass": "horse",
            "k_g": "0xbattery", "power_boot_type": "efi", "privilege_level": "ADMIN"},
    }  # fmt: skip
    return {
        **NETWORK, "tags": {"web": None}, "zones": {"north": None}, "machines": machines,
        "devices": {
            "printer": {"mac_addresses": ["52:54:00:00:00:a1"], "ip_addresses": ["10.1.0.51"],
                        "zone": "north"},
            "bmc": {"mac_addresses": ["52:54:00:00:00:a2"], "parent": "mirror",
                    "ip_addresses": ["10.1.0.52", "10.1.0.53"]},
        },
        "vm_hosts": {"kvm-1": {
            "type": "virsh", "power_address": "qemu+ssh://ubuntu@192.0.2.9/system",
            "power_pass": "staple", "tags": ["fast"], "memory_over_commit_ratio": 1.5}},
    }  # fmt: skip


def ids(server):
    records = snapshot_of(server).records("machine")
    return {name: record.raw["system_id"] for name, record in records.items()}


def commission(server):
    for name, ident in ids(server).items():
        if name in STORED:
            hardware.commissioned(server.region, ident, disks=DISKS)


def exported(server):
    found = pillar.export(snapshot_of(server))
    return found, revealed(found.described, SECRETS)


@pytest.fixture(scope="module", params=["3.3", "3.8"])
def filled(request):
    """A region with machines in several statuses, and its export."""
    with region_with_image(request.param) as server:
        data = described(request.param)
        carried_out(server, data)
        commission(server)
        for name, storage in STORED.items():
            data["machines"][name]["storage"] = {"boot_disk": "sda", **storage}
        data["machines"]["mirror"]["interfaces"] = INTERFACES
        carried_out(server, data)
        client, there = Client(Profile(server.url, server.api_key)), ids(server)
        client.post("machines/", op="allocate", data={"name": "mirror"}, repeat=False)
        client.post(
            f"machines/{there['mirror']}/",
            op="deploy",
            data={"distro_series": "focal"},
            repeat=False,
        )
        hardware.update(server.region, there["mirror"], status=6)
        client.post(f"machines/{there['mirror']}/", op="lock", data={}, repeat=False)
        client.post("machines/", op="allocate", data={"name": "cached"}, repeat=False)
        hardware.update(server.region, there["plain"], status=8)
        yield request.param, server, *exported(server)


def test_an_export_is_whole_and_changes_nothing_where_it_is_from(filled):
    _, server, found, data = filled
    assert not [line for line in found.notes if not line.startswith("images:")]
    assert set(SECRETS) <= set(found.secrets)
    server.requests.reset()
    plan = region_plan.plan_of(snapshot_of(server), data)
    assert (plan.shown(), plan.problems(), plan.warnings) == ({}, [], [])
    assert server.requests.writes() == []
    machines = data["machines"]
    assert machines["mirror"]["interfaces"]["br0"] == {**INTERFACES["br0"], "vlan": "dc1/10"}
    assert machines["mirror"]["storage"]["raids"]["md0"]["spares"] == ["sdc"]
    assert (
        machines["cached"]["storage"]["bcaches"]["bcache1"]
        == STORED["cached"]["bcaches"]["bcache1"]
    )
    assert machines["esx"]["storage"] == {"boot_disk": "sda", "layout": "vmfs6"}
    assert machines["ipmi"]["power_parameters"]["privilege_level"] == "ADMIN"
    assert data["devices"]["bmc"]["parent"] == "mirror"


def test_another_region_becomes_a_copy(filled):
    release, _, _, data = filled
    with region_with_image(release) as server:
        carried_out(server, data)
        commission(server)
        carried_out(server, data)
        again = exported(server)[1]
        # A second datastore, which no layout makes.
        client, ident = Client(Profile(server.url, server.api_key)), ids(server)["esx"]
        disk = snapshot_of(server).records("machine")["esx"].raw["blockdevice_set"][1]["id"]
        more = {"name": "more", "block_devices": disk}
        client.post(f"nodes/{ident}/vmfs-datastores/", data=more, repeat=False)
        found, data_of_esx = exported(server)
    assert "storage" not in data_of_esx["machines"]["esx"]
    assert "machine esx is not exported fully: no description of storage makes its datastore" in (
        "\n".join(found.notes)
    )
    assert data["machines"]["mirror"]["locked"]  # which is skipped until it is deployed
    mirror = {name: one for name, one in data["machines"]["mirror"].items() if name != "locked"}
    copy = {**data, "machines": {**data["machines"], "mirror": mirror}}
    assert {key: again[key] for key in KEYS} == {key: copy[key] for key in KEYS}
