"""What the pillar says about clusters is made so at their region, for a whole batch at once."""

from __future__ import annotations

from saltext.maas import envelope, pillar, runtime
from saltext.maas.errors import BadInput
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile import desired_object
from saltext.maas.reconcile.order import ALL
from saltext.maas.reconcile.plan import DesiredObjects
from saltext.maas.resources.node_group import PLACEHOLDER

#: What each part of a settlement is about.
PARTS = {
    "accept": {"rack", "node_group"},
    "dhcp": {"dhcp", "node_group_interface"},
    "images": {"cluster_image"},
}


def prepare(dunders, keys: dict, lifetime: float, trusted=()) -> dict:
    """Make the region ready for new clusters, and seal its secret for them.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        keys: ``{minion: accepted public key}``.
        lifetime: Seconds for which the secret can be opened.
        trusted: Minions among them that the pillar does not name.

    Returns:
        An envelope (see :mod:`saltext.maas.envelope`), or ``{}`` for a release
        whose clusters enrol without a secret.
    """
    described = runtime.described(dunders)
    region = Region(dunders)
    alone = (described.get("region") or {}).get("is_cluster") is False
    if region.type == "node_group" and alone:
        # The first cluster to register would take the placeholder over.
        region.carry_out([desired_object("node_group", {"uuid": PLACEHOLDER}, absent=True)])
    if region.release < "1.7":
        return {}
    return envelope.close(dunders, keys, lifetime, trusted)


def settle(dunders, minions, part: str, test: bool = False) -> dict:
    """Make one part of what the pillar says about clusters so, for all of them at once.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids.
        part: ``accept``, ``dhcp`` or ``images``; see :data:`PARTS`.
        test: Only plan.

    Returns:
        ``{minion: {"changes": {type: {label: change}}, "error": text or None}}``.

    Raises:
        MaasError: The pillar is wrong, or the region cannot be asked.
    """
    if part not in PARTS:
        raise BadInput(f"part: {part!r} must be one of {', '.join(PARTS)}")
    try:
        return _settle(dunders, minions, part, test)
    except BadInput as error:
        # What is wrong with one cluster's entry does not hold the others up.
        own = {
            minion: [one for one in error.problems if one.startswith(f"maas:clusters:{minion}:")]
            for minion in minions
        }
        bad = {minion: "; ".join(lines) for minion, lines in own.items() if lines}
        if not bad:
            raise
        found = {minion: {"changes": {}, "error": told} for minion, told in bad.items()}
        rest = [minion for minion in minions if minion not in bad]
        return {**found, **(settle(dunders, rest, part, test) if rest else {})}


def _settle(dunders, minions, part, test):
    described = runtime.described(dunders)
    region = Region(dunders)
    everything = DesiredObjects(pillar.desired_objects(described, region.release))
    clusters = described.get("clusters") or {}
    owners = {region.key(one, clusters.get(one) or {}): one for one in minions if one in clusters}
    chosen = [
        one for one in everything
        if one.type in PARTS[part] and not one.absent and _owned(one, owners)
    ]  # fmt: skip
    found = {minion: {"changes": {}, "error": None} for minion in minions}
    desired_objects = _with_needs(region, chosen, everything)
    if not desired_objects:
        return found
    report = runtime.progress(dunders, f"onboarding {part}")
    plan = region.carry_out(desired_objects, pillar.limits(described), report, test)
    for change in plan.changes:
        for minion in _owned(change.desired, owners):
            label = change.desired.label
            if change.done or test:
                found[minion]["changes"].setdefault(change.desired.type, {})[label] = change.shown()
            elif change.error or change.problem:
                told = f"{change.name}: {change.error or change.problem}"
                if change.skipped:
                    told += "".join(f"; {why}" for why in _roots(plan, change))
                found[minion]["error"] = told
    return found


def _roots(plan, change):
    needed = [
        one for one in plan.changes
        if one.id in change.requires or (one.desired.type, ALL) in change.requires
    ]  # fmt: skip
    return [f"{one.name}: {one.error}" for one in needed if one.error and not one.done][:3]


def _owned(desired, owners) -> list:
    """The minions of a batch whose a desired object is."""
    values = desired.values
    if desired.type in ("rack", "node_group"):
        keys = [desired.key]
    elif desired.type in ("cluster_image", "node_group_interface"):
        keys = [values["cluster"]]
    elif desired.type == "dhcp":
        keys = [values.get("primary_rack"), values.get("secondary_rack")]
    else:
        keys = []
    return [owners[key] for key in keys if key in owners]


def _with_needs(region, chosen, everything):
    """The chosen desired objects and all that they need, which may be other clusters' too."""
    by_id = {(one.type, one.key): one for one in everything if not one.absent}
    phases = {}
    for one in by_id.values():
        phases.setdefault(region.snapshot.tables[one.type].phase(one), []).append(one)
    found, open_ = {}, list(chosen)
    while open_:
        desired = open_.pop()
        ident = (desired.type, desired.key)
        if ident in found:
            continue
        found[ident] = desired
        table = region.snapshot.tables[desired.type]
        required = table.requires(desired, everything)
        required |= {("fabric", key.rpartition("/")[0]) for type, key in required if type == "vlan"}
        open_ += [by_id[one] for one in required if one in by_id]
        whole = [type for type, key in required if key == ALL]
        for phase in (*table.after_phases(desired), *whole):
            open_ += phases.get(phase, ())
    return list(found.values())
