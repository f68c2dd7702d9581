"""Interfaces and disks of machines in a plan: as text, as data, and drawn on the page."""

from __future__ import annotations

import json
import re

import pytest
from maas_emulator import hardware
from saltext.maas import region_plan, render
from saltext.maas.machines import view
from saltext.maas.reconcile import make_plan
from saltext.maas.render import page
from saltext.maas.render.machines import pictures_of, size_text
from support.plan_picture import machine_after, machine_region
from support.reconciling import carried_out, snapshot_of
from unit.test_render import HOSTILE, Page

pytest.importorskip("drawsvg", reason="drawsvg is not installed")

NEW = {
    "architecture": "amd64", "mac_addresses": ["52:54:00:00:00:41", "52:54:00:00:00:42"],
    "interfaces": {"br0": {"type": "bridge", "parent": "eth1", "vlan": "dc1/untagged"}},
    "storage": {"layout": "lvm"},
}  # fmt: skip


@pytest.fixture(scope="module")
def region():
    with machine_region() as server:
        both = {"architecture": "amd64", "power_type": "manual"}
        carried_out(server, {"machines": {
            "flat": {**both, "mac_addresses": ["52:54:00:00:00:31"]},
            "same": {**both, "mac_addresses": ["52:54:00:00:00:32"]},
        }})  # fmt: skip
        disk = {"name": "nvme0n1", "size": 10**11, "model": HOSTILE}
        raw = snapshot_of(server).records("machine")["flat"].raw
        hardware.commissioned(server.region, raw["system_id"], disks=[disk])
        yield server


@pytest.fixture(scope="module")
def planned(region):
    snapshot = snapshot_of(region)
    machines = {
        "web-1": machine_after(), "flat": {"architecture": "amd64", "storage": {"layout": "lvm"}},
        "new": NEW, "same": {"architecture": "amd64", "description": "no more"},
    }  # fmt: skip
    return snapshot, region_plan.plan_of(snapshot, {"machines": machines})


WEB_1 = """
~ machine web-1
      interfaces:
        ~ eth0: 52:54:00:00:00:21; MTU 9000; was: dc1/untagged; auto 10.1.0.0/24
        ~ eth1: 52:54:00:00:00:22; MTU 9000; was: dc1/untagged
        +   bond0: bond 802.3ad; on eth0, eth1; dc1/untagged; MTU 9000; static 10.1.0.21/24; \
default IPv4 gateway
        +     bond0.10: VLAN; on bond0; dc1/10
        +       br0: bridge; on bond0.10; dc1/10; auto 10.1.10.0/24
          eth2: 52:54:00:00:00:23; dc1/untagged
        -   eth2.20: VLAN; on eth2; dc1/20; static 10.1.20.5/24
      requests for interfaces:
        1. eth2.20: delete
"""
STORAGE = """
      storage:
          sda: 480 GB; D3-S4510; boot disk; tags ssd
        -   sda-part2: 100 GB; ext4 at / (its data is lost)
        -   sda-part3: 8 GB; swap (its data is lost)
        -   sda-part4: 371.5 GB; xfs at /srv (its data is lost)
            sda-part1: 512 MiB; fat32 at /boot/efi
        +   sda-part2: 479.5 GB; in RAID md0
          sdb: 480 GB; D3-S4510; tags ssd
        +   sdb-part1: 512 MiB
        +   sdb-part2: 479.5 GB; in RAID md0
        + md0: RAID 1 of sda-part2, sdb-part2; 479.5 GB; in volume group vg0
        + vg0: volume group of md0; 479.4 GB
        +   vg0-root: 100 GB; ext4 at /
        +   vg0-var: 143.8 GB; xfs at /var
        +   vg0-srv: 235.6 GB; xfs at /srv
          (1 more, unchanged)
      requests for storage:
        1. delete partition sda-part4 (its data is lost: sda-part4)
"""


def test_text_shows_trees_and_what_is_lost(planned):
    text = render.render_plan(*planned, "text")
    assert WEB_1.lstrip() in text
    assert STORAGE.lstrip("\n") in text
    assert "      data is lost: sda-part2, sda-part3, sda-part4\n" in text
    assert text.endswith("\nData is lost on disks of 2 machines: web-1, flat.")
    assert "\x1b[31m        -   sda-part3: 8 GB; swap (its data is lost)\x1b[0m" in (
        render.render_plan(*planned, "text", colour=True)
    )


def test_a_layout_names_the_disk_and_a_new_machine_its_interfaces(planned):
    text = render.render_plan(*planned, "text")
    flat = text[text.index("~ machine flat") :].split("      requests")[0]
    assert re.search(r"~ nvme0n1: 100 GB; .*; layout lvm, made by MAAS \(its data is lost\)", flat)
    assert "-   nvme0n1-part1: 100 GB; ext4 at /; label root (its data is lost)" in flat
    new = text[text.index("+ machine new") :]
    assert "          eth0: 52:54:00:00:00:41\n" in new
    assert "        +   br0: bridge; on eth1; dc1/untagged\n" in new
    assert "warning: machine new: storage is skipped until the machine is commissioned" in new


def test_data_has_lines_and_requests(planned):
    changes = json.loads(json.dumps(render.render_plan(*planned, "json")))["changes"]
    machine = {one["name"]: one.get("machine") for one in changes}
    assert machine["same"] is None
    assert machine["web-1"]["lost"] == ["sda-part2", "sda-part3", "sda-part4"]
    (eth0, *_) = machine["web-1"]["interfaces"]["lines"]
    assert (eth0["action"], eth0["depth"]) == ("update", 0)
    assert list(machine["new"]) == ["interfaces", "lost"]
    assert "delete partition sda-part4" in machine["web-1"]["storage"]["steps"][0]


def test_the_page_draws_only_machines_that_change_them(planned):
    text = render.render_plan(*planned, "html")
    shown = Page(text)
    assert shown.loads == []
    assert text.count('<div class="drawn"><svg') == 4  # the network and three machines
    for words in ("data is lost", "new", "removed", "bond 802.3ad", "Now: not in MAAS yet",
                  "Data is lost on disks of 2 machines: web-1, flat.", "prefers-color-scheme: dark",
                  HOSTILE):  # fmt: skip
        assert words in shown.text, words


def test_a_large_plan_draws_some_machines_and_lists_all(planned, monkeypatch):
    monkeypatch.setattr(page, "_MOST_DRAWN", 1)
    text = render.render_plan(*planned, "html")
    assert text.count('<div class="drawn"><svg') == 2
    assert "2 more machines change their interfaces or disks" in text
    assert "apply the layout lvm to all disks" in text


def test_rendering_asks_the_region_nothing(region, planned):
    region.requests.reset()
    assert len(pictures_of(*planned)) == 3
    assert region.requests.count() == 0


def test_a_machine_is_described_in_the_same_words(region):
    raw = snapshot_of(region).records("machine")["web-1"].raw
    drawn = view.described(raw)["drawn"].splitlines()
    assert "  eth2.20: VLAN; on eth2; dc1/20; static 10.1.20.5/24" in drawn
    assert "  sda-part3: 8 GB; swap" in drawn
    assert "sdc: 4 TB; ST4000; tags rotary; ext4 at /data" in drawn


def test_nothing_is_drawn_that_cannot_be_applied(region):
    snapshot = snapshot_of(region)
    broken = {"architecture": "amd64", "storage": {"disks": {"sdz": {"fs": "ext4"}}}}
    plan = region_plan.plan_of(snapshot, {"machines": {"web-1": broken}})
    assert plan.problems()
    assert pictures_of(snapshot, plan) == {}
    assert pictures_of(snapshot, make_plan(snapshot, [])) == {}


@pytest.mark.parametrize(
    ("size", "text"),
    [(512 * 2**20, "512 MiB"), (8 * 2**30, "8 GiB"), (9999220736, "10 GB"), (4 * 10**12, "4 TB"),
     (1536 * 2**20, "1.6 GB"), (4194304, "4 MiB"), (999, "999 B")],
)  # fmt: skip
def test_sizes_are_read_easily(size, text):
    assert size_text(size) == text
