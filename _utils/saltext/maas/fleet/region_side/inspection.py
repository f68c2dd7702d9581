"""How far clusters are, as their region has it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time

from saltext.maas import pillar, runtime
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile.plan import DesiredObjects

#: Seconds within which a region must say how far clusters are.
_SOON = 20


def look(dunders, minions=None, problems: bool = True, region=None) -> dict:
    """How far clusters are, as the region and its pillar have it.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.
        problems: Check the pillar too.
        region: What was read of the region already, to read no more.

    Returns:
        ``{"release", "problems": [of the pillar, that concern all], "clusters": {minion:
        {named, problems, cluster, state, digest}}, "unnamed": {name: {cluster, state}}}``; the
        state is ``absent``, or ``pending``, ``rejected`` or ``accepted`` in 1.x, ``connected``
        or ``disconnected`` from 2.0 on.  Those unnamed are at work, but no pillar names them;
        they are looked for where no minions are given.

    Raises:
        MaasError: The region cannot be asked.
    """
    described = runtime.described(dunders)
    region = region or Region(dunders, deadline=_SOON)
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
            "digest": _digest(dunders, [values, url]),
        }
    known = [one["cluster"] for one in found.values()]
    unnamed = region.strangers(known) if minions is None else {}
    release = str(region.release)
    return {"release": release, "problems": common, "clusters": found, "unnamed": unnamed}


def wait_for(dunders, minions, seconds: float) -> dict:
    """Wait until the region has clusters, accepted or not yet; connected from 2.0 on.

    Returns:
        ``{minion: state}`` as :func:`look` has it, when all are there or the time is up.
    """
    deadline, pause = time.monotonic() + seconds, 0.3
    while True:
        late = time.monotonic() + pause > deadline
        try:
            clusters = look(dunders, minions, problems=False)["clusters"]
        except MaasError as error:
            if late or error.lasting:  # else a region that was just restarted is waited for
                raise
        else:
            states = {minion: one["state"] for minion, one in clusters.items()}
            waiting = [one for one in states.values() if one in ("absent", "disconnected")]
            if late or not waiting:
                return states
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def status(dunders, minions=None) -> dict:
    """What the region knows of clusters.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minions: Minion ids; None for all that the pillar names.

    Returns:
        ``{minion: {cluster, release, accepted, connected, state, dhcp: [where], images,
        named}}``; ``images`` is whether it holds what the region selects, None where that is
        unknown.  Clusters at work that no pillar names are there by their names, with
        ``named`` False, where no minions are given.

    It costs one request for each collection and two for each cluster at the most.
    """
    described = runtime.described(dunders)
    region = Region(dunders)
    told = look(dunders, minions, problems=False, region=region)
    seen = {**told["unnamed"], **told["clusters"]}
    here = {one["cluster"] for one in seen.values() if one["state"] != "absent"}
    desired_objects = DesiredObjects(pillar.desired_objects(described, region.release))
    images = {one.key: one for one in desired_objects.of("cluster_image")}
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
            "named": one.get("named", False),
        }
        if key in here and key in images:
            row["images"] = region.in_sync(images[key])
        found[minion] = row
    return found


def _digest(dunders, values):
    # With this host's own key, or whoever reads job returns could try passwords of machines.
    text = json.dumps(values, sort_keys=True, default=str)
    try:
        with open(os.path.join(dunders["__opts__"]["pki_dir"], "minion.pem"), "rb") as stream:
            key = stream.read()
    except (KeyError, OSError):
        key = os.urandom(32)  # a minion without a key never equals what was before
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]
