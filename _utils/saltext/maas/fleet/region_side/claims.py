"""Which master onboards a cluster, where several hear of it: noted on the region's minion."""

from __future__ import annotations

import os
import time
from typing import Any

import filelock
from saltext.maas import atomic_file, parsing
from saltext.maas.errors import MaasError

#: The state of a claim whose cluster is enrolled.
ENROLLED = "enrolled"
#: What the file of claims looks like.
_FORM = {
    str: {
        **dict.fromkeys(("master", "name", "state", "digest"), str),
        **dict.fromkeys(("since", "until"), (int, float)),
    }
}


def claim(
    dunders: dict, master: str, name: str, clusters: dict[str, dict], seconds: float, age: float
) -> dict[str, dict]:
    """Claim clusters for a master; see :py:func:`maas_fleet.claim`."""
    now, refused = time.time(), {}
    with _Claims(dunders) as claims:
        for minion, seen in clusters.items():
            held = claims.get(minion)
            if held and held["master"] != master and _holds(held, seen, now, age):
                refused[minion] = {key: held[key] for key in ("name", "state", "since")}
            else:
                claims[minion] = {
                    "master": master, "name": name, "state": "running", "digest": "",
                    "since": now, "until": now + seconds,
                }  # fmt: skip
    return refused


def release(dunders: dict, master: str, enrolled: dict[str, str]) -> bool:
    """End a master's claims; see :py:func:`maas_fleet.release`."""
    with _Claims(dunders) as claims:
        for minion, digest in enrolled.items():
            if claims.get(minion, {}).get("master") == master:
                if digest:
                    claims[minion].update(state=ENROLLED, digest=digest, until=time.time())
                else:
                    del claims[minion]
    return True


def _holds(held, seen, now, age):
    if held["state"] == ENROLLED:
        ended_since = held["until"] > now - age  # so that it was not seen
        return held["digest"] == seen["digest"] and (seen["enrolled"] or ended_since)
    return now < held["until"]


class _Claims:
    """The claims within a ``with`` block, in which no other job changes them."""

    def __init__(self, dunders):
        folder = os.path.join(dunders["__opts__"]["cachedir"], "maas")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = os.path.join(folder, "onboarding.json")
        self._lock = filelock.FileLock(f"{self._path}.lock", timeout=20, mode=0o600)

    def __enter__(self) -> dict[str, Any]:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise MaasError("another job holds the list of claims for 20 s") from None
        self._claims = self._read()
        return self._claims

    def __exit__(self, *exc_info):
        try:
            if exc_info[0] is None:
                atomic_file.put_json(self._path, self._claims)
        finally:
            self._lock.release()

    def _read(self):
        """The claims on disk; without them, such as after an update, the work is done again."""
        try:
            with open(self._path, "rb") as stream:
                return parsing.of_json(stream.read(), _FORM)
        except (OSError, ValueError):
            return {}
