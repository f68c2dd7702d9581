"""Plan, drift, what is not managed and export from a real master, over a real minion."""

from __future__ import annotations

import pytest
import yaml
from support.site import REGION, Site

pytestmark = pytest.mark.salt
TAGS = {"gpu": {"comment": "cards"}}


class Planned(Site):
    """A region whose pillar asks for some tags and a fabric, and that holds another tag."""

    tags = TAGS

    def pillar(self):
        found = super().pillar()
        found.update(
            fabrics={"dc1": {"vlans": {100: {"name": "storage"}}}},
            subnets={"10.100.0.0/24": {"vlan": "dc1/100"}},
            tags=self.tags,
            images={"import": False},
        )
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Planned("3.7", tmp_path_factory.mktemp("whole"), clusters=()) as found:
        yield found


def test_from_a_plan_to_an_export(site, tmp_path):
    told = site.salt(REGION, "maas_tag.set", "stranger", "comment=x")[REGION]
    assert "stranger" in told, told
    # What is planned, in three forms.
    text, errors = site.run("maas.plan")
    assert "+ tag gpu\n      comment: cards" in text, errors
    assert "\x1b" not in text
    data, _ = site.run("maas.plan", REGION, "form=json")
    assert data["counts"]["create"] >= 4
    page = tmp_path / "plan.html"
    assert site.run("maas.plan", REGION, "form=html", f"output={page}")[0] == str(page)
    assert page.read_text().startswith("<!DOCTYPE html>")

    # What nobody describes, and what differs.
    loose, _ = site.run("maas.unmanaged", REGION, "types=[tag]")
    assert loose == {"tag": {"stranger": ""}}
    assert site.run("maas.drift")[0]["drifted"] is True

    (state,) = site.salt(REGION, "state.single", "maas_region.managed", "all",
                         "exclusive={tag: true}")[REGION].values()  # fmt: skip
    assert state["result"], state["comment"]
    assert set(state["changes"]["tag"]) == {"gpu", "stranger"}
    assert site.run("maas.drift")[0] == {
        "drifted": False,
        "changes": {},
        "problems": [],
        "warnings": [],
        "new_machines": [],
    }
    assert site.run("maas.compare_machines", REGION, "state=missing")[0] == []
    assert site.run("maas.plan")[0] == "Nothing to change."

    # A pillar that was edited since counts, without a refresh.
    site.tags = {"gpu": {"comment": "new cards"}}
    site.write_pillar()
    assert site.run("maas.plan")[0].splitlines()[0] == "~ tag gpu"
    assert site.run("maas.drift")[0]["drifted"] is True
    site.tags = TAGS
    site.write_pillar()

    # Written as pillar, it changes nothing.
    folder = tmp_path / "pillar"
    found, errors = site.run("maas.export", REGION, str(folder), "by=type")
    assert found, errors
    assert [one[:23] for one in found["notes"]] == ["images:import is false:"]
    described = {}
    for path in folder.glob("*.sls"):
        described.update(yaml.safe_load(path.read_text()).get("maas") or {})
    assert described["tags"] == {"gpu": {"comment": "cards"}}
    left = site.salt(REGION, "maas_region.plan", f"data={described!r}")[REGION]
    assert left == {}, left
