"""From a region to the pillar that describes it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Any

from saltext.maas import atomic_file, sdb
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.pillar import for_release as migration
from saltext.maas.pillar.checks import problems
from saltext.maas.pillar.controllers import key_of
from saltext.maas.pillar.desired_objects import SPANS, desired_objects
from saltext.maas.pillar.yaml_text import pillar_file, to_yaml
from saltext.maas.reconcile import Snapshot, make_plan
from saltext.maas.resources import TABLES
from saltext.maas.resources.kinds import network_of
from saltext.maas.resources.node_group import PLACEHOLDER

BY = ("type", "site")


@dataclass
class Export:
    """What a region holds, as a pillar.

    Attributes:
        described: The mapping under ``maas``.
        secrets: The references that stand for secrets, to be put into a secret store.
        notes: What could not be described, one line each.
    """

    described: dict
    secrets: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def export(
    snapshot: Snapshot, for_release: Any = None, hosts: dict[str, str] | None = None
) -> Export:
    """Describe a region such that a run with the description changes nothing.

    What MAAS gives of itself is left out.  What could not be described after all is
    found by planning with the description, and noted.

    Args:
        snapshot: A new :class:`~saltext.maas.reconcile.snapshot.Snapshot`.
        for_release: Release that the pillar is for, where it is not the region's own; see
            :mod:`saltext.maas.pillar.for_release`.
        hosts: ``{UUID or name of a cluster: id of its host's minion}``, for a later release.

    Raises:
        BadInput: ``for_release`` is no release, or an older one.
        MaasError: The region cannot be asked.
    """
    later = None if for_release is None else migration.target(for_release, snapshot.release)
    described = {"release": snapshot.release.series}
    described.update(_settings(snapshot))
    tree = _Tree(snapshot)
    described.update(tree.under("", None))
    found = Export(described, notes=tree.notes)
    _controllers(snapshot, found)
    if later is None or later < "1.7":
        _left_to_states(snapshot, found)
    found.secrets = _secrets(found.described)
    _agree(snapshot, found, later is None)
    if later is not None:
        found.described, notes = migration.convert(found.described, snapshot, later, hosts)
        found.notes += notes
        found.secrets = _secrets(found.described)
    # What a person wrote into the region is never looked up as a secret, nor anything else.
    found.described = sdb.escape(found.described)
    return found


def files(found: Export, by: str | None = None) -> dict:
    """Return an export as pillar files.

    Args:
        found: What :func:`export` returned.
        by: ``type`` for a file for each key of the pillar, ``site`` for one for each
            fabric with what lies on it; None for all in one.

    Returns:
        ``{file name: text}``, with an ``init.sls`` that includes the others.

    Raises:
        BadInput: There is no such split.
    """
    if by not in (None, *BY):
        raise BadInput(f"by: {by!r} must be one of: {', '.join(BY)}")
    if by is None:
        return {"init.sls": pillar_file(found.described)}
    parts = _by_type(found.described) if by == "type" else _by_site(found.described)
    names = {name: _file_name(name, parts) for name in parts}
    include = to_yaml({"include": [f".{name[:-4]}" for name in names.values()]})
    written = {"init.sls": f"#!yaml\n{include}"}
    return {**written, **{names[name]: pillar_file(part) for name, part in parts.items()}}


def write(folder: str, texts: dict) -> list:
    """Write files into a new or empty folder; only their owner may read them.

    Returns:
        Their paths.

    Raises:
        BadInput: The path is relative: Salt's daemons work in a folder of their own.
        MaasError: The folder holds something already, or cannot be written.
    """
    if not os.path.isabs(str(folder)):
        raise BadInput(f"folder: {folder!r} must be an absolute path, such as /srv/pillar/maas")
    paths = []
    try:
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder):
            raise MaasError(f"{folder} holds files already; name an empty or new folder")
        for name, text in texts.items():
            paths.append(os.path.join(folder, name))
            atomic_file.put(paths[-1], text)
    except OSError as error:
        for path in paths:  # such as on a full disk: an export is whole, or not there
            with contextlib.suppress(OSError):
                os.unlink(path)
        raise MaasError(f"{folder} cannot be written: {error.strerror}") from None
    return paths


# What tables place in the pillar


class _Tree:
    """All objects of all tables that have a place in the pillar, within one another."""

    def __init__(self, snapshot):
        self._snapshot = snapshot
        self._of = {}
        self.notes = []

    def under(self, type: str, parent) -> dict:
        """Return what stands at the top, or within one object."""
        found = {}
        for table in TABLES:
            place = table.pillar
            if place is None or place.under != type or table.name not in self._snapshot.tables:
                continue
            objects = list(self._objects(table, parent))
            if not objects:
                continue
            if place.single:
                found[place.key] = objects[0][1]
            elif place.plain:
                found[place.key] = [entry[table.identity[-1]] for _, entry in objects]
            elif place.named_by:
                found[place.key] = {name: entry or None for name, entry in objects}
            else:
                found[place.key] = [entry for _, entry in objects]
        return found

    def _objects(self, table, parent):
        for values, record in self._grouped(table).get(parent, ()):
            entry = table.pillar_entry(values)
            entry = {**entry, **self.under(table.name, record.key)}
            if not entry and table.made_by_maas(self._snapshot, record):
                continue  # every region has it, and nobody changed it
            yield table.pillar_key(values), entry

    def _grouped(self, table):
        """The objects of a type by the key of what they stand in."""
        if table.name not in self._of:
            groups = self._of[table.name] = {}
            for part in table.parts(self._snapshot):
                records = self._snapshot.records(table.name, part)
                for key in sorted(records, key=natural):
                    why = table.left_out(self._snapshot, records[key])
                    if why:
                        self.notes.append(f"{table.noun} {key} is left out: {why}")
                    if why or not table.exports(self._snapshot, records[key]):
                        continue
                    if self._snapshot.duplicates(table.name, key, part):
                        self.notes.append(
                            f"several {table.nouns} are called {key}, and no field "
                            "distinguishes them: they are left out"
                        )
                        continue
                    values = table.to_pillar(
                        self._snapshot, table.all_values(self._snapshot, records[key].raw)
                    )
                    if any(values.get(name) is None for name in table.identity):
                        continue
                    why = table.omissions(self._snapshot, records[key], values)
                    if why:
                        self.notes.append(f"{table.noun} {key} is not exported fully: {why}")
                    parent = values.get(table.pillar.parent) if table.pillar.parent else None
                    groups.setdefault(parent, []).append((values, records[key]))
        return self._of[table.name]


def natural(key: object) -> list:
    """Return a sort key that puts 9 before 10, and 10.9.0.0 before 10.10.0.0."""
    return [(0, int(word), "") if word.isdigit() else (1, 0, word)
            for word in re.split(r"(\d+)", str(key)) if word]  # fmt: skip


# What stands in the pillar by rules of its own


def _settings(snapshot):
    table = snapshot.tables["setting"]
    names = table.parts(snapshot)
    snapshot.prefetch([("setting", name) for name in names])
    found = {}
    for name in names:
        record = snapshot.records("setting", name)[name]
        if table.exports(snapshot, record):
            found[name] = table.pillar_entry(table.values(snapshot, record.raw))
    return {"settings": found} if found else {}


def _left_to_states(snapshot, found):
    """What only states of its own describe, since it has no place in the pillar."""
    table = snapshot.tables.get("cluster_boot_source")
    if table and any(snapshot.records(table.name, part) for part in table.parts(snapshot)):
        found.notes.append(
            "each cluster has boot sources of its own, which states of maas_cluster_boot_source "
            "and maas_cluster_boot_selection describe; they are left out"
        )


def _controllers(snapshot, found):
    entries = _racks if "rack" in snapshot.tables else _node_groups
    controllers = dict(entries(snapshot, found.notes))
    if controllers:
        found.described[key_of(snapshot.release)] = controllers


def _racks(snapshot, notes):
    table = snapshot.tables["rack"]
    first = [one.key for one in snapshot.records("domain").values() if one.raw.get("is_default")]
    default = {"zone": ["default"], "domain": [*first, "maas"]}
    for key, record in sorted(snapshot.records("rack").items()):
        if not table.exports(snapshot, record):
            notes.append(f"rack controller {key} is not connected, so it is left out")
            continue
        values = table.values(snapshot, record.raw)
        entry = {
            name: values[name]
            for name in ("description", "zone", "domain")
            if values.get(name) and values[name] not in default.get(name, ())
        }
        yield key, entry or None


def _node_groups(snapshot, notes):
    without_router = []
    for key, record in sorted(snapshot.records("node_group").items()):
        values = snapshot.tables["node_group"].values(snapshot, record.raw)
        name = values["cluster_name"] or key
        if key == PLACEHOLDER:
            continue
        if values["status"] == "pending":
            notes.append(f"cluster {name} is pending, so it is left out")
            continue
        entry = {
            "uuid": key,
            "cluster_name": name,
            "dns_zone": values.get("name"),
            "accepted": False if values["status"] == "rejected" else None,
            "interfaces": dict(_interfaces(snapshot, key)),
        }
        without_router += [
            f"{name}/{one}" for one, values in entry["interfaces"].items()
            if "router_ip" not in values
        ]  # fmt: skip
        label = re.sub(r"[^\w.-]+", "-", name).strip("-") or key
        yield label, {name: value for name, value in entry.items() if value not in (None, "", {})}
    # Up to 1.8 only the database has it.
    if without_router and snapshot.local is None and snapshot.release < "1.9":
        notes.append(
            f"router_ip is not known of {', '.join(without_router)}: only the database shows it; "
            "export on the region host, or add it by hand"
        )


def _interfaces(snapshot, cluster):
    table = snapshot.tables["node_group_interface"]
    records = snapshot.records(table.name, cluster)
    for key in sorted(records, key=natural):
        values = table.values(snapshot, records[key].raw)
        name = key.partition("/")[2]
        if values.get("ip") is None:
            continue
        entry = {field: values.get(field) for field in ("management", "ip", "interface",
                 "subnet_mask", "broadcast_ip", "router_ip")}  # fmt: skip
        if entry["interface"] == name:
            del entry["interface"]
        if values.get("subnet_mask"):
            net = network_of(values["ip"], values["subnet_mask"])
            if entry["broadcast_ip"] == str(net.broadcast_address):  # as MAAS computes it
                del entry["broadcast_ip"]
        for span, prefix in SPANS.items():
            low, high = (values.get(f"{prefix}ip_range_{end}") for end in ("low", "high"))
            entry[span] = {"low": low, "high": high} if low and high else None
        yield name, {field: value for field, value in entry.items() if value}


# Whether it changes nothing


def _secrets(described):
    texts = _texts(described)
    return sorted({str(one) for one in texts if isinstance(one, sdb.Reference)})


def _texts(value):
    """All texts within a value."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _agree(snapshot, found, imports):
    """Plan with the export: switch off imports that it would start, and note what differs.

    For another region, ``imports`` is false: it has no images yet.
    """
    lines = problems(found.described, snapshot.release)
    if imports:
        found.notes += (f"the pillar would be refused: {line}" for line in lines)
    if lines:
        return
    plan = make_plan(snapshot, desired_objects(found.described, snapshot.release))
    if imports:
        _no_import(snapshot, plan, found)
    for change in plan.changes:
        hidden = not {*_texts(change.desired.values)}.isdisjoint(found.secrets)
        if change.desired.type not in ("image", "cluster_image") and not hidden:
            fields = ", ".join(change.new or ())
            found.notes.append(f"{change.name} could not be described fully: {fields}")


def _no_import(snapshot, plan, found):
    """Switch off imports that a run with the export would start, and note why."""
    missing = [one.desired.label for one in plan.changes if one.desired.type == "image"]
    if missing:
        found.described["images"] = {"import": False}
        found.notes.append(
            f"images:import is false: selected, but not imported yet: {', '.join(missing)}"
        )
    behind = [one for one in plan.changes if one.desired.type == "cluster_image"]
    if behind and not missing:
        found.described["images"] = {"sync": False}
    noun = "rack controller" if "rack" in snapshot.tables else "cluster"
    for one in behind:
        if one.raw and one.raw.get("connected") is False:
            why = "is not connected, so that its images are not known"
        else:
            why = "does not hold all images yet"
        setting = "images:import is false" if missing else "images:sync is false"
        found.notes.append(f"{setting}: {noun} {one.desired.label} {why}")


# Splitting


def _by_type(described):
    common = {"release": described["release"]}
    rest = {name: {name: part} for name, part in described.items() if name != "release"}
    return {"release": common, **rest}


def _by_site(described):
    """A part for each fabric with its subnets; everything else is common."""
    common = {name: part for name, part in described.items() if name not in ("fabrics", "subnets")}
    parts = {}
    for fabric, values in (described.get("fabrics") or {}).items():
        parts[f"site {fabric}"] = {"fabrics": {fabric: values}}
    for cidr, values in (described.get("subnets") or {}).items():
        fabric = str((values or {}).get("vlan") or "").rpartition("/")[0]
        part = parts.get(f"site {fabric}", common)
        part.setdefault("subnets", {})[cidr] = values
    return {"common": common, **parts}


def _file_name(name, names):
    """A file name of few letters, unlike that of any other part."""

    def plain(one):
        return re.sub(r"[^a-z0-9]+", "_", one.lower()).strip("_") or "part"

    same = [one for one in names if plain(one) == plain(name)]
    number = same.index(name)
    return f"{plain(name)}_{number + 1}.sls" if number else f"{plain(name)}.sls"
