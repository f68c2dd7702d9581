"""Devices: found by name or MAC address, with their interfaces and static addresses."""

from __future__ import annotations

import pytest
from maas_emulator import machines
from maas_emulator.machine_forms import default_domain
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import desired_object
from support.reconciling import carried_out, carried_out_and_true, planned, problems_of, snapshot_of

MAC, OTHER = "52:54:00:00:00:31", "52:54:00:00:00:32"
NETWORKS = {
    "fabrics": {"lab": {"vlans": {20: {}}}},
    "subnets": {
        "10.10.0.0/24": {"vlan": "lab/0"}, "10.11.0.0/24": {"vlan": "lab/0"},
        "10.20.0.0/24": {"vlan": "lab/20"},
    },
    "domains": {"example.com": {}}, "zones": {"north": {}},
}  # fmt: skip


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            servers[release] = RegionServer(release).__enter__()
            if release >= "2.0":
                carried_out(servers[release], NETWORKS)
        return servers[release]

    yield of_release
    for server in servers.values():
        server.__exit__(None, None, None)


@pytest.fixture(params=("2.0", "2.9", "3.7", "3.8"))
def server(request, regions):
    server = regions(request.param)
    yield server
    server.region.rows("devices").clear()


def device(name="printer-1", absent=False, **values):
    return [desired_object("device", {"hostname": name, **values}, "here", absent=absent)]


def held(server, name="printer-1"):
    return snapshot_of(server).records("device")[name].raw


@pytest.mark.parametrize("release", ["1.8", "1.9", "1.10"])
def test_releases_before_2_0_know_name_and_mac_address(release, regions):
    server = regions(release)
    carried_out_and_true(server, device(mac_addresses=[MAC]))
    carried_out_and_true(server, device("plotter", mac_addresses=[MAC]))
    (told,) = problems_of(server, device("plotter", mac_addresses=[OTHER]))
    assert told.endswith("cannot change mac_addresses of a device")
    carried_out(server, device("plotter", absent=True))
    assert snapshot_of(server).records("device") == {}


def test_it_is_created_renamed_rewired_and_deleted(server):
    carried_out_and_true(server, device(mac_addresses=[MAC], ip_addresses=["10.10.0.9"]))
    ident = held(server)["system_id"]
    # One that has another name is found by its MAC address.
    carried_out_and_true(server, device("plotter", mac_addresses=[MAC.replace(":", "-"), OTHER]))
    carried_out_and_true(server, device("plotter", ip_addresses={
        MAC: ["10.10.0.10", "10.11.0.9"], OTHER: ["10.20.0.9"],
    }))  # fmt: skip
    # To another VLAN, and without an interface.
    carried_out_and_true(
        server,
        device("plotter", mac_addresses=[OTHER], ip_addresses=["10.10.0.10"], domain="example.com"),
    )
    assert held(server, "plotter")["system_id"] == ident
    carried_out_and_true(server, device("plotter", ip_addresses=[]))
    carried_out(server, device("plotter", absent=True))
    assert snapshot_of(server).records("device") == {}


def test_what_cannot_be_is_told_before_anything_is_sent(server):
    assert problems_of(server, device()) == [
        "device printer-1: mac_addresses is missing; a new device needs it"
    ]
    assert problems_of(server, device(mac_addresses=[MAC], ip_addresses=["192.0.2.1"])) == [
        "device printer-1: no subnet of the region or of the pillar has 192.0.2.1; describe one"
    ]
    several = ["10.10.0.9", "10.20.0.9"]
    assert problems_of(server, device(mac_addresses=[MAC], ip_addresses=several)) == [
        f"device printer-1: the subnets of 10.10.0.9, 10.20.0.9, for {MAC}, are in several VLANs"
    ]


@pytest.mark.parametrize("release", ["3.7", "3.8"])
def test_one_that_belongs_to_a_machine_keeps_it_and_its_domain(release, regions):
    server = regions(release)
    row = machines.new(server.region, hostname="web-1", domain=default_domain(server.region))
    carried_out_and_true(server, device("card", mac_addresses=[MAC], parent="web-1"))
    # MAAS refuses each change that does not say the parent again.
    carried_out_and_true(server, device("card", description="console"))
    carried_out_and_true(server, device("cards", mac_addresses=[MAC], domain="example.com"))
    assert held(server, "cards")["parent"] == row["system_id"]
    with pytest.raises(BadInput, match="parent: cannot be cleared"):
        planned(server, device("cards", parent=""))
    carried_out(server, device("cards", absent=True))


@pytest.mark.parametrize("release", ["3.7", "3.8"])
def test_one_of_another_user_is_not_for_administrators_from_3_8_on(release, regions):
    server = regions(release)
    server.region.create_user("ops", "x", "ops@example.com")
    carried_out(server, device(mac_addresses=[MAC]))
    for row in server.region.rows("devices").values():
        row["owner"] = "ops"
    if release == "3.7":
        carried_out_and_true(server, device(description="second floor"))
        carried_out(server, device(absent=True))
        return
    told = [
        "device printer-1: it belongs to the user ops, and MAAS allows nobody else to change or "
        "delete it; use an API key of that user"
    ]
    assert problems_of(server, device(description="second floor")) == told
    assert problems_of(server, device(absent=True)) == told
    assert problems_of(server, device(mac_addresses=[MAC])) == []  # nothing to do


def test_all_are_read_at_once_and_exported(regions):
    server = regions("3.7")
    data = {"devices": {
        f"many-{number}": {
            "mac_addresses": [f"52:54:00:00:02:{number:02x}"],
            "ip_addresses": {f"52:54:00:00:02:{number:02x}": [f"10.11.0.{number + 1}"]},
            "domain": "example.com", "zone": "north",
        }
        for number in range(20)
    }}  # fmt: skip
    carried_out(server, data)
    server.requests.reset()
    assert planned(server, data)[1].shown() == {}
    assert server.requests.count("GET", "devices/") == 1
    assert server.requests.count() == 4  # with release, domains and zones
    assert pillar.export(snapshot_of(server)).described["devices"] == data["devices"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"mac_addresses": ["red"]}, "mac_addresses: .*must be a list of MAC addresses"),
        ({"ip_addresses": ["10.10.0.9"]}, "must be {MAC: .IP.} where mac_addresses is not given"),
        ({"mac_addresses": [MAC], "ip_addresses": {OTHER: ["10.10.0.9"]}},
         f"ip_addresses: '{OTHER}' must be one of mac_addresses"),
        ({"ip_addresses": {MAC: "house"}}, "ip_addresses: .*must be a list of IP addresses"),
    ],
)  # fmt: skip
def test_bad_values_are_refused(values, told, regions):
    with pytest.raises(BadInput, match=told):
        planned(regions("3.7"), device(**values))
