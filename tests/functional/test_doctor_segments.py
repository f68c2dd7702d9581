"""What the doctor hears on real interfaces: DHCP, ARP and a bridge that speaks spanning tree."""

from __future__ import annotations

import time

import pytest
from maas_emulator.hosts import sandbox
from support.segment import Segment

PROGRAM = """
import json
from saltext.maas import doctor
from saltext.maas.host.installation import detect
found = doctor.examine_cluster(detect({root!r}), interfaces=["eth0"], addresses={addresses!r},
                               seconds={seconds!r})
print(json.dumps(found))
"""


@pytest.fixture
def segment():
    with Segment() as segment:
        segment.host("rack", "192.0.2.2/24")
        segment.host("machine", "192.0.2.20/24")
        yield segment


@pytest.fixture
def examine(segment, tmp_path):
    box = sandbox.create(tmp_path / "rack", "3.7", "cluster")

    def run(addresses=(), seconds=1.5):
        text = PROGRAM.format(root=str(box.root), addresses=addresses, seconds=seconds)
        findings = segment.python("rack", text)["findings"]
        return {one["check"]: one for one in findings}

    run.box = box
    return run


def test_a_quiet_segment_is_well(examine):
    found = examine()
    assert found["DHCP on eth0"]["status"] == "ok"
    assert found["switch port of eth0"]["status"] == "ok"
    assert "machines on eth0" not in found  # none is known, so none is asked for


def test_another_dhcp_server_is_found(segment, examine):
    segment.serve_dhcp("machine", "192.0.2.20")
    found = examine()["DHCP on eth0"]
    assert found["status"] == "problem"
    assert "192.0.2.20 (offered 192.0.2.77)" in found["found"]
    assert "Switch it off" in found["remedy"]


def test_maas_own_dhcp_servers_are_no_strangers(segment, examine, tmp_path):
    segment.serve_dhcp("machine", "192.0.2.3")
    config = tmp_path / "rack/var/lib/maas/dhcpd.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('failover peer "failover-partner" {\n  peer address 192.0.2.3;\n}\n')
    found = examine()["DHCP on eth0"]
    assert (found["status"], found["found"]) == (
        "ok",
        "Only MAAS's own DHCP answers: 192.0.2.3.",
    )


def test_machines_elsewhere_are_found_by_arp(examine):
    assert examine(["192.0.2.20"])["machines on eth0"]["status"] == "ok"
    found = examine(["192.0.2.20", "192.0.2.99"], 0.5)["machines on eth0"]
    assert found["status"] == "problem"
    assert "from 192.0.2.99." in found["found"]


def test_leased_addresses_are_asked_for(examine, tmp_path):
    leases = tmp_path / "rack/var/lib/maas/dhcp/dhcpd.leases"
    leases.parent.mkdir(parents=True, exist_ok=True)
    leases.write_text(
        "lease 192.0.2.20 {\n  binding state active;\n}\n"
        "lease 192.0.2.98 {\n  binding state active;\n}\n"
        "lease 192.0.2.98 {\n  binding state free;\n}\n"
        "lease 198.51.100.7 {\n  binding state active;\n}\n"
    )
    found = examine()["machines on eth0"]
    assert (found["status"], found["found"]) == ("ok", "All 1 answer on the segment.")


def test_a_switch_port_with_spanning_tree_is_found(segment, examine):
    segment.switch(
        "link", "set", "br0", "type", "bridge",
        "stp_state", "1", "hello_time", "100", "forward_delay", "200",
    )  # fmt: skip
    segment.switch("link", "set", "rack", "down")
    segment.switch("link", "set", "rack", "up")
    began = time.monotonic()
    found = examine(["192.0.2.20"], 1.5)
    seen = found["switch port of eth0"]
    assert seen["status"] == "warning"
    assert "forwarding delay of 2 s" in seen["found"]
    assert "PortFast" in seen["remedy"]
    # What the port is said to do is what it does: nothing passes until two delays are over.
    assert found["machines on eth0"]["status"] == "problem"
    while examine(["192.0.2.20"], 0.5)["machines on eth0"]["status"] == "problem":
        assert time.monotonic() - began < 30
