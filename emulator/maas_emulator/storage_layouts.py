"""The storage layouts that MAAS makes by itself."""

from __future__ import annotations

from maas_emulator import forms_2x, storage
from maas_emulator import storage_fields as fields
from maas_emulator.settings import layouts
from maas_emulator.storage import GIB, MIB
from maas_emulator.web import TEXT, Answer, Invalid

_EFI = 512 * MIB
_LEAST_BOOT, _LEAST_ROOT = 512 * MIB, 3 * GIB
_MODES = ("writeback", "writethrough", "writearound")
#: Partitions of a datastore's layout: (number, size); that of size 0 takes what is left.
_VMFS = {
    "vmfs6": ((1, 3 * MIB), (2, 4 * GIB), (3, 0), (5, 249 * MIB), (6, 249 * MIB), (7, 109 * MIB),
              (8, 285 * MIB), (9, 2560 * MIB)),
    "vmfs7": ((1, 100 * MIB), (5, 4095 * MIB), (6, 4095 * MIB), (7, 25662832128), (8, 0)),
}  # fmt: skip
_LEAST_VMFS = {"vmfs6": 10, "vmfs7": 32}
_NO_DISK = "Machine is missing a boot disk; no storage layout can be applied."
_SMALL, _LARGE = "Size is too small. Minimum size is {}.", "Size is too large. Maximum size is {}."


def vmfs_disk(region, node):
    """The disk that a datastore's layout was applied to, or None."""
    for disk in storage.disks_of(region, node, "physical"):
        parts = storage.partitions_of(region, disk)
        for layout in _VMFS.values():
            if len(parts) >= len(layout) and all(
                size in (0, part["size"]) for part, (_, size) in zip(parts, layout)
            ):
                return disk
    return None


def is_base_partition(region, node, part):
    """Whether a partition is one that a datastore's layout needs."""
    disk = vmfs_disk(region, node)
    if disk is None or disk["id"] != part["disk"]:
        return False
    return part["index"] <= (9 if storage.partitions_of(region, disk)[0]["size"] == 3 * MIB else 7)


def apply(request, node):
    """Give a machine the storage layout of a form, with its parameters.

    Args:
        request: The call.
        node: The machine.

    Raises:
        Answer: 400 for the layout or a parameter, or when there is no fitting disk.
    """
    region = request.region
    name = str(request.form.get("storage_layout") or "")
    choices = layouts(region.release)
    if not name:
        raise Invalid({"storage_layout": ["This field is required."]})
    if name not in choices:
        listed = ", ".join(f"'{item}'" for item in choices)
        text = f"'{name}' is not a valid storage_layout.  It should be one of: {listed}."
        raise Invalid({"storage_layout": [text]})
    with storage.undone_on_error(region, node):
        _Layout(request, node, name).configure()
        node["layout"] = name


def default(region, node):
    """Give a machine the layout that the settings name; without a disk nothing happens."""
    name = str(region.settings.get("default_storage_layout") or "flat")
    request = _Unasked(region)
    try:
        with storage.undone_on_error(region, node):
            _Layout(request, node, name, fallback=True).configure()
            node["layout"] = name
    except Answer:
        return


class _Unasked:
    """Stands for a request that says nothing."""

    bound = True

    def __init__(self, region):
        self.region = region
        self.form = forms_2x.Form()


class _Layout:
    def __init__(self, request, node, name, fallback=False):
        self.region, self.node, self.name, self.fallback = request.region, node, name, fallback
        self.disks = storage.disks_of(self.region, node, "physical")
        self.boot = storage.boot_disk(self.region, node)
        self.form = forms_2x.ModelForm(request, self._fields())
        self.form.read()

    @property
    def seen(self):
        return self.form.cleaned

    def _fields(self):
        found = [
            fields.size_or_part("boot_size", self._room),
            fields.size_or_part("root_size", self._room),
            fields.listed_choice("root_device", [row["id"] for row in self.disks]),
        ]
        if self.name == "lvm":
            found += [fields.text("vg_name"), fields.text("lv_name"),
                      fields.size_or_part("lv_size", lambda: self._room_for_volume())]  # fmt: skip
        if self.name == "bcache":
            others = [row["id"] for row in self.disks if row is not self.boot]
            found += [
                fields.choice("cache_mode", _MODES),
                forms_2x.flag("cache_no_part", model=None),
                fields.listed_choice("cache_device", others),
                fields.size_or_part("cache_size", lambda: (self._cache() or {"size": 0})["size"]),
            ]
        return found

    def _room(self):
        return self.boot["size"] - _EFI if self.boot else 0

    def _room_for_volume(self):
        seen = self.form.cleaned
        return seen.get("root_size") or self._room() - (seen.get("boot_size") or 0)

    def _check(self):
        seen = self.seen
        limits = {"boot_size": (_LEAST_BOOT, _LEAST_ROOT), "root_size": (_LEAST_ROOT, _LEAST_BOOT)}
        for name, (least, other) in limits.items():
            if self.boot:
                self._check_size(name, least, self._room() - other)
        if not self.disks or not self.boot:
            raise Answer(400, _NO_DISK, TEXT)
        boot, root = seen.get("boot_size") or 0, seen.get("root_size")
        if root and _EFI + boot + root > self.boot["size"]:
            text = "Size of the boot partition and root partition are larger than the available"
            self.form.error("__all__", f"{text} space on the boot disk.")
        if self.name == "lvm":
            self._check_size("lv_size", _LEAST_ROOT, self._room_for_volume())
        if self.name == "bcache":
            self._check_cache()
        gigabytes = _LEAST_VMFS.get(self.name, 0)
        if self.boot["size"] < gigabytes * GIB:
            self.form.note("boot_size", f"Boot disk must be at least {gigabytes}Gb.")
        if self.form.errors:
            raise Invalid(self.form.errors)

    def _check_size(self, name, least, most):
        value = self.seen.get(name)
        if value is not None and value < least:
            self.form.error(name, _SMALL.format(least))
        elif value is not None and value > most:
            self.form.error(name, _LARGE.format(most))

    def _check_cache(self):
        seen, disk = self.seen, self._cache()
        if seen.get("cache_size") is not None and seen.get("cache_no_part"):
            text = "Cannot use cache_size and cache_no_part at the same time."
            self.form.note("cache_size", text)
            self.form.note("cache_no_part", text)
        elif disk:
            self._check_size("cache_size", storage.ALIGNMENT, disk["size"])

    def _cache(self):
        """The disk for a bcache: the smallest SSD beside the boot disk, whatever was asked for."""
        others = [row for row in self.disks if row is not self.boot and "ssd" in row["tags"]]
        return min(others, key=lambda row: row["size"], default=None)

    # -- what is made

    def configure(self):
        """Check the parameters, clear the disks and lay them out."""
        self._check()
        storage.clear(self.region, self.node)
        makers = {"flat": self._flat, "lvm": self._lvm, "bcache": self._bcache,
                  "blank": lambda: None, "custom": self._custom}  # fmt: skip
        makers.get(self.name, self._vmfs)()

    def _part(self, disk, size=None, bootable=False, mounted=None, index=None):
        row = storage.add_partition(
            self.region, self.node, disk, size, bootable=bootable, index=index
        )
        if mounted:
            label, fstype, point = mounted
            self._format((storage.PARTITION, row["id"]), label, fstype, point)
        return row

    def _format(self, key, label, fstype, point):
        storage.add_filesystem(self.region, self.node, key, fstype, label=label, mount_point=point)

    def _basic(self, boot_size=None):
        """Make the partitions that all layouts have; returns that of the root."""
        method, arch = self.node["bios_boot_method"], self.node["architecture"].partition("/")[0]
        if method == "uefi" and arch != "ppc64el":
            self._part(self.boot, _EFI, True, ("efi", "fat32", "/boot/efi"))
        elif method != "uefi" and arch == "arm64" and boot_size is None:
            self._part(self.boot, _LEAST_BOOT, True, ("boot", "ext4", "/boot"))
        size = self.seen.get("boot_size") or 0 if boot_size is None else boot_size
        if size > 0:
            self._part(self.boot, size, True, ("boot", "ext4", "/boot"))
        self.boot["table"] = self.boot["table"] or (
            "MBR" if storage.is_node_1x(self.node) else "GPT"
        )
        chosen = self.seen.get("root_device")
        disk = self.region.rows("disks")[chosen] if chosen else self.boot
        return self._part(disk, self.seen.get("root_size"))

    def _flat(self):
        part = self._basic()
        self._format((storage.PARTITION, part["id"]), "root", "ext4", "/")

    def _lvm(self):
        part, seen = self._basic(), self.seen
        group = storage.add_group(
            self.region, self.node, "lvm-vg", seen.get("vg_name") or "vgroot",
            [(storage.PARTITION, part["id"])],
        )  # fmt: skip
        volume = storage.add_volume(
            self.region, self.node, group, seen.get("lv_name") or "lvroot", seen.get("lv_size")
        )
        self._format((storage.DISK, volume["id"]), "root", "ext4", "/")

    def _bcache(self):
        cache, seen = self._cache(), self.seen
        if cache is None:
            if self.fallback:
                self._flat()
                return
            text = "Node doesn't have an available cache device to setup bcache."
            raise _failed(self.name, text)
        part = self._basic(seen.get("boot_size") or GIB)
        key = (storage.DISK, cache["id"])
        if not seen.get("cache_no_part"):
            row = self._part(cache, seen.get("cache_size"))
            key = (storage.PARTITION, row["id"])
        caches = storage.add_cache_set(self.region, self.node, key)
        group = storage.add_group(
            self.region, self.node, "bcache", self._free_name("bcache"),
            [(storage.PARTITION, part["id"])], cache_set=caches["id"],
            cache_mode=seen.get("cache_mode") or "writethrough",
        )  # fmt: skip
        volume = storage.volumes_of(self.region, group)[0]
        self._format((storage.DISK, volume["id"]), "root", "ext4", "/")

    def _free_name(self, prefix):
        taken = {row["name"] for row in storage.groups_of(self.region, self.node, prefix)}
        return next(f"{prefix}{n}" for n in range(len(taken) + 1) if f"{prefix}{n}" not in taken)

    def _vmfs(self):
        disk = self.boot
        chosen = self.seen.get("root_device")
        disk = self.region.rows("disks")[chosen] if chosen else disk
        disk["table"] = "GPT"
        data: dict = {}
        for index, size in _VMFS[self.name]:
            row = self.region.rows("partitions").add(
                {"node": self.node["system_id"], "disk": disk["id"], "size": size, "index": index,
                 "bootable": index == 1, "uuid": storage.new_uuid(), "tags": []}
            )  # fmt: skip
            data = row if not size else data
        root = self.seen.get("root_size")
        data["size"] = (
            root // storage.ALIGNMENT * storage.ALIGNMENT
            if root
            else storage.left_for_partitions(self.region, disk)
        )
        group = storage.add_group(
            self.region, self.node, "vmfs6", "datastore1", [(storage.PARTITION, data["id"])]
        )
        volume = storage.volumes_of(self.region, group)[0]
        self._format((storage.DISK, volume["id"]), None, "vmfs6", "/vmfs/volumes/datastore1")

    def _custom(self):
        if not self.node["current_commissioning_result_id"]:
            text = "'NoneType' object has no attribute 'find_script_result'"
            raise Answer(500, text, TEXT)
        raise _failed(self.name, "No custom storage layout configuration found")


def _failed(name, text):
    return Answer(400, f"Failed to configure storage layout '{name}': {text}", TEXT)
