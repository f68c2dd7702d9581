"""Measure a run that has nothing to change: python bench/noop.py [COUNT ...]

For each count of objects a region is filled; then the
pillar is checked and planned from a new client, and the same GETs are sent by a bare client.
"""

from __future__ import annotations

import os
import sys

import common


def measure(count: int, url: str, api_key: str) -> dict:
    """One measurement of our side, in this process."""
    with common.Meter() as imports:
        import jsonschema  # noqa: F401
        import requests_oauthlib  # noqa: F401
        from saltext.maas import pillar
        from saltext.maas.client import Client, Profile
        from saltext.maas.reconcile import Snapshot, make_plan
    described = common.pillar(count)
    with common.Meter() as run:
        client = Client(Profile(url, api_key))
        pillar.check(described)
        plan = make_plan(Snapshot(client), pillar.desired_objects(described, client.release))
    assert not plan, plan.shown()
    return {
        "wall": run.wall, "cpu": run.cpu, "requests": client.requests,
        "peak": common.peak_mib(), "imports": imports.wall,
    }  # fmt: skip


def compare(count: int) -> dict:
    """Fill a region, then measure ours and the bare client's."""
    from saltext.maas import pillar
    from saltext.maas.client import Client, Profile
    from saltext.maas.reconcile import Snapshot, apply, make_plan

    with common.region() as (url, api_key):
        client = Client(Profile(url, api_key))
        snapshot = Snapshot(client)
        plan = make_plan(snapshot, pillar.desired_objects(common.pillar(count), client.release))
        apply(snapshot, plan)
        assert all(change.done for change in plan.changes)
        os.environ["BENCH_API_KEY"] = api_key
        ours = common.in_own_process(__file__, "--one", str(count), url)
        bare = common.Bare(url, api_key)
        paths = ["version/", "fabrics/", "subnets/", "ipranges/", "tags/", "domains/",
                 "dnsresources/"]  # fmt: skip
        with common.Meter() as same:
            bare.send_all([("GET", path) for path in paths])
    return {
        "objects": count,
        "requests": ours["requests"],
        "wall s": ours["wall"],
        "own CPU s": ours["cpu"],
        "bare wall s": same.wall,
        "bare CPU s": same.cpu,
        "ratio of wall": ours["wall"] / same.wall,
        "peak MiB": ours["peak"],
    }


if __name__ == "__main__":
    common.main(sys.argv[1:], measure, compare)
