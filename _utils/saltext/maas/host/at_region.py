"""What the region says about this cluster or rack: by its API, or by its database."""

from __future__ import annotations

from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError
from saltext.maas.host import cluster_config, database
from saltext.maas.host.installation import Installation

# NODEGROUP_STATUS; since 1.8 only 1 (enabled) and 2 (disabled) are left.
_PENDING, _ACCEPTED, _REJECTED = range(3)
_ACCEPT = "accept it there (maas_node_group.present with status: accepted)"


def verdict(installation: Installation, client: Client | None = None) -> dict | None:
    """Return what the region holds about this host.

    A 1.x region lists its clusters to anybody; from 2.0 on a key is needed, or the
    region's database where the region is on this host.

    Args:
        client: For a region of 2.0 or later, when there is a key.

    Returns:
        ``{"state": "accepted", "pending", "rejected", "unknown" or "disconnected",
        "message": what to do, or None}``; None when the region cannot be asked.

    Raises:
        MaasError: The region refuses the client's key, or is none.
    """
    found = None
    try:
        if installation.release < "2.0":
            found = _node_group(installation, client)
        elif client:
            found = _rack(installation, client)
    except MaasError as error:
        if client is not None and error.lasting:
            raise  # such as a wrong key
    return found or _in_database(installation)


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
    status = {one["uuid"]: one["status"] for one in groups}.get(here["uuid"])
    return _judged(installation, status, here["uuid"])


def _judged(installation, status, uuid):
    if status is None:
        return _verdict("unknown", f"The region knows no cluster {uuid} yet.")
    if status == _PENDING:
        return _verdict("pending", f"The region holds cluster {uuid} as pending: {_ACCEPT}.")
    if status == _REJECTED:
        was = "rejected" if installation.release < "1.8" else "disabled"
        text = f"The region has cluster {uuid} {was}: {_ACCEPT}, "
        return _verdict("rejected", f"{text}then restart this host's cluster services.")
    return _verdict("accepted", None)


def _verdict(state, message):
    return {"state": state, "message": message}


def _rack(installation, client):
    system_id = cluster_config.read_files(installation)["system_id"]
    racks = client.get("rackcontrollers/", expect=[{"system_id": str}])
    mine = [one for one in racks if system_id and one["system_id"] == system_id]
    if not mine:
        known = system_id or "none yet"
        text = f"The region knows no rack controller with this host's system id ({known})."
        return _verdict("unknown", text)
    for daemon in mine[0].get("service_set") or ():
        if daemon["name"] == "rackd" and daemon["status"] not in ("running", "degraded"):
            why = daemon.get("status_info") or "look at its log"
            text = f"The region holds this rack's rackd as {daemon['status']}: {why}."
            return _verdict("disconnected", text)
    return _verdict("accepted", None)


def _in_database(installation):
    if "region" not in installation.roles:
        return None
    here = cluster_config.read_files(installation)
    try:
        with database.connection(installation, timeout=10) as conn:
            if installation.release < "2.0":
                status = database.node_group_status(conn, here["uuid"])
                return _judged(installation, status, here["uuid"])
            if here["system_id"] and database.has_rack(conn, here["system_id"]):
                return _verdict("accepted", None)
    except MaasError:
        return None
    return _verdict("unknown", "The region's database has no such rack controller.")
