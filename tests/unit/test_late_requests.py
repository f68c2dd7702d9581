"""Requests that a gateway gave up, and that MAAS carries out after the run has sent others."""

from __future__ import annotations

import pytest
from saltext.maas.reconcile import apply
from saltext.maas.reconcile.run import Run
from support import campaign
from support.campaign_pillars import MACS
from support.faults import FaultyProxy, first
from support.reconciling import SHORT, carried_out, errors, planned, snapshot_of

pytestmark = pytest.mark.usefixtures("impatient")

NETWORK = {
    "fabrics": {"dc1": {"vlans": {5: None}}},
    "subnets": {"10.20.0.0/24": {"vlan": "dc1/untagged"}, "10.30.0.0/24": {"vlan": "dc1/5"}},
}
MAC = "52:54:00:00:07:09"


def printer(*addresses):
    own = {"mac_addresses": [MAC], "ip_addresses": list(addresses)}
    return {**NETWORK, "devices": {"printer": own}}


def machine(**values):
    return {**NETWORK, "machines": {"web-1": {"mac_addresses": list(MACS), **values}}}


@pytest.fixture(scope="module")
def server():
    server = campaign.new_region(campaign.Case("machines", "3.7"))
    yield server
    server.stop()


@pytest.fixture
def late(monkeypatch):
    """Applies a pillar while one request is carried out when the run waits for such."""

    def apply_late(server, described, method, path):
        choose = first("504-carried-out-later", method=method, path=path)
        with FaultyProxy(server, choose, later=None) as proxy:
            monkeypatch.setattr(Run, "settle", lambda run: proxy.wait_for_late())
            _apply(proxy, server, described)

    return apply_late


def _apply(proxy, server, described):
    """The region is as described, or the run says what is not, and the next one corrects it."""
    snapshot, plan = planned(server, described, snapshot_of(server, proxy.url))
    apply(snapshot, plan, SHORT)
    assert len(proxy.faults) == 1
    proxy.wait_for_late()
    assert bool(errors(plan)) == bool(planned(server, described)[1].changes), errors(plan)
    carried_out(server, described)


@pytest.mark.parametrize(("before", "after", "method", "path"), [
    (None, "10.20.0.30", "POST", "/devices/"),
    (None, "10.20.0.30", "POST", "op=link_subnet"),
    ("10.20.0.30", "10.20.0.31", "POST", "op=unlink_subnet"),
    ("10.20.0.30", "10.20.0.31", "POST", "op=link_subnet"),
    ("10.20.0.30", "10.30.0.31", "PUT", "/interfaces/"),
])  # fmt: skip
def test_a_late_address_of_a_device(region, late, before, after, method, path):
    carried_out(region, printer(before) if before else NETWORK)
    late(region, printer(after), method, path)


def test_an_earlier_answer_about_an_interface(region):
    carried_out(region, printer("10.20.0.30"))
    with FaultyProxy(region, first("another-object", path="op=link_subnet")) as proxy:
        _apply(proxy, region, printer("10.20.0.31"))


@pytest.mark.parametrize(("described", "path"), [
    ({"interfaces": {"ens0": {"vlan": "dc1/untagged", "links": [
        {"mode": "auto", "subnet": "10.20.0.0/24"}]}}}, "op=link_subnet"),
    ({"storage": {"disks": {"sda": {"partitions": [{"size": "512MiB"}]}}}}, "/partitions/"),
    ({"storage": {"special": [{"fs": "tmpfs", "mount": "/tmp"}]}}, "op=mount_special"),
])  # fmt: skip
def test_a_late_request_for_a_part_of_a_machine(server, late, described, path):
    carried_out(server, NETWORK)
    late(server, machine(**described), "POST", path)
