"""What the pillar says about clusters is applied at their region, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Collection

from saltext.maas import envelope, pillar, runtime
from saltext.maas.errors import BadInput
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile import desired_object
from saltext.maas.reconcile.order import ALL, required
from saltext.maas.reconcile.plan import DesiredObjects
from saltext.maas.resources.node_group import PLACEHOLDER

#: The phases, and the resource types that each is about, with the fields that name clusters.
PHASES: dict[str, dict[str, tuple]] = {
    "accept": {"rack": ("hostname",), "node_group": ("uuid",)},
    "dhcp": {"dhcp": ("primary_rack", "secondary_rack"), "node_group_interface": ("cluster",)},
    "images": {"cluster_image": ("cluster",)},
}
_OWNER_FIELDS = {type: fields for types in PHASES.values() for type, fields in types.items()}


def prepare(
    region: Region, keys: dict[str, str], lifetime: float, trusted: Collection[str] = ()
) -> dict:
    """Make the region ready for new clusters; see :py:func:`maas_fleet.prepare`."""
    is_cluster = (region.pillar.get("region") or {}).get("is_cluster")
    if region.type == "node_group" and is_cluster is False:
        # The first cluster to register would take the placeholder over.
        with region.alone() as lock:
            gone = desired_object("node_group", {"uuid": PLACEHOLDER}, absent=True)
            region.carry_out([gone], lock)
    if region.release < "1.7":
        return {}
    return envelope.close(region.dunders, keys, lifetime, trusted)


def apply_phase(
    region: Region, minions: Collection[str], phase: str, test: bool = False
) -> dict[str, dict]:
    """Apply one phase of what the pillar says; see :py:func:`maas_fleet.apply_phase`."""
    if phase not in PHASES:
        raise BadInput(f"phase: {phase!r} must be one of {', '.join(PHASES)}")
    try:
        return _apply(region, minions, phase, test)
    except BadInput as error:
        # What is wrong with one cluster's entry does not hold the others up.
        found: dict[str, dict] = {}
        for minion in minions:
            own = [one for one in error.problems if pillar.concerns(one, minion)]
            if own:
                found[minion] = {"changes": {}, "error": "; ".join(own)}
        if not found:
            raise
        rest = [minion for minion in minions if minion not in found]
        return {**found, **(apply_phase(region, rest, phase, test) if rest else {})}


def _apply(region, minions, phase, test):
    everything = DesiredObjects(pillar.desired_objects(region.pillar, region.release))
    owners = {region.key(one): one for one in minions if one in region.clusters}
    chosen = [
        one for one in everything
        if one.type in PHASES[phase] and not one.absent and _owners(one, owners)
    ]  # fmt: skip
    found: dict[str, dict] = {minion: {"changes": {}, "error": None} for minion in minions}
    if not chosen:
        return found
    report = runtime.progress(region.dunders, f"onboarding {phase}")
    with region.alone(test) as lock:
        there = region.states()
        for desired in chosen.copy():
            if away := _away(desired, owners, there):
                chosen.remove(desired)
                later = f"{desired.label} when {' and '.join(away)} is onboarded"
                for minion in _owners(desired, owners):
                    found[minion].setdefault("later", []).append(later)
        desired_objects = _with_required(region, chosen, everything)
        plan = region.carry_out(desired_objects, lock, pillar.limits(region.pillar), report)
    for change in plan.changes:
        desired = change.desired
        for minion in _owners(desired, owners):
            if change.done or test:
                changes = found[minion]["changes"].setdefault(desired.type, {})
                changes[desired.label] = change.shown()
            elif change.error or change.problem:
                found[minion]["error"] = _why(plan, change)
    return found


def _why(plan, change):
    """Why a change was not made, and what it waited for."""
    causes = [
        f"{one.name}: {one.error}" for one in plan.changes
        if (one.id in change.requires or (one.desired.type, ALL) in change.requires)
        and one.error and not one.done
    ]  # fmt: skip
    return "; ".join([f"{change.name}: {change.error or change.problem}", *causes[:3]])


def _keys(desired) -> list[str]:
    return [desired.values.get(field) for field in _OWNER_FIELDS.get(desired.type, ())]


def _owners(desired, owners) -> list[str]:
    """The minions of a batch whose clusters a desired object names."""
    return [owners[key] for key in _keys(desired) if key in owners]


def _away(desired, owners, there) -> list[str]:
    """The clusters that a desired object names, and that are neither in the batch nor at work.

    They are not waited for: their own onboarding, which may be queued behind this batch, applies
    the object too.
    """
    others = [key for key in _keys(desired) if key and key not in owners]
    return [key for key in others if there.get(key, "absent") in ("absent", "disconnected")]


def _with_required(region, chosen, everything):
    """The chosen desired objects and all that they require, which may be other clusters' too."""
    tables = region.snapshot.tables
    by_id = {(one.type, one.key): one for one in everything if not one.absent}
    phases: dict = {}
    for one in by_id.values():
        phases.setdefault(tables[one.type].phase(one), []).append(one)
    found: dict = {}
    todo = list(chosen)
    while todo:
        desired = todo.pop()
        ident = (desired.type, desired.key)
        if ident in found:
            continue
        found[ident] = desired
        table = tables[desired.type]
        before = required(table, desired, everything)
        todo += [by_id[one] for one in before if one in by_id]
        whole = [type for type, key in before if key == ALL]
        for phase in (*table.after_phases(desired), *whole):
            todo += phases.get(phase, ())
    return list(found.values())
