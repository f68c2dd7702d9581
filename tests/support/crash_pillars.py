"""Regions, and the pillars that runs which are killed apply to them one after the other."""

from __future__ import annotations

import copy

from maas_emulator import hardware
from maas_emulator.api1 import catalogue
from maas_emulator.api1 import machines as nodes
from maas_emulator.server import RegionServer
from saltext.maas.reconcile.prune import prunable
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME, TABLES
from support import campaign
from support.campaign_pillars import MACHINE, PILLARS, second
from support.machine_regions import images_of_nodes
from support.reconciling import carried_out

#: In all pillars, as a password.
SECRET = "hunter2"
_LXD = "10.10.0.8"
_NODE_MACS = ["52:54:00:00:00:21", "52:54:00:00:00:22"]
#: Beside the pillars of the campaign: what takes several requests, or could be made twice.
_KEYS = {
    "zones": {"east": None},
    "ssh_keys": [BY_NAME["ssh_key"].example["key"]],
}
_LAB = {
    "spaces": {"lab": None},
    "fabrics": {"lab": {"vlans": {7: {"mtu": 9000}, 8: None}}},
    "subnets": {
        "10.70.0.0/24": {
            "vlan": "lab/7",
            "ranges": [{"type": "reserved", "start": "10.70.0.5", "end": "10.70.0.9"}],
        },
        "10.80.0.0/24": {"vlan": "lab/8"},
    },
    "ip_addresses": {"10.70.0.88": None},
    "static_routes": [
        {"source": "10.70.0.0/24", "destination": "10.80.0.0/24", "gateway_ip": "10.70.0.1"}
    ],
    "ssh_key_sources": ["lp:someone"],
    "machines": {
        "db-1": {
            "mac_addresses": ["52:54:00:00:07:11"], "architecture": "amd64", "tags": ["gpu"],
            "power_type": "ipmi",
            "power_parameters": {"power_address": "192.0.2.78", "power_pass": SECRET},
        },
    },
}  # fmt: skip
_COMPOSED = {
    "vm_hosts": {"host-1": {"type": "lxd", "power_address": _LXD}},
    "machines": {
        "vm-1": {
            "vm_host": "host-1", "tags": ["gpu"],
            "compose": {"cores": 2, "memory": "4GiB", "disks": [{"size": "20G"}],
                        "skip_commissioning": True},
        },
    },
}  # fmt: skip


def _merged(one, two):
    if isinstance(one, list):
        return one + two
    if not isinstance(one, dict):
        return two
    return {**one, **{key: _merged(one[key], two[key]) if key in one else two[key] for key in two}}


# 1.9: API 1.0 with interfaces


def _node(**interfaces):
    """A node of 1.9."""
    return {
        "architecture": "amd64", "mac_addresses": _NODE_MACS[:1], "power_type": "ipmi",
        "power_parameters": {"power_address": "192.0.2.21", "power_pass": SECRET},
        **({"interfaces": interfaces} if interfaces else {}),
    }  # fmt: skip


_STATIC = {"mode": "static", "subnet": "10.91.0.0/24", "ip_address": "10.91.0.21"}
_HALL = {
    "zones": {"north": None, "south": None},
    "tags": {"web": None, "old": None},
    "fabrics": {"hall": {"vlans": {"untagged": {"mtu": 9000}, 10: {}, 11: {}}}},
    "subnets": {
        "10.91.0.0/24": {"vlan": "hall/untagged"},
        "10.91.10.0/24": {"vlan": "hall/10"},
        "10.91.11.0/24": {"vlan": "hall/11"},
    },
}
_BONDED = {
    "eth0": {"mac_address": _NODE_MACS[0]},
    "eth1": {"mac_address": _NODE_MACS[1]},
    "bond0": {"type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 1600,
              "vlan": "hall/untagged", "links": [_STATIC]},
    "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "hall/10",
                 "links": [{"mode": "auto", "subnet": "10.91.10.0/24"}]},
}  # fmt: skip
_ALONE = {
    "eth0": {**_BONDED["eth0"], "vlan": "hall/untagged", "links": [_STATIC]},
    "eth1": {"absent": True},
    "bond0": {"absent": True},
    "bond0.10": {"absent": True},
}


def _stages_of_1_9():
    first = {**_HALL, "machines": {"web-1": _node(**_BONDED)}}
    rewired = {**_HALL, "machines": {"web-1": _node(**_ALONE)}}
    left = {name: {key: _HALL[name][key] for key in list(_HALL[name])[:1]} for name in _HALL}
    left["fabrics"] = {"hall": {"vlans": {"untagged": {"mtu": 9000}}}}
    return {
        "first run": first,
        "layout": rewired,
        "layout back": first,
        "pruning": _claiming("1.9", {**left, "machines": {"web-1": _node(**_ALONE)}}),
    }


# All that came before and after


def _described(release):
    """A pillar of the campaign, with one of its machines and its device."""
    if release < "2":
        return PILLARS["1.0"][release]
    devices = PILLARS["machines"][release]["devices"]
    return {**PILLARS["2.0"][release], "machines": {"web-1": MACHINE}, "devices": devices}


def _first(release, image):
    upload = {"name": "custom/rhel9", "architecture": "amd64/generic", "path": image}
    more = [_KEYS, {"boot_resources": [upload]}]
    more += [_LAB] if release >= "2" else []
    more += [_COMPOSED] if release >= "3" else []
    found = copy.deepcopy(_described(release))
    for one in more:
        found = _merged(found, copy.deepcopy(one))
    return found


def _rewired(pillar):
    """Another layout of the machine: the VLAN interface and a volume go, a bridge comes."""
    found = copy.deepcopy(pillar)
    web = second(PILLARS["machines"]["3.7"])["machines"]["web-1"]
    for name in ("interfaces", "storage"):
        found["machines"]["web-1"][name] = web[name]
    return found


def _back(pillar):
    """The layout that was, without the bridge."""
    found = copy.deepcopy(pillar)
    found["machines"]["web-1"]["interfaces"]["br0"] = {"type": "bridge", "absent": True}
    return found


def _pruned(pillar):
    """What the machines need, and little else."""
    kept = ("settings", "users", "machines", "devices", "racks", "clusters", "vm_hosts")
    found = {name: pillar[name] for name in kept if name in pillar}
    found["zones"] = {"north": pillar["zones"]["north"]}
    found["tags"] = {"gpu": pillar["tags"]["gpu"]}
    for name in {"spaces", "fabrics", "subnets"} & pillar.keys():
        found[name] = {key: one for key, one in pillar[name].items() if key not in _LAB[name]}
    return found


def _claiming(release, pillar):
    release = Release(release)
    claims = {table.name: True for table in TABLES if prunable(table) and table.holds_for(release)}
    return {**pillar, "exclusive": claims,
            "prune": {"most": 100, "fraction": 1.0, "in_use": True}}  # fmt: skip


def stages(release: str, image: str) -> dict[str, dict]:
    """The pillars of a release by a name of each, one after the other.

    Args:
        release: Of the region.
        image: Path of a file to be uploaded.
    """
    if release == "1.9":
        return _stages_of_1_9()
    first = _first(release, image)
    found = {"first run": first}
    if release >= "2":
        found |= {"layout": _rewired(first), "layout back": _back(first)}
    return {**found, "pruning": _claiming(release, _pruned(first))}


def region(release: str) -> RegionServer:
    """A region with what enrols itself, and machines that are ready."""
    if release == "1.9":
        server = RegionServer(release, machine_seconds=float("inf")).start()
        images_of_nodes(server)
        carried_out(server, {"machines": {"web-1": _node()}})
        (row,) = server.region.rows("machines").values()
        hardware.update(server.region, row["system_id"], status=nodes.READY, owner=None)
        return server
    server = campaign.new_region(campaign.Case("1.0" if release < "2" else "machines", release))
    if release < "2":
        image = catalogue.add_synced(server.region, "ubuntu", "trusty", "amd64")
        for file in image["sets"][0]["files"]:
            file["have"] = file["size"]
    else:
        series = "xenial" if release < "3" else "focal"
        server.region.settings["commissioning_distro_series"] = series
    if release >= "3":
        hardware.vm_host(server.region, _LXD, cores=8, memory=16384)
    return server
