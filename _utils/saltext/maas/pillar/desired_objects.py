"""From a right pillar to the desired objects that the reconciler works from."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from saltext.maas.errors import BadInput
from saltext.maas.pillar.controllers import controllers
from saltext.maas.pillar.machine_classes import expanded
from saltext.maas.pillar.validators import ROOT, plain
from saltext.maas.reconcile import Limits, desired_object
from saltext.maas.reconcile.desired import Desired
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME, TABLES
from saltext.maas.resources.location import PillarLocation
from saltext.maas.resources.node_group import PLACEHOLDER
from saltext.maas.resources.table import Table

#: Ranges of a cluster's interface, and what begins the names of the fields that make them.
SPANS = {"dynamic_range": "", "static_range": "static_"}
#: Tables and their places in the pillar, by the resource type within whose objects that is.
_PLACES: dict[str, list[tuple[Table, PillarLocation]]] = {}
for _table in TABLES:
    if _table.pillar is not None:
        _PLACES.setdefault(_table.pillar.under, []).append((_table, _table.pillar))
_UUIDS = uuid.UUID("6f0a2c9e-9a51-4f0e-8d3e-0b8d5f2f7c11")


def hostname(minion: str, cluster: dict) -> str:
    """Return the host name by which the region knows a cluster."""
    return cluster.get("hostname") or minion.partition(".")[0]


def cluster_uuid(minion: str, cluster: dict) -> str:
    """Return the uuid of a 1.x cluster: the pillar's, else one made of the minion's id."""
    return cluster.get("uuid") or str(uuid.uuid5(_UUIDS, minion))


def limits(pillar: dict) -> Limits:
    """Return how long a run may wait, as the pillar says it."""
    return Limits(**(pillar.get("limits") or {}))


def desired_objects(pillar: dict, release: Release) -> list[Desired]:
    """Turn a pillar into desired objects.

    Args:
        pillar: The mapping under ``maas``, checked.
        release: The region's release.

    Returns:
        A list of :class:`~saltext.maas.reconcile.plan.Desired`.

    Raises:
        BadInput: A value does not fit after all.
    """
    pillar = expanded(plain(pillar))
    return with_images(list(described(pillar, release)), pillar, release)


def with_images(found: list[Desired], pillar: dict, release: Release) -> list[Desired]:
    """Return all desired objects of a pillar, from those that it names.

    Args:
        found: What :func:`described` yields.
        pillar: The mapping under ``maas``, expanded.
        release: The region's release.
    """
    if release < "1.7":
        found = list(_for_each_cluster(found))
    return found + _images(pillar, release, found)


def described(pillar: dict, release: Release | None = None) -> Iterator[Desired]:
    """Yield the desired objects for what a pillar names; controllers where the release is known.

    Raises:
        BadInput: A value does not fit.
    """
    yield from _settings(pillar)
    yield from _placed(pillar, ROOT)
    if release is not None:
        yield from _racks(pillar) if release >= "2.0" else _node_groups(pillar)


def types_of(pillar: dict) -> list[str]:
    """Return the resource types of which a pillar names objects in a place of their own.

    Args:
        pillar: The mapping under ``maas``, which may be wrong.
    """
    return list(dict.fromkeys(_types_in(pillar, "")))


def _types_in(node, under):
    for table, place in _PLACES.get(under, ()) if isinstance(node, dict) else ():
        found = node.get(place.key)
        if found:
            yield table.name
        if table.name in _PLACES and isinstance(found, dict):
            for one in found.values():
                yield from _types_in(one, table.name)


def _clear(values: dict | None) -> dict:
    """A pillar's null clears a field."""
    return {name: "" if value is None else value for name, value in (values or {}).items()}


def _settings(pillar):
    for name, value in (pillar.get("settings") or {}).items():
        value = "" if value is None else value
        yield desired_object("setting", {"name": name, "value": value}, f"{ROOT}:settings:{name}")


def _placed(node, where, under="", parent=None):
    """The desired objects for all that stands at its resource type's place within a node."""
    for table, place in _PLACES.get(under, ()) if node else ():
        if place.key not in node:
            continue
        for at, values in _entries(table, node[place.key], f"{where}:{place.key}"):
            if parent is not None:
                values[place.parent] = parent
            inner = {name: values.pop(name) for name in values.keys() - table.by_name.keys()}
            desired = desired_object(table.name, table.from_pillar(_clear(values)), at)
            yield desired
            yield from _placed(inner, at, table.name, desired.key)


def _entries(table, found, at):
    """What stands at a resource type's place: ``(path, {field: value})`` of each object."""
    place = table.pillar
    if place.single:
        pairs = [] if found is None else [(at, found)]
    elif place.named_by:
        pairs = [(f"{at}:{key}", {place.named_by: _named(place, key), **(one or {})})
                 for key, one in (found or {}).items()]  # fmt: skip
    else:
        pairs = [(f"{at}:{number}", one) for number, one in enumerate(found or ())]
    fields = {key: name for name, key in place.spelled.items()}
    for path, one in pairs:
        if place.plain:
            one = {table.identity[-1]: one}
        yield path, {fields.get(key, key): value for key, value in one.items()}


def _named(place, key):
    return place.names.normal(key) if place.names else key


def _racks(pillar):
    fields = BY_NAME["rack"].by_name.keys() - {"hostname", "connected"}
    for minion, rack, where in controllers(pillar).values():
        values = {name: rack[name] for name in rack if name in fields}
        name = hostname(minion, rack)
        yield desired_object("rack", {"hostname": name, "connected": True, **_clear(values)}, where)


def _node_groups(pillar):
    if (pillar.get("region") or {}).get("is_cluster") is False:
        yield desired_object(
            "node_group", {"uuid": PLACEHOLDER}, f"{ROOT}:region:is_cluster", absent=True
        )
    for minion, cluster, where in controllers(pillar).values():
        key = cluster_uuid(minion, cluster)
        values = {
            "uuid": key,
            "cluster_name": cluster.get("cluster_name"),
            "name": cluster.get("dns_zone"),
            "status": "accepted" if cluster.get("accepted", True) else "rejected",
        }
        yield desired_object("node_group", values, where, label=minion)
        for name, interface in (cluster.get("interfaces") or {}).items():
            yield desired_object(
                "node_group_interface",
                {"cluster": key, "name": name, **_interface(name, interface)},
                f"{where}:interfaces:{name}",
                label=f"{minion}/{name}",
            )


def _interface(name, interface):
    values = {"interface": name, **_clear(interface)}
    for span, prefix in SPANS.items():
        ends = values.pop(span, None)
        if ends:
            values[f"{prefix}ip_range_low"] = ends["low"]
            values[f"{prefix}ip_range_high"] = ends["high"]
    return values


def _accepted(found):
    """The clusters that are to be at work."""
    return [
        one for one in found
        if one.type in ("rack", "node_group") and not one.absent
        and one.values.get("status", "accepted") == "accepted"
    ]  # fmt: skip


def _for_each_cluster(found):
    """In 1.6 each cluster has boot sources of its own; the pillar means all clusters."""
    clusters = _accepted(found)
    for one in found:
        if one.type not in ("boot_source", "boot_selection"):
            yield one
            continue
        values = dict(one.values)
        if values.pop("os", "ubuntu") != "ubuntu":
            raise BadInput(f"{one.where}:os: {one.values['os']!r} must be ubuntu in MAAS 1.6")
        for cluster in clusters:
            yield desired_object(
                f"cluster_{one.type}", {"cluster": cluster.key, **values}, one.where,
                label=f"{cluster.label} {one.label}",
            )  # fmt: skip


def _images(pillar, release, found):
    """The images that the selections stand for, and each cluster's copy of them."""
    images = pillar.get("images") or {}
    if images.get("import") is False:
        return []
    sync = images.get("sync") is not False
    if release < "1.7":
        return list(_imported_by_clusters(release, found)) if sync else []
    # Nothing is imported from these, so that nothing is waited for.
    disabled = {
        one.key for one in found
        if one.type == "boot_source" and one.values.get("enabled") is False
    }  # fmt: skip
    names = {
        (f"{one.values['os']}/{one.values['release']}", arch): one
        for one in found
        if one.type == "boot_selection" and one.values["source"] not in disabled
        for arch in one.values.get("arches") or ["*"]
    }
    desired = [
        desired_object("image", {"name": name, "architecture": arch}, one.where)
        for (name, arch), one in names.items()
    ]
    if not desired or not sync:
        return desired
    keys = [image.key for image in desired]
    return desired + [_images_of(cluster, keys) for cluster in _accepted(found)]


def _images_of(cluster, images):
    values = {"cluster": cluster.key, "images": images}
    return desired_object("cluster_image", values, cluster.where, label=cluster.label)


def _imported_by_clusters(release, found):
    """Up to 1.6 each cluster imports by itself: in 1.5 what a file on its host says, so any."""
    for cluster in _accepted(found):
        names = ["ubuntu/*"] if release < "1.6" else [
            f"ubuntu/{one.values['release']}/{arch}"
            for one in found
            if one.type == "cluster_boot_selection" and one.values["cluster"] == cluster.key
            for arch in one.values.get("arches") or ["*"]
        ]  # fmt: skip
        if names:
            yield _images_of(cluster, list(dict.fromkeys(names)))
