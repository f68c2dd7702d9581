"""Boot sources of 1.6: the pillar means every cluster, a state one of them."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_named, make_plan
from saltext.maas.release import Release
from support.reconciling import SHORT, cluster, errors, planned
from support.reconciling import snapshot_of as snapshot_over

URL = "http://images.example.com/ephemeral-v2/releases/"
KEY = URL.rstrip("/")
UUIDS = ["0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a02"]
SELECTION = {"os": "ubuntu", "release": "precise", "arches": ["amd64"]}
PILLAR = {
    "clusters": {"one": {"uuid": UUIDS[0]}, "two": {"uuid": UUIDS[1]}},
    "boot_sources": {URL: {"selections": [SELECTION]}},
    "images": {"import": False},
}


def snapshot_of(server):
    # 1.6 does not say which release it is.
    return snapshot_over(server, release=Release("1.6"))


def carried_out(server, data):
    """Plan and apply, every answer understood at once; the next plan is empty."""
    snapshot, plan = planned(server, data, snapshot_of(server))
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert [change.name for change in plan.changes if change.attempts] == []
    assert planned(server, data, snapshot_of(server))[1].shown() == {}
    return plan


@pytest.fixture
def region():
    with RegionServer(release="1.6") as server:
        for number, uuid in enumerate(UUIDS, 2):
            cluster(server, uuid, f"10.10.{number}.2")
        yield server


def test_every_cluster_gets_the_sources_of_the_pillar(region):
    plan = carried_out(region, PILLAR)
    shown = plan.shown()
    assert set(shown["cluster_boot_source"]) == {f"one {KEY}", f"two {KEY}"}
    assert len(shown["cluster_boot_selection"]) == 2

    more = {**SELECTION, "arches": ["amd64", "i386"]}
    data = {**PILLAR, "boot_sources": {URL: {"selections": [more]}}}
    plan = carried_out(region, data)
    assert {change.action for change in plan.changes} == {"update"}
    assert len(plan.changes) == 2


def test_one_cluster_can_differ(region):
    carried_out(region, PILLAR)
    where = {"cluster": UUIDS[0], "source": URL}
    for desired in (
        desired_named("cluster_boot_selection", "trusty", {**where, "arches": ["amd64"]}),
        desired_named("cluster_boot_selection", "trusty", where, absent=True),
        desired_named("cluster_boot_source", URL, {"cluster": UUIDS[0]}, absent=True),
    ):
        snapshot = snapshot_of(region)
        plan = make_plan(snapshot, [desired])
        assert len(plan.changes) == 1
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        assert make_plan(snapshot_of(region), [desired]).shown() == {}
    left = snapshot_of(region)
    assert left.find("cluster_boot_source", f"{UUIDS[0]} {KEY}") is None
    assert left.find("cluster_boot_source", f"{UUIDS[1]} {KEY}") is not None


def test_another_operating_system_is_refused():
    data = {**PILLAR, "boot_sources": {URL: {"selections": [{**SELECTION, "os": "centos"}]}}}
    with pytest.raises(BadInput, match=r"selections:0:os: 'centos' must be ubuntu in MAAS 1\.6"):
        pillar.desired_objects(data, Release("1.6"))


def test_boot_sources_came_with_1_6():
    (line,) = pillar.problems(PILLAR, Release("1.5"))
    assert "it is for MAAS from 1.6" in line
