"""What the recordings of API 1.0 have in common: who signed, and what changes from run to run."""

from __future__ import annotations

import itertools
import json
import re

from harness import Key, Lab, differences, load
from maas_emulator.api1 import catalogue, controllers, groups
from maas_emulator.server import RegionServer

A, B, C = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123")

#: What a recording calls wrong credentials, and how they differ from the administrator's.
_WRONG_KEYS = {
    "wrong key": "bad:TOKEN:SECRET",
    "wrong secret": "{consumer}:{token}:bad",
    "wrong token": "{consumer}:wrong:{secret}",
}


def short_id(exchange):
    """An exchange's id without its description."""
    return "-".join(exchange.id.split("-")[:2])


def signed_by(lab, exchange):
    """The key that an exchange was signed with, None when it was not."""
    who = exchange.auth.removeprefix("other:").removesuffix(" non-admin")
    if who == "none":
        return None
    if who in _WRONG_KEYS:
        parts = zip(("consumer", "token", "secret"), lab.keys["admin"].split(":"))
        return Key(_WRONG_KEYS[who].format(**dict(parts)))
    if who not in lab.keys:
        if who == "worker":
            group = groups.find_group(lab.region, A)
            lab.keys[who] = groups.worker_token(lab.region, group).text
        else:
            lab.keys[who] = lab.region.new_api_key(who)
    return Key(lab.keys[who])


def settled(value):
    """A body without numbers drawn at random, moments, and addresses in memory."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\b(unnamed|eth1-ipv6)-\d+\b", r"\1-N", value)
        value = re.sub(r"\b(eth\d+-ipv[46])-[0-9a-f]{4}\b", r"\1-N", value)
        value = re.sub(r"\bnode-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "NODE", value)
        return re.sub(r"0x[0-9a-f]{5,}", "0xN", value)
    return value


# -- what the laboratory did --------------------------------------------------------------------

DRIVER = {"name": "eth0", "mac": "52:54:00:aa:00:01", "ip": "10.0.0.1",
          "subnet_mask": "255.255.255.0"}  # fmt: skip


def register_clusters(lab, others=()):
    """Three clusters come in, the first with an interface; they offer Windows, too.

    Args:
        lab: The laboratory.
        others: Addresses of the interfaces of the second and the third.
    """
    lab.region.state["cluster_systems"] = [("windows", "win2012r2")]
    lab.region.register_controller(uuid=A, hostname=A, interfaces=[DRIVER])
    for uuid, ip in itertools.zip_longest((B, C), others):
        interfaces = [{**DRIVER, "ip": ip}] if ip else []
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
        row["subarches"] = ("generic", "hwe-p", f"hwe-{series[0]}")
        files = row["sets"][-1]["files"]
        for file in list(files):
            file["have"] = file["size"]
            if not installer and file["filename"].startswith("di-"):
                files.remove(file)


def let_time_pass(lab):
    """The catalogue of a new source is known by now."""
    lab.wait(1)


# -- random sequences --------------------------------------------------------------------------

_CLUSTER = re.compile(r"uuid (?P<uuid>[0-9a-f-]{36}), interfaces (?P<interfaces>\[.*?\])")
_CONTENT = re.compile(r"file content: (.*)", re.DOTALL)
_IMPORTED = (("trusty", "amd64"), ("trusty", "i386"), ("precise", "amd64"))
_OFFERED = (*_IMPORTED, ("precise", "i386"), ("utopic", "amd64"))


def seed_random(lab, note):
    """Make what the first row of a random sequence says was there before.

    Args:
        lab: Laboratory with a fresh region.
        note: Text of that row.
    """
    region = lab.region
    region.create_user("joe", "joe", "joe@example.com")
    cluster = _CLUSTER.search(note)
    nics = json.loads(cluster["interfaces"])
    controllers.register(region, uuid=cluster["uuid"], hostname="one", interfaces=nics)
    if region.release < groups.RPC:
        return
    for series, arch in _IMPORTED:
        row = catalogue.add_synced(region, "ubuntu", series, arch)
        for file in row["sets"][-1]["files"]:  # which held their names
            text = f"{row['name']} {row['architecture']} {file['filename']}"
            file["size"] = file["have"] = len(text)
    source = region.rows(catalogue.SOURCES)[1]
    source["catalogue"] = [("ubuntu", series, arch) for series, arch in _OFFERED]
    source["kernels"] = ("generic", "hwe-t")
    region.settings["commissioning_distro_series"] = "trusty"
    # The servers ran in 2026, and take what is long-term by the calendar.
    region.state["lts"] = region.settings["default_distro_series"] = "resolute"


def learn_name(lab, recorded, got):
    """Remember what is called otherwise here: names drawn at random, and what came along."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        one, other = (found.get("vlans") or [] for found in (recorded, got))
        if len(one) == len(other) == 1:  # of a new fabric
            lab.learn(one[0], other[0])
        one, other = recorded.get("name"), got.get("name")
        if one != other and re.search(r"unnamed-\d+|-ipv[46]-", str(one)):
            lab.names[one] = other


def name_machine(lab, exchange, got):
    """Give a machine that came without a name the one that the recorded region drew."""
    if exchange.method != "POST" or (exchange.form or {}).get("hostname"):
        return
    both = [found for found in (exchange.body, got) if isinstance(found, dict)]
    names = [found["hostname"].partition(".")[0] for found in both if "macaddress_set" in found]
    if len(names) == 2:
        drawn, ours = names
        for row in lab.server.region.rows("machines").values():
            if row["hostname"].partition(".")[0] == ours:
                row["hostname"] = row["hostname"].replace(ours, drawn)
        got["hostname"] = got["hostname"].replace(ours, drawn)


def replay_random(name):
    """Send all requests of a random sequence to a fresh region.

    Args:
        name: File name of the recording, or its path.

    Yields:
        (exchange, answer, list of differences).
    """
    exchanges = load(name)
    release = re.search(r"\d\.\d+\.\d+", exchanges[0].note.partition("Real MAAS ")[2]).group()
    with RegionServer(release=release, hostname="vm") as server:
        lab = Lab(server)
        seed_random(lab, exchanges[0].note)
        for exchange in exchanges:
            content = _CONTENT.match(exchange.note)
            files = dict.fromkeys(exchange.files, content and content[1].encode())
            answer = lab.send(exchange, signed_by(lab, exchange), files=files)
            lab.learn(exchange.body, answer[2])
            learn_name(lab, exchange.body, answer[2])
            name_machine(lab, exchange, answer[2])
            exchange.body = settled(exchange.body)
            yield exchange, answer, differences(exchange, (*answer[:2], settled(answer[2])))
