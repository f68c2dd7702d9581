"""Any layout of a machine's interfaces to any other: in one run, as planned, and no more."""

from __future__ import annotations

import copy

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from maas_emulator import hardware
from saltext.maas.reconcile import apply, desired_object
from saltext.maas.resources import BY_NAME, interfaces_field
from saltext.maas.resources.interfaces_schema import mistakes
from support.machine_regions import region_with_image
from support.reconciling import SHORT, carried_out, errors, planned, snapshot_of

MACS = [f"52:54:00:00:00:{number:02x}" for number in range(1, 5)]
SUBNETS = {
    "10.1.0.0/24": "dc1/untagged", "10.1.1.0/24": "dc1/untagged", "10.1.10.0/24": "dc1/10",
    "10.1.20.0/24": "dc1/20", "10.2.0.0/24": "dc2/untagged", "fd01::/64": "dc1/untagged",
}  # fmt: skip
NETWORK = {
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}, 20: {}}}, "dc2": {}},
    "subnets": {
        cidr: {"vlan": vlan, "gateway_ip": cidr.partition("/")[0][:-1] + "1"}
        if ":" not in cidr else {"vlan": vlan}
        for cidr, vlan in SUBNETS.items()
    },
}  # fmt: skip
MANY = settings(
    max_examples=20, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)


@pytest.fixture(scope="module")
def server():
    with region_with_image("3.7", NETWORK) as server:
        values = {"hostname": "web-1", "mac_addresses": MACS, "architecture": "amd64",
                  "power_type": "manual"}  # fmt: skip
        carried_out(server, [desired_object("machine", values, "here")])
        row = next(iter(server.region.rows("machines").values()))
        hardware.update(server.region, row["system_id"], status=4)
        yield server


@st.composite
def links(draw, vlan):
    mode = draw(st.sampled_from(["link_up", "none", "some", "some"]))
    if mode != "some":
        return [{"mode": mode}] if mode == "link_up" else []
    found = []
    for cidr in draw(st.lists(st.sampled_from([one for one in SUBNETS if SUBNETS[one] == vlan]
                                              or [None]), max_size=2, unique=True)):  # fmt: skip
        if cidr is None:
            continue
        mode = draw(st.sampled_from(["auto", "dhcp", "static"]))
        link = {"mode": mode, "subnet": cidr}
        if mode == "static" and draw(st.booleans()):
            number = draw(st.integers(10, 14))
            link["ip_address"] = cidr.partition("/")[0].removesuffix("0") + str(number)
        if mode != "dhcp" and ":" not in cidr and draw(st.booleans()):
            link["default_gateway"] = True
        found.append(link)
    return found


def _add_links(draw, found, parts):
    for name, one in found.items():
        if name not in parts and draw(st.booleans()):
            vlan = one.get("vlan") or found[one["parent"]]["vlan"]
            one["links"] = draw(links(vlan))
        if draw(st.integers(0, 4)) == 0:
            one["mtu"] = draw(st.sampled_from([1500, 9000]))


@st.composite
def layouts(draw):
    """A layout: four NICs under any names, bonds, VLANs and bridges on them; some not described."""
    names = draw(st.permutations(["eth0", "eth1", "eth2", "eth3", "lan"]))[:4]
    found = {name: {"mac_address": mac} for name, mac in zip(names, MACS)}
    free, in_bond = list(names), set()
    untagged = {}
    for number in range(draw(st.integers(0, 2))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=2, unique=True))
        free = [one for one in free if one not in members] or names[3:]
        if not in_bond.intersection(members):
            in_bond |= set(members)
            mode = draw(st.sampled_from(["balance-rr", "802.3ad", "broadcast"]))
            found[f"bond{number}"] = {"type": "bond", "parents": members, "bond_mode": mode}
    tops = [name for name in found if name not in in_bond]
    for name in tops:
        untagged[name] = draw(st.sampled_from(["dc1/untagged", "dc1/untagged", "dc2/untagged"]))
        found[name]["vlan"] = untagged[name]
        if draw(st.booleans()):
            found[name]["tags"] = draw(st.lists(st.sampled_from(["a", "b c"]), unique=True))
    for name in tops:
        for vid in draw(st.lists(st.sampled_from([10, 20]), max_size=2, unique=True)):
            if untagged[name] == "dc1/untagged" and draw(st.booleans()):
                found[f"{name}.{vid}"] = {"type": "vlan", "parent": name, "vlan": f"dc1/{vid}"}
    bridged = set()
    for number in range(draw(st.integers(0, 2))):
        parent = draw(st.sampled_from([one for one in found if one not in in_bond
                                       and found[one].get("type") != "bridge"]))  # fmt: skip
        if parent not in bridged:
            bridged.add(parent)
            found[f"br{number}"] = {"type": "bridge", "parent": parent}
            if draw(st.booleans()):
                found[f"br{number}"]["bridge_stp"] = True
    _add_links(draw, found, in_bond | bridged)
    return found


def desired(layout):
    return [desired_object("machine", {"hostname": "web-1", "interfaces": layout}, "here")]


def held(server):
    nics = snapshot_of(server).records("machine")["web-1"].raw["interface_set"]
    return {nic["name"]: {**nic, "discovered": None} for nic in nics}


def shape(layout):
    """What is described of interfaces, apart from the addresses that MAAS chooses."""
    found = copy.deepcopy(layout.described())
    for nic in found.values():
        if nic.get("type"):
            nic.pop("mac_address", None)
        for link in nic.get("links", ()):
            link.pop("ip_address", None)
        nic["links"] = sorted(nic.get("links", ()), key=str)
    return found


def becomes(server, layout):
    """One run makes it so, with the requests that were planned, or says why it cannot."""
    before = held(server)
    snapshot, plan = planned(server, desired(layout))
    if not plan.changes:
        return
    shown = plan.shown()
    if plan.problems():
        apply(snapshot, plan, SHORT)
        assert held(server) == before
        return False
    wanted = shown["machine"]["web-1"]["interfaces"]["new"]["planned steps"]
    predicted = interfaces_field.before_and_after(
        snapshot, plan.changes[0].desired, plan.changes[0].raw
    )[1]
    server.requests.reset()
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}, (wanted, list(before))
    assert len(server.requests.writes()) == len(wanted), wanted
    after = snapshot_of(server)
    seen = interfaces_field.layout(after, after.records("machine")["web-1"].raw)
    assert shape(predicted) == shape(seen)
    described = BY_NAME["machine"].by_name["interfaces"].kind.clean(seen.described())
    assert planned(server, desired(described))[1].shown() == {}
    assert planned(server, desired(layout))[1].shown() == {}
    named = {nic["name"] for nic in before.values() if nic["mac_address"]} & layout.keys()
    after = held(server)
    for name in before.keys() - layout.keys() - named:
        if before[name]["type"] != "physical":
            assert after[name]["id"] == before[name]["id"]
    return True


@MANY
@given(first=layouts(), second=layouts(), drop=st.sets(st.integers(0, 8), max_size=2))
def test_any_layout_becomes_any_other(server, first, second, drop):
    for layout in (first, second):
        if list(mistakes(copy.deepcopy(layout), None)):
            return
    gone = {name: {"absent": True} for name, nic in held(server).items()
            if nic["type"] != "physical"}  # fmt: skip
    assert becomes(server, {**gone, **first}) is not False
    rest = {name: {"absent": True} for name, one in first.items()
            if name not in second and "type" in one}  # fmt: skip
    kept = {name: one for number, (name, one) in enumerate(second.items()) if number not in drop}
    becomes(server, {**rest, **kept})
