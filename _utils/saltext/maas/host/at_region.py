"""What the region says about this cluster or rack: by its API, or by its database."""

from __future__ import annotations

from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError
from saltext.maas.host import cluster_config, database
from saltext.maas.host.installation import Installation

# NODEGROUP_STATUS; since 1.8 only 1 (enabled) and 2 (disabled) are left.
_PENDING, _ACCEPTED, _REJECTED = range(3)


def verdict(installation: Installation, client: Client | None = None) -> dict | None:
    """What the region holds about this host.

    A 1.x region lists its clusters to anybody; from 2.0 on a key is needed, or the
    region's database where the region is on this host.

    Args:
        installation: The cluster's host.
        client: For a region of 2.0 or later, when there is a key.

    Returns:
        ``{"state": "accepted", "pending", "rejected", "unknown" or "disconnected",
        "message": what to do, or None}``; None when the region cannot be asked.

    Raises:
        MaasError: The region refuses the client's key, or is none.
    """
    try:
        if installation.release < "2.0":
            return _node_group(installation, client) or _in_database(installation)
        if client:
            return _rack(installation, client)
    except MaasError as error:
        if client is not None and error.lasting:
            raise  # such as a wrong key
        return _in_database(installation)
    return _in_database(installation)


def _node_group(installation, client):
    here = cluster_config.read_files(installation)
    if not here["urls"] or not here["uuid"]:
        return None
    asked = client or Client(
        Profile(here["urls"][0], "", release=installation.release, deadline=8, read_timeout=5)
    )
    try:
        groups = asked.get("nodegroups/", op="list", expect=[{"uuid": str, "status": int}])
    finally:
        if client is None:
            asked.close()
    found = [one["status"] for one in groups if one["uuid"] == here["uuid"]]
    return _judged(installation, found[0] if found else None, here["uuid"])


def _judged(installation, status, uuid):
    if status is None:
        return {"state": "unknown", "message": f"The region knows no cluster {uuid} yet."}
    if status == _PENDING:
        return {
            "state": "pending",
            "message": f"The region holds cluster {uuid} as pending: accept it there "
            "(maas_node_group.present with status: accepted).",
        }
    if status == _REJECTED:
        was = "rejected" if installation.release < "1.8" else "disabled"
        told = f"The region has cluster {uuid} {was}: accept it there (maas_node_group.present "
        told += "with status: accepted), then restart this host's cluster services."
        return {"state": "rejected", "message": told}
    return {"state": "accepted", "message": None}


def _rack(installation, client):
    system_id = cluster_config.read_files(installation)["system_id"]
    racks = client.get("rackcontrollers/", expect=[{"system_id": str}])
    mine = [one for one in racks if one["system_id"] == system_id]
    if not system_id or not mine:
        return {
            "state": "unknown",
            "message": "The region knows no rack controller with this host's system id "
            f"({system_id or 'none yet'}).",
        }
    daemons = {one["name"]: one for one in mine[0].get("service_set") or ()}
    daemon = daemons.get("rackd")
    if daemon and daemon["status"] not in ("running", "degraded"):
        told = daemon.get("status_info") or "look at its log"
        return {
            "state": "disconnected",
            "message": f"The region holds this rack's rackd as {daemon['status']}: {told}.",
        }
    return {"state": "accepted", "message": None}


def _in_database(installation):
    if "region" not in installation.roles:
        return None
    here = cluster_config.read_files(installation)
    try:
        with database.connection(installation, timeout=10) as conn:
            if installation.release < "2.0":
                return _judged(
                    installation, database.node_group_status(conn, here["uuid"]), here["uuid"]
                )
            if here["system_id"] and database.has_rack(conn, here["system_id"]):
                return {"state": "accepted", "message": None}
    except MaasError:
        return None
    return {"state": "unknown", "message": "The region's database has no such rack controller."}
