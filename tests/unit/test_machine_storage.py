"""Storage of machines: laid out as described, applied twice, and nothing destroyed for nothing."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from maas_emulator.server import RegionServer
from saltext.maas.reconcile import apply, desired_object
from support.reconciling import SHORT, carried_out, planned, snapshot_of

GB = 10**9
DISKS = [
    {"name": name, "size": size, "model": model, "serial": f"S-{name}", "tags": tags}
    for name, size, model, tags in (
        ("sda", 100 * GB, "Fast", ["ssd"]),
        ("sdb", 100 * GB, "Slow", ["rotary"]),
        ("sdc", 50 * GB, "Fast", ["ssd"]),
        ("sdd", 100 * GB, "Slow", ["rotary"]),
    )
]
ESP = {"size": "512MiB", "fs": "fat32", "mount": "/boot/efi"}
MEMBER = {"partitions": [ESP, {"size": "rest"}]}
PLAIN = {"partitions": [ESP, {"size": "20G", "fs": "ext4", "mount": "/"},
                        {"size": "10%", "fs": "swap"},
                        {"size": "rest", "fs": "xfs", "mount": "/srv",
                         "options": "noatime"}]}  # fmt: skip
MIRRORED = {
    "disks": {"sda": MEMBER, "sdb": {"partitions": [{"size": "512MiB"}, {}]}},
    "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
    "volume_groups": {
        "vg0": {
            "devices": ["md0"],
            "volumes": {
                "root": {"size": "20G", "fs": "ext4", "mount": "/"},
                "var": {"size": "30%", "fs": "xfs", "mount": "/var"},
                "srv": {"size": "rest", "fs": "xfs", "mount": "/srv"},
            },
        }
    },
    "special": [{"fs": "tmpfs", "mount": "/tmp", "options": "size=1G"}],
}


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            server = servers[release] = RegionServer(
                release, index_seconds=0.05, import_seconds=0.05, machine_seconds=0.05
            ).__enter__()
            series = "xenial" if release == "2.0" else "focal"
            chosen = {"os": "ubuntu", "release": series, "arches": ["amd64"]}
            url = "http://images.example.com/ephemeral-v3/stable"
            carried_out(server, {"boot_sources": {url: {"selections": [chosen]}}})
        return servers[release]

    yield of_release
    for server in servers.values():
        server.__exit__(None, None, None)


_NUMBER = iter(range(1, 10**6))


def ready(server, disks=DISKS, **fields):
    """A new machine of the region that is Ready and has disks; its name and id."""
    number = next(_NUMBER)
    name = f"disks-{number}"
    mac = f"52:54:01:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    values = {"mac_addresses": [mac], "architecture": "amd64", "power_type": "manual"}
    carried_out(server, [desired_object("machine", {"hostname": name, **values}, "here")])
    ident = snapshot_of(server).records("machine")[name].raw["system_id"]
    hardware.commissioned(server.region, ident, disks=disks)
    hardware.tell(server.region, ident, **{"status": 4, "owner": None, **fields})
    return name, ident


def stored(name, storage):
    return [desired_object("machine", {"hostname": name, "storage": storage}, "here")]


def steps_of(plan):
    """The steps that a plan shows of its only machine."""
    shown = plan.shown()
    return next(iter(shown["machine"].values()))["storage"]["new"]["in steps"] if shown else []


def laid_out(server, name, storage):
    """Lay a machine out, and see that a second run sends nothing; the steps of the first."""
    _, plan = carried_out(server, stored(name, storage))
    again, left = planned(server, stored(name, storage))
    server.requests.reset()
    apply(again, left, SHORT)
    assert server.requests.writes() == []
    return steps_of(plan)


def blocks(server, name):
    return snapshot_of(server).records("machine")[name].raw["blockdevice_set"]


ALL = {
    "plain": {"boot_disk": "sda", "disks": {"sda": PLAIN}},
    "mirrored": MIRRORED,
    "raid5 with a spare": {
        "disks": {"sda": PLAIN},
        "raids": {"md5": {"level": 5, "devices": ["sdb", "sdd"] + ["sdc"], "fs": "ext4",
                          "mount": "/data"}},
    },
    "raid1 with a spare": {
        "raids": {"md1": {"level": 1, "devices": ["sdb", "sdd"], "spares": ["sdc"],
                          "partitions": [{"size": "10GiB", "fs": "ext4", "mount": "/a"}, {}]}},
    },
    "bcache": {
        "disks": {"sda": {"partitions": [ESP, {"size": "1GiB", "fs": "ext4", "mount": "/boot"},
                                         {"size": "rest"}]}, "sdc": {"partitions": [{}]}},
        "bcaches": {"bcache0": {"backing": "sda-part3", "cache": "sdc-part1",
                                "mode": "writeback", "fs": "ext4", "mount": "/"},
                    "bcache1": {"backing": "sdb", "cache": "sdc-part1"}},
    },
    "whole disks": {"disks": {"sdb": {"fs": "ext4", "label": "data", "mount": "/data"},
                              "sdc": {"tags": ["fast"]}}},
    **{one: {"layout": one} for one in ("flat", "lvm", "bcache", "blank", "vmfs6", "vmfs7")},
    "flat with sizes": {"layout": "flat", "layout_options": {"boot_size": "1G", "root_size": "50%"},
                        "special": [{"fs": "tmpfs", "mount": "/tmp"}]},
    "lvm with names": {"layout": "lvm", "boot_disk": "sdb",
                       "layout_options": {"vg_name": "sys", "lv_name": "root", "lv_size": "10G",
                                          "root_device": "sdd"}},
    "bcache whole": {"layout": "bcache", "layout_options": {"cache_no_part": True,
                                                            "cache_mode": "writeback"}},
}  # fmt: skip


@pytest.mark.parametrize("layout", ALL, ids=str)
def test_applied_twice_it_has_nothing_to_do(layout, regions):
    server = regions("3.7")
    name, _ = ready(server)
    assert bool(laid_out(server, name, ALL[layout])) == (layout != "flat")  # MAAS's own default
