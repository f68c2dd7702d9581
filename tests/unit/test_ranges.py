"""IP ranges and reserved addresses: whose they are, and what lies in their way."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan
from saltext.maas.release import Release
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    pruned,
    rack,
    snapshot_of,
)

NET = "10.0.0.0/24"
THEIRS = {"type": "reserved", "start_ip": "10.0.0.40", "end_ip": "10.0.0.60",
          "comment": "printers of another team"}  # fmt: skip


@pytest.fixture
def region():
    with RegionServer(release="3.7") as server:
        carried_out(server, described())
        yield server


def described(*ranges, reserved=None, **more):
    subnet = {"vlan": "site/untagged", "ranges": [span(*one) for one in ranges], **more}
    if reserved:
        subnet["reserved_ips"] = {ip: {"mac_address": mac} for ip, mac in reserved.items()}
    return {"fabrics": {"site": None}, "subnets": {NET: subnet}}


def span(start, end, type="reserved", comment=None):
    found = {"type": type, "start": f"10.0.0.{start}", "end": f"10.0.0.{end}"}
    return {**found, "comment": comment} if comment else found


def mac(number):
    return f"52:54:00:00:00:{number:02x}"


def post(region, path, **data):
    return snapshot_of(region).client.post(path, data=data)


def spans(region):
    rows = region.region.rows("ipranges").values()
    return sorted((int(row["start_ip"].rpartition(".")[2]), int(row["end_ip"].rpartition(".")[2]))
                  for row in rows)  # fmt: skip


def claimed(data):
    return {**data, "exclusive": {"ip_range": [NET]}, "prune": {"fraction": 1}}


# Whose a range is


@pytest.mark.parametrize(
    "mine", [(50, 199), (40, 199), (30, 60), (41, 59), (45, 60)],
    ids=["overlaps", "same start", "same end", "inside", "same end, smaller"],
)  # fmt: skip
def test_a_range_of_another_owner_stays_as_it_is(region, mine):
    post(region, "ipranges/", **THEIRS)
    region.requests.reset()
    _, plan = planned(region, described(mine))
    (line,) = plan.problems()
    assert line.startswith(
        f"IP range 10.0.0.{mine[0]}-10.0.0.{mine[1]}: conflicts with existing IP range "
        "10.0.0.40-10.0.0.60 (reserved, 'printers of another team'); "
    )
    assert plan.shown() == {}
    apply(snapshot_of(region), plan, SHORT)
    assert region.requests.writes() == []
    assert spans(region) == [(40, 60)]


def test_a_range_without_a_comment_is_not_taken_over(region):
    post(region, "ipranges/", **{**THEIRS, "comment": ""})
    (line,) = planned(region, described((40, 199)))[1].problems()
    assert "conflicts with existing IP range 10.0.0.40-10.0.0.60 (reserved)" in line


def test_a_claim_takes_a_range_over_by_its_start_or_end(region):
    post(region, "ipranges/", **THEIRS)
    ident = next(iter(region.region.rows("ipranges")))
    shown = pruned(region, claimed(described((40, 199))))
    assert shown["ip_range"] == {
        "10.0.0.40-10.0.0.199": {"end_ip": {"old": "10.0.0.60", "new": "10.0.0.199"}}
    }
    assert list(region.region.rows("ipranges")) == [ident]


def test_a_claim_replaces_what_only_overlaps(region):
    post(region, "ipranges/", **THEIRS)
    shown = pruned(region, claimed(described((50, 199))))
    assert {key: change["new"] is None for key, change in shown["ip_range"].items()} == {
        "10.0.0.50-10.0.0.199": False, "10.0.0.40-10.0.0.60": True,
    }  # fmt: skip
    assert spans(region) == [(50, 199)]


@pytest.mark.parametrize("by", [-5, 5, 15])
def test_two_ranges_are_shifted_at_once(region, by):
    rack(region, "a", "10.0.0.2")
    served = described((100, 119, "dynamic"), (120, 139, "dynamic"))
    served["fabrics"]["site"] = {
        "vlans": {"untagged": {"dhcp": {"enabled": True, "primary_rack": "a"}}}
    }
    carried_out(region, served)
    moved = described((100 + by, 119 + by, "dynamic"), (120 + by, 139 + by, "dynamic"))
    pruned(region, claimed({**served, "subnets": moved["subnets"]}))
    assert spans(region) == [(100 + by, 119 + by), (120 + by, 139 + by)]


def test_two_ranges_move_their_border_in_place(region):
    carried_out(region, described((10, 19, "reserved", "a"), (20, 29, "reserved", "b")))
    idents = sorted(region.region.rows("ipranges"))
    carried_out(region, described((10, 24, "reserved", "a"), (25, 29, "reserved", "b")))
    assert spans(region) == [(10, 24), (25, 29)]
    carried_out(region, described((10, 14, "reserved", "a"), (15, 29, "reserved", "b")))
    assert sorted(region.region.rows("ipranges")) == idents


def test_a_dynamic_range_that_nothing_replaces_is_still_guarded(region):
    rack(region, "a", "10.0.0.2")
    served = described((100, 119, "dynamic"), (120, 139, "dynamic"))
    served["fabrics"]["site"] = {
        "vlans": {"untagged": {"dhcp": {"enabled": True, "primary_rack": "a"}}}
    }
    carried_out(region, served)
    left = {**served, "subnets": described((100, 119, "dynamic"))["subnets"]}
    with pytest.raises(Exception, match="DHCP hands out its addresses"):
        region_plan.plan_of(snapshot_of(region), claimed(left))


# What lies in a dynamic range


@pytest.mark.parametrize(
    ("more", "ip", "expected"),
    [
        ({"gateway_ip": "10.0.0.150"}, None, "10.0.0.150 is the gateway of 10.0.0.0/24"),
        ({"dns_servers": ["10.0.0.151"]}, None, "10.0.0.151 is a DNS server of 10.0.0.0/24"),
        ({}, "10.0.0.152", "10.0.0.152 is an address of rack controller a"),
    ],
)
def test_an_address_in_a_dynamic_range_is_a_problem(region, more, ip, expected):
    carried_out(region, described(**more))
    if ip:
        rack(region, "a", ip)
    snapshot = snapshot_of(region)
    snapshot.records("rack")
    desired = desired_object(
        "ip_range",
        {"subnet": NET, "type": "dynamic", "start_ip": "10.0.0.100", "end_ip": "10.0.0.199"},
    )
    (line,) = make_plan(snapshot, [desired]).problems()
    assert f"{expected} and lies in this dynamic range" in line


def test_a_gateway_that_came_into_a_dynamic_range_is_left_there(region):
    carried_out(region, described((100, 199, "dynamic")))
    ident = snapshot_of(region).records("subnet")[NET].raw["id"]
    snapshot_of(region).client.put(f"subnets/{ident}/", data={"gateway_ip": "10.0.0.150"})
    found = pillar.export(snapshot_of(region))
    assert [line for line in found.notes if not line.startswith("images:")] == []
    assert not planned(region, found.described)[1]


def test_a_gateway_that_moves_out_of_the_way_in_the_same_run(region):
    carried_out(region, described(gateway_ip="10.0.0.150"))
    carried_out(region, described((100, 199, "dynamic"), gateway_ip="10.0.0.1"))


def test_a_reserved_ip_and_a_dynamic_range_of_the_region(region):
    post(region, "ipranges/", type="dynamic", start_ip="10.0.0.100", end_ip="10.0.0.199")
    (line,) = planned(region, described(reserved={"10.0.0.120": mac(1)}))[1].problems()
    assert "conflicts with existing IP range 10.0.0.100-10.0.0.199 (dynamic)" in line
    desired = desired_object("ip_address", {"ip": "10.0.0.121"})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert "it lies in dynamic range 10.0.0.100-10.0.0.199" in line


def test_a_dynamic_range_beside_a_dns_server_of_the_other_family(region):
    carried_out(region, {
        "fabrics": {"six": {"vlans": {6: None}}},
        "subnets": {"fd00:6::/64": {
            "vlan": "six/6", "dns_servers": ["192.0.2.53"],
            "ranges": [{"type": "dynamic", "start": "fd00:6::1:0:0", "end": "fd00:6::1:0:fff"}],
        }},
    })  # fmt: skip


def test_an_address_that_no_subnet_has_is_a_problem(region):
    desired = desired_object("ip_address", {"ip": "10.99.0.1"})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert "no subnet of the region or of the pillar has it" in line
    subnet = desired_object("subnet", {"cidr": "10.99.0.0/24"})
    assert make_plan(snapshot_of(region), [subnet, desired]).problems() == []


def test_a_dynamic_range_and_a_reserved_ip_of_the_region(region):
    carried_out(region, described(reserved={"10.0.0.120": mac(1)}))
    (line,) = planned(region, described((100, 199, "dynamic")))[1].problems()
    assert "conflicts with existing reserved IP 10.0.0.120;" in line
    # It may go in the same run, and a reserved range has nothing against it.
    data = described((100, 199, "dynamic"))
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [
        *pillar.desired_objects(data, snapshot.release),
        desired_named("reserved_ip", "10.0.0.120", {}, absent=True),
    ])  # fmt: skip
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    carried_out(region, described((200, 210), (100, 199, "dynamic")))


# Reserved IPs


def test_a_reserved_ip_gets_another_machine_in_one_run(region):
    data = described(reserved={"10.0.0.9": mac(1)})
    data["subnets"][NET]["reserved_ips"]["10.0.0.9"]["comment"] = "plotter"
    carried_out(region, data)
    snapshot, plan = carried_out(region, described(reserved={"10.0.0.9": mac(2)}))
    assert plan.shown()["reserved_ip"] == {
        "10.0.0.9": {"mac_address": {"old": mac(1), "new": mac(2)}}
    }
    (row,) = region.region.rows("reservedips").values()
    assert (row["mac_address"], row["comment"]) == (mac(2), "plotter")
    assert_true(region, snapshot)


def test_a_machine_gets_another_reserved_ip_in_one_run(region):
    carried_out(region, described(reserved={"10.0.0.8": mac(1), "10.0.0.9": mac(2)}))
    # The second one's machine goes over to the first address, whose machine is new.
    carried_out(region, described(reserved={"10.0.0.8": mac(2), "10.0.0.9": mac(3)}))


def test_a_mac_address_with_another_reserved_ip_is_a_problem(region):
    carried_out(region, described(reserved={"10.0.0.9": mac(1)}))
    (line,) = planned(region, described(reserved={"10.0.0.8": mac(1)}))[1].problems()
    assert f"mac_address {mac(1)} has the reserved IP 10.0.0.9 in {NET} already" in line
    both = {"reserved_ip": [NET]}
    data = {**described(reserved={"10.0.0.8": mac(1)}), "exclusive": both}
    pruned(region, data)
    assert [row["ip"] for row in region.region.rows("reservedips").values()] == ["10.0.0.8"]


def test_reserved_ips_of_one_subnet_are_claimed(region):
    data = described(reserved={"10.0.0.8": mac(1), "10.0.0.9": mac(2)})
    other = {
        "10.1.0.0/24": {
            "vlan": "site/untagged",
            "reserved_ips": {"10.1.0.9": {"mac_address": mac(2)}},
        }
    }
    carried_out(region, {**data, "subnets": {**data["subnets"], **other}})
    left = {**described(reserved={"10.0.0.8": mac(1)}), "exclusive": {"reserved_ip": [NET]}}
    assert set(pruned(region, left)["reserved_ip"]) == {"10.0.0.9"}
    assert {row["ip"] for row in region.region.rows("reservedips").values()} == {
        "10.0.0.8", "10.1.0.9",
    }  # fmt: skip


# What the pillar alone tells


def checked(data, release="3.7"):
    return pillar.problems(data, Release(release))


V6 = "2001:db8:9::/64"
LOW = {"type": "reserved", "start": "2001:db8:9::10", "end": "2001:db8:9::20"}


@pytest.mark.parametrize(
    ("subnets", "expected"),
    [
        ({V6: {"ranges": [LOW]}},
         f"maas:subnets:{V6}:ranges:0:start: 2001:db8:9::10 is among the addresses up to "
         f"2001:db8:9::ffff:ffff that MAAS reserves in {V6}; begin at "
         "2001:db8:9::1:0:0 or above"),
        ({NET: {"reserved_ips": {"10.0.0.5": {"mac_address": mac(1)},
                                 "10.0.0.6": {"mac_address": mac(1).upper()}}}},
         f"maas:subnets:{NET}:reserved_ips:10.0.0.6:mac_address: '{mac(1)}' has "
         f"maas:subnets:{NET}:reserved_ips:10.0.0.5 already; each MAC address has one in a subnet"),
    ],
    ids=["IPv6", "MAC"],
)  # fmt: skip
def test_the_check_tells_what_maas_refuses(subnets, expected):
    assert checked({"subnets": subnets}) == [expected]


def test_the_check_lets_pass_what_maas_takes():
    high = [{"type": "reserved", "start": "2001:db8:9:0:1::10", "end": "2001:db8:9:0:1::20"}]
    wide = [{"type": "reserved", "start": "2001:db8::10", "end": "2001:db8::20"}]
    data = {V6: {"ranges": high}, "2001:db8::/48": {"ranges": wide}}
    # A gateway in a dynamic range may be there already, so the plan tells of that.
    data["10.9.0.0/24"] = {"gateway_ip": "10.9.0.5", "vlan": "a/untagged", "ranges": [
        {"type": "dynamic", "start": "10.9.0.1", "end": "10.9.0.9"}]}  # fmt: skip
    data[NET] = {"gateway_ip": "10.0.0.5", "ranges": [span(1, 9)],
                 "reserved_ips": {"10.0.0.5": {"mac_address": mac(1)}}}  # fmt: skip
    assert checked({"subnets": data}, "3.6") == []


def test_the_check_finds_ip_addresses_in_dynamic_ranges():
    data = {"subnets": {NET: {"vlan": "a/untagged", "ranges": [span(10, 20, "dynamic")]}},
            "ip_addresses": {"10.0.0.15": None}}  # fmt: skip
    (line,) = checked(data)
    assert line == (
        f"maas:ip_addresses:10.0.0.15: lies in the dynamic range maas:subnets:{NET}:ranges:0; MAAS "
        "reserves none there"
    )


def test_low_ipv6_ranges_are_a_problem_of_states_too(region):
    carried_out(region, {"subnets": {V6: None}})
    desired = desired_object(
        "ip_range",
        {
            "subnet": V6,
            "type": "reserved",
            "start_ip": "2001:db8:9::10",
            "end_ip": "2001:db8:9::20",
        },
    )
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert "is among the addresses up to 2001:db8:9::ffff:ffff that MAAS reserves" in line


# Subnets that MAAS does not manage


def test_a_dynamic_range_of_an_unmanaged_subnet_lies_within_a_reserved_one(region):
    both = (100, 119, "dynamic"), (90, 130)
    carried_out(region, described(*both, managed=False))
    (line,) = planned(region, described(*both, (140, 150, "dynamic"), managed=False))[1].problems()
    assert "does not manage 10.0.0.0/24, and takes a dynamic range there within a reserved" in line
    (line,) = checked(described(*both))
    assert "overlaps" in line
