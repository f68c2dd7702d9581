"""Node groups, their interfaces and their images in an emulated 1.x region."""

from __future__ import annotations

import hashlib

import pytest
from maas_emulator.core import Region

from .calls import Caller, Clock

UUID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.1", "subnet_mask": "255.255.255.0"}
LAN = f"nodegroups/{UUID}/interfaces/"
MANAGED = {
    "ip": "10.5.0.1",
    "interface": "eth5",
    "subnet_mask": "255.255.255.0",
    "ip_range_low": "10.5.0.10",
    "ip_range_high": "10.5.0.50",
    "management": "2",
}


@pytest.fixture
def admin():
    return Caller(Region("1.7"))


@pytest.fixture
def clock(admin):
    return Clock(admin.region)


@pytest.fixture
def cluster(admin):
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    return admin


def group(admin, uuid):
    return admin.get(f"nodegroups/{uuid}/").json


# -- registration ------------------------------------------------------------------------------


def test_new_region_holds_the_placeholder(admin):
    answer = Caller(admin.region, "").get("nodegroups/?op=list")
    assert answer.json == [
        {"uuid": "master", "status": 1, "name": "maas", "cluster_name": "Cluster master"}
    ]


def test_first_cluster_takes_over_the_placeholder_and_others_come_beside(cluster):
    cluster.region.register_controller(uuid=OTHER, hostname="two", interfaces=[])
    names = {row["uuid"]: row["cluster_name"] for row in cluster.get("nodegroups/?op=list").json}
    assert names == {UUID: "Cluster master", OTHER: f"Cluster {OTHER}"}


def test_a_cluster_without_uuid_gets_one(admin):
    ident = admin.region.register_controller(hostname="one")
    assert group(admin, ident)["uuid"] == ident


def test_reported_interface_is_unmanaged_and_makes_a_network(cluster):
    (shown,) = cluster.get(LAN + "?op=list").json
    assert (shown["name"], shown["management"], shown["broadcast_ip"]) == ("eth0", 0, "10.0.0.255")
    assert [row["name"] for row in cluster.get("networks/").json] == ["maas-eth0"]


def test_interfaces_are_taken_from_a_report_only_while_there_are_none(cluster):
    nic = {**NIC, "name": "eth9", "ip": "10.9.0.1"}
    cluster.region.register_controller(uuid=UUID, hostname="one", interfaces=[nic])
    assert [row["name"] for row in cluster.get(LAN + "?op=list").json] == ["eth0"]
    assert cluster.delete(LAN + "eth0/").status == 204
    cluster.region.register_controller(uuid=UUID, hostname="one", interfaces=[nic])
    assert [row["name"] for row in cluster.get(LAN + "?op=list").json] == ["eth9"]


def test_rejected_cluster_that_knows_the_secret_is_accepted_when_it_comes_back(cluster):
    cluster.post("nodegroups/?op=reject", uuid=UUID)
    assert group(cluster, UUID)["status"] == 2
    cluster.region.register_controller(uuid=UUID, hostname="one")
    assert group(cluster, UUID)["status"] == 1


@pytest.mark.parametrize("release", ["1.5", "1.7", "1.9"])
def test_clusters_before_an_unknown_one_are_rejected_all_the_same(release):
    admin = Caller(Region(release))
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[])
    answer = admin.post("nodegroups/", op="reject", uuid=[UUID, "nosuch"])
    assert (answer.status, group(admin, UUID)["status"]) == (404, 2)


def test_unknown_cluster_cannot_connect(admin):
    with pytest.raises(KeyError):
        admin.region.controller_connected("nobody", True)


def test_1_5_registers_over_http_and_waits_for_the_administrator():
    region = Region("1.5")
    nobody, admin = Caller(region, ""), Caller(region)

    def register():
        return nobody.post("nodegroups/", op="register", uuid=UUID, name="zone.example.com")

    first = register()
    assert (first.status, first.text) == (
        202,
        "Cluster registered.  Awaiting admin approval.",
    )
    assert register().text == "Awaiting admin approval."
    assert group(admin, UUID)["status"] == 0
    admin.post("nodegroups/?op=accept", uuid=UUID)
    assert register().status == 200
    admin.post("nodegroups/?op=reject", uuid=UUID)
    assert register().status == 403
    assert admin.post("nodegroups/", op="register", uuid=UUID, name="x").status == 400


# -- interfaces --------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["1.5", "1.6"])
def test_the_regions_own_cluster_is_accepted_if_it_comes_first(release):
    def register(region, uuid):
        answer = Caller(region, "").post("nodegroups/", op="register", uuid=uuid)
        return answer.status, answer.text

    region = Region(release, local_cluster="own")
    assert register(region, "own")[0] == 200
    assert "BROKER_URL" in register(region, "own")[1]
    assert register(region, "other")[0] == 202
    late = Region(release, local_cluster="own")
    assert register(late, "other")[0] == 202
    assert register(late, "own")[0] == 202


def test_router_is_stored_and_never_shown(cluster):
    made = cluster.post(LAN + "?op=new", **MANAGED, router_ip="10.5.0.254")
    assert made.status == 200
    assert "router_ip" not in made.json
    rows = cluster.region.rows("node_group_interfaces").values()
    assert [row["router_ip"] for row in rows] == [None, "10.5.0.254"]
    assert cluster.put(LAN + "eth5/", router_ip="").status == 200
    assert [row["router_ip"] for row in rows] == [None, None]


def test_unset_is_empty_after_a_write_and_null_when_read(cluster):
    made = cluster.post(LAN + "?op=new", ip="10.7.0.1", interface="eth7").json
    assert made["ip_range_low"] == made["subnet_mask"] == ""
    assert cluster.get(LAN + "eth7/").json["subnet_mask"] is None


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"ip_range_low": "10.9.0.1"}, 400, {"ip_range_low"}),
        ({"ip_range_low": "", "ip_range_high": ""}, 400, {"ip_range_low", "ip_range_high"}),
        ({"router_ip": "10.9.0.1"}, 400, {"router_ip"}),
        ({"subnet_mask": "255.0.255.0"}, 400, {"subnet_mask"}),
        ({"management": "dhcp"}, 400, {"management"}),
        ({"interface": "eth0"}, 400, {"__all__"}),
        ({"name": "no good"}, 400, {"name"}),
        ({"ip": "300.1.1.1"}, 400, {"ip", "subnet_mask"}),
        ({"ip": "300.1.1.1", "interface": "eth0"}, 500, "u'ip'"),
        ({"ip": ""}, 400, {"ip", "subnet_mask"}),
        ({"management": "0", "ip_range_low": "10.9.0.1"}, 400, {"ip_range_low"}),
        ({"broadcast_ip": "10.9.0.255"}, 400, {"broadcast_ip"}),
    ],
)
def test_what_is_wrong_is_told(cluster, change, status, told):
    answer = cluster.post(LAN + "?op=new", **{**MANAGED, **change})
    assert answer.status == status
    assert (set(answer.json) if status == 400 else answer.text) == told
    assert len(cluster.get(LAN + "?op=list").json) == 1


def test_interfaces_of_two_families_may_share_a_device(cluster):
    alone = cluster.post(LAN + "?op=new", ip="2001:db8:1::1", interface="eth1")
    assert alone.json["name"] == "eth1"
    made = cluster.post(LAN + "?op=new", ip="2001:db8::1", interface="eth0")
    assert made.status == 200
    assert made.json["name"].startswith("eth0-ipv6-")
    assert made.json["subnet_mask"] == "ffff:ffff:ffff:ffff::"


def test_interface_may_overlap_unmanaged_ones_only(cluster):
    assert cluster.post(LAN + "?op=new", **MANAGED).status == 200
    again = {**MANAGED, "interface": "eth6", "ip": "10.5.0.2"}
    assert set(cluster.post(LAN + "?op=new", **again).json) == {"ip", "subnet_mask"}
    assert cluster.post(LAN + "?op=new", **again | {"management": "0"}).status == 200


def test_only_the_key_of_its_release_finds_an_interface(cluster):
    assert cluster.post(LAN + "?op=new", **MANAGED, name="lan").status == 200
    assert cluster.get(LAN + "lan/").status == 200
    assert cluster.get(LAN + "eth5/").status == 404


def test_a_cluster_that_is_away_refuses_and_nothing_changes(cluster):
    cluster.region.controller_connected(UUID, False)
    assert cluster.put(LAN + "eth0/", ip="10.0.0.9").status == 503
    assert cluster.post(LAN + "?op=new", **MANAGED).status == 503
    assert cluster.put(f"nodegroups/{UUID}/", name="example.com").status == 503
    assert cluster.put(f"nodegroups/{UUID}/", cluster_name="one").status == 200
    assert cluster.post("nodegroups/?op=reject", uuid=UUID).status == 503
    assert [row["ip"] for row in cluster.get(LAN + "?op=list").json] == ["10.0.0.1"]
    assert group(cluster, UUID)["status"] == 1
    ntp = {"op": "set_config", "name": "ntp_server", "value": "10.0.0.7"}
    assert cluster.post("maas/", **ntp).status == 503
    assert cluster.get("maas/?op=get_config&name=ntp_server").json == "ntp.ubuntu.com"
    cluster.region.controller_connected(UUID, True)
    assert cluster.put(LAN + "eth0/", ip="10.0.0.9").status == 200
    assert cluster.post("maas/", **ntp).status == 200
    assert cluster.post(LAN + "?op=new", **MANAGED).status == 200
    cluster.region.controller_connected(UUID, False)
    assert cluster.delete(LAN + "eth5/").status == 503
    assert cluster.delete(LAN + "eth0/").status == 204  # it serves nothing


@pytest.mark.parametrize(("release", "status"), [("1.8", 500), ("1.9", 200)])
def test_a_cluster_that_is_away_is_told_of_changes_later(release, status):
    admin = Caller(Region(release))
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    admin.region.controller_connected(UUID, False)
    answer = admin.put(LAN + "eth0/", ip="10.0.0.9")
    assert (answer.status, "html>" in answer.text) == (status, status == 500)
    assert admin.get(LAN + "eth0/").json["ip"] == "10.0.0.9"
    assert admin.post("maas/?op=set_config", name="ntp_server", value="10.0.0.7").status == status
    assert admin.get("maas/?op=get_config&name=ntp_server").json == "10.0.0.7"


# -- images ------------------------------------------------------------------------------------


def test_import_takes_its_time_and_clusters_follow(cluster, clock):
    region = cluster.region
    assert cluster.get("boot-resources/").json == []
    assert cluster.post("boot-resources/?op=import").status == 200
    clock.wait(region.options.import_seconds / 2)
    (row,) = cluster.get("boot-resources/").json
    path = f"boot-resources/{row['id']}/"
    (half,) = cluster.get(path).json["sets"].values()
    assert (half["complete"], half["progress"]) == (False, 0)
    clock.wait(region.options.import_seconds)
    (done,) = cluster.get(path).json["sets"].values()
    assert done["complete"]
    images = f"nodegroups/{UUID}/boot-images/"
    assert cluster.get(images).json == []
    clock.wait(region.options.sync_seconds)
    found = cluster.get(images).json
    assert {row["release"] for row in found} == {"trusty"}
    assert {row["purpose"] for row in found} == {"commissioning", "install", "xinstall"}
    region.controller_connected(UUID, False)
    assert cluster.get(images).status == 503


def test_import_drops_what_is_selected_no_more(admin, clock):
    def imported():
        assert admin.post("boot-resources/?op=import").status == 200
        clock.wait(admin.region.options.import_seconds)
        return {row["name"] for row in admin.get("boot-resources/").json}

    assert imported() == {"ubuntu/trusty"}
    chosen = {"os": "ubuntu", "arches": "amd64", "subarches": "*", "labels": "*"}
    made = admin.post("boot-sources/1/selections/", **chosen, release="precise")
    assert made.status == 200
    assert imported() == {"ubuntu/precise", "ubuntu/trusty"}
    admin.delete("boot-sources/1/selections/1/")
    assert imported() == {"ubuntu/precise"}


@pytest.mark.parametrize(
    ("release", "newest"),
    [
        ("1.5", "NodeGroupsHandler"),
        ("1.6", "LicenseKeysHandler"),
        ("1.7", "BootResourcesHandler"),
        ("1.8", "DevicesHandler"),
        ("1.9", "FabricsHandler"),
    ],
)
def test_what_describe_names_tells_the_release(release, newest):
    named = Caller(Region(release), "").get("describe/").json
    names = [handler["name"] for handler in named["handlers"]]
    order = ("Fabrics", "Devices", "BootResources", "LicenseKeys", "NodeGroups")
    assert next(f"{name}Handler" for name in order if f"{name}Handler" in names) == newest


def test_ids_of_vlans_are_counted_from_5001_on():
    admin = Caller(Region("1.9"))
    assert [vlan["id"] for vlan in admin.get("fabrics/0/vlans/").json] == [0]
    assert admin.post("fabrics/").json["vlans"][0]["id"] == 5001


def test_catalogue_of_a_source_needs_a_moment(admin, clock):
    made = admin.post(
        "boot-sources/", url="http://mirror.example.com/", keyring_filename="/k.gpg"
    ).json
    path = f"boot-sources/{made['id']}/selections/"
    chosen = {"os": "ubuntu", "release": "trusty", "arches": "amd64", "subarches": "*",
              "labels": "release"}  # fmt: skip
    assert "no available images" in admin.post(path, **chosen).json["os"][0]
    clock.wait(admin.region.options.index_seconds)
    assert admin.post(path, **chosen).status == 200


def test_series_settings_know_what_can_be_deployed(cluster, clock):
    def set_series(name, value):
        return cluster.post("maas/", op="set_config", name=name, value=value).status

    assert set_series("default_distro_series", "ubuntu/trusty") == 400
    cluster.post("boot-resources/?op=import")
    clock.wait(cluster.region.options.import_seconds)
    assert set_series("default_distro_series", "trusty") == 400
    assert set_series("default_distro_series", "ubuntu/trusty") == 200
    assert set_series("commissioning_distro_series", "trusty") == 200
    cluster.region.controller_connected(UUID, False)
    assert set_series("default_distro_series", "ubuntu/trusty") == 400


def test_upload_in_parts(admin, clock):
    admin.post("boot-resources/?op=import")
    clock.wait(admin.region.options.import_seconds)
    content = b"image of mine"
    fields = {
        "name": "mine",
        "architecture": "amd64/generic",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    made = admin.send(
        "POST", "boot-resources/", f"{parts}--b--\r\n".encode(), "multipart/form-data; boundary=b"
    )
    assert made.status == 201
    (version,) = made.json["sets"].values()
    uri = version["files"]["root-tgz"]["upload_uri"]

    def put(data):
        return admin.send("PUT", uri, data, "application/octet-stream")

    assert put(content[:5]).status == 200
    assert put(content).text == "Too much data received."
    assert put(b"x" * 8).text == "Saved content does not match given SHA256 value."
    assert put(content[5:]).status == 200
    assert put(b"more").text == "Cannot upload to a complete file."
    (version,) = admin.get(f"boot-resources/{made.json['id']}/").json["sets"].values()
    assert version["complete"]
