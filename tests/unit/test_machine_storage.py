"""Storage of machines: laid out as described, applied twice, and nothing destroyed for nothing."""

from __future__ import annotations

import copy

import pytest
from maas_emulator import hardware
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object
from saltext.maas.release import Release
from saltext.maas.resources import machine_storage
from support.faults import FaultyProxy
from support.machine_regions import regions_with_image
from support.reconciling import SHORT, carried_out, errors, planned, problems_of, snapshot_of

GB = 10**9
DISKS = [
    {"name": name, "size": size, "model": model, "serial": f"S-{name}", "tags": tags}
    for name, size, model, tags in (
        ("sda", 100 * GB, "Fast", ["ssd"]),
        ("sdb", 100 * GB, "Slow", ["rotary"]),
        ("sdc", 50 * GB, "Fast", ["ssd"]),
        ("sdd", 100 * GB, "Slow", ["rotary"]),
    )
]
ESP = {"size": "512MiB", "fs": "fat32", "mount": "/boot/efi"}
MEMBER = {"partitions": [ESP, {"size": "rest"}]}
PLAIN = {"partitions": [ESP, {"size": "20G", "fs": "ext4", "mount": "/"},
                        {"size": "10%", "fs": "swap"},
                        {"size": "rest", "fs": "xfs", "mount": "/srv",
                         "options": "noatime"}]}  # fmt: skip
MIRRORED = {
    "disks": {"sda": MEMBER, "sdb": {"partitions": [{"size": "512MiB"}, {}]}},
    "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
    "volume_groups": {
        "vg0": {
            "devices": ["md0"],
            "volumes": {
                "root": {"size": "20G", "fs": "ext4", "mount": "/"},
                "var": {"size": "30%", "fs": "xfs", "mount": "/var"},
                "srv": {"size": "rest", "fs": "xfs", "mount": "/srv"},
            },
        }
    },
    "special": [{"fs": "tmpfs", "mount": "/tmp", "options": "size=1G"}],
}


@pytest.fixture(scope="module")
def regions():
    with regions_with_image() as of_release:
        yield of_release


_NUMBER = iter(range(1, 10**6))


def ready(server, disks=DISKS, **fields):
    """A new machine of the region that is Ready and has disks; its name and id."""
    number = next(_NUMBER)
    name = f"disks-{number}"
    mac = f"52:54:01:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    values = {"mac_addresses": [mac], "architecture": "amd64", "power_type": "manual"}
    carried_out(server, [desired_object("machine", {"hostname": name, **values}, "here")])
    ident = snapshot_of(server).records("machine")[name].raw["system_id"]
    hardware.commissioned(server.region, ident, disks=disks)
    hardware.update(server.region, ident, **{"status": 4, "owner": None, **fields})
    return name, ident


def stored(name, storage):
    return [desired_object("machine", {"hostname": name, "storage": storage}, "here")]


def steps_of(plan):
    """The steps that a plan shows of its only machine."""
    shown = plan.shown()
    return next(iter(shown["machine"].values()))["storage"]["new"]["planned steps"] if shown else []


def laid_out(server, name, storage):
    """Lay a machine out, and see that a second run sends nothing; the steps of the first."""
    _, plan = carried_out(server, stored(name, storage))
    again, left = planned(server, stored(name, storage))
    server.requests.reset()
    apply(again, left, SHORT)
    assert server.requests.writes() == []
    return steps_of(plan)


def blocks(server, name):
    return snapshot_of(server).records("machine")[name].raw["blockdevice_set"]


@pytest.mark.parametrize("release", ["2.0", "2.4"])
def test_older_releases_want_the_size_of_the_rest(regions, release):
    server = regions(release)
    name, _ = ready(server)
    laid_out(server, name, {"disks": {"sda": {"partitions": [
        {"size": "20G", "fs": "ext4", "mount": "/"}, {"size": "rest", "fs": "xfs", "mount": "/srv"},
    ]}}})  # fmt: skip
    (disk,) = [one for one in blocks(server, name) if one["name"] == "sda"]
    assert [len(disk["partitions"]), disk["available_size"]] == [2, 0]


ALL = {
    "plain": {"boot_disk": "sda", "disks": {"sda": PLAIN}},
    "mirrored": MIRRORED,
    "raid5 with a spare": {
        "disks": {"sda": PLAIN},
        "raids": {"md5": {"level": 5, "devices": ["sdb", "sdd"] + ["sdc"], "fs": "ext4",
                          "mount": "/data"}},
    },
    "raid1 with a spare": {
        "raids": {"md1": {"level": 1, "devices": ["sdb", "sdd"], "spares": ["sdc"],
                          "partitions": [{"size": "10GiB", "fs": "ext4", "mount": "/a"}, {}]}},
    },
    "bcache": {
        "disks": {"sda": {"partitions": [ESP, {"size": "1GiB", "fs": "ext4", "mount": "/boot"},
                                         {"size": "rest"}]}, "sdc": {"partitions": [{}]}},
        "bcaches": {"bcache0": {"backing": "sda-part3", "cache": "sdc-part1",
                                "mode": "writeback", "fs": "ext4", "mount": "/"},
                    "bcache1": {"backing": "sdb", "cache": "sdc-part1"}},
    },
    "whole disks": {"disks": {"sdb": {"fs": "ext4", "label": "data", "mount": "/data"},
                              "sdc": {"tags": ["fast"]}}},
    **{one: {"layout": one} for one in ("flat", "lvm", "bcache", "blank", "vmfs6", "vmfs7")},
    "flat with sizes": {"layout": "flat", "layout_options": {"boot_size": "1G", "root_size": "50%"},
                        "special": [{"fs": "tmpfs", "mount": "/tmp"}]},
    "lvm with names": {"layout": "lvm", "boot_disk": "sdb",
                       "layout_options": {"vg_name": "sys", "lv_name": "root", "lv_size": "10G",
                                          "root_device": "sdd"}},
    "bcache whole": {"layout": "bcache", "layout_options": {"cache_no_part": True,
                                                            "cache_mode": "writeback"}},
}  # fmt: skip


@pytest.mark.parametrize("layout", ALL, ids=str)
def test_applied_twice_it_has_nothing_to_do(layout, regions):
    server = regions("3.7")
    name, _ = ready(server)
    assert bool(laid_out(server, name, ALL[layout])) == (layout != "flat")  # MAAS's own default


@pytest.mark.parametrize("release", ["2.0", "2.8", "3.8"])
def test_each_release_lays_out_disks(release, regions):
    server = regions(release)
    name, _ = ready(server)
    assert laid_out(server, name, MIRRORED)
    assert laid_out(server, name, {"layout": "lvm"}) == [
        "apply the layout lvm to all disks (its data is lost: sda, sda-part1, sda-part2, sdb, "
        "sdb-part2, md0, vg0-root, vg0-var, vg0-srv)"
    ]


@pytest.mark.parametrize("release", ["2.8", "3.7"])
def test_partitions_have_tags_and_a_table(release, regions):
    server = regions(release)
    name, _ = ready(server)
    parts = [{"size": "20G", "tags": ["fast", "data"]}, {"size": "rest", "tags": ["old"]}]
    layout = {"disks": {"sdb": {"partition_table": "MBR", "partitions": parts}}}
    steps = laid_out(server, name, layout)
    assert steps[-1] == "set the partition table of sdb to MBR"
    (disk,) = [one for one in blocks(server, name) if one["name"] == "sdb"]
    assert disk["partition_table_type"] == "MBR"
    assert [sorted(one["tags"]) for one in disk["partitions"]] == [["data", "fast"], ["old"]]
    raw = snapshot_of(server).records("machine")[name].raw
    described = machine_storage.described(raw)["disks"]["sdb"]
    assert (described["partition_table"], described["partitions"][1]["tags"]) == ("MBR", ["old"])
    parts[0]["tags"] = ["fast", "ssd"]
    del parts[1]["tags"]  # which leaves them alone
    assert laid_out(server, name, layout) == [
        "add tag ssd of sdb-part1", "remove tag data of sdb-part1"
    ]  # fmt: skip
    parts[0]["size"] = "30G"  # all partitions are new, and so is the table
    layout["disks"]["sdb"]["partition_table"] = "GPT"
    assert not any("partition table" in step for step in laid_out(server, name, layout))


def test_tags_and_tables_of_partitions_come_with_releases():
    layout = {"disks": {"sda": {"partition_table": "MBR", "partitions": [{"tags": ["a"]}]}}}
    said = {"sda:partition_table": "2.8", "sda:partitions:0:tags": "2.5"}
    for release, count in (("2.4", 2), ("2.7", 1), ("2.8", 0)):
        found = dict(machine_storage.problems(layout, Release(release)))
        assert found == {f"storage:disks:{path}": f"needs MAAS {since} or later"
                         for path, since in list(said.items())[:count]}  # fmt: skip


def test_layouts_come_with_releases(regions):
    name, _ = ready(regions("2.8"))
    with pytest.raises(BadInput, match="'vmfs7' needs MAAS"):
        planned(regions("2.8"), stored(name, {"layout": "vmfs7"}))


def test_one_change_leaves_all_else(regions):
    server = regions("3.7")
    name, _ = ready(server)
    laid_out(server, name, MIRRORED)
    ids = [one["id"] for one in blocks(server, name)]
    changed = copy.deepcopy(MIRRORED)
    changed["volume_groups"]["vg0"]["volumes"]["var"].update(size="20%", mount="/var/lib")
    assert laid_out(server, name, changed) == [
        "unmount vg0-var from /var",
        "resize logical volume vg0-var to 18968MiB (its data is lost: vg0-var)",
        "resize logical volume vg0-srv to 56800MiB",
        "mount vg0-var at /var/lib",
    ]
    assert [one["id"] for one in blocks(server, name)] == ids


@pytest.mark.parametrize(
    ("devices", "spares", "steps"),
    [
        (["sda-part1", "sdd"], [], ["change raid md0: add sdd", "change raid md0: remove sdb"]),
        (["sda-part1", "sdb"], ["sdd"], ["change raid md0: add sdd"]),
        (["sda-part1", "sdb", "sdd"], [], ["change raid md0: add sdd"]),
    ],
)
def test_members_of_a_raid_are_swapped_in_place(devices, spares, steps, regions):
    server = regions("3.7")
    name, _ = ready(server)
    part = {"disks": {"sda": {"partitions": [{}]}}}
    raid = {"level": 1, "devices": ["sda-part1", "sdb"], "fs": "ext4", "mount": "/"}
    laid_out(server, name, {**part, "raids": {"md0": raid}})
    ids = {one["name"]: one["id"] for one in blocks(server, name)}
    raid = {**raid, "devices": devices, "spares": spares}
    assert laid_out(server, name, {**part, "raids": {"md0": raid}}) == steps
    assert {one["name"]: one["id"] for one in blocks(server, name)} == ids


def test_disks_are_found_by_what_they_are(regions):
    server = regions("3.7")
    name, _ = ready(server)
    wished = {
        "boot_disk": "system",
        "disks": {
            "system": {"match": {"smallest": "ssd"}, **MEMBER},
            "data": {"match": {"serial": "S-sdd"}, "fs": "xfs", "mount": "/data"},
        },
    }
    laid_out(server, name, wished)
    found = {one["name"]: one["used_for"] for one in blocks(server, name)}
    assert found["sdc"] == "GPT partitioned with 2 partitions"
    assert found["sdd"] == "xfs formatted filesystem mounted at /data"
    assert snapshot_of(server).records("machine")[name].raw["boot_disk"]["name"] == "sdc"


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ({"disks": {"sdx": {"fs": "ext4"}}},
         "the machine has no disk 'sdx'; it has sda (Fast, S-sda, "),
        ({"disks": {"a": {"match": {"model": "Fast"}}}},
         "disks:a:match: matches sda (Fast, S-sda, "),
        ({"disks": {"a": {"match": {"serial": "?"}}}},
         "disks:a:match: matches no disk of the mach"),
        ({"disks": {"sda": {"fs": "ext4"}}}, "sda: it is the boot disk, so it cannot be formatted"),
        ({"disks": {"sda": {"partitions": [{"size": "60%"}, {"size": "60G"}]}}}, "do not fit into"),
        ({"raids": {"a": {"level": 1, "devices": ["b", "sdb"]},
                    "b": {"level": 1, "devices": ["a", "sdc"]}}}, "it is a member of itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_sent(storage, message, regions):
    server = regions("3.7")
    name, _ = ready(server)
    (problem,) = problems_of(server, stored(name, storage))
    assert f"machine {name}: storage: " in problem
    assert message in problem


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ({"disk": {}}, "storage:disk: unknown key"),
        ({"disks": {"sda": {"partitions": [{"size": "10Q"}]}}},
         "storage:disks:sda:partitions:0:size: '10Q' must be a size such as 512M"),
        ({"disks": {"sda": {"partitions": [{}, {}]}}}, "only one of them can take the rest"),
        ({"disks": {"sda": {"fs": "ntfs"}}}, "storage:disks:sda:fs: 'ntfs' must be one of: ext4"),
        ({"disks": {"sda": {"mount": "/"}}}, "storage:disks:sda:mount: needs fs"),
        ({"raids": {"md0": {"level": 5, "devices": ["sda", "sdb"]}}}, "a list of 3 or more"),
        ({"raids": {"md0": {"level": 3, "devices": []}}}, "3 must be one of: 0, 1, 5, 6, 10"),
        ({"layout": "zfs"}, "storage:layout: 'zfs' must be one of: flat"),
        ({"layout": "flat", "raids": {"md0": {}}},
         "storage:raids: layout flat cannot go with this"),
        ({"disks": {"sda": {"partition_table": "MBR"}}}, "sda:partition_table: needs partitions"),
        ({"disks": {"sda": {"partition_table": "gpt", "partitions": [{}]}}},
         "sda:partition_table: 'gpt' must be one of: GPT, MBR"),
        ({"disks": {"sda": {"partitions": [{"tags": "x"}]}}}, "partitions:0:tags: 'x' must be a"),
        ({"special": [{"fs": "ext4", "mount": "/tmp"}]}, "storage:special:0:fs: 'ext4' must be"),
        ("sda", "must be a mapping of disks"),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_its_path(storage, message, regions):
    with pytest.raises(BadInput) as error:
        planned(regions("3.7"), stored("any", storage))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("status", "what"), [(22, "commission it first"), (6, "release it first"), (21, "repeat the")]
)
def test_only_ready_machines_are_laid_out(status, what, regions):
    server = regions("3.7")
    name, _ = ready(server, status=status)
    (problem,) = problems_of(server, [desired_object(
        "machine", {"hostname": name, "storage": MIRRORED, "in_use": True}, "here")])  # fmt: skip
    assert "storage: it is " in problem
    assert what in problem


def test_an_allocated_machine_is_formatted_and_mounted(regions):
    server = regions("3.7")
    name, ident = ready(server)
    data = {"disks": {"sdb": {"fs": "ext4", "mount": "/data"}}}
    hardware.update(server.region, ident, status=10, owner="admin")
    wished = [desired_object("machine", {"hostname": name, "storage": data, "in_use": True}, "h")]
    carried_out(server, wished)
    assert problems_of(server, [desired_object(
        "machine", {"hostname": name, "storage": MIRRORED, "in_use": True}, "here")])  # fmt: skip


def test_when_a_step_fails_the_error_tells_how_far_it_came_and_the_next_run_goes_on(regions):
    server = regions("3.7")
    name, _ = ready(server)
    count = len(laid_out(server, name, MIRRORED))
    for number in range(1, count + 1, 4):
        name, _ = ready(server)
        writes = iter(range(1, 10**6))

        def choose(_, method, target, writes=writes, number=number):
            # The engine tries a second time after an error of the server.
            return "500" if method == "POST" and next(writes) >= number else None

        with FaultyProxy(server, choose) as proxy:
            snapshot, plan = planned(server, stored(name, MIRRORED), url=proxy.url)
            apply(snapshot, plan, SHORT)
        (error,) = errors(plan).values()
        assert "done: " in error
        assert "; left: " in error
        laid_out(server, name, MIRRORED)


def test_a_run_with_nothing_to_do_reads_the_list_alone(regions):
    server = regions("3.7")
    names = [ready(server)[0] for _ in range(3)]
    wished = [one for name in names for one in stored(name, MIRRORED)]
    carried_out(server, wished)
    server.requests.reset()
    plan = planned(server, wished)[1]
    assert plan.changes == []
    assert len([one for one in server.requests.entries() if "nodes/" in one.path]) == 0
    assert len([one for one in server.requests.entries() if "machines/" in one.path]) == 1


def test_what_is_exported_is_what_is_there(regions):
    server = regions("3.7")
    name, _ = ready(server)
    laid_out(server, name, MIRRORED)
    exported = machine_storage.described(snapshot_of(server).records("machine")[name].raw)
    assert exported["volume_groups"]["vg0"]["devices"] == ["md0"]
    assert exported["raids"]["md0"] == {"level": 1, "devices": ["sda-part2", "sdb-part2"]}
    assert planned(server, stored(name, exported))[1].changes == []


def test_names_that_are_taken_are_told(regions):
    server = regions("3.7")
    name, _ = ready(server)
    group = {"devices": ["sdb"], "volumes": {"root": {"size": "10G"}}}
    laid_out(server, name, {"volume_groups": {"old": group}})
    (problem,) = problems_of(
        server, stored(name, {"volume_groups": {"new": {**group, "devices": ["sdd"]}}})
    )
    assert "new-root: its name is that of an existing device, old-root" in problem
