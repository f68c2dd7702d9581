"""Machines of API 1.0 in the emulator: what no recording covers."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from maas_emulator.api1 import catalogue, groups, machines
from maas_emulator.api1 import reported_images as reported
from maas_emulator.core import Region

from .calls import Caller, Clock

MAC = "52:54:00:00:00:01"
NODE = {"architecture": "amd64", "mac_addresses": MAC, "autodetect_nodegroup": "1",
        "hostname": "n1"}  # fmt: skip
OTHER = {"hostname": "n2", "mac_addresses": "52:54:00:00:00:02"}
RELEASES = ["1.5", "1.6", "1.7", "1.8", "1.9", "1.10"]


def region_of(release):
    """A region whose one cluster is connected and has images of trusty for amd64."""
    region = Region(release, machine_seconds=1000)
    uuid = region.register_controller(hostname="c1")
    group = groups.find_group(region, uuid)
    group["status"] = groups.ACCEPTED
    if region.release < "1.7":
        image = {"architecture": "amd64", "subarchitecture": "generic", "release": "trusty"}
        reported.report(region, group, [{**image, "purpose": p} for p in reported.PURPOSES])
    else:
        for file in catalogue.add_synced(region, "ubuntu", "trusty", "amd64")["sets"][0]["files"]:
            file["have"] = file["size"]
    return region


def enlisted(admin, **values):
    """system_id of a new machine."""
    answer = admin.post("nodes/", op="new", **{**NODE, **values})
    assert answer.status == 200, answer.text
    return answer.json["system_id"]


def act(admin, system_id, op, **form):
    return admin.post(f"nodes/{system_id}/", op=op, **(form or {"comment": "c"}))


@pytest.mark.parametrize("release", RELEASES)
def test_a_machine_goes_through_its_life(release):
    region = region_of(release)
    clock, admin = Clock(region), Caller(region)
    ident = enlisted(admin, power_type="virsh", power_parameters_power_id="n1")
    assert admin.get(f"nodes/{ident}/").json["status"] == machines.COMMISSIONING
    machines.finish(region, ident)
    assert admin.get(f"nodes/{ident}/").json["status"] == machines.READY
    got = admin.post("nodes/", op="acquire", **{"name": "n1", "mem": "0"}).json
    assert (got["system_id"], got["owner"], got["status"]) == (ident, "admin", 6)
    started = act(admin, ident, "start").json
    assert started["status"] == 6
    if region.release >= "1.7":
        assert started["substatus"] == machines.DEPLOYING
        machines.finish(region, ident)
        assert admin.get(f"nodes/{ident}/").json["substatus"] == machines.DEPLOYED
    assert admin.post("nodes/", op="acquire", **{"name": "n1"}).status == 409
    act(admin, ident, "release")
    clock.wait(1001)
    free = admin.get(f"nodes/{ident}/").json
    assert (free["status"], free["owner"]) == (machines.READY, None)
    assert admin.delete(f"nodes/{ident}/").status == 204
    assert admin.get("nodes/?op=list").json == []


@pytest.mark.parametrize("release", ["1.5", "1.7"])
def test_a_machine_is_done_in_time(release):
    region = region_of(release)
    clock, admin = Clock(region), Caller(region)
    ident = enlisted(admin)
    clock.wait(999)
    assert admin.get(f"nodes/{ident}/").json["status"] == machines.COMMISSIONING
    clock.wait(2)
    assert admin.get(f"nodes/{ident}/").json["status"] == machines.READY


def test_before_1_7_a_machine_in_use_is_just_allocated():
    region = region_of("1.6")
    admin = Caller(region)
    ident = enlisted(admin)
    text = act(admin, ident, "release").text
    assert text == "Node cannot be released in its current state ('Commissioning')."
    assert "substatus" not in admin.get(f"nodes/{ident}/").json
    assert act(admin, ident, "mark_broken").status == 400


def test_a_machine_that_nobody_has_cannot_be_started_from_1_8_on():
    for release, status in (("1.7", 200), ("1.8", 409)):
        admin = Caller(region_of(release))
        assert act(admin, enlisted(admin), "start").status == status


def test_power_parameters_are_those_of_the_type():
    admin = Caller(region_of("1.7"))
    ident = enlisted(admin)
    one = f"nodes/{ident}/"
    wrong = admin.put(one, **{"power_type": "virsh", "power_parameters_nosuch": "x"})
    assert wrong.json == {"power_parameters": ["Unknown parameter(s): nosuch."]}
    form = {"power_type": "virsh", "power_parameters_power_address": "qemu:///system"}
    assert admin.put(one, **form).json["power_type"] == "virsh"
    assert admin.put(one, **{"power_parameters_power_id": "9"}).status == 200
    assert admin.get(one + "?op=power_parameters").json == {
        "power_address": "", "power_id": "9", "power_pass": "",  # what was not sent is emptied
    }  # fmt: skip
    assert admin.put(one, zone="default").status == 200
    assert admin.get(one + "?op=power_parameters").json["power_id"] == "9"
    form = {"power_type": "virsh", "power_parameters_x": "1",
            "power_parameters_skip_check": "true"}  # fmt: skip
    assert admin.put(one, **form).status == 200
    assert admin.get(one + "?op=power_parameters").json == {"x": "1"}
    assert admin.put(one, power_type="").json["power_type"] == ""
    assert admin.get(one + "?op=power_parameters").json == ""


def test_before_1_7_netboot_shows_that_a_machine_is_installed():
    region = region_of("1.6")
    admin = Caller(region)
    ident, powerless = enlisted(admin, power_type="virsh"), enlisted(admin, **OTHER)
    for one, name, status in ((ident, "n1", 200), (powerless, "n2", 403)):
        machines.finish(region, one)
        admin.post("nodes/", op="acquire", name=name)
        assert act(admin, one, "start").status == status
    assert admin.get(f"nodes/{ident}/").json["netboot"] is True
    hardware.commissioned(region, ident)
    shown = admin.get(f"nodes/{ident}/").json
    assert (shown["status"], shown["netboot"]) == (6, False)
    in_use = admin.put(f"nodes/{ident}/", hostname="n3")
    assert in_use.json == {"hostname": ["Can't change hostname to n3: node is in use."]}
    assert admin.delete(f"nodes/{ident}/").status == 409
    act(admin, ident, "release")
    assert admin.get(f"nodes/{ident}/").json["netboot"] is True
    assert admin.delete(f"nodes/{ident}/").status == 204


def test_swap_size_and_boot_type():
    admin = Caller(region_of("1.8"))
    one = f"nodes/{enlisted(admin)}/"
    for given, size in (("2K", 2000), ("", 2000), ("7", 7)):
        assert admin.put(one, swap_size=given).json["swap_size"] == size
    assert admin.put(one, swap_size="1.5G").status == 400
    assert admin.put(one, boot_type="di").json["boot_type"] == "di"
    assert admin.put(one, boot_type="nosuch").status == 400


def test_users_see_what_is_free_or_theirs_and_change_what_is_theirs():
    region = region_of("1.7")
    admin = Caller(region)
    region.create_user("joe", "joe", "joe@example.com")
    region.create_user("ann", "ann", "ann@example.com")
    joe, ann = (Caller(region, region.new_api_key(name)) for name in ("joe", "ann"))
    ident = enlisted(admin)
    machines.finish(region, ident)
    assert joe.put(f"nodes/{ident}/", **{"hostname": "x"}).status == 403
    assert joe.post("nodes/", op="acquire", **{"name": "n1"}).status == 200
    assert ann.get("nodes/?op=list").json == []
    assert ann.get(f"nodes/{ident}/").status == 200  # as its name is known
    assert joe.put(f"nodes/{ident}/", **{"hostname": "x"}).json["hostname"] == "x"
    assert joe.delete(f"nodes/{ident}/").status == 403


def test_an_enlistment_waits_for_the_administrator():
    region = region_of("1.7")
    admin, anybody = Caller(region), Caller(region, "")
    told = anybody.post("nodes/", op="new", **NODE).json
    assert (told["status"], told["resource_uri"]) == (machines.NEW, "/MAAS/api/1.0/nodes/")
    assert anybody.get(f"nodes/?op=is_registered&mac_address={MAC}").json is True
    accepted = admin.post("nodes/", op="accept", **{"nodes": told["system_id"]}).json
    assert [row["status"] for row in accepted] == [machines.COMMISSIONING]
    refused = anybody.post("nodes/", op="accept", **{"nodes": told["system_id"]})
    assert refused.status == 401


def test_a_zone_and_a_tag_that_go_leave_the_machine():
    admin = Caller(region_of("1.7"))
    ident = enlisted(admin)
    admin.post("zones/", **{"name": "z1"})
    admin.post("tags/", op="new", **{"name": "t1"})
    admin.put(f"nodes/{ident}/", **{"zone": "z1"})
    admin.post("tags/t1/", op="update_nodes", **{"add": ident})
    admin.put("tags/t1/", **{"name": "t2"})
    node = admin.get(f"nodes/{ident}/").json
    assert (node["zone"]["name"], node["tag_names"]) == ("z1", ["t2"])
    admin.delete("zones/z1/")
    admin.delete("tags/t2/")
    node = admin.get(f"nodes/{ident}/").json
    assert (node["zone"]["name"], node["tag_names"]) == ("default", [])


def test_clusters_of_1_5_fetch_images_themselves():
    region = Region("1.5", import_seconds=3)
    clock, admin = Clock(region), Caller(region)
    uuid = region.register_controller(hostname="c1")
    admin.post("nodegroups/", op="accept", **{"uuid": uuid})
    path = f"nodegroups/{uuid}/"
    assert admin.post(path, op="import_boot_images").status == 200
    assert admin.get(path + "boot-images/").json == []
    clock.wait(4)
    found = admin.get(path + "boot-images/").json
    assert {row["release"] for row in found} == {"precise", "trusty"}
    assert {row["subarchitecture"] for row in found} == {"generic"}
    assert admin.get(found[0]["resource_uri"].partition("/1.0/")[2]).json == found[0]
    assert "osystem" not in found[0]


def test_an_address_is_reserved_once():
    region = region_of("1.7")
    admin = Caller(region)
    uuid = groups.all_groups(region)[0]["uuid"]
    form = {"ip": "10.5.0.1", "interface": "eth5", "subnet_mask": "255.255.255.0",
            "ip_range_low": "10.5.0.10", "ip_range_high": "10.5.0.50", "management": "2",
            "static_ip_range_low": "10.5.0.100", "static_ip_range_high": "10.5.0.101"}  # fmt: skip
    assert admin.post(f"nodegroups/{uuid}/interfaces/", op="new", **form).status == 200

    def reserve(**values):
        return admin.post("ipaddresses/", op="reserve", **{"network": "10.5.0.0/24", **values})

    assert reserve(requested_address="10.5.0.101").json["ip"] == "10.5.0.101"
    assert reserve(requested_address="10.5.0.101").status == 404
    assert reserve(requested_address="10.5.0.9").status == 403
    assert reserve().json["ip"] == "10.5.0.100"
    assert reserve().status == 503
    assert len(admin.get("ipaddresses/").json) == 2
    admin.post("ipaddresses/", op="release", **{"ip": "10.5.0.100"})
    assert reserve().json["ip"] == "10.5.0.100"


def test_what_is_wrong_with_several_mac_addresses_is_told_as_the_release_does():
    wrong = {"architecture": "amd64/generic", "autodetect_nodegroup": "1"}
    for release, told in (
        ("1.5", "One or more MAC addresses is invalid."),
        ("1.9", "One or more MAC addresses is invalid. ('x' is not a valid MAC address.)"),
    ):
        admin = Caller(region_of(release))
        sent = {**wrong, "mac_addresses": ["52:54:00:00:00:01", "x"]}
        assert admin.post("nodes/", op="new", **sent).json == {"mac_addresses": [told]}


def test_names_of_machines_are_checked_from_1_7_on():
    sent = {"architecture": "amd64/generic", "autodetect_nodegroup": "1", "hostname": "a..b"}
    for release, told in (
        ("1.6", None),
        ("1.7", ["Hostname contains empty name."]),
        ("1.8", ["DNS name contains an empty label."]),
    ):
        admin = Caller(region_of(release))
        answer = admin.post("nodes/", op="new", mac_addresses="52:54:00:00:00:01", **sent)
        assert answer.json.get("hostname") == (told or "a..b"), release


def test_a_machine_says_from_1_9_on_what_was_last_asked_of_it():
    admin = Caller(region_of("1.9"))
    ident = enlisted(admin)
    row = admin.get(f"nodes/{ident}/").json
    assert (row["substatus_message"], row["owner"]) == ("From 'New' to 'Commissioning'", "admin")
    act(admin, ident, "stop")
    row = admin.get(f"nodes/{ident}/").json
    assert (row["substatus_action"], row["substatus_message"]) == ("stop", "(admin)")
