"""What the master's own modules (external pillar, roster, engine) share."""

from __future__ import annotations

import dataclasses

from saltext.maas import region_url, sdb
from saltext.maas.cache import Kept
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput

#: Seconds after which reading what is kept is given up: nobody waits for it as long as for a
#: change, and while it goes on nobody else can ask.
_DEADLINE = 60


def profile(opts, name=None) -> Profile:
    """How to reach the region, from the master's configuration.

    Args:
        opts: Salt's configuration.
        name: Name of a profile there, or a mapping with one; ``maas`` by default.

    Returns:
        The profile, with ``sdb://`` references resolved.

    Raises:
        BadInput: There is none, or it is wrong.
    """
    import salt.utils.sdb

    where, values = _configured(opts, name)

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


def kept_nodes(opts, name=None, lifetime: float = 300) -> Kept:
    """The region's nodes, kept in Salt's cache.

    References to secrets are resolved only when the region is asked, by the thread that asks: what
    is kept needs no secret store, and one that hangs holds nobody up.

    Args:
        opts: Salt's configuration.
        name: As in :func:`profile`.
        lifetime: Seconds for which an answer is good.

    Raises:
        BadInput: There is no such profile.
    """
    _, values = _configured(opts, name)
    opts = dict(opts)  # what Salt's loader hands out is empty in another thread

    def client():
        reach = profile(opts, name)
        return Client(dataclasses.replace(reach, deadline=min(reach.deadline, _DEADLINE)))

    return Kept(client, opts["cachedir"], region_url.base(str(values.get("url") or "")), lifetime)
