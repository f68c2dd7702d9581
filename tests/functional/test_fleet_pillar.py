"""The example of a fleet: three sites and twelve racks from one short description."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/packaging"))

from deliveries import Salt  # noqa: E402
from saltext.maas import pillar  # noqa: E402
from saltext.maas.release import Release  # noqa: E402


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The pillar of a minion with given roles, rendered by Salt itself."""
    folder = tmp_path_factory.mktemp("fleet")
    shutil.copytree(REPOSITORY / "pillar/fleet", folder / "pillar/fleet")
    (folder / "pillar/top.sls").write_text("base:\n  '*':\n    - fleet\n")

    def render(name, *roles):
        salt = Salt(
            folder / name, str(REPOSITORY / "_utils"),
            pillar_roots={"base": [str(folder / "pillar")]},
            grains={"maas": {"roles": list(roles)}}, grains_blacklist=["maas*"],
        )  # fmt: skip
        return salt.call("pillar.items")["maas"]

    return render


def test_the_region_has_all(rendered):
    data = rendered("region", "region")
    assert pillar.problems(data, Release("3.7")) == []
    assert len(data["clusters"]) == 12
    assert set(data["fabrics"]) == {"ber", "fra", "muc"}
    assert len(data["subnets"]) == 9
    # one wish each: 12 racks, 3 fabrics, 9 VLANs, 9 DHCP, 9 subnets, 9 + 6 ranges
    wishes = pillar.wishes(data, Release("3.7"))
    count = {}
    for one in wishes:
        count[one.type] = count.get(one.type, 0) + 1
    assert count["rack"] == 12
    assert (count["fabric"], count["vlan"], count["subnet"]) == (3, 9, 9)
    assert (count["dhcp"], count["ip_range"]) == (9, 15)


def test_what_is_inherited_and_what_is_not(rendered):
    data = rendered("inherited", "region")
    clusters, subnets, fabrics = data["clusters"], data["subnets"], data["fabrics"]
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


def test_a_rack_sees_no_networks(rendered):
    data = rendered("rack", "cluster", "rack")
    assert set(data) == {"region", "clusters"}
    assert pillar.problems(data, Release("3.7")) == []
