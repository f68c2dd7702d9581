"""Grain ``maas``: which MAAS this minion has, if any."""

from __future__ import annotations

import os
import sys


def maas(opts=None):
    """Return what MAAS is installed here, without running anything.

    Returns:
        ``{"maas": {"installed": False}}``, or with ``installed`` True also
        ``kind`` (deb or snap), ``release``, ``roles`` and, for a 1.x cluster,
        ``cluster_uuid``.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.get maas
        salt -G maas:installed:True test.ping
    """
    root = (opts or globals().get("__opts__") or {}).get("maas.root") or "/"
    places = ("etc/maas", "snap/maas", "var/lib/maas")
    if not any(os.path.isdir(os.path.join(root, place)) for place in places):
        return {"maas": {"installed": False}}
    try:
        return {"maas": _found(root)}
    except Exception:
        return {"maas": {"installed": False}}


def _found(root):
    _find_library()
    from saltext.maas.host import cluster_config
    from saltext.maas.host.installation import detect

    installation = detect(root)
    if installation is None:
        return {"installed": False}
    found = {
        "installed": True,
        "kind": installation.kind,
        "release": str(installation.release),
        "roles": sorted(installation.roles),
    }
    if "cluster" in installation.roles and installation.release < "2.0":
        found["cluster_uuid"] = cluster_config.read_files(installation)["uuid"]
    return found


def _find_library():
    """Find the library of a sync that came after the start of this minion.

    Salt puts the folder of synced utils on the path at the start only, and if it is there.
    """
    utils = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "utils")
    if os.path.isdir(os.path.join(utils, "saltext", "maas")) and utils not in sys.path:
        sys.path.append(utils)
