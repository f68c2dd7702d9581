"""Power of machines: parameters compared together, checked before, never shown."""

from __future__ import annotations

import pytest
from saltext.maas import pillar, sdb
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object
from support.machine_regions import forget_machines, region_with_image
from support.reconciling import SHORT, carried_out, errors, planned, problems_of, snapshot_of

SECRET = "correct horse"


@pytest.fixture(scope="module", params=["2.9", "3.8"])
def region(request):
    with region_with_image(request.param) as server:
        yield server


@pytest.fixture
def server(region):
    yield region
    forget_machines(region)


def switched(name, address=None, secret=SECRET, **values):
    """A machine with a BMC."""
    power = {"power_address": address, "power_user": "maas", "power_pass": secret}
    given = {"architecture": "amd64", "power_type": "ipmi", "power_parameters": power, **values}
    return desired_object("machine", {"hostname": name, **given}, f"here:{name}")


def test_all_are_compared_with_one_request(server):
    many = [switched(f"m-{number}", f"192.0.2.{number}") for number in range(1, 41)]
    server.requests.reset()
    carried_out(server, many)
    assert server.requests.count("POST") == 40
    asked = [one for one in server.requests.entries("GET") if "power_parameters" in str(one)]
    assert len(asked) == 2  # whether it holds what was sent, and the second plan
    new = [*many[1:], switched("m-1", "192.0.2.1", secret="another")]
    server.requests.reset()
    plan = carried_out(server, new)[1]
    assert set(plan.shown()["machine"]) == {"m-1"}
    assert SECRET not in str(plan.shown())
    assert "another" not in str(plan.shown())
    assert [entry.method for entry in server.requests.writes()] == ["PUT"]


def test_a_machine_is_found_by_its_bmc(server):
    carried_out(server, [switched("enlisted", "192.0.2.7"), switched("other", "192.0.2.8")])
    ident = snapshot_of(server).records("machine")["enlisted"].raw["system_id"]
    carried_out(server, [switched("web-1", "192.0.2.7"), switched("other", "192.0.2.8")])
    found = snapshot_of(server).records("machine")
    assert set(found) == {"web-1", "other"}
    assert found["web-1"].raw["system_id"] == ident


def test_an_export_has_all_but_secrets_and_makes_the_same_elsewhere(server):
    url = "https://ops:hunter2@192.0.2.9/"
    carried_out(server, [
        switched("m-1", "192.0.2.1"), switched("m-2", "192.0.2.2"),
        switched("m-3", mac_addresses=["52:54:00:00:00:03"], power_type="webhook",
                 power_parameters={"power_on_uri": url, "power_off_uri": "https://b/", "later": "x",
                                   "power_query_uri": "https://c/", "power_token": SECRET},
                 power_parameters_skip_check=True),
    ])  # fmt: skip
    server.requests.reset()
    found = pillar.export(snapshot_of(server))
    asked = [one for one in server.requests.entries("GET") if "power_parameters" in str(one)]
    assert len(asked) == 1
    assert not [line for line in found.notes if "machine" in line]
    assert not [one for one in (SECRET, "hunter2") if one in str(found)]
    machines = found.described["machines"]
    power = machines["m-1"]["power_parameters"]
    assert power["power_address"] == "192.0.2.1"
    assert power["power_pass"] == "sdb://maas/machine/m-1/power_pass"
    hidden = {"sdb://maas/machine/m-3/power_on_uri": url}
    machines = sdb.resolve(machines, lambda one: hidden.get(one, SECRET))
    assert machines["m-3"]["power_parameters_skip_check"] is True
    assert planned(server, {"machines": machines})[1].shown() == {}
    forget_machines(server)
    carried_out(server, {"machines": machines})


def test_a_bmc_serves_one_machine(server):
    both = [switched("a", "192.0.2.7"), switched("b", "192.0.2.7", secret="another")]
    said = "power_parameters: {} has the same BMC, which serves one machine only"
    assert problems_of(server, both) == [f"machine a: {said.format('b')}",
                                         f"machine b: {said.format('a')}"]  # fmt: skip
    host = {"power_address": "qemu+ssh://ops@192.0.2.9/system"}
    carried_out(server, [
        switched(name, power_type="virsh", power_parameters={**host, "power_id": name},
                 mac_addresses=[f"52:54:00:00:00:0{name}"])
        for name in "ab"
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("power", "said"),
    [
        ({"power_adress": "x"}, "ipmi has no 'power_adress'; it has: power_address, power_user"),
        ({"power_driver": SECRET}, "power_driver must be one of: LAN, LAN_2_0"),
        ({"workaround_flags": ["idzero", SECRET]}, "workaround_flags must be one of: openses"),
    ],
)
def test_what_a_power_type_does_not_take_is_refused(server, power, said):
    values = {"architecture": "amd64", "power_type": "ipmi",
              "power_parameters": {"power_address": "192.0.2.7", **power}}  # fmt: skip
    (line,) = pillar.problems({"machines": {"web-1": values}}, snapshot_of(server).release)
    assert line.startswith(f"maas:machines:web-1:power_parameters: {said}")
    assert SECRET not in line
    with pytest.raises(BadInput, match="power_parameters: "):
        planned(server, [desired_object("machine", {"hostname": "web-1", **values}, "here")])


def test_nothing_is_checked_where_that_is_said(server):
    odd = {"power_address": "192.0.2.7", "later": "x"}
    snapshot, plan = planned(
        server, [switched("web-1", power_parameters=odd, power_parameters_skip_check=True)]
    )
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}


def test_what_is_missing_is_told(server):
    assert problems_of(server, [switched("web-1", power_parameters={"power_user": "x"})]) == [
        "machine web-1: power_parameters: power_address is missing, for ipmi"
    ]
    assert problems_of(server, [switched("web-1", power_type="manual", power_parameters=None)]) == [
        "machine web-1: mac_addresses is missing; a new machine needs it"
    ]


def test_a_name_may_have_its_domain(server):
    data = {"domains": {"example.com": None}, "machines": {
        "web-1.example.com": {"mac_addresses": ["52:54:00:00:00:21"], "architecture": "amd64",
                              "power_type": "manual"}}}  # fmt: skip
    carried_out(server, data)
    assert snapshot_of(server).records("machine")["web-1"].raw["domain"]["name"] == "example.com"
