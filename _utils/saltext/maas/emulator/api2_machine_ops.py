"""The operations of ``machines/ID/``."""

from __future__ import annotations

from saltext.maas.emulator import machine_ops, machines, node_forms
from saltext.maas.emulator.api2_machines import machine_of
from saltext.maas.emulator.api2_machines import one as machine
from saltext.maas.emulator.settings import layouts
from saltext.maas.emulator.web import TEXT, Answer, Response

_DETAILS = b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00"  # BSON of two nulls


def _user(request):
    return request.user.username


def _doer(action):
    """An operation that does something and answers with the machine."""

    def operation(request):
        row = machine_of(request)
        action(request, row)
        return machines.show(request.region, row)

    operation.__doc__ = action.__doc__
    return operation


def _commission(request, row):
    """Start commissioning."""
    machine_ops.commission(request.region, row, _user(request))


def _deploy(request, row):
    """Start a deployment."""
    series = request.form.get("distro_series")
    default = str(request.region.settings.get("default_distro_series") or "")
    chosen = str(series or default).rpartition("/")[2]
    machine_ops.deploy(request.region, row, _user(request), chosen)


def _release(request, row):
    """Give the machine back."""
    machine_ops.release(request.region, row, _user(request))


def _abort(request, row):
    """Stop what is going on."""
    machine_ops.abort(request.region, row)


def _mark_broken(request, row):
    """Set the machine aside."""
    form = request.form
    text = form.get("comment") or form.get("error_description") or ""
    machine_ops.mark_broken(request.region, row, _user(request), text)


def _mark_fixed(request, row):
    """Take a broken machine back into use."""
    machine_ops.mark_fixed(request.region, row, _user(request))


def _power_on(request, row):
    """Switch the machine on."""
    machine_ops.power_on(request.region, row, _user(request))


def _power_off(request, row):
    """Switch the machine off."""
    machine_ops.power_off(request.region, row, _user(request))


def _lock(request, row):
    """Lock the machine."""
    machine_ops.set_lock(request.region, row, True)


def _unlock(request, row):
    """Unlock the machine."""
    machine_ops.set_lock(request.region, row, False)


def _rescue(request, row):
    """Enter the rescue mode."""
    machine_ops.rescue(request.region, row, _user(request), True)


def _leave_rescue(request, row):
    """Leave the rescue mode."""
    machine_ops.rescue(request.region, row, _user(request), False)


def _test(request, row):
    """Start the tests."""
    machine_ops.test(request.region, row, _user(request))


def _override(request, row):
    """Believe that the machine is well in spite of its tests."""
    machine_ops.override_failed_testing(row)


def _owner_data(request, row):
    """Store key and value pairs."""
    node_forms.set_owner_data(request, row)


def _set_layout(request, row):
    """Lay out the disks."""
    layout = str(request.needed("storage_layout"))
    machine_ops.set_layout(request.region, row, layout, layouts(request.region.release))


def _restore_storage(request, row):
    """Make the disks as they were."""
    machine_ops.clear_storage(request.region, row)


def _restore_network(request, row):
    """Make the interfaces as they were."""
    machine_ops.clear_network(request.region, row)


def _restore(request, row):
    """Make disks and interfaces as they were."""
    _restore_storage(request, row)
    _restore_network(request, row)


def _clear_gateways(request, row):
    """Let MAAS choose the gateways."""
    row["gateway_links"] = {}


def _mount_special(request, row):
    """Mount a file system that lives in memory."""
    kind, point = request.needed("fstype"), request.needed("mount_point")
    options = request.form.get("mount_option")
    row["special"] = [item for item in row["special"] if item["mount_point"] != point]
    row["special"].append({"fstype": kind, "label": "", "uuid": None, "mount_point": point,
                           "mount_options": options})  # fmt: skip


def _unmount_special(request, row):
    """Unmount a file system that lives in memory."""
    point = request.needed("mount_point")
    row["special"] = [item for item in row["special"] if item["mount_point"] != point]


for _op, _action, _admin, _since in (
    ("commission", _commission, True, None),
    ("deploy", _deploy, False, None),
    ("release", _release, False, None),
    ("abort", _abort, False, None),
    ("mark_broken", _mark_broken, False, None),
    ("mark_fixed", _mark_fixed, True, None),
    ("power_on", _power_on, False, None),
    ("power_off", _power_off, False, None),
    ("lock", _lock, False, "2.4"),
    ("unlock", _unlock, False, "2.4"),
    ("rescue_mode", _rescue, True, "2.1"),
    ("exit_rescue_mode", _leave_rescue, True, "2.1"),
    ("test", _test, True, "2.2"),
    ("override_failed_testing", _override, True, "2.3"),
    ("set_owner_data", _owner_data, False, None),
    ("set_workload_annotations", _owner_data, False, "3.0"),
    ("set_storage_layout", _set_layout, False, None),
    ("restore_storage_configuration", _restore_storage, False, None),
    ("restore_networking_configuration", _restore_network, False, None),
    ("restore_default_configuration", _restore, False, None),
    ("clear_default_gateways", _clear_gateways, True, None),
    ("mount_special", _mount_special, False, None),
    ("unmount_special", _unmount_special, False, None),
):
    machine("POST", _op, admin=_admin, since=_since)(_doer(_action))


@machine("GET", "power_parameters", admin=True)
def power_parameters(request):
    """Power parameters."""
    return machine_of(request)["power_parameters"]


@machine("GET", "query_power_state")
def query_power_state(request):
    """Ask a rack for the power state."""
    row = machine_of(request)
    machines.reach(request.region, row, request.user.username)
    known = row["power_state"] if row["power_type"] != "manual" else "unknown"
    return {"state": known}


@machine("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing."""
    machine_of(request)
    return Response(200, _DETAILS, "application/bson")


@machine("GET", "get_curtin_config")
def get_curtin_config(request):
    """The configuration of a deployment."""
    row = machine_of(request)
    if row["status"] not in (machines.DEPLOYING, machines.DEPLOYED):
        text = f"Machine {row['hostname']} is not in a deployment state."
        raise Answer(400, text, TEXT)
    return Response(200, "{}\n", "text/plain")


@machine("GET", "get_token", since="3.1")
def get_token(request):
    """The machine's own key, which it has while it is deployed."""
    row = machine_of(request)
    if not (request.user.is_superuser or row["owner"] == request.user.username):
        raise Answer(403, "You do not have permission to see this.", TEXT)
    return None
