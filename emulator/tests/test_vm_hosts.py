"""VM hosts that answer, and the machines that are composed on them."""

from __future__ import annotations

import pytest
from maas_emulator import hardware, machines
from maas_emulator.core import Region

from .calls import Caller, Clock

LXD = {"type": "lxd", "power_address": "10.0.0.9", "name": "lxd-1"}
VIRSH = {"type": "virsh", "power_address": "qemu+ssh://me@10.0.0.8/system", "name": "kvm-1"}


@pytest.fixture
def admin():
    return region()


def region(release="3.7", **options):
    """A region with an image, a rack, and DHCP on the VLAN of 10.0.0.0/24."""
    options = {"machine_seconds": 1.0, "vm_hosts": True, **options}
    caller = Caller(Region(release, import_seconds=0, index_seconds=0, **options))
    caller.clock = Clock(caller.region)
    caller.post("boot-resources/?op=import")
    caller.get("version/")
    caller.post("subnets/", cidr="10.0.0.0/24", gateway_ip="10.0.0.1")
    vlan = next(iter(caller.region.rows("subnets").values()))["vlan"]
    caller.region.rows("vlans")[vlan]["dhcp_on"] = True
    rack = caller.region.register_controller(
        hostname="rack",
        interfaces=[{"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
                     "subnet_mask": "255.255.255.0"}],
    )  # fmt: skip
    caller.region.controller_connected(rack, True)
    return caller


def added(admin, values, collection="vm-hosts"):
    made = admin.post(f"{collection}/", **values).json
    return admin.get(made["resource_uri"].removeprefix("/MAAS/api/2.0/")).json


def composed(admin, host, **values):
    answer = admin.post(f"vm-hosts/{host['id']}/?op=compose", **values)
    return admin.get(f"machines/{answer.json['system_id']}/").json


@pytest.mark.parametrize("values", [LXD, VIRSH])
def test_what_is_found_there(admin, values):
    hardware.vm_host(admin.region, values["power_address"], values["type"], cores=8, memory=4096,
                     storage_pools={"fast": 10**11, "slow": 10**12})  # fmt: skip
    host = added(admin, values)
    assert host["total"] == {"cores": 8, "memory": 4096, "local_storage": 11 * 10**11}
    assert [(one["name"], one["default"]) for one in host["storage_pools"]] == [
        ("fast", True), ("slow", False)
    ]  # fmt: skip
    assert "composable" in host["capabilities"]
    assert ("virtual" in host["tags"]) == (values is VIRSH)
    assert (host["host"]["system_id"] is not None) == (values is LXD)


def test_one_that_does_not_answer(admin):
    host = added(admin, {**LXD, "power_address": "lxd.invalid"})
    assert (host["capabilities"], host["host"]["system_id"]) == ([], None)
    assert admin.post(f"vm-hosts/{host['id']}/?op=refresh").status == 503
    answer = admin.post(f"vm-hosts/{host['id']}/?op=compose")
    assert (answer.status, answer.text) == (400, "VM host does not support composability.")
    hardware.vm_host(admin.region, "lxd.invalid")
    assert admin.post(f"vm-hosts/{host['id']}/?op=refresh").json["capabilities"]


def test_a_machine_is_composed_and_commissioned(admin):
    host = added(admin, LXD)
    asked = {"cores": 2, "memory": 4096, "storage": "root:10(default),data:20.5(x)"}
    found = composed(admin, host, hostname="vm-1", **asked)
    assert (found["status_name"], found["power_type"], found["hostname"]) == (
        "Commissioning", "lxd", "vm-1"
    )  # fmt: skip
    assert (found["cpu_count"], found["memory"]) == (2, 4096)
    assert [disk["size"] for disk in found["blockdevice_set"]] == [10**10, 20_500_000_000]
    assert found["pod"]["name"] == "lxd-1"
    assert found["parent"]["system_id"] == host["host"]["system_id"]
    ident = found["system_id"]
    parameters = admin.get(f"machines/{ident}/?op=power_parameters").json
    assert (parameters["instance_name"], parameters["power_address"]) == ("vm-1", "10.0.0.9")
    admin.clock.wait(2)
    ready = admin.get(f"machines/{ident}/").json
    assert (ready["status_name"], ready["interface_set"][0]["links"][0]["mode"]) == (
        "Ready", "auto"
    )  # fmt: skip
    assert admin.get(f"vm-hosts/{host['id']}/").json["used"]["cores"] == 2
    assert admin.delete(f"machines/{ident}/").status == 204
    assert admin.get(f"vm-hosts/{host['id']}/").json["used"]["cores"] == 0


def test_one_that_is_not_commissioned_is_ready(admin):
    found = composed(admin, added(admin, VIRSH), skip_commissioning="true")
    assert (found["status_name"], found["owner"]) == ("Ready", None)
    assert found["blockdevice_set"][0]["partitions"]
    assert "virtual" in found["tag_names"]


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"cores": 17}, 400, "less than or equal to 16"),
        ({"memory": 512}, 400, "greater than or equal to 1024"),
        ({"hostname": "rack"}, 400, 'Node with hostname "rack" already exists'),
        ({"architecture": "arm64/generic"}, 400, "Select a valid choice"),
        ({"storage": "root:ten"}, 400, "Malformed storage constraint"),
        ({"storage": "root:2000"}, 503, "Not enough storage space"),
        ({"interfaces": "eth0:subnet_cidr=10.9.0.0/24"}, 400, "does not match the specified"),
        ({"cores": 15}, 503, "CPU overcommit ratio is 1.0 and there are 14 available resources"),
    ],
)
def test_what_is_refused(admin, values, status, told):
    host = added(admin, LXD)
    composed(admin, host, cores=2)
    before = len(admin.region.rows("machines"))
    answer = admin.post(f"vm-hosts/{host['id']}/?op=compose", **values)
    assert answer.status == status
    assert told in answer.text.replace('\\"', '"')
    assert len(admin.region.rows("machines")) == before


def test_interfaces_are_chosen(admin):
    asked = "lan0:subnet_cidr=10.0.0.0/24;lan1:ip=10.0.0.77"
    found = composed(admin, added(admin, LXD), interfaces=asked)
    assert [nic["name"] for nic in found["interface_set"]] == ["lan0", "lan1"]
    (link,) = found["interface_set"][1]["links"]
    assert (link["mode"], link["ip_address"]) == ("auto", "10.0.0.77")


def test_lxd_needs_a_network_with_dhcp(admin):
    host = added(admin, LXD)
    for vlan in admin.region.rows("vlans").values():
        vlan["dhcp_on"] = False
    answer = admin.post(f"vm-hosts/{host['id']}/?op=compose")
    assert (answer.status, "No host network" in answer.text) == (503, True)


@pytest.mark.parametrize(("decompose", "left"), [("", 1), ("true", 0)])
def test_a_deleted_host_takes_its_machines_along(admin, decompose, left):
    host = added(admin, LXD)
    composed(admin, host, hostname="vm-1")
    assert admin.delete(f"vm-hosts/{host['id']}/?decompose={decompose}").status == 204
    assert admin.get("machines/").json == []
    added(admin, LXD)  # finds the virtual machine that was left
    assert len(admin.get("machines/?hostname=vm-1").json) == left


@pytest.mark.parametrize(
    ("release", "kinds", "names"),
    [
        ("2.9", ("install_kvm",), ["m1"]),
        ("3.7", ("register_vmhost",), ["m1"]),
        ("3.7", ("install_kvm", "register_vmhost"), ["m1-virsh", "m1-lxd"]),
    ],
)
def test_a_machine_is_deployed_as_one(release, kinds, names):
    admin = region(release, vm_hosts=False)
    made = admin.post("machines/", hostname="m1", architecture="amd64", power_type="ipmi",
                      mac_addresses="52:54:00:00:01:01", commission="true",
                      power_parameters_power_address="10.0.0.7").json  # fmt: skip
    nic = {"name": "eth0", "mac_address": "52:54:00:00:01:01", "address": "10.0.0.5/24"}
    hardware.commissioned(admin.region, made["system_id"], interfaces=[nic], cpu_count=4,
                          memory=8192, disks=[{"name": "sda", "size": 10**11}])  # fmt: skip
    path = f"machines/{made['system_id']}/"
    admin.post(f"{path}?op=deploy", **dict.fromkeys(kinds, "true"))
    admin.clock.wait(2)
    assert admin.get(path).json["status"] == machines.DEPLOYED
    hosts = admin.get("vm-hosts/").json
    assert [one["name"] for one in hosts] == names
    assert {one["host"]["system_id"] for one in hosts} == {made["system_id"]}
    answer = admin.post(f"{path}?op=release")
    assert (answer.status, answer.text) == (
        400, f"The following VM hosts must be removed first: {', '.join(names)}"
    )  # fmt: skip
    for one in hosts:
        assert admin.delete(f"vm-hosts/{one['id']}/").status == 204
    assert admin.get(path).json["status"] == machines.DEPLOYED
    assert admin.post(f"{path}?op=release").status == 200
