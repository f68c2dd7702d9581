"""What a region knows of its machines, devices and controllers, as small facts.

Every collection is read once and kept in a file for a while, so that a
thousand pillars or a large roster cost the region no more than one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from saltext.maas.client.errors import MaasError, NotFound
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


def read(client) -> list[dict]:
    """Read all nodes of a region, with one request for each kind of them.

    Args:
        client: :class:`~saltext.maas.client.Client`.

    Returns:
        ``[{"system_id", "hostname", "fqdn", "kinds", "status", "zone", "pool",
        "tags", "vlans", "addresses"}]``, by fqdn; what a release does not tell
        is None or empty.  A host that is region and rack has both kinds.

    Raises:
        MaasError: The region cannot be asked.

    MAAS 1.5 to 3.7; devices from 1.7 on.
    """
    release = client.release
    kinds = _KINDS[release.api]

    def one(kind):
        try:
            return client.get(kind[1], op=kind[2]) or []
        except NotFound:
            if kind[0] == "device":  # no release before 1.7 has them
                return []
            raise

    with ThreadPoolExecutor(len(kinds)) as pool:
        lists = list(pool.map(one, kinds))
    found = {}
    for (kind, _, _), raws in zip(kinds, lists):
        for raw in raws:
            facts = found.setdefault(raw["system_id"], _facts(raw, release))
            facts["kinds"].append(kind)
    return sorted(found.values(), key=lambda facts: (facts["fqdn"], facts["system_id"]))


def _facts(raw, release):
    fqdn = raw.get("fqdn") or raw.get("hostname") or ""
    vlans = {read_vlan(nic.get("vlan")) for nic in raw.get("interface_set") or ()}
    return {
        "system_id": raw["system_id"],
        "hostname": fqdn.partition(".")[0],
        "fqdn": fqdn,
        "kinds": [],
        "status": _status(raw, release),
        "zone": (raw.get("zone") or {}).get("name"),
        "pool": (raw.get("pool") or {}).get("name"),
        "tags": sorted(raw.get("tag_names") or ()),
        "vlans": sorted(vlans - {None}),
        "addresses": _addresses(raw),
    }


def _addresses(raw):
    """A node's addresses; controllers have them at their interfaces only."""
    found = list(raw.get("ip_addresses") or ())
    if "ip_addresses" not in raw:
        for nic in raw.get("interface_set") or ():
            links = [*(nic.get("links") or ()), *(nic.get("discovered") or ())]
            found += [link["ip_address"] for link in links if link.get("ip_address")]
    return list(dict.fromkeys(found))


def _status(raw, release):
    if raw.get("status_name"):
        return raw["status_name"].lower()
    number = raw.get("substatus", raw.get("status"))
    names = _FROM_1_7 if release >= "1.7" else _BEFORE_1_7
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else None


def of_minion(nodes, minion: str) -> dict | None:
    """The node that a minion is: by its whole name, else by its host name if that is unique.

    Args:
        nodes: As :func:`read` returns them.
        minion: The minion's id.
    """
    wanted = minion.lower()
    whole = [one for one in nodes if one["fqdn"].lower() == wanted]
    label = wanted.partition(".")[0]
    found = whole or [one for one in nodes if one["hostname"].lower() == label]
    if len(found) > 1:
        log.warning("MAAS has %d nodes that minion %s could be; none is taken", len(found), minion)
    return found[0] if len(found) == 1 else None


class Kept:
    """Nodes of a region, kept in a file that all processes of a Salt master share.

    Args:
        client: Made when it is needed: ``f() -> Client``.
        folder: Where the file lies, such as Salt's ``cachedir``.
        name: Tells one region from another, such as its URL.
        lifetime: Seconds for which an answer is taken as it is.
        rest: Seconds after a failure within which the region is not asked again.
    """

    def __init__(self, client, folder, name, lifetime: float = 300, rest: float = 30):
        self._client = client
        self._path = os.path.join(
            folder, "maas", f"nodes-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
        )
        self._lifetime = lifetime
        self._rest = rest

    def nodes(self, patience: float) -> list[dict]:
        """What is known, after waiting for the region for no longer than some seconds.

        An answer that comes later is kept for the next who asks.  Of many who
        ask at once, one asks the region.

        Returns:
            As :func:`read`; the last answer where the region gives none in
            time, and nothing where there never was one.
        """
        deadline = time.monotonic() + patience
        known = self._load()
        now = time.time()
        if self._fresh(known, now) or now - known["failed"] < self._rest:
            return known["nodes"]
        lock = self._lock()
        if lock is not None:
            known = self._load()
            if self._fresh(known, time.time()):  # somebody asked since we looked
                lock.close()
                return known["nodes"]
            asking = threading.Thread(target=self._refresh, args=(lock,), daemon=True)
            asking.start()
            asking.join(patience)
            return self._load()["nodes"]
        while time.monotonic() < deadline:  # somebody else asks at the moment
            time.sleep(min(0.05, max(0.0, deadline - time.monotonic())))
            known = self._load()
            if self._fresh(known, time.time()):
                break
        return known["nodes"]

    def _fresh(self, known, now):
        return 0 <= now - known["at"] < self._lifetime

    def _load(self):
        try:
            with open(self._path, encoding="utf-8") as stream:
                return {"at": 0, "failed": 0, "nodes": [], **json.load(stream)}
        except (OSError, ValueError):
            return {"at": 0, "failed": 0, "nodes": []}

    def _lock(self):
        """An open file that holds the lock, or None when another process has it."""
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        lock = open(f"{self._path}.lock", "a", encoding="utf-8")  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return lock

    def _refresh(self, lock):
        with lock:
            try:
                with contextlib.closing(self._client()) as client:
                    self._store({"at": time.time(), "nodes": read(client)})
            except (MaasError, OSError) as error:
                log.warning("The nodes of MAAS could not be read: %s", error)
                with contextlib.suppress(OSError):
                    self._store({**self._load(), "failed": time.time()})

    def _store(self, known):
        folder = os.path.dirname(self._path)
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=".nodes-", encoding="utf-8", delete=False
        ) as stream:
            json.dump(known, stream)
        os.replace(stream.name, self._path)
