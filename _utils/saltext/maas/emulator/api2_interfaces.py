"""``nodes/ID/interfaces/``: of controllers read and moved, of machines and devices all else."""

from __future__ import annotations

from saltext.maas.emulator import machines, node_forms, nodes
from saltext.maas.emulator.forms import REQUIRED, Check, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Missing, no_content

many = Endpoint("nodes/{system_id}/interfaces/", "InterfacesHandler")
one = Endpoint("nodes/{system_id}/interfaces/{id}/", "InterfaceHandler")

#: Parameters of a kind of interface: (name, kind of value or its choices, default).
PARAMS = {
    "bond": (
        ("bond_mode", ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad",
                       "balance-tlb", "balance-alb"), "active-backup"),
        ("bond_miimon", int, 100), ("bond_downdelay", int, 0), ("bond_updelay", int, 0),
        ("bond_num_grat_arp", int, 1), ("bond_lacp_rate", ("fast", "slow"), "fast"),
        ("bond_xmit_hash_policy", ("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4",
                                   "vlan+srcmac"), "layer2"),
    ),
    "bridge": (("bridge_type", ("standard", "ovs"), "standard"), ("bridge_stp", bool, False),
               ("bridge_fd", int, 15)),
}  # fmt: skip
_CHANGEABLE = (machines.NEW, machines.READY, machines.ALLOCATED, machines.BROKEN)


def node_of(request, to_change=False):
    """The node that a path is about, or 404.

    Args:
        request: The call.
        to_change: What is to be done (``update``), which a machine's status may forbid (409).
    """
    for row in nodes.everything(request.region):
        if row["system_id"] == request.ids["system_id"]:
            break
    else:
        raise Missing("Node", request)
    if to_change and row["node_type"] == machines.MACHINE and row["status"] not in _CHANGEABLE:
        text = "Cannot %s interface because the machine is not New, Ready, Allocated, or Broken."
        raise machines.violation(text % to_change)
    return row


def interface_of(request, node):
    """The interface of a node that a path names by id or name, or 404."""
    for nic in node["interfaces"]:
        if request.ids["id"] in (str(nic["id"]), nic["name"], f"name:{nic['name']}"):
            return nic
    raise Missing("Interface", request)


def show(request, node, nic):
    """An interface as the API shows it."""
    return nodes.show_interface(request.region, node, nic)


@many("GET")
def list_interfaces(request):
    """List a node's interfaces."""
    node = node_of(request)
    return [show(request, node, nic) for nic in node["interfaces"]]


@one("GET")
def readinterface_of(request):
    """Read one interface."""
    node = node_of(request)
    return show(request, node, interface_of(request, node))


# -- making and changing -----------------------------------------------------------------------


def _vlan(check, region, stored=None):
    given = check.form.get("vlan")
    if given is None:
        return stored
    text = str(given)
    if not text:
        return None
    if not (text.isdecimal() and int(text) in region.rows("vlans")):
        check.error("vlan", not_a_choice("That choice"))
        return stored
    return int(text)


def _free_name(check, node, name, own=None):
    if any(nic["name"] == name and nic is not own for nic in node["interfaces"]):
        text = f"Node {node['hostname']} already has an interface named '{name}'."
        check.error("name", text)


def _mac(check, region, node, parents=(), stored=None, required=True):
    given = check.text("mac_address", None)
    if not given:
        if stored:
            return stored["mac"]
        if parents:
            return parents[0]["mac"]
        if required:
            check.error("mac_address", REQUIRED)
        return ""
    if not node_forms.is_mac(given):
        check.error("mac_address", f"'{given}' is not a valid MAC address.")
        return given
    holder = node_forms.owner_of_mac(region, given.lower())
    own = {nic["mac"] for nic in parents} | ({stored["mac"]} if stored else set())
    if holder and given.lower() not in own:
        text = f"This MAC address is already in use by {holder['hostname']}."
        check.error("mac_address", text)
    return given.lower()


def _tags(check, stored=None):
    if not check.has("tags"):
        return list(stored.get("tags", [])) if stored else []
    given = [str(item) for item in check.form.getlist("tags") if item]
    return [word.strip() for item in given for word in item.split(",") if word.strip()]


def _params(check, kind, stored=None):
    """Parameters of an interface: those of its kind, and the MTU and RA of all."""
    found = dict(stored.get("params") or {}) if stored else {}
    for name, what, default in PARAMS.get(kind, ()):
        if isinstance(what, tuple):
            found[name] = check.choice(name, what, found.get(name, default))
        elif check.has(name) or name not in found:
            reader = check.integer if what is int else check.boolean
            check_value = reader(name, found.get(name, default))
            found[name] = found.get(name, default) if check_value is None else check_value
    if check.form.get("mtu") not in (None, ""):
        found["mtu"] = check.integer("mtu", None, 552, 65535)
    for name in ("accept_ra", "autoconf"):
        if check.form.get(name) not in (None, ""):
            found[name] = check.boolean(name)
    return found


def _parents(check, node, one_only=False):
    field = "parent" if one_only and check.has("parent") else "parents"
    found = []
    for given in check.form.getlist(field):
        match = [nic for nic in node["interfaces"] if str(given) in (str(nic["id"]), nic["name"])]
        if match:
            found += match
        else:
            check.error(field, not_a_choice(given))
    if not found and not check.errors:
        check.error(field, REQUIRED if not one_only else "A parent is required.")
    return found


def link_up(region):
    """A link that only says that the interface is up."""
    return region.rows("links").add({"subnet": None, "ip_address": None, "mode": "link_up"})


def _add(request, node, name, mac, vlan, **more):
    nic = node_forms.new_nic(request.region, name, mac, vlan, **more)
    if vlan is not None:
        nic["links"].append(link_up(request.region))
    node["interfaces"].append(nic)
    return show(request, node, nic)


@many("POST", "create_physical")
def create_physical(request):
    """Add a physical interface."""
    region, node, check = request.region, node_of(request, "create"), Check(request)
    mac = _mac(check, region, node)
    name = check.text("name", "") or f"eth{len(node['interfaces'])}"
    _free_name(check, node, name)
    vlan, tags, params = _vlan(check, region), _tags(check), _params(check, "physical")
    check.done()
    linked = str(check.form.get("link_connected", "")).lower() == "true"
    return _add(request, node, name, mac, vlan, tags=tags, params=params, link_connected=linked)


def _create_on_parents(request, kind):
    region, node, check = request.region, node_of(request, "create"), Check(request)
    parents = _parents(check, node, one_only=kind == "bridge")
    name = check.text("name", None, required=True)
    if name:
        _free_name(check, node, name)
    mac = _mac(check, region, node, parents)
    params, tags = _params(check, kind), _tags(check)
    vlan = _vlan(check, region, parents[0]["vlan"] if parents else None)
    if kind == "bond" and len({nic["vlan"] for nic in parents}) > 1:
        check.error("parents", "All parents must belong to the same VLAN.")
    check.done()
    for nic in parents:
        nic["links"] = []
        machines.set_links(region, node, nic)
    ids = [nic["id"] for nic in parents]
    return _add(request, node, name, mac, vlan, type=kind, parents=ids, params=params, tags=tags)


@many("POST", "create_bond")
def create_bond(request):
    """Make a bond of interfaces of one VLAN."""
    return _create_on_parents(request, "bond")


@many("POST", "create_bridge", since="2.1")
def create_bridge(request):
    """Make a bridge on an interface."""
    return _create_on_parents(request, "bridge")


@many("POST", "create_vlan")
def create_vlan(request):
    """Make an interface for a tagged VLAN."""
    region, node, check = request.region, node_of(request, "create"), Check(request)
    parents = _parents(check, node, one_only=True)
    vlan = _vlan(check, region)
    row = region.rows("vlans").get(vlan)
    if row is None and not check.errors:
        check.error("vlan", "A VLAN interface must be connected to a tagged VLAN.")
    elif row and row["vid"] == 0:
        check.error("vlan", "A VLAN interface can only belong to a tagged VLAN.")
    tags, params = _tags(check), _params(check, "vlan")
    check.done()
    name = f"{parents[0]['name']}.{row['vid']}"
    _free_name(check, node, name)
    check.done()
    return _add(request, node, name, parents[0]["mac"], vlan, type="vlan", tags=tags,
                parents=[parents[0]["id"]], params=params)  # fmt: skip


@one("PUT")
def updateinterface_of(request):
    """Change an interface; of a controller's only the VLAN."""
    region, node = request.region, node_of(request, "update")
    nic = interface_of(request, node)
    check = Check(request, nic)
    vlan = _vlan(check, region, nic["vlan"])
    if node["node_type"] > nodes.DEVICE:
        if not request.user.is_superuser:
            raise Answer(403, "This method is reserved for admin users.", TEXT)
        check.done()
        nic["vlan"] = vlan
        return show(request, node, nic)
    name = check.text("name") or nic["name"]
    _free_name(check, node, name, nic)
    mac = _mac(check, region, node, stored=nic)
    kind = nic.get("type", "physical")
    fields = {"name": name, "mac": mac, "vlan": vlan, "tags": _tags(check, nic)}
    fields["params"] = _params(check, kind, nic)
    if check.has("parents"):
        fields["parents"] = [item["id"] for item in _parents(check, node)]
    for flag in ("enabled", "link_connected"):
        if check.has(flag):
            fields[flag] = check.boolean(flag)
    check.done()
    nic.update(fields)
    return show(request, node, nic)


@one("DELETE")
def deleteinterface_of(request):
    """Delete an interface, with those that were made of it alone."""
    region, node = request.region, node_of(request, "delete")
    nic = interface_of(request, node)
    if node["node_type"] > nodes.DEVICE:
        raise Answer(400, "Interfaces of controllers cannot be deleted.")
    gone = {nic["id"]}
    for item in node["interfaces"]:
        if item.get("parents") and set(item["parents"]) <= gone:
            gone.add(item["id"])
    for item in [item for item in node["interfaces"] if item["id"] in gone]:
        item["links"] = []
        machines.set_links(region, node, item)
    node["interfaces"] = [item for item in node["interfaces"] if item["id"] not in gone]
    return no_content()
