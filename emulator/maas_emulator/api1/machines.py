"""Machines of API 1.0 as the region keeps them; the calls are in ``nodes`` and ``node``.

Nobody stands behind a machine here: one that is being commissioned, deployed or released is done
with that after ``machine_seconds``, or when :func:`finish` is called for it.
"""

from __future__ import annotations

import random
import time
import uuid

from maas_emulator import storage, storage_layouts
from maas_emulator.api1 import groups
from maas_emulator.web import TEXT, Answer, Missing

MACHINES = "machines"
EVENTS = "events"

(
    NEW, COMMISSIONING, FAILED_COMMISSIONING, MISSING, READY, RESERVED, DEPLOYED, RETIRED, BROKEN,
    DEPLOYING, ALLOCATED, FAILED_DEPLOYMENT, RELEASING, FAILED_RELEASING, DISK_ERASING,
    FAILED_DISK_ERASING,
) = range(16)  # fmt: skip

#: Release from which on a machine in use has states of its own; before, it is just allocated.
LIFECYCLE = "1.7"
_OLD_LABELS = ("Declared", "Commissioning", "Failed tests", "Missing", "Ready", "Reserved",
               "Allocated", "Retired")  # fmt: skip
_LABELS = (
    "New", "Commissioning", "Failed commissioning", "Missing", "Ready", "Reserved", "Deployed",
    "Retired", "Broken", "Deploying", "Allocated", "Failed deployment", "Releasing",
    "Releasing failed", "Disk erasing", "Failed to erase disks",
)  # fmt: skip
_OLD_ALLOCATED = 6
_IN_USE = (ALLOCATED, DEPLOYING, DEPLOYED, FAILED_DEPLOYMENT, RELEASING, DISK_ERASING,
           FAILED_RELEASING, FAILED_DISK_ERASING)  # fmt: skip
RELEASABLE = (ALLOCATED, RESERVED, BROKEN, DEPLOYING, DEPLOYED, FAILED_DEPLOYMENT,
              FAILED_RELEASING, DISK_ERASING, FAILED_DISK_ERASING)  # fmt: skip
#: Where a machine goes from a state that only time (or the machine) ends.
_NEXT = {COMMISSIONING: READY, DEPLOYING: DEPLOYED, RELEASING: READY, DISK_ERASING: READY}


_ADJECTIVES = ("brave", "calm", "eager", "fresh", "grand", "lucky", "plain", "quick", "swift")
_NOUNS = ("anchor", "basket", "candle", "desert", "engine", "forest", "garden", "harbor", "island")


#: What an event of 1.9 is called after an action.
_ASKED = {
    "start commissioning": "User starting node commissioning",
    "abort commissioning": "User aborting node commissioning",
    "abort deploying": "User aborting deployment",
    "abort disk erasing": "User aborting disk erase",
    "acquire": "User acquiring node",
    "release": "User releasing node",
    "mark broken": "User marking node broken",
    "mark fixed": "User marking node fixed",
    "start": "User powering up node",
    "stop": "User powering down node",
}


def in_use(status):
    """Whether somebody has the machine."""
    return status in _IN_USE


def folded(status):
    """The number that ``status`` shows: everything in use is what 1.5 calls allocated."""
    return _OLD_ALLOCATED if status in _IN_USE else status


def label(region, status):
    """What the release calls a state."""
    return _OLD_LABELS[folded(status)] if region.release < LIFECYCLE else _LABELS[status]


def add(region, group, macs, **values):
    """Store a machine that nobody accepted yet.

    Args:
        group: Its node group.
        macs: MAC addresses, lower case.
        values: What differs from the defaults.
    """
    row = {
        "system_id": f"node-{uuid.uuid1()}",
        "hostname": "",
        "status": NEW,
        "owner": None,
        "group": group["id"],
        "macs": [],
        "zone": "default",
        "architecture": "",
        "power_type": "",
        "power_parameters": "",
        "power_state": "unknown",
        "disable_ipv4": group["default_disable_ipv4"],
        "osystem": "",
        "distro_series": "",
        "license_key": "",
        "netboot": True,
        "installing": False,
        "changes": 0,
        "boot_type": "fastpath",
        "swap_size": None,
        "min_hwe_kernel": "",
        "hwe_kernel": "",
        "cpu_count": 0,
        "memory": 0,
        "storage": 0,
        "tags": [],
        "sticky_ips": [],
        "error_description": "",
        "agent_name": "",
        "last_event": (None, None),
        # What disks of API 2.0 depend on.
        "node_type": 0,
        "bios_boot_method": "",
        "previous_status": NEW,
        "boot_disk": None,
        **values,
    }
    row["hostname"] = row["hostname"] or random_hostname(region)
    region.rows(MACHINES).add(row)
    for mac in macs:
        add_mac(region, row, mac)
    return row


def add_mac(region, row, mac):
    """Give a machine (or device) another MAC address, which from 1.9 on is an interface."""
    nic = region.rows("interfaces").add(
        {"name": f"eth{len(row['macs'])}", "mac_address": mac, "node": row["system_id"],
         "type": "physical", "parents": [], "tags": [], "links": [], "vlan": None,
         "enabled": True, "params": {}}
    )  # fmt: skip
    row["macs"].append(nic)
    return nic


def random_hostname(region):
    """A name for a machine that came without."""
    if region.release < "1.7":
        name = "".join(random.choice("abcdefghjkmnpqrtwxy346789") for _ in range(5))  # nosec B311 # a name
    else:
        name = f"{random.choice(_ADJECTIVES)}-{random.choice(_NOUNS)}"  # nosec B311 # a name
    domain = region.release < "1.8" and region.settings.get("enlistment_domain")
    return f"{name}.{domain}" if domain else name


def machine_with_mac(region, mac):
    """The machine or device that has a MAC address, or None."""
    for kind in (MACHINES, "devices"):
        for row in region.rows(kind).values():
            if any(nic["mac_address"] == mac for nic in row["macs"]):
                return row
    return None


def group_of(region, row):
    """A machine's node group, or None when it was deleted in the database."""
    return region.rows(groups.GROUPS).get(row["group"])


def fqdn(region, row):
    """The name with its zone, where its cluster manages DNS or (1.8) it has none; else the name."""
    group = group_of(region, row)
    bare = region.release >= "1.8" and "." not in row["hostname"]
    if group and (bare or groups.manages_dns(region, group)):
        return f"{row['hostname'].partition('.')[0]}.{group['name']}"
    return row["hostname"]


# -- what may be seen and done -----------------------------------------------------------------


def anybody(user, row):
    """For :func:`machine_of`: everybody may look at a machine whose name they know."""
    return True


def may_see(user, row):
    """Whether a user sees a machine among others."""
    return user.is_superuser or row["owner"] in (None, user.username)


def may_edit(user, row):
    """Whether a user may change or use a machine."""
    return user.is_superuser or row["owner"] == user.username


def machine_of(request, allowed=anybody, kind=MACHINES):
    """The machine that the path names.

    Args:
        request: The call.
        allowed: Function of user and row: whether it may be done.
        kind: Table to look in.

    Raises:
        Missing: There is none.
        Answer: 403 when the user may not.
    """
    for row in request.region.rows(kind).values():
        if row["system_id"] == request.ids["system_id"]:
            if not allowed(request.user, row):
                raise Answer(403, b"", TEXT)
            return row
    raise Missing("Node", request)


def only_admin(user, row):
    """For :func:`machine_of`: administrators only."""
    return user.is_superuser


# -- what happens to a machine -----------------------------------------------------------------


def set_status(region, row, status, who=None, action=""):
    """Change a machine's state and note it as an event; what follows by itself, follows.

    Args:
        who: The user who asked for it, which 1.9 notes too, with what was asked for.
        action: What 1.9 calls that.
    """
    before = label(region, row["status"])
    if who:
        asked_for(region, row, who, action)
    row.update(status=status, changes=row["changes"] + 1)
    changes = row["changes"]
    text = f"From '{before}' to '{label(region, status)}'"
    _note(region, row, "Node changed status", text)
    if status in _NEXT:

        def done():
            if row["changes"] == changes:  # nothing else came in between
                _follow(region, row, status)

        region.later(region.options.machine_seconds, done)


def asked_for(region, row, who, action):
    """Note what a user wants of a machine, from 1.9 on."""
    if region.release >= "1.9":
        _note(region, row, _ASKED[action], f"({who})", action)


def _note(region, row, kind, text, action=""):
    event = {
        "node": row["system_id"],
        "hostname": row["hostname"],
        "level": "INFO",
        "created": time.strftime("%a, %d %b. %Y %H:%M:%S"),
        "type": kind,
        "description": text,
    }
    region.rows(EVENTS).add(event)
    row["last_event"] = (action, text)


def _follow(region, row, status):
    """Let a machine be done, unless a test has changed its status."""
    if row["status"] != status:
        return
    if row["power_state"] == "on" and status != DEPLOYING:
        row["power_state"] = "off"
    if status == COMMISSIONING:
        row["owner"] = None
        if region.release >= "1.9":
            storage_layouts.default(region, row)
    set_status(region, row, _NEXT[status])


def commission(region, row, who):
    """Begin to commission a machine; from 1.9 on it is theirs who asked until it is ready."""
    storage.clear(region, row)
    row["owner"] = who if region.release >= "1.9" else None
    set_status(region, row, COMMISSIONING, who, "start commissioning")


def release(region, row, who):
    """Release a machine; one that is on is Releasing until it is off."""
    row.update(owner=None, osystem="", distro_series="", license_key="", netboot=True)
    row["installing"] = False
    powered = region.release >= LIFECYCLE and row["power_state"] == "on"
    set_status(region, row, RELEASING if powered else READY, who, "release")


def finish(region, system_id):
    """End the operation in progress on a machine; KeyError if there is none.

    A machine that was commissioned becomes Ready, one that was deployed Deployed.
    """
    with region.lock:
        for row in region.rows(MACHINES).values():
            if row["system_id"] == system_id and row["status"] in _NEXT:
                _follow(region, row, row["status"])
                return
            if row["system_id"] == system_id and row["installing"]:
                _installed(row)
                return
    raise KeyError(system_id)


def install(region, row):
    """Install a machine that was started; up to 1.6 only ``netboot`` shows the end of that."""
    row["installing"] = True
    region.later(region.options.machine_seconds, lambda: _installed(row))


def _installed(row):
    if row["installing"]:
        row.update(installing=False, netboot=False)


def is_stuck(region, row):
    """Whether a machine can neither be renamed nor deleted, up to 1.6 for it is in use."""
    return region.release < LIFECYCLE and row["status"] == ALLOCATED


def addresses(row):
    """IP addresses of a machine or device."""
    linked = [link["ip_address"] for nic in row["macs"] for link in nic["links"]]
    return [ip for ip in [*row["sticky_ips"], *linked] if ip]
