"""The emulator of 1.9 against what a real 1.9.5 answered, every exchange of it."""

from __future__ import annotations

import pytest
from harness import Lab, differences, load, report
from harness_1x import (
    answer_for_clusters,
    import_images,
    let_time_pass,
    register_clusters,
    settled,
    short_id,
    signed_by,
)
from maas_emulator.server import RegionServer

#: Exchanges that are answered differently, and why.
KNOWN = {
    "19-418": "it describes what the emulator serves, in the emulator's words",
}

#: Contents of files, and of fields sent in multipart, which the recording does not hold.
FILES = {
    "19-069": {"name": "multi.example.com"},
    "19-175": {"keyring_data": b"\x99\x01keyring"},
    "19-177": {"keyring_data": b"\x99\x01keyring"},
    "19-181": {"keyring_data": b"asciikeyring"},
    "19-214": {"content": b"x" * 100},
    "19-215": {"content": b"y" * 100},
    "19-380": {"file": b"hello"},
    "19-381": {"file": b"hello2"},
    "19-383": {"file": b"hello"},
    "19-402": {"content": b"#!/bin/sh\necho"},
}
OTHER_CONTENT = {"content": b"z" * 50}


def register_clusters_with_networks(lab):
    register_clusters(lab, ("10.0.1.1", "10.0.2.1"))


BEFORE = {
    "19-033": register_clusters_with_networks,
    "19-156": answer_for_clusters,
    "19-190": let_time_pass,
    "19-213": import_images,
}


@pytest.fixture(scope="module")
def results():
    found = {}
    with RegionServer(release="1.9.5", hostname="vm") as server:
        lab = Lab(server)
        for exchange in load("maas-1.9.5.jsonl"):
            short = short_id(exchange)
            BEFORE.get(short, lambda lab: None)(lab)
            files = FILES.get(short, OTHER_CONTENT if exchange.files else {})
            answer = lab.send(exchange, signed_by(lab, exchange), files=files)
            lab.learn(exchange.body, answer[2])
            exchange.body = settled(exchange.body)
            found[short] = differences(exchange, (*answer[:2], settled(answer[2])))
    return found


def test_recording(results):
    matched, total = report("maas-1.9.5", results, KNOWN)
    assert total == 405
    assert matched / total >= 0.98
