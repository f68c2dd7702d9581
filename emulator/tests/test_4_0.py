"""What a region of 4.0 has taken away."""

from __future__ import annotations

import pytest
from maas_emulator import machines
from maas_emulator.core import Region

from .calls import Caller

PATHS = ("pods/", "pods/1/", "vm-hosts/", "vm-hosts/1/", "vm-clusters/", "vm-clusters/1",
         "virtual-machines/", "virtual-machines/1")  # fmt: skip


@pytest.fixture
def admin():
    return Caller(Region("4.0"))


@pytest.mark.parametrize("path", PATHS)
def test_vm_hosts_are_gone(admin, path):
    answer = admin.get(path)
    assert answer.status == 410
    assert answer.text == "VM host (KVM) support has been removed from MAAS."
    assert answer.content_type == "text/plain; charset=utf-8"
    assert Caller(Region("3.8")).get(path).status in (200, 404)


def test_whoever_asks_and_whatever_is_asked(admin):
    admin.region.create_user("joe", "x", "joe@example.com")
    joe = Caller(admin.region, admin.region.new_api_key("joe"))
    asked = (joe.post("vm-hosts/", type="lxd"), joe.delete("pods/1/"), joe.put("vm-clusters/1"),
             joe.post("vm-hosts/1/?op=refresh"), joe.get("pods/1/?op=parameters"))  # fmt: skip
    assert [answer.status for answer in asked] == [410] * len(asked)
    assert admin.put("pods/").status == 405
    assert admin.post("pods/1/?op=odd").status == 400
    assert Caller(admin.region, "").get("pods/").status == 401


@pytest.mark.parametrize("name", ["install_rackd", "install_kvm", "register_vmhost"])
def test_machines_become_no_hosts(admin, name):
    answer = admin.post("machines/?op=allocate", **{name: "true"})
    text = f"Support for {name} allocation parameter has been removed."
    assert (answer.status, answer.text) == (400, text)


def test_machines_have_no_pods(admin):
    machines.new(admin.region, system_id="abc123")
    assert {"pod", "virtualmachine_id"}.isdisjoint(admin.get("machines/abc123/").json)
    for constraint in ("pod", "not_pod", "pod_type", "not_pod_type"):
        answer = admin.get(f"machines/?{constraint}=x")
        assert (answer.status, answer.json) == (400, {constraint: ["No such constraint."]})


def test_the_rest_is_as_before(admin):
    assert admin.get("version/").json["version"] == "4.0.0"
    assert admin.get("groups/").status == 200
    assert admin.get("dhcp-snippets/").status == 200
