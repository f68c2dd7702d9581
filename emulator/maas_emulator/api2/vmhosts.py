"""``vm-hosts/`` (``pods/`` before 2.9, and still), ``vm-clusters/`` and ``virtual-machines/``."""

from __future__ import annotations

from maas_emulator import (
    forms_2x,
    hypervisors,
    machine_forms,
    machine_ops,
    machines,
    networks,
    node_filters,
    nodes,
    power,
    vm_hosts,
)
from maas_emulator.api2.groups import show_pool, show_zone
from maas_emulator.bodies import Form
from maas_emulator.crud import hide_newer, number_needed
from maas_emulator.forms import REQUIRED, bad_range, truth
from maas_emulator.interface_forms import tag_list
from maas_emulator.power_types import TYPES
from maas_emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    no_content,
)

_GONE = ("4.0", "VM host (KVM) support has been removed from MAAS.")

hosts = Endpoint("vm-hosts/", "VmHostsHandler", since="2.9", gone=_GONE)
host = Endpoint("vm-hosts/{id}/", "VmHostHandler", since="2.9", gone=_GONE)
pods = Endpoint("pods/", "PodsHandler", since="2.2", gone=_GONE)
pod = Endpoint("pods/{id}/", "PodHandler", since="2.2", gone=_GONE)
clusters = Endpoint("vm-clusters/", "VMClustersHandler", since="3.1", gone=_GONE)
cluster = Endpoint("vm-clusters/{id}", "VMClusterHandler", since="3.1", gone=_GONE)
virtual_machine = Endpoint(
    "virtual-machines/{id}", "VirtualMachineHandler", since="2.9", gone=_GONE
)
virtual_machines = Endpoint("virtual-machines/", "VirtualMachinesHandler", since="2.9", gone=_GONE)

_SINCE = {"pool": "2.4", "cpu_over_commit_ratio": "2.4", "memory_over_commit_ratio": "2.4",
          "storage_pools": "2.5", "host": "2.5", "default_macvlan_mode": "2.5",
          "version": "3.0"}  # fmt: skip
_MACVLAN = ("bridge", "passthru", "private", "vepa")
_CONSOLE = "pod-console-logging"
_TYPES = (("lxd", "2.8"), ("virsh", "2.2"), ("rsd", "2.2"))


def _types(region):
    return [
        kind
        for kind, since in _TYPES
        if region.release >= since and not (kind == "rsd" and region.release >= "3.0")
    ]


def _show(region, row):
    total = {name: row.get(name, 0) for name in ("cores", "memory", "local_storage")}
    used, host = hypervisors.used(region, row), vm_hosts.host_of(region, row)
    shown = {
        "id": row["id"],
        "name": row["name"],
        "type": row["power_type"],
        "version": row.get("version", ""),
        "tags": row["tags"],
        "architectures": row.get("architectures", []),
        "capabilities": row.get("capabilities", []),
        "total": total,
        "used": used,
        "available": {name: total[name] - used[name] for name in total},
        "zone": show_zone(region.rows("zones")[row["zone"]]),
        "pool": show_pool(region.rows("pools")[row["pool"]]),
        "cpu_over_commit_ratio": row["cpu_over_commit_ratio"],
        "memory_over_commit_ratio": row["memory_over_commit_ratio"],
        "storage_pools": hypervisors.pools(region, row),
        "host": {"system_id": host["system_id"] if host else None, "__incomplete__": True},
        "default_macvlan_mode": row["default_macvlan_mode"] or None,
        "resource_uri": f"/MAAS/api/2.0/{row['path']}/{row['id']}/",
    }
    if region.release >= "2.9":
        shown["resource_uri"] = f"/MAAS/api/2.0/vm-hosts/{row['id']}/"
    return hide_newer(region.release, shown, _SINCE)


def _host(request):
    ident = request.ids["id"]
    number_needed("Pod", request, ident)
    row = request.region.rows("vm_hosts").get(int(ident)) if ident.isdecimal() else None
    if row is None:
        if request.method == "GET" and "op" not in request.query:
            raise Answer(404, "Not Found", BARE_TEXT)
        raise Missing("Pod", request)
    if _asks_late(request):
        request.admin_only("can_edit_machines", row.get("pool"))
    return row


def _asks_late(request):
    """Whether a permission is needed that is asked for once the host is known, as from 3.8 on."""
    reads = request.method == "GET" and not request.op
    return request.region.release >= "3.8" and not reads


def _number(name):
    """A number from 0 to 10; an empty one says nothing."""

    def python(value):
        if value in forms_2x.EMPTY:
            return None
        try:
            found = float(value)
        except (TypeError, ValueError):
            raise forms_2x.Refused("Enter a number.") from None
        problem = bad_range(0, 10, found)
        if problem:
            raise forms_2x.Refused(problem)
        return found

    return forms_2x.Field(name, python, default=1.0)


def _read(request, stored):
    region, sent = request.region, request.form
    kinds = _types(region)
    fields = [
        forms_2x.text("name", default=""),
        forms_2x.Field("tags", tag_list, default=[]),
        machine_forms.by_name(region, "zone", "zones"),
        machine_forms.by_name(region, "pool", "pools"),
        _number("cpu_over_commit_ratio"),
        _number("memory_over_commit_ratio"),
        forms_2x.choice("default_macvlan_mode", _MACVLAN, default=""),
        forms_2x.choice("type", kinds, required=True, key="power_type"),
    ]
    row = {**stored, "tags": ",".join(stored["tags"])} if stored else None
    form = forms_2x.ModelForm(request, fields, row)
    form.read()
    kind = form.cleaned.get("type")
    if stored and kind and kind != stored["power_type"]:
        text = (
            "Cannot change the type of a pod. Delete and re-create the pod with a different type."
        )
        form.note("type", text)
    values = dict(stored["power_parameters"]) if stored else {}
    for field in TYPES.get(str(kind), ()) if not form.errors else ():
        if field.of_machine:
            continue
        value = sent.get(field.name, values.get(field.name, field.default))
        values[field.name] = "" if value is None else str(value).strip()
        if field.required and not values[field.name]:
            form.error(field.name, REQUIRED)
    form.apply()
    form.done()
    for name, default in (("zone", 1), ("pool", 0)):
        form.row[name] = form.cleaned.get(name, stored[name] if stored else default)
    form.row["power_parameters"] = power.with_certificate(kind, values)
    return form.row


def list_hosts(request):
    """List VM hosts."""
    return [_show(request.region, row) for row in request.region.rows("vm_hosts").values()]


def create_host(request):
    """Add a VM host; that it cannot be reached does not matter yet."""
    region = request.region
    fields = _read(request, None)
    for other in region.rows("vm_hosts").values():
        if power.is_same(other, fields):
            text = f"Pod {other['name']} with type and parameters already exist."
            raise Invalid({"__all__": [text]}, BARE_JSON)
    row = {"path": request.path.rstrip("/").rpartition("/")[2], **fields}
    row = region.rows("vm_hosts").add(row)
    taken = {item["name"] for item in region.rows("vm_hosts").values()}
    row["name"] = row["name"] or nodes.invented_name(taken)
    row["power_id"] = f"vm-host {row['id']}"
    _settle(region, row)
    _try_to_discover(request, row)
    return _show(region, row)


def _try_to_discover(request, row):
    """Ask the host what it has; it stays as it is where it does not answer."""
    try:
        _discover(request, row)
    except Answer as answer:
        if answer.response.status != 503:
            raise


def _discover(request, row):
    user = request.user.username
    for machine in vm_hosts.discover(request.region, row, user):
        machine_ops.commission(request.region, machine, user)


def _settle(region, row):
    """What a VM host always has: a tag, and the address of its BMC."""
    if _CONSOLE not in row["tags"]:
        row["tags"] = [*row["tags"], _CONSOLE]
    address = power.address_in(str(row["power_parameters"].get("power_address") or ""))
    power.keep_address(region, row["power_id"], address)


def read_host(request):
    """Read a VM host."""
    return _show(request.region, _host(request))


def update_host(request):
    """Change a VM host."""
    row = _host(request)
    row.update(_read(request, row))
    _settle(request.region, row)
    _try_to_discover(request, row)
    return _show(request.region, row)


def delete_host(request):
    """Delete a VM host and its machines; the virtual ones stay unless it is decomposed (3.0)."""
    row, region = _host(request), request.region
    decompose = region.release < "3.0" or truth(request.query.get("decompose"))
    for machine in list(region.rows("machines").values()):
        if machine.get("vm_host") == row["id"]:
            machines.forget(region, "machines", machine, decompose=decompose)
    node = vm_hosts.host_of(region, row) if hypervisors.is_lxd(row) else None
    if node and node.get("dynamic") and node["bmc"] is None:
        machines.forget(region, "machines", node)
    power.drop_address(region, row["power_id"])
    del region.rows("vm_hosts")[row["id"]]
    return no_content()


def read_parameters(request):
    """Power parameters."""
    return _host(request)["power_parameters"]


def refresh(request):
    """Ask the host what it has."""
    row = _host(request)
    _discover(request, row)
    return _show(request.region, row)


def compose(request):
    """Make a machine on the host, and commission it unless the form says otherwise."""
    region, row = request.region, _host(request)
    if "composable" not in row.get("capabilities", ()):
        noun = "VM host" if region.release >= "2.9" else "Pod"
        raise Answer(400, f"{noun} does not support composability.", TEXT)
    asked = _composition(request, row)
    _refuse_over_commit(region, row, asked)
    if region.release < "3.0" and row["power_type"] == "lxd" and asked["disks"][1:]:
        text = "LXD Pod virtual machines currently only support one block device."
        raise Answer(503, text, TEXT)
    constraints = asked.pop("interfaces")
    nics, addresses, modes = _interfaces(region, row, constraints)
    vm = vm_hosts.compose(region, row, {**asked, "nics": nics})
    machine = vm_hosts.create_machine(
        region, row, vm, asked["domain"], asked["zone"], asked["pool"], configure=asked["skip"]
    )
    if asked["skip"]:
        machine_ops.configure(region, machine)
    vm_hosts.connect(region, machine, vm, addresses, modes)
    if not asked["skip"]:
        user = request.user.username
        machine_ops.commission(region, machine, user, skip_network=bool(constraints))
    ident = machine["system_id"]
    return {"system_id": ident, "resource_uri": f"/MAAS/api/2.0/machines/{ident}/"}


def _composition(request, row):
    """The form of a composition: what was asked for, with MAAS's own choices."""
    region, architectures = request.region, row.get("architectures", [])
    texts = {name: request.form.getlist(name) for name in ("storage", "interfaces")
             if request.form.get(name)}  # fmt: skip
    constraints = node_filters.Constraints(region, Form(**texts), "acquire")
    numbers = {"low": 1, "high": row.get("cores", 0), "model": None}
    fields = [
        forms_2x.integer("cores", **numbers),
        forms_2x.integer("memory", low=1024, high=row.get("memory", 0), model=None),
        forms_2x.flag("hugepages_backed", model=None),
        forms_2x.Field("pinned_cores", _pinned(row), many=True, model=None),
        forms_2x.choice("architecture", architectures, model=None),
        forms_2x.integer("cpu_speed", low=300, high=row.get("cpu_speed") or None, model=None),
        forms_2x.text("hostname", model=None, checks=(_new_name(region),)),
        *(forms_2x.reference(name, forms_2x.by_key(region.rows(kind)), model=None)
          for name, kind in (("domain", "domains"), ("zone", "zones"), ("pool", "pools"))),
        forms_2x.flag("skip_commissioning", model=None),
    ]  # fmt: skip
    form = forms_2x.ModelForm(request, fields)
    form.read()
    form.done()
    found = form.cleaned
    taken = {node["hostname"] for node in nodes.everything(region)}
    modern = region.release >= "2.8"
    storage = str(request.form.get("storage") or "root:8(local)")
    return {
        "cores": found["cores"] or 1,
        "memory": found["memory"] or (2048 if modern else 1024),
        "hugepages_backed": found["hugepages_backed"],
        "pinned_cores": found["pinned_cores"] if region.release >= "2.9" else [],
        "architecture": found["architecture"] or architectures[0],
        "hostname": found["hostname"] or nodes.invented_name(taken),
        "domain": found["domain"],
        "zone": 1 if found["zone"] is None else found["zone"],
        "pool": found["pool"],
        "disks": [(size, tags) for _, size, tags in node_filters.asked_disks(storage)],
        "interfaces": constraints.seen.get("interfaces") if region.release >= "2.5" else None,
        "skip": found["skip_commissioning"],
    }


def _pinned(row):
    def python(values):
        wrong = [one for one in values if not (one.isdecimal() and int(one) < row["cores"])]
        if wrong:
            text = f"Select a valid choice. {wrong[0]} is not one of the available choices."
            raise forms_2x.Refused(text)
        return sorted(map(int, values))

    return python


def _new_name(region):
    def check(value):
        if any(node["hostname"] == value for node in nodes.everything(region)):
            return f'Node with hostname "{value}" already exists'
        return None

    return check


def _refuse_over_commit(region, row, asked):
    texts, used = "", hypervisors.used(region, row)
    for label, name in (("CPU", "cores"), ("Memory", "memory")):
        ratio = row[f"{label.lower()}_over_commit_ratio"]
        if row[name] * ratio - used[name] - asked[name] < 0:
            texts += (
                f"{label} overcommit ratio is {ratio} and there are {row[name] - used[name]} "
                f"available resources; {asked[name]} requested."
            )
    if texts:
        text = texts
        if region.release >= "2.5":
            text = f"Unable to compose KVM instance in '{row['name']}'. {texts}"
        raise Answer(503, text, TEXT)


def _interfaces(region, row, asked):
    """Names and VLANs of the interfaces that constraints choose, with addresses and modes."""
    if asked is None:
        return [(None, None)], {}, {}
    host = vm_hosts.host_of(region, row)
    if host is None:
        raise Answer(400, "Pod must be on a known host if interfaces are specified.", TEXT)
    nics, addresses, modes, serves = [], {}, {}, False
    for label, wanted in asked.items():
        places = {key: one for key, one in wanted.items() if key not in ("ip", "mode")}
        if "ip" in wanted:  # what is looked for is its VLAN
            vlans = [networks.subnet_for(region, ip)["vlan"] for ip in wanted["ip"]]
            places["vlan"] = [*places.get("vlan", ()), *(f"id:{vlan}" for vlan in vlans)]
        fitting = [nic for nic in host["interfaces"] if node_filters.is_nic(region, nic, places)]
        if not fitting:
            raise Answer(400, "This pod does not match the specified networks.", TEXT)
        kinds = ("bridge", "bond")
        best = min(fitting, key=lambda nic: (
            kinds.index(nic["type"]) if nic.get("type") in kinds else 2, -nic["id"]
        ))  # fmt: skip
        rows = region.rows("vlans")
        serves = serves or (best["vlan"] in rows and vm_hosts.serves_dhcp(rows, best["vlan"]))
        name = f"eth{int(label)}" if label.isdecimal() else label[:15]
        nics.append((name, best["vlan"]))
        addresses.update({name: wanted["ip"]} if "ip" in wanted else {})
        modes.update({name: wanted["mode"][-1]} if "mode" in wanted else {})
    if not serves:
        text = "MAAS DHCP must be enabled on at least one VLAN attached to the specified interfaces"
        raise Answer(400, f"{text}.", TEXT)
    return nics, addresses, modes


def add_tag(request):
    """Add a tag."""
    row, tag = _host(request), request.needed("tag")
    row["tags"] = [*(item for item in row["tags"] if item != tag), tag]
    return _show(request.region, row)


def remove_tag(request):
    """Remove a tag."""
    row, tag = _host(request), request.needed("tag")
    row["tags"] = [item for item in row["tags"] if item != tag]
    return _show(request.region, row)


for _many, _one in ((hosts, host), (pods, pod)):
    _many("GET")(list_hosts)
    _many("POST", admin=True)(create_host)
    _one("GET")(read_host)
    _one("PUT", admin=True)(update_host)
    _one("DELETE", admin=True)(delete_host)
    _one("GET", "parameters", admin=True)(read_parameters)
    _one("POST", "refresh", admin=True)(refresh)
    _one("POST", "compose", admin=True)(compose)
    _one("POST", "add_tag", admin=True)(add_tag)
    _one("POST", "remove_tag", admin=True)(remove_tag)


@clusters("GET")
@virtual_machines("GET")
def list_none(request):
    """List clusters or virtual machines: nothing here can be asked for any."""
    return []


@virtual_machine("GET")
@cluster("GET")
@cluster("PUT", admin=True)
@cluster("DELETE", admin=True)
def read_none(request):
    """A cluster or virtual machine, of which there are none."""
    raise Answer(404, "Not Found", BARE_TEXT)
