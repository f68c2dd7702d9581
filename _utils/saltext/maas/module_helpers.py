"""What the execution modules share: one region's objects, in the pillar's words."""

from __future__ import annotations

from typing import Any

from saltext.maas import runtime
from saltext.maas.client.session import Client
from saltext.maas.errors import MaasError
from saltext.maas.minions import region_side
from saltext.maas.reconcile import Snapshot, apply, desired_named, make_plan, naming
from saltext.maas.reconcile.plan import visible
from saltext.maas.redact import without_users
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.settings import SETTINGS


def _snapshot(dunders, profile):
    return runtime.new_snapshot(dunders, runtime.client(dunders, profile))


def _table(snapshot, type):
    if type not in snapshot.tables:
        raise MaasError(f"MAAS {snapshot.release} has no {BY_NAME[type].nouns}")
    return snapshot.tables[type]


def _shown(snapshot, table, record) -> dict:
    found = visible(table, table.all_values(snapshot, record.raw))
    return {**found, "id": record.raw.get("id", record.raw.get("system_id"))}


def list_all(dunders: dict, type: str, arguments: dict) -> dict:
    """Return all objects of a type: ``{key: {field: value}}``.

    Args:
        dunders: The execution module's ``globals()``.
        type: Resource type.
        arguments: The function's arguments by name, its ``locals()``.

    Raises:
        MaasError: The region cannot be asked, or has no such objects.
    """
    snapshot = _snapshot(dunders, arguments.get("profile"))
    table = _table(snapshot, type)
    partition = arguments.get(table.list_by)
    records: dict = {}
    with naming(snapshot.source(table)):
        for part in [partition] if partition else table.parts(snapshot):
            records.update(snapshot.records(type, part))
        return {key: _shown(snapshot, table, record) for key, record in sorted(records.items())}


def get(dunders: dict, type: str, arguments: dict) -> dict | None:
    """Return one object, or None; see :func:`list_all`."""
    snapshot = _snapshot(dunders, arguments.get("profile"))
    table = _table(snapshot, type)
    desired = desired_named(type, arguments["name"], table.from_arguments(arguments))
    with naming(snapshot.source(table)):
        record = table.match(snapshot, desired)
        return _shown(snapshot, table, record) if record else None


def save(dunders: dict, type: str, arguments: dict) -> dict:
    """Create or change one object and return what was changed; see :func:`list_all`.

    Raises:
        MaasError: MAAS refused, or could not be asked.
    """
    return _carry_out(dunders, type, arguments)


def remove(dunders: dict, type: str, arguments: dict) -> bool:
    """Delete one object and return whether there was one; see :func:`list_all`.

    Raises:
        MaasError: MAAS refused, or could not be asked.
    """
    return bool(_carry_out(dunders, type, arguments, absent=True))


def _carry_out(dunders, type, arguments, absent=False):
    values = runtime.revealed(dunders, BY_NAME[type].from_arguments(arguments))
    desired = desired_named(type, arguments["name"], values, absent)
    snapshot = _snapshot(dunders, arguments.get("profile"))
    with runtime.alone(dunders, snapshot) as lock:
        plan = make_plan(snapshot, [desired])
        if plan:
            lock.writing()
            apply(snapshot, plan)
    for change in plan.changes:
        if change.error:
            raise MaasError(f"{change.name}: {change.error}")
    for left in region_side.forget_deleted(dunders, snapshot.client, plan.changes):
        raise MaasError(left)
    return plan.shown(done_only=True).get(desired.type, {})


def list_settings(dunders: dict, profile: Any = None) -> dict[str, Any]:
    """Return the settings of a release that hold no secret: ``{name: value}``.

    Users and passwords in URLs, such as that of a proxy, are asterisks.
    """
    snapshot = _snapshot(dunders, profile)
    names = [
        name
        for name, setting in SETTINGS.items()
        if setting.holds_for(snapshot.release) and not setting.secret
    ]
    snapshot.prefetch([("setting", name) for name in names])
    values = {name: snapshot.records("setting", name)[name].raw["value"] for name in names}
    return without_users(values)


def images(dunders: dict, profile: Any = None) -> dict[str, dict]:
    """Return the region's images; up to 1.6 those of its clusters, and which hold them."""
    snapshot = _snapshot(dunders, profile)
    if "image" in snapshot.tables:
        return list_all(dunders, "image", {"profile": profile})
    clusters = sorted(snapshot.records("node_group"))
    snapshot.prefetch([("cluster_image", key) for key in clusters])
    found: dict = {}
    for key in clusters:
        for image in cluster_images(dunders, key, profile, snapshot):
            name, _, architecture = image.rpartition("/")
            new = {"name": name, "architecture": architecture, "clusters": []}
            found.setdefault(image, new)["clusters"].append(key)
    return dict(sorted(found.items()))


def cluster_images(
    dunders: dict, cluster: str, profile: Any = None, snapshot: Snapshot | None = None
) -> list[str]:
    """Return the images that a cluster holds.

    Raises:
        MaasError: There is no such cluster.
    """
    snapshot = snapshot or _snapshot(dunders, profile)
    record = snapshot.records("cluster_image", cluster).get(cluster)
    if record is None:
        raise MaasError(f"the region has no cluster {cluster!r}")
    return sorted(set(record.raw["images"]))


def client_since(dunders: dict, since: str, what: str, profile: Any = None) -> Client:
    """Return a client of a region whose release has something.

    Args:
        dunders: The execution module's ``globals()``.
        since: First release that has it.
        what: What that is, for the message.
        profile: Profile, see :func:`saltext.maas.runtime.profile`.

    Raises:
        MaasError: The region's release is an earlier one.
    """
    client = runtime.client(dunders, profile)
    if client.release < since:
        raise MaasError(f"MAAS {client.release} has no {what}; they came with {since}")
    return client
