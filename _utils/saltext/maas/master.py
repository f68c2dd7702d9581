"""What the modules of the master (external pillar, roster, engine) share."""

from __future__ import annotations

import dataclasses

from saltext.maas import region_url, sdb
from saltext.maas.cache import NodeCache
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput, MaasError

#: Seconds after which reading nodes is given up: nobody waits for it as long as for a change, and
#: while it goes on nobody else can ask.
_DEADLINE = 60


def profile(opts: dict, name: str | dict | None = None, place: str = "") -> Profile:
    """Return the profile of a region in the master's configuration.

    Args:
        opts: Salt's configuration.
        name: Name of a profile there, or a mapping with one; ``maas`` by default.
        place: Where a mapping stands, for messages.

    Returns:
        The profile, with ``sdb://`` references resolved.

    Raises:
        BadInput: There is none, or it is wrong.
    """
    import salt.utils.sdb

    where, values = _configured(opts, name)
    where = place or where

    def get(reference):
        return salt.utils.sdb.sdb_get(reference, opts)

    return Profile.from_mapping(sdb.resolve(values, get, where), where)


def _configured(opts, name):
    """Where a profile stands in the configuration, and its values as they stand there."""
    where = name if isinstance(name, str) else "profile" if name else "maas"
    values = name if isinstance(name, dict) else opts.get(where)
    if isinstance(values, dict) and "api" in values:
        where, values = f"{where}:api", values["api"]
    if not isinstance(values, dict):
        raise BadInput(f"{where}: is missing in Salt's configuration; it says how to reach MAAS")
    return where, values


def node_cache(opts: dict, name: str | dict | None = None, lifetime: float = 300) -> NodeCache:
    """Return the cache of a region's nodes.

    References to secrets are resolved only when the region is asked, by the thread that asks: what
    is cached needs no secret store, and one that hangs holds nobody up.

    Args:
        opts: Salt's configuration.
        name: As in :func:`profile`.
        lifetime: Seconds for which an answer is good.

    Raises:
        BadInput: There is no such profile.
    """
    _, values = _configured(opts, name)
    url = region_url.base(str(values.get("url") or ""))
    opts = dict(opts)  # what Salt's loader hands out is empty in another thread

    def client():
        found = profile(opts, name)
        return Client(dataclasses.replace(found, deadline=min(found.deadline, _DEADLINE)))

    return NodeCache(client, opts["cachedir"], url, lifetime)


def local_file(opts: dict, path: str, saltenv: str = "base") -> str:
    """Return the path of a file on the master, which may be a ``salt://`` one.

    Raises:
        MaasError: The file roots do not have it.
    """
    if not path.startswith("salt://"):
        return path
    import salt.fileclient

    with salt.fileclient.get_file_client({**opts, "file_client": "local"}) as client:
        found = client.cache_file(path, saltenv)
    if not found:
        raise MaasError(f"{path} is not in the file roots of environment {saltenv}")
    return found
