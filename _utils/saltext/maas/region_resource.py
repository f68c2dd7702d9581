"""Regions as Salt resources: their grains, and whether they answer."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from saltext.maas import atomic_file, parsing, runtime
from saltext.maas.client import Client
from saltext.maas.errors import MaasError

#: Seconds for which a release is cached, and for which a failure is.
_LIFETIME, _RETRY_AFTER = 3600.0, 60.0
#: What is recorded of a region.
_RECORD = {"url": str, "release": (str, None), "time": (int, float)}
#: Seconds within which a region has to answer that is only asked for its release, and within
#: which all regions of a minion have: Salt waits for their grains before it does anything else.
_TIMEOUT, _TOTAL_TIMEOUT = 3.0, 10.0
_DEADLINE = "saltext.maas.grains"


def grains(dunders: dict, name: str, refresh: bool = False) -> dict[str, Any]:
    """Return the grains of a region; Salt asks for them before each job.

    Args:
        dunders: The resource module's ``globals()``.
        name: The region.
        refresh: Ask it for its release, even if it is cached.
    """
    found: dict[str, Any] = {"installed": False, "region": name}
    try:
        # No API key is looked up, as a region shows its release without one.
        profile = runtime.profile_without_key(dunders, name)
        found["url"] = profile.url
        release = profile.release or _release(dunders, profile, refresh)
        if release:
            found["release"] = str(release)
    except MaasError:
        pass  # jobs report the error
    return {"id": name, "maas": found}


def _release(dunders, profile, refresh):
    """The cached release of a region, or its answer now."""
    cachedir = dunders["__opts__"]["cachedir"]
    path = os.path.join(cachedir, "maas", f"release-{runtime.resource(dunders)}.json")
    with contextlib.suppress(OSError, ValueError):
        with open(path, "rb") as stream:
            recorded = parsing.of_json(stream.read(), _RECORD)
        age = time.time() - recorded["time"]
        fresh = 0 <= age < (_LIFETIME if recorded["release"] else _RETRY_AFTER)
        if recorded["url"] == profile.url and fresh and not refresh:
            return recorded["release"]
    left = (
        dunders["__context__"].setdefault(_DEADLINE, time.monotonic() + _TOTAL_TIMEOUT)
        - time.monotonic()
    )
    if left <= 0 and not refresh:
        return None
    client, release = Client(profile, patience=0), None
    with contextlib.suppress(MaasError), client.within(_TIMEOUT):
        release = str(client.release)
    with contextlib.suppress(OSError):
        recorded = {"url": profile.url, "release": release, "time": time.time()}
        atomic_file.put_json(path, recorded)
    return release


def ping(dunders: dict) -> bool:
    """Return True where a region answers, and accepts the API key.

    Raises:
        MaasError: Why it does not.
    """
    client = runtime.client(dunders)
    runtime.check_access(client)
    return True
