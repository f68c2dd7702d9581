"""What a test tells the machines of an emulated region to do."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from maas_emulator.core import Region

from .calls import Caller, Clock

DISK = {"name": "sda", "size": 10**11, "model": "M", "serial": "S"}
NIC = {"name": "ens3", "mac_address": "52:54:00:00:01:01", "address": "10.0.0.5/24"}


@pytest.fixture
def admin():
    region = Region("3.7", import_seconds=0, index_seconds=0, machine_seconds=float("inf"))
    caller = Caller(region)
    caller.clock = Clock(region)
    caller.post("boot-resources/?op=import")
    caller.get("version/")
    caller.post("subnets/", cidr="10.0.0.0/24", gateway_ip="10.0.0.1")
    rack = region.register_controller(
        hostname="rack",
        interfaces=[{"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
                     "subnet_mask": "255.255.255.0"}],
    )  # fmt: skip
    region.controller_connected(rack, True)
    return caller


@pytest.fixture
def machine(admin):
    """The system id of one that is being commissioned."""
    made = admin.post("machines/", hostname="m1", architecture="amd64", power_type="ipmi",
                      mac_addresses=NIC["mac_address"], power_parameters_power_address="10.0.0.9",
                      commission="true").json  # fmt: skip
    assert made["status_name"] == "Commissioning"
    return made["system_id"]


def test_nothing_happens_by_itself(admin, machine):
    admin.clock.wait(100000)
    assert admin.get(f"machines/{machine}/").json["status_name"] == "Commissioning"


def test_commissioning_ends_well(admin, machine):
    hardware.commissioned(
        admin.region, machine, cpu_count=4, memory=8192, interfaces=[NIC], disks=[DISK]
    )
    found = admin.get(f"machines/{machine}/").json
    assert (found["status_name"], found["owner"], found["power_state"]) == ("Ready", None, "off")
    assert (found["cpu_count"], found["memory"], found["storage"]) == (4, 8192, 100000.0)
    assert found["ip_addresses"] == ["10.0.0.5"]
    (nic,) = found["interface_set"]
    assert (nic["name"], [link["mode"] for link in nic["links"]]) == ("ens3", ["auto"])
    assert found["boot_disk"]["partitions"][0]["filesystem"]["mount_point"] == "/"
    assert found["commissioning_status_name"] == "Passed"


@pytest.mark.parametrize(
    ("status", "name", "fixed"), [(2, "Failed commissioning", 409), (8, "Broken", 200)]
)
def test_commissioning_does_not_end_well(admin, machine, status, name, fixed):
    hardware.update(admin.region, machine, status=status)
    assert admin.get(f"machines/{machine}/").json["status_name"] == name
    assert admin.post(f"machines/{machine}/?op=mark_fixed").status == fixed


def test_deployment_that_fails(admin, machine):
    hardware.commissioned(admin.region, machine, interfaces=[NIC], disks=[DISK])
    assert admin.post(f"machines/{machine}/?op=deploy").json["status_name"] == "Deploying"
    hardware.update(admin.region, machine, status=11)
    assert admin.get(f"machines/{machine}/").json["status_name"] == "Failed deployment"
    hardware.update(admin.region, machine, status=6, power_state="on")
    answer = admin.get(f"machines/{machine}/?op=query_power_state").json
    assert answer == {"state": "on"}


def test_hardware_that_is_found_without_the_rest(admin, machine):
    hardware.detected(admin.region, machine, cpu_count=8, memory=1024, cores=8, disks=[DISK])
    found = admin.get(f"machines/{machine}/").json
    assert (found["status_name"], found["cpu_count"]) == ("Commissioning", 8)
    assert found["numanode_set"][0]["memory"] == 1024
    with pytest.raises(KeyError):
        hardware.detected(admin.region, "nobody", cpu_count=1)


def test_user_data_is_what_the_last_deployment_sent(admin, machine):
    hardware.commissioned(admin.region, machine, interfaces=[NIC], disks=[DISK])
    assert hardware.user_data(admin.region, machine) is None
    sent = "I2Nsb3VkLWNvbmZpZwo="
    done = admin.post(f"machines/{machine}/?op=deploy", user_data=sent)
    assert sent not in done.text
    assert hardware.user_data(admin.region, machine) == b"#cloud-config\n"
    hardware.update(admin.region, machine, status=4, owner=None)
    admin.post(f"machines/{machine}/?op=deploy")
    assert hardware.user_data(admin.region, machine) is None
