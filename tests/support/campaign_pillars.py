"""The pillars of the campaign of faults: for each API and release one, and one that follows it."""

from __future__ import annotations

import copy

from support.examples import CLUSTER

_BOTH = {
    "settings": {"kernel_opts": "quiet"},
    "zones": {"north": {"description": "by the window"}, "south": None},
    "tags": {"gpu": {"comment": "cards"}, "old": {"kernel_opts": "nomodeset"}},
    "users": {"ops": {"email": "ops@example.com", "password": "hunter2"}},
    "files": {"motd.txt": {"content": "hello\n"}},
}
MACS, DEVICE = ("52:54:00:00:07:01", "52:54:00:00:07:02"), "52:54:00:00:07:09"
SMALL_MAC = "52:54:00:00:07:03"
_STATIC = {"mode": "static", "subnet": "10.10.0.0/24", "ip_address": "10.10.0.20"}
_BOOT = {"size": "512MiB", "fs": "fat32"}
MACHINE = {
    "mac_addresses": list(MACS), "architecture": "amd64", "description": "left row",
    "zone": "north", "tags": ["gpu"], "power_type": "ipmi",
    "power_parameters": {"power_address": "192.0.2.77", "power_user": "maas",
                         "power_pass": "hunter2"},
    "interfaces": {
        "eth0": {"mac_address": MACS[0]},
        "eth1": {"mac_address": MACS[1]},
        "bond0": {"type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad",
                  "vlan": "dc1/untagged", "mtu": 9000, "links": [_STATIC]},
        "bond0.5": {"type": "vlan", "parent": "bond0", "vlan": "dc1/5", "tags": ["storage"],
                    "links": [{"mode": "auto", "subnet": "10.20.0.0/24"}]},
    },
    "storage": {
        "disks": {"sda": {"partitions": [{**_BOOT, "mount": "/boot/efi"}, {"size": "rest"}]},
                  "sdb": {"partitions": [{"size": "512MiB"}, {"size": "rest"}]}},
        "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
        "volume_groups": {"vg0": {"devices": ["md0"], "volumes": {
            "root": {"size": "20G", "fs": "ext4", "mount": "/"},
            "srv": {"size": "30%", "fs": "xfs", "mount": "/srv"}}}},
        "special": [{"fs": "tmpfs", "mount": "/tmp"}],
    },
}  # fmt: skip
SMALL = {
    "mac_addresses": [SMALL_MAC], "architecture": "amd64", "tags": ["gpu"],
    "interfaces": {"eth0": {"mac_address": SMALL_MAC, "vlan": "dc1/untagged", "links": [
        {"mode": "auto", "subnet": "10.10.0.0/24"}]}},
    "storage": {"disks": {"sda": {"partitions": [
        {"size": "512MiB", "fs": "fat32", "mount": "/boot/efi"},
        {"size": "20G", "fs": "ext4", "mount": "/"}, {"size": "8G", "fs": "swap"}]}}},
}  # fmt: skip
_SCRIPT = {"50-fans": {"content": "#!/bin/sh\necho ok\n"}}
_NODE = {
    "mac_addresses": list(MACS), "architecture": "amd64", "zone": "north", "tags": ["gpu"],
    "power_type": "ipmi", "power_parameters": MACHINE["power_parameters"],
}  # fmt: skip
_1_7 = {
    **_BOTH,
    "commissioning_scripts": _SCRIPT,
    "networks": {"office": {"ip": "172.16.0.0", "netmask": "255.255.0.0", "vlan_tag": 5}},
    "clusters": {
        "rack-a": {
            "uuid": CLUSTER,
            "cluster_name": "north",
            "interfaces": {
                "eth0": {
                    "interface": "eth0", "management": "dhcp", "ip": "10.10.0.2",
                    "subnet_mask": "255.255.255.0", "router_ip": "10.10.0.1",
                    "dynamic_range": {"low": "10.10.0.100", "high": "10.10.0.149"},
                }
            },
        }
    },
}  # fmt: skip
_1_5 = {**{name: value for name, value in _1_7.items() if name != "clusters"},
        "machines": {"desk-1": _NODE}}  # fmt: skip
_1_9 = {
    **{name: value for name, value in _1_7.items() if name != "networks"},
    "spaces": {"dmz": None},
    "fabrics": {"dc1": {"vlans": {5: {"name": "storage"}}}},
    "subnets": {"10.20.0.0/24": {"vlan": "dc1/5", "space": "dmz", "gateway_ip": "10.20.0.1"}},
    "machines": {"desk-1": _NODE},
}
_NETWORKS = {
    "domains": {
        "example.com": {
            "ttl": 300,
            "resources": {"www": {"ip_addresses": ["192.0.2.5"]}},
            "records": [
                {"name": "@", "rrtype": "MX", "rrdata": "10 www.example.com"},
                {"name": "ftp", "rrtype": "CNAME", "rrdata": "www.example.com"},
            ],
        }
    },
    "spaces": {"dmz": None},
    "fabrics": {
        "dc1": {
            "vlans": {
                "untagged": {"dhcp": {"enabled": True, "primary_rack": "rack-a"}},
                5: {"name": "storage", "mtu": 9000, "space": "dmz"},
            }
        }
    },
    "subnets": {
        "10.10.0.0/24": {
            "vlan": "dc1/untagged",
            "gateway_ip": "10.10.0.1",
            "ranges": [{"type": "dynamic", "start": "10.10.0.100", "end": "10.10.0.150"}],
            "reserved_ips": {"10.10.0.77": {"mac_address": "52:54:00:00:00:77"}},
        },
        "10.20.0.0/24": {
            "vlan": "dc1/5",
            "ranges": [{"type": "reserved", "start": "10.20.0.5", "end": "10.20.0.9"}],
        },
    },
    "static_routes": [
        {"source": "10.10.0.0/24", "destination": "10.20.0.0/24", "gateway_ip": "10.10.0.1"}
    ],
    "ip_addresses": {"10.20.0.88": None},
    "dhcp_snippets": {"ntp": {"value": "option ntp-servers 192.0.2.1;"}},
    "racks": {"rack-a": {"description": "by the door"}},
}
_3_7 = {
    **_BOTH,
    **_NETWORKS,
    "resource_pools": {"web": {"description": "front ends"}},
    "package_repositories": {"tools": {"url": "http://repo.example.com/tools"}},
    "scripts": {"check-fans": {"script": "#!/bin/sh\necho ok\n", "timeout": 60}},
    "notifications": {"window": {"message": "closed", "category": "warning"}},
}
_3_8 = {**_3_7, "user_groups": {"night": {
    "members": ["ops"], "entitlements": ["can_view_controllers"]}}}  # fmt: skip
_2_6 = {**_BOTH, **{name: copy.deepcopy(_NETWORKS[name])
                    for name in ("domains", "spaces", "fabrics", "subnets", "racks")}}  # fmt: skip
del _2_6["subnets"]["10.10.0.0/24"]["reserved_ips"]


def _with_machines(around, **more):
    names = ("zones", "tags", "spaces", "fabrics", "subnets", "racks")
    printer = {"mac_addresses": [DEVICE], "ip_addresses": ["10.20.0.30"]}
    return {**{name: around[name] for name in names},
            "machines": {"web-1": MACHINE, "web-2": SMALL},
            "devices": {"printer": printer}, **more}  # fmt: skip


#: ``{API: {release: pillar}}``; the machines are those of API 2.0.
PILLARS = {
    "1.0": {"1.5": _1_5, "1.7": _1_7, "1.9": _1_9},
    "2.0": {"2.6": _2_6, "3.7": _3_7, "3.8": _3_8},
    "machines": {name: _with_machines(one) for name, one in
                 {"2.6": _2_6, "3.7": _3_7, "3.8": _3_8}.items()},
}  # fmt: skip
#: What a second pillar takes away and changes.
GONE = {"zones": "south", "tags": "old"}


def second(first: dict) -> dict:
    """The pillar that follows: it changes something, and claims two types."""
    found = copy.deepcopy(first)
    for name, key in GONE.items():
        del found[name][key]
    found["zones"] = {"north": {"description": "by the door"}}
    found["exclusive"] = {"zone": True, "tag": True}
    for script in found.get("commissioning_scripts", {}).values():
        script["content"] += "echo again\n"
    for network in found.get("networks", {}).values():
        network["description"] = "desks"
    for one in found.get("clusters", {}).values():
        one["cluster_name"] = "south"
        one["interfaces"]["eth0"]["dynamic_range"]["high"] = "10.10.0.160"
    if "desk-1" in found.get("machines", {}):
        found["machines"]["desk-1"].update(zone="default", tags=["new"])
        found["tags"]["new"] = None
    if "web-1" in found.get("machines", {}):
        web = found["machines"]["web-1"] = copy.deepcopy(MACHINE)
        web.update(description="right row", zone="default", tags=["new"])
        found["tags"]["new"] = None
        web["interfaces"]["bond0.5"] = {"type": "vlan", "absent": True}
        web["interfaces"]["br0"] = {"type": "bridge", "parent": "bond0", "vlan": "dc1/untagged",
                                    "links": [{**_STATIC, "ip_address": "10.10.0.21"}]}  # fmt: skip
        del web["interfaces"]["bond0"]["links"], web["interfaces"]["bond0"]["vlan"]
        web["storage"]["volume_groups"]["vg0"]["volumes"] = {
            "root": {"size": "30G", "fs": "ext4", "mount": "/"},
            "var": {"size": "rest", "fs": "xfs", "mount": "/srv"},
        }
        small = found["machines"]["web-2"]
        small["tags"] = ["new"]
        small["interfaces"]["eth0"]["links"] = [{**_STATIC, "ip_address": "10.10.0.30"}]
        del small["storage"]["disks"]["sda"]["partitions"][2]
        found["devices"]["printer"] = {"mac_addresses": [DEVICE], "ip_addresses": ["10.20.0.31"]}
    return found
