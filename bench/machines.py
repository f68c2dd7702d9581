"""Measure runs over machines: python bench/machines.py [COUNT ...]

For each count a region gets machines that are commissioned.  The first run gives each a name, zone,
pool, tags and a BMC of its own, a bond of two NICs with two VLANs, and LVM on RAID 1; then nothing
is to be done; then one machine in a hundred gets another description, tag and address.  A bare
client sends the requests of the first two to a region of its own, with ids and order known
beforehand.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import common
from machines_region import mac

_IMAGE = {"selections": [{"os": "ubuntu", "release": "focal", "arches": ["amd64"]}]}
NETWORK = {
    "boot_sources": {"http://images.example.com/ephemeral-v3/stable": _IMAGE},
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}, 20: {}}}},
    "subnets": {"10.0.0.0/16": {"vlan": "dc1/untagged", "gateway_ip": "10.0.0.1"},
                "10.10.0.0/16": {"vlan": "dc1/10"}, "10.20.0.0/16": {"vlan": "dc1/20"}},
    "zones": {"north": None}, "resource_pools": {"web": None},
    "tags": {"web": None, "spare": None, **{f"rack-{number}": None for number in range(20)}},
}  # fmt: skip
_BOOT = {"size": "512MiB", "fs": "fat32"}
STORAGE = {
    "boot_disk": "sda",
    "disks": {"sda": {"partitions": [{**_BOOT, "mount": "/boot/efi"}, {"size": "rest"}]},
              "sdb": {"partitions": [{"size": "512MiB"}, {"size": "rest"}]}},
    "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
    "volume_groups": {"vg0": {"devices": ["md0"], "volumes": {
        "root": {"size": "20G", "fs": "ext4", "mount": "/"},
        "var": {"size": "30%", "fs": "xfs", "mount": "/var"},
        "srv": {"size": "rest", "fs": "xfs", "mount": "/srv"},
    }}},
}  # fmt: skip


def _host(number, net):
    return f"10.{net}.{number // 250}.{number % 250 + 2}"


def _power(number):
    return {"power_address": _host(number, 99), "power_user": "maas", "power_pass": f"s {number}"}


def _interfaces(number, changed=False):
    static = {"mode": "static", "subnet": "10.0.0.0/16"}
    address = f"10.0.199.{number // 100 + 2}" if changed else _host(number, 0)
    return {
        "eth0": {"mac_address": mac(number, 0)},
        "eth1": {"mac_address": mac(number, 1)},
        "bond0": {
            "type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 9000,
            "vlan": "dc1/untagged",
            "links": [{**static, "ip_address": address, "default_gateway": True}],
        },
        "bond0.10": {
            "type": "vlan", "parent": "bond0", "vlan": "dc1/10",
            "links": [{**static, "subnet": "10.10.0.0/16", "ip_address": _host(number, 10)}],
        },
        "bond0.20": {
            "type": "vlan", "parent": "bond0", "vlan": "dc1/20",
            "links": [{"mode": "auto", "subnet": "10.20.0.0/16"}],
        },
    }  # fmt: skip


def pillar(count: int, changed: bool = False) -> dict:
    """A pillar with that many machines; in a changed one each hundredth differs."""
    machines = {}
    for number in range(count):
        new = changed and number % 100 == 0
        machines[f"node-{number}"] = {
            "mac_addresses": [mac(number, 0), mac(number, 1)],
            "architecture": "amd64",
            "zone": "north",
            "pool": "web",
            "description": "moved" if new else f"number {number}",
            "tags": [f"rack-{number % 20}", "spare" if new else "web"],
            "power_type": "ipmi",
            "power_parameters": _power(number),
            "interfaces": _interfaces(number, new),
            "storage": STORAGE,
        }
    return {"release": "3.7", **NETWORK, "machines": machines}


@contextlib.contextmanager
def region(count):
    """A region whose machines are Ready; its URL and API key."""
    command = [sys.executable, str(common.ROOT / "bench" / "machines_region.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        url, api_key = json.loads(process.stdout.readline())
        applied(url, api_key, {"release": "3.7", **NETWORK})
        print(count, file=process.stdin, flush=True)
        process.stdout.readline()
        yield url, api_key
        process.stdin.close()


def applied(url, api_key, described):
    """Carry a pillar out; what it took."""
    from saltext.maas import pillar as reader
    from saltext.maas import region_plan
    from saltext.maas.checked import Checked
    from saltext.maas.client import Client, Profile
    from saltext.maas.reconcile import apply, snapshot_of

    folder = os.environ.get("BENCH_CACHE")
    checked = Checked(folder and os.path.join(folder, "checked"))
    with common.Meter() as run:
        client = Client(Profile(url, api_key))
        snapshot = snapshot_of(client, reader.types_of(described), checked)
        plan = region_plan.plan_of(snapshot, described)
        apply(snapshot, plan)
    failed = {change.name: change.error for change in plan.changes if not change.done}
    assert not failed, list(failed.items())[:3]
    return {"requests": client.requests, "wall": run.wall, "cpu": run.cpu,
            "changes": len(plan.changes), "peak": common.peak_mib()}  # fmt: skip


def measure(what: str, url: str, api_key: str) -> dict:
    """One measurement, in this process."""
    import jsonschema  # noqa: F401
    import requests_oauthlib  # noqa: F401

    who, _, count = what.partition(":")
    if who == "ours":
        found = applied(url, api_key, pillar(int(count)))
    elif who == "changed":
        found = applied(url, api_key, pillar(int(count), changed=True))
    else:
        bare = common.Bare(url, api_key)
        bare.send("GET", "version/")
        with common.Meter() as run:
            calls = bare_reads(bare) if who == "bare reads" else bare_writes(bare, int(count))
        found = {"requests": calls, "wall": run.wall, "cpu": run.cpu, "peak": common.peak_mib()}
    return found


# What a bare client sends

_READS = ("version/", "boot-sources/", "boot-sources/1/selections/", "fabrics/", "subnets/",
          "zones/", "resourcepools/", "tags/", "machines/")  # fmt: skip
_IDS = 400


def bare_reads(bare) -> int:
    """What a run with nothing to do reads; how many requests that is."""
    *_, machines = bare.send_all([("GET", path) for path in _READS])
    ids = [one["system_id"] for one in machines]
    parts = [ids[at : at + _IDS] for at in range(0, len(ids), _IDS)]
    power = "machines/?op=power_parameters"
    bare.send_all([("GET", power + "".join(f"&id={one}" for one in part)) for part in parts])
    return len(_READS) + len(parts)


def bare_writes(bare, count) -> int:
    """Give all machines what the pillar describes; how many requests that is."""
    reads = bare_reads(bare)
    found = {one["interface_set"][0]["mac_address"]: one for one in bare.send("GET", "machines/")}
    vlans = {vlan["vid"]: vlan["id"] for fabric in bare.send("GET", "fabrics/")
             if fabric["name"] == "dc1" for vlan in fabric["vlans"]}  # fmt: skip
    rows = [found[mac(number, 0)] for number in range(count)]
    with ThreadPoolExecutor(bare.workers) as pool:
        sent = list(pool.map(lambda one: _machine(bare, *one, vlans), enumerate(rows)))
    tags = [f"rack-{number}" for number in range(min(20, count))]
    for tag in (*tags, "web"):
        chosen = rows if tag == "web" else rows[int(tag[5:]) :: 20]
        ids = [one["system_id"] for one in chosen]
        for at in range(0, len(ids), 500):
            bare.send("POST", f"tags/{tag}/?op=update_nodes", {"add": ids[at : at + 500]})
    return reads + sum(sent) + len(tags) + 1 + count // 500


class _Counting:
    """Requests below the path of a node."""

    def __init__(self, bare, ident):
        self.bare, self.root, self.count = bare, f"nodes/{ident}/", 0

    def __call__(self, method, path, **data):
        self.count += 1
        whole = path if path.startswith("machines/") else self.root + path
        return self.bare.send(method, whole, data)


def _machine(bare, number, row, vlans):
    send = _Counting(bare, row["system_id"])
    power = {f"power_parameters_{name}": one for name, one in _power(number).items()}
    send("PUT", f"machines/{row['system_id']}/", hostname=f"node-{number}", zone="north",
         pool="web", description=f"number {number}", power_type="ipmi", **power)  # fmt: skip
    _wire(send, number, row, vlans)
    send("GET", f"machines/{row['system_id']}/")
    _lay_out(send, row)
    send("GET", f"machines/{row['system_id']}/")
    return send.count


def _wire(send, number, row, vlans):
    nics = [one["id"] for one in row["interface_set"]]
    for place, nic in enumerate(nics):
        send("PUT", f"interfaces/{nic}/", name=f"eth{place}")
    bond = send("POST", "interfaces/?op=create_bond", name="bond0", parents=nics, mtu=9000,
                bond_mode="802.3ad", vlan=vlans[0])["id"]  # fmt: skip
    tagged = [send("POST", "interfaces/?op=create_vlan", name=f"bond0.{vid}", parent=bond,
                   vlan=vlans[vid])["id"] for vid in (10, 20)]  # fmt: skip
    for nic, link in (
        (bond, {"mode": "static", "subnet": "10.0.0.0/16", "ip_address": _host(number, 0),
                "default_gateway": "true"}),
        (tagged[0], {"mode": "static", "subnet": "10.10.0.0/16", "ip_address": _host(number, 10)}),
        (tagged[1], {"mode": "auto", "subnet": "10.20.0.0/16"}),
    ):  # fmt: skip
        send("POST", f"interfaces/{nic}/?op=link_subnet", **link)


def _lay_out(send, row):
    disks = row["blockdevice_set"]
    for disk in disks:
        for part in disk["partitions"]:
            send("DELETE", f"blockdevices/{disk['id']}/partition/{part['id']}")
    whole = []
    for disk in disks:
        path = f"blockdevices/{disk['id']}/partitions/"
        first = send("POST", path, size=512 * 1024**2)["id"]
        whole.append(send("POST", path)["id"])
        if disk is disks[0]:
            boot = f"blockdevices/{disk['id']}/partition/{first}"
    raid = send("POST", "raids/", name="md0", level="raid-1", partitions=whole)
    group = send("POST", "volume-groups/", name="vg0", block_devices=raid["virtual_device"]["id"])
    sizes = {"root": 20 * 10**9, "var": group["size"] * 3 // 10}
    sizes["srv"] = group["size"] - sum(one // 4194304 * 4194304 for one in sizes.values())
    places = [(boot, "fat32", "/boot/efi")]
    for name, size in sizes.items():
        made = send("POST", f"volume-group/{group['id']}/?op=create_logical_volume",
                    name=name, size=size)  # fmt: skip
        fs, mount = ("ext4", "/") if name == "root" else ("xfs", f"/{name}")
        places.append((f"blockdevices/{made['id']}/", fs, mount))
    for path, fs, mount in places:
        send("POST", f"{path}?op=format", fstype=fs)
        send("POST", f"{path}?op=mount", mount_point=mount)


def compare(count: int) -> dict:
    """Fill two regions and measure ours and the bare client's."""

    def asked(what):
        os.environ["BENCH_API_KEY"] = api_key
        return common.in_own_process(__file__, "--one", what, url)

    with region(count) as (url, api_key):
        first, none = (asked(f"ours:{count}") for _ in range(2))
        reads = asked("bare reads")
        few = asked(f"changed:{count}")
    with region(count) as (url, api_key):
        writes = asked(f"bare writes:{count}")
    assert none["changes"] == 0
    rows = {"first run": (first, writes), "nothing to do": (none, reads), "1 % changed": (few, {})}
    return [
        {
            "machines": count,
            "run": name,
            "requests": ours["requests"],
            "wall s": ours["wall"],
            "own CPU s": ours["cpu"],
            "peak MiB": ours["peak"],
            **{f"bare {title}": bare.get(key, "") for title, key in (
                ("requests", "requests"), ("wall s", "wall"), ("CPU s", "cpu"),
                ("peak MiB", "peak"))},
        }
        for name, (ours, bare) in rows.items()
    ]  # fmt: skip


if __name__ == "__main__":
    with common.cache():
        common.main(sys.argv[1:] or ["10", "100", "1000"], measure, compare)
