"""The operations of ``machines/ID/``."""

from __future__ import annotations

import contextlib
import secrets

from maas_emulator import (
    forms_2x,
    images,
    links,
    machine_forms,
    machine_ops,
    machines,
    node_forms,
    permissions,
    power,
    scripts_run,
    storage,
    storage_layouts,
)
from maas_emulator import storage_fields as fields
from maas_emulator.api2.machines import (
    commissioning,
    machine_of,
    options,
    scripts_form,
)
from maas_emulator.api2.machines import one as machine
from maas_emulator.bodies import Form
from maas_emulator.forms import truth
from maas_emulator.machine_forms import asked_truth
from maas_emulator.web import TEXT, Answer, Invalid, Response

_EDIT, _ADMIN, _LOCK = permissions.may_edit, permissions.may_admin, permissions.may_lock
_DETAILS = b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00"  # BSON of two nulls
_NOTHING = b"\x00\x00\x00\x00\x00"  # BSON of no bytes
_EMPTY_DETAILS = b"\x1b\x00\x00\x00\x05lldp\x00" + _NOTHING + b"\x05lshw\x00" + _NOTHING + b"\x00"
_HW_SYNC_SECONDS = 900


def _user(request):
    return request.user.username


@contextlib.contextmanager
def _undone_on_error(region, row):
    """Leave a machine and its disks as they were where something ends in an error."""
    before = dict(row)
    try:
        with storage.undone_on_error(region, row):
            yield
    except Exception:
        row.clear()
        row.update(before)
        raise


# -- commissioning and tests -------------------------------------------------------------------


def _commission(request, row):
    """Start commissioning."""
    wanted = commissioning(request, row)
    machine_ops.commission(request.region, row, _user(request), **wanted)


def _test(request, row):
    """Start the tests."""
    form = scripts_form(request, {"testing_scripts": scripts_run.TESTING})
    if not machine_ops.may_test(row):
        text = "Test is not available because of the current state of the node."
        form.error("__all__", text)
    seen = form.cleaned.get("testing_scripts") or []
    chosen = scripts_run.scripts(request.region, scripts_run.TESTING, seen)
    if row["status"] == machines.DEPLOYED and any(item["destructive"] for item in chosen):
        text = "Destructive tests may only be run on undeployed machines."
        form.note("testing_scripts", text)
    if form.errors:
        raise Invalid(form.errors)
    machine_ops.test(request.region, row, _user(request), seen)


def _override(request, row):
    """Believe that the machine is well in spite of its tests."""
    machine_ops.override_failed_testing(request.region, row)


def _abort(request, row):
    """Stop what is going on."""
    machine_ops.abort(request.region, row, _user(request))


# -- deployment --------------------------------------------------------------------------------


def _series(region, wanted):
    """Operating system and series for what was asked for: a name, version or system."""
    system, slash, name = wanted.rpartition("/")
    found = []
    for known in images.systems(region):
        if slash and known != system:
            continue
        for series in images.series_of(region, known):
            version = images.SERIES.get(series, (None,))[0]
            if name in (series, version):
                return known, series
            if name == known or (known != "ubuntu" and series.startswith(name)):
                found.append((series, known))
    if found:
        series, known = max(found)
        return known, series
    return None, None


def _deployment(request, row, chosen):
    """The form of a deployment: what was sent, as MAAS hands it on."""
    region, sent = request.region, request.form
    system, series = _series(region, chosen)
    dump = sent.get("enable_kernel_crash_dump")
    if dump is None:
        dump = region.settings.get("enable_kernel_crash_dump") or False
    found = Form(
        osystem=[system or ""],
        distro_series=[f"{system}/{series}" if system else chosen],
        enable_kernel_crash_dump=[truth(dump) and _may_dump(region, row, system, series)],
        ephemeral_deploy=[_is_ephemeral(request, row)],
        enable_hw_sync=[asked_truth(sent, "enable_hw_sync")],
    )
    for name in ("hwe_kernel", "license_key"):
        if sent.get(name) is not None:
            found[name] = [sent.get(name)]
    return found


def _may_dump(region, row, system, series):
    """Whether a machine is large and new enough for crash dumps."""
    disk = storage.boot_disk(region, row)
    return (
        system == "ubuntu" and images.SERIES.get(series, ("0",))[0] >= "24.04"
        and row["memory"] >= 6 * 1024 and row["cpu_count"] >= 4
        and disk is not None and disk["size"] >= 10 * storage.GIB
    )  # fmt: skip


def _is_ephemeral(request, row):
    asked = asked_truth(request.form, "ephemeral_deploy")
    return asked or not storage.disks_of(request.region, row)


def _deploy(request, row):
    """Start a deployment; a machine that is ready is allocated before."""
    region, sent, user = request.region, request.form, request.user
    kinds = {name: asked_truth(sent, name) for name in ("install_kvm", "register_vmhost")}
    as_host = any(kinds.values())
    rackd = asked_truth(sent, "install_rackd")
    in_memory = asked_truth(sent, "ephemeral_deploy")
    bridges = options(request, default_bridge=as_host and not in_memory)
    asked_truth(sent, "enable_hw_sync")
    if rackd:
        text = "Deploying a machine as a rackd has been disabled and it's not supported anymore."
        raise Answer(400, text, TEXT)
    if as_host and not permissions.may_admin(request, row):
        raise Answer(403, "Only administratros can deploy VM hosts", TEXT)
    if as_host and _is_ephemeral(request, row):
        text = "A machine can not be a VM host if it is deployed to memory."
        raise Answer(400, text, TEXT)
    with _undone_on_error(region, row):
        if row["status"] == machines.READY:
            if row["owner"] not in (None, user.username):
                text = "Can't allocate a machine belonging to another user."
                raise machines.violation(text)
            agent = str(sent.get("agent_name") or "")
            machine_ops.acquire(region, row, user.username, agent)
            was_ready = True
        else:
            was_ready = False
        if machines.DEPLOYING not in machines.TRANSITIONS[row["status"]]:
            text = f"Can't deploy a machine that is in the '{machines.STATUS[row['status']]}' state"
            raise machines.violation(text)
        default = str(region.settings.get("default_distro_series") or "")
        wanted = str(sent.get("distro_series") or default)
        fields_of, _ = machine_forms.machine(request, row, _deployment(request, row, wanted))
        names = ("osystem", "distro_series", "hwe_kernel", "enable_kernel_crash_dump",
                 "ephemeral_deploy", "enable_hw_sync", "min_hwe_kernel")  # fmt: skip
        row.update({name: fields_of[name] for name in names})
        row.update({name: True for name, asked in kinds.items() if asked})
        if row["enable_hw_sync"] and row["sync_interval"] is None:
            row["sync_interval"] = _HW_SYNC_SECONDS
        if not row["ephemeral_deploy"] and not storage.boot_disk(region, row):
            text = "'NoneType' object has no attribute 'id'"
            raise Answer(400, f"Failed to render preseed: {text}", TEXT)
        row["user_data"] = sent.get("user_data")
        machine_ops.start(region, row, user.username)
        if bridges and (was_ready or as_host):
            links.make_bridges(region, row, bridges)


def _power_on(request, row):
    """Switch the machine on."""
    if row["owner"] is None:
        raise machines.violation("Can't start node: it hasn't been allocated.")
    with _undone_on_error(request.region, row):
        machine_ops.start(request.region, row, _user(request))


# -- giving back and setting aside -------------------------------------------------------------


def _release(request, row):
    """Give the machine back."""
    form = scripts_form(request, {"scripts": scripts_run.RELEASE}, none=("scripts",))
    if form.errors:
        raise Invalid(form.errors)
    scripts = list(form.cleaned["scripts"])
    if any(truth(request.form.get(name)) for name in ("erase", "secure_erase", "quick_erase")):
        if row["is_dpu"]:
            text = "Erasing disk is disabled for DPUs. For more information, refer to the"
            raise Invalid({"__all__": [f"{text} documentation."]})
        scripts += [] if "wipe-disks" in scripts else ["wipe-disks"]
    if machine_ops.is_released(row):
        return
    if row["status"] not in machine_ops.RELEASABLE:
        text = f"Machine cannot be released in its current state ('{_status(row)}')."
        raise machines.violation(text)
    machine_ops.release(request.region, row, _user(request), scripts)


def _status(row):
    return machines.STATUS[row["status"]]


def _mark_broken(request, row):
    """Set the machine aside; from 2.5 on only its owner can."""
    if row["owner"] != request.user.username and request.region.release >= "2.5":
        raise Answer(403, b"", TEXT)
    form = request.form
    text = form.get("comment") or form.get("error_description") or ""
    machine_ops.mark_broken(request.region, row, _user(request), text)


def _mark_fixed(request, row):
    """Take a broken machine back into use."""
    machine_ops.mark_fixed(request.region, row)


def _lock(request, row):
    """Lock the machine."""
    machine_ops.set_lock(row, True)


def _unlock(request, row):
    """Unlock the machine."""
    machine_ops.set_lock(row, False)


def _rescue(request, row):
    """Enter the rescue mode."""
    machine_ops.rescue(request.region, row, _user(request))


def _leave_rescue(request, row):
    """Leave the rescue mode."""
    machine_ops.leave_rescue(request.region, row, _user(request))


def _owner_data(request, row):
    """Store key and value pairs."""
    node_forms.set_owner_data(request, row)


# -- disks and interfaces ----------------------------------------------------------------------


def _set_layout(request, row):
    """Lay out the disks."""
    if row["status"] != machines.READY:
        text = "Cannot change the storage layout on a machine that is not Ready."
        raise machines.violation(text)
    storage_layouts.apply(request, row)


def _need_restorable(row, what):
    if row["status"] not in (machines.READY, machines.FAILED_TESTING):
        text = f"Machine must be in a ready or failed testing state to restore {what}"
        raise machines.violation(text)


def _restore_storage(request, row):
    """Make the disks as they were."""
    _need_restorable(row, "storage configuration.")
    storage_layouts.default(request.region, row)


def _restore_network(request, row):
    """Make the interfaces as they were."""
    _need_restorable(row, "networking configuration")
    _restore_nics(request, row)


def _restore_nics(request, row):
    if not row["current_commissioning_result_id"]:
        raise Answer(500, "'NoneType' object has no attribute 'find_script_result'", TEXT)
    if not row.get("has_output"):
        raise Answer(500, "No resources found from commissioning output", TEXT)
    machine_ops.restore_interfaces(request.region, row)


def _restore(request, row):
    """Make disks and interfaces as they were."""
    _need_restorable(row, "default networking and storage configuration.")
    with _undone_on_error(request.region, row):
        storage_layouts.default(request.region, row)
        _restore_nics(request, row)


def _clear_gateways(request, row):
    """Let MAAS choose the gateways."""
    row["gateway_links"] = {}


def _need_mountable(row, what):
    if row["status"] not in (machines.READY, machines.ALLOCATED):
        text = f"Cannot {what} the filesystem because the machine is not Ready or Allocated."
        raise machines.violation(text)


def _mount_special(request, row):
    """Mount a file system that lives in memory."""
    _need_mountable(row, "mount")
    form = forms_2x.ModelForm(
        request,
        (
            fields.path("mount_point", required=True),
            fields.text("mount_options"),
            fields.choice("fstype", storage.IN_MEMORY, required=True),
        ),
    )
    form.read()
    if form.errors:
        raise Invalid(form.errors)
    seen = form.cleaned
    storage.add_filesystem(
        request.region, row, None, seen["fstype"], acquired=row["owner"] is not None,
        mount_point=seen["mount_point"], options=seen["mount_options"],
    )  # fmt: skip


def _unmount_special(request, row):
    """Unmount a file system that lives in memory."""
    _need_mountable(row, "unmount")
    form = forms_2x.ModelForm(request, (fields.path("mount_point", required=True),))
    form.read()
    region = request.region
    found = [
        item
        for item in region.rows("filesystems").values()
        if item["node"] == row["system_id"]
        and item["device"] is None
        and item["mount_point"] == form.cleaned.get("mount_point")
    ]
    if "mount_point" in form.cleaned and not found:
        text = "No special filesystem is mounted at this path."
        form.error("mount_point", text)
    if form.errors:
        raise Invalid(form.errors)
    for item in found:
        storage.drop_filesystem(region, item)


def _doer(action, test):
    """An operation that does something and answers with the machine."""

    def operation(request):
        row = machine_of(request, test)
        action(request, row)
        return machines.show(request.region, row)

    operation.__doc__ = action.__doc__
    return operation


for _op, _action, _test_of, _since in (
    ("commission", _commission, _ADMIN, None),
    ("deploy", _deploy, _EDIT, None),
    ("release", _release, _EDIT, None),
    ("abort", _abort, _EDIT, None),
    ("mark_broken", _mark_broken, _EDIT, None),
    ("mark_fixed", _mark_fixed, _ADMIN, None),
    ("power_on", _power_on, _EDIT, None),
    ("lock", _lock, _LOCK, "2.4"),
    ("unlock", _unlock, _LOCK, "2.4"),
    ("rescue_mode", _rescue, _ADMIN, "2.1"),
    ("exit_rescue_mode", _leave_rescue, _ADMIN, "2.1"),
    ("test", _test, _ADMIN, "2.2"),
    ("override_failed_testing", _override, _ADMIN, "2.3"),
    ("set_owner_data", _owner_data, _EDIT, None),
    ("set_workload_annotations", _owner_data, _EDIT, "3.0"),
    ("set_storage_layout", _set_layout, _ADMIN, None),
    ("restore_storage_configuration", _restore_storage, _ADMIN, None),
    ("restore_networking_configuration", _restore_network, _ADMIN, None),
    ("restore_default_configuration", _restore, _ADMIN, None),
    ("clear_default_gateways", _clear_gateways, _ADMIN, None),
    ("mount_special", _mount_special, _EDIT, None),
    ("unmount_special", _unmount_special, _EDIT, None),
):
    machine("POST", _op, since=_since)(_doer(_action, _test_of))


@machine("POST", "power_off")
def power_off(request):
    """Switch the machine off; null where only a person can."""
    row = machine_of(request, _EDIT)
    if row["power_type"] in ("", "manual") or row["is_dpu"]:
        return None
    machine_ops.switch(request.region, row, _user(request), "off")
    return machines.show(request.region, row)


@machine("GET", "power_parameters")
def power_parameters(request):
    """Power parameters."""
    row = machine_of(request, permissions.may_read_secrets)
    return power.parameters_of(request.region, row)


@machine("GET", "query_power_state")
def query_power_state(request):
    """Ask a rack for the power state."""
    row = machine_of(request)
    return {"state": machine_ops.query(request.region, row)}


@machine("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing, or two empty texts."""
    row = machine_of(request)
    passed = scripts_run.has_passed(row, scripts_run.COMMISSIONING, "maas-lshw")
    return Response(200, _EMPTY_DETAILS if passed else _DETAILS, "application/bson")


@machine("GET", "get_curtin_config")
def get_curtin_config(request):
    """The configuration of a deployment."""
    row = machine_of(request)
    states = (machines.DEPLOYING, machines.DEPLOYED, machines.FAILED_DEPLOYMENT)
    if row["status"] not in states:
        text = f"Machine {row['hostname']} is not in a deployment state."
        raise Answer(400, text, TEXT)
    if not row.get("token"):
        names = ("token_key", "token_secret", "consumer_key")
        row["token"] = {name: secrets.token_hex(9) for name in names}
    return Response(200, "{}\n", "text/plain")


@machine("GET", "get_token", since="3.1")
def get_token(request):
    """The machine's own key, which one has that was adopted as deployed."""
    row = machine_of(request, permissions.may_read_secrets)
    return row.get("token")
