"""Generated networks and clusters of 1.x for a later release."""

from __future__ import annotations

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st
from saltext.maas.pillar import desired_objects, for_release, problems
from saltext.maas.reconcile import Snapshot, make_plan
from saltext.maas.release import Release

LABELS = ("east", "west wing", "3")


@st.composite
def regions(draw):
    """A pillar of 1.7: clusters with managed /28 networks, some of which are shared or tagged."""
    clusters = {}
    for number, label in enumerate(LABELS[: draw(st.integers(1, 3))]):
        interfaces = {}
        for nic in range(draw(st.integers(0, 2))):
            net = draw(st.sampled_from(["10.0.0.", f"10.0.{number + 1}.", f"10.{nic}.9."]))
            if any(net in one["ip"] for one in interfaces.values()):
                continue
            # Dynamic range, gap, static range, gap.
            ends = sorted(draw(st.sets(st.integers(3, 14), min_size=4, max_size=4)))
            tag = draw(st.sampled_from(["", ".5"]))
            one = interfaces[f"eth{nic}{tag}"] = {
                "management": draw(st.sampled_from(["unmanaged", "dhcp", "dhcp_and_dns"])),
                "ip": f"{net}{number + 1}", "subnet_mask": "255.255.255.240",
                "dynamic_range": {"low": f"{net}{ends[0]}", "high": f"{net}{ends[1]}"},
            }  # fmt: skip
            if draw(st.booleans()):
                one["static_range"] = {"low": f"{net}{ends[2]}", "high": f"{net}{ends[3]}"}
        clusters[label] = {"uuid": str(number), "interfaces": interfaces}
    networks = {
        f"n{number}": {"ip": f"10.0.{number}.0", "netmask": "255.255.255.240", "vlan_tag": tag}
        for number, tag in enumerate(draw(st.lists(st.integers(6, 9), max_size=3, unique=True)))
    }
    return {"clusters": clusters, "networks": networks}


def numbers(span):
    low, high = (int(ipaddress.ip_address(one)) for one in span)
    return set(range(low, high + 1))


@settings(max_examples=15)
@given(regions(), st.sampled_from(["2.0", "2.4", "3.7", "3.8"]))
def test_a_later_region_takes_it_and_no_address_changes_its_use(old, release):
    spans: dict = {}
    for one in (nic for cluster in old["clusters"].values()
                for nic in cluster["interfaces"].values()):  # fmt: skip
        net = str(ipaddress.ip_network(f"{one['ip']}/28", strict=False))
        for kind in ("dynamic_range", "static_range"):
            if kind in one:
                spans.setdefault(net, {}).setdefault(kind, []).append(numbers(one[kind].values()))
    networks = [f"{one['ip']}/28" for one in old["networks"].values()]
    clusters = [f"host-{number}" for number, _ in enumerate(old["clusters"])]
    managed = {
        f"host-{number}" for number, one in enumerate(old["clusters"].values())
        if any(nic["management"] != "unmanaged" for nic in one["interfaces"].values())
    }  # fmt: skip
    hosts = {str(number): f"host-{number}" for number in range(3)}
    new, notes = for_release.convert(old, Snapshot(None, Release("1.7")), Release(release), hosts)

    assert problems(new, Release(release)) == []
    empty = for_release._empty_region(Release(release))
    plan = make_plan(empty, desired_objects(new, Release(release)))
    assert plan.problems() == []
    assert [*new["racks"]] == clusters
    subnets = new.get("subnets", {})
    assert {*networks, *spans} <= subnets.keys()
    for net, kinds in spans.items():
        ranges = (subnets[net] or {}).get("ranges", [])
        held = {"dynamic": set(), "reserved": set()}
        for one in ranges:
            held[one["type"]] |= numbers((one["start"], one["end"]))
        if any(f"maas:subnets:{net}:ranges:" in line and "left out" in line for line in notes):
            continue  # two clusters had ranges that overlap
        dynamic = set().union(*kinds.get("dynamic_range", [set()]))
        static = set().union(*kinds.get("static_range", [set()]))
        assert held["dynamic"] == dynamic
        hosts_of_net = {int(one) for one in ipaddress.ip_network(net).hosts()}
        assert held["reserved"] == (hosts_of_net - dynamic - static if static else set())
    served = {
        vlan["dhcp"]["primary_rack"]
        for fabric in (new.get("fabrics") or {}).values()
        for vlan in ((fabric or {}).get("vlans") or {}).values()
        if (vlan or {}).get("dhcp")
    }
    told = [line for line in notes if ":dhcp: " in line or ":ranges:" in line]
    assert served == managed or (served < managed and told)
