"""Measure runs over machines: python bench/machines.py [COUNT ...]

For each count a region gets machines with tags, a zone, a description and a BMC of their own.
Then the pillar is checked and planned from a new client, and the same GETs are sent by a bare
client; last, one machine in a hundred gets another description and another tag.
"""

from __future__ import annotations

import os
import sys

import common

IMAGES = {
    "boot_sources": {
        "http://images.example.com/ephemeral-v3/stable": {
            "selections": [{"os": "ubuntu", "release": "focal", "arches": ["amd64"]}]
        }
    }
}


def pillar(count: int, changed: bool = False) -> dict:
    """A pillar with that many machines."""
    machines = {}
    for number in range(count):
        new = changed and number % 100 == 0
        low = f"{number // 256 % 256:02x}:{number % 256:02x}"
        machines[f"node-{number}"] = {
            "mac_addresses": [f"52:54:00:00:{low}"],
            "architecture": "amd64",
            "zone": "north",
            "description": "moved" if new else f"number {number}",
            "tags": ["rack-0" if new else f"rack-{number % 20}", "spare" if new else "web"],
            "power_type": "ipmi",
            "power_parameters": {
                "power_address": f"10.0.{number // 250}.{number % 250 + 1}",
                "power_user": "maas", "power_pass": f"secret {number}",
            },
        }  # fmt: skip
    tags = {"web": None, "spare": None, **{f"rack-{number}": None for number in range(20)}}
    return {"release": "3.7", "zones": {"north": None}, "tags": tags, "machines": machines}


def measure(count: int, url: str, api_key: str) -> dict:
    """One measurement of our side, in this process."""
    import jsonschema  # noqa: F401
    import requests_oauthlib  # noqa: F401
    from saltext.maas import pillar as checks
    from saltext.maas.client import Client, Profile
    from saltext.maas.reconcile import Snapshot, make_plan

    described = pillar(count)
    with common.Meter() as run:
        client = Client(Profile(url, api_key))
        checks.check(described)
        plan = make_plan(Snapshot(client), checks.desired_objects(described, client.release))
    assert not plan, plan.shown()
    return {
        "wall": run.wall, "cpu": run.cpu, "requests": client.requests, "peak": common.peak_mib(),
    }  # fmt: skip


def applied(url, api_key, described):
    """Carry a pillar out; how many requests and seconds it took."""
    from saltext.maas import pillar as checks
    from saltext.maas.client import Client, Profile
    from saltext.maas.reconcile import Snapshot, apply, make_plan

    with common.Meter() as run:
        client = Client(Profile(url, api_key))
        snapshot = Snapshot(client)
        plan = make_plan(snapshot, checks.desired_objects(described, client.release))
        apply(snapshot, plan)
    failed = {change.name: change.error for change in plan.changes if not change.done}
    assert not failed, failed
    return client.requests, run.wall


def compare(count: int) -> dict:
    """Fill a region, then measure ours and the bare client's."""
    with common.region() as (url, api_key):
        applied(url, api_key, IMAGES)
        first = applied(url, api_key, pillar(count))
        os.environ["BENCH_API_KEY"] = api_key
        ours = common.in_own_process(__file__, "--one", str(count), url)
        bare = common.Bare(url, api_key)
        with common.Meter() as same:
            ids = [one["system_id"] for one in bare.send("GET", "machines/")]
            asked = [
                "machines/?op=power_parameters"
                + "".join(f"&id={one}" for one in ids[at : at + 400])
                for at in range(0, len(ids), 400)
            ]
            bare.send_all([("GET", path) for path in ("version/", "zones/", "tags/", *asked)])
        few = applied(url, api_key, pillar(count, changed=True))
    return {
        "machines": count,
        "requests": ours["requests"],
        "wall s": ours["wall"],
        "own CPU s": ours["cpu"],
        "bare wall s": same.wall,
        "ratio of wall": ours["wall"] / same.wall,
        "peak MiB": ours["peak"],
        "first run: requests": first[0],
        "first run: s": first[1],
        "1 % changed: requests": few[0],
        "1 % changed: s": few[1],
    }


if __name__ == "__main__":
    common.main(sys.argv[1:] or ["10", "100", "1000"], measure, compare)
