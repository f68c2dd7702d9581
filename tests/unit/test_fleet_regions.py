"""What the runner makes of a region's answers."""

from __future__ import annotations

import json

import pytest
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import regions
from saltext.maas.fleet.minions import Answer


class Region:
    """A region's minion, as far as it is asked: what it was asked, and what it answers."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def ask_signed(self, minion, function, limit, **kwargs):
        self.asked.append((minion, function, kwargs))
        return Answer(self.answer)


def dunders(*regions):
    return {"__opts__": {"maas.fleet": {"regions": list(regions)}, "cachedir": "/var/cache/x"}}


def test_a_plan_is_printed_as_it_is():
    salt = Region("+ tag gpu")
    found = regions.plan(dunders("r1"), salt=salt)
    assert found == {"outputter": "txt", "data": "+ tag gpu"}
    assert salt.asked == [("r1", "maas_region.plan", {"form": "text", "colour": False})]


def test_a_plan_for_machines_is_json(tmp_path):
    salt = Region({"changes": ["ü"]})
    assert regions.plan(dunders("r1"), form="json", salt=salt)["outputter"] == "json"
    path = tmp_path / "plan.json"
    assert regions.plan(dunders(), "r2", "json", str(path), salt) == str(path)
    assert json.loads(path.read_text()) == {"changes": ["ü"]}
    with pytest.raises(MaasError, match="cannot be written"):
        regions.plan(dunders(), "r2", "json", str(tmp_path), salt)


def test_an_export_writes_plain_names_only(tmp_path):
    salt = Region({"files": {"../../init.sls": "#!yaml\n"}, "secrets": [], "notes": []})
    folder = tmp_path / "deep" / "pillar"
    found = regions.export(dunders("r1"), folder=str(folder), by="type", salt=salt)
    assert found["files"] == [str(folder / "init.sls")]
    assert salt.asked == [("r1", "maas_region.export", {"by": "type"})]
    more = {"for_release": 3.7, "racks": {"east": "rack-1"}}
    regions.export(dunders("r1"), salt=salt, **more)
    assert salt.asked[1:] == [("r1", "maas_region.export", more)]
    assert not (tmp_path / "init.sls").exists()


def test_one_of_several_regions_is_to_be_named():
    with pytest.raises(BadInput, match="name one of: r1, r2"):
        regions.plan(dunders("r1", "r2"), salt=Region(""))
    with pytest.raises(BadInput, match="form: 'pdf' must be one of"):
        regions.plan(dunders("r1"), form="pdf", salt=Region(""))


def test_machines_are_compared_as_a_table_for_a_person():
    row = {"hostname": "web-1", "state": "missing", "status": None, "mac_addresses": [],
           "fits": [], "system_id": None}  # fmt: skip
    salt, own = Region([row]), dunders("r1")
    assert regions.compare_machines(own, state="missing", salt=salt) == [row]
    assert salt.asked == [("r1", "maas_region.compare_machines", {"state": "missing"})]
    own["__opts__"]["__cli"] = "salt-run"
    lines = regions.compare_machines(own, salt=salt)["data"].splitlines()
    assert (lines[1].split(), lines[-1]) == (["web-1", "missing"], "1 machine")
