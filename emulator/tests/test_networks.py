"""Networks of API 2.0: what the recordings do not reach."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region

from .calls import Caller


def make(release="3.7"):
    return Caller(Region(release))


def nic(ip, mac="52:54:00:00:00:01", name="eth0", mask="255.255.255.0"):
    return {"name": name, "mac": mac, "ip": ip, "subnet_mask": mask}


def with_dhcp(admin, cidr="10.0.0.0/24", racks=2):
    """A VLAN that serves DHCP with as many racks as asked; returns its id and the racks."""
    subnet = admin.post("subnets/", cidr=cidr).json
    base = cidr.rpartition(".")[0]
    admin.post(
        "ipranges/", type="dynamic", start_ip=f"{base}.100", end_ip=f"{base}.200",
        subnet=subnet["id"],
    )  # fmt: skip
    idents = []
    for number in range(racks):
        mac = f"52:54:00:00:00:0{number}"
        ident = admin.region.register_controller(
            hostname=f"rack{number}", interfaces=[nic(f"{base}.{number + 2}", mac)]
        )
        admin.region.controller_connected(ident, True)
        idents.append(ident)
    vlan = subnet["vlan"]["id"]
    answer = admin.put(
        f"vlans/{vlan}/", dhcp_on="true", primary_rack=idents[0],
        secondary_rack="" if racks < 2 else idents[1],
    )  # fmt: skip
    assert answer.status == 200, answer.text
    return vlan, idents


@pytest.mark.parametrize(("release", "status"), [("3.6", 200), ("3.7", 400)])
def test_overlap_is_refused_from_3_7_on(release, status):
    admin = make(release)
    assert admin.post("subnets/", cidr="10.0.0.0/16").status == 200
    assert admin.post("subnets/", cidr="10.0.1.0/24").status == status


def test_same_cidr_is_refused_everywhere():
    admin = make("3.6")
    admin.post("subnets/", cidr="10.0.0.0/16")
    answer = admin.post("subnets/", cidr="10.0.0.0/16")
    assert answer.json == {"cidr": ["Subnet with this Cidr already exists."]}


@pytest.mark.parametrize(
    ("release", "missing"),
    [
        (
            "2.0",
            {"managed", "allow_dns", "active_discovery", "disabled_boot_architectures"}
            | {"description"},
        ),
        ("2.4", {"allow_dns", "disabled_boot_architectures", "description"}),
        ("3.6", set()),
    ],
)
def test_fields_by_release(release, missing):
    newest = make("3.7").post("subnets/", cidr="10.0.0.0/24").json
    older = make(release).post("subnets/", cidr="10.0.0.0/24").json
    assert newest.keys() - older.keys() == missing
    assert ("space" in older["vlan"]) == (release != "2.0")


def test_new_network_of_a_rack_makes_fabric_vlan_and_subnet():
    admin = make()
    assert admin.get("fabrics/").json == []
    admin.region.register_controller(
        hostname="r", interfaces=[nic("10.0.0.2"), nic("10.9.0.2", "52:54:00:00:00:02", "eth1")]
    )
    assert {item["cidr"] for item in admin.get("subnets/").json} == {"10.0.0.0/24", "10.9.0.0/24"}
    assert {item["id"] for item in admin.get("fabrics/").json} == {0, 1}
    admin.region.register_controller(hostname="again", interfaces=[nic("10.0.0.2")])
    assert [item["hostname"] for item in admin.get("rackcontrollers/").json] == ["again"]
    assert len(admin.get("subnets/").json) == 2


def test_known_network_is_used_where_it_is():
    admin = make()
    fabric = admin.post("fabrics/", name="lab").json
    admin.post(f"fabrics/{fabric['id']}/vlans/", vid=7)
    admin.post("subnets/", cidr="10.0.0.0/24", fabric=fabric["id"], vid=7)
    admin.region.register_controller(hostname="r", interfaces=[nic("10.0.0.2")])
    rack = admin.get("rackcontrollers/").json[0]
    assert rack["interface_set"][0]["vlan"]["vid"] == 7


def test_region_host_can_be_a_rack_too():
    admin = make()
    host = admin.get("regioncontrollers/").json[0]
    ident = admin.region.register_controller(hostname=host["hostname"], interfaces=[])
    assert ident == host["system_id"]
    assert admin.get(f"rackcontrollers/{ident}/").json["node_type_name"] == (
        "Region and rack controller"
    )
    assert admin.delete(f"rackcontrollers/{ident}/").status == 204
    assert admin.get(f"regioncontrollers/{ident}/").json["node_type"] == 3


def test_primary_rack_must_be_on_a_vlan_of_the_vid():
    admin = make()
    _, idents = with_dhcp(admin)
    fabric = admin.post("fabrics/").json
    tagged = admin.post(f"fabrics/{fabric['id']}/vlans/", vid=7).json
    answer = admin.put(f"vlans/{tagged['id']}/", primary_rack=idents[0])
    assert answer.json == {
        "primary_rack": [f"Select a valid choice. {idents[0]} is not one of the available choices."]
    }
    # The VLAN of another fabric with that VID is enough.
    answer = admin.put(f"vlans/{fabric['vlans'][0]['id']}/", primary_rack=idents[0])
    assert answer.json["primary_rack"] == idents[0]


def test_racks_of_a_vlan_change_in_steps():
    admin = make()
    vlan, (first, second) = with_dhcp(admin)
    path = f"vlans/{vlan}/"
    admin.put(path, primary_rack=first, secondary_rack=second)
    shown = admin.put(path, dhcp_on="false", primary_rack="", secondary_rack="").json
    assert (shown["primary_rack"], shown["secondary_rack"]) == (second, None)
    answer = admin.put(path, primary_rack=first, secondary_rack=second)
    assert answer.json["__all__"] == [f"{second} is already set as the primary rack controller"]
    admin.put(path, primary_rack=first)
    admin.region.controller_connected(first, False)
    assert "must be up and running" in admin.put(path, secondary_rack=second).text


def test_racks_of_a_vlan_are_not_swapped_at_once():
    admin = make()
    vlan, (first, second, third) = with_dhcp(admin, racks=3)
    answer = admin.put(f"vlans/{vlan}/", primary_rack=third, secondary_rack=first)
    assert answer.json == {"__all__": [f"{first} is already set as the primary rack controller"]}
    answer = admin.put(f"vlans/{vlan}/", primary_rack="", secondary_rack="")
    assert (answer.json["primary_rack"], answer.json["secondary_rack"]) == (second, None)
    admin.put(f"vlans/{vlan}/", secondary_rack=first)
    answer = admin.put(f"vlans/{vlan}/", primary_rack=first, secondary_rack=second)
    assert (answer.json["primary_rack"], answer.json["secondary_rack"]) == (first, None)


def test_fields_that_an_empty_value_does_not_clear():
    admin = make()
    fabric = admin.post("fabrics/", name="lab", class_type="10g").json["id"]
    assert admin.put(f"fabrics/{fabric}/", class_type="", name="").json["class_type"] == "10g"
    subnet = admin.post("subnets/", cidr="10.5.0.0/24", name="n").json["id"]
    assert admin.put(f"subnets/{subnet}/", name="").json["name"] == "10.5.0.0/24"


def test_repeated_boot_architectures_keep_only_the_last():
    admin = make()
    subnet = admin.post("subnets/", cidr="10.5.0.0/24").json["id"]
    both = ["pxe", "uefi_amd64_tftp"]
    path, field = f"subnets/{subnet}/", "disabled_boot_architectures"
    assert admin.put(path, disabled_boot_architectures=both).json[field] == both[1:]
    assert admin.put(path, disabled_boot_architectures=",".join(both)).json[field] == both
    assert admin.put(path, name="other").json[field] == both[1:]


def test_only_a_vlan_that_serves_no_dhcp_is_offered_others_to_relay_to():
    admin = make()
    vlan, _ = with_dhcp(admin)
    other = admin.post(f"fabrics/{admin.post('fabrics/').json['id']}/vlans/", vid=7).json["id"]
    assert admin.put(f"vlans/{vlan}/", relay_vlan=other).status == 400
    assert admin.put(f"vlans/{vlan}/", relay_vlan=other, dhcp_on="false").status == 400
    assert admin.put(f"vlans/{vlan}/", dhcp_on="false").status == 200
    assert admin.put(f"vlans/{vlan}/", relay_vlan=other).json["relay_vlan"]["id"] == other


def test_secondary_becomes_primary_when_that_is_cleared_or_deleted():
    admin = make()
    vlan, (first, second) = with_dhcp(admin)
    shown = admin.put(f"vlans/{vlan}/", primary_rack=second).json
    assert (shown["primary_rack"], shown["secondary_rack"]) == (second, None)
    admin.put(f"vlans/{vlan}/", secondary_rack=first)
    assert admin.delete(f"rackcontrollers/{second}/").status == 204
    shown = admin.get(f"vlans/{vlan}/").json
    assert (shown["primary_rack"], shown["secondary_rack"]) == (first, None)
    assert shown["dhcp_on"]


def test_last_rack_goes_only_by_force():
    admin = make()
    vlan, (only,) = with_dhcp(admin, racks=1)
    answer = admin.delete(f"rackcontrollers/{only}/")
    assert answer.status == 400
    assert "no other rack controller can provide DHCP" in answer.text
    assert admin.delete(f"rackcontrollers/{only}/?force=true").status == 204
    assert admin.get(f"vlans/{vlan}/").json["dhcp_on"] is False


def test_services_follow_the_connection():
    admin = make()
    ident = admin.region.register_controller(hostname="r", interfaces=[nic("10.0.0.2")])

    def rackd():
        services = admin.get(f"rackcontrollers/{ident}/").json["service_set"]
        return next(item["status"] for item in services if item["name"] == "rackd")

    assert rackd() == "unknown"
    admin.region.controller_connected(ident, True)
    assert rackd() == "running"
    admin.region.controller_connected(ident, False)
    assert rackd() == "dead"


def test_subnet_that_serves_dhcp_or_has_racks_stays():
    admin = make()
    vlan, _ = with_dhcp(admin)
    subnet = admin.get("subnets/").json[0]["id"]
    assert "actively servicing" in admin.delete(f"subnets/{subnet}/").text
    admin.put(f"vlans/{vlan}/", dhcp_on="false")
    assert "in use by nodes" in admin.delete(f"subnets/{subnet}/").text
    assert admin.delete(f"subnets/{subnet}/?force=true").status == 204
    assert admin.get("ipranges/").json == []


def test_dynamic_range_keeps_clear_of_a_rack_address():
    admin = make()
    with_dhcp(admin, "10.0.0.0/24")
    form = {"type": "dynamic", "start_ip": "10.0.0.2", "end_ip": "10.0.0.9", "subnet": 1}
    assert "conflicts with an existing IP address" in admin.post("ipranges/", **form).text
    form["type"] = "reserved"
    assert admin.post("ipranges/", **form).status == 200


def test_plain_user_reserves_but_not_dynamically():
    admin = make()
    admin.post("subnets/", cidr="10.0.0.0/24")
    admin.region.create_user("bob", "p", "bob@example.com")
    bob = Caller(admin.region, admin.region.new_api_key("bob"))
    form = {"type": "dynamic", "start_ip": "10.0.0.20", "end_ip": "10.0.0.30"}
    assert bob.post("ipranges/", **form).status == 403
    made = bob.post("ipranges/", **{**form, "type": "reserved"}).json
    assert made["user"]["username"] == "bob"
    mine = admin.post("ipranges/", type="reserved", start_ip="10.0.0.40", end_ip="10.0.0.41").json
    assert bob.delete(f"ipranges/{mine['id']}/").status == 403


def test_vlan_moves_to_another_fabric_and_the_empty_one_goes():
    admin = make()
    one, two = admin.post("fabrics/", name="one").json, admin.post("fabrics/", name="two").json
    vlan = admin.post(f"fabrics/{one['id']}/vlans/", vid=5).json
    moved = admin.put(f"vlans/{vlan['id']}/", fabric=two["id"]).json
    assert moved["fabric"] == "two"
    clash = admin.post(f"fabrics/{one['id']}/vlans/", vid=5).json
    assert admin.put(f"vlans/{clash['id']}/", fabric="two").status == 400


def test_statistics_of_an_empty_subnet():
    admin = make()
    admin.post("subnets/", cidr="10.0.0.0/24")
    found = admin.get("subnets/1/?op=statistics&include_suggestions=1").json
    assert (found["num_available"], found["suggested_gateway"]) == (254, "10.0.0.1")
    assert found["suggested_dynamic_range"]["start"] == "10.0.0.191"


def test_default_zone_and_pool_stay():
    assert make("2.3").put("zones/default/", name="x").status == 400
    admin = make()
    assert admin.put("zones/default/", name="größe").json["resource_uri"].endswith("%C3%9Fe/")
    assert admin.delete("zones/gr%C3%B6%C3%9Fe/").status == 400
    assert admin.delete("resourcepool/0/").status == 400
    assert make("2.3").get("resourcepools/").status == 404


def test_oldest_vlan_of_a_fabric_is_untagged_whatever_its_vid_and_name():
    admin = make()
    fabric = admin.post("fabrics/", name="home").json
    default = fabric["vlans"][0]["id"]
    assert admin.put(f"vlans/{default}/", vid=3, name="lab").json["name"] == "untagged"
    other = admin.post(f"fabrics/{fabric['id']}/vlans/", vid=0, name="zero").json
    assert other["name"] == "zero"
    assert admin.delete(f"vlans/{other['id']}/").status == 204
    assert admin.delete(f"vlans/{default}/").status == 400


def test_default_vlan_that_moved_to_another_fabric_has_its_name_there():
    admin = make()
    older, newer = admin.post("fabrics/", name="a").json, admin.post("fabrics/", name="b").json
    moved = newer["vlans"][0]["id"]
    answer = admin.put(f"vlans/{moved}/", fabric=older["id"], vid=7)
    assert answer.json["name"] == "Default VLAN"


@pytest.mark.parametrize(("release", "shown"), [("3.4", "7"), ("3.5", None)])
def test_a_vlan_without_a_name_was_shown_by_its_vid(release, shown):
    admin = make(release)
    fabric = admin.post("fabrics/", name="a").json["id"]
    assert admin.post(f"fabrics/{fabric}/vlans/", vid=7).json["name"] == shown


def test_dynamic_ranges_of_an_unmanaged_subnet_are_parts_of_reserved_ones():
    admin = make()
    subnet = admin.post("subnets/", cidr="10.5.0.0/24", managed="false").json["id"]
    dynamic = {"type": "dynamic", "start_ip": "10.5.0.20", "end_ip": "10.5.0.30"}
    answer = admin.post("ipranges/", subnet=subnet, **dynamic)
    text = "There is no room for any dynamic ranges on this subnet."
    assert answer.json == {"start_ip": [text], "end_ip": [text]}
    admin.post("ipranges/", type="reserved", start_ip="10.5.0.10", end_ip="10.5.0.40")
    assert admin.post("ipranges/", subnet=subnet, **dynamic).status == 200


def test_first_addresses_of_an_ipv6_subnet_are_reserved():
    admin = make()
    subnet = admin.post("subnets/", cidr="2001:db8::/64").json["id"]
    place = f"subnets/{subnet}/?op=reserved_ip_ranges"
    assert [(item["end"], item["purpose"]) for item in admin.get(place).json] == [
        ("2001:db8::", ["rfc-4291-2.6.1"]), ("2001:db8::ffff:ffff", ["reserved"])
    ]  # fmt: skip
    low = {"type": "reserved", "start_ip": "2001:db8::10", "end_ip": "2001:db8::20"}
    assert admin.post("ipranges/", **low).status == 400
    high = {"type": "reserved", "start_ip": "2001:db8:0:0:1::10", "end_ip": "2001:db8:0:0:1::20"}
    assert admin.post("ipranges/", **high).status == 200
    assert admin.post("ipaddresses/?op=reserve", subnet=subnet).json["ip"] == "2001:db8::1:0:0"


def test_an_object_that_may_not_be_changed_is_looked_for_first():
    admin = make()
    admin.region.create_user("joe", "pw", "joe@example.com")
    joe = Caller(admin.region, admin.region.new_api_key("joe"))
    fabric = admin.post("fabrics/", name="lab").json["id"]
    refused = joe.put(f"fabrics/{fabric}/", name="other")
    assert (refused.status, refused.text) == (403, "")
    assert joe.put("fabrics/99/", name="other").status == 404
    assert joe.post("fabrics/").text == "This method is reserved for admin users."
