"""Measure a run that creates everything: python bench/apply.py [COUNT ...]

The same objects are created by the reconciler in one new region, and by a bare client, which
knows ids and order beforehand, in another.
"""

from __future__ import annotations

import os
import sys

import common


def measure(count: int, url: str, api_key: str) -> dict:
    """Plan and apply in this process."""
    import jsonschema  # noqa: F401
    import requests_oauthlib  # noqa: F401
    from saltext.maas import pillar
    from saltext.maas.client import Client, Profile
    from saltext.maas.reconcile import Snapshot, apply, make_plan

    described = common.pillar(count)
    with common.Meter() as run:
        client = Client(Profile(url, api_key))
        pillar.check(described)
        snapshot = Snapshot(client)
        plan = make_plan(snapshot, pillar.desired_objects(described, client.release))
        apply(snapshot, plan)
    assert all(change.done for change in plan.changes)
    return {
        "wall": run.wall, "cpu": run.cpu, "requests": client.requests,
        "changes": len(plan.changes), "peak": common.peak_mib(),
    }  # fmt: skip


READS = ("version/", "fabrics/", "subnets/", "ipranges/", "tags/", "domains/", "dnsresources/")


def bare_creates(url: str, api_key: str, described: dict) -> int:
    """Create what the pillar describes with nothing but requests; how many calls that took."""
    bare = common.Bare(url, api_key)
    fabrics = bare.send_all([("POST", "fabrics/", {"name": name}) for name in described["fabrics"]])
    ids = {fabric["name"]: fabric["id"] for fabric in fabrics}
    vlans = bare.send_all(
        ("POST", f"fabrics/{ids[name]}/vlans/", {"vid": vid, **vlan})
        for name, fabric in described["fabrics"].items()
        for vid, vlan in fabric["vlans"].items()
    )
    by_name = {f"{vlan['fabric']}/{vlan['vid']}": vlan["id"] for vlan in vlans}
    subnets = bare.send_all(
        ("POST", "subnets/", {"cidr": cidr, "name": one["name"], "vlan": by_name[one["vlan"]],
                              "gateway_ip": one["gateway_ip"], "dns_servers": one["dns_servers"]})
        for cidr, one in described["subnets"].items()
    )  # fmt: skip
    numbers = {subnet["cidr"]: subnet["id"] for subnet in subnets}
    ranges = bare.send_all(
        ("POST", "ipranges/", {"type": span["type"], "subnet": numbers[cidr],
                               "start_ip": span["start"], "end_ip": span["end"]})
        for cidr, one in described["subnets"].items() for span in one["ranges"]
    )  # fmt: skip
    tags = bare.send_all(
        ("POST", "tags/", {"name": name, **one}) for name, one in described["tags"].items()
    )
    (domain,) = bare.send_all([("POST", "domains/", {"name": "example.com"})])
    names = bare.send_all(
        ("POST", "dnsresources/", {"name": name, "domain": domain["id"],
                                   "ip_addresses": one["ip_addresses"]})
        for name, one in described["domains"]["example.com"]["resources"].items()
    )  # fmt: skip
    # What our client reads to plan.
    reads = bare.send_all([("GET", path) for path in READS])
    return sum(map(len, (fabrics, vlans, subnets, ranges, tags, names, reads))) + 1


def compare(count: int) -> dict:
    """Measure ours and the bare client's, each against a new region."""
    with common.region() as (url, api_key):
        os.environ["BENCH_API_KEY"] = api_key
        ours = common.in_own_process(__file__, "--one", str(count), url)
    with common.region() as (url, api_key):
        common.Bare(url, api_key).send("GET", "version/")  # imports are not counted for us either
        with common.Meter() as same:
            calls = bare_creates(url, api_key, common.pillar(count))
    return {
        "objects": count,
        "changes": ours["changes"],
        "requests": ours["requests"],
        "wall s": ours["wall"],
        "own CPU s": ours["cpu"],
        "bare requests": calls,
        "bare wall s": same.wall,
        "bare CPU s": same.cpu,
        "ratio of wall": ours["wall"] / same.wall,
        "peak MiB": ours["peak"],
    }


if __name__ == "__main__":
    common.main(sys.argv[1:], measure, compare)
