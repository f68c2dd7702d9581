"""The interfaces and disks of machines that a plan changes, as they are and as they will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.reconcile.plan import Change
from saltext.maas.resources import interfaces_field, interfaces_schema, storage_current
from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.field import Record
from saltext.maas.resources.interfaces_model import InterfaceLayout, Link, Nic
from saltext.maas.resources.steps import STEPS
from saltext.maas.resources.storage_current import CurrentStorage, Device

_MEMBERS = {
    storage_current.ACTIVE: "in RAID {}",
    storage_current.SPARE: "spare of RAID {}",
    storage_current.EXTENT: "in volume group {}",
    storage_current.BACKING: "behind bcache {}",
    storage_current.CACHE: "cache of bcaches",
    storage_current.DATASTORE: "in datastore {}",
}
#: What a device is used for, by its role.
_USES = {
    storage_current.ACTIVE: "raid", storage_current.SPARE: "raid", storage_current.EXTENT: "lvm",
    storage_current.BACKING: "bcache", storage_current.CACHE: "bcache",
    storage_current.DATASTORE: "lvm",
}  # fmt: skip
_LINKS = {"static": "static", "auto": "auto", "dhcp": "DHCP"}


@dataclass
class Part:
    """An interface, a disk, or a part of one.

    Attributes:
        name: Its name in MAAS.
        facts: What is known of it, in short phrases.
        key: The same before and after.
        on: Names of the interfaces that it is on.
        inside: Its partitions or logical volumes.
        size: Its size in bytes, where it has one.
        use: ``fs``, ``swap``, ``raid``, ``lvm`` or ``bcache``; empty if it is not used.
        fs: The type of its file system.
        action: ``create``, ``update``, ``delete``, or empty.
        was: The facts that do not hold any more.
        lost: Whether the data on it is lost.
    """

    name: str
    facts: list[str]
    key: Any = None
    on: list[str] = field(default_factory=list)
    inside: list[Part] = field(default_factory=list)
    size: int = 0
    use: str = ""
    fs: str | None = None
    action: str = ""
    was: list[str] = field(default_factory=list)
    lost: bool = False

    def all(self) -> Iterator[Part]:
        """Yield it and all that is in it."""
        yield self
        for one in self.inside:
            yield from one.all()

    def changes(self) -> bool:
        """Return whether it changes, or something in it."""
        return any(one.action or one.lost for one in self.all())


@dataclass
class Picture:
    """A machine whose interfaces or disks change.

    Attributes:
        name: Its name in the pillar.
        action: ``create`` or ``update``.
        interfaces, storage: Its parts as they are, and as they will be; empty if none changes.
        steps: The requests, by field.
    """

    name: str
    action: str
    interfaces: tuple[list[Part], list[Part]] = field(default_factory=lambda: ([], []))
    storage: tuple[list[Part], list[Part]] = field(default_factory=lambda: ([], []))
    steps: dict[str, list[str]] = field(default_factory=dict)

    @property
    def lost(self) -> list[str]:
        """The names of all devices whose data is lost."""
        return [part.name for top in self.storage[0] for part in top.all() if part.lost]


def pictures_of(snapshot: Snapshot, plan: Plan) -> dict[tuple[str, str], Picture]:
    """Return the machines whose interfaces or disks a plan changes, by the ids of their changes.

    Args:
        snapshot: The snapshot that the plan was made from.
        plan: The plan.

    Raises:
        MaasError: The region cannot be asked.
    """
    found = {}
    for change in plan.changes:
        if change.desired.type != "machine" or change.problem or change.action == "delete":
            continue
        skipped = plan.skipped.get(change.id, ())
        picture = Picture(change.desired.label, change.action)
        if (change.new or {}).get("interfaces") and "interfaces" not in skipped:
            _draw_interfaces(snapshot, change, picture)
        if STEPS in ((change.new or {}).get("storage") or ()):
            _draw_storage(snapshot, change, picture)
        if picture.steps:
            found[change.id] = picture
    return found


def _draw_interfaces(snapshot, change, picture):
    raw = change.raw
    if raw is None:
        raw = interfaces_field.new_machine(snapshot, change.desired)
    now, then, steps = interfaces_field.before_and_after(snapshot, change.desired, raw)
    picture.interfaces = _compared(interface_parts(now), interface_parts(then))
    picture.steps["interfaces"] = [step.text for step in steps]


def _draw_storage(snapshot, change: Change, picture):
    table = snapshot.tables["machine"]
    record = table.match(snapshot, change.desired) or Record(change.desired.key, change.raw)
    now, then, steps = table.storage_before_and_after(snapshot, change.desired, record)
    erased = {name for step in steps for name in step.erases.split(", ")}
    picture.storage = _compared(storage_parts(now), storage_parts(then), erased)
    picture.steps["storage"] = change.new["storage"][STEPS]
    for step in steps:
        if step.op == "set_storage_layout":
            root = step.data.get("root_device")
            name = next((one.name for one in then.disks() if one.id == root), then.boot_disk)
            _note(picture, name, f"layout {step.data['storage_layout']}, made by MAAS")


def _note(picture, name, text):
    """Add a fact to a disk as it will be."""
    for part in (part for parts in picture.storage for part in parts if part.name == name):
        part.action = "update"
    for part in picture.storage[1]:
        part.facts += [text] if part.name == name else []


def interface_parts(layout: InterfaceLayout) -> list[Part]:
    """Return interfaces as parts, each after those that it is on."""
    left, found = list(layout.nics), []
    while left:
        ready = [nic for nic in left if not any(one in left for one in nic.parents)] or left
        found += ready
        left = [nic for nic in left if nic not in ready]
    return [
        Part(nic.name, list(_facts_of(nic, layout)), nic.id or nic.name,
             [one.name for one in nic.parents])
        for nic in found
    ]  # fmt: skip


def _facts_of(nic: Nic, layout) -> Iterator[str]:
    values = nic.values
    if nic.type == interfaces_schema.PHYSICAL:
        yield values.get("mac_address") or "physical"
    elif nic.type == interfaces_schema.BOND:
        yield f"bond {values.get('bond_mode') or 'balance-rr'}"
    else:
        ovs = nic.type == interfaces_schema.BRIDGE and values.get("bridge_type") == "ovs"
        yield "Open vSwitch bridge" if ovs else {"vlan": "VLAN"}.get(nic.type, nic.type)
    within = any(one.type in ("bond", "bridge") for one in layout.children(nic))
    if nic.vlan and (nic.type == interfaces_schema.VLAN or not within):
        yield nic.vlan
    if values.get("mtu") not in (None, 1500):
        yield f"MTU {values['mtu']}"
    if values.get("link_connected") is False and nic.type == interfaces_schema.PHYSICAL:
        yield "not connected"
    for link in nic.links:
        if link.mode in _LINKS:
            yield _link(link)
        if link.gateway:
            yield f"default IPv{link.family} gateway"
    yield from _tags(nic.tags)


def _tags(tags: Iterable[str] | None) -> list[str]:
    return [f"tags {', '.join(sorted(tags))}"] if tags else []


def _link(link: Link):
    words = [_LINKS[link.mode]]
    if link.ip_address and link.mode == "static":
        prefix = (link.subnet or "").partition("/")[2]
        words.append(f"{link.ip_address}/{prefix}" if prefix else link.ip_address)
    elif link.subnet:
        words.append(link.subnet)
    return " ".join(words)


def storage_parts(storage: CurrentStorage) -> list[Part]:
    """Return disks, RAIDs, volume groups, bcaches and file systems in memory as parts."""
    parts, groups = [], []
    for one in storage.devices.values():
        if one.kind == storage_current.DISK:
            parts.append(_device(one, _disk_facts(storage, one)))
        elif one.kind == storage_current.RAID:
            spares = storage.members(one.of, storage_current.SPARE)
            active = _names(storage.members(one.of, storage_current.ACTIVE))
            facts = [f"RAID {storage.levels.get(one.of)} of {active}"]
            facts += [f"spare {_names(spares)}"] if spares else []
            groups.append(_device(one, [*facts, size_text(one.size)]))
        elif one.kind == storage_current.BCACHE:
            backing = storage.members(one.of, storage_current.BACKING)
            cache = storage.members(storage.caches.get(one.of, ""), storage_current.CACHE)
            facts = [f"bcache of {_names(backing)}"]
            facts += [f"cached on {_names(cache)}"] if cache else []
            facts += [storage.modes[one.of]] if storage.modes.get(one.of) else []
            groups.append(_device(one, [*facts, size_text(one.size)]))
        elif one.kind == storage_current.DATASTORE:
            groups.append(_device(one, ["VMFS datastore", size_text(one.size)]))
    for name in dict.fromkeys(one.group for one in storage.devices.values()
                              if one.role == storage_current.EXTENT):  # fmt: skip
        groups.append(_volume_group(storage, name))
    memory = [
        Part(fs, [f"at {mount}", *([options] if options else [])], ("memory", mount))
        for mount, (fs, options) in sorted(storage.special.items())
    ]
    return [*parts, *groups, *memory]


def _disk_facts(storage, disk):
    yield size_text(disk.size)
    if disk.raw.get("model"):
        yield disk.raw["model"]
    if disk.name == storage.boot_disk:
        yield "boot disk"
    if disk.raw.get("partition_table_type") == "MBR" and disk.parts:
        yield "MBR"
    yield from _tags(disk.raw.get("tags"))


def _volume_group(storage, name):
    members = storage.members(name, storage_current.EXTENT)
    size = sizes.volume_group_size([one.size for one in members])
    volumes = [_device(one, [size_text(one.size)]) for one in storage.volumes(name)]
    facts = [f"volume group of {_names(members)}", size_text(size)]
    return Part(name, facts, ("volume group", name), inside=volumes, size=size)


def _device(one: Device, facts: Iterable[str]) -> Part:
    inside = [
        _device(part, [size_text(part.size), *_tags(part.raw.get("tags"))]) for part in one.parts
    ]
    use = _USES.get(one.role, "swap" if one.fs == "swap" else "fs" if one.fs else "")
    key = one.id and (one.above is not None, one.id)  # MAAS counts partitions on their own
    return Part(one.name, [*facts, *_content(one)], key or one.name, inside=inside,
                size=one.size, use=use, fs=one.fs)  # fmt: skip


def _content(one):
    if one.role:
        yield _MEMBERS[one.role].format(one.group)
    elif one.fs:
        at = f" at {one.mount}" if one.mount and one.fs != "swap" else ""
        yield f"{one.fs}{at}"
        if one.label:
            yield f"label {one.label}"
        if one.options:
            yield one.options


def _names(devices):
    return ", ".join(one.name for one in devices) or "nothing"


def size_text(size: int) -> str:
    """Return a size as a person reads it: exact where that is short, else in powers of 1000."""
    exact = str(sizes.text(size))
    number = exact.rstrip("GMKiB")
    if number != exact and len(number) < 4:
        return f"{number} {exact[len(number) :]}"
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"


def on_text(part: Part) -> str:
    """Return what an interface is on, in words."""
    return f"on {', '.join(part.on)}" if part.on else ""


def _compared(now, then, erased=()):
    """Note in both what differs, and what is lost."""
    before, after = ({part.key: part for top in some for part in top.all()} for some in (now, then))
    for key, part in before.items():
        new = after.get(key)
        if new is None:
            part.action = "delete"
        elif (part.facts, part.name, sorted(part.on)) != (new.facts, new.name, sorted(new.on)):
            part.action = new.action = "update"
            new.was = [fact for fact in part.facts if fact not in new.facts]
            if set(part.on) != set(new.on):
                new.was.append(on_text(part))
            if part.name != new.name:
                new.was.insert(0, part.name)
        replaced = part.size and (new is None or (part.fs and new.fs != part.fs))
        part.lost = bool(replaced) or part.name in erased
    for key, part in after.items():
        if key not in before:
            part.action = "create"
    return now, then


# As lines of text


@dataclass
class Line:
    """One part as a line: an action or nothing, how deep it lies, and the text."""

    action: str
    depth: int
    text: str


def interface_lines(now: list[Part], then: list[Part]) -> list[Line]:
    """Return interfaces as lines, those on top of others below them and indented."""
    gone = [part for part in now if part.action == "delete"]
    left = [*gone, *then]
    found: list[Line] = []
    depths: dict[str, int] = {}
    while left:
        names = {part.name for part in left}
        ready = [part for part in left if not names & set(part.on)] or left
        # What is on the last one that was shown comes right below it.
        shown = [[part for part in ready if name in part.on] for name in reversed(depths)]
        part = next((some[0] for some in shown if some), ready[0])
        left.remove(part)
        depths.pop(part.name, None)
        depths[part.name] = 1 + max((depths.get(name, -1) for name in part.on), default=-1)
        found.append(_line(part, depths[part.name]))
    return found


def storage_lines(now: list[Part], then: list[Part], whole: bool = False) -> list[Line]:
    """Return disks and what is made of them as lines.

    Args:
        now, then: The parts before and after.
        whole: Whether those in which nothing changes are shown too.
    """
    olds = {part.key: part for part in now}
    gone = [part for part in now if part.action == "delete"]
    disks = [part for part in then if part.action != "create"]
    new = [part for part in then if part.action == "create"]
    found: list[Line] = []
    left = 0
    for part in [*disks, *gone, *new]:
        old = olds.get(part.key)
        before = old.inside if old and part.action != "delete" else []
        removed = [one for one in before if one.action == "delete"]
        inside = [*removed, *part.inside]
        if not (whole or part.changes() or (old and old.changes())):
            left += 1
            continue
        lost = {one.key for one in (old, *before) if one and one.lost}
        found.append(_line(part, 0, part.key in lost))
        found += [_line(one, 1, one.key in lost) for one in inside]
    if left:
        found.append(Line("", 0, unchanged(left)))
    return found


def unchanged(count: int) -> str:
    """Return how many disks and groups are not shown."""
    return f"({count} more, unchanged)"


def _line(part, depth, lost=False):
    on = [on_text(part)] if part.on else []
    text = f"{part.name}: {'; '.join([*part.facts[:1], *on, *part.facts[1:]])}"
    if part.was:
        text += f"; was: {'; '.join(part.was)}"
    return Line(part.action, depth, f"{text} (its data is lost)" if lost else text)
