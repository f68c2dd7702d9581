"""Checks of the description of a machine's storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltext.maas.release import Release
from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.remembered import by_content
from saltext.maas.resources.storage_layouts import LAYOUTS, SIZES

FORMATS = ("ext4", "xfs", "btrfs", "ext2", "fat32", "vfat", "swap", "zfsroot")
IN_MEMORY = ("tmpfs", "ramfs")
MODES = ("writethrough", "writeback", "writearound")
_CONTENT = ("fs", "label", "mount", "options")
_KEYS = ("boot_disk", "layout", "layout_options", "disks", "raids", "volume_groups", "bcaches",
         "special")  # fmt: skip
_TABLES = ("GPT", "MBR")
_TABLE_SINCE, _TAGS_SINCE = "2.8", "2.5"
_FORMATS_SINCE = {"xfs": "2.0", "swap": "2.0", "btrfs": "2.2", "zfsroot": "2.4"}
#: First release with mount options and file systems in memory.
_OPTIONS_SINCE = "2.0"
_OF_PARTITION = ("size", "tags", *_CONTENT)
_OF_DISK = ("match", "tags", "partition_table", "partitions", *_CONTENT)
_OF_RAID = ("level", "devices", "spares", "partition_table", "partitions", *_CONTENT)
_OF_BCACHE = ("backing", "cache", "mode", "partitions", *_CONTENT)
_MATCHES = ("name", "serial", "model", "id_path", "size", "tag", "smallest", "largest")


def _named_mappings(key, **properties):
    one = {"allowed": "a mapping", "properties": properties}
    return {"allowed": "a mapping of names to mappings", "key": key, "additionalProperties": one}


_SIZE = {"allowed": f"{sizes.ALLOWED}, rest, or a percentage"}
_DEVICES = {"allowed": "a list of names of devices"}
_FILE_SYSTEM = {
    "fs": {"allowed": f"one of: {', '.join(FORMATS)}", "doc": "File system."},
    "label": {"allowed": "text"},
    "mount": {"allowed": "an absolute path", "doc": "Where it is mounted; none for swap."},
    "options": {"allowed": "text", "doc": "Options of the mount."},
}
_PARTITIONS = {
    "allowed": "a list of mappings",
    "items": {"allowed": "a mapping", "properties": {
        "size": _SIZE, "tags": {"allowed": "a list of words", "doc": "All its tags."},
        **_FILE_SYSTEM}},
}  # fmt: skip
_TABLE = {"allowed": f"one of: {', '.join(_TABLES)}", "doc": "Type of its partition table."}
#: The keys of storage, for the reference; :func:`problems` checks them.
DOCUMENTED = {
    "boot_disk": {"allowed": "a name of a disk", "doc": "Disk that the machine boots from."},
    "layout": {"allowed": f"one of: {', '.join(LAYOUTS)}", "doc": "Layout that MAAS makes."},
    "layout_options": {"allowed": "a mapping", "doc": "Options of the layout."},
    "disks": _named_mappings(
        "DISK", match={"allowed": f"a mapping of: {', '.join(_MATCHES)}",
                       "doc": "What tells the disk apart, where it is not its name."},
        tags={"allowed": "a list of words"}, partition_table=_TABLE, partitions=_PARTITIONS,
        **_FILE_SYSTEM),
    "raids": _named_mappings(
        "RAID", level={"allowed": "one of: 0, 1, 5, 6, 10"}, devices=_DEVICES, spares=_DEVICES,
        partition_table=_TABLE, partitions=_PARTITIONS, **_FILE_SYSTEM),
    "volume_groups": _named_mappings(
        "GROUP", devices=_DEVICES, volumes=_named_mappings("VOLUME", size=_SIZE, **_FILE_SYSTEM)),
    "bcaches": _named_mappings(
        "BCACHE", backing={"allowed": "a name of a device"},
        cache={"allowed": "a name of a device"}, mode={"allowed": f"one of: {', '.join(MODES)}"},
        partitions=_PARTITIONS, **_FILE_SYSTEM),
    "special": {
        "allowed": "a list of mappings", "doc": "All file systems in memory.",
        "items": {"allowed": "a mapping", "properties": {
            **_FILE_SYSTEM, "fs": {"allowed": f"one of: {', '.join(IN_MEMORY)}"}}},
    },
}  # fmt: skip

Problems = Iterator[tuple[str, str]]


@by_content
def problems(entry: Any, release: Release | None = None) -> Problems:
    """Yield what is wrong with a description of storage: ``(path, what is wrong)``.

    Args:
        entry: The description.
        release: The region's; None where none is known.
    """
    if not (yield from _mapping("storage", entry, _KEYS)):
        return
    yield from _layout(entry, release)
    yield from _named("disks", entry, _OF_DISK, _disk)
    yield from _named("raids", entry, _OF_RAID, _raid)
    yield from _named("volume_groups", entry, ("devices", "volumes"), _volume_group)
    yield from _named("bcaches", entry, _OF_BCACHE, _bcache)
    yield from _special(entry)
    if release is not None:
        yield from _too_new(entry, release)


def _too_new(entry, release):
    """What a release does not have."""
    if entry.get("special") and release < _OPTIONS_SINCE:
        yield "storage:special", f"needs MAAS {_OPTIONS_SINCE} or later"
    for path, one in _described_devices(entry):
        since = {
            "partition_table": _TABLE_SINCE,
            "options": _OPTIONS_SINCE,
            "tags": _TAGS_SINCE if ":partitions:" in path else "1.9",
        }
        for name in since.keys() & one.keys():
            if release < since[name]:
                yield f"{path}:{name}", f"needs MAAS {since[name]} or later"
        needed = _FORMATS_SINCE.get(str(one.get("fs")), "1.9")
        if release < needed:
            yield f"{path}:fs", f"{one['fs']!r} needs MAAS {needed} or later"


def _described_devices(entry):
    """The descriptions of all devices, each with its path; what is no mapping is left out."""
    groups = _mappings("storage:volume_groups", entry.get("volume_groups"))
    named = [("storage:" + kind, entry.get(kind)) for kind in ("disks", "raids", "bcaches")]
    for path, devices in (
        *named,
        *((f"{path}:volumes", one.get("volumes")) for path, one in groups),
    ):
        for below, one in _mappings(path, devices):
            yield below, one
            parts = one.get("partitions")
            for number, part in enumerate(parts if isinstance(parts, list) else ()):
                if isinstance(part, dict):
                    yield f"{below}:partitions:{number}", part


def _mappings(path, entries):
    for name, one in entries.items() if isinstance(entries, dict) else ():
        if isinstance(one, dict):
            yield f"{path}:{name}", one


def _mapping(path, entry, keys):
    if not isinstance(entry, dict):
        yield path, f"{entry!r} must be a mapping of: {', '.join(keys)}"
        return False
    for key in entry:
        if key not in keys:
            yield f"{path}:{key}", f"unknown key; allowed: {', '.join(keys)}"
    return True


def _named(kind, entry, keys, check):
    found = entry.get(kind) or {}
    if not isinstance(found, dict):
        yield f"storage:{kind}", f"{found!r} must be a mapping of names"
        return
    for name, one in found.items():
        path = f"storage:{kind}:{name}"
        if str(name).isdigit():
            yield path, "a name must not be a number"
        if (yield from _mapping(path, one or {}, keys)):
            yield from check(path, one or {})


def _choice(path, value, allowed):
    if isinstance(value, (list, dict)) or value not in allowed:
        yield path, f"{value!r} must be one of: {', '.join(map(str, allowed))}"


def _size(path, value, shared=True):
    try:
        sizes.size_within(value, 0) if shared else sizes.in_bytes(value)
    except ValueError:
        more = ", rest, or a percentage" if shared else ""
        yield path, f"{value!r} must be {sizes.ALLOWED}{more}"


def _names(path, value, least=1):
    if not isinstance(value, list) or len(value) < least:
        yield path, f"{value!r} must be a list of {least} or more devices"
    elif len(set(map(str, value))) < len(value):
        yield path, f"{value!r} names a device twice"


def _content(path, entry):
    if "fs" in entry:
        yield from _choice(f"{path}:fs", entry["fs"], FORMATS)
    for name in ("label", "mount", "options"):
        if name in entry and not entry.get("fs"):
            yield f"{path}:{name}", "needs fs, the file system"
    mount = entry.get("mount")
    if mount is not None and not str(mount).startswith("/"):
        yield f"{path}:mount", f"{mount!r} must be an absolute path"
    if entry.get("options") and not mount and entry.get("fs") != "swap":
        yield f"{path}:options", "needs mount, where the file system is mounted"
    yield from _partitions(path, entry)


def _partitions(path, entry):
    parts = entry.get("partitions") or []
    if parts and entry.get("fs"):
        yield f"{path}:fs", "a disk has either partitions or a file system"
    if not isinstance(parts, list):
        yield f"{path}:partitions", f"{parts!r} must be a list of mappings"
        return
    rest = 0
    for number, part in enumerate(parts):
        below = f"{path}:partitions:{number}"
        if not (yield from _mapping(below, part, _OF_PARTITION)):
            continue
        yield from _tags(below, part)
        yield from _size(f"{below}:size", part.get("size"))
        yield from _content(below, part)
        rest += part.get("size") in (None, sizes.REST)
    if rest > 1:
        yield f"{path}:partitions", "only one of them can take the rest; give the others a size"


def _disk(path, entry):
    match = entry.get("match")
    if match is not None and (yield from _mapping(f"{path}:match", match, _MATCHES)):
        if not match:
            yield f"{path}:match", f"is empty; give one of: {', '.join(_MATCHES)}"
        if "size" in match:
            yield from _size(f"{path}:match:size", match["size"], shared=False)
    yield from _tags(path, entry)
    yield from _table(path, entry)
    yield from _content(path, entry)


def _tags(path, entry):
    tags = entry.get("tags")
    if tags is not None and not isinstance(tags, list):
        yield f"{path}:tags", f"{tags!r} must be a list of words"


def _table(path, entry):
    if "partition_table" in entry:
        yield from _choice(f"{path}:partition_table", entry["partition_table"], _TABLES)
        if not entry.get("partitions"):
            yield f"{path}:partition_table", "needs partitions"


def _raid(path, entry):
    level = entry.get("level")
    yield from _choice(f"{path}:level", level, tuple(sizes.LEAST))
    least = sizes.LEAST.get(level, 1) if isinstance(level, int) else 1
    yield from _names(f"{path}:devices", entry.get("devices"), least)
    if entry.get("spares"):
        yield from _names(f"{path}:spares", entry["spares"])
        if level == 0:
            yield f"{path}:spares", "a RAID of level 0 has no spares"
    yield from _table(path, entry)
    yield from _content(path, entry)


def _volume_group(path, entry):
    yield from _names(f"{path}:devices", entry.get("devices"))
    volumes = entry.get("volumes") or {}
    if not isinstance(volumes, dict):
        yield f"{path}:volumes", f"{volumes!r} must be a mapping of names"
        return
    for name, one in volumes.items():
        below = f"{path}:volumes:{name}"
        if (yield from _mapping(below, one or {}, ("size", *_CONTENT))):
            yield from _size(f"{below}:size", (one or {}).get("size"))
            yield from _content(below, one or {})
    whole = [one or {} for one in volumes.values() if isinstance(one or {}, dict)]
    if sum(one.get("size") in (None, sizes.REST) for one in whole) > 1:
        yield f"{path}:volumes", "only one of them can take the rest; give the others a size"


def _bcache(path, entry):
    for name in ("backing", "cache"):
        if not isinstance(entry.get(name), str):
            yield f"{path}:{name}", f"{entry.get(name)!r} must be the name of a device"
    if "mode" in entry:
        yield from _choice(f"{path}:mode", entry["mode"], MODES)
    yield from _content(path, entry)


def _special(entry):
    found = entry.get("special") or []
    if not isinstance(found, list):
        yield "storage:special", f"{found!r} must be a list of mappings"
        return
    for number, one in enumerate(found):
        path = f"storage:special:{number}"
        if (yield from _mapping(path, one, ("fs", "mount", "options"))):
            yield from _choice(f"{path}:fs", one.get("fs"), IN_MEMORY)
            if not str(one.get("mount", "")).startswith("/"):
                yield f"{path}:mount", f"{one.get('mount')!r} must be an absolute path"


def _layout(entry, release):
    layout = entry.get("layout")
    if layout is None:
        if entry.get("layout_options"):
            yield "storage:layout_options", "needs layout"
        return
    if not isinstance(layout, str) or layout not in LAYOUTS:
        yield from _choice("storage:layout", layout, tuple(LAYOUTS))
        return
    since, allowed = LAYOUTS[layout]
    if release is not None and release < since:
        yield "storage:layout", f"{layout!r} needs MAAS {since} or later"
    options = entry.get("layout_options") or {}
    if (yield from _mapping("storage:layout_options", options, allowed)):
        yield from _options(options)
    yield from _beside_layout(entry, layout)


def _options(options):
    for name in SIZES:
        if name in options:
            yield from _size(f"storage:layout_options:{name}", options[name])
    if "cache_mode" in options:
        yield from _choice("storage:layout_options:cache_mode", options["cache_mode"], MODES)


def _beside_layout(entry, layout):
    for name in ("raids", "volume_groups", "bcaches"):
        if entry.get(name):
            yield f"storage:{name}", f"layout {layout} cannot go with this; leave one of them out"
    disks = entry.get("disks")
    for name, one in disks.items() if isinstance(disks, dict) else ():
        for key in one if isinstance(one, dict) else ():
            if key in ("partitions", "fs"):
                yield (
                    f"storage:disks:{name}:{key}",
                    f"layout {layout} cannot go with this; leave one of them out",
                )
