"""Fabrics, VLANs, spaces and subnets of 1.9 and 1.10 in the emulator, which nobody recorded."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region

from .calls import Caller

INTERFACE = {
    "ip": "10.5.0.1", "interface": "eth5", "subnet_mask": "255.255.255.0",
    "router_ip": "10.5.0.254", "ip_range_low": "10.5.0.10", "ip_range_high": "10.5.0.50",
    "management": "2",
}  # fmt: skip


@pytest.fixture(params=["1.9", "1.10"])
def admin(request):
    return Caller(Region(request.param))


@pytest.fixture
def interfaces(admin):
    uuid = admin.region.register_controller(hostname="c1")
    return f"nodegroups/{uuid}/interfaces/"


def test_there_are_none_before_1_9():
    for path in ("fabrics/", "spaces/", "subnets/", "fannetworks/"):
        assert Caller(Region("1.8")).get(path).status == 404
        assert Caller(Region("1.9")).get(path).status == 200


def test_a_new_region_has_one_of_each_with_id_0(admin):
    (fabric,) = admin.get("fabrics/").json
    assert (fabric["id"], fabric["name"]) == (0, "fabric-0")
    assert [(vlan["id"], vlan["vid"]) for vlan in fabric["vlans"]] == [(0, 0)]
    assert [(row["id"], row["name"]) for row in admin.get("spaces/").json] == [(0, "space-0")]


def test_answers_have_the_fields_of_1_9(admin):
    subnet = admin.post("subnets/", cidr="10.1.0.0/24").json
    assert sorted(subnet) == sorted(
        ["id", "name", "vlan", "space", "cidr", "gateway_ip", "dns_servers", "resource_uri"]
    )
    assert (subnet["space"], subnet["gateway_ip"]) == ("space-0", "")
    assert sorted(subnet["vlan"]) == sorted(["id", "name", "vid", "fabric", "mtu", "resource_uri"])


def test_a_network_is_built_changed_and_taken_down(admin):
    fabric = admin.post("fabrics/", name="lab").json
    vlan = admin.post(f"fabrics/{fabric['id']}/vlans/", vid="10", name="ten").json
    space = admin.post("spaces/", name="dmz").json
    subnet = admin.post(
        "subnets/", cidr="10.2.0.0/24", vlan=vlan["id"], space=space["id"], gateway_ip="10.2.0.1"
    ).json
    assert (subnet["vlan"]["fabric"], subnet["space"]) == ("lab", "dmz")
    changed = admin.put(f"subnets/{subnet['id']}/", dns_servers="8.8.8.8 8.8.4.4").json
    assert (changed["dns_servers"], changed["gateway_ip"]) == (["8.8.8.8", "8.8.4.4"], "10.2.0.1")
    assert admin.put("fabrics/lab/vlans/10/", mtu="9000").json["mtu"] == 9000
    assert admin.post("fabrics/lab/vlans/", vid="10").status == 400
    assert admin.delete(f"spaces/{space['id']}/").status == 500
    admin.delete(f"vlans/{vlan['id']}/")
    assert admin.get(f"subnets/{subnet['id']}/").json["vlan"]["vid"] == 0
    assert admin.delete(f"subnets/{subnet['id']}/").status == 204
    assert admin.delete("spaces/dmz/").status == 204
    assert admin.delete("fabrics/lab/").status == 204
    assert admin.delete("fabrics/0/").status == 400


def test_an_interface_brings_its_subnet_with_its_router(admin, interfaces):
    assert admin.post(interfaces + "?op=new", **INTERFACE).status == 200
    (subnet,) = admin.get("subnets/").json
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("10.5.0.0/24", "10.5.0.254")
    assert admin.put(interfaces + "eth5/", router_ip="10.5.0.253").status == 200
    assert admin.get(f"subnets/{subnet['id']}/").json["gateway_ip"] == "10.5.0.253"
    free = admin.get(f"subnets/{subnet['id']}/?op=unreserved_ip_ranges").json
    assert [(row["start"], row["end"]) for row in free] == [
        ("10.5.0.2", "10.5.0.9"), ("10.5.0.51", "10.5.0.252"), ("10.5.0.254", "10.5.0.254"),
    ]  # fmt: skip
    count = admin.get(f"subnets/{subnet['id']}/?op=statistics").json
    assert (count["total_addresses"], count["num_available"]) == (254, 211)


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"subnet_mask": "255.0.255.0"}, 500, "invalid IPNetwork"),
        ({"subnet_mask": "24"}, 500, "invalid IPNetwork"),
        ({"ip": "300.1.1.1"}, 500, "invalid IPNetwork None/255.255.255.0"),
        ({"ip": "300.1.1.1", "management": "0"}, 400, "Enter a valid IPv4 or IPv6 address."),
        ({"ip_range_low": "10.5.0.60"}, 400, "high IP address must be higher than low IP address"),
        ({"ip_range_high": "10.5.0.10"}, 400, "high IP address must be higher than low IP address"),
        ({"broadcast_ip": "10.9.9.9"}, 200, "10.5.0.255"),
    ],
)
def test_interfaces_of_1_9_are_checked_otherwise(admin, interfaces, change, status, text):
    answer = admin.post(interfaces + "?op=new", **{**INTERFACE, **change})
    assert (answer.status, text in answer.text) == (status, True)


def test_a_device_may_have_a_second_interface(admin, interfaces):
    admin.post(interfaces + "?op=new", **{**INTERFACE, "management": "0"})
    second = {"ip": "10.6.0.1", "interface": "eth5", "subnet_mask": "255.255.255.0"}
    answer = admin.post(interfaces + "?op=new", **second)
    assert answer.status == 200
    assert answer.json["name"].startswith("eth5-ipv4-")


def test_a_device_with_a_managed_network_may_not_have_a_second_one(admin, interfaces):
    admin.post(interfaces + "?op=new", **INTERFACE)
    second = {"ip": "10.6.0.1", "interface": "eth5", "subnet_mask": "255.255.255.0"}
    answer = admin.post(interfaces + "?op=new", **second)
    assert (answer.status, answer.content_type) == (400, "application/json")
    assert "already connects network interface eth5" in answer.text


def test_networks_can_be_read_only(admin):
    admin.post("subnets/", cidr="10.1.0.0/24", gateway_ip="10.1.0.1")
    (network,) = admin.get("networks/").json
    assert (network["ip"], network["netmask"]) == ("10.1.0.0", "255.255.255.0")
    for answer in (
        admin.post("networks/", name="x", ip="10.3.0.0", netmask="255.255.255.0"),
        admin.put(f"networks/{network['name']}/", description="x"),
        admin.delete(f"networks/{network['name']}/"),
    ):
        assert answer.status == 410


def test_fan_networks(admin):
    made = admin.post("fannetworks/", name="f", underlay="10.0.0.0/16", overlay="250.0.0.0/8")
    assert made.json["underlay"] == "10.0.0.0/16"
    assert admin.post("fannetworks/", name="g", underlay="x", overlay="250.0.0.0/8").status == 400
    assert admin.delete(f"fannetworks/{made.json['id']}/").status == 204
