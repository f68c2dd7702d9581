"""Collections are read while the release is asked for, wherever the region was met before."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import lock, pillar, region_plan, runtime
from saltext.maas.checked import NOTHING, Checked
from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError, NoRegion
from saltext.maas.reconcile import apply, snapshot_of
from support.misbehaving import Misbehaving, answer

PILLAR = {
    "tags": {"web": {"comment": "front ends"}},
    "zones": {"north": None},
    "fabrics": {"dc1": {"vlans": {10: {"mtu": 9000}}}},
    "subnets": {"10.0.0.0/24": {
        "vlan": "dc1/10",
        "ranges": [{"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9"}],
    }},
    "domains": {"example.com": {"resources": {"www": {"ip_addresses": ["10.0.0.7"]}}}},
    "settings": {"kernel_opts": "quiet"},
}  # fmt: skip


@pytest.fixture(params=["3.7", "2.4"])
def server(request):
    with RegionServer(request.param) as server:
        client = Client(Profile(server.url, server.api_key))
        snapshot = snapshot_of(client, (), NOTHING)
        apply(snapshot, region_plan.plan_of(snapshot, PILLAR))
        yield server


@pytest.fixture
def checked(tmp_path):
    return Checked(str(tmp_path / "checked"))


def remembering(checked, server, line):
    checked.note("release", server.url, line)
    return checked


def read_and_planned(server, checked):
    """All requests of a run with nothing to do, and the snapshot once it was begun."""
    server.requests.reset()
    client = Client(Profile(server.url, server.api_key))
    snapshot = snapshot_of(client, pillar.types_of(PILLAR), checked)
    begun = len(server.requests)
    assert snapshot.release == server.region.release
    plan = region_plan.plan_of(snapshot, PILLAR)
    assert plan.shown() == {}
    return sorted((entry.path, str(entry.op)) for entry in server.requests), begun


def test_a_region_that_was_met_before_is_read_at_once_by_the_same_requests(server, checked):
    first, begun = read_and_planned(server, checked)
    assert begun == 1
    again, begun = read_and_planned(server, checked)
    assert again == first
    assert begun >= 6


@pytest.mark.parametrize("line", ["2.0", "3.8"])
def test_what_was_read_of_another_release_is_read_again(server, checked, line):
    first, _ = read_and_planned(server, checked)
    again, _ = read_and_planned(server, remembering(checked, server, line))
    assert {*first} <= {*again}
    assert read_and_planned(server, checked)[0] == first  # since that is corrected


def test_a_key_goes_first_to_where_a_region_was_before(checked):
    with Misbehaving(answer(200, "<html>", kind="text/html")) as peer:
        client = Client(Profile(peer.url, "consumer:token:secret"))
        with pytest.raises(NoRegion):
            snapshot_of(client, pillar.types_of(PILLAR), checked)
        assert all("Authorization" not in one.headers for one in peer.seen)
        remembering(checked, peer, "3.7")
        with pytest.raises(NoRegion):
            snapshot_of(client, pillar.types_of(PILLAR), checked)
        assert client._expected is None


def test_a_collection_that_fails_is_told_of_where_it_is_needed(checked):
    with RegionServer("3.7") as server:
        client = Client(Profile(server.url, "consumer:token:secret"))
        remembering(checked, server, "3.7")
        snapshot = snapshot_of(client, pillar.types_of(PILLAR), checked)
        with pytest.raises(MaasError, match="401"):
            region_plan.plan_of(snapshot, PILLAR)


def test_what_another_run_wrote_meanwhile_is_read_again(tmp_path):
    with RegionServer("3.7") as server:
        opts = {"cachedir": str(tmp_path), "maas.root": str(tmp_path / "root"),
                "maas": {"url": server.url, "api_key": server.api_key}}  # fmt: skip
        salt = {"__opts__": opts, "__pillar__": {}, "__salt__": {}, "__instance_id__": "1"}
        for others in (0, 0, 1):
            salt["__context__"] = {}
            snapshot = runtime.snapshot(salt, described=PILLAR)
            loaded = snapshot.loaded("tag")
            if others:
                with lock.held(f"{tmp_path}/maas", server.url, 5) as held:
                    held.writing()
            with runtime.alone(salt, snapshot):
                assert snapshot.loaded("tag") is (loaded and not others)
        assert loaded


@pytest.mark.parametrize(
    ("wrong", "types"),
    [
        ({"tags": None, "zones": {}, "fabrics": ["dc1"], "subnets": "x"}, ["fabric", "subnet"]),
        ({"fabrics": {"dc1": None, "dc2": {"vlans": 5}}, 7: 8}, ["fabric", "vlan"]),
    ],
)
def test_a_pillar_may_be_wrong(wrong, types):
    assert pillar.types_of(wrong) == types
