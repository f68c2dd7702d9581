"""A plan as data: what a machine reads, and what text and page are made from."""

from __future__ import annotations

from dataclasses import asdict

from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.redact import redact
from saltext.maas.render.machines import interface_lines, pictures_of, storage_lines
from saltext.maas.resources import BY_NAME

ACTIONS = ("create", "update", "delete")


def as_data(snapshot: Snapshot, plan: Plan, pictures: dict | None = None) -> dict:
    """Return a plan as mappings and lists.

    Args:
        snapshot: The snapshot that it was made from.
        plan: The plan.
        pictures: Of its machines, if they were made before; see
            :func:`saltext.maas.render.machines.pictures_of`.

    Returns:
        ``{release, region: its URL or None, counts: {action: number}, changes: [{type, noun,
        name, action, fields: {field: {old, new}}}], problems: [{name, problem}], warnings:
        [text]}``, changes in the plan's order.  Changes of a machine's interfaces or disks also
        have ``machine: {interfaces, storage, lost}``, the first two with ``lines: [{action,
        depth, text}]`` and ``steps: [text]``.
    """
    pictures = pictures_of(snapshot, plan) if pictures is None else pictures
    good = [change for change in plan.changes if not change.problem]
    return {
        "release": str(snapshot.release),
        "region": redact(snapshot.client.profile.url) if snapshot.client else None,
        "counts": {one: [change.action for change in good].count(one) for one in ACTIONS},
        "changes": [_change(change, pictures.get(change.id)) for change in good],
        "problems": [
            {"name": one.name, "problem": one.problem} for one in plan.changes if one.problem
        ],
        "warnings": plan.warnings,
    }


def _change(change, picture):
    table = BY_NAME[change.desired.type]
    old, new = change.old or {}, change.new or {}
    fields = {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in {**old, **new}
        if change.action == "update" or name not in table.identity
    }
    return {
        "type": table.name,
        "noun": table.noun,
        "name": change.desired.label,
        "action": change.action,
        "fields": fields,
        **({"machine": _machine(picture)} if picture else {}),
    }


def _machine(picture):
    lines = {"interfaces": interface_lines(*picture.interfaces),
             "storage": storage_lines(*picture.storage)}  # fmt: skip
    found = {
        name: {"lines": [asdict(one) for one in lines[name]], "steps": steps}
        for name, steps in picture.steps.items()
    }
    return {**found, "lost": picture.lost}
