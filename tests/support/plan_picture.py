"""The pictures of the documentation: the plan of a change to a small site, and to a machine.

``make picture`` writes ``docs/plan.svg`` and ``docs/plan-machine.svg``; a test compares them with
what the library draws now.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / one) for one in ("_utils", "emulator", "tests")]

from maas_emulator import hardware  # noqa: E402
from maas_emulator.server import RegionServer  # noqa: E402
from saltext.maas import region_plan  # noqa: E402
from saltext.maas.render.drawing import draw  # noqa: E402
from saltext.maas.render.machine_drawing import draw_machine  # noqa: E402
from saltext.maas.render.machines import pictures_of  # noqa: E402
from saltext.maas.render.network import network_of  # noqa: E402
from support.machine_regions import region_with_image  # noqa: E402
from support.reconciling import carried_out, rack, snapshot_of  # noqa: E402

DOCS = ROOT / "docs"


def _ranges(net, **spans):
    return [
        {"type": type, "start": f"{net}.{first}", "end": f"{net}.{last}"}
        for type, (first, last) in spans.items()
    ]


def before() -> dict:
    """What the region holds."""
    return {
        "fabrics": {"dc1": {"old_name": "fabric-0", "vlans": {
            "untagged": {"dhcp": {"enabled": True, "primary_rack": "rack-1"}},
            20: {"name": "storage", "dhcp": {"relay_vlan": "dc1/untagged"}},
            30: {"name": "lab"},
        }}},
        "subnets": {
            "10.10.0.0/24": {
                "name": "management", "vlan": "dc1/untagged", "gateway_ip": "10.10.0.1",
                "ranges": _ranges("10.10.0", reserved=(1, 20), dynamic=(100, 149)),
            },
            "10.20.0.0/24": {
                "name": "storage", "vlan": "dc1/20", "ranges": _ranges("10.20.0", reserved=(1, 50)),
            },
        },
    }  # fmt: skip


def after() -> dict:
    """What its pillar says now: a stand-by rack, another gateway, one VLAN more and one less."""
    pillar = before()
    vlans = pillar["fabrics"]["dc1"]["vlans"]
    vlans["untagged"]["dhcp"]["secondary_rack"] = "rack-2"
    del vlans[30]
    vlans[40] = {"name": "backup", "mtu": 9000}
    pillar["subnets"]["10.10.0.0/24"]["gateway_ip"] = "10.10.0.254"
    pillar["subnets"]["10.40.0.0/24"] = {
        "name": "backup", "vlan": "dc1/40", "ranges": _ranges("10.40.0", reserved=(1, 30)),
    }  # fmt: skip
    pillar["exclusive"] = {"vlan": ["dc1"]}
    return pillar


def picture() -> str:
    """Return the picture of a network."""
    with RegionServer(release="3.7") as server:
        rack(server, "rack-1", "10.10.0.2")
        rack(server, "rack-2", "10.10.0.3")
        carried_out(server, before())
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, after())
        assert plan.problems() == []
        return _on_white(draw(network_of(snapshot, plan)))


MACS = [f"52:54:00:00:00:{number}" for number in (21, 22, 23)]
_MACHINE_NETWORK = {
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}, 20: {}}}},
    "subnets": {
        "10.1.0.0/24": {"vlan": "dc1/untagged", "gateway_ip": "10.1.0.1"},
        "10.1.10.0/24": {"vlan": "dc1/10"}, "10.1.20.0/24": {"vlan": "dc1/20"},
    },
}  # fmt: skip
_DISKS = [
    {"name": "sda", "size": 480 * 10**9, "model": "D3-S4510", "tags": ["ssd"]},
    {"name": "sdb", "size": 480 * 10**9, "model": "D3-S4510", "tags": ["ssd"]},
    {"name": "sdc", "size": 4 * 10**12, "model": "ST4000", "tags": ["rotary"]},
]
_EFI = {"size": "512MiB", "fs": "fat32", "mount": "/boot/efi"}


def machine_before() -> dict:
    """The interfaces and disks that a machine has."""
    return {
        "interfaces": {
            "eth0": {"mac_address": MACS[0], "vlan": "dc1/untagged",
                     "links": [{"mode": "auto", "subnet": "10.1.0.0/24"}]},
            "eth1": {"mac_address": MACS[1], "vlan": "dc1/untagged"},
            "eth2": {"mac_address": MACS[2], "vlan": "dc1/untagged"},
            "eth2.20": {"type": "vlan", "parent": "eth2", "vlan": "dc1/20", "links": [
                {"mode": "static", "subnet": "10.1.20.0/24", "ip_address": "10.1.20.5"}]},
        },
        "storage": {
            "boot_disk": "sda",
            "disks": {
                "sda": {"partitions": [
                    _EFI, {"size": "100G", "fs": "ext4", "mount": "/"},
                    {"size": "8G", "fs": "swap"}, {"size": "rest", "fs": "xfs", "mount": "/srv"}]},
                "sdc": {"fs": "ext4", "mount": "/data"},
            },
        },
    }  # fmt: skip


def machine_after() -> dict:
    """What its pillar says now: a bond with a VLAN and a bridge, and a mirror with volumes."""
    return {
        "architecture": "amd64",
        "interfaces": {
            "eth0": {"mac_address": MACS[0]}, "eth1": {"mac_address": MACS[1]},
            "bond0": {
                "type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 9000,
                "vlan": "dc1/untagged", "links": [{
                    "mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.21",
                    "default_gateway": True,
                }],
            },
            "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "dc1/10"},
            "br0": {"type": "bridge", "parent": "bond0.10",
                    "links": [{"mode": "auto", "subnet": "10.1.10.0/24"}]},
            "eth2.20": {"absent": True},
        },
        "storage": {
            "boot_disk": "sda",
            "disks": {
                "sda": {"partitions": [_EFI, {"size": "rest"}]},
                "sdb": {"partitions": [{"size": "512MiB"}, {"size": "rest"}]},
            },
            "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
            "volume_groups": {"vg0": {"devices": ["md0"], "volumes": {
                "root": {"size": "100G", "fs": "ext4", "mount": "/"},
                "var": {"size": "30%", "fs": "xfs", "mount": "/var"},
                "srv": {"size": "rest", "fs": "xfs", "mount": "/srv"}}}},
        },
    }  # fmt: skip


@contextlib.contextmanager
def machine_region():
    """A region that has the machine web-1 as it is before."""
    with region_with_image("3.7", _MACHINE_NETWORK) as server:
        new = {"mac_addresses": MACS, "architecture": "amd64", "power_type": "manual"}
        carried_out(server, {"machines": {"web-1": new}})
        ident = snapshot_of(server).records("machine")["web-1"].raw["system_id"]
        hardware.commissioned(server.region, ident, disks=_DISKS)
        carried_out(server, {"machines": {"web-1": {**new, **machine_before()}}})
        yield server


def machine_picture() -> str:
    """Return the picture of a machine."""
    with machine_region() as server:
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, {"machines": {"web-1": machine_after()}})
        assert plan.problems() == []
        (found,) = pictures_of(snapshot, plan).values()
        return _on_white(draw_machine(found))


def _on_white(drawn):
    """A drawing that is on white also where the page around it is dark."""
    return drawn.replace("<svg ", '<svg style="background:#fff" ', 1).rstrip() + "\n"


PICTURES = {"plan.svg": picture, "plan-machine.svg": machine_picture}

if __name__ == "__main__":
    for name, drawn in PICTURES.items():
        (DOCS / name).write_text(drawn(), encoding="utf-8")
