"""Interfaces of machines: what is sent, in which order, and what is left alone."""

from __future__ import annotations

import re

import pytest
from maas_emulator import hardware
from saltext.maas import pillar
from saltext.maas.errors import BadInput, Forbidden
from saltext.maas.reconcile import apply, desired_object
from support.machine_regions import forget_machines, regions_with_image
from support.misbehaving import Proxy
from support.reconciling import SHORT, carried_out, errors, planned, problems_of, snapshot_of

MACS = [f"52:54:00:00:00:{number:02x}" for number in range(1, 5)]
NETWORK = {
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}, 20: {}}}, "dc2": {}},
    "subnets": {
        "10.1.0.0/24": {"vlan": "dc1/untagged", "gateway_ip": "10.1.0.1"},
        "10.1.10.0/24": {"vlan": "dc1/10", "gateway_ip": "10.1.10.1"},
        "10.1.20.0/24": {"vlan": "dc1/20"},
        "10.2.0.0/24": {"vlan": "dc2/untagged"},
        "fd01::/64": {"vlan": "dc1/untagged", "gateway_ip": "fd01::1"},
    },
}
BONDED = {
    "eth0": {"mac_address": MACS[0]},
    "eth1": {"mac_address": MACS[1]},
    "bond0": {
        "type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 9000,
        "vlan": "dc1/untagged",
        "links": [{"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.9",
                   "default_gateway": True}],
    },
    "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "dc1/10", "tags": ["a b", "storage"],
                 "links": [{"mode": "auto", "subnet": "10.1.10.0/24"}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def regions():
    with regions_with_image(NETWORK) as of_release:
        yield of_release


@pytest.fixture
def server(regions):
    server = regions("3.7")
    yield server
    forget_machines(server)


def described(interfaces, name="web-1", **values):
    values = {"hostname": name, "interfaces": interfaces, **values}
    return [desired_object("machine", values, "here")]


def made(server, count=2, name="web-1", status=4):
    """A machine that is Ready, with some NICs; the region's row of it."""
    values = {"hostname": name, "mac_addresses": MACS[:count], "architecture": "amd64",
              "power_type": "manual"}  # fmt: skip
    carried_out(server, [desired_object("machine", values, "here")])
    ident = snapshot_of(server).records("machine")[name].raw["system_id"]
    hardware.update(server.region, ident, status=status, owner=None)
    return next(row for row in server.region.rows("machines").values()
                if row["system_id"] == ident)  # fmt: skip


def steps(plan, name="web-1"):
    return plan.shown()["machine"][name]["interfaces"]["new"]["planned steps"]


def sent(server):
    """How many writes of interfaces came since the plan was made."""
    return sum("/interfaces/" in one for one in map(str, server.requests.writes()))


def test_two_bonded_interfaces_with_a_vlan(server):
    row = made(server)
    plan = carried_out(server, described(BONDED))[1]
    assert steps(plan) == [
        "eth0: set vlan dc1/untagged",
        "eth1: set vlan dc1/untagged",
        "bond0: create it as bond of eth0, eth1 in dc1/untagged",
        "bond0.10: create it as vlan of bond0 in dc1/10",
        "bond0: add the link static 10.1.0.0/24 10.1.0.9 as default gateway",
        "bond0.10: add the link auto 10.1.10.0/24",
    ]
    assert sent(server) == len(steps(plan))
    by_name = {nic["name"]: nic for nic in row["interfaces"]}
    assert by_name["bond0.10"]["tags"] == ["a b", "storage"]
    assert by_name["eth0"]["params"]["mtu"] == 9000  # as MAAS does of itself
    # Only what differs is changed, and in place.
    ids = {nic["id"] for nic in row["interfaces"]}
    bond = {**BONDED["bond0"], "bond_mode": "active-backup", "parents": ["eth0"]}
    plan = carried_out(server, described({**BONDED, "bond0": bond}))[1]
    assert steps(plan) == ["bond0: set its parents to eth0", "bond0: set bond_mode active-backup"]
    assert {nic["id"] for nic in row["interfaces"]} == ids


def test_an_export_describes_it_so_that_nothing_is_left_to_do(server):
    made(server)
    carried_out(server, described({**BONDED, "br0": {"type": "bridge", "parent": "bond0.10"}}
                                  | {"bond0.10": {**BONDED["bond0.10"], "links": []}}))  # fmt: skip
    exported = pillar.export(snapshot_of(server)).described["machines"]["web-1"]["interfaces"]
    assert exported["bond0"] == BONDED["bond0"]
    assert exported["bond0.10"] == {"type": "vlan", "parent": "bond0", "vlan": "dc1/10",
                                    "tags": ["a b", "storage"]}  # fmt: skip
    assert not planned(server, described(exported))[1].changes


class Refusing:
    """Lets one write of interfaces fail, after some that succeed."""

    def __init__(self, client, after):
        self._client, self.left = client, after

    def __getattr__(self, name):
        return getattr(self._client, name)

    def put(self, path, **options):
        return self._write(self._client.put, path, options)

    def post(self, path, **options):
        return self._write(self._client.post, path, options)

    def delete(self, path, **options):
        return self._write(self._client.delete, path, options)

    def _write(self, call, path, options):
        self.left -= 1
        if self.left < 0:
            raise Forbidden("403 of a test", 403)
        return call(path, **options)


def test_an_interface_without_a_mac_address_waits_until_commissioning_found_it(server):
    named = described({"eno1": {"tags": ["a"]}}, mac_addresses=MACS[:1], architecture="amd64",
                      power_type="manual")  # fmt: skip
    snapshot, plan = planned(server, named)
    warning = "machine web-1: interfaces is skipped until the machine is commissioned"
    assert plan.warnings == [warning]
    snapshot.predict(plan)
    assert planned(server, named, snapshot)[1].shown() == {}
    carried_out(server, named)
    assert planned(server, named)[1].warnings == [warning]
    row = next(iter(server.region.rows("machines").values()))
    hardware.update(server.region, row["system_id"], status=1)
    found = [{"name": "eno1", "mac_address": MACS[0]}]
    hardware.commissioned(server.region, row["system_id"], interfaces=found)
    assert steps(carried_out(server, named)[1]) == ["eno1: set tags a"]


def test_lost_answers_are_looked_for_and_the_same_run_goes_on(server, impatient):
    made(server)
    with Proxy(server, lambda method, target: "/interfaces/" in target) as proxy:
        snapshot, plan = planned(server, described(BONDED), url=proxy.url)
        wanted = steps(plan)
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
    assert len(proxy.lost) == len(wanted) > 5
    assert planned(server, described(BONDED))[1].shown() == {}


@pytest.mark.parametrize("after", range(6))
def test_a_failure_says_how_far_it_came_and_the_next_run_goes_on(server, after):
    made(server)
    snapshot, plan = planned(server, described(BONDED))
    todo = steps(plan)
    snapshot.client = Refusing(snapshot.client, after)
    apply(snapshot, plan, SHORT)
    done = "; ".join(todo[:after]) or "nothing"
    assert errors(plan)["machine web-1"] == (
        f"interfaces: {todo[after]}: 403 of a test; done: {done}; left: {'; '.join(todo[after:])}; "
        "the next run continues"
    )
    assert steps(planned(server, described(BONDED))[1]) == todo[after:]
    carried_out(server, described(BONDED))


@pytest.mark.parametrize(("interfaces", "sentence"), [
    ({"eth0": {"mut": 1}}, "eth0:mut: unknown key; allowed: "),
    ({"eth0": {"mtu": 5}}, "eth0:mtu: 5 must be a whole number from 552 on"),
    ({"eth0": {"bond_mode": "802.3ad"}}, "eth0:bond_mode: is only for bond, not for type physical"),
    ({"eth0": {"type": "vlan", "parent": "lan"}}, "eth0:vlan: is missing, for type vlan"),
    ({"a b": {}}, "a b: must be a name of 1 to 15 letters"),
    ({"eth0": {"links": [{"mode": "auto"}]}}, "eth0:links:0:subnet: is missing, for mode auto"),
    ({"eth0": {"links": [{"mode": "dhpc"}]}}, "eth0:links:0:mode: 'dhpc' must be one of: static"),
    ({"eth0": {"links": [{"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.2.0.1"}]}},
     "eth0:links:0:ip_address: '10.2.0.1' must be in 10.1.0.0/24"),
    ({"eth0": {"mac_address": MACS[0]}, "lan": {"mac_address": MACS[0].upper()}},
     f"{MACS[0]} is described twice"),
    ({**BONDED, "eth0": {"vlan": "dc1/10"}},
     "eth0:vlan: it is part of bond0, so describe the VLAN there"),
    ({**BONDED, "eth0": {"mtu": 1500}}, "bond0:mtu: 9000 is more than that of eth0, 1500"),
    ({**BONDED, "br0": {"type": "bridge", "parent": "eth0"}},
     "eth0: cannot be part of bond0 and br0 at once"),
    ({**BONDED, "eth0": {"absent": True}}, "bond0: eth0 is described as absent"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_its_place(server, interfaces, sentence):
    with pytest.raises(BadInput) as refused:
        planned(server, described(interfaces))
    placed = re.match(r"[^ ]+: ", sentence)
    assert f"here:interfaces:{'' if placed else ' '}{sentence}" in str(refused.value)


@pytest.mark.parametrize(("interfaces", "sentence"), [
    ({"eth9": {}}, "eth9: the machine has no such interface; to add it, give its mac_address"),
    ({"eth1": {"mac_address": MACS[0]}}, "eth1 is the name of another interface, with MAC address"),
    ({"bond0": {"type": "bond", "parents": ["eth7"]}},
     "bond0: the machine has no interface eth7; it has: eth0, eth1"),
    ({"eth0": {"vlan": "dc1/10", "links": [{"mode": "auto", "subnet": "10.1.20.0/24"}]}},
     "eth0: 10.1.20.0/24 is in dc1/20, but eth0 in dc1/10"),
    ({"eth0": {"vlan": "dc2/untagged"}, "eth0.10": {"type": "vlan", "parent": "eth0",
                                                    "vlan": "dc1/10"}},
     "eth0.10: dc1/10 is not in the fabric of eth0, dc2"),
    ({"eth0": {"links": [{"mode": "auto", "subnet": "10.1.20.0/24", "default_gateway": True}]}},
     "eth0: 10.1.20.0/24 has no gateway_ip, so it cannot be the default"),
])  # fmt: skip
def test_what_the_machine_cannot_have_is_reported_before_anything_is_sent(
    server, interfaces, sentence
):
    new = {"mac_addresses": MACS[:2], "architecture": "amd64", "power_type": "manual"}
    if "eth9" not in interfaces:  # which commissioning may find
        (problem,) = problems_of(server, described(interfaces, **new))
        assert problem.startswith(f"machine web-1: interfaces: {sentence}")
    made(server)
    (problem,) = problems_of(server, described(interfaces))
    assert problem.startswith(f"machine web-1: interfaces: {sentence}")


def test_addresses_of_dynamic_ranges_and_of_other_machines_are_refused(server):
    made(server, count=1)
    link = {"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.50"}

    def machines(*links):
        return {f"web-{number}": {
            "mac_addresses": [MACS[number - 1]], "architecture": "amd64", "power_type": "manual",
            "interfaces": {"eth0": {"mac_address": MACS[number - 1], "links": one}},
        } for number, one in enumerate(links, 1)}  # fmt: skip

    ranged = {"type": "dynamic", "start": "10.1.0.40", "end": "10.1.0.60"}
    subnet = {**NETWORK["subnets"]["10.1.0.0/24"], "ranges": [ranged]}
    data = {"fabrics": NETWORK["fabrics"], "subnets": {"10.1.0.0/24": subnet}}
    plan = planned(server, {**data, "machines": machines([link])})[1]
    said = "lies in dynamic range 10.1.0.40-10.1.0.60, from which DHCP hands out addresses"
    assert plan.problems() == [
        f"machine web-1: interfaces: eth0: 10.1.0.50 {said}; choose another one"
    ]
    assert problems_of(server, {"machines": machines([link], [link])}) == [
        f"machine web-{one}: interfaces: eth0: 10.1.0.50 belongs to web-{other} already"
        for one, other in ((1, 2), (2, 1))
    ]
    carried_out(server, {"machines": machines([link])})
    two = machines([link], [link])
    assert problems_of(server, {"machines": {"web-2": two["web-2"]}}) == [
        "machine web-2: interfaces: eth0: 10.1.0.50 belongs to web-1 already"
    ]
    assert planned(server, {"machines": machines([], [link])})[1].problems() == []


def test_an_address_that_another_interface_of_the_machine_keeps_is_refused(server):
    made(server)
    link = {"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.51"}
    carried_out(server, described({"eth1": {"links": [link]}}))
    assert problems_of(server, described({"eth0": {"links": [link]}})) == [
        "machine web-1: interfaces: 10.1.0.51 would be on eth0 and eth1; describe the links of "
        "both, or one of them as absent"
    ]
    carried_out(server, described({"eth0": {"links": [link]}, "eth1": {"links": []}}))
    # A bond takes the links of its parents away.
    bond = {"type": "bond", "parents": ["eth0", "eth1"], "links": [link]}
    carried_out(server, described({"bond0": bond}))


def test_what_is_made_of_a_described_interface_is_not_deleted_along(server):
    made(server)
    carried_out(server, described(BONDED))
    (problem,) = problems_of(server, described({"bond0": {"absent": True}}))
    assert "bond0 is part of bond0.10, which is not described" in problem
    plan = carried_out(
        server, described({name: {"absent": True} for name in ("bond0", "bond0.10")})
    )
    assert steps(plan[1]) == ["bond0.10: delete", "bond0: delete"]


@pytest.mark.parametrize("status", [5, 6, 9, 10, 16, 22])
def test_only_in_some_statuses(server, status):
    row = made(server)
    hardware.update(server.region, row["system_id"], status=status)
    data = described({"eth0": {"mtu": 9000}}, in_use=True)
    if status in (10, 22):
        carried_out(server, data)
    else:
        (problem,) = problems_of(server, data)
        assert "Ready" in problem or "repeat the run" in problem
    if status == 6:  # what MAAS changes of a deployed one
        carried_out(server, described({"lan": {"mac_address": MACS[0]}}, in_use=True))


@pytest.mark.parametrize("release", ["2.0", "2.8"])
def test_older_releases(regions, release):
    server = regions(release)
    made(server)
    link = {"mode": "auto", "subnet": "10.1.0.0/24"}
    carried_out(server, described({**BONDED, "bond0": {**BONDED["bond0"], "links": [link]}}))
    if release == "2.0":
        with pytest.raises(BadInput, match=r"MAAS 2\.0 does not show default gateways; 2\.1 and"):
            planned(server, described(BONDED))
        with pytest.raises(BadInput, match=r"MAAS 2\.0 has no bridges; 2\.1 and"):
            planned(server, described({"br0": {"type": "bridge", "parent": "eth0"}}))
    forget_machines(server)


def test_names_go_round_and_addresses_move(server):
    made(server)
    link = {"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.7"}
    carried_out(server, described({"eth0": {"mac_address": MACS[0], "links": [link]}}))
    plan = carried_out(server, described({
        "eth1": {"mac_address": MACS[0], "links": []},
        "eth0": {"mac_address": MACS[1], "links": [link]},
    }))[1]  # fmt: skip
    assert steps(plan)[-1] == "eth0: add the link static 10.1.0.0/24 10.1.0.7"
    nics = snapshot_of(server).records("machine")["web-1"].raw["interface_set"]
    assert {nic["name"]: nic["mac_address"] for nic in nics} == {"eth1": MACS[0], "eth0": MACS[1]}


def test_networks_of_the_same_run_come_first(server):
    made(server)
    carried_out(server, {
        "fabrics": {"new": {"vlans": {"untagged": {}, 5: {}}}},
        "subnets": {"10.9.0.0/24": {"vlan": "new/5"}},
        "machines": {"web-1": {"interfaces": {
            "eth0": {"vlan": "new/untagged"},
            "eth0.5": {"type": "vlan", "parent": "eth0", "vlan": "new/5",
                       "links": [{"mode": "auto", "subnet": "10.9.0.0/24"}]},
        }}},
    })  # fmt: skip


def test_nothing_is_read_per_machine(server):
    several = []
    for number in range(40):
        own = [f"52:54:00:01:{number:02x}:{nic:02x}" for nic in (0, 1)]
        bond = {**BONDED["bond0"], "links": [{"mode": "auto", "subnet": "10.1.0.0/24"}]}
        nics = {f"eth{nic}": {"mac_address": own[nic]} for nic in (0, 1)}
        interfaces = {**BONDED, **nics, "bond0": bond}
        several += described(interfaces, f"m{number}", mac_addresses=own, architecture="amd64",
                             power_type="manual")  # fmt: skip
    carried_out(server, several)
    server.requests.reset()
    assert planned(server, several)[1].shown() == {}
    assert server.requests.count("GET", "machines/") == 1
    assert server.requests.count() <= 6


def test_a_bridge_changes_parent_and_vlan_and_its_former_parent_keeps_its_own(server):
    made(server)
    on_one = {"eth0": {"vlan": "dc1/untagged"}, "eth1": {"vlan": "dc2/untagged"},
              "br0": {"type": "bridge", "parent": "eth0"}}  # fmt: skip
    carried_out(server, described(on_one))
    carried_out(server, described({**on_one, "br0": {"type": "bridge", "parent": "eth1"}}))
    nics = snapshot_of(server).records("machine")["web-1"].raw["interface_set"]
    fabrics = {nic["name"]: nic["vlan"]["fabric"] for nic in nics}
    assert fabrics == {"eth0": "dc1", "eth1": "dc2", "br0": "dc2"}
