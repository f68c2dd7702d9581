"""How far clusters are, as their region has it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from typing import Any

from saltext.maas import pillar, poll, runtime
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import open_region
from saltext.maas.reconcile.plan import DesiredObjects

#: Seconds within which a region must say how far clusters are.
_SOON = 20


def inspect(
    dunders,
    minions: Iterable[str] | None = None,
    problems: bool = True,
    region=None,
) -> dict:
    """Return how far clusters are, as the region and its pillar have it.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.
        problems: Check the pillar too.
        region: What was read of the region already, to read no more.

    Returns:
        ``{"release", "problems": [of the pillar, that concern all], "clusters": {minion:
        {named, problems, cluster, state, own_url, digest}}, "unnamed": {name: {cluster,
        state}}}``; the state is ``absent``, or ``pending``, ``rejected`` or ``accepted`` in 1.x,
        ``connected`` or ``disconnected`` from 2.0 on.  Those unnamed are at work, but no pillar
        names them; they are looked for where no minions are given.

    Raises:
        MaasError: The region cannot be asked.
    """
    described = runtime.described(dunders)
    region = region or open_region(dunders, described.get("clusters"), deadline=_SOON)
    common: list[str] = []
    own: dict[str, list[str]] = {minion: [] for minion in region.clusters}
    for line in pillar.problems(described, region.release) if problems else ():
        minion = next((one for one in own if line.startswith(f"maas:clusters:{one}:")), None)
        (common if minion is None else own[minion]).append(line)
    states, found = region.states(), {}
    for minion in region.clusters if minions is None else minions:
        values = region.described(minion)
        url = values.get("region_url") or (described.get("region") or {}).get("url")
        key = region.key(minion)
        found[minion] = {
            "named": minion in region.clusters,
            "problems": own.get(minion, []),
            "cluster": key,
            "state": states.get(key, "absent"),
            "own_url": bool(values.get("region_url")),
            "digest": _digest(dunders, [values, url]),
        }
    known = [one["cluster"] for one in found.values()]
    unnamed = region.unnamed(known) if minions is None else {}
    release = str(region.release)
    return {"release": release, "problems": common, "clusters": found, "unnamed": unnamed}


def wait_for(dunders, minions: Iterable[str], seconds: float) -> dict[str, str]:
    """Wait until the region has clusters, accepted or not yet; connected from 2.0 on.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids.
        seconds: How long to wait.

    Returns:
        ``{minion: state}`` as :func:`inspect` has it, when all are there or the time is up.

    Raises:
        MaasError: The region cannot be asked, and waiting would not help or the time is up.
    """
    minions = list(minions)
    last: dict[str, Any] = {}

    def there():
        try:
            clusters = inspect(dunders, minions, problems=False)["clusters"]
        except MaasError as error:
            if error.lasting:  # else a region that was just restarted is waited for
                raise
            last["error"] = error
            return None
        states = {minion: one["state"] for minion, one in clusters.items()}
        last.update(error=None, states=states)
        return None if {"absent", "disconnected"} & set(states.values()) else True

    poll.wait(there, seconds, pause=0.3)
    if last["error"]:
        raise last["error"]
    return last["states"]


def status(dunders, minions: Iterable[str] | None = None) -> dict[str, dict]:
    """Return what the region knows of clusters.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.

    Returns:
        ``{minion: {cluster, release, accepted, connected, state, dhcp: [where], images,
        named}}``; ``images`` is whether it holds what the region selects, None where that is
        unknown.  Clusters at work that no pillar names are there by their names, with
        ``named`` False, where no minions are given.

    Raises:
        MaasError: The region cannot be asked.

    It costs one request for each collection and two for each cluster at the most.
    """
    described = runtime.described(dunders)
    region = open_region(dunders, described.get("clusters"))
    found = inspect(dunders, minions, problems=False, region=region)
    seen = {**found["unnamed"], **found["clusters"]}
    here = {one["cluster"] for one in seen.values() if one["state"] != "absent"}
    desired_objects = DesiredObjects(pillar.desired_objects(described, region.release))
    images = {one.key: one for one in desired_objects.of("cluster_image") if one.key in here}
    parts = [("cluster_image", key) for key in images]
    if region.type == "node_group":
        parts += [("node_group_interface", key) for key in here]
    region.snapshot.prefetch(parts)
    dhcp = region.dhcp(here)

    def row(one):
        key, state = one["cluster"], one["state"]
        return {
            "cluster": key,
            "release": str(region.release),
            "state": state,
            "accepted": state in ("accepted", "connected", "disconnected"),
            "connected": None if region.type == "node_group" else state == "connected",
            "dhcp": dhcp.get(key, []),
            "images": region.in_sync(images[key]) if key in images else None,
            "named": one.get("named", False),
        }

    return {minion: row(one) for minion, one in seen.items()}


def _digest(dunders, values):
    # With this host's own key, or whoever reads job returns could try passwords of machines.
    text = json.dumps(values, sort_keys=True, default=str)
    try:
        with open(os.path.join(dunders["__opts__"]["pki_dir"], "minion.pem"), "rb") as stream:
            key = stream.read()
    except (KeyError, OSError):
        key = os.urandom(32)  # a minion without a key never equals what was before
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]
