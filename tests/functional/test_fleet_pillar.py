"""The example of a fleet: three sites and twelve racks from one short description."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/packaging"))

from deliveries import Salt  # noqa: E402
from saltext.maas import pillar  # noqa: E402
from saltext.maas.release import Release  # noqa: E402


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The pillar of a minion with given roles, rendered by Salt itself."""

    def render(minion, *roles, edit=None):
        folder = tmp_path_factory.mktemp("fleet")
        shutil.copytree(REPOSITORY / "pillar/fleet", folder / "pillar/fleet")
        (folder / "pillar/top.sls").write_text("base:\n  '*':\n    - fleet\n")
        if edit:
            file = folder / "pillar/fleet/sites.yaml"
            fleet = yaml.safe_load(file.read_text())
            edit(fleet)
            file.write_text(yaml.safe_dump(fleet, sort_keys=False))
        salt = Salt(
            folder / "salt", str(REPOSITORY / "_utils"),
            pillar_roots={"base": [str(folder / "pillar")]},
            grains={"maas": {"roles": list(roles)}}, grains_blacklist=["maas*"],
        )  # fmt: skip
        found = salt.call("pillar.raw", f"--id={minion}")
        assert "_errors" not in found
        return found["maas"]

    return render


def test_the_region_has_all(rendered):
    data = rendered("region", "region")
    assert pillar.problems(data, Release("3.7")) == []
    assert len(data["racks"]) == 12
    assert set(data["fabrics"]) == {"ber", "fra", "muc"}
    assert len(data["subnets"]) == 9
    # one desired object each: 12 racks, 3 fabrics, 9 VLANs, 9 DHCP, 9 subnets, 9 + 6 ranges
    desired_objects = pillar.desired_objects(data, Release("3.7"))
    count = {}
    for one in desired_objects:
        count[one.type] = count.get(one.type, 0) + 1
    assert count["rack"] == 12
    assert (count["fabric"], count["vlan"], count["subnet"]) == (3, 9, 9)
    assert (count["dhcp"], count["ip_range"]) == (9, 15)


def test_what_is_inherited_and_what_is_not(rendered):
    data = rendered("inherited", "region")
    clusters, subnets, fabrics = data["racks"], data["subnets"], data["fabrics"]
    assert clusters["ber-rack-1"] in ({}, None)
    assert clusters["fra-rack-1"]["description"] == "Frankfurt; the key is at the gate"
    assert clusters["fra-rack-4"]["description"] == "Frankfurt; second hall"
    assert subnets["10.1.0.0/24"]["dns_servers"] == ["192.0.2.53", "192.0.2.54"]
    assert subnets["10.3.0.0/24"]["dns_servers"] == ["192.0.2.99"]
    vlans = {name: {str(vid): vlan for vid, vlan in fabric["vlans"].items()}
             for name, fabric in fabrics.items()}  # fmt: skip
    assert (vlans["ber"]["16"]["mtu"], vlans["muc"]["16"]["mtu"]) == (9000, 1500)
    assert vlans["ber"]["16"]["dhcp"] == {"relay_vlan": "ber/untagged"}
    assert vlans["fra"]["32"]["dhcp"] == {
        "enabled": True, "primary_rack": "fra-rack-3", "secondary_rack": "fra-rack-4",
    }  # fmt: skip
    assert vlans["muc"]["32"]["dhcp"] == {"enabled": True, "primary_rack": "muc-rack-3"}
    assert subnets["10.2.32.0/24"]["ranges"][1] == {
        "type": "dynamic", "start": "10.2.32.50", "end": "10.2.32.249",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("minion", "own"),
    [
        ("fra-rack-4", {"fra-rack-4": {"description": "Frankfurt; second hall"}}),
        ("ber-rack-1", {"ber-rack-1": {}}),
        ("somebody-else", {}),
    ],
)
def test_a_rack_sees_no_networks_and_no_other_rack(rendered, minion, own):
    data = rendered(minion, "cluster", "rack")
    assert set(data) == {"region", "racks"}
    assert data["racks"] == own
    assert pillar.problems(data, Release("3.7")) == []


def test_it_is_for_2_6_and_later(rendered):
    data = rendered("region", "region")
    assert pillar.problems(data, Release("2.6")) == []
    outcome = pillar.problems(data, Release("2.5"))
    assert outcome
    assert all("description" in line for line in outcome)

    def edit(fleet):
        del fleet["sites"]["fra"]["rack"]
        fleet["sites"]["fra"]["racks"]["fra-rack-4"] = {}

    data = rendered("region", "region", edit=edit)
    assert pillar.problems(data, Release("2.2")) == []
    assert pillar.problems(data, Release("2.1")) != []


@pytest.mark.parametrize("form", [list, dict.fromkeys])
def test_a_new_site_is_a_name_a_prefix_and_a_list_of_racks(rendered, form):
    """Also where it has fewer racks than the networks of the others need."""

    def edit(fleet):
        fleet["sites"]["ham"] = {"prefix": "10.4", "racks": form(["ham-rack-1", "ham-rack-2"])}
        fleet["sites"]["ulm"] = {"prefix": "10.5", "racks": form(["u1", "u2", "u3"])}
        fleet["sites"]["jena"] = {"prefix": "10.6", "racks": form([])}

    data = rendered("region", "region", edit=edit)
    assert pillar.problems(data, Release("3.7")) == []
    assert len(data["racks"]) == 17
    assert data["racks"]["ham-rack-2"] == {}
    vlans = {name: {str(vid): vlan["dhcp"] for vid, vlan in fabric["vlans"].items()}
             for name, fabric in data["fabrics"].items()}  # fmt: skip
    assert vlans["ham"] == {
        "untagged": {"enabled": True, "primary_rack": "ham-rack-1", "secondary_rack": "ham-rack-2"},
        "16": {"relay_vlan": "ham/untagged"},
    }
    assert vlans["ulm"]["32"] == {"enabled": True, "primary_rack": "u3"}
    assert vlans["jena"] == {}
    assert [net for net in data["subnets"] if net.startswith("10.4.")] == [
        "10.4.0.0/24", "10.4.16.0/24",
    ]  # fmt: skip
    assert not [net for net in data["subnets"] if net.startswith("10.6.")]
    desired_objects = pillar.desired_objects(data, Release("3.7"))
    assert sum(one.type == "fabric" for one in desired_objects) == 6
