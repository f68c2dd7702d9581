"""What the master's own modules (external pillar, roster, engine) share."""

from __future__ import annotations

from saltext.maas.client import Client, Profile
from saltext.maas.client.errors import BadInput
from saltext.maas.inventory import Kept


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

    where = name if isinstance(name, str) else "profile" if name else "maas"
    values = name if isinstance(name, dict) else opts.get(where)
    if isinstance(values, dict) and "api" in values:
        where, values = f"{where}:api", values["api"]
    if not isinstance(values, dict):
        raise BadInput(f"{where}: is missing in Salt's configuration; it says how to reach MAAS")
    resolved = {
        key: salt.utils.sdb.sdb_get(value, opts) if _is_reference(value) else value
        for key, value in values.items()
    }
    return Profile.from_mapping(resolved, where)


def _is_reference(value):
    return isinstance(value, str) and value.startswith("sdb://")


def kept_nodes(opts, name=None, lifetime: float = 300) -> Kept:
    """The region's nodes, kept in Salt's cache.

    Args:
        opts: Salt's configuration.
        name: As in :func:`profile`.
        lifetime: Seconds for which an answer is good.
    """
    reach = profile(opts, name)
    return Kept(lambda: Client(reach), opts["cachedir"], reach.url, lifetime)
