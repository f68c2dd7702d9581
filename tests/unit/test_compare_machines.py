"""The machines of a region against those that the pillar describes."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from saltext.maas import region_machines, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.machines import view
from support.loader import load
from support.machine_regions import region_with_image
from support.reconciling import carried_out, snapshot_of

CLASS = {"architecture": "amd64", "power_type": "manual"}
DATA = {
    "machine_classes": {
        "r640": {**CLASS, "match": {"system_vendor": "dell inc.", "mac_prefix": "24:6E"}},
        "any-dell": {**CLASS, "match": {"system_vendor": "Dell Inc."}},
        "other": {**CLASS, "match": {"system_vendor": "Dell Inc.", "system_product": "R740"}},
        "unmatched": CLASS,
    },
    "machines": {"web-1": {"class": "r640", "mac_addresses": ["24:6e:96:00:00:01"]}},
}
OTHERS = {
    name: {**CLASS, "mac_addresses": [mac]}
    for name, mac in (("enlisted-1", "24:6e:96:00:00:02"), ("used", "24:6e:96:00:00:03"))
}


@pytest.fixture(scope="module")
def server():
    with region_with_image("3.8") as server:
        carried_out(server, {"machines": OTHERS})
        for row in server.region.rows("machines").values():
            hardware.update(
                server.region, row["system_id"], metadata={"system_vendor": "Dell Inc."}
            )
            if row["hostname"] == "used":
                hardware.update(server.region, row["system_id"], status=6, owner="admin")
        yield server


def rows(server, state=None, data=DATA):
    found = region_machines.compared(snapshot_of(server), data, state)
    return {row["hostname"]: (row["state"], row["status"], row["fits"]) for row in found}


def test_each_machine_is_in_region_or_pillar_or_both(server):
    fits = ["r640", "any-dell"]
    expected = {
        "enlisted-1": ("undescribed", "New", fits),
        "used": ("undescribed", "Deployed", fits),
        "web-1": ("missing", None, []),
    }
    server.requests.reset()
    assert rows(server) == expected
    assert [entry.path for entry in server.requests].count("/MAAS/api/2.0/machines/") == 1
    assert rows(server, "missing") == {"web-1": expected["web-1"]}
    own = {"web-1": {"class": "r640", "mac_addresses": ["24:6e:96:00:00:02"]}}
    assert rows(server, data={**DATA, "machines": own}) == {
        "used": expected["used"], "web-1": ("described", "New", []),
    }  # fmt: skip
    with pytest.raises(
        BadInput, match="state: 'x' must be one of: described, undescribed, missing"
    ):
        rows(server, "x")
    text = view.as_table(
        region_machines.compared(snapshot_of(server), DATA), region_machines.COLUMNS
    )
    assert text.splitlines()[-1] == "3 machines: 1 Deployed, 1 New"


def test_new_ones_are_reported_and_cost_no_request(server):
    server.requests.reset()
    found = region_plan.drift(snapshot_of(server), DATA)
    assert found["warnings"] == [
        "1 machine is New and not in the pillar: enlisted-1 (24:6e:96:00:00:02, fits class r640 "
        "and any-dell)"
    ]
    assert [one["hostname"] for one in found["new_machines"]] == ["enlisted-1"]
    assert [entry.path for entry in server.requests].count("/MAAS/api/2.0/machines/") == 1
    none = region_plan.drift(snapshot_of(server), {"zones": {}})
    assert (none["warnings"], none["new_machines"]) == ([], [])


def test_state_and_functions_report_new_ones(server, tmp_path):
    many = {f"n-{n}": {**CLASS, "mac_addresses": [f"52:54:00:00:01:{n:02x}"]} for n in range(4)}
    carried_out(server, {"machines": many})
    api = {"url": server.url, "api_key": server.api_key}
    opts = {"id": "region", "test": True, "maas.root": str(tmp_path), "maas": api}
    found = load("_states/maas_region.py", opts, {"maas": DATA}).managed("all")
    assert found["result"] is None
    (line,) = found["warnings"]
    assert line.startswith("5 machines are New and not in the pillar: ")
    assert line.endswith(" and 2 more")
    modules = load("_modules/maas_region.py", opts, {"maas": DATA})
    assert [row["hostname"] for row in modules.compare_machines("missing")] == ["web-1"]


def test_a_mistake_that_the_region_shows_is_told_once(server, tmp_path):
    data = {
        "machine_classes": {"r640": {**CLASS, "tags": ["gpu"]}},
        "machines": {f"n-{n}": {"class": "r640", "mac_addresses": [f"52:54:00:00:02:{n:02x}"]}
                     for n in range(3)},
    }  # fmt: skip
    line = "maas:machine_classes:r640:tags: 'gpu' is no tag of the region or of the pillar"
    opts = {"id": "region", "maas": {"url": server.url, "api_key": server.api_key}}
    found = load("_states/maas_region.py", opts, {"maas": data}).managed("all")["comment"]
    assert found.startswith(f"Nothing was changed:\n- {line}")
    assert found.count(line) == 1
    with pytest.raises(BadInput) as caught:
        region_plan.plan_of(snapshot_of(server), data)
    assert len(caught.value.problems) == 1
