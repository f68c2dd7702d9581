"""``machines/``: list, add, allocate and release."""

from __future__ import annotations

from saltext.maas.emulator import images, machine_ops, machines, node_forms, nodes, power
from saltext.maas.emulator.forms import Check, not_a_choice, truth
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Missing, no_content

many = Endpoint("machines/", "MachinesHandler")
one = Endpoint("machines/{system_id}/", "MachineHandler")

_NO_NICS = "Can't set power type to manual without network interfaces"


def machine_of(request):
    """The machine that a path names, or 404."""
    for row in request.region.rows("machines").values():
        if row["system_id"] == request.ids["system_id"]:
            return row
    raise Missing("Machine", request)


def _status(region, row):
    return {machines.STATUS[row["status"]].lower(), str(row["status"])}


_MORE = {
    "status": _status,
    "arch": lambda region, row: {row["architecture"], row["architecture"].partition("/")[0]},
}


@many("GET")
def list_machines(request):
    """List machines."""
    rows = request.region.rows("machines").values()
    found = node_forms.chosen(request, rows, _MORE)
    return [machines.show(request.region, row) for row in found]


def _architecture(check, region, stored):
    given = check.text("architecture", None, required=True)
    if given and "/" not in given:
        given += "/generic"
    usable = [item for item in images.architectures(region) if item.endswith("/generic")]
    if given and given not in usable and not (stored and given == stored["architecture"]):
        listed = ", ".join(f"'{item}'" for item in usable) or "''"
        text = f"'{given}' is not a valid architecture.  It should be one of: {listed}."
        check.error("architecture", text)
    return given


_FLAGS = ("disable_ipv4", "is_dpu", "enable_hw_sync")


def _read(check, region, stored):
    """The fields that adding and changing a machine have in common."""
    fields = {
        "hostname": node_forms.hostname(check, region, stored),
        "architecture": _architecture(check, region, stored),
        "description": check.text("description"),
        "min_hwe_kernel": check.text("min_hwe_kernel"),
        "zone": node_forms.named(check, region, "zone", "zones", stored, 1),
        "pool": node_forms.named(check, region, "pool", "pools", stored, 0),
    }
    default = node_forms.default_domain(region)
    fields["domain"] = node_forms.named(check, region, "domain", "domains", stored, default)
    for name in ("cpu_count", "memory"):
        fields[name] = check.integer(name, 0, 0)
    for name in _FLAGS:
        if check.has(name):
            fields[name] = check.boolean(name)
    fields["power_type"], fields["power_parameters"] = power.read(check, region, stored)
    return fields


@many("POST")
def create_machine(request):
    """Add a machine, which is commissioned unless the form says otherwise (2.8)."""
    region, check = request.region, Check(request)
    fields = _read(check, region, None)
    macs = node_forms.macs(check, region)
    if fields["power_type"] == "manual" and "mac_addresses" in check.errors:
        check.error("power_type", _NO_NICS)
    check.done()
    row = machines.new(region, **fields)
    row["hostname"] = row["hostname"] or f"machine-{row['system_id']}"
    for number, mac in enumerate(macs):
        row["interfaces"].append(node_forms.new_nic(region, f"eth{number}", mac))
    power.keep_address(region, row)
    wanted = truth(check.form.get("commission", "true")) or region.release < "2.8"
    deployed = truth(check.form.get("deployed")) and region.release >= "3.1"
    if deployed:
        row.update(status=machines.DEPLOYED, owner=request.user.username)
    elif wanted and request.user.is_superuser:
        machine_ops.commission(region, row, request.user.username)
    return machines.show(region, row)


@one("GET")
def read_machine(request):
    """Read a machine."""
    return machines.show(request.region, machine_of(request))


@one("PUT")
def update_machine(request):
    """Change a machine."""
    region, row = request.region, machine_of(request)
    check = Check(request, row)
    fields = _read(check, region, row)
    check.done()
    moved = (fields["power_type"], fields["power_parameters"]) != (
        row["power_type"], row["power_parameters"],
    )  # fmt: skip
    row.update(fields)
    if moved:
        power.keep_address(region, row)
    return machines.show(region, row)


@one("DELETE")
def delete_machine(request):
    """Delete a machine with its devices."""
    row = machine_of(request)
    if row["locked"]:
        raise machines.violation(f"Cannot delete node {row['system_id']}: node is locked")
    machines.forget(request.region, "machines", row)
    return no_content()


@many("GET", "is_registered", since="2.2")
def is_registered(request):
    """Tell whether a MAC address is that of a machine."""
    return node_forms.is_registered(request, request.region.rows("machines").values())


@many("GET", "power_parameters", admin=True)
def list_power_parameters(request):
    """Power parameters by system_id."""
    return node_forms.power_parameters(request, request.region.rows("machines").values())


@many("POST", "set_zone", admin=True)
def set_zone(request):
    """Put machines into a zone."""
    node_forms.set_zone(request, request.region.rows("machines").values())


@many("GET", "list_allocated")
def list_allocated(request):
    """List the machines that the user has."""
    rows = node_forms.chosen(request, request.region.rows("machines").values(), _MORE)
    name = request.user.username
    # What a machine's owner wrote on it is not repeated here.
    return [
        {**machines.show(request.region, row), **_without_notes(request.region)}
        for row in rows
        if row["owner"] == name and row["status"] == machines.ALLOCATED
    ]


def _without_notes(region):
    empty = {"owner_data": {}}
    return {**empty, "workload_annotations": {}} if region.release >= "3.0" else empty


_CONSTRAINTS = {
    "name": lambda region, row: {row["hostname"], node_fqdn(region, row)},
    "system_id": lambda region, row: {row["system_id"]},
    "arch": _MORE["arch"],
    "architecture": _MORE["arch"],
    "zone": node_forms.FILTERS["zone"],
    "pool": node_forms.FILTERS["pool"],
    "tags": node_forms.FILTERS["tags"],
}


def node_fqdn(region, row):
    """The full name of a machine."""
    return f"{row['hostname']}.{region.rows('domains')[row['domain']]['name']}"


def _fits(request, row):
    region, form = request.region, request.form
    for name, test in _CONSTRAINTS.items():
        asked = {word for item in form.getlist(name) for word in str(item).split(",")} - {""}
        held = test(region, row)
        if asked and not (asked <= held if name == "tags" else asked & held):
            return False
    for name, field in (("cpu_count", "cpu_count"), ("mem", "memory")):
        if form.get(name) not in (None, "") and float(form.get(name)) > row[field]:
            return False
    return not set(form.getlist("not_tags")) & set(row["tags"])


@many("POST", "allocate")
def allocate(request):
    """Allocate a machine that is ready and fits."""
    region = request.region
    for name, kind in (("zone", "zones"), ("pool", "pools")):
        given = request.form.get(name)
        if given and given not in {row["name"] for row in region.rows(kind).values()}:
            raise Answer(400, f'{{"{name}": ["No such {name}: \'{given}\'."]}}')
    for row in region.rows("machines").values():
        if row["status"] == machines.READY and _fits(request, row):
            if not truth(request.form.get("dry_run")):
                row.update(status=machines.ALLOCATED, owner=request.user.username)
                row["agent_name"] = request.form.get("agent_name", "")
            return {**machines.show(region, row), "constraints_by_type": {}}
    asked = {name: request.form.get(name) for name in _CONSTRAINTS if request.form.get(name)}
    if not asked:
        raise Answer(409, "No machine available.", TEXT)
    listed = ", ".join(f"{name}={value}" for name, value in asked.items())
    text = f"No available machine matches constraints: {listed} (resolved to {listed!r})"
    raise Answer(409, text, TEXT)


@many("POST", "release")
def release_many(request):
    """Release several machines."""
    wanted = [str(ident) for ident in request.form.getlist("machines")]
    rows = {row["system_id"]: row for row in request.region.rows("machines").values()}
    unknown = [ident for ident in wanted if ident not in rows]
    if unknown:
        text = f"Unknown machine(s): {', '.join(unknown)}."
        raise Answer(400, text, TEXT)
    released = []
    for ident in wanted:
        if machine_ops.is_released(rows[ident]):
            continue
        machine_ops.release(request.region, rows[ident], request.user.username)
        released.append(ident)
    return released


def _accept(region, rows, user):
    found = [row for row in rows if row["status"] == machines.NEW]
    for row in found:
        machine_ops.commission(region, row, user)
    return [machines.show(region, row) for row in found]


@many("POST", "accept", admin=True)
def accept(request):
    """Commission machines that enlisted."""
    wanted = [str(ident) for ident in request.form.getlist("machines")]
    rows = request.region.rows("machines").values()
    unknown = set(wanted) - {row["system_id"] for row in rows}
    if unknown:
        raise Answer(400, f"Unknown machine(s): {', '.join(sorted(unknown))}.", TEXT)
    named = [row for row in rows if row["system_id"] in wanted]
    return _accept(request.region, named, request.user.username)


@many("POST", "accept_all")
def accept_all(request):
    """Commission all machines that enlisted."""
    rows = list(request.region.rows("machines").values())
    return _accept(request.region, rows, request.user.username)


@many("POST", "add_chassis", admin=True)
def add_chassis(request):
    """Ask a rack for the machines of a chassis, of which nothing comes here."""
    kind, host = request.needed("chassis_type"), request.needed("hostname")
    if kind not in power.known(request.region):
        raise Answer(400, not_a_choice(kind), TEXT)
    return Answer(200, f"Asking maas-run to add machines from chassis {host}", TEXT).response


@many("POST", "clone", admin=True, since="2.9")
def clone(request):
    """Copy the disks or interfaces of one machine to others."""
    region = request.region
    source = nodes.find(region, str(request.needed("source")), ("machines",))
    if source is None:
        raise Answer(400, '{"source": ["This field is required."]}')
    wanted = request.form.getlist("destinations")
    if not wanted:
        raise Answer(400, '{"destinations": ["This field is required."]}')
    machine_ops.clone(region, source, wanted, request.form)
    return Answer(204, b"", TEXT).response
