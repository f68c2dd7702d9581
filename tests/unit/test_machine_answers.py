"""Machines in answers with values of other types than MAAS's: each is named."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from maas_emulator import hardware
from saltext.maas.client import Client, Profile, answers
from saltext.maas.errors import StrangeAnswer
from saltext.maas.machines import instances, lifecycle, view
from saltext.maas.reconcile import desired_object
from support.machine_lab import machine_region
from support.reconciling import planned

STORAGE = {"disks": {"sda": {"partitions": [{"size": "20G", "fs": "ext4", "mount": "/"}]}}}
DESCRIBED = {
    "mac_addresses": ["52:54:00:00:00:21"], "tags": [], "storage": STORAGE,
    "interfaces": {"eth0": {"links": [{"mode": "dhcp"}]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with machine_region("3.7") as server:
        ident = server.machine("web-1", "52:54:00:00:00:21")
        hardware.update(server.region, ident, owner="admin", status=4)
        yield server


def answering(monkeypatch, path, value):
    """Let machines in all answers have this value."""

    def loads(text):
        found = json.loads(text)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict) and "interface_set" in one:
                at = one
                for key in path[:-1]:
                    at = at[key]
                at[path[-1]] = value
        return found

    monkeypatch.setattr(answers, "json", SimpleNamespace(loads=loads))


NIC, DISK = ("interface_set", 0), ("blockdevice_set", 0)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("pool",), "x", "pool is a text, not an object or null"),
        (("tag_names",), [1], "tag_names[0] is a whole number, not a text"),
        (("fqdn",), ["x"], "fqdn is a list"),
        (("hardware_info",), [1], "hardware_info is a list"),
        (("hardware_info",), {"system_serial": []}, "hardware_info"),
        (("default_gateways", "ipv4"), 7, "default_gateways"),
        (("owner_data",), "x", "owner_data is a text"),
        (("special_filesystems",), "x", "special_filesystems is a text"),
        (NIC, [1], "interface_set"),
        ((*NIC, "vlan"), {"id": 1, "vid": None, "fabric": "x"}, "interface_set"),
        ((*NIC, "type"), [1], "interface_set"),
        ((*NIC, "links", 0, "subnet"), 7, "interface_set"),
        ((*DISK, "size"), [1], "blockdevice_set"),
        ((*DISK, "used_for"), {"a": 1}, "blockdevice_set"),
        ((*DISK, "model"), [1], "blockdevice_set"),
        ((*DISK, "tags"), [1], "blockdevice_set"),
        ((*DISK, "filesystem"), "ext4", "blockdevice_set"),
        ((*DISK, "partitions"), [7], "blockdevice_set"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named(server, monkeypatch, path, value, said):
    answering(monkeypatch, path, value)
    client = Client(Profile(server.url, server.api_key))
    wanted = [desired_object("machine", {"hostname": "web-1", **DESCRIBED}, "here")]
    ways = [
        lambda: planned(server, wanted)[1].shown(),
        lambda: [view.described(one) for one in lifecycle.all_listed(client)],
    ]
    if path[0] in ("pool", "fqdn", "owner_data"):
        ways.append(lambda: instances.listed(client))
    for way in ways:
        with pytest.raises(StrangeAnswer) as caught:
            way()
        assert said in str(caught.value)


@pytest.mark.parametrize("key", ["interface_speed", "link_connected", "mac_address"])
def test_values_of_a_later_release_are_no_hindrance(server, monkeypatch, key):
    answering(monkeypatch, (*NIC, key), "of a later release")
    wanted = [desired_object("machine", {"hostname": "web-1", "description": "x"}, "here")]
    assert list(planned(server, wanted)[1].shown()["machine"]["web-1"]) == ["description"]
    (found,) = lifecycle.all_listed(Client(Profile(server.url, server.api_key)))
    assert view.described(found)["interfaces"]
