"""Machines, devices, their interfaces and disks in an emulated 2.0 region."""

from __future__ import annotations

import pytest
from maas_emulator import images
from maas_emulator.core import Region

from .calls import Caller, Clock

GIB = 1024**3
ALIGNMENT = 4 * 1024**2
MACHINE = {"hostname": "m1", "architecture": "amd64", "mac_addresses": "52:54:00:00:01:01",
           "power_type": "manual", "commission": "false"}  # fmt: skip
IPMI = {**MACHINE, "power_type": "ipmi", "power_parameters_power_address": "10.0.0.70"}


def region_with_images(which):
    region = Region(which, import_seconds=0, index_seconds=0)
    caller = Caller(region)
    caller.clock = Clock(region)
    caller.post("boot-resources/?op=import")
    caller.get("version/")
    assert "amd64/generic" in images.architectures(region)
    assert caller.post("subnets/", cidr="10.0.0.0/24", gateway_ip="10.0.0.1").status == 200
    return caller


@pytest.fixture
def admin():
    return region_with_images("3.7")


@pytest.fixture
def rack(admin):
    nic = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
           "subnet_mask": "255.255.255.0"}  # fmt: skip
    ident = admin.region.register_controller(hostname="rack", interfaces=[nic])
    admin.region.controller_connected(ident, True)
    return ident


def add(admin, **more):
    answer = admin.post("machines/", **{**MACHINE, **more})
    assert answer.status == 200, answer.text
    return answer.json


def after(admin, place, seconds=5):
    """The machine a while later."""
    admin.clock.wait(seconds)
    return admin.get(place).json


def test_life_of_a_machine(admin, rack):
    made = add(admin, **{**IPMI, "commission": "true"})
    place = f"machines/{made['system_id']}/"
    assert made["status_name"] == "Commissioning"
    assert after(admin, place)["status_name"] == "Ready"
    allocated = admin.post("machines/?op=allocate", name="m1").json
    assert (allocated["status_name"], allocated["owner"]) == ("Allocated", "admin")
    nic = f"nodes/{made['system_id']}/interfaces/{made['interface_set'][0]['id']}/"
    linked = admin.post(f"{nic}?op=link_subnet", mode="STATIC", subnet="10.0.0.0/24").json
    assert linked["links"][0]["ip_address"]
    deployed = admin.post(f"{place}?op=deploy").json
    assert deployed["status_name"] == "Deploying"
    assert after(admin, place)["status_name"] == "Deployed"
    assert admin.post(f"{place}?op=lock").json["locked"] is True
    assert admin.post(f"{place}?op=release").status == 403
    admin.post(f"{place}?op=unlock")
    assert admin.post(f"{place}?op=release").json["status_name"] == "Releasing"
    released = after(admin, place)
    assert (released["status_name"], released["owner"]) == ("Ready", None)
    kinds = [row["type"] for row in admin.get("events/?op=query").json["events"]]
    assert kinds == ["Released", "Releasing", "Deployed", "Deploying", "Ready", "Commissioning"]
    assert admin.delete(place).status == 204
    assert admin.get("ipaddresses/?all=true").json == []


def test_no_rack_reaches_the_bmc(admin):
    answer = admin.post("machines/", **{**IPMI, "commission": "true"})
    assert (answer.status, answer.text) == (
        503, "No rack controllers can access the BMC of node m1",
    )  # fmt: skip
    assert admin.get("machines/").json[0]["status_name"] == "New"


@pytest.mark.parametrize(
    ("op", "text"),
    [
        ("deploy", "Can't deploy a machine that is in the 'New' state"),
        ("release", "Machine cannot be released in its current state ('New')."),
        ("mark_fixed", "Can't mark a non-broken node as 'Ready'."),
        ("lock", "Can't lock, node is not deployed or deploying"),
    ],
)
def test_what_a_status_forbids(admin, op, text):
    place = f"machines/{add(admin)['system_id']}/"
    answer = admin.post(f"{place}?op={op}")
    assert (answer.status, answer.text) == (409, text)


def test_interfaces_on_interfaces(admin):
    made = add(admin, mac_addresses=["52:54:00:00:01:01", "52:54:00:00:01:02"])
    many = f"nodes/{made['system_id']}/interfaces/"
    first, second = (nic["id"] for nic in made["interface_set"])
    vlan = admin.get("subnets/1/").json["vlan"]["id"]
    for ident in (first, second):
        admin.put(f"{many}{ident}/", vlan=vlan)
    bond = admin.post(f"{many}?op=create_bond", name="bond0", parents=[first, second]).json
    assert (bond["parents"], bond["params"]["bond_mode"]) == (["eth0", "eth1"], "balance-rr")
    bridge = admin.post(f"{many}?op=create_bridge", name="br0", parent=bond["id"]).json
    assert (bridge["type"], bridge["parents"]) == ("bridge", ["bond0"])
    fabric = admin.get("fabrics/").json[0]["id"]
    tagged = admin.post(f"fabrics/{fabric}/vlans/", vid=10).json["id"]
    on_vlan = admin.post(f"{many}?op=create_vlan", parent=bond["id"], vlan=tagged).json
    assert on_vlan["name"] == "bond0.10"
    assert admin.get(f"{many}{first}/").json["children"] == ["bond0"]
    assert admin.delete(f"{many}{bond['id']}/").status == 204
    assert [nic["name"] for nic in admin.get(many).json] == ["eth0", "eth1"]


def ready_with_disks(admin, count):
    made = add(admin)
    place = f"nodes/{made['system_id']}/"
    ids = [
        admin.post(f"{place}blockdevices/", name=f"sd{letter}", model="M", serial=letter,
                   size=10 * GIB, block_size=512).json["id"]
        for letter in "abcdef"[:count]
    ]  # fmt: skip
    next(iter(admin.region.rows("machines").values()))["status"] = 4
    return place, ids


def test_disks_and_what_is_made_of_them(admin):
    place, disks = ready_with_disks(admin, 5)
    part = admin.post(f"{place}blockdevices/{disks[0]}/partitions/", size=GIB).json
    where = part["resource_uri"][len("/MAAS/api/2.0/") :]
    assert admin.post(f"{where}?op=format", fstype="ext4").json["filesystem"]["fstype"] == "ext4"
    mounted = admin.post(f"{where}?op=mount", mount_point="/").json
    assert mounted["used_for"] == "ext4 formatted filesystem mounted at /"
    raid = admin.post(f"{place}raids/", level="raid-1", block_devices=disks[1:3])
    assert raid.json == {"name": ["This field cannot be blank."]}
    raid = admin.post(f"{place}raids/", name="md0", level="raid-1", block_devices=disks[1:3]).json
    assert (raid["name"], raid["size"]) == ("md0", 10 * GIB - 128 * 1024)
    group = admin.post(f"{place}volume-groups/", name="vg", block_devices=disks[3]).json
    volume = admin.post(f"{place}volume-group/{group['id']}/?op=create_logical_volume",
                        name="lv", size=GIB).json  # fmt: skip
    assert (volume["name"], volume["size"]) == ("vg-lv", GIB // ALIGNMENT * ALIGNMENT)
    cache = admin.post(f"{place}bcache-cache-sets/", cache_device=disks[4]).json
    made = admin.post(f"{place}bcaches/", name="bcache0", cache_set=cache["id"],
                      cache_mode="writeback",
                      backing_device=raid["virtual_device"]["id"]).json  # fmt: skip
    read = admin.get(f"{place}bcache/{made['id']}/").json
    assert read["backing_device"]["name"] == "md0"
    refused = admin.post(f"{place}raids/", level="raid-5", block_devices=disks[1:4])
    assert refused.status == 400
    machine = admin.get(place.replace("nodes", "machines")).json
    counts = [len(machine[name]) for name in ("raids", "volume_groups", "bcaches", "cache_sets")]
    assert counts == [1, 1, 1, 1]
    admin.post(f"{place.replace('nodes', 'machines')}?op=restore_storage_configuration")
    disks = admin.get(f"{place}blockdevices/").json
    assert [row["used_for"] for row in disks] == ["GPT partitioned with 1 partition"] + 4 * [
        "Unused"
    ]


@pytest.mark.parametrize("layout", ["flat", "lvm", "blank"])
def test_storage_layouts(admin, layout):
    place, _ = ready_with_disks(admin, 1)
    machine = place.replace("nodes", "machines")
    laid = admin.post(f"{machine}?op=set_storage_layout", storage_layout=layout).json
    mounts = [row["filesystem"] for row in laid["virtualblockdevice_set"]]
    mounts += [part["filesystem"] for part in laid["boot_disk"]["partitions"]]
    found = [item["mount_point"] for item in mounts if item and item["mount_point"]]
    assert found == ([] if layout == "blank" else ["/"])


def test_devices_come_and_go_with_their_parent(admin):
    parent = add(admin)["system_id"]
    device = admin.post("devices/", mac_addresses="52:54:00:00:02:01", parent=parent).json
    assert device["parent"] == parent
    assert len(admin.get("nodes/").json) == 3
    assert admin.delete(f"machines/{parent}/").status == 204
    assert admin.get(f"devices/{device['system_id']}/").status == 404


#: Field of a machine's answer, and the first release that has it.
FIELDS = {"pool": "2.4", "numanode_set": "2.9", "workload_annotations": "3.0",
          "error_description": "3.5", "is_dpu": "3.7"}  # fmt: skip


@pytest.mark.parametrize("which", ["2.0", "2.4", "2.9", "3.0", "3.5", "3.7"])
def test_fields_come_with_their_release(which):
    made = add(region_with_images(which))
    found = {name: name in made for name in FIELDS}
    version = tuple(map(int, which.split(".")))
    assert found == {
        name: version >= tuple(map(int, since.split("."))) for name, since in FIELDS.items()
    }
