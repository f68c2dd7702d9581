"""Any desired objects of any types over any region: planned, predicted, done, and no more."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from maas_emulator import images
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Guard, apply, make_plan, prunable, prune
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import Release
from saltext.maas.resources import TABLES
from support import strategies
from support.examples import manage_network
from support.pillars import held, revealed
from support.reconciling import SHORT, assert_true, errors, snapshot_of

RELEASES = ("1.7", "2.4", "3.8")
FEW = settings(
    max_examples=8, deadline=None, derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # making a failure smaller takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0}
ALL = Guard(most=1000, fraction=1.0, in_use=True)


@pytest.fixture(autouse=True, scope="module")
def _poll_often():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "poll_seconds", 0.02)
        yield


def add_image(server):
    """The region holds an image, since MAAS takes machines only of its images' architectures."""
    series = server.region.settings["commissioning_distro_series"]  # up to 2.7 it commissions
    image = images.new_resource(
        "Synced", f"ubuntu/{series}", "amd64/ga-20.04", "20240101", "stable", {}
    )
    server.region.rows("boot_resources").add({**image, "subarches": "ga-20.04,generic"})


@contextlib.contextmanager
def region(release):
    """A new region; one of 1.x has a cluster with a network to reserve addresses in."""
    with RegionServer(release=release, **QUICK) as server:
        if release < "2.0":
            manage_network(server)
        else:
            add_image(server)
        yield server


def claims(release):
    """Some resource types of which all is said to be described."""
    types = [one.name for one in TABLES if prunable(one) and one.holds_for(Release(release))]
    return st.dictionaries(st.sampled_from(types), st.just(True), max_size=4)


def planned(server, desired_ones, claimed):
    snapshot = snapshot_of(server)
    return snapshot, make_plan(snapshot, desired_ones + prune(snapshot, desired_ones, claimed, ALL))


def becomes(server, desired_ones, claimed):
    """What is planned happens, is promised alike, and a second run has nothing left."""
    try:
        snapshot, plan = planned(server, desired_ones, claimed)
    except BadInput:
        # What is described lies in what shall go: told before anything is sent.
        assert claimed
        return
    shown, impossible = plan.shown(), dict(line.split(": ", 1) for line in plan.problems())
    promised, other = planned(server, desired_ones, claimed)
    promised.predict(other)
    again = make_plan(promised, [change.desired for change in plan.changes])
    assert [
        one.name for one in again.changes if not one.problem and one.name not in impossible
    ] == []
    apply(snapshot, plan, SHORT)
    assert errors(plan).keys() == impossible.keys(), errors(plan)
    assert plan.shown(done_only=True) == shown
    left = planned(server, desired_ones, claimed)[1].shown()
    assert left == {}
    assert_true(server, snapshot)


@pytest.mark.parametrize("release", RELEASES)
@FEW
@given(data=st.data())
def test_any_wishes_over_any_region(release, data):
    before = data.draw(strategies.desired_objects(release), "before")
    desired_ones = data.draw(strategies.desired_objects(release), "wishes")
    claimed = data.draw(claims(release), "exclusive")
    with region(release) as server:
        becomes(server, before, {})
        becomes(server, desired_ones, claimed)


@pytest.mark.parametrize("release", RELEASES)
@FEW
@given(data=st.data())
def test_any_region_exported_changes_nothing(release, data):
    with region(release) as server:
        becomes(server, data.draw(strategies.desired_objects(release)), {})
        found = pillar.export(snapshot_of(server))
        assert [line for line in found.notes if not line.startswith(("images:", "router_ip"))] == []
        server.requests.reset()
        described = revealed(found.described, held(snapshot_of(server), found.secrets))
        plan = region_plan.plan_of(snapshot_of(server), described)
        assert plan.shown() == {}
        assert plan.problems() == []
        assert server.requests.writes() == []
