"""Machines of API 1.0, which calls them nodes: what they are called there, and how they are shown.

Everything else works with machines as API 2.0 shows them, see :func:`as_machine`.
"""

from __future__ import annotations

from typing import Any

from saltext.maas.machines import operations as at
from saltext.maas.machines.operations import Operation
from saltext.maas.release import Release

_SHAPE = {
    "system_id": str, "hostname": str, "status": int, "owner": (str, None),
    "zone": {"name": str}, "tag_names": [str], "macaddress_set": [{"mac_address": str}],
}  # fmt: skip
#: First release that shows a node's power parameters.
SHOWS_POWER = "1.7"
#: First release that shows how far a deployment is; before, a node is Allocated all the time.
SHOWS_DEPLOYMENT = "1.7"
#: Names of operations, where API 1.0 has others.
_OPERATIONS = {
    "allocate": "acquire", "deploy": "start", "power_on": "start", "power_off": "stop",
    "abort": "abort_operation",
}  # fmt: skip
_OLD_ALLOCATED = 6
#: An interface of which nothing but the MAC address is known, before 1.9.
_NIC: dict[str, Any] = {"type": "physical", "vlan": None, "parents": [], "links": []}
#: In place of the name of the API's user, which API 1.0 shows only of machines that it has.
SOMEBODY = "the API's user"


def is_node(release: Release) -> bool:
    """Return whether a release calls machines nodes."""
    return release < "2.0"


def collection(release: Release) -> str:
    """Return the path of all machines."""
    return "nodes/" if is_node(release) else "machines/"


def listing(release: Release) -> dict[str, str]:
    """Return the query that lists them."""
    return {"op": "list"} if is_node(release) else {}


def shape(release: Release) -> dict:
    """Return what every node of API 1.0 has in an answer; see :mod:`saltext.maas.client.shape`."""
    return _SHAPE if release < SHOWS_DEPLOYMENT else {**_SHAPE, "substatus": int}


def operation(release: Release, name: str) -> str:
    """Return what a release calls an operation of API 2.0."""
    return _OPERATIONS.get(name, name) if is_node(release) else name


def own_name(client: Any) -> str:
    """Return the name of the API's user, as far as API 1.0 shows it."""
    # It lists what was allocated with the same API key.
    own = client.get("nodes/", op="list_allocated", expect=[{"owner": (str, None)}])
    return next((raw["owner"] for raw in own if raw["owner"]), SOMEBODY)


def during(release: Release, operation: Operation) -> tuple[int, ...]:
    """Return the statuses of a machine while an operation is in progress."""
    if operation.name == "deploy" and release < SHOWS_DEPLOYMENT:
        return (at.ALLOCATED,)
    return operation.during


def as_machine(release: Release, raw: Any) -> Any:
    """Return a node as API 2.0 would show it; a machine of API 2.0 as it is.

    Up to 1.6 a node that is in use is Deployed once it boots from its disk, before Allocated.
    What has another form than a node is returned as it is.
    """
    if not is_node(release):
        return raw
    try:
        return _as_machine(release, raw)
    except (LookupError, TypeError, AttributeError):
        return raw


def _as_machine(release, raw):
    status = raw.get("substatus", raw["status"])
    if release < SHOWS_DEPLOYMENT and status == _OLD_ALLOCATED:
        status = at.ALLOCATED if raw.get("netboot", True) else at.DEPLOYED
    fqdn = raw["hostname"]
    found = {
        **raw,
        "hostname": fqdn.partition(".")[0],
        "fqdn": fqdn,
        "status": status,
        "status_name": at.name_of(status),
        "power_type": raw.get("power_type") or "manual",
    }
    found.pop("resource_uri", None)  # which is that of a node
    disks = raw.get("physicalblockdevice_set")
    if disks and "boot_disk" in raw:
        found["boot_disk"] = raw["boot_disk"] or min(disks, key=lambda one: one["id"])
    if "interface_set" not in raw:
        macs = [one["mac_address"] for one in raw["macaddress_set"]]
        found["interface_set"] = [
            {**_NIC, "id": number, "name": mac, "mac_address": mac}
            for number, mac in enumerate(macs)
        ]
    return found
