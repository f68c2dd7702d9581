"""A rack goes: DHCP is handed over, or given up when forced."""

from __future__ import annotations

import pytest
from saltext.maas.client import Client, Profile
from saltext.maas.emulator.server import RegionServer
from saltext.maas.reconcile import Snapshot, apply, make_plan, want_named


def run(server, type, name, values, absent=False):
    client = Client(Profile(server.url, server.api_key))
    snapshot = Snapshot(client)
    plan = make_plan(snapshot, [want_named(type, name, values, absent)])
    apply(snapshot, plan)
    client.close()
    return plan


def test_force_is_refused_where_it_is_unknown():
    with RegionServer("2.3") as server:
        server.region.register_controller(hostname="rk1")
        plan = run(server, "rack", "rk1", {"force": True}, absent=True)
        assert "2.5 can" in "".join(one.problem or "" for one in plan.changes)
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
