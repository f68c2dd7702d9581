"""What a fleet needs of its region, for many clusters in one go; runs on the region's minion.

Each function reads a collection of the region once, however many clusters it is for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time

from saltext.maas import envelope, pillar, runtime
from saltext.maas.client import Client
from saltext.maas.client.errors import BadInput, MaasError
from saltext.maas.reconcile import Limits, Snapshot, apply, make_plan, want
from saltext.maas.reconcile.order import ALL
from saltext.maas.reconcile.plan import Wishes
from saltext.maas.resources.node_group import PLACEHOLDER

#: Seconds within which a region must say how far clusters are.
_SOON = 20
#: What each part of a settlement is about.
PARTS = {
    "accept": {"rack", "node_group"},
    "dhcp": {"dhcp", "node_group_interface"},
    "images": {"cluster_image"},
}


def look(dunders, minions=None, problems: bool = True) -> dict:
    """How far clusters are, as the region and its pillar have it.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.
        problems: Check the pillar too.

    Returns:
        ``{"release", "problems": [of the pillar, that concern all], "clusters": {minion:
        {named, problems, cluster, state, digest}}}``; the state is ``absent``, or ``pending``,
        ``rejected`` or ``accepted`` in 1.x, ``connected`` or ``disconnected`` from 2.0 on.

    Raises:
        MaasError: The region cannot be asked.
    """
    described = runtime.pillar(dunders)
    region = _Region(dunders, deadline=_SOON)
    clusters = described.get("clusters") if isinstance(described.get("clusters"), dict) else {}
    names = list(clusters) if minions is None else list(minions)
    told = pillar.problems(described, region.release) if problems else []
    own = {minion: [] for minion in clusters}
    common = []
    for line in told:
        minion = next((one for one in own if line.startswith(f"maas:clusters:{one}:")), None)
        (common if minion is None else own[minion]).append(line)
    found = {}
    for minion in names:
        values = clusters.get(minion)
        values = values if isinstance(values, dict) else {}
        url = values.get("region_url") or (described.get("region") or {}).get("url")
        key = region.key(minion, values)
        found[minion] = {
            "named": minion in clusters,
            "problems": own.get(minion, []),
            "cluster": key,
            "state": region.state(key),
            "own_url": bool(values.get("region_url")),
            "digest": _digest([values, url]),
        }
    return {"release": str(region.release), "problems": common, "clusters": found}


def wait_for(dunders, minions, seconds: float) -> dict:
    """Wait until the region has clusters, accepted or not yet; connected from 2.0 on.

    Returns:
        ``{minion: state}`` as :func:`look` has it, when all are there or the time is up.
    """
    deadline, pause = time.monotonic() + seconds, 0.3
    while True:
        clusters = look(dunders, minions, problems=False)["clusters"]
        states = {minion: one["state"] for minion, one in clusters.items()}
        waiting = [one for one in states.values() if one in ("absent", "disconnected")]
        if not waiting or time.monotonic() + pause > deadline:
            return states
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def prepare(dunders, keys: dict, lifetime: float) -> dict:
    """Make the region ready for new clusters, and seal its secret for them.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        keys: ``{minion: accepted public key}``.
        lifetime: Seconds for which the secret can be opened.

    Returns:
        An envelope (see :mod:`saltext.maas.envelope`), or ``{}`` for a release
        whose clusters enrol without a secret.
    """
    described = runtime.pillar(dunders)
    region = _Region(dunders)
    alone = (described.get("region") or {}).get("is_cluster") is False
    if region.type == "node_group" and alone:
        # The first cluster to register would take the placeholder over.
        _carry_out(region, [want("node_group", {"uuid": PLACEHOLDER}, absent=True)], None, None)
    if region.release < "1.7":
        return {}
    return envelope.close(dunders, keys, lifetime)


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
    described = runtime.pillar(dunders)
    region = _Region(dunders)
    everything = Wishes(pillar.wishes(described, region.release))
    clusters = described.get("clusters") or {}
    owners = {region.key(one, clusters.get(one) or {}): one for one in minions if one in clusters}
    chosen = [
        one for one in everything
        if one.type in PARTS[part] and not one.absent and _owned(one, owners)
    ]  # fmt: skip
    found = {minion: {"changes": {}, "error": None} for minion in minions}
    wishes = _with_needs(region, chosen, everything)
    if not wishes:
        return found
    report = runtime.progress(dunders, f"onboarding {part}")
    plan = _carry_out(region, wishes, pillar.limits(described), report, test)
    for change in plan.changes:
        for minion in _owned(change.wanted, owners):
            label = change.wanted.label
            if change.done or test:
                found[minion]["changes"].setdefault(change.wanted.type, {})[label] = change.shown()
            elif change.error or change.problem:
                told = f"{change.name}: {change.error or change.problem}"
                if change.error and "needs what failed" in change.error:
                    told += "".join(f"; {why}" for why in _roots(plan, change))
                found[minion]["error"] = told
    return found


def _roots(plan, change):
    needed = [
        one for one in plan.changes
        if one.id in change.needs or (one.wanted.type, ALL) in change.needs
    ]  # fmt: skip
    return [f"{one.name}: {one.error}" for one in needed if one.error and not one.done][:3]


def status(dunders, minions=None) -> dict:
    """What the region knows of clusters.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.

    Returns:
        ``{minion: {cluster, release, accepted, connected, state, dhcp: [where], images}}``;
        ``images`` is whether it holds what the region selects, None where that is unknown.

    It costs one request for each collection and two for each cluster at the most.
    """
    described = runtime.pillar(dunders)
    region = _Region(dunders)
    seen = look(dunders, minions, problems=False)["clusters"]
    here = {one["cluster"] for one in seen.values() if one["state"] != "absent"}
    wishes = Wishes(pillar.wishes(described, region.release))
    images = {one.key: one for one in wishes.of("cluster_image")}
    parts = [("cluster_image", key) for key in here if key in images]
    if region.type == "node_group":
        parts += [("node_group_interface", key) for key in here]
    region.snapshot.prefetch(parts)
    dhcp = region.dhcp(list(here))
    found = {}
    for minion, one in seen.items():
        key = one["cluster"]
        row = {
            "cluster": key,
            "release": str(region.release),
            "state": one["state"],
            "accepted": one["state"] in ("accepted", "connected", "disconnected"),
            "connected": None if region.type == "node_group" else one["state"] == "connected",
            "dhcp": dhcp.get(key, []),
            "images": None,
        }
        if key in here and key in images:
            row["images"] = region.in_sync(images[key])
        found[minion] = row
    return found


def release_dhcp(dunders, minion: str, successor: str | None = None, test: bool = False) -> dict:
    """Take a cluster off the DHCP that it serves, so that it can go.

    From 2.0 on its stand-by, or ``successor``, takes over; a VLAN that nobody else can serve
    gets no DHCP any more.  In 1.x nothing takes over: DHCP is switched off on its interfaces.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minion: The cluster's minion.
        successor: Minion of the rack that takes over (2.0 and later).
        test: Only plan.

    Returns:
        ``{where: {"old", "new"}}``: who served DHCP, and who does now (None for nobody).
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = _Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    if region.state(key) == "absent":
        return {}
    other = region.key(successor, clusters.get(successor) or {}) if successor else None
    if other and region.state(other) not in ("connected", "accepted"):
        raise MaasError(f"{successor}: cannot take over: it is not connected to the region")
    wishes, changes = [], {}
    if region.type == "node_group":
        if other:
            raise BadInput("successor: in MAAS 1.x no other cluster can serve a cluster's network")
        for name, record in region.snapshot.records("node_group_interface", key).items():
            values = _values(region, "node_group_interface", record)
            if values.get("management") not in (None, "unmanaged"):
                fields = {"cluster": key, "name": values["name"], "management": "unmanaged"}
                wishes.append(want("node_group_interface", fields))
                changes[str(name)] = {"old": minion, "new": None}
    else:
        for vlan, record in region.snapshot.records("dhcp").items():
            values = _values(region, "dhcp", record)
            first, second = values.get("primary_rack"), values.get("secondary_rack")
            if key not in (first, second):
                continue
            keeps = [one for one in (first, second) if one and one != key]
            heir = keeps[0] if keeps else other
            changes[vlan] = {"old": [one for one in (first, second) if one], "new": heir}
            fields = {"vlan": vlan, "enabled": bool(heir), "primary_rack": heir or ""}
            fields["secondary_rack"] = ""
            gone = not heir
            wishes.append(want("dhcp", {"vlan": vlan} if gone else fields, absent=gone))
    if wishes and not test:
        plan = _carry_out(region, wishes, None, None)
        failed = [f"{one.name}: {one.error or one.problem}" for one in plan.changes if not one.done]
        if failed:
            raise MaasError("; ".join(failed))
    return changes


def machines(dunders, minion: str) -> list[str]:
    """The machines that hang on a cluster: its node group's, or those on VLANs it serves alone.

    Returns:
        Host names, sorted.
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = _Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    client = region.snapshot.client
    if region.state(key) == "absent":
        return []
    if region.type == "node_group":
        nodes = client.get("nodes/", op="list")
        return sorted(
            one["hostname"] for one in nodes if (one.get("nodegroup") or {}).get("uuid") == key
        )
    alone = set()
    for record in region.snapshot.records("dhcp").values():
        values = _values(region, "dhcp", record)
        if [one for one in (values.get("primary_rack"), values.get("secondary_rack")) if one] == [
            key
        ]:
            alone.add(record.raw["id"])
    if not alone:
        return []
    return sorted(
        one["hostname"]
        for one in client.get("machines/")
        if any((nic.get("vlan") or {}).get("id") in alone for nic in one.get("interface_set") or ())
    )


def remove(dunders, minion: str) -> bool:
    """Delete a cluster at the region; whether there was one.

    Raises:
        MaasError: Something hangs on it, or MAAS refuses.
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = _Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    if region.state(key) == "absent":
        return False
    identity = {"uuid": key} if region.type == "node_group" else {"hostname": key}
    plan = _carry_out(region, [want(region.type, identity, absent=True)], None, None)
    for change in plan.changes:
        if not change.done:
            raise MaasError(f"{change.name}: {change.error or change.problem}")
    return True


def import_images(dunders) -> bool:
    """Import what is selected, also where older images are there, and wait for it.

    Returns:
        Whether it could be waited for, which is so from 2.1 on.
    """
    region = _Region(dunders)
    client = region.snapshot.client
    limit = pillar.limits(runtime.pillar(dunders)).import_seconds
    client.post("boot-resources/", op="import")
    if region.release < "2.1":
        return False
    deadline, pause = time.monotonic() + limit, 0.5
    while client.get("boot-resources/", op="is_importing"):
        if time.monotonic() + pause > deadline:
            raise MaasError(f"the import did not end within {limit:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)
    return True


class _Region:
    """The region of this minion, its collections read at most once."""

    def __init__(self, dunders, deadline=None):
        reach = runtime.profile(dunders)
        if deadline:
            reach = dataclasses.replace(reach, deadline=min(reach.deadline, deadline))
        client = Client(reach)
        self.release = client.release
        self.snapshot = Snapshot(client, local=runtime.local_door(dunders, client.release))
        self.type = "rack" if self.release >= "2.0" else "node_group"

    def key(self, minion, values) -> str:
        """By what the region knows a cluster."""
        if self.type == "rack":
            return pillar.hostname(minion, values)
        return pillar.cluster_uuid(minion, values)

    def state(self, key) -> str:
        record = self.snapshot.records(self.type).get(key)
        if record is None:
            return "absent"
        values = _values(self, self.type, record)
        if self.type == "node_group":
            return values["status"]
        return "connected" if values["connected"] else "disconnected"

    def dhcp(self, keys) -> dict:
        """``{cluster: [VLAN or interface it serves]}``."""
        found = {}
        if self.type == "node_group":
            for key in keys:
                for name, record in self.snapshot.records("node_group_interface", key).items():
                    values = _values(self, "node_group_interface", record)
                    if values.get("management") not in (None, "unmanaged"):
                        found.setdefault(key, []).append(str(values.get("interface") or name))
            return found
        for vlan, record in self.snapshot.records("dhcp").items():
            values = _values(self, "dhcp", record)
            if values.get("enabled"):
                for rack in (values.get("primary_rack"), values.get("secondary_rack")):
                    if rack:
                        found.setdefault(rack, []).append(vlan)
        return found

    def in_sync(self, wish) -> bool | None:
        """Whether a cluster holds what a wish names."""
        table = self.snapshot.tables["cluster_image"]
        record = table.match(self.snapshot, wish)
        return None if record is None else not table.differences(self.snapshot, wish, record)


def _values(region, type, record):
    return region.snapshot.tables[type].values(region.snapshot, record.raw)


def _owned(wish, owners) -> list:
    """The minions of a batch whose a wish is."""
    values = wish.values
    if wish.type in ("rack", "node_group"):
        keys = [wish.key]
    elif wish.type in ("cluster_image", "node_group_interface"):
        keys = [values["cluster"]]
    elif wish.type == "dhcp":
        keys = [values.get("primary_rack"), values.get("secondary_rack")]
    else:
        keys = []
    return [owners[key] for key in keys if key in owners]


def _with_needs(region, chosen, everything):
    """The chosen wishes and all that they need, which may be other clusters' too."""
    by_id = {(one.type, one.key): one for one in everything if not one.absent}
    stages = {}
    for one in by_id.values():
        stages.setdefault(region.snapshot.tables[one.type].stage(one), []).append(one)
    found, open_ = {}, list(chosen)
    while open_:
        wish = open_.pop()
        ident = (wish.type, wish.key)
        if ident in found:
            continue
        found[ident] = wish
        table = region.snapshot.tables[wish.type]
        needs = table.needs(wish, everything)
        needs |= {("fabric", key.rpartition("/")[0]) for type, key in needs if type == "vlan"}
        open_ += [by_id[need] for need in needs if need in by_id]
        for stage in (*table.comes_after(wish), *(type for type, key in needs if key == ALL)):
            open_ += stages.get(stage, ())
    return list(found.values())


def _carry_out(region, wishes, limits, report, test=False):
    plan = make_plan(region.snapshot, wishes)
    if plan.changes and not test:
        apply(region.snapshot, plan, limits or Limits(), report)
    return plan


def _digest(values):
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
