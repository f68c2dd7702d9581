"""Runs of a whole pillar through a network in which every fifth request meets a fault.

``python tests/support/campaign.py 500`` runs five hundred seeds, each over API 1.0 or 2.0, and
prints how many runs each needed until the region was as described.
"""

from __future__ import annotations

import copy
import logging
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "_utils"), str(ROOT / "tests")]

from maas_emulator import hardware, machines  # noqa: E402
from maas_emulator.server import RegionServer  # noqa: E402
from saltext.maas import pillar, region_plan  # noqa: E402
from saltext.maas.client import Client, Profile, session  # noqa: E402
from saltext.maas.errors import MaasError  # noqa: E402
from saltext.maas.reconcile import Limits, Snapshot, apply, snapshot  # noqa: E402
from saltext.maas.reconcile.apply import Run  # noqa: E402
from saltext.maas.release import Release  # noqa: E402
from support.faults import FaultyProxy, share  # noqa: E402
from support.reconciling import carried_out, cluster, rack, snapshot_of  # noqa: E402

RATE = 0.2
MOST = 3  # runs until the region has to be as described
IMAGES = "http://images.example.com/ephemeral-v3/stable"
CLUSTER = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
_LIMITS = Limits(enrol_seconds=5, catalogue_seconds=5, import_seconds=10, sync_seconds=10)
_QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0}

_BOTH = {
    "settings": {"kernel_opts": "quiet"},
    "zones": {"north": {"description": "by the window"}, "south": None},
    "tags": {"gpu": {"comment": "cards"}, "old": {"kernel_opts": "nomodeset"}},
    "users": {"ops": {"email": "ops@example.com", "password": "hunter2"}},
    "files": {"motd.txt": {"content": "hello\n"}},
}
MACS, DEVICE = ("52:54:00:00:07:01", "52:54:00:00:07:02"), "52:54:00:00:07:09"
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
PILLARS = {
    "3.7": {
        **_BOTH,
        "machines": {"web-1": MACHINE},
        "devices": {"printer": {"mac_addresses": [DEVICE], "ip_addresses": ["10.20.0.30"]}},
        "resource_pools": {"web": {"description": "front ends"}},
        "package_repositories": {"tools": {"url": "http://repo.example.com/tools"}},
        "scripts": {"check-fans": {"script": "#!/bin/sh\necho ok\n", "timeout": 60}},
        "notifications": {"window": {"message": "closed", "category": "warning"}},
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
    },
    "1.7": {
        **_BOTH,
        "networks": {"office": {"ip": "172.16.0.0", "netmask": "255.255.0.0", "vlan_tag": 5}},
        "commissioning_scripts": {"50-fans": {"content": "#!/bin/sh\necho ok\n"}},
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
    },
}  # fmt: skip
PILLARS["3.8"] = {
    **PILLARS["3.7"],
    "user_groups": {"night": {
        "members": ["ops"], "entitlements": ["can_view_controllers"]}},
}  # fmt: skip
_OF_2_X = ("domains", "spaces", "fabrics", "subnets", "racks", "machines", "devices")
PILLARS["2.6"] = {**_BOTH, **{name: copy.deepcopy(PILLARS["3.7"][name]) for name in _OF_2_X}}
del PILLARS["2.6"]["subnets"]["10.10.0.0/24"]["reserved_ips"]
#: What a second pillar takes away and changes.
GONE = {"zones": "south", "tags": "old"}


def second(release: str) -> dict:
    """The pillar that follows: it changes something, and claims two types."""
    found = {name: dict(value) if isinstance(value, dict) else value
             for name, value in PILLARS[release].items()}  # fmt: skip
    for name, key in GONE.items():
        del found[name][key]
    found["zones"] = {"north": {"description": "by the door"}}
    found["exclusive"] = {"zone": True, "tag": True}
    if "machines" in found:
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
        found["devices"]["printer"] = {"mac_addresses": [DEVICE], "ip_addresses": ["10.20.0.31"]}
    return found


def machine(server, with_image=True) -> None:
    """A machine with two NICs and two disks is enlisted and commissioned."""
    series = "xenial" if server.region.release < "3.0" else "focal"
    chosen = {"os": "ubuntu", "release": series, "arches": ["amd64"]}
    if with_image:
        carried_out(server, {"boot_sources": {IMAGES: {"selections": [chosen]}}})
    row = machines.new(server.region, hostname="new", architecture="amd64/generic")
    hardware.update(server.region, row["system_id"], status=machines.COMMISSIONING)
    hardware.commissioned(
        server.region, row["system_id"],
        interfaces=[{"name": f"ens{number}", "mac_address": mac, "address": f"10.10.0.9{number}/24"}
                    for number, mac in enumerate(MACS)],
        disks=[{"name": name, "size": 100 * 10**9} for name in ("sda", "sdb")],
    )  # fmt: skip


def new_region(release: str) -> RegionServer:
    """A region with what enrols itself."""
    server = RegionServer(release=release, **_QUICK)
    server.start()
    if release < "2":
        cluster(server, CLUSTER, "10.10.0.2")
    else:
        rack(server, "rack-a", "10.10.0.2")
        machine(server)
    return server


def contents(server) -> dict:
    """All that a region holds, without its ids."""
    region, found = snapshot_of(server), {}
    for name, table in region.tables.items():
        if name in ("setting", "cluster_image", "region_controller"):
            continue
        found[name] = sorted(
            str(sorted(table.values(region, raw).items(), key=str))
            for part in table.parts(region) for raw in region.raw(name, part)
        )  # fmt: skip
    found["setting"] = region.records("setting", "kernel_opts")["kernel_opts"].raw["value"]
    return found


def _run(url, server, described):
    """One run; what went wrong in it."""
    profile = Profile(url, server.api_key, deadline=4.0, read_timeout=2.0)
    try:
        region = Snapshot(Client(profile))
        plan = region_plan.plan_of(region, described)
    except MaasError as error:
        return [f"plan: {error}"]
    problems = [f"cannot be applied: {one}" for one in plan.problems()]
    apply(region, plan, _LIMITS)
    return problems + [f"{one.name}: {one.error}" for one in plan.changes if one.error]


def undisturbed(release: str) -> dict:
    """What a region holds after both pillars, where nothing goes wrong."""
    server = new_region(release)
    try:
        for described in (PILLARS[release], second(release)):
            problems = pillar.problems(described, Release(release))
            assert problems == [], problems
            problems = _run(server.url, server, described)
            assert problems == [], problems
        return contents(server)
    finally:
        server.stop()


def disturbed(release: str, seed: int, expected: dict, rate: float = RATE) -> list:
    """Apply both pillars through a faulty network, each up to :data:`MOST` times.

    Args:
        release: Of the region.
        seed: Chooses the faults.
        expected: What :func:`undisturbed` returned.
        rate: Share of the requests that meet a fault.

    Returns:
        How many runs each of the two pillars needed.

    Raises:
        AssertionError: The region was not as described after the last run, or holds something
            else than expected.
    """
    server, needed = new_region(release), []
    try:
        with FaultyProxy(server, share(rate, seed), away=0.1, drip=0.05, later=0.02) as proxy:
            for described in (PILLARS[release], second(release)):
                needed.append(_runs(proxy, server, described, seed))
        there = contents(server)
        wrong = {name: (there[name], expected[name]) for name in there
                 if there[name] != expected[name]}  # fmt: skip
        assert not wrong, (seed, wrong)
    finally:
        server.stop()
    return needed


def _runs(proxy, server, described, seed) -> int:
    """How many runs a pillar needs until the region is as described, and the run says so."""
    for number in range(1, MOST + 1):
        seen = len(proxy.emptied)
        problems = _run(proxy.url, server, described)
        time.sleep(0.05)  # for what is carried out late
        left = region_plan.plan_of(snapshot_of(server), described).shown()
        if not problems and not left:
            return number
        # Nobody can tell a list that is empty from one that ought not to be.
        emptied = proxy.emptied[seen:]
        assert problems or emptied, (seed, number, "success was reported, but this is left", left)
    raise AssertionError((seed, problems, left))


def hurry(patch) -> None:
    """Shorten all pauses, by a function such as ``monkeypatch.setattr``."""
    patch(Run, "poll_seconds", 0.02)
    patch(Run, "stalled_seconds", 2.0)
    patch(Run, "pause", lambda run, attempt, error: time.sleep(0.005 * 2**attempt))
    patch(snapshot, "_PAUSE", 0.005)
    patch(session, "_FIRST_PAUSE", 0.005)
    patch(session, "_LONGEST_PAUSE", 0.05)


def main(count: int) -> int:
    """Run a campaign; the number of seeds that failed."""
    logging.disable(logging.CRITICAL)
    hurry(setattr)
    expected = {release: undisturbed(release) for release in PILLARS}
    runs, failed = Counter(), 0
    for seed in range(count):
        release = sorted(PILLARS)[seed % len(PILLARS)]
        try:
            runs.update(disturbed(release, seed, expected[release]))
        except AssertionError as error:
            failed += 1
            print(f"MAAS {release}, seed {seed}: {str(error)[:1500]}", flush=True)
    summary = ", ".join(f"{times} after {number}" for number, times in sorted(runs.items()))
    print(f"{count} seeds, {failed} failed; pillars true after so many runs: {summary}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1])) else 0)
