"""How far clusters are, as their region has it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from typing import Any

from saltext.maas import pillar, poll
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import Region, open_region
from saltext.maas.reconcile.plan import DesiredObjects

#: Seconds within which a region must say how far clusters are.
SOON = 20


def inspect(region: Region, minions: Iterable[str] | None = None, problems: bool = True) -> dict:
    """Return how far clusters are; see :py:func:`maas_fleet.inspect`.

    Args:
        region: From :func:`~saltext.maas.fleet.region_side.region.open_region`.
        minions: Minion ids; None for all that the pillar names.
        problems: Check the pillar too.
    """
    common: list[str] = []
    own: dict[str, list[str]] = {minion: [] for minion in region.clusters}
    for line in pillar.problems(region.pillar, region.release) if problems else ():
        minion = next((one for one in own if pillar.concerns(line, one)), None)
        (common if minion is None else own[minion]).append(line)
    states, found = region.states(), {}
    for minion in region.clusters if minions is None else minions:
        values = region.described(minion)
        url = values.get("region_url") or (region.pillar.get("region") or {}).get("url")
        key = region.key(minion)
        found[minion] = {
            "named": minion in region.clusters,
            "where": region.clusters[minion].where if minion in region.clusters else None,
            "problems": own.get(minion, []),
            "cluster": key,
            "state": states.get(key, "absent"),
            "own_url": bool(values.get("region_url")),
            "digest": _digest(region.dunders, [values, url]),
        }
    known = [one["cluster"] for one in found.values()]
    unnamed = region.unnamed(known) if minions is None else {}
    release = str(region.release)
    return {"release": release, "problems": common, "clusters": found, "unnamed": unnamed}


def wait_for(dunders: dict, minions: Iterable[str], seconds: float) -> dict[str, str]:
    """Wait until the region has clusters; see :py:func:`maas_fleet.wait_for`.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids.
        seconds: How long to wait.
    """
    last: dict[str, Any] = {}

    def there():
        try:
            region = open_region(dunders, deadline=SOON)
            clusters = inspect(region, minions, problems=False)["clusters"]
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


def status(region: Region, minions: Iterable[str] | None = None) -> dict[str, dict]:
    """Return what the region knows of clusters; see :py:func:`maas_fleet.status`.

    It costs one request for each collection and two for each cluster at the most.
    """
    found = inspect(region, minions, problems=False)
    seen = {**found["unnamed"], **found["clusters"]}
    here = {one["cluster"] for one in seen.values() if one["state"] != "absent"}
    desired_objects = DesiredObjects(pillar.desired_objects(region.pillar, region.release))
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
            # Whether it holds what the region selects; None where that is unknown.
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
