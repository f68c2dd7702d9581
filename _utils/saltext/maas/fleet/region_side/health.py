"""The state of a region: whether it answers, matches its pillar, and has its clusters."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any
from urllib.parse import quote

from saltext.maas import atomic_file, region_plan, runtime
from saltext.maas.client import Client
from saltext.maas.errors import BadInput, Forbidden, MaasError
from saltext.maas.fleet.region_side import inspection
from saltext.maas.fleet.region_side.region import region_of


def status(dunders: dict, profile: Any, seconds: float) -> dict[str, Any]:
    """Return the state of a region; see :py:func:`maas_region.status`.

    Args:
        dunders: A Salt module's ``globals()``, with the pillar as it is now.
        profile: Profile, see :func:`saltext.maas.runtime.profile`.
        seconds: Seconds for all requests together.
    """
    found: dict[str, Any] = {
        "region": name_of(dunders, profile), "up": False, "error": None, "release": None,
        "pending": None, "problems": None, "plan_error": None,
        "last_run": last_run(dunders, profile), "clusters": {},
    }  # fmt: skip
    try:
        client = Client(runtime.profile(dunders, profile), patience=0)
        with client.within(seconds):
            runtime.check_access(client)
            compared = _compared(dunders, client)
        found.update(compared, up=True, release=str(client.release))
    except MaasError as error:
        found["error"] = str(error)
    return found


def _compared(dunders, client):
    """What needs a valid pillar and an administrator's API key."""
    try:
        region = region_of(dunders, client)
        drift = region_plan.drift(region.snapshot, region.pillar)  # checks the pillar first
        clusters = inspection.status(region)
    except (BadInput, Forbidden) as error:
        return {"plan_error": str(error)}
    pending = sum(len(names) for names in drift["changes"].values())
    return {"clusters": clusters, "pending": pending, "problems": len(drift["problems"])}


def name_of(dunders: dict, profile: Any = None) -> str:
    """Return the name of a region: that of its profile, or the minion's where none is given."""
    return profile if isinstance(profile, str) and profile else runtime.minion_id(dunders)


def record_run(dunders: dict, profile: Any, success: bool) -> None:
    """Record when a state last applied the pillar to a region, and whether it succeeded."""
    # The record is optional: the disk may be full, or Salt not say which region it is.
    with contextlib.suppress(OSError, MaasError):
        path = _run_file(dunders, profile)
        if path:
            atomic_file.put_json(path, {"time": time.time(), "success": success})


def last_run(dunders: dict, profile: Any) -> dict[str, Any] | None:
    """Return ``{time, success}`` of the last run, or None if none is recorded."""
    path = _run_file(dunders, profile)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        with open(path or os.devnull, encoding="utf-8") as stream:
            recorded = json.load(stream)
        return {"time": float(recorded["time"]), "success": recorded["success"] is True}
    return None


def _run_file(dunders, profile):
    cachedir = dunders["__opts__"].get("cachedir")
    if not cachedir or isinstance(profile, dict):
        return None
    return os.path.join(cachedir, "maas", f"run-{quote(name_of(dunders, profile), safe='')}.json")
