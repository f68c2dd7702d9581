"""``machines/``: list, add, allocate and release."""

from __future__ import annotations

import re

from maas_emulator import (
    clones,
    forms_2x,
    machine_forms,
    machine_ops,
    machines,
    node_filters,
    node_forms,
    permissions,
    power,
    scripts_run,
    storage,
    vm_hosts,
)
from maas_emulator.bodies import Form
from maas_emulator.forms import REQUIRED, truth
from maas_emulator.interface_forms import next_name
from maas_emulator.machine_forms import asked_truth
from maas_emulator.web import TEXT, Answer, Endpoint, Invalid, no_content

many = Endpoint("machines/", "MachinesHandler")
one = Endpoint("machines/{system_id}/", "MachineHandler")

_KERNEL = re.compile("(hwe|ga)-.+")


def machine_of(request, test=permissions.may_view):
    """The machine that a path names, or 404; 403 where its user may not."""
    return permissions.node_of(request, test, ("machines",), "Machine")


@many("GET")
def list_machines(request):
    """List machines."""
    rows = permissions.visible(request, "machines")
    return [machines.show(request.region, row) for row in node_filters.listed(request, rows)]


# -- adding and changing -----------------------------------------------------------------------


def _with_architecture(form):
    """The form with architecture and subarchitecture in one field; kernels are none."""
    form = Form(form)
    arch, sub = str(form.get("architecture") or ""), str(form.get("subarchitecture") or "")
    if "/" in arch and sub:
        raise Answer(400, "Subarchitecture cannot be specified twice.", TEXT)
    if arch and "/" not in arch:
        form["architecture"] = [f"{arch}/{sub or 'generic'}"]
    if _KERNEL.search(arch) or _KERNEL.search(sub):
        text = "hwe kernel must be specified using the min_hwe_kernel argument."
        raise Answer(400, text, TEXT)
    least = form.get("min_hwe_kernel")
    if least and not _KERNEL.search(str(least)):
        raise Answer(400, 'min_hwe_kernel must start with "hwe-" or "ga-"', TEXT)
    return form


@many("POST", anonymous=True)
def create_machine(request):
    """Add a machine, which is commissioned unless the form says otherwise (2.8)."""
    region, user = request.region, request.user
    is_admin = request.may("can_edit_machines")
    commission = asked_truth(request.form, "commission", default=user is not None)
    deployed = asked_truth(request.form, "deployed") and region.release >= "3.1"
    sent = _with_architecture(request.form)
    row, switch = machine_forms.machine(request, None, sent, as_admin=is_admin)
    macs = row.pop("mac_addresses")
    if not row["architecture"] and not machine_forms.needs_macs(sent):
        macs = []  # it tells them itself when it starts
    power.refuse(region, {"power_type": ""}, *switch)
    row = machines.new(region, **row)
    for mac in macs:
        name = next_name(row)
        row["interfaces"].append(node_forms.new_nic(region, name, mac))
    power.store(region, row, *switch)
    if deployed and is_admin:
        row.update(status=machines.DEPLOYED, owner=user.username)
        scripts_run.adopt(region, row)
    elif is_admin and (commission or region.release < "2.8"):
        _commission_silently(request, row)
    return machines.show(region, row) if user else _show_anonymous(region, row)


def _show_anonymous(region, row):
    shown = machines.show(region, row)
    shown = {name: shown[name] for name in machines.ANONYMOUS if name in shown}
    for name in ("zone", "domain"):
        shown[name] = {key: value for key, value in shown[name].items() if key != "resource_uri"}
    return shown


def commissioning(request, row):
    """What a form says about commissioning: keyword arguments of :func:`machine_ops.commission`.

    Raises:
        Invalid: 400.
    """
    form = scripts_form(request, {"commissioning_scripts": scripts_run.COMMISSIONING,
                                  "testing_scripts": scripts_run.TESTING},
                        none=("testing_scripts",))  # fmt: skip
    if not machine_ops.may_commission(row) or not permissions.may_read_secrets(request, row):
        text = "Commission is not available because of the current state of the node."
        form.error("__all__", text)
    if form.errors:
        raise Invalid(form.errors)
    seen, sent = form.cleaned, request.form
    return {
        "scripts": seen["commissioning_scripts"],
        "tests": seen["testing_scripts"],
        "skip_storage": truth(sent.get("skip_storage")),
        "skip_network": truth(sent.get("skip_networking")),
        "skip_bmc": truth(sent.get("skip_bmc_config")),
    }


def scripts_form(request, kinds, none=()):
    """A form of fields that choose scripts by name or tag, each a text with commas.

    Args:
        request: The call.
        kinds: Field to the kind of scripts.
        none: Fields that may say ``none``.
    """

    def field(name, kind):
        choices = scripts_run.choices(request.region, kind) | ({"none"} if name in none else set())

        def python(values):
            found = values[-1].split(",") if len(values) == 1 else values
            for value in found:
                if value not in choices:
                    text = f"Select a valid choice. {value} is not one of the available choices."
                    raise forms_2x.Refused(text)
            return found

        return forms_2x.Field(name, python, many=True, model=None)

    form = forms_2x.ModelForm(request, [field(name, kind) for name, kind in kinds.items()])
    form.read()
    return form


def _commission_silently(request, row):
    """Commission a new machine; what is wrong in the form leaves it as it is."""
    try:
        wanted = commissioning(request, row)
    except Invalid:
        return
    machine_ops.commission(request.region, row, request.user.username, **wanted)


@one("GET")
def read_machine(request):
    """Read a machine."""
    return machines.show(request.region, machine_of(request))


@one("PUT")
def update_machine(request):
    """Change a machine."""
    region, row = request.region, machine_of(request, permissions.may_admin)
    fields, switch = machine_forms.machine(request, row)
    power.store(region, row, *switch)
    kept = {name: row[name] for name in ("power_type", "bmc", "power_id") if name in row}
    row.update({**fields, **kept, "own_parameters": row["own_parameters"]})
    return machines.show(region, row)


@one("DELETE")
def delete_machine(request):
    """Delete a machine with its devices; a composed one is decomposed."""
    row = machine_of(request, permissions.may_admin)
    if not truth(request.query.get("force")):
        vm_hosts.refuse_host(request.region, row)
    machines.forget(request.region, "machines", row)
    return no_content()


# -- all of them -------------------------------------------------------------------------------


@many("GET", "is_registered", since="2.2", anonymous=True)
def is_registered(request):
    """Tell whether a node has a MAC address."""
    without = (7,) if request.user else (machines.NEW, machines.COMMISSIONING, 7)
    return node_forms.is_registered(request, without=without)


@many("GET", "power_parameters", admin=True)
def list_power_parameters(request):
    """Power parameters by system_id."""
    return node_forms.power_parameters(request, request.region.rows("machines").values())


@many("POST", "set_zone")
def set_zone(request):
    """Put machines into a zone."""
    node_forms.set_zone(request)


@many("GET", "list_allocated")
def list_allocated(request):
    """List the machines that the user has."""
    name, wanted = request.user.username, request.query.getlist("id")
    # What a machine's owner wrote on it is not repeated here.
    return [
        {**machines.show(request.region, row), **_without_notes(request.region)}
        for row in request.region.rows("machines").values()
        if row["owner"] == name and row["status"] == machines.ALLOCATED
        and (not wanted or row["system_id"] in wanted)
    ]  # fmt: skip


def _without_notes(region):
    empty: dict = {"owner_data": {}}
    return {**empty, "workload_annotations": {}} if region.release >= "3.0" else empty


def options(request, default_bridge=False):
    """What ``allocate`` and ``deploy`` accept about bridges: parameters, or None for none."""
    form = request.form
    for name in ("install_rackd", "install_kvm", "register_vmhost"):
        if request.region.release >= "4.0" and asked_truth(form, name):
            raise Answer(400, f"Support for {name} allocation parameter has been removed.", TEXT)
    kind = form.get("bridge_type") or "standard"
    if kind not in ("standard", "ovs"):
        # MAAS forgets to fill its own message in.
        text = "'%(value)s' is not a valid bridge_type.  It should be one of: 'standard', 'ovs'."
        raise Invalid({"bridge_type": [text]})
    stp = asked_truth(form, "bridge_stp")
    try:
        delay = int(form.get("bridge_fd") or 0)
    except ValueError:
        raise Answer(400, "Invalid bridge_fd: Please enter an integer value", TEXT) from None
    wanted = asked_truth(form, "bridge_all", default=default_bridge)
    found = {"bridge_type": kind, "bridge_stp": stp, "bridge_fd": delay}
    return found if wanted else None


@many("POST", "allocate")
def allocate(request):
    """Allocate a machine that is ready and fits; the smallest one of several."""
    region, form, user = request.region, request.form, request.user.username
    bridges = options(request)
    verbose, dry_run = asked_truth(form, "verbose"), asked_truth(form, "dry_run")
    constraints = node_filters.Constraints(region, form, "acquire")
    rows = [row for row in region.rows("machines").values()
            if row["status"] == machines.READY and row["owner"] is None]  # fmt: skip
    found, disks, nics = constraints.choose(rows)
    if not found:
        raise Answer(409, _nothing(request, constraints), TEXT)
    row = min(found, key=lambda row: row["cpu_count"] + row["memory"] / 1024)
    if not dry_run:
        machine_ops.acquire(region, row, user, str(form.get("agent_name") or ""), bridges)
    by_type: dict = {}
    if disks.get(row["system_id"]):
        of_label = by_type.setdefault("storage", {})
        for key, label in disks[row["system_id"]].items():
            of_label.setdefault(label, []).append(key)
    if nics:
        by_type["interfaces"] = {label: of.get(row["system_id"]) for label, of in nics.items()}
    if verbose:
        by_type.update(verbose_storage=_by_id(disks, found), verbose_interfaces={
            label: _by_id(of, found) for label, of in nics.items()
        })  # fmt: skip
    return {**machines.show(region, row), "constraints_by_type": by_type}


def _by_id(table, rows):
    return {str(row["id"]): table[row["system_id"]] for row in rows if row["system_id"] in table}


def _nothing(request, constraints):
    if not constraints.seen:
        return "No machine available."
    ident = request.form.get("system_id")
    if ident is not None:
        return f"No machine with system ID {ident} available."
    asked = [(name, [str(value) for value in request.form.getlist(name)])
             for name in request.form if name != "op"]  # fmt: skip
    words = constraints.described()
    return f'No available machine matches constraints: {asked} (resolved to "{words}")'


def _named(request, test, what):
    """The machines that a form names."""
    wanted = [str(ident) for ident in request.form.getlist("machines")]
    rows = {row["system_id"]: row for row in request.region.rows("machines").values()}
    unknown = [ident for ident in dict.fromkeys(wanted) if ident not in rows]
    if unknown:
        raise Answer(400, f"Unknown machine(s): {', '.join(unknown)}.", TEXT)
    refused = [ident for ident in dict.fromkeys(wanted) if not test(request, rows[ident])]
    if refused:
        text = f"You don't have the required permission to {what} the following machine(s):"
        raise Answer(403, f"{text} {', '.join(refused)}.", TEXT)
    return [row for ident, row in rows.items() if ident in wanted]


@many("POST", "release")
def release_many(request):
    """Release several machines."""
    rows, user = _named(request, permissions.may_edit, "release"), request.user.username
    wrong = [row for row in rows
             if row["status"] not in (machines.READY, *machine_ops.RELEASABLE)]  # fmt: skip
    if wrong:
        listed = ", ".join(
            f"{row['system_id']} ('{machines.STATUS[row['status']]}')" for row in wrong
        )
        text = f"Machine(s) cannot be released in their current state: {listed}."
        raise machines.violation(text)
    rows = [row for row in rows if row["status"] != machines.READY]
    for row in rows:
        machine_ops.release(request.region, row, user)
    return [row["system_id"] for row in rows]


def _accept(request, rows):
    found = [row for row in rows if row["status"] == machines.NEW]
    for row in found:
        machine_ops.commission(request.region, row, request.user.username)
    return [machines.show(request.region, row) for row in found]


@many("POST", "accept")
def accept(request):
    """Commission machines that enlisted."""
    rows = _named(request, permissions.may_admin, "accept")
    accepted = (machines.NEW, machines.READY, machines.COMMISSIONING)
    for row in rows:
        if row["status"] not in accepted:
            where = f"node {row['system_id']} is in state {machines.STATUS[row['status']]}"
            raise machines.violation(f"Cannot accept node enlistment: {where}.")
    return _accept(request, rows)


@many("POST", "accept_all")
def accept_all(request):
    """Commission all machines that enlisted, as far as the user may."""
    rows = list(request.region.rows("machines").values())
    return _accept(request, rows if request.may("can_edit_machines") else [])


_CHASSIS = ("mscm", "msftocs", "recs_box", "sm15k", "ucsm", "virsh", "vmware", "powerkvm",
            "seamicro15k", "hmcz", "proxmox")  # fmt: skip
_WITH_PASSWORD = ("hmcz", "mscm", "msftocs", "recs_box", "seamicro15k", "sm15k", "ucsm", "vmware")


@many("POST", "add_chassis", admin=True)
def add_chassis(request):
    """Ask a rack for the machines of a chassis, of which nothing comes here."""
    kind = str(request.needed("chassis_type"))
    if kind not in _CHASSIS:
        listed = "; ".join(_CHASSIS)
        text = f"Invalid chassis_type: Value must be one of: {listed} (not {kind!r})"
        raise Answer(400, text, TEXT)
    host = request.needed("hostname")
    if kind in _WITH_PASSWORD:
        for name in ("username", "password"):
            request.needed(name)
    elif kind in ("powerkvm", "virsh") and request.form.get("username") is not None:
        text = f"username can not be specified when using the {kind} chassis."
        raise Answer(400, text, TEXT)
    return Answer(200, f"Asking maas-run to add machines from chassis {host}", TEXT).response


# -- copying -----------------------------------------------------------------------------------


@many("POST", "clone", since="2.9")
def clone(request):
    """Copy the disks or interfaces of one machine to others."""
    region, form, errors = request.region, request.form, {}
    rows = {row["system_id"]: row for row in permissions.visible(request, "machines")}
    wanted = [word.strip() for value in form.getlist("destinations")
              for word in str(value).split(",") if word.strip()]  # fmt: skip
    given = str(form.get("source") or "")
    source = rows.get(given)
    if given and source is None:
        text = f"Select a valid choice. {given} is not one of the available choices."
        errors["source"] = [text, REQUIRED]
    elif source is None:
        errors["source"] = [REQUIRED]
    if not wanted:
        errors["destinations"] = [REQUIRED]
    what = {name: truth(form.get(name)) for name in ("storage", "interfaces")}
    found = _destinations(request, rows, wanted, errors)
    for row in found if source and "destinations" not in errors else ():
        _check_clone(region, source, row, what, errors)
    if not any(what.values()):
        errors["__all__"] = ["Either storage or interfaces must be true."]
    if errors:
        raise Invalid(errors)
    for row in found:
        with storage.undone_on_error(region, row):
            if what["storage"]:
                clones.copy_storage(region, source, row)
        if what["interfaces"]:
            clones.copy_interfaces(region, source, row)
    return no_content()


def _destinations(request, rows, wanted, errors):
    """The machines to copy to: those that are ready or failed their tests."""
    found = []
    for number, ident in enumerate(wanted, 1):
        row = rows.get(ident)
        states = (machines.READY, machines.FAILED_TESTING)
        if (
            row is None
            or row["status"] not in states
            or not permissions.may_read_secrets(request, row)
        ):
            text = f"Select a valid choice. {ident} is not one of the available choices."
            errors.setdefault("destinations", []).append(f"Machine {number} is invalid: {text}")
        else:
            found.append(row)
    return found


def _check_clone(region, source, row, what, errors):
    label = f"{row['system_id']} ({row['hostname']})"
    if row is source:
        text = f"Source machine {label} cannot be a destination machine."
        errors.setdefault("destinations", []).append(text)
        return
    for name, check in (
        ("storage", lambda: clones.disks(region, source, row)),
        ("interfaces", lambda: clones.nics(source, row)),
    ):
        if not what[name]:
            continue
        try:
            check()
        except forms_2x.Refused as refused:
            text = f"{label} is invalid: {refused.args[0]}"
            errors.setdefault("destinations", []).append(text)
