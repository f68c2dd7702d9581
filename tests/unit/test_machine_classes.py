"""Machine classes and address plans: one class and one line each describe many machines."""

# ruff: noqa: E501 -- a mistake and its message read best on one line

from __future__ import annotations

import copy
import re
import time
import timeit
from pathlib import Path

import pytest
import yaml
from maas_emulator import hardware
from saltext.maas import pillar
from saltext.maas.errors import BadInput
from saltext.maas.pillar.class_references import own_references
from saltext.maas.pillar.machine_classes import expanded
from support.machine_regions import region_with_image
from support.reconciling import carried_out

EXAMPLE = Path(__file__).resolve().parents[2] / "pillar/examples/machine-fleet.sls"
MACS = ["52:54:00:00:00:21", "52:54:00:00:00:22"]
PILLAR = {
    "release": "3.7",
    "fabrics": {"hall": {"vlans": {"untagged": None, "10": None}}},
    "subnets": {
        "10.1.0.0/24": {
            "vlan": "hall/untagged",
            "gateway_ip": "10.1.0.1",
            "ranges": [{"type": "dynamic", "start": "10.1.0.200", "end": "10.1.0.250"}],
            "reserved_ips": {"10.1.0.130": {"mac_address": MACS[0]}},
        },
        "2001:db8::/64": {"vlan": "hall/untagged"},
    },
    "address_plans": {
        "mgmt": {"subnet": "10.1.0.0/24", "start": "10.1.0.100"},
        "six": {"subnet": "2001:db8::/64", "start": "2001:db8::100", "end": "2001:db8::1ff"},
    },
    "machine_classes": {
        "r640": {
            "architecture": "amd64",
            "zone": "default",
            "tags": ["web", "ssd"],
            "description": "rack {rack}, unit {number:03}",
            "values": {"rack": "r1"},
            "power_type": "ipmi",
            "power_parameters": {
                "power_driver": "LAN_2_0", "power_address": "{hostname}.bmc.example.com",
                "power_user": "maas", "power_pass": "a{number}z",
            },
            "interfaces": {
                "eth0": None,
                "eth1": {"mtu": 9000},
                "bond0": {
                    "type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad",
                    "links": [
                        {"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "{mgmt}"},
                        {"mode": "static", "subnet": "2001:db8::/64", "ip_address": "{six}"},
                    ],
                },
            },
        },
        "gpu": {"tags": ["gpu"], "interfaces": {"eth1": {"mtu": 1500}}},
    },
    "machines": {
        "web-17": {"class": "r640", "mac_addresses": MACS},
        "plain": {"architecture": "amd64", "description": "{number}"},
    },
}  # fmt: skip


def spoilt(*changes):
    """The pillar with other values at some paths."""
    found = copy.deepcopy(PILLAR)
    for path, value in changes:
        at = found
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
    return found


def machine(*changes, name="web-17"):
    return expanded(spoilt(*changes))["machines"][name]


def test_a_machine_is_what_its_class_says_with_its_own_values():
    assert pillar.problems(PILLAR) == []
    found = machine()
    bond = PILLAR["machine_classes"]["r640"]["interfaces"]["bond0"]
    links = [
        {"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.117"},
        {"mode": "static", "subnet": "2001:db8::/64", "ip_address": "2001:db8::111"},
    ]
    assert found == {
        "architecture": "amd64", "zone": "default", "tags": ["web", "ssd"],
        "description": "rack r1, unit 017", "mac_addresses": MACS, "power_type": "ipmi",
        "power_parameters": {
            "power_driver": "LAN_2_0", "power_address": "web-17.bmc.example.com",
            "power_user": "maas", "power_pass": "a{number}z",  # a secret is no template
        },
        "interfaces": {
            "eth0": {"mac_address": MACS[0]}, "eth1": {"mtu": 9000, "mac_address": MACS[1]},
            "bond0": {**bond, "links": links},
        },
    }  # fmt: skip
    assert machine(name="plain") == PILLAR["machines"]["plain"]


def test_mappings_are_merged_lists_replaced_and_null_removes():
    own = {
        "class": ["r640", "gpu"], "number": 3, "values": {"rack": 7, "mgmt": "10.1.0.9"},
        "mac_addresses": MACS[1], "zone": None, "swap_size": None,
        "interfaces": {"eth0": {"mac_address": MACS[0].upper()}, "bond0": {"mtu": 1500}},
    }  # fmt: skip
    found = machine((("machines", "web-17"), own))
    assert found["tags"] == ["gpu"]
    assert "zone" not in found
    assert found["swap_size"] is None
    assert found["description"] == "rack 7, unit 003"
    assert found["interfaces"]["eth0"] == {"mac_address": MACS[0].upper()}
    assert found["interfaces"]["eth1"] == {"mtu": 1500, "mac_address": MACS[1]}
    assert found["interfaces"]["bond0"]["mtu"] == 1500
    addresses = [link["ip_address"] for link in found["interfaces"]["bond0"]["links"]]
    assert addresses == ["10.1.0.9", "2001:db8::103"]


CLASS, OWN = ("machine_classes", "r640"), ("machines", "web-17")
BOND = (*CLASS, "interfaces", "bond0")
OTHER = {"class": "r640", "mac_addresses": ["52:54:00:00:00:31"]}
PLAN = ("address_plans", "mgmt")
# id, changes, regular expressions of which each must match one line fully
BAD = [
    ("no-such-class", [((*OWN, "class"), "r64")], [r"maas:machines:web-17:class: 'r64' must be one of: gpu, r640"]),
    ("class-as-number", [((*OWN, "class"), 5)], [r"maas:machines:web-17:class: 5 must be the name of a class, or a list of them"]),
    ("class-with-macs", [((*CLASS, "mac_addresses"), MACS)], [r"maas:machine_classes:r640:mac_addresses: unknown key; .*"]),
    ("class-unknown-key", [((*CLASS, "zon"), "a")], [r"maas:machine_classes:r640:zon: unknown key; .*zone.*"]),
    ("class-tags", [((*CLASS, "tags"), {"a": 1})], [r"maas:machine_classes:r640:tags: \{'a': 1\} must be a list.*"]),
    ("class-as-list", [(CLASS, [])], [r"maas:machine_classes:r640: \*+ must be a mapping"]),
    ("number-negative", [((*OWN, "number"), -1)], [r"maas:machines:web-17:number: -1 must be a whole number from 0 to 1000000000"]),
    ("number-as-text", [((*OWN, "number"), "7")], [r"maas:machines:web-17:number: '7' must be a whole number .*"]),
    ("number-too-high", [((*OWN, "number"), 170)], [r"maas:machines:web-17:number: 170 is too high for address plan mgmt, which ends at 10\.1\.0\.254; must be at most 154"]),
    ("number-beyond-ipv6", [((*OWN, "values"), {"mgmt": "10.1.0.9"}), ((*OWN, "number"), 256)], [r"maas:machines:web-17:number: 256 is too high for address plan six, which ends at 2001:db8::1ff; must be at most 255"]),
    ("network-address", [((*PLAN, "start"), "10.1.0.0"), ((*OWN, "number"), 0)], [r"maas:machines:web-17:number: 0 is wrong for address plan mgmt: '10\.1\.0\.0' must not be the network or broadcast address of 10\.1\.0\.0/24"]),
    ("no-number", [(("machines", "web"), OTHER)], [r"maas:machines:web:number: is missing; class r640 needs it for description"]),
    ("value-of-plan", [((*OWN, "values"), {"mgmt": "10.2.0.9"})], [r"maas:machines:web-17:values:mgmt: '10\.2\.0\.9' must be an address within 10\.1\.0\.0/24"]),
    ("value-no-address", [((*OWN, "values"), {"mgmt": "web"})], [r"maas:machines:web-17:values:mgmt: 'web' must be an address within 10\.1\.0\.0/24"]),
    ("value-as-list", [((*OWN, "values"), {"rack": ["hunter2"]})], [r"maas:machines:web-17:values:rack: \*+ must be text or a number"]),
    ("value-name", [((*OWN, "values"), {"number": 3})], [r"maas:machines:web-17:values:number: 'number' must be a name of letters, .*, not hostname or number"]),
    ("no-value", [((*CLASS, "values"), {}), (("machines", "web-18"), {**OTHER, "values": {"rack": 1}})], [r"maas:machines:web-17:values:rack: is missing; class r640 needs it for description"]),
    ("no-value-anywhere", [((*CLASS, "description"), "{hostnam}"), (("machines", "web-18"), OTHER)], [r"maas:machine_classes:r640:description: \{hostnam\} has no value for any machine; allowed: hostname, mgmt, number, rack, six, and what the machines have in values"]),
    ("source-line", [((*OWN, "class"), "r64"), ((*OWN, "source"), "a.csv:3")], [r"maas:machines:web-17:class: 'r64' must be one of: gpu, r640 \(a\.csv:3\)"]),
    ("same-number", [(("machines", "db-17"), OTHER)], [r"maas:machines:db-17:number: gives 10\.1\.0\.117 by address plan mgmt, which maas:machines:web-17 has already; give one of them another number, or values:mgmt", r".*db-17:number: gives 2001:db8::111 by address plan six, .*"]),
    ("same-mac", [((*CLASS, "interfaces", "eth0"), {"mac_address": MACS[0]}), ((*CLASS, "values"), {"rack": 1}), (("machines", "web-18"), OTHER)], [r"maas:machines:web-18:mac_addresses: '52:54:00:00:00:21' is that of maas:machines:web-17 already"]),
    ("same-serial", [((*CLASS, "values"), {"rack": 1}), ((*OWN, "serial"), "s1"), (("machines", "web-18"), {**OTHER, "serial": "s1"})], [r"maas:machines:web-18:serial: 's1' is that of maas:machines:web-17 already"]),
    ("dynamic-range", [((*OWN, "number"), 101)], [r"maas:machines:web-17: 10\.1\.0\.201 by address plan mgmt is taken by maas:subnets:10\.1\.0\.0/24:ranges:0; choose another number, or change the plan"]),
    ("reserved-for-another", [((*OWN, "number"), 30), ((*OWN, "mac_addresses"), MACS[1:])], [r"maas:machines:web-17: 10\.1\.0\.130 by address plan mgmt is taken by maas:subnets:10\.1\.0\.0/24:reserved_ips:10\.1\.0\.130; .*"]),
    ("gateway", [((*OWN, "values"), {"mgmt": "10.1.0.1"})], [r"maas:machines:web-17: 10\.1\.0\.1 by address plan mgmt is taken by maas:subnets:10\.1\.0\.0/24:gateway_ip; .*"]),
    ("plan-without-subnet", [(PLAN, {})], [r"maas:address_plans:mgmt:subnet: is missing; The subnet\."]),
    ("plan-null", [(PLAN, None)], [r"maas:address_plans:mgmt: None must be a mapping"]),
    ("plan-subnet", [((*PLAN, "subnet"), "10.1.0.1/24")], [r"maas:address_plans:mgmt:subnet: '10\.1\.0\.1/24' must be a network such as .*"]),
    ("plan-key", [((*PLAN, "first"), "10.1.0.1")], [r"maas:address_plans:mgmt:first: unknown key; allowed: end, start, subnet"]),
    ("plan-name", [(("address_plans", "a b"), PILLAR["address_plans"]["six"])], [r"maas:address_plans:a b: 'a b' must be a name of letters, digits, .*"]),
    ("plan-start", [((*PLAN, "start"), "10.1.1.1")], [r"maas:address_plans:mgmt:start: '10\.1\.1\.1' must be an address within 10\.1\.0\.0/24"]),
    ("plan-end", [((*PLAN, "end"), "10.1.0.9")], [r"maas:address_plans:mgmt:end: '10\.1\.0\.9' must not be below '10\.1\.0\.100'"]),
    ("plan-family", [((*PLAN, "end"), "::1")], [r"maas:address_plans:mgmt:end: '::1' must be an address within 10\.1\.0\.0/24"]),
    ("plan-address", [((*PLAN, "end"), "10.1.0")], [r"maas:address_plans:mgmt:end: '10\.1\.0' must be an IP address .*"]),
    ("match-prefix", [((*CLASS, "match"), {"mac_prefix": "24-6e"})], [r"maas:machine_classes:r640:match:mac_prefix: '24-6e' must be the beginning of a MAC address, such as 24:6e:96"]),
    # A mistake in a class is told once, at the class; one of a machine at the machine.
    ("class-nic", [((*BOND, "bond_mode"), "lacp"), (("machines", "web-18"), OTHER)], [r"maas:machine_classes:r640:interfaces:bond0:bond_mode: 'lacp' must be one of: .* \(machine web-17\)"]),
    ("class-address", [((*BOND, "links", 0, "subnet"), "10.3.0.0/24"), (("machines", "web-18"), OTHER)], [r"maas:machine_classes:r640:interfaces:bond0:links:0:ip_address: '10\.1\.0\.117' must be in 10\.3\.0\.0/24 \(machine web-17\)"]),
    ("class-power", [((*CLASS, "power_type"), "ipmii")], [r"maas:machine_classes:r640:power_type: 'ipmii' must be one of: .* \(machine web-17\)"]),
    ("own-nic", [((*OWN, "interfaces"), {"bond0": {"mtu": 1}})], [r"maas:machines:web-17:interfaces:bond0:mtu: 1 must be .*"]),
    ("own-empty-list", [((*OWN, "interfaces"), {"bond0": {"mtu": []}})], [r"maas:machines:web-17:interfaces:bond0:mtu: \[\] must be a whole number.*"]),
    ("own-mac", [((*OWN, "mac_addresses"), ["52:54"])], [r"maas:machines:web-17:mac_addresses: .*"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"), [one[1:] for one in BAD], ids=[one[0] for one in BAD]
)
def test_each_mistake_is_told_once_with_its_place(changes, expected):
    lines = pillar.problems(spoilt(*changes))
    if len(lines) != len(expected):  # a wrong MAC address is also that of an interface
        assert changes[0][0] == (*OWN, "mac_addresses"), lines
    for one in expected:
        assert [line for line in lines if re.fullmatch(one, line)], lines


def test_the_machine_with_a_reserved_address_may_have_it():
    assert pillar.problems(spoilt(((*OWN, "number"), 30))) == []


def test_desired_objects_refuse_what_cannot_be_expanded():
    with pytest.raises(BadInput, match="web-17:class: 'r64' must be one of"):
        pillar.desired_objects(spoilt(((*OWN, "class"), "r64")), "3.7")


def test_a_thousand_machines_of_a_class_take_no_time():
    machines = {
        f"web-{n}": {"class": "r640", "mac_addresses": [f"52:54:00:00:{n // 256:02x}:{n % 256:02x}"]}
        for n in range(1, 1001)
    }  # fmt: skip
    plans = {"mgmt": {"subnet": "10.4.0.0/16"}, "six": {"subnet": "2001:db8::/64"}}
    data = {**PILLAR, "machines": machines, "address_plans": plans}
    found = expanded(data)["machines"]
    assert len({str(one["interfaces"]) for one in found.values()}) == 1000
    # The best of three, without the collection of garbage that other tests left.
    seconds = timeit.repeat(lambda: expanded(data), timer=time.process_time, number=1, repeat=3)
    assert min(seconds) < 0.2


def test_servers_of_the_example_get_their_disks_once_they_are_commissioned():
    data = yaml.safe_load(EXAMPLE.read_text())["maas"]
    data["machines"] = {name: data["machines"][name] for name in ("store-01", "store-02", "spare")}
    sizes = {"sda": 480, "sdb": 480, "sdc": 16000, "nvme0n1": 1600}
    disks = [{"name": name, "size": size * 10**9} for name, size in sizes.items()]
    with region_with_image("3.8") as server:
        _, plan = carried_out(server, data)
        assert len(plan.shown()["machine"]) == 3
        for row in list(server.region.rows("machines").values()):
            own = disks[:2] if row["hostname"] == "spare" else disks
            hardware.commissioned(server.region, row["system_id"], disks=own)
            hardware.update(server.region, row["system_id"], status=4, owner=None)
        _, plan = carried_out(server, data)  # which plans once more, with nothing to do
        shown = plan.shown()["machine"]
        assert "bcaches" in shown["store-01"]["storage"]["new"]
        assert "bcaches" not in shown["spare"]["storage"]["new"]


def test_a_reference_of_a_class_may_name_the_machine():
    class_ = {"values": {"rack": "r1"}, "power_parameters": {
        "power_user": "maas", "power_pass": "sdb://bmc/{rack}/{hostname}/{number:02}",
    }}  # fmt: skip
    data = {
        "machine_classes": {"r640": class_, "k": {"power_parameters": {"k_g": "sdb://bmc/k"}}},
        "machines": {
            "web-1.example.com": {"class": "r640"},
            "web-2": {"class": ["r640", "k"], "values": {"rack": 7}},
            "web-3": {"class": "r640", "power_parameters": {"power_pass": "sdb://bmc/other"}},
            "web-4": {"class": "r640", "power_parameters": {"power_pass": None}},
            "plain": {},
            "none": None,
        },
    }
    found = own_references(data)
    assert found["machine_classes"] == {
        "r640": {**class_, "power_parameters": {"power_user": "maas"}},
        "k": data["machine_classes"]["k"],
    }
    machines = {**data["machines"]}
    for name, reference in {
        "web-1.example.com": "sdb://bmc/r1/web-1/01", "web-2": "sdb://bmc/7/web-2/02",
    }.items():  # fmt: skip
        own = {**machines[name], "power_parameters": {"power_pass": reference}}
        machines[name] = own
    assert found["machines"] == machines
    data["machines"] = {"web": {"class": "r640"}}
    with pytest.raises(BadInput, match="machines:web:number: is missing; class r640 needs it for"):
        own_references(data)
    for odd in ({"machine_classes": []}, {"machine_classes": {"a": []}}, {"machines": 5}, {}):
        assert own_references(odd) is odd


@pytest.mark.parametrize("section", ["machines", "machine_classes"])
def test_a_pillar_of_another_form_is_left_to_its_check(section):
    reference = {"power_parameters": {"power_pass": "sdb://bmc/{hostname}"}}
    base = {"machine_classes": {"r640": reference}, "machines": {"web-1": {"class": "r640"}}}
    for odd in (None, 5, "x", [], {"r640": 5}, {"r640": {"power_parameters": "x"}}):
        own_references({**base, section: odd})
    for key in ("values", "power_parameters", "class", "number"):
        own_references({**base, "machines": {"web-1": {"class": "r640", key: 5}}})
    assert base["machine_classes"] == {"r640": reference}
