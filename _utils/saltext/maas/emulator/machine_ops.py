"""What can be done with machines: each operation with the statuses it is allowed in."""

from __future__ import annotations

from saltext.maas.emulator import machines, nodes, storage
from saltext.maas.emulator.machines import (
    ALLOCATED,
    BROKEN,
    COMMISSIONING,
    DEPLOYED,
    DEPLOYING,
    FAILED_COMMISSIONING,
    FAILED_DEPLOYMENT,
    FAILED_RELEASING,
    FAILED_TESTING,
    NEW,
    READY,
    RELEASING,
    RESCUE_MODE,
    STATUS,
    TESTING,
    event,
    reach,
    violation,
)
from saltext.maas.emulator.web import BARE_JSON, Answer, Invalid

_ABORTED = (
    "({}) - Aborting COMMISSIONING and reverting to NEW. Unable to power control the node. Please"
    " check power credentials."
)
_RELEASABLE = (ALLOCATED, DEPLOYED, DEPLOYING, FAILED_DEPLOYMENT, FAILED_RELEASING, BROKEN,
               RESCUE_MODE)  # fmt: skip
_COMMISSIONABLE = (NEW, FAILED_COMMISSIONING, READY, BROKEN, FAILED_TESTING)
_NO_NETWORK = {"network": ["Node must be configured to use a network"]}


def _later(region, row, before, after, **more):
    """Let a status follow once the machine had time, unless something else came in between."""

    def follow():
        if row["status"] == before:
            row.update(status=after, **more)
            event(region, row, "INFO", STATUS[after])

    region.later(region.options.machine_seconds, follow)


def commission(region, row, user):
    """Start commissioning.

    A machine with manual power stays in it until somebody switches it on, which nobody does.

    Raises:
        Answer: 409 in a status that does not allow it, 503 when no rack reaches its BMC; then
            the machine has the status it had.
    """
    before = row["status"]
    if before not in _COMMISSIONABLE:
        raise violation(f"Unable to be commissioned in its current state: {STATUS[before]}")
    results = region.rows("result_sets")
    row.update(
        owner=row["owner"] or user,
        current_commissioning_result_id=results.add({})["id"],
        current_testing_result_id=results.add({})["id"],
    )
    try:
        reach(region, row, user)
    except Answer:
        event(region, row, "WARNING", "Failed to query node's BMC", _ABORTED.format(user), user)
        row["status_action"] = ""
        raise
    row.update(status=COMMISSIONING, commissioning_status=0, testing_status=0)
    event(region, row, "INFO", "Commissioning")
    if row["power_type"] != "manual":
        row["power_state"] = "on"
        _later(region, row, COMMISSIONING, READY, owner=None, power_state="off",
               commissioning_status=2, testing_status=2)  # fmt: skip


def deploy(region, row, user, series):
    """Start a deployment; an allocated or ready machine is the user's then."""
    if row["status"] not in (READY, ALLOCATED):
        text = f"Can't deploy a machine that is in the '{STATUS[row['status']]}' state"
        raise violation(text)
    _need_network(row)
    reach(region, row, user)
    row.update(
        status=DEPLOYING, owner=row["owner"] or user, power_state="on", distro_series=series,
        osystem=str(region.settings.get("default_osystem") or "ubuntu"), netboot=True,
    )  # fmt: skip
    event(region, row, "INFO", "Deploying")
    if row["power_type"] != "manual":
        _later(region, row, DEPLOYING, DEPLOYED, netboot=False)


def _need_network(row):
    linked = any(
        link.get("mode") in ("static", "auto", "dhcp")
        for nic in row["interfaces"]
        for link in nic["links"]
    )
    if not linked:
        raise Invalid(_NO_NETWORK, BARE_JSON)


def is_released(row):
    """Whether there is nothing to release: it is on its way, or nobody has it."""
    return row["status"] in (RELEASING, READY)


def release(region, row, user):
    """Give a machine back."""
    if is_released(row):
        return
    if row["status"] not in _RELEASABLE:
        text = f"Machine cannot be released in its current state ('{STATUS[row['status']]}')."
        raise violation(text)
    if row["locked"]:
        raise violation("Machine cannot be released because it is locked.")
    event(region, row, "INFO", "Releasing")
    reach(region, row, user)
    row.update(status=RELEASING, osystem="", distro_series="", owner_data={})
    _later(region, row, RELEASING, READY, owner=None, power_state="off", netboot=True)


def abort(region, row):
    """Stop what is going on."""
    follows = {COMMISSIONING: NEW, DEPLOYING: ALLOCATED, TESTING: READY, RELEASING: DEPLOYED}
    if row["status"] not in follows:
        where = f"node {row['system_id']} is in state {STATUS[row['status']]}"
        raise violation(f"Cannot abort in current state: {where}.")
    row.update(status=follows[row["status"]], commissioning_status=-1, testing_status=-1)
    event(region, row, "INFO", "Aborted")


def mark_broken(region, row, user, comment):
    """Set a machine aside; it is switched off, for which a rack must reach its BMC."""
    row["error_description"] = comment
    reach(region, row, user)
    row.update(status=BROKEN, power_state="off")
    event(region, row, "INFO", "Marked broken", comment, user)


def mark_fixed(region, row, user):
    """Take a broken machine back into use."""
    if row["status"] != BROKEN:
        raise violation("Can't mark a non-broken node as 'Ready'.")
    row.update(status=READY, owner=None, error_description="")
    event(region, row, "INFO", "Marked fixed", "", user)


def power_on(region, row, user):
    """Switch a machine on; one that is allocated has to have a network first."""
    if row["status"] == ALLOCATED:
        _need_network(row)
    reach(region, row, user)
    row["power_state"] = "on"


def power_off(region, row, user):
    """Switch a machine off."""
    reach(region, row, user)
    row["power_state"] = "off"


def set_lock(region, row, locked):
    """Lock or unlock a machine."""
    if locked and row["status"] not in (DEPLOYED, DEPLOYING):
        raise violation("Can't lock, node is not deployed or deploying")
    if row["locked"] == locked:
        raise violation("Machine is already locked" if locked else "Machine is not locked")
    row["locked"] = locked


def rescue(region, row, user, enter):
    """Enter or leave the rescue mode."""
    allowed = (DEPLOYED, READY, BROKEN) if enter else (RESCUE_MODE,)
    if row["status"] not in allowed:
        word = "enter" if enter else "exit"
        raise violation(f"Cannot {word} rescue mode in current state: {STATUS[row['status']]}")
    reach(region, row, user)
    if enter:
        row.update(before_rescue=row["status"], status=RESCUE_MODE)
    else:
        row["status"] = row.pop("before_rescue", READY)


def test(region, row, user):
    """Start the tests."""
    if row["status"] not in (READY, FAILED_TESTING, DEPLOYED, ALLOCATED, BROKEN):
        raise violation(f"Unable to be tested in its current state: {STATUS[row['status']]}")
    reach(region, row, user)
    row["current_testing_result_id"] = region.rows("result_sets").add({})["id"]
    row.update(testing_status=0, status=TESTING)
    if row["power_type"] != "manual":
        _later(region, row, TESTING, READY, testing_status=2)


def override_failed_testing(row):
    """Believe that a machine is well in spite of its tests."""
    if row["status"] == FAILED_TESTING:
        row["status"] = READY


def set_layout(region, row, layout, choices):
    """Lay out a machine's disks: ``flat`` or ``lvm``; the others leave them blank.

    Raises:
        Answer: 400 for an unknown layout or no disk, 409 in the wrong status.
    """
    if row["status"] not in (READY, ALLOCATED):
        raise violation("Cannot change the storage layout on a machine that is not Ready or"
                        " Allocated.")  # fmt: skip
    if layout not in choices:
        raise Invalid({"storage_layout": [f"Select a valid choice. {layout} is not one of the"
                                          " available choices."]})  # fmt: skip
    clear_storage(region, row)
    disks = storage.disks_of(region, row)
    if not disks:
        raise Answer(409, f"Failed to configure storage layout '{layout}': Node doesn't have any"
                          " storage devices to configure.")  # fmt: skip
    if layout not in ("flat", "lvm"):
        return
    disk = disks[0]
    size = storage.available(region, disk)
    root = {"fstype": "ext4", "label": "root", "uuid": storage.new_uuid(), "mount_point": "/",
            "mount_options": None}  # fmt: skip
    part = region.rows("partitions").add(
        {"disk": disk["id"], "size": size, "bootable": True, "uuid": storage.new_uuid(),
         "filesystem": root if layout == "flat" else None, "tags": []}
    )  # fmt: skip
    if layout == "lvm":
        group = region.rows("groups").add(
            {"kind": "lvm-vg", "name": "vgroot", "node": row["system_id"],
             "uuid": storage.new_uuid(), "devices": [("partition", part["id"])]}
        )  # fmt: skip
        storage.add_disk(region, row, "vgroot-lvroot", size, "virtual", group=group["id"],
                         uuid=storage.new_uuid(), filesystem=root)  # fmt: skip


def clear_storage(region, row):
    """Make the disks of a machine as they were when it was commissioned."""
    ident = row["system_id"]
    for kind in ("groups", "cache_sets"):
        for item in list(region.rows(kind).values()):
            if item["node"] == ident:
                del region.rows(kind)[item["id"]]
    for disk in storage.disks_of(region, row):
        for part in storage.partitions_of(region, disk):
            del region.rows("partitions")[part["id"]]
        disk["filesystem"] = None
        if disk["kind"] == "virtual":
            del region.rows("disks")[disk["id"]]


def clone(region, source, wanted, form):
    """Copy disks from one machine to others that have the same number of them."""
    if str(form.get("storage", "false")).lower() != "true":
        return
    for ident in wanted:
        row = nodes.find(region, ident, ("machines",))
        if row is None:
            raise Invalid({"destinations": [f"Machine {ident} is not available."]})
        clear_storage(region, row)
        for disk, model in zip(storage.disks_of(region, row), storage.disks_of(region, source)):
            disk["filesystem"] = model["filesystem"]


def clear_network(region, row):
    """Take the links of a machine's interfaces away, and the interfaces made of others."""
    row["interfaces"] = [
        nic for nic in row["interfaces"] if nic.get("type", "physical") == "physical"
    ]
    for nic in row["interfaces"]:
        nic["links"] = []
        machines.set_links(region, row, nic)
