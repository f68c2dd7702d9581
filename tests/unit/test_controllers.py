"""Region and rack controllers: what can be described of one that is there."""

from __future__ import annotations

import pytest
from maas_emulator import region_hosts
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object
from support.reconciling import (
    SHORT,
    carried_out,
    carried_out_and_true,
    errors,
    planned,
    problems_of,
    rack,
    snapshot_of,
)

SECRET = "correct-horse"


@pytest.fixture(scope="module", params=["2.0", "2.9", "3.7"])
def region(request):
    with RegionServer(release=request.param) as server:
        rack(server, "rack-1", "10.10.0.2")
        yield server


def known(region, values):
    """Values without those that came with later releases."""
    release = snapshot_of(region).release
    since = {"description": "2.6", "domain": "2.2"}
    return {name: one for name, one in values.items() if release >= since.get(name, "2.0")}


def test_a_controller_is_configured(region):
    (host,) = snapshot_of(region).records("region_controller")
    values = known(region, {"zone": "north", "domain": "example.com", "description": "left"})
    power = {"power_type": "ipmi",
             "power_parameters": {"power_address": "192.0.2.9", "power_pass": SECRET}}  # fmt: skip
    data = {
        "zones": {"north": None},
        "domains": {"example.com": None},
        "region_controllers": {host: values},
        "racks": {"rack-1": {**values, **power}},
    }
    _, plan = carried_out(region, data)
    assert SECRET not in str(plan.shown())
    assert plan.shown()["region_controller"][host]["zone"] == {"old": "default", "new": "north"}
    shown = plan.shown()["rack"]["rack-1"]
    assert set(shown) == {*values, *power}

    data["racks"]["rack-1"] = {"power_parameters": {"power_pass": "another"}}
    region.requests.reset()
    planned(region, data)
    asked = [entry for entry in region.requests.entries() if "power_parameters" in str(entry)]
    assert len(asked) == 1
    _, plan = carried_out(region, data)
    assert set(plan.shown()["rack"]["rack-1"]) == {"power_parameters"}
    held = snapshot_of(region).records("rack")["rack-1"].raw
    path = f"rackcontrollers/{held['system_id']}/"
    parameters = snapshot_of(region).client.get(path, op="power_parameters")
    told = {name: parameters[name] for name in ("power_address", "power_pass")}
    assert told == {"power_address": "192.0.2.9", "power_pass": "another"}


def test_an_unknown_zone_is_refused_before_any_write(region):
    with pytest.raises(BadInput, match="'nowhere' is no zone of the region or of the pillar"):
        planned(region, {"racks": {"rack-1": {"zone": "nowhere"}}})


def test_a_region_controller_that_is_not_there_is_a_problem(region):
    _, plan = planned(region, {"region_controllers": {"elsewhere": {"zone": "default"}}})
    assert plan.problems() == ["region controller elsewhere: there is no such region controller"]


def gone(name, kind="region_controller"):
    return [desired_object(kind, {"hostname": name}, absent=True)]


def test_a_lost_region_controller_is_deleted_once_the_region_takes_it_for_lost(region):
    ident = region_hosts.started(region.region, "lost")
    snapshot, plan = planned(region, gone("lost"))
    apply(snapshot, plan, SHORT)
    (error,) = errors(plan).values()
    assert "Unable to delete lost as it's currently running." in error
    region_hosts.ended(region.region, ident)
    carried_out_and_true(region, gone("lost"))
    assert "lost" not in snapshot_of(region).records("region_controller")


def test_a_region_controller_that_is_a_rack_as_well_loses_that_part_first(region):
    ident = region_hosts.started(region.region, "rack-9")
    rack(region, "rack-9", "10.10.9.2")
    region_hosts.ended(region.region, ident)
    text = "it is a rack controller as well: first use maas_rack.absent for rack-9"
    assert problems_of(region, gone("rack-9")) == [f"region controller rack-9: {text}"]
    carried_out_and_true(region, gone("rack-9", "rack"))
    carried_out_and_true(region, gone("rack-9"))
