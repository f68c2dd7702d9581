"""``vm-hosts/`` (``pods/`` before 2.9, and still), ``vm-clusters/`` and ``virtual-machines/``."""

from __future__ import annotations

from saltext.maas.emulator import node_forms, power
from saltext.maas.emulator.api2_groups import show_pool, show_zone
from saltext.maas.emulator.crud import hide_newer
from saltext.maas.emulator.forms import REQUIRED, Check
from saltext.maas.emulator.web import BARE_TEXT, TEXT, Answer, Endpoint, no_content

hosts = Endpoint("vm-hosts/", "VmHostsHandler", since="2.9")
host = Endpoint("vm-hosts/{id}/", "VmHostHandler", since="2.9")
pods = Endpoint("pods/", "PodsHandler", since="2.2")
pod = Endpoint("pods/{id}/", "PodHandler", since="2.2")
clusters = Endpoint("vm-clusters/", "VMClustersHandler", since="3.1")
cluster = Endpoint("vm-clusters/{id}", "VMClusterHandler", since="3.1")
virtual_machine = Endpoint("virtual-machines/{id}", "VirtualMachineHandler", since="2.9")
virtual_machines = Endpoint("virtual-machines/", "VirtualMachinesHandler", since="2.9")

_SINCE = {"pool": "2.4", "cpu_over_commit_ratio": "2.4", "memory_over_commit_ratio": "2.4",
          "storage_pools": "2.5", "host": "2.5", "default_macvlan_mode": "2.5",
          "version": "3.0"}  # fmt: skip
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
        "cpu_over_commit_ratio": row["cpu"],
        "memory_over_commit_ratio": row["memory"],
        "storage_pools": [],
        "host": {"system_id": None, "__incomplete__": True},
        "default_macvlan_mode": row["macvlan"],
        "resource_uri": f"/MAAS/api/2.0/{row['path']}/{row['id']}/",
    }
    if region.release >= "2.9":
        shown["resource_uri"] = f"/MAAS/api/2.0/vm-hosts/{row['id']}/"
    return hide_newer(region.release, shown, _SINCE)


def _host(request):
    ident = request.ids["id"]
    row = request.region.rows("vm_hosts").get(int(ident)) if ident.isdecimal() else None
    if row is None:
        raise Answer(404, "Not Found", BARE_TEXT)
    return row


def _ratio(check, name, default):
    given = check.form.get(name)
    if given in (None, ""):
        return default
    try:
        value = float(given)
    except (TypeError, ValueError):
        check.error(name, "Enter a number.")
        return default
    if not 0 <= value <= 10:
        check.error(name, f"Ensure this value is {'greater' if value < 0 else 'less'} than or"
                          f" equal to {'0' if value < 0 else '10'}.")  # fmt: skip
    return value


def _read(request, stored):
    region, check = request.region, Check(request, stored)
    kind = check.choice("type", _types(region), required=True)
    kind = stored["power_type"] if stored else kind
    before = stored["power_parameters"] if stored else {}
    names = [name for name, _, _, of_machine in power.parameters("lxd") if not of_machine]
    if kind != "lxd":
        names = ["power_address", "power_pass"]
    values = {name: check.form.get(name, before.get(name, "")) for name in names}
    if kind in _types(region) and not values.get("power_address"):
        check.error("power_address", REQUIRED)
    name = check.text("name", "") or (stored["name"] if stored else "")
    taken = region.rows("vm_hosts").values()
    if name and any(row["name"] == name and row is not stored for row in taken):
        check.error("name", "Node with this Name already exists.")
    fields = {
        "name": name,
        "power_type": kind,
        "power_parameters": values,
        "zone": node_forms.named(check, region, "zone", "zones", stored, 1),
        "pool": node_forms.named(check, region, "pool", "pools", stored, 0),
        "cpu": _ratio(check, "cpu_over_commit_ratio", stored["cpu"] if stored else 1.0),
        "memory": _ratio(check, "memory_over_commit_ratio", stored["memory"] if stored else 1.0),
        "macvlan": check.form.get("default_macvlan_mode", stored and stored["macvlan"]) or None,
    }
    if check.has("tags"):
        given = ",".join(str(item) for item in check.form.getlist("tags"))
        fields["tags"] = [word.strip() for word in given.split(",") if word.strip()]
    check.done()
    return fields


def list_hosts(request):
    """List VM hosts."""
    return [_show(request.region, row) for row in request.region.rows("vm_hosts").values()]


def create_host(request):
    """Add a VM host; that it cannot be reached does not matter yet."""
    region = request.region
    row = {"tags": ["pod-console-logging"], "path": request.path.rstrip("/").rpartition("/")[2]}
    row.update(_read(request, None))
    row = region.rows("vm_hosts").add(row)
    row["name"] = row["name"] or f"vm-host-{row['id']}"
    row["power_id"] = f"vm-host {row['id']}"
    power.keep_address(region, row)
    return _show(region, row)


def read_host(request):
    """Read a VM host."""
    return _show(request.region, _host(request))


def update_host(request):
    """Change a VM host."""
    row = _host(request)
    row.update(_read(request, row))
    power.keep_address(request.region, row)
    return _show(request.region, row)


def delete_host(request):
    """Delete a VM host."""
    row, table = _host(request), request.region.rows("ips")
    for held in list(table.values()):
        if held.get("bmc") == row["power_id"]:
            del table[held["id"]]
    del request.region.rows("vm_hosts")[row["id"]]
    return no_content()


def read_parameters(request):
    """Power parameters."""
    return _host(request)["power_parameters"]


def refresh(request):
    """Ask the host what it has, which nobody here can."""
    raise Answer(503, f"Unable to connect to VM host {_host(request)['name']}.", TEXT)


def compose(request):
    """Make a machine, which nobody here can."""
    raise Answer(503, f"Unable to connect to VM host {_host(request)['name']}.", TEXT)


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
