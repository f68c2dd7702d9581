"""The emulator of 1.7 against what a real 1.7.3 answered, every exchange of it."""

from __future__ import annotations

import pytest
from harness import Lab, differences, load, report
from harness_1x import (
    A,
    B,
    C,
    answer_for_clusters,
    import_images,
    let_time_pass,
    register_clusters,
    settled,
    short_id,
    signed_by,
)
from maas_emulator.api1 import catalogue, groups
from maas_emulator.server import RegionServer

#: Exchanges that are answered differently, and why.
KNOWN = {
    "17-414": "it describes what the emulator serves, in the emulator's words",
}

#: Contents of files, and of fields sent in multipart, which the recording does not hold.
FILES = {
    "17-069": {"name": "multi.example.com"},
    "17-175": {"keyring_data": b"\x99\x01keyring"},
    "17-177": {"keyring_data": b"\x99\x01keyring"},
    "17-181": {"keyring_data": b"asciikeyring"},
    "17-376": {"file": b"hello"},
    "17-377": {"file": b"hello2"},
    "17-379": {"file": b"hello"},
    "17-398": {"content": b"#!/bin/sh\necho"},
    "17-b004": {"content": b"x" * 100},
    "17-b005": {"content": b"y" * 100},
}
OTHER_CONTENT = {"content": b"z" * 50}

# -- what the laboratory did before and in between ---------------------------------------------


def import_without_installer(lab):
    import_images(lab, installer=False)


def import_with_installer(lab):
    for row in lab.region.rows(catalogue.RESOURCES).values():
        for name in ("di-kernel", "di-initrd"):
            row["sets"][-1]["files"].append(catalogue.new_file(lab.region, name, 28, "", 28))


def add_tag(lab):
    """Not recorded, but there in the next exchange."""
    lab.region.rows("tags").add(
        {"name": "n1tag", "comment": "", "definition": "", "kernel_opts": ""}
    )


BEFORE = {
    "17-033": register_clusters,
    "17-156": answer_for_clusters,
    "17-190": let_time_pass,
    "17-213": import_without_installer,
    "17-b004": import_with_installer,
    "17-c040": add_tag,
}


def start(lab, series):
    """Bring a region to where a series of the recording starts."""
    if series == "main":
        return
    lab.region.create_user("joe", "joe", "joe@example.com")
    register_clusters(lab)
    one, two, three = (groups.find_group(lab.region, uuid) for uuid in (A, B, C))
    one.update(cluster_name="Cluster AA", name="multi.example.com", default_disable_ipv4=True)
    import_images(lab, installer=series != "b")
    if series in ("b", "c"):
        add_interface(lab, one, name="eth4", ip="10.4.0.1", subnet_mask="255.255.255.0",
                      broadcast_ip="10.4.0.255", ip_range_low="10.4.0.50",
                      ip_range_high="10.4.0.10", management=2)  # fmt: skip
    if series == "c":
        add_interface(lab, one, name="eth3", ip="10.3.0.1", subnet_mask="255.255.255.0",
                      broadcast_ip="10.3.0.255", ip_range_low="10.3.0.10",
                      ip_range_high="10.3.0.50", management=2)  # fmt: skip
        lab.region.rows("tags").add(
            {"name": "virtual", "comment": "c", "definition": "//node", "kernel_opts": ""}
        )
    if series == "nc":
        eth0 = groups.interfaces_of(lab.region, one)[0]
        eth0.update(ip_range_low="10.0.0.10", ip_range_high="10.0.0.60")
        eth0.update(static_ip_range_low="10.0.0.100", static_ip_range_high="10.0.0.150")
        three["status"] = groups.REJECTED
        for group in (one, two, three):
            group["connected"] = False


def add_interface(lab, group, **values):
    groups.add_interface(lab.region, group, {"interface": values["name"], **values})


# ----------------------------------------------------------------------------------------------


def replay(series):
    """Replay one series against a region of its own: ``{id: [difference, ...]}``."""
    results = {}
    with RegionServer(release="1.7.3", hostname="vm") as server:
        lab = Lab(server)
        start(lab, series)
        for exchange in load("maas-1.7.3.jsonl"):
            if exchange.series != series:
                continue
            short = short_id(exchange)
            BEFORE.get(short, lambda lab: None)(lab)
            files = FILES.get(short, OTHER_CONTENT if exchange.files else {})
            if not exchange.files and needs_multipart(exchange):
                exchange.files = ["multipart, though without any file"]
            answer = lab.send(exchange, signed_by(lab, exchange), files=files)
            lab.learn(exchange.body, answer[2])
            exchange.body = settled(exchange.body)
            results[short] = differences(exchange, (*answer[:2], settled(answer[2])))
    return results


def needs_multipart(exchange):
    """Whether it was a create that only works with multipart, sent without a file."""
    form = exchange.form and "urlencoded" not in exchange.id
    return form and exchange.endpoint in ("boot-resources", "license-keys")


@pytest.fixture(scope="module")
def results():
    found = {}
    for series in ("main", "b", "c", "nc"):
        found.update(replay(series))
    return found


def test_recording(results):
    matched, total = report("maas-1.7.3", results, KNOWN)
    assert total == 527
    assert matched / total >= 0.98
