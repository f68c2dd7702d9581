"""Any storage on any other: it becomes what is described, twice, and nothing goes for nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from maas_emulator import hardware, storage
from saltext.maas.reconcile import desired_object
from saltext.maas.resources import machine_storage
from saltext.maas.resources.storage_current import read_storage
from support.machine_regions import region_with_image
from support.reconciling import carried_out, snapshot_of

FEW = settings(
    max_examples=15, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
NAMES = ("sda", "sdb", "sdc", "sdd")
#: Odd sizes, so that all that is rounded is rounded.
DISKS = [{"name": name, "size": 10**11 + 12345 * number, "tags": ["ssd"] if number % 2 else []}
         for number, name in enumerate(NAMES)]  # fmt: skip
MOUNTS = ("/", "/srv", "/var", "/home", "/data", "/opt", "/a", "/b", "/c", "/d")
LAYOUTS = ("flat", "lvm", "bcache", "blank", "vmfs6", "vmfs7")


@st.composite
def contents(draw, mounts):
    """What is on a device: a file system, mounted or not, swap, or nothing."""
    fs = draw(st.sampled_from(["", "", "ext4", "xfs", "swap"]))
    if not fs or fs == "swap":
        return {"fs": fs} if fs else {}
    entry = {"fs": fs}
    if mounts and draw(st.booleans()):
        entry["mount"] = mounts.pop(draw(st.integers(0, len(mounts) - 1)))
        if draw(st.booleans()):
            entry["options"] = "noatime"
    return entry


@st.composite
def descriptions(draw):
    """A layout of MAAS's, or disks with partitions, and RAIDs, volume groups, bcaches of them."""
    if draw(st.integers(0, 4)) == 0:
        return {"layout": draw(st.sampled_from(LAYOUTS))}
    mounts = list(MOUNTS)
    found = {"disks": {}, "raids": {}, "volume_groups": {}, "bcaches": {}, "boot_disk": "sda"}
    free = []
    for name in NAMES:
        form = draw(st.sampled_from(["partitions", "partitions", "whole", "free"]))
        if form == "partitions" or name == "sda":
            sizes = draw(st.lists(st.sampled_from(["512M", "10G", "7.5GiB", "20%"]), max_size=3))
            sizes += draw(st.sampled_from([[], ["rest"]]))
            parts = [{"size": size, **draw(contents(mounts))} for size in sizes]
            found["disks"][name] = {"partitions": parts}
            free += [f"{name}-part{number}" for number, part in enumerate(parts, 1)
                     if "fs" not in part]  # fmt: skip
        elif form == "whole":
            found["disks"][name] = draw(contents(mounts))
        if name not in found["disks"] or not found["disks"][name]:
            free.append(name)
    if len(free) >= 2 and draw(st.booleans()):
        level = draw(st.sampled_from([0, 1, 1, 5 if len(free) >= 3 else 1]))
        count = draw(st.integers(3 if level == 5 else 2, len(free)))
        members = [free.pop(draw(st.integers(0, len(free) - 1))) for _ in range(count)]
        spares = [free.pop()] if free and level and draw(st.booleans()) else []
        found["raids"]["md0"] = {"level": level, "devices": members, "spares": spares}
        free.append("md0")
    if len(free) >= 2 and draw(st.booleans()):
        backing, cache = free.pop(), free.pop(0)
        mode = draw(st.sampled_from(["writeback", "writethrough"]))
        found["bcaches"]["bcache0"] = {"backing": backing, "cache": cache, "mode": mode}
    if free and draw(st.booleans()):
        devices = [free.pop() for _ in range(draw(st.integers(1, len(free))))]
        sizes = [draw(st.sampled_from(["200M", "25%"])), draw(st.sampled_from(["10%", "rest"]))]
        volumes = {f"lv{number}": {"size": size, **draw(contents(mounts))}
                   for number, size in enumerate(sizes)}  # fmt: skip
        found["volume_groups"]["vg0"] = {"devices": devices, "volumes": volumes}
    if draw(st.booleans()):
        found["special"] = [{"fs": "tmpfs", "mount": "/tmp"}]
    return {name: one for name, one in found.items() if one}


def shape(storage):
    """What two views of the same storage have in common, though ids and cache sets differ."""
    devices = {
        name: (one.kind, one.size, one.of, one.fs, one.label, one.mount, one.options, one.role,
               one.role == "cache" or one.group, [part.name for part in one.parts],
               sorted(one.raw.get("tags") or ()))
        for name, one in storage.devices.items()
    }  # fmt: skip
    cached = {
        name: [one.name for one in storage.members(cache, "cache")]
        for name, cache in storage.caches.items()
    }
    return devices, storage.levels, storage.boot_disk, storage.special, storage.modes, cached


def bcaches_of(server, ident):
    return snapshot_of(server).client.get(f"nodes/{ident}/bcaches/")


def tagged(tags, part_tags):
    parts = [{"size": "10G", "tags": part_tags}, {"size": "rest"}]
    return {"disks": {"sdb": {"tags": tags, "partitions": parts}}}


def mirror(spares):
    return {"raids": {"md0": {"level": 1, "devices": ["sdb", "sdc"], "spares": spares}}}


def stored(name, description):
    return [desired_object("machine", {"hostname": name, "storage": description}, "here")]


def partitions(server, name):
    """The ids of a machine's partitions, by disk, in order."""
    raw = snapshot_of(server).records("machine")[name].raw
    return {disk["name"]: [part["id"] for part in disk["partitions"]]
            for disk in raw["blockdevice_set"]}  # fmt: skip


def alike(before, after, disk):
    """How many partitions of a disk two descriptions have in common at its start."""
    old, new = (one.get("disks", {}).get(disk, {}).get("partitions", []) for one in (before, after))
    count = 0
    for one, other in zip(old, new, strict=False):
        if one["size"] != other["size"] or one["size"] == "rest":
            break
        count += 1
    return count


def impossible(server, name, description):
    raw = snapshot_of(server).records("machine")[name].raw
    assert list(machine_storage.problems(description)) == []
    try:
        machine_storage.steps(description, raw)
    except machine_storage.StorageProblem:
        return True
    return False


def test_any_storage_becomes_any_other():
    with region_with_image("3.7") as server:
        values = {"hostname": "web-1", "mac_addresses": ["52:54:00:00:00:31"],
                  "architecture": "amd64", "power_type": "manual"}  # fmt: skip
        carried_out(server, [desired_object("machine", values, "here")])
        ident = snapshot_of(server).records("machine")["web-1"].raw["system_id"]
        hardware.commissioned(server.region, ident, disks=DISKS)
        seen = {"changed": 0, "refused": 0}

        @FEW
        @example([tagged(["hot"], ["a"]), tagged([], ["b", "c"])])
        @example([mirror(["sdd"]), mirror([])])
        @given(st.lists(descriptions(), min_size=2, max_size=4))
        def check(several):
            hardware.update(server.region, ident, status=4, owner=None)
            storage.clear(server.region, hardware.machine(server.region, ident))
            before, there = {}, {}
            for description in several:
                if impossible(server, "web-1", description):
                    seen["refused"] += 1
                    before = {}
                    continue
                raw = snapshot_of(server).records("machine")["web-1"].raw
                _, predicted, steps = machine_storage.before_and_after(
                    description, raw, bcaches_of(server, ident)
                )
                server.requests.reset()
                carried_out(server, stored("web-1", description))
                assert len(server.requests.writes()) == len(steps)
                if all(step.op != "set_storage_layout" for step in steps):
                    assert shape(predicted) == shape(
                        read_storage(
                            snapshot_of(server).records("machine")["web-1"].raw,
                            bcaches_of(server, ident),
                        )
                    )
                now = partitions(server, "web-1")
                for disk in NAMES:
                    count = alike(before, description, disk)
                    assert there.get(disk, [])[:count] == now[disk][:count]
                before, there = description, now
                seen["changed"] += 1
                written = snapshot_of(server).records("machine")["web-1"].raw
                exported = machine_storage.described(written)
                if exported is not None:
                    assert list(machine_storage.problems(exported)) == []
                    assert machine_storage.steps(exported, written) == []

        check()
        assert seen["changed"] > 2 * seen["refused"]
