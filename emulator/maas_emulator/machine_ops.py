"""What is done with machines: which statuses allow it, and what it changes.

An answer shows a machine as it is before a rack has switched it: that follows, as everything
that a machine does by itself.
"""

from __future__ import annotations

import ipaddress

from maas_emulator import (
    kernels,
    links,
    machines,
    networks,
    node_forms,
    power,
    scripts_run,
    storage,
    storage_layouts,
    vm_hosts,
)
from maas_emulator.forms_2x import Refused
from maas_emulator.machines import (
    ALLOCATED,
    BROKEN,
    COMMISSIONING,
    DEPLOYED,
    DEPLOYING,
    DISK_ERASING,
    ENTERING_RESCUE_MODE,
    EXITING_RESCUE_MODE,
    FAILED_COMMISSIONING,
    FAILED_DEPLOYMENT,
    FAILED_DISK_ERASING,
    FAILED_ENTERING_RESCUE_MODE,
    FAILED_EXITING_RESCUE_MODE,
    FAILED_RELEASING,
    FAILED_TESTING,
    MISSING,
    NEW,
    READY,
    RELEASING,
    RESCUE_MODE,
    RESERVED,
    RETIRED,
    STATUS,
    TESTING,
    event,
    set_status,
    violation,
)
from maas_emulator.web import BARE_JSON, TEXT, Answer, Invalid

RELEASABLE = (ALLOCATED, RESERVED, BROKEN, DEPLOYING, DEPLOYED, FAILED_DEPLOYMENT,
              FAILED_DISK_ERASING, FAILED_RELEASING)  # fmt: skip
#: What passed tests make Ready, and from which release on.
_PASSED_FREE = {
    NEW: "2.9", FAILED_TESTING: "2.3",
    **dict.fromkeys(
        (COMMISSIONING, FAILED_DEPLOYMENT, MISSING, RETIRED, BROKEN, FAILED_RELEASING,
         FAILED_DISK_ERASING, FAILED_ENTERING_RESCUE_MODE, FAILED_EXITING_RESCUE_MODE), "2.2"),
}  # fmt: skip
COMMISSIONABLE = (NEW, FAILED_COMMISSIONING, READY, BROKEN)
#: Statuses in which nothing can be tested.
_BUSY = (COMMISSIONING, DEPLOYING, RELEASING, DISK_ERASING, ENTERING_RESCUE_MODE,
         EXITING_RESCUE_MODE, TESTING)  # fmt: skip
#: Statuses in which a machine keeps the addresses that it got for its deployment.
_KEEPS_ADDRESSES = (COMMISSIONING, DEPLOYED, DEPLOYING, DISK_ERASING, RESCUE_MODE,
                    ENTERING_RESCUE_MODE, TESTING)  # fmt: skip
_NO_NETWORK = {"network": ["Node must be configured to use a network"]}
_NO_TYPE = "Unconfigured power type. Please configure the power type and try again."
_NO_BMC = "Failed to query node's BMC"
_ABORTED = (
    "({}) - Aborting {} and reverting to {}. Unable to power control the node. Please check power"
    " credentials."
)


# -- power -------------------------------------------------------------------------------------


def _after(region, function, *args):
    """Do something once the request was answered."""
    region.later(0, lambda: function(region, *args))


def _later(region, row, before, function):
    """Let a machine do something after a while, unless something else came in between."""

    turn = row["turn"] = row.get("turn", 0) + 1  # the same status may have come again meanwhile

    def follow():
        if (row["status"], row["turn"]) == (before, turn):
            function()

    region.later(region.options.machine_seconds, follow)


def switch(region, row, user, state, failed=None):
    """Have a rack switch a machine on or off, once the request was answered.

    Args:
        region: The region.
        row: The machine.
        user: Name of who asked for it.
        state: ``on`` or ``off``.
        failed: Called when no rack reaches its BMC.

    Raises:
        Answer: 503 when no rack reaches its BMC.
    """
    if not power.is_reachable(region, row):
        answer = power.unreachable(row)
        text = answer.response.body.decode()
        owner = row["owner"] or user
        event(region, row, "WARNING", _NO_BMC, f"({owner}) - {text}", user, _NO_BMC)
        if failed:
            failed()
        raise answer
    _after(region, _switched, row, state)


def _switched(region, row, state):
    row["bmc_state"] = state
    know_power(region, row, state)


def know_power(region, row, state):
    """Note that a machine is on or off, and what follows from that."""
    changed = row["power_state"] != state
    row["power_state"] = state
    if state == "off" and row["status"] == RELEASING:
        _finish_release(region, row, fresh=True)
    elif row["status"] == EXITING_RESCUE_MODE:
        was_deployed = row["previous_status"] == DEPLOYED
        if state == ("on" if was_deployed else "off"):
            set_status(region, row, row["previous_status"], fresh=True)
            if not was_deployed:
                row["owner"] = None
            event(region, row, "INFO", "Exited rescue mode")
    if changed and state == "off" and row["status"] not in _KEEPS_ADDRESSES:
        links.release(region, row)


def query(region, row):
    """Ask a rack whether a machine is on; returns ``on``, ``off`` or ``unknown``."""
    if row["power_type"] in ("", "manual"):
        know_power(region, row, "unknown")
        return "unknown"
    if not power.is_reachable(region, row):
        raise power.unreachable(row)
    if row["power_state"] != row["bmc_state"]:
        know_power(region, row, row["bmc_state"])
    return row["bmc_state"]


def _is_switched_by_hand(row):
    return row["power_type"] in ("", "manual")


def _start(region, row, user, before):
    """Switch a machine on for what it is to do; a status that cannot begin is left again."""

    def failed():
        text = _ABORTED.format(user, _constant(row["status"]), _constant(before))
        event(region, row, "WARNING", _NO_BMC, text, user)
        row["status"] = before
        scripts_run.abort(row, scripts_run.COMMISSIONING, scripts_run.TESTING)

    if not _is_switched_by_hand(row):
        switch(region, row, user, "on", failed)


def _constant(status):
    return STATUS[status].upper().replace(" ", "_")


def _need_power_type(row):
    if not row["power_type"]:
        raise Answer(500, _NO_TYPE, TEXT)


def _need_commissioning_image(region, row):
    """400 unless there is an image to commission a machine with."""
    series = str(region.settings.get("commissioning_distro_series") or "")
    arch, _, platform = row["architecture"].partition("/")
    if not kernels.available(region, "ubuntu", series, arch):
        text = f"Ephemeral operating system ubuntu/{series} for {arch}/{platform} is unavailable."
        raise Invalid({"__all__": [text]})


# -- commissioning and tests -------------------------------------------------------------------


def may_commission(row):
    """Whether a machine can be commissioned."""
    reachable = row["interfaces"] or row["power_type"] == "ipmi"
    return row["status"] in COMMISSIONABLE and not row["locked"] and bool(reachable)


def commission(region, row, user, scripts=(), tests=(), skip_storage=False, skip_network=False,
               skip_bmc=False):  # fmt: skip
    """Start commissioning.

    A machine with manual power stays in it until somebody switches it on, which nobody does.

    Args:
        region: The region.
        row: The machine.
        user: Name of who wants it.
        scripts: Names and tags of the scripts to run.
        tests: Names and tags of the tests to run; ``none`` for none.
        skip_storage: Whether disks keep their configuration.
        skip_network: Whether interfaces do.
        skip_bmc: Whether its BMC is left alone.

    Raises:
        Answer: 400 without an image, 503 when no rack reaches its BMC; then the machine has the
            status it had.
    """
    _need_power_type(row)
    _need_commissioning_image(region, row)
    before = row["status"]
    set_status(region, row, COMMISSIONING)
    event(region, row, "INFO", "Commissioning")
    scripts_run.begin(region, row, scripts_run.COMMISSIONING, scripts)
    if skip_bmc:
        scripts_run.skip(row, scripts_run.COMMISSIONING, "30-maas-01-bmc-config")
    try:
        scripts_run.begin(region, row, scripts_run.TESTING, tests)
    except Refused:
        pass
    row.update(owner=user, skip_storage=skip_storage, skip_network=skip_network, has_output=False)
    if not skip_storage:
        storage.clear(region, row)
    if not skip_network:
        links.clear(region, row)
    row["min_hwe_kernel"] = row["min_hwe_kernel"] or str(
        region.settings.get("default_min_hwe_kernel") or ""
    )
    _start(region, row, user, before)
    if not _is_switched_by_hand(row):
        _later(region, row, COMMISSIONING, lambda: commissioned(region, row))


def commissioned(region, row):
    """A machine is done with commissioning, and all went well."""
    for kind in (scripts_run.COMMISSIONING, scripts_run.TESTING):
        scripts_run.finish(row, kind, scripts_run.PASSED)
    set_status(region, row, READY, fresh=True)
    row.update(owner=None, power_state="off", bmc_state="off", has_output=True)
    configure(region, row)
    event(region, row, "INFO", "Ready")


def configure(region, row):
    """Give a machine the disks' layout and the links that it gets at first, unless it has them."""
    if not row.get("skip_storage"):
        storage_layouts.default(region, row)
    if not row.get("skip_network"):
        links.defaults(region, row)


def may_test(row):
    """Whether a machine can be tested."""
    return row["status"] not in _BUSY and not row["locked"] and bool(row["interfaces"])


def test(region, row, user, tests):
    """Start tests."""
    _need_power_type(row)
    if row["status"] == NEW and not row["current_commissioning_result_id"]:
        text = ("Unable to start machine testing; this node has never been commissioned. Please"
                " use the 'Commission' action to commission & test this machine.")  # fmt: skip
        raise Answer(400, f'{{"__all__": ["{text}"]}}', None)
    chosen = scripts_run.scripts(region, scripts_run.TESTING, tests or ["commissioning"])
    if not chosen:
        raise Answer(400, "No testing scripts found!", TEXT)
    if row["status"] == DEPLOYED and any(item["destructive"] for item in chosen):
        text = "Destructive tests may only be run on undeployed machines."
        raise Invalid({"testing_scripts": [text]})
    of_network = any(scripts_run.NETWORK_TESTS in item["tags"] for item in chosen)
    if of_network and not links.configured(row):
        raise Invalid({"__all__": ["An interface must be configured to run network testing!"]})
    _need_commissioning_image(region, row)
    before = row["status"]
    set_status(region, row, TESTING)
    scripts_run.begin(region, row, scripts_run.TESTING, tests)
    event(region, row, "INFO", "Testing")
    row["owner"] = row["owner"] or user
    _start(region, row, user, before)
    if of_network:
        _after(region, links.claim, row)

    def passed():
        scripts_run.finish(row, scripts_run.TESTING, scripts_run.PASSED)
        set_status(region, row, _after_tests(region, row), fresh=True)

    if not _is_switched_by_hand(row):
        _later(region, row, TESTING, passed)


def _after_tests(region, row):
    """What a machine is that has passed its tests."""
    before = row["previous_status"]
    if before == FAILED_COMMISSIONING:
        return NEW
    since = _PASSED_FREE.get(before)
    return READY if since and region.release >= since else before


def _before_tests(row):
    return READY if row["previous_status"] == COMMISSIONING else row["previous_status"]


def override_failed_testing(region, row):
    """Believe that a machine is well in spite of its tests."""
    if row["status"] != FAILED_TESTING:
        raise violation("Unable to override node status. Node is not in 'Failed testing' status.")
    set_status(region, row, READY if not row["osystem"] else DEPLOYED)
    row["error_description"] = ""


_ABORTS = {
    COMMISSIONING: ("Aborted commissioning", lambda row: NEW),
    DEPLOYING: ("Aborted deployment", lambda row: ALLOCATED),
    DISK_ERASING: ("Aborted disk erasing", lambda row: FAILED_DISK_ERASING),
    TESTING: ("Aborted testing", _before_tests),
}


def abort(region, row, user):
    """Stop what is going on."""
    if row["status"] not in _ABORTS:
        where = f"node {row['system_id']} is in state {STATUS[row['status']]}"
        raise violation(f"Cannot abort in current state: {where}.")
    kind, follows = _ABORTS[row["status"]]
    after = follows(row)
    if not _is_switched_by_hand(row):
        switch(region, row, user, "off")
    if row["status"] == COMMISSIONING:
        row["owner"] = None
    event(region, row, "INFO", kind)
    _after(region, _aborted, row, after)


def _aborted(region, row, status):
    scripts_run.abort(row, scripts_run.COMMISSIONING, scripts_run.TESTING)
    set_status(region, row, status, True)


# -- allocation and deployment -----------------------------------------------------------------


def acquire(region, row, user, agent_name="", bridges=None):
    """Let a user have a machine."""
    storage.acquire(region, row)
    set_status(region, row, ALLOCATED)
    row.update(owner=user, agent_name=agent_name)
    if bridges:
        links.make_bridges(region, row, bridges)


def check_deployment(region, row):
    """Refuse a deployment for which a machine has no network or no disk to boot from.

    Raises:
        Invalid: 400.
    """
    if not links.on_network(row):
        raise Invalid(_NO_NETWORK, BARE_JSON)
    issues = storage.issues(region, row)
    if issues:
        raise Invalid({"storage": issues}, BARE_JSON)


def start(region, row, user):
    """Switch a machine on; one that is allocated is deployed then.

    Raises:
        Answer: 400 where it has no network or disk for that, 500 or 503 when no rack reaches it.
    """
    if row["status"] != ALLOCATED:
        if not _is_switched_by_hand(row):
            switch(region, row, user, "on")
        return
    check_deployment(region, row)
    if not power.is_reachable(region, row):
        text = f"Error determining BMC task queue for machine {row['system_id']}"
        raise Answer(500, text, TEXT)
    set_status(region, row, DEPLOYING)
    if not row["ephemeral_deploy"]:
        scripts_run.begin(region, row, scripts_run.INSTALLATION)
    event(region, row, "INFO", "Deploying")
    row["netboot"] = True
    _after(region, links.claim, row)
    if not _is_switched_by_hand(row):
        _later(region, row, DEPLOYING, lambda: deployed(region, row))


def deployed(region, row):
    """A machine runs what was deployed on it; as a VM host, MAAS knows that before."""
    vm_hosts.of_deployed(region, row)
    set_status(region, row, DEPLOYED, fresh=True)
    scripts_run.finish(row, scripts_run.INSTALLATION, scripts_run.PASSED)
    row.update(power_state="on", bmc_state="on", netboot=False)
    event(region, row, "INFO", "Deployed")


# -- release -----------------------------------------------------------------------------------


def is_released(row):
    """Whether there is nothing to release: it is on its way, or nobody has it."""
    return row["status"] in (RELEASING, READY)


def release(region, row, user, scripts=()):
    """Give a machine back, after its disks were wiped or other scripts were run.

    Raises:
        Answer: 400 where it is a VM host.
    """
    vm_hosts.refuse_host(region, row)
    scripts = list(scripts)
    if region.settings.get("enable_disk_erasing_on_release") and "wipe-disks" not in scripts:
        scripts.append("wipe-disks")
    if not scripts:
        _release(region, row, user)
        return
    before = row["status"]
    set_status(region, row, DISK_ERASING if scripts == ["wipe-disks"] else RELEASING)
    _start(region, row, user, before)
    if not _is_switched_by_hand(row):
        _later(region, row, row["status"], lambda: _erased(region, row))


def _erased(region, row):
    _release(region, row, None)


def _release(region, row, user):
    before, is_off = row["status"], row["power_state"] == "off"
    by_hand = _is_switched_by_hand(row)
    set_status(region, row, RELEASING)
    row.update(agent_name="", netboot=True, osystem="", distro_series="", hwe_kernel=None,
               enable_hw_sync=False, sync_interval=None, last_sync=None, install_kvm=False,
               register_vmhost=False)  # fmt: skip
    event(region, row, "INFO", "Releasing")
    storage.release(region, row)
    for device in list(region.rows("devices").values()):
        if device.get("parent") == row["system_id"]:
            machines.forget(region, "devices", device)
    if is_off or by_hand or row["is_dpu"]:
        _finish_release(region, row)
    if not is_off and not by_hand and not row["is_dpu"]:
        switch(region, row, user, "off", lambda: row.update(status=before))


def _finish_release(region, row, fresh=False):
    links.release(region, row)
    passed = scripts_run.commissioning_status(row) == scripts_run.PASSED
    set_status(region, row, READY if passed else NEW, fresh)
    row.update(owner=None, owner_data={})
    event(region, row, "INFO", "Released")


# -- setting aside -----------------------------------------------------------------------------


def mark_broken(region, row, user, comment):
    """Set a machine aside; one that somebody has is released before."""
    before = row["error_description"]
    row["error_description"] = comment
    if row["status"] in RELEASABLE:
        _release(region, row, user)
    try:
        set_status(region, row, BROKEN)
    except Answer:
        row["error_description"] = before
        raise


def mark_fixed(region, row):
    """Take a broken machine back into use."""
    if row["status"] != BROKEN:
        raise violation("Can't mark a non-broken node as 'Ready'.")
    set_status(region, row, DEPLOYED if row["previous_status"] == DEPLOYED else READY)
    row.update(error_description="", osystem="", distro_series="", hwe_kernel=None)
    row["current_installation_result_id"] = None


def set_lock(row, locked):
    """Lock or unlock a machine."""
    if row["locked"] == locked:
        raise violation("Machine is already locked" if locked else "Machine is not locked")
    if locked and row["status"] not in (DEPLOYED, DEPLOYING):
        raise violation("Can't lock, node is not deployed or deploying")
    row["locked"] = locked


def rescue(region, row, user):
    """Let a machine run from memory, whatever is on its disks."""
    _need_power_type(row)
    before = row["status"]
    set_status(region, row, ENTERING_RESCUE_MODE)
    row["owner"] = user
    event(region, row, "INFO", "Entering rescue mode")
    if not _is_switched_by_hand(row):
        switch(region, row, user, "on", lambda: row.update(status=before))
        _later(region, row, ENTERING_RESCUE_MODE,
               lambda: set_status(region, row, RESCUE_MODE, fresh=True))  # fmt: skip


def leave_rescue(region, row, user):
    """Let a machine go back to what it was before its rescue."""
    set_status(region, row, EXITING_RESCUE_MODE)
    by_hand, before = _is_switched_by_hand(row), row["previous_status"]
    if not by_hand and before in (READY, BROKEN):
        switch(region, row, user, "off")
    elif not by_hand and before == DEPLOYED:
        switch(region, row, user, "on")
    if by_hand:
        set_status(region, row, before)
        if before != DEPLOYED:
            row["owner"] = None


def restore_interfaces(region, row):
    """Make a machine's interfaces as commissioning found them, and configure them anew."""
    found = row.get("found_interfaces") or []
    kept = {nic["mac"]: nic for nic in row["interfaces"]}
    for nic in list(row["interfaces"]):
        if nic in row["interfaces"] and nic.get("type", "physical") != "physical":
            links.delete(region, row, nic)
    for item in found:
        if item["mac_address"] not in kept:
            hardware_nic(region, row, item)
    links.defaults(region, row)


def hardware_nic(region, row, found):
    """An interface that commissioning found: known by its MAC address, or new.

    Args:
        region: The region.
        row: The machine.
        found: Dict of ``name``, ``mac_address``, and what else the API shows.
    """
    mac = found["mac_address"].lower()
    nic = next((item for item in row["interfaces"] if item["mac"] == mac), None)
    if nic is None:
        nic = node_forms.new_nic(region, found["name"], mac)
        row["interfaces"].append(nic)
    more = ("vendor", "product", "firmware_version", "interface_speed", "link_speed")
    nic.update({name: found[name] for name in more if name in found})
    nic.update(name=found["name"], link_connected=True)
    address = found.get("address")
    if address:
        net = ipaddress.ip_interface(address)
        subnet = networks.discover(region, net.network)
        links.set_vlan(region, row, nic, subnet["vlan"])
        nic["discovered"] = [{"subnet": subnet["id"], "ip_address": str(net.ip)}]
    elif nic["vlan"] is None:
        fabric = networks.add_fabric(region)
        nic["vlan"] = networks.default_vlan(region, fabric["id"])["id"]
    return nic
