"""The emulator of 1.7 against what a real 1.7.3 answered."""

from __future__ import annotations

import re

import pytest
from harness import Key, Lab, differences, load, report
from saltext.maas.emulator import api1_catalogue as catalogue
from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator.server import RegionServer

#: First segments of the paths that the emulator covers, or says nothing is there.
COVERED = {
    "version", "users", "account", "maas", "nodegroups", "boot-sources", "boot-resources",
    "boot-images", "license-keys", "license-key", "zones", "networks", "tags", "files", "devices",
    "events", "fabrics", "spaces", "subnets", "nosuch",
}  # fmt: skip

#: Exchanges that are answered differently, and why.
KNOWN = {
    "17-c011": "there are no machines",
    "17-c012": "there are no machines",
    "17-c039": "there are no machines",
    "17-c040": "there are no machines",
    "17-c041": "there are no machines",
}

A, B, C = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123")

#: Contents of files, and of fields sent in multipart, which the recording does not hold.
FILES = {
    "17-069": {"name": "multi.example.com"},
    "17-175": {"keyring_data": b"\x99\x01keyring"},
    "17-177": {"keyring_data": b"\x99\x01keyring"},
    "17-181": {"keyring_data": b"asciikeyring"},
    "17-376": {"file": b"hello"},
    "17-377": {"file": b"hello2"},
    "17-379": {"file": b"hello"},
    "17-b004": {"content": b"x" * 100},
    "17-b005": {"content": b"y" * 100},
}
OTHER_CONTENT = {"content": b"z" * 50}

KEYS = {
    "wrong key": "bad:TOKEN:SECRET",
    "wrong secret": "{consumer}:{token}:bad",
    "wrong token": "{consumer}:wrong:{secret}",
}


def short_id(exchange):
    return "-".join(exchange.id.split("-")[:2])


def covered(exchange):
    """Whether an exchange is about something that the emulator claims to do."""
    if exchange.path.startswith("/MAAS/api/1.0/account/prefs/sslkeys/"):
        return False
    if exchange.endpoint == "nodes":
        return exchange.method == "GET" and exchange.params.get("op") in ("list", "list_allocated")
    return exchange.endpoint in COVERED


def signed_by(lab, exchange):
    """The key that an exchange was signed with, None when it was not."""
    who = exchange.auth.removeprefix("other:").removesuffix(" non-admin")
    if who == "none":
        return None
    if who in KEYS:
        parts = zip(("consumer", "token", "secret"), lab.keys["admin"].split(":"))
        return Key(KEYS[who].format(**dict(parts)))
    if who not in lab.keys:
        lab.keys[who] = lab.region.new_api_key(who)
    return Key(lab.keys[who])


# -- what the laboratory did before and in between ---------------------------------------------

DRIVER = {"name": "eth0", "mac": "52:54:00:aa:00:01", "ip": "10.0.0.1",
          "subnet_mask": "255.255.255.0"}  # fmt: skip


def register_clusters(lab):
    for uuid, interfaces in ((A, [DRIVER]), (B, []), (C, [])):
        lab.region.register_controller(uuid=uuid, hostname=uuid, interfaces=interfaces)


def answer_for_clusters(lab):
    """The stand-in for the clusters told of these images, whatever there was."""
    for group in groups.all_groups(lab.region):
        group["images"] = [
            {
                "osystem": "ubuntu",
                "release": "trusty",
                "architecture": "amd64",
                "subarchitecture": "generic",
                "label": "release",
                "purpose": purpose,
            }
            for purpose in ("commissioning", "install", "xinstall")
        ]


def import_images(lab, installer=True):
    """Images as from a local mirror, at first without the installer's files."""
    for series, arch in (("trusty", "amd64"), ("trusty", "i386"), ("precise", "amd64")):
        row = catalogue.add_synced(lab.region, "ubuntu", series, arch)
        files = row["sets"][-1]["files"]
        for file in list(files):
            file["have"] = file["size"]
            if not installer and file["filename"].startswith("di-"):
                files.remove(file)


def import_without_installer(lab):
    import_images(lab, installer=False)


def import_with_installer(lab):
    for row in lab.region.rows(catalogue.RESOURCES).values():
        for name in ("di-kernel", "di-initrd"):
            row["sets"][-1]["files"].append(catalogue.new_file(lab.region, name, 28, "", 28))


def let_time_pass(lab):
    lab.wait(1)


BEFORE = {
    "17-033": register_clusters,
    "17-156": answer_for_clusters,
    "17-190": let_time_pass,
    "17-213": import_without_installer,
    "17-b004": import_with_installer,
}


def start(lab, series):
    """Bring a region to where a series of the recording starts."""
    if series == "main":
        return
    lab.region.create_user("joe", "joe", "joe@example.com")
    register_clusters(lab)
    one, two, three = (groups.find_group(lab.region, uuid) for uuid in (A, B, C))
    one.update(cluster_name="Cluster AA", name="multi.example.com")
    import_images(lab, installer=series != "b")
    if series == "c":
        lab.region.rows("tags").add(
            {"name": "virtual", "comment": "c", "definition": "//node", "kernel_opts": ""}
        )
        add_interface(lab, one, name="eth4", ip="10.4.0.1", subnet_mask="255.255.255.0",
                      broadcast_ip="10.4.0.255", ip_range_low="10.4.0.50",
                      ip_range_high="10.4.0.10", management=2)  # fmt: skip
    if series == "nc":
        eth0 = groups.interfaces_of(lab.region, one)[0]
        eth0.update(ip_range_low="10.0.0.10", ip_range_high="10.0.0.60")
        eth0.update(static_ip_range_low="10.0.0.100", static_ip_range_high="10.0.0.150")
        three["status"] = groups.REJECTED
        for group in (one, two, three):
            group["connected"] = False


def add_interface(lab, group, **values):
    groups.add_interface(lab.region, group, {"interface": values["name"], **values})


def settled(value):
    """A body without numbers drawn at random and addresses in memory."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\b(unnamed|eth1-ipv6)-\d+\b", r"\1-N", value)
        return re.sub(r"0x[0-9a-f]{5,}", "0xN", value)
    return value


# ----------------------------------------------------------------------------------------------


def replay(series):
    """Replay one series against a region of its own: ``{id: [difference, ...]}``."""
    results = {}
    with RegionServer(release="1.7.3", hostname="vm") as server:
        lab = Lab(server)
        start(lab, series)
        for exchange in load("maas-1.7.3.jsonl"):
            if exchange.series != series or not covered(exchange):
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
    assert matched / total >= 0.95
