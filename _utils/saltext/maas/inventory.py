"""What a region knows of its machines, devices and controllers, as small facts.

Every collection is read with one request; :mod:`saltext.maas.cache` shares the answer.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, Iterator
from multiprocessing.pool import ThreadPool

from saltext.maas.api_path import segment
from saltext.maas.client import Client
from saltext.maas.errors import Forbidden, NotFound, StrangeAnswer
from saltext.maas.resources.node_group import PLACEHOLDER
from saltext.maas.resources.vlan_names import read_vlan

log = logging.getLogger(__name__)

#: What a node can be, and where its kind is listed: per API, (kind, path, operation).
_KINDS = {
    "2.0": (
        ("machine", "machines/", None),
        ("device", "devices/", None),
        ("rack", "rackcontrollers/", None),
        ("region", "regioncontrollers/", None),
    ),
    "1.0": (("machine", "nodes/", "list"), ("device", "devices/", "list")),
}
_ACCEPTED = 1  # or enabled, as 1.8 and later call it
#: Names of 1.x's numbers; 2.0 and later say the name themselves.
_BEFORE_1_7 = (
    "declared", "commissioning", "failed tests", "missing", "ready", "reserved", "allocated",
    "retired",
)  # fmt: skip
_FROM_1_7 = (
    "new", "commissioning", "failed commissioning", "missing", "ready", "reserved", "deployed",
    "retired", "broken", "deploying", "allocated", "failed deployment", "releasing",
    "releasing failed", "disk erasing", "failed disk erasing",
)  # fmt: skip
#: Facts of a node about which nothing is known.
_NOTHING: dict = {
    "status": None,
    "deployed": None,
    "zone": None,
    "pool": None,
    "tags": [],
    "vlans": [],
    "architecture": None,
    "osystem": None,
    "distro_series": None,
    "owner": None,
}
#: What must be there of a node that was stored as JSON, see :mod:`saltext.maas.client.shape`.
SHAPE = {
    **dict.fromkeys(("system_id", "hostname", "fqdn"), str),
    **{name: [str] for name in ("kinds", "tags", "addresses")},
    **dict.fromkeys(("status", "zone", "pool", "osystem", "distro_series"), (str, None)),
}


def read(client: Client) -> list[dict]:
    """Read all nodes of a region, with one request for each kind of them.

    A cluster of API 1.0 counts as a rack.  No release lists the addresses of all
    clusters at once: they take one request for each cluster that is accepted.

    Returns:
        ``[{"system_id", "hostname", "fqdn", "kinds", "status", "deployed", "zone",
        "pool", "tags", "vlans", "architecture", "osystem", "distro_series", "owner",
        "addresses"}]``, by fqdn; what a release does not show is None or empty.  A host that is
        region and rack has both kinds.

    Raises:
        MaasError: The region cannot be asked.

    MAAS 1.5 to 3.8; devices from 1.7 on.
    """
    release = client.release
    kinds = _KINDS[release.api]

    def one(kind):
        try:
            return client.get(kind[1], op=kind[2], expect=[{"system_id": str}])
        except NotFound:
            if kind[0] == "device":  # no release before 1.7 has them
                return []
            raise

    found: dict[str, dict] = {}
    for (kind, path, _), raws in zip(kinds, _at_once(one, kinds), strict=True):
        for raw in raws:
            try:
                facts = found.setdefault(raw["system_id"], _facts(raw, release))
            except (LookupError, TypeError, ValueError, AttributeError):
                raise StrangeAnswer(
                    f"GET {path}: {raw['system_id']} has another form than MAAS's nodes"
                ) from None
            facts["kinds"].append(kind)
    if release.api == "1.0":
        found.update((facts["system_id"], facts) for facts in _clusters(client))
    return sorted(found.values(), key=lambda facts: (facts["fqdn"], facts["system_id"]))


def _clusters(client) -> Iterator[dict]:
    """The accepted clusters of API 1.0, under the names that they are shown by."""

    def addresses(cluster):
        try:
            path = f"nodegroups/{segment(cluster['uuid'])}/interfaces/"
            return [one.get("ip") for one in client.get(path, op="list", expect=[dict])]
        except (Forbidden, NotFound):  # 1.5 and 1.6 answer administrators only
            return []

    clusters = [
        one for one in client.get("nodegroups/", op="list", expect=[{"uuid": str, "status": int}])
        if one["status"] == _ACCEPTED and one["uuid"] != PLACEHOLDER
    ]  # fmt: skip
    for cluster, found in zip(clusters, _at_once(addresses, clusters), strict=True):
        name = cluster.get("cluster_name") or cluster["uuid"]
        yield {
            **_NOTHING, "system_id": cluster["uuid"], "hostname": name.partition(".")[0],
            "fqdn": name, "kinds": ["rack"], "addresses": only_addresses(found),
        }  # fmt: skip


def _at_once(do, items) -> list:
    """``[do(item)]``, four at a time.

    The interpreter does not wait for these threads when it ends, as for those of
    ``concurrent.futures``: a region that hangs must not hold salt-ssh up.
    """
    if not items:
        return []
    with ThreadPool(min(4, len(items))) as pool:
        return list(pool.imap(do, items))


def _facts(raw, release):
    fqdn = raw.get("fqdn") or raw.get("hostname") or ""
    nics = raw.get("interface_set") or ()
    status = raw["status_name"].lower() if raw.get("status_name") else _status(raw, release)
    addresses = raw.get("ip_addresses") or ()
    if "ip_addresses" not in raw:  # controllers have them at their interfaces only
        links = [(*(nic.get("links") or ()), *(nic.get("discovered") or ())) for nic in nics]
        addresses = [link.get("ip_address") for one in links for link in one]
    return {
        "system_id": raw["system_id"],
        "hostname": fqdn.partition(".")[0],
        "fqdn": fqdn,
        "kinds": [],
        "status": status,
        # Before 1.7 MAAS shows no more than that a machine is allocated.
        "deployed": status and status == ("deployed" if release >= "1.7" else "allocated"),
        "zone": (raw.get("zone") or {}).get("name"),
        "pool": (raw.get("pool") or {}).get("name"),
        "tags": sorted(raw.get("tag_names") or ()),
        "vlans": sorted({read_vlan(nic.get("vlan")) for nic in nics} - {None}),
        **{name: raw.get(name) or None
           for name in ("architecture", "osystem", "distro_series", "owner")},
        "addresses": only_addresses(addresses),
    }  # fmt: skip


def _status(raw, release):
    number = raw.get("substatus", raw.get("status"))
    names = _FROM_1_7 if release >= "1.7" else _BEFORE_1_7
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else None


def only_addresses(found: Iterable[object]) -> list[str]:
    """Return what is an address and nothing else, of what a region says.

    It becomes an argument of ssh; a scope, which may hold anything, even a part of a command.
    """
    addresses: dict[str, None] = {}
    for one in found:
        try:
            address = ipaddress.ip_address(one if isinstance(one, str) else "")
        except ValueError:
            continue
        if not getattr(address, "scope_id", None):
            addresses[str(address)] = None
    return list(addresses)


def of_minion(nodes: list[dict], minion: str, ignore_domain: bool = False) -> dict | None:
    """Return the node that a minion is, if there is exactly one.

    It is the node of that full name; for an id without a dot also the one of that host name.

    Args:
        nodes: As :func:`read` returns them.
        minion: The minion's id.
        ignore_domain: An id with another domain than any node's means the node of its host name.
    """
    desired = minion.lower()
    label, dot, _ = desired.partition(".")
    found = [
        one for one in nodes
        if one["fqdn"].lower() == desired or (not dot and one["hostname"].lower() == label)
    ]  # fmt: skip
    if not found and ignore_domain:
        found = [one for one in nodes if one["hostname"].lower() == label]
    if len(found) > 1:
        log.warning("MAAS has %d nodes that minion %s could be; none is taken", len(found), minion)
    return found[0] if len(found) == 1 else None
