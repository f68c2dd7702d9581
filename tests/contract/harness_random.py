"""Replays random sequences of requests that were sent to a running 3.7.3."""

from __future__ import annotations

import re

from harness import Key, Lab, differences, load
from maas_emulator.server import RegionServer

_RACK = re.compile(
    r"(?P<hostname>rack-\w+) system_id (?P<system_id>\w+) (?P<name>eth\d)"
    r" (?P<mac>[0-9a-f:]{17}) (?P<ip>[0-9.]+)/(?P<subnet_mask>\d+) on fabric-(?P<fabric>\d+)"
)


def seed(lab, note):
    """Make what the first row of such a recording says was there before.

    Args:
        lab: Laboratory with a fresh region.
        note: Text of that row.
    """
    region = lab.region
    for name, is_superuser in (("second", True), ("plain", False)):
        region.create_user(name, name, f"{name}@example.com", is_superuser)
        lab.keys[name] = region.new_api_key(name)
    found = [match.groupdict() for match in _RACK.finditer(note)]
    for rack in sorted(found, key=lambda rack: int(rack.pop("fabric"))):
        hostname, system_id = rack.pop("hostname"), rack.pop("system_id")
        region.register_controller(hostname=hostname, system_id=system_id, interfaces=[rack])
        region.controller_connected(system_id, True)
    for row in region.rows("racks").values():  # of whose services nothing but rackd was there
        row.update(version=None, services="rackd")


def replay(name):
    """Send all requests of a random sequence to a fresh region.

    Args:
        name: File name of the recording, or its path.

    Yields:
        (exchange, answer, list of differences).
    """
    exchanges = load(name)
    with RegionServer(release="3.7.3", hostname="vm") as server:
        lab = Lab(server)
        seed(lab, exchanges[0].note)
        for exchange in exchanges:
            signer = "plain" if "-nonadmin-" in exchange.id else "admin"
            answer = lab.send(exchange, Key(lab.keys[signer]))
            lab.learn(exchange.body, answer[2])
            yield exchange, answer, differences(lab.as_here(exchange), answer)
