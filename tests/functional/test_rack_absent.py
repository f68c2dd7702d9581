"""A rack goes: DHCP is handed over, or given up when forced."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Snapshot, apply, desired_named, make_plan
from support.reconciling import rack


def run(server, type, name, values, absent=False, more=()):
    """Plan, see that only this was asked, and carry it out."""
    client = Client(Profile(server.url, server.api_key))
    snapshot = Snapshot(client)
    server.requests.reset()
    plan = make_plan(snapshot, [desired_named(type, name, values, absent), *more])
    assert server.requests.writes() == []
    planned = plan.shown()
    apply(snapshot, plan)
    if not plan.problems():
        assert plan.shown(done_only=True) == planned
    client.close()
    return plan


def served(server, secondary=True):
    """A VLAN whose DHCP rk1 serves, and rk2 stands by; the VLAN's row and both system ids."""
    region = server.region
    ids = [rack(server, "rk1", "10.10.0.2")]
    run(server, "subnet", "10.10.0.0/24", {})
    if secondary:
        ids.append(rack(server, "rk2", "10.10.0.3"))
    run(server, "ip_range", "10.10.0.100-10.10.0.150", {"type": "dynamic"})
    nic = next(iter(region.rows("racks").values()))["interfaces"][0]
    vlan = region.rows("vlans")[nic["vlan"]]
    name = f"{region.rows('fabrics')[vlan['fabric_id']]['name']}/{vlan['vid']}"
    racks = {"primary_rack": "rk1", **({"secondary_rack": "rk2"} if secondary else {})}
    run(server, "dhcp", name, {"enabled": True, **racks})
    assert (vlan["dhcp_on"], vlan["primary_rack"]) == (True, ids[0])
    return name, vlan, ids


@pytest.mark.parametrize("release", ["2.0", "2.9", "3.7"])
def test_the_secondary_takes_dhcp_over(release):
    with RegionServer(release) as server:
        _, vlan, (_, second) = served(server)
        assert vlan["secondary_rack"] == second
        plan = run(server, "rack", "rk1", {}, absent=True)
        assert plan.problems() == []
        assert (vlan["dhcp_on"], vlan["primary_rack"], vlan["secondary_rack"]) == (
            True, second, None,
        )  # fmt: skip
        assert run(server, "rack", "rk1", {}, absent=True).changes == []


@pytest.mark.parametrize("release", ["2.0", "2.5", "3.7"])
@pytest.mark.parametrize("standby", [False, True], ids=["alone", "stand-by-disconnected"])
def test_the_only_one_is_kept_unless_forced(release, standby):
    with RegionServer(release) as server:
        name, vlan, ids = served(server, standby)
        if standby:
            server.region.controller_connected(ids[1], False)
        server.requests.reset()
        plan = run(server, "rack", "rk1", {}, absent=True)
        (problem,) = plan.problems()
        shown = name.replace("/0", "/untagged")
        assert f"it serves the DHCP of {shown}" in problem
        assert server.requests.writes() == []
        assert vlan["primary_rack"] == ids[0]
        if release >= "2.5":
            assert run(server, "rack", "rk1", {"force": True}, absent=True).problems() == []
            assert vlan["dhcp_on"] is False
        else:  # DHCP ends in the same run
            more = [desired_named("dhcp", name, {}, True)]
            assert run(server, "rack", "rk1", {}, True, more).problems() == []
            assert (vlan["dhcp_on"], vlan["primary_rack"]) == (False, None)
        assert run(server, "rack", "rk1", {}, absent=True).changes == []


def test_force_is_refused_where_it_is_unknown():
    with RegionServer("2.3") as server:
        server.region.register_controller(hostname="rk1")
        plan = run(server, "rack", "rk1", {"force": True}, absent=True)
        assert "2.5 and later have" in "".join(one.problem or "" for one in plan.changes)
        assert not any(one.done for one in plan.changes)


@pytest.mark.parametrize("release", ["2.0", "2.5", "3.7"])
def test_one_without_duties_goes(release):
    with RegionServer(release) as server:
        server.region.register_controller(hostname="rk1")
        plan = run(server, "rack", "rk1", {}, absent=True)
        assert [one.error for one in plan.changes] == [None]
        assert run(server, "rack", "rk1", {}, absent=True).changes == []


@pytest.mark.parametrize(("word", "number"), [("disabled", 2), ("enabled", 1)])
def test_a_node_group_of_18_is_disabled_and_enabled(word, number):
    with RegionServer("1.8") as server:
        uuid = server.region.register_controller(uuid="abc-1", hostname="c1")
        group = next(one for one in server.region.rows("node_groups").values())
        group["status"] = 3 - number
        run(server, "node_group", uuid, {"status": word})
        assert group["status"] == number
        assert run(server, "node_group", uuid, {"status": word}).changes == []
        plan = run(server, "node_group", uuid, {"status": "pending"})
        assert "no pending node groups" in plan.changes[0].problem
