"""Writes from many sides at once: as if they came one after the other, in some order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from maas_emulator.core import Region

from .calls import Caller

WRITERS, EACH = 8, 12
RELEASES = ["1.5", "1.7", "1.9", "2.4", "3.7"]


def callers(region, number):
    """Clients with keys of their own, so that nonces cannot meet."""
    return [Caller(region, region.new_api_key("admin")) for _ in range(number)]


def at_once(function, arguments):
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(function, arguments))


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_is_lost_and_nothing_doubled(release):
    region = Region(release)

    def write(job):
        number, caller = job
        for count in range(EACH):
            name = f"z{number}-{count}"
            assert caller.post("zones/", name=name).status == 200
            assert caller.put(f"zones/{name}/", description=name).status == 200
            if count % 3 == 0:
                assert caller.delete(f"zones/{name}/").status == 204

    at_once(write, enumerate(callers(region, WRITERS)))
    zones = Caller(region).get("zones/").json
    assert len(zones) == 1 + WRITERS * (EACH - EACH // 3)
    assert all(zone["description"] in ("", zone["name"]) for zone in zones)
    assert len(region.rows("zones")) == len({row["id"] for row in region.rows("zones").values()})
    assert not region.unforeseen


@pytest.mark.parametrize("release", RELEASES)
def test_of_those_who_want_one_name_one_gets_it(release):
    region = Region(release)
    answers = at_once(
        lambda caller: caller.post("zones/", name="wanted").status, callers(region, WRITERS)
    )
    assert sorted(answers) == [200] + [400] * (WRITERS - 1)


@pytest.mark.parametrize("release", ["1.5", "1.7"])
def test_clusters_that_register_at_once_are_all_there(release):
    region = Region(release)
    at_once(
        lambda number: region.register_controller(
            uuid=f"u{number}", hostname=f"c{number}",
            interfaces=[{"name": "eth0", "ip": f"10.{number}.0.1", "subnet_mask": "255.255.255.0"}],
        ),
        range(20),
    )  # fmt: skip
    found = Caller(region).get("nodegroups/?op=list").json
    assert {group["uuid"] for group in found} == {f"u{number}" for number in range(20)}
    assert len({group["cluster_name"] for group in found}) == 20
