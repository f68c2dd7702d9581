"""MAAS's own storage layouts, and whether the current storage of a machine is one of them.

MAAS does not report which layout was applied, so the result of a layout is compared with what the
machine has.
"""

from __future__ import annotations

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_current import (
    BACKING,
    CACHE,
    DATASTORE,
    DISK,
    EXTENT,
    PARTITION,
    VOLUME,
    CurrentStorage,
    Device,
)

#: The layouts, each with the first release that has it, and its options.
_BASIC = ("boot_size", "root_size", "root_device")
LAYOUTS: dict[str, tuple[str, tuple]] = {
    "flat": ("1.9", _BASIC),
    "lvm": ("1.9", (*_BASIC, "vg_name", "lv_name", "lv_size")),
    "bcache": ("1.9", (*_BASIC, "cache_mode", "cache_size", "cache_no_part")),
    "blank": ("2.6", ()),
    "vmfs6": ("2.6", ("root_size", "root_device")),
    "vmfs7": ("3.1", ("root_size", "root_device")),
}
SIZES = ("boot_size", "root_size", "lv_size", "cache_size")
_EFI = 512 * sizes.MIB
#: Sizes of the partitions of VMware's layouts in MiB; None for the one that takes the rest.
_VMFS = {
    "vmfs6": (3, 4096, None, 249, 249, 109, 285, 2560),
    "vmfs7": (100, 4095, 4095, 25662832128 / sizes.MIB, None),
}
VMWARE = tuple(_VMFS)


def options_in_bytes(options: dict, current: CurrentStorage, boot: Device) -> dict:
    """Return the options of a layout with sizes in bytes.

    Args:
        options: As described.
        current: What the machine has.
        boot: The disk that it boots from.
    """
    capacity = boot.size - _EFI
    found = dict(options)
    for name in ("boot_size", "root_size", "lv_size", "cache_size"):
        if name not in options:
            continue
        of = capacity
        if name == "lv_size":
            of = found.get("root_size") or capacity - found.get("boot_size", 0)
        if name == "cache_size":
            cache = _cache_disk(current, boot)
            of = cache.size if cache else 0
        found[name] = sizes.size_within(options[name], of)
        if found[name] is None:
            del found[name]
    return found


def _cache_disk(current, boot):
    """The disk that MAAS uses as cache: the smallest SSD other than the boot disk."""
    fit = [
        one for one in current.disks() if one is not boot and "ssd" in (one.raw.get("tags") or ())
    ]
    return min(fit, key=lambda one: one.size, default=None)


def is_vmware(disk: Device) -> bool:
    """Return whether a disk has a VMware layout, whose partitions MAAS does not delete."""
    return any(
        len(disk.parts) >= len(layout)
        and all(
            asked is None or part.size == int(asked * sizes.MIB)
            for part, asked in zip(disk.parts, layout, strict=False)
        )
        for layout in _VMFS.values()
    )


class LayoutComparison:
    """Compares the current storage of a machine with the result of a layout.

    Args:
        current: What the machine has.
        boot: The disk that it boots from.
        options: Of the layout, with sizes in bytes and ``root_device`` as the name of a disk.
        architecture: Of the machine.
    """

    def __init__(self, current: CurrentStorage, boot: Device, options: dict, architecture: str):
        self.current, self.boot, self.options = current, boot, options
        self._is_arm = architecture.startswith("arm64/")
        self._expected: list[Device] = []

    def matches(self, layout: str) -> bool:
        """Return whether the current storage is exactly the result of a layout."""
        if layout in _VMFS:
            fit = self._is_vmfs(_VMFS[layout])
        else:
            fit = layout == "blank" or self._is_linux(layout)
        used = {id(one) for one in self._expected}
        others = (one for one in self.current.devices.values() if id(one) not in used)
        return fit and not any(one.kind != DISK or one.fs or one.role for one in others)

    def _is_linux(self, layout):
        parts, options = list(self.boot.parts), self.options
        if parts and (parts[0].fs, parts[0].mount, parts[0].size) == ("fat32", "/boot/efi", _EFI):
            self._expected.append(parts.pop(0))
        size = options.get("boot_size") or (1024 * sizes.MIB if layout == "bcache" else 0)
        is_boot = bool(parts) and (parts[0].fs, parts[0].mount) == ("ext4", "/boot")
        if is_boot and parts[0].size == (sizes.rounded(size) if size else self._is_arm and _EFI):
            self._expected.append(parts.pop(0))
        elif size:
            return False
        disk = self.boot
        if options.get("root_device") not in (None, self.boot.name):
            disk = self.current.devices[options["root_device"]]
            if parts:
                return False
            parts = list(disk.parts)
        if len(parts) != 1 or not self._has_size(disk, parts[0]):
            return False
        self._expected.append(parts[0])
        return getattr(self, f"_is_{layout}")(parts[0])

    def _has_size(self, disk, root):
        asked = self.options.get("root_size")
        if asked:
            return root.size == sizes.rounded(asked)
        return sum(one.size for one in disk.parts) == self.current.capacity(disk.size)

    def _is_flat(self, root):
        return (root.fs, root.mount) == ("ext4", "/")

    def _is_lvm(self, root):
        group = self.options.get("vg_name") or "vgroot"
        name = f"{group}-{self.options.get('lv_name') or 'lvroot'}"
        volume = self.current.devices.get(name)
        if (root.role, root.group) != (EXTENT, group) or volume is None or volume.kind != VOLUME:
            return False
        self._expected.append(volume)
        asked = self.options.get("lv_size")
        size = sizes.rounded(asked) if asked else sizes.volume_group_size([root.size])
        return volume.size == size and self._is_flat(volume)

    def _is_bcache(self, root):
        caches = [one for one in self.current.devices.values() if one.role == CACHE]
        virtual = self.current.devices.get(root.group) if root.role == BACKING else None
        if len(caches) != 1 or virtual is None:
            return False
        self._expected += [virtual, caches[0]]
        whole, asked = self.options.get("cache_no_part"), self.options.get("cache_size")
        if (caches[0].kind == DISK) != bool(whole):
            return False
        fit = not asked or caches[0].kind != PARTITION or caches[0].size == sizes.rounded(asked)
        mode = self.options.get("cache_mode")
        known = self.current.modes.get(root.group)
        return fit and self._is_flat(virtual) and (not mode or known in (None, mode))

    def _is_vmfs(self, layout):
        disk = self.current.devices[self.options.get("root_device") or self.boot.name]
        parts = disk.parts[: len(layout)]
        sizes_there = [part.size for part in parts]
        if len(parts) != len(layout) or len(disk.parts) != len(layout):
            return False
        data = parts[layout.index(None)]
        self._expected += parts
        self._expected += [
            one for one in self.current.devices.values()
            if one.kind == DATASTORE and one.of == data.group
        ]  # fmt: skip
        same = all(
            asked is None or size == int(asked * sizes.MIB)
            for size, asked in zip(sizes_there, layout, strict=True)
        )
        asked = self.options.get("root_size")
        fit = data.size == sizes.rounded(asked) if asked else True
        return same and fit and data.role == DATASTORE
