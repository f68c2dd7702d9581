"""The emulator of 1.5 against what a real 1.5.4 answered, every exchange of it."""

from __future__ import annotations

import pytest
from harness import Lab, differences, load, report
from harness_1x import settled, short_id, signed_by
from maas_emulator.api1 import groups
from maas_emulator.server import RegionServer

#: Exchanges that are answered differently, and why.
KNOWN = {
    "15-340": "it describes what the emulator serves, in the emulator's words",
}

#: Contents of files, and of fields sent in multipart, which the recording does not hold.
FILES = {
    "15-081": {"name": "multi.example.com"},
    "15-302": {"file": b"hello"},
    "15-303": {"file": b"hello2"},
    "15-305": {"file": b"hello"},
    "15-324": {"content": b"#!/bin/sh\necho"},
}


def lose_clusters(lab):
    """No cluster ran in the laboratory; whoever registered by hand answers nothing."""
    for group in groups.all_groups(lab.region):
        group["connected"] = False


BEFORE = {"15-058": lose_clusters, "15-284": lose_clusters}


@pytest.fixture(scope="module")
def results():
    found = {}
    with RegionServer(release="1.5.4", hostname="vm") as server:
        lab = Lab(server)
        for exchange in load("maas-1.5.4.jsonl"):
            short = short_id(exchange)
            BEFORE.get(short, lambda lab: None)(lab)
            answer = lab.send(exchange, signed_by(lab, exchange), files=FILES.get(short))
            lab.learn(exchange.body, answer[2])
            exchange.body = settled(exchange.body)
            found[short] = differences(exchange, (*answer[:2], settled(answer[2])))
    return found


def test_recording(results):
    matched, total = report("maas-1.5.4", results, KNOWN)
    assert total == 333
    assert matched / total >= 0.98
