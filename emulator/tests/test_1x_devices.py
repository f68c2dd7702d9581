"""Devices, events, interfaces of machines and lasting addresses of API 1.0; not recorded."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from maas_emulator.api1 import groups, machines
from maas_emulator.core import Region

from .calls import Caller

MACS = [f"52:54:00:00:00:{number:02}" for number in range(9)]


def admin_of(release):
    region = Region(release)
    uuid = region.register_controller(hostname="c1")
    admin = Caller(region)
    answer = admin.post(
        f"nodegroups/{uuid}/interfaces/?op=new", ip="10.5.0.1", interface="eth5",
        subnet_mask="255.255.255.0", ip_range_low="10.5.0.10", ip_range_high="10.5.0.50",
        management=2, static_ip_range_low="10.5.0.100", static_ip_range_high="10.5.0.101",
    )  # fmt: skip
    assert answer.status == 200, answer.text
    return admin


def machine(admin):
    group = groups.all_groups(admin.region)[0]
    return machines.add(admin.region, group, MACS[:2], hostname="n1", architecture="amd64/generic")


def test_devices_come_with_1_8():
    assert admin_of("1.7").get("devices/?op=list").status == 404
    assert admin_of("1.7").get("events/?op=query").status == 404


@pytest.mark.parametrize("release", ["1.8", "1.9", "1.10"])
def test_a_device_and_its_address(release):
    admin = admin_of(release)
    parent = machine(admin)["system_id"]
    made = admin.post("devices/?op=new", hostname="d1", mac_addresses=MACS[5], parent=parent)
    place = f"devices/{made.json['system_id']}/"
    assert (made.status, made.json["owner"], made.json["parent"]) == (200, "admin", parent)
    assert admin.post("devices/?op=new", mac_addresses=MACS[5]).status == 400
    assert admin.post("devices/?op=new", mac_addresses=MACS[0]).status == 400
    assert admin.put(place, hostname="d2").json["hostname"] == "d2.maas"
    claimed = admin.post(place + "?op=claim_sticky_ip_address", requested_address="10.5.0.101")
    assert claimed.json["ip_addresses"] == ["10.5.0.101"]
    again = admin.post(place + "?op=claim_sticky_ip_address", requested_address="10.5.0.101")
    assert again.status == 404
    free = admin.post(place + "?op=release_sticky_ip_address", address="10.5.0.101")
    assert free.json["ip_addresses"] == []
    assert [row["hostname"] for row in admin.get("devices/?op=list").json] == ["d2.maas"]
    assert ("interface_set" in free.json) == (release != "1.8")
    assert admin.delete(place).status == 204
    assert admin.get(place).status == 404


def test_events_tell_the_latest_first():
    admin = admin_of("1.9")
    row = machine(admin)
    for status in (machines.COMMISSIONING, machines.READY, machines.ALLOCATED):
        machines.set_status(admin.region, row, status)
    told = admin.get("events/?op=query&limit=2").json
    assert [event["id"] for event in told["events"]] == [3, 2]
    assert admin.get("events/?op=query&after=2").json["count"] == 1
    assert admin.get("events/?op=query&limit=1001").status == 400
    assert admin.get("events/?op=query&level=nosuch").status == 400


def test_machines_are_on_networks():
    admin = admin_of("1.7")
    row = machine(admin)
    admin.post("networks/", name="lan", ip="10.7.0.0", netmask="255.255.255.0")
    assert admin.post("networks/lan/?op=connect_macs", macs=MACS[7]).status == 400
    assert admin.post("networks/lan/?op=connect_macs", macs=MACS[:2]).status == 200
    found = admin.get("networks/lan/?op=list_connected_macs").json
    assert [item["mac_address"] for item in found] == MACS[:2]
    admin.post("networks/lan/?op=disconnect_macs", macs=MACS[0])
    assert len(admin.get("networks/lan/?op=list_connected_macs").json) == 1
    names = [item["name"] for item in admin.get(f"networks/?node={row['system_id']}").json]
    assert names == ["lan"]
    assert admin.get("networks/?node=nosuch").json == []


def test_interfaces_of_a_machine():
    admin = admin_of("1.9")
    row = machine(admin)
    place = f"nodes/{row['system_id']}/interfaces/"
    assert [nic["name"] for nic in admin.get(place).json] == ["eth0", "eth1"]
    vlan = admin.post("fabrics/0/vlans/", vid="10").json
    subnet = admin.post("subnets/", cidr="10.6.0.0/29", vlan=vlan["id"], gateway_ip="10.6.0.1").json
    form = {"name": "bond0", "parents": ["eth0", "eth1"], "bond_mode": "active-backup"}
    early = admin.post(place + "?op=create_bond", **form)
    assert early.text == "Cannot create bond interface because the node is not Ready."
    hardware.update(admin.region, row["system_id"], status=4)
    bond = admin.post(place + "?op=create_bond", **form).json
    assert (bond["mac_address"], bond["params"]["bond_mode"]) == (MACS[0], "active-backup")
    assert [link["mode"] for link in bond["links"]] == ["link_up"]
    tagged = admin.post(place + "?op=create_vlan", vlan=vlan["id"], parent="bond0").json
    assert (tagged["name"], tagged["parents"]) == ("bond0.10", ["bond0"])
    one = place + f"{tagged['id']}/"
    linked = admin.post(one + "?op=link_subnet", mode="static", subnet=subnet["id"]).json
    assert linked["links"][0]["ip_address"] == "10.6.0.2"
    wrong = admin.post(one + "?op=link_subnet", mode="static", subnet=subnet["id"],
                       ip_address="10.6.0.2")  # fmt: skip
    assert wrong.status == 400
    gateway = admin.post(one + "?op=set_default_gateway", link_id=linked["links"][0]["id"])
    assert gateway.status == 200
    assert admin.get(f"nodes/{row['system_id']}/").json["ip_addresses"] == ["10.6.0.2"]
    unlinked = admin.post(one + "?op=unlink_subnet", id=linked["links"][0]["id"])
    assert [link["mode"] for link in unlinked.json["links"]] == ["link_up"]
    assert admin.put(one, vlan="").json == {"vlan": ["This field is required."]}
    extra = admin.post(place + "?op=create_physical", name="eth9", mac_address=MACS[7], vlan=0)
    assert extra.status == 200
    assert admin.post(place + "?op=create_physical", name="eth9", mac_address=MACS[8],
                      vlan=0).status == 400  # fmt: skip
    assert admin.put(place + "eth9/", name="lan", mtu=9000).json["effective_mtu"] == 9000
    assert admin.delete(place + "bond0/").status == 204
    assert [nic["name"] for nic in admin.get(place).json] == ["eth0", "eth1", "lan"]
