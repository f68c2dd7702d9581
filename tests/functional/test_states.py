"""Every state through a real ``salt-call --local`` against an embedded region.

One state tree holds them all; it is planned, applied, applied again and undone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from maas_emulator.server import RegionServer
from support.salt_call import Minion

pytestmark = pytest.mark.salt
REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = "http://images.example.com/ephemeral-v3/stable/"
OLD_SOURCE = "http://images.example.com/ephemeral-v2/releases/"
SSH_KEY = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDK8Kgl0DaxVU9eIJjM2S6y50Yiqn8gtF7kCO3fXtvFCeThpn2z"
    "1c5fW46wOiYkAb87QMQ2alBd4ysrFXnjpEMB0pZSXEYrcv249APx7bMP26TjrFpXy46Tel2la7XCtwH1"
    "oubp6tg1Swx3vMVcmn2NYYBYWoIk+Wivo3JZhabQqw== ops"
)
UUID = "5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001"

NEW = {
    "maas_setting.present": [
        {"name": "upstream_dns", "value": ["192.0.2.53", "192.0.2.54"]},
        {"name": "enable_http_proxy", "value": False},
    ],
    "maas_user.present": [{"name": "ops", "email": "ops@example.com", "password": "pw-of-ops"}],
    "maas_space.present": [{"name": "dmz"}],
    "maas_fabric.present": [{"name": "dc1", "class_type": "10g"}],
    "maas_vlan.present": [
        {"name": "dc1/untagged", "space": "dmz"},
        {"name": "dc1/100", "vlan_name": "storage", "mtu": 9000},
    ],
    "maas_subnet.present": [
        {
            "name": "10.10.0.0/24", "vlan": "dc1/untagged", "gateway_ip": "10.10.0.1",
            "dns_servers": ["10.10.0.2"], "rdns_mode": "disabled",
        },
        {"name": "10.20.0.0/24", "vlan": "dc1/100", "subnet_name": "storage"},
    ],
    "maas_ip_range.present": [
        {"name": "10.10.0.100-10.10.0.150", "subnet": "10.10.0.0/24", "type": "dynamic"},
        {
            "name": "10.20.0.10-10.20.0.20", "subnet": "10.20.0.0/24", "type": "reserved",
            "comment": "printers",
        },
    ],
    "maas_zone.present": [{"name": "north", "description": "by the window"}],
    "maas_resource_pool.present": [{"name": "web"}],
    "maas_tag.present": [{"name": "gpu", "comment": "cards", "kernel_opts": "nomodeset"}],
    "maas_domain.present": [{"name": "example.com", "ttl": 300}],
    "maas_dns_resource.present": [{"name": "www.example.com", "ip_addresses": ["10.10.0.9"]}],
    "maas_dns_record.present": [
        {"name": "www.example.com", "rrtype": "TXT", "rrdata": "hello", "ttl": 60},
    ],
    "maas_static_route.present": [
        {"name": "10.20.0.0/24 via 10.10.0.1", "source": "10.10.0.0/24", "metric": 10},
    ],
    "maas_reserved_ip.present": [
        {"name": "10.20.0.77", "mac_address": "52:54:00:00:00:77", "comment": "printer"},
    ],
    "maas_ip_address.present": [{"name": "10.20.0.88"}],
    "maas_dhcp_snippet.present": [
        {"name": "ntp", "value": "option ntp-servers 192.0.2.1;", "subnet": "10.20.0.0/24"},
    ],
    "maas_package_repository.present": [
        {"name": "tools", "url": "http://repo.example.com/tools", "components": ["main"]},
    ],
    "maas_script.present": [
        {"name": "check-fans", "type": "testing", "timeout": 60, "script_parallel": "any",
         "script": "#!/bin/sh\necho ok\n"},
    ],
    "maas_ssh_key.present": [{"name": SSH_KEY}],
    "maas_ssh_key_source.present": [{"name": "gh:someone"}],
    "maas_notification.present": [{"name": "window", "message": "hi", "context": {"a": "b"}}],
    "maas_file.present": [{"name": "motd.txt", "content": "hello"}],
    "maas_region_controller.present": [{"name": "region", "description": "cellar"}],
    "maas_rack.present": [{"name": "rack-1", "connected": True, "description": "left row"}],
    "maas_dhcp.managed": [
        {"name": "dc1/untagged", "primary_rack": "rack-1"},
        {"name": "dc1/100", "relay_vlan": "dc1/untagged"},
    ],
    "maas_boot_source.present": [{"name": SOURCE}],
    "maas_boot_selection.present": [
        {"name": "ubuntu/jammy", "source": SOURCE, "arches": ["amd64"]}
    ],
    "maas_image.imported": [{"name": "ubuntu/jammy/amd64", "timeout": 30}],
    "maas_boot_resource.present": [{"name": "custom/rhel9/amd64", "path": "salt://all.sls"}],
    "maas_image.synced": [{"name": "rack-1", "images": ["ubuntu/jammy/amd64"], "timeout": 30}],
}  # fmt: skip
NEW_GONE = {
    "maas_boot_resource.absent": [{"name": "custom/rhel9/amd64"}],
    "maas_file.absent": [{"name": "motd.txt"}],
    "maas_notification.absent": [{"name": "window"}],
    "maas_ssh_key_source.absent": [{"name": "gh:someone"}],
    "maas_ssh_key.absent": [{"name": SSH_KEY}],
    "maas_script.absent": [{"name": "check-fans"}],
    "maas_package_repository.absent": [{"name": "tools"}],
    "maas_dhcp_snippet.absent": [{"name": "ntp"}],
    "maas_ip_address.absent": [{"name": "10.20.0.88"}],
    "maas_reserved_ip.absent": [{"name": "10.20.0.77"}],
    "maas_static_route.absent": [
        {"name": "10.20.0.0/24 via 10.10.0.1", "source": "10.10.0.0/24"},
    ],
    "maas_dns_record.absent": [{"name": "www.example.com", "rrtype": "TXT", "rrdata": "hello"}],
    "maas_dns_resource.absent": [{"name": "www.example.com"}],
    "maas_domain.absent": [{"name": "example.com"}],
    "maas_tag.absent": [{"name": "gpu"}],
    "maas_resource_pool.absent": [{"name": "web"}],
    "maas_zone.absent": [{"name": "north"}],
    "maas_setting.absent": [{"name": "upstream_dns"}],
    "maas_dhcp.absent": [{"name": "dc1/untagged"}, {"name": "dc1/100"}],
    # MAAS deletes no subnet in which a controller has an address.
    "maas_rack.absent": [{"name": "rack-1"}],
    "maas_ip_range.absent": [
        {"name": "10.10.0.100-10.10.0.150"}, {"name": "10.20.0.10-10.20.0.20"},
    ],
    "maas_subnet.absent": [{"name": "10.10.0.0/24"}, {"name": "10.20.0.0/24"}],
    "maas_vlan.absent": [{"name": "dc1/100"}],
    "maas_space.absent": [{"name": "dmz"}],
    "maas_fabric.absent": [{"name": "dc1"}],
    "maas_boot_selection.absent": [{"name": "ubuntu/jammy", "source": SOURCE}],
    "maas_boot_source.absent": [{"name": SOURCE}],
    "maas_user.absent": [{"name": "ops"}],
}  # fmt: skip
OLD = {
    "maas_zone.present": [{"name": "north", "description": "by the window"}],
    "maas_tag.present": [{"name": "gpu", "comment": "cards"}],
    "maas_network.present": [
        {"name": "office", "ip": "172.16.0.0", "netmask": "255.255.0.0", "vlan_tag": 5},
    ],
    "maas_commissioning_script.present": [{"name": "50-fans", "content": "#!/bin/sh\n"}],
    "maas_ssh_key.present": [{"name": SSH_KEY}],
    "maas_file.present": [{"name": "motd.txt", "content": "hello"}],
    "maas_setting.present": [{"name": "ntp_server", "value": "ntp.example.com"}],
    "maas_user.present": [{"name": "ops", "email": "ops@example.com", "password": "pw-of-ops"}],
    "maas_node_group.present": [
        {"name": UUID, "cluster_name": "east", "dns_zone": "east.example.com",
         "status": "accepted"},
    ],
    "maas_node_group_interface.present": [
        {
            "name": "eth0", "cluster": UUID, "management": "dhcp", "ip": "10.10.0.2",
            "subnet_mask": "255.255.255.0", "ip_range_low": "10.10.0.100",
            "ip_range_high": "10.10.0.150",
        },
    ],
    "maas_boot_source.present": [{"name": OLD_SOURCE}],
    "maas_boot_selection.present": [
        {"name": "ubuntu/trusty", "source": OLD_SOURCE, "arches": ["amd64"],
         "labels": ["release"]},
    ],
    "maas_image.imported": [{"name": "ubuntu/trusty/amd64", "timeout": 30}],
    "maas_image.synced": [{"name": UUID, "images": ["ubuntu/trusty/amd64"], "timeout": 30}],
}  # fmt: skip
OLD_GONE = {
    "maas_zone.absent": [{"name": "north"}],
    "maas_tag.absent": [{"name": "gpu"}],
    "maas_network.absent": [{"name": "office"}],
    "maas_commissioning_script.absent": [{"name": "50-fans"}],
    "maas_ssh_key.absent": [{"name": SSH_KEY}],
    "maas_file.absent": [{"name": "motd.txt"}],
    "maas_node_group_interface.absent": [{"name": "eth0", "cluster": UUID}],
    "maas_boot_selection.absent": [{"name": "ubuntu/trusty", "source": OLD_SOURCE}],
    "maas_boot_source.absent": [{"name": OLD_SOURCE}],
}


def minion_of(folder, server):
    return Minion(folder, {"url": server.url, "api_key": server.api_key})


@pytest.fixture
def new(tmp_path):
    with RegionServer("3.7", import_seconds=0.2, index_seconds=0.1, sync_seconds=0.1) as server:
        ident = server.region.register_controller(
            hostname="rack-1",
            interfaces=[
                {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.10.0.2",
                 "subnet_mask": "255.255.255.0"},
            ],
        )  # fmt: skip
        server.region.controller_connected(ident, True)
        yield minion_of(tmp_path, server), server


@pytest.fixture
def old(tmp_path):
    with RegionServer("1.7", import_seconds=0.2, index_seconds=0.1, sync_seconds=0.1) as server:
        server.region.register_controller(uuid=UUID, hostname="east", interfaces=[])
        yield minion_of(tmp_path, server), server


def failures(done):
    return {name: one["comment"] for name, one in done.items() if not one["result"]}


def check(minion, server, present, gone):
    planned = minion.apply(present, "test=True")
    assert not [one for one in planned.values() if one["result"] is False], planned
    assert not [entry for entry in server.region.log if entry.method != "GET"]

    done = minion.apply(present)
    assert failures(done) == {}
    assert any(one["changes"] for one in done.values())
    # Each state was planned upon what those before it would have done.
    differ = {
        name: (planned[name]["changes"], one["changes"])
        for name, one in done.items()
        if planned[name]["changes"] != one["changes"]
        and "maas_image.synced" not in name  # racks fetch what was imported by themselves
    }
    assert differ == {}

    server.requests.reset()
    again = minion.apply(present)
    assert failures(again) == {}
    assert not [one for one in again.values() if one["changes"]]
    assert server.requests.writes() == []
    reads = [(entry.path, entry.op) for entry in server.requests if entry.op != "get_config"]
    assert len(reads) == len(set(reads)), reads

    foreseen = minion.apply(present, "test=True")
    assert all(one["result"] for one in foreseen.values())

    planned = minion.apply(gone, "test=True")
    assert {
        name: one["comment"]
        for name, one in planned.items()
        if not one["changes"] or one["result"] is not None
    } == {}
    done = minion.apply(gone)
    assert all(one["changes"] and one["result"] for one in done.values()), [
        (name, one["comment"]) for name, one in done.items() if not one["changes"]
    ]
    again = minion.apply(gone)
    assert failures(again) == {}
    assert [name for name, one in again.items() if one["changes"]] == []


def test_states_of_api_2(new):
    check(*new, NEW, NEW_GONE)


def test_states_of_api_1(old):
    check(*old, OLD, OLD_GONE)


def test_images_of_1_5_are_the_clusters(tmp_path):
    with RegionServer("1.5", import_seconds=0.1) as server:
        server.region.register_controller(uuid=UUID, hostname="east", interfaces=[])
        server.region.controller_connected(UUID, True)
        minion = minion_of(tmp_path, server)
        images = ["ubuntu/trusty/amd64", "ubuntu/precise/*"]
        states = {
            "maas_node_group.present": [{"name": UUID, "status": "accepted"}],
            "maas_image.imported": [{"name": images[0], "timeout": 30}],
            "maas_image.synced": [{"name": UUID, "images": images, "timeout": 30}],
        }
        planned = minion.apply(states, "test=True")
        assert {one["result"] for one in planned.values()} == {None}, planned
        assert failures(minion.apply(states)) == {}
        listed, own, result = minion.calls(
            ("maas_image.list",), ("maas_image.list_cluster", UUID), ("maas_image.import",)
        )
        assert listed[images[0]]["clusters"] == [UUID]
        assert images[0] in own
        assert result == "Import of boot images started on all cluster controllers"


def test_execution_modules_of_api_2(new):
    minion, _ = new
    results = minion.calls(
        ("maas_api.version",),
        ("maas_fabric.set", "dc9"),
        ("maas_fabric.get", "dc9"),
        ("maas_fabric.list",),
        ("maas_api.get", "fabrics/"),
        ("maas_api.put", "fabrics/dc9/", {"name": "dc10"}),
        ("maas_fabric.delete", "dc10"),
        ("maas_fabric.delete", "dc10"),
        ("maas_setting.set", "upstream_dns", "192.0.2.1"),
        ("maas_setting.get", "upstream_dns"),
        ("maas_api.get", "maas/", {"op": "get_config", "name": "upstream_dns"}),
        ("maas_setting.list",),
        ("maas_rack.get", "rack-1"),
        ("maas_dhcp.list",),
        ("maas_image.list_cluster", "rack-1"),
        ("maas_image.import",),
        ("maas_image.importing",),
        ("maas_region.check_pillar", {"data": {"nonsense": 1}}),
        ("maas_dns_record.set", "maas", {"rrtype": "TXT", "rrdata": "hello"}),
        ("maas_dns_record.get", "maas", {"rrtype": "TXT", "rrdata": "hello"}),
        ("maas_dns_record.delete", "maas", {"rrtype": "TXT", "rrdata": "hello"}),
        ("maas_ssh_key.add", SSH_KEY),
        ("maas_ssh_key.list",),
        ("maas_script.list",),
        ("maas_region_controller.set", "region", {"description": "cellar"}),
        ("maas_discovery.list",),
        ("maas_discovery.clear", "neighbours"),
        ("maas_event.query", {"limit": 5}),
    )
    assert results[0]["release"] == "3.7.3"
    assert results[1] == {"dc9": {"old": None, "new": {"name": "dc9"}}}
    assert results[2]["name"] == "dc9"
    assert "dc9" in results[3]
    assert "dc9" in {fabric["name"] for fabric in results[4]}
    assert results[5]["name"] == "dc10"
    assert results[6:8] == [True, False]
    assert results[8]["upstream_dns"]["value"] == {"old": None, "new": "192.0.2.1"}
    assert results[9] == results[10] == results[11]["upstream_dns"] == "192.0.2.1"
    assert results[12]["connected"] is True
    assert results[13]["fabric-0/untagged"]["enabled"] is False
    assert results[14] == []
    assert results[15] == "Import of boot resources started"
    assert results[16] in (True, False)
    assert "maas:nonsense: unknown key" in results[17][0]
    assert results[18]["maas"]["old"] is None
    assert (results[19]["rrtype"], results[19]["rrdata"]) == ("TXT", "hello")
    assert results[20] is True
    assert next(iter(results[21].values()))["new"] == {"key": SSH_KEY}
    assert [one["key"] for one in results[22].values()] == [SSH_KEY]
    assert results[23]
    assert results[24]["region"]["description"]["new"] == "cellar"
    assert isinstance(results[25], list)
    assert results[26] is True
    assert isinstance(results[27], list)


WRONG = [
    ("maas_vlan.present", "dc1", {}, "must be FABRIC/VID"),
    ("maas_vlan.present", "dc1/5000", {}, "must be a VLAN id from 0 to 4094"),
    ("maas_vlan.present", "nowhere/100", {}, "is no fabric of the region"),
    ("maas_vlan.present", "fabric-0/untagged", {"mtu": 100}, "must be a whole number from 552"),
    ("maas_subnet.present", "10.0.0.1/24", {}, "must be a network"),
    ("maas_subnet.present", "10.9.0.0/24", {"gateway_ip": "x"}, "must be an IP address"),
    ("maas_ip_range.present", "10.9.0.1", {}, "must be START_IP-END_IP"),
    ("maas_boot_selection.present", "jammy", {"source": SOURCE}, "must be OS/RELEASE"),
    ("maas_setting.present", "nonsense", {"value": 1}, "nonsense is not a valid config"),
    ("maas_user.present", "eve", {"email": "ADMIN@example.com", "password": "x"},
     "belongs to user admin"),
    ("maas_user.present", "adam", {"email": "e@example.com"}, "password is missing"),
    ("maas_node_group.present", "x", {"cluster_name": "x"}, "has no node groups"),
    ("maas_dhcp.managed", "fabric-0/untagged", {"primary_rack": "nobody"}, "is no rack controller"),
]  # fmt: skip


def test_wrong_values_are_told_and_nothing_written(new):
    minion, server = new
    functions = {}
    for function, name, more, _ in WRONG:
        functions.setdefault(function, []).append({"name": name, **more})
    done = minion.apply(functions, chained=False)
    assert len(done) == len(WRONG)
    for function, name, _, message in WRONG:
        one = done[f"{function} {name}"]
        assert one["result"] is False, one
        assert message in one["comment"]
        assert "Traceback" not in one["comment"]
        assert one["changes"] == {}
    assert not [entry for entry in server.region.log if entry.method != "GET"]
