"""``vm-hosts/`` (``pods/`` before 2.9, and still), ``vm-clusters/`` and ``virtual-machines/``."""

from __future__ import annotations

from maas_emulator import forms_2x, machine_forms, nodes, power
from maas_emulator.api2.groups import show_pool, show_zone
from maas_emulator.crud import hide_newer, number_needed
from maas_emulator.forms import REQUIRED, bad_range
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
    nothing = {"cores": 0, "memory": 0, "local_storage": 0}
    shown = {
        "id": row["id"],
        "name": row["name"],
        "type": row["power_type"],
        "version": "",
        "tags": row["tags"],
        "architectures": [],
        "capabilities": [],
        "total": nothing,
        "used": nothing,
        "available": nothing,
        "zone": show_zone(region.rows("zones")[row["zone"]]),
        "pool": show_pool(region.rows("pools")[row["pool"]]),
        "cpu_over_commit_ratio": row["cpu_over_commit_ratio"],
        "memory_over_commit_ratio": row["memory_over_commit_ratio"],
        "storage_pools": [],
        "host": {"system_id": None, "__incomplete__": True},
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
    return _show(region, row)


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
    return _show(request.region, row)


def delete_host(request):
    """Delete a VM host."""
    row = _host(request)
    power.drop_address(request.region, row["power_id"])
    del request.region.rows("vm_hosts")[row["id"]]
    return no_content()


def read_parameters(request):
    """Power parameters."""
    return _host(request)["power_parameters"]


def refresh(request):
    """Ask the host what it has, which nobody here can."""
    _host(request)
    text = "Unable to start the VM host discovery process. No rack controllers connected."
    raise Answer(503, text, TEXT)


def compose(request):
    """Make a machine, which nobody here can."""
    _host(request)
    raise Answer(400, "VM host does not support composability.", TEXT)


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
