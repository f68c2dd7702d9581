"""The examples of pillars, each carried out twice: the second time there is nothing to do."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml
from maas_emulator import hardware, machines
from maas_emulator.server import RegionServer
from maas_emulator.upgrade import upgrade
from saltext.maas import region_plan
from saltext.maas.reconcile import apply
from saltext.maas.reconcile.apply import Run
from support.machine_regions import images_of_nodes
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    planned,
    pruned,
    rack,
    snapshot_of,
)

FOLDER = Path(__file__).resolve().parents[2] / "pillar" / "examples"
#: Which releases an example is tried on.
RELEASES = {
    "access": ("3.8", "4.0"),
    "content-1x": ("1.7", "1.8"),
    "devices": ("3.0", "3.8"),
    "dns": ("2.0", "3.8"),
    "first-network": ("2.2", "3.8"),
    "high-availability": ("2.5", "3.8"),
    "home-lab": ("2.6", "3.7", "3.8"),
    "install": ("3.7",),
    "install-snap": ("3.7",),
    "machine-fleet": ("3.3", "3.8"),
    "machines": ("3.3", "3.8"),
    "nodes-1x": ("1.8", "1.9", "1.10"),
    "mirror": ("3.5", "3.7", "3.8"),
    "mirrors": ("3.8", "4.0"),
    "own-mirror": ("3.7",),
    "racks": ("2.2", "3.8"),
    "region": ("2.4", "3.7", "3.8", "4.0"),
    "virsh-machines": ("3.3", "3.7", "3.8"),
    "vm-hosts": ("3.5", "3.7", "3.8"),
}
#: The disks of their machines, and the names of their NICs.
HARDWARE = {
    "home-lab": (("eno1",), {"sda": (120, ["ssd"]), "sdb": (2000, ["rotary"])}),
    "virsh-machines": (("ens3", "ens4"), {"vda": (40, []), "vdb": (100, [])}),
    "machine-fleet": (("eth0", "eth1"), {
        "sda": (480, ["ssd"]), "sdb": (480, ["ssd"]), "sdc": (8000, ["rotary"]),
        "nvme0n1": (960, ["ssd"]),
    }),
}  # fmt: skip
OPTIONS = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.05, "vm_hosts": True,
           "machine_seconds": float("inf")}  # fmt: skip


def example(name):
    """What a file describes, with some text in the place of each secret."""

    def revealed(value):
        if isinstance(value, dict):
            return {key: revealed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [revealed(one) for one in value]
        return "secret" if str(value).startswith("sdb://") else value

    text = jinja2.Template((FOLDER / f"{name}.sls").read_text()).render()
    return revealed(yaml.safe_load(text)["maas"])


def racks(server, data):
    """Let the racks of a pillar register."""
    for number, host in enumerate(data.get("racks", ()), 2):
        rack(server, host, f"10.30.0.{number}")


def commission(server, data, nics, disks):
    """Let the machines of a pillar start and be commissioned."""
    by_name = {row["hostname"]: row for row in server.region.rows("machines").values()}
    for name, machine in data["machines"].items():
        row = by_name[name]
        hardware.update(server.region, row["system_id"], status=machines.COMMISSIONING, owner=None)
        hardware.commissioned(
            server.region, row["system_id"],
            interfaces=[{"name": nic, "mac_address": mac}
                        for nic, mac in zip(nics, machine["mac_addresses"])],
            disks=[{"name": disk, "size": size * 10**9, "tags": tags}
                   for disk, (size, tags) in disks.items()],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "release"),
    [(name, release) for name, releases in RELEASES.items() for release in releases],
)
def test_an_example_twice(name, release, monkeypatch):
    monkeypatch.setattr(Run, "poll_seconds", 0.05)
    data = example(name)
    with RegionServer(release=release, **OPTIONS) as server:
        racks(server, data)
        if server.region.release < "2.0":  # which tells a cluster of some changes
            images_of_nodes(server)
        snapshot, plan = carried_out(server, data)
        assert plan.changes
        assert_true(server, snapshot)
        if name in HARDWARE:
            commission(server, data, *HARDWARE[name])
            snapshot, plan = carried_out(server, data)
            assert {one.desired.key for one in plan.changes} == data["machines"].keys()
            assert plan.warnings == []
        server.requests.reset()
        snapshot, plan = planned(server, data)
        assert plan.shown() == {}
        apply(snapshot, plan, SHORT)
        assert server.requests.writes() == []
        reads = [(entry.path, entry.op) for entry in server.requests if entry.op != "get_config"]
        assert len(reads) == len(set(reads))


def test_every_example_is_tried():
    assert {path.stem for path in FOLDER.glob("*.sls")} == set(RELEASES)


def everything(tmp_path):
    """Two examples as one pillar, which owns sources and users, with a source's old spelling."""
    data = {**example("region"), **example("mirror")}
    (url,) = data["boot_sources"]
    image = tmp_path / "web.tgz"
    image.write_bytes(b"x" * 1000)
    custom = {"name": "custom/web", "architecture": "amd64/generic", "path": str(image)}
    return {
        **data,
        "boot_sources": {f"{url}/": data["boot_sources"][url]},
        "boot_resources": [{**custom, "filetype": "tgz"}],
        "exclusive": {"boot_source": True, "boot_selection": True, "boot_resource": True,
                      "user": True},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["everything", "racks", "dns", "first-network"])
def test_an_upgrade_from_3_7_to_3_8_changes_nothing(name, monkeypatch, tmp_path):
    monkeypatch.setattr(Run, "poll_seconds", 0.05)
    data = everything(tmp_path) if name == "everything" else example(name)
    with RegionServer(release="3.7", **OPTIONS) as server:
        racks(server, data)
        assert pruned(server, data)
        upgrade(server.region)
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, data)
        assert snapshot.release == "3.8"
        assert plan.shown() == {}
        assert plan.problems() == []
        server.requests.reset()
        apply(snapshot, plan, SHORT)
        assert server.requests.writes() == []
