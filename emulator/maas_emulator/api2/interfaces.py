"""``nodes/ID/interfaces/``: of controllers read and moved, of machines and devices all else."""

from __future__ import annotations

from maas_emulator import interface_forms, links, machines, nodes, permissions
from maas_emulator.bodies import Form
from maas_emulator.web import TEXT, Answer, Endpoint, Invalid, Missing, no_content

many = Endpoint("nodes/{system_id}/interfaces/", "InterfacesHandler")
one = Endpoint("nodes/{system_id}/interfaces/{id}/", "InterfaceHandler")

_CHANGEABLE = (machines.NEW, machines.READY, machines.FAILED_TESTING, machines.ALLOCATED,
               machines.BROKEN)  # fmt: skip


def refuse_status(node, what, *more):
    """409 where a machine's status does not allow to change its interfaces."""
    if node["node_type"] == machines.MACHINE and node["status"] not in (*_CHANGEABLE, *more):
        text = "Cannot {} interface because the machine is not New, Ready, Allocated, or Broken."
        raise machines.violation(text.format(what))


def refuse_controller(node, what):
    """403 where it is about a controller."""
    if node["node_type"] > nodes.DEVICE:
        raise Answer(403, f"Cannot {what} interface on a controller.", TEXT)


def interface_of(request, to_change=False):
    """The interface that a path names by id or name, with its node, or 404.

    Args:
        request: The call.
        to_change: Whether only who may change it gets it: an administrator, and of a device its
            owner.
    """
    node = permissions.node_of(request, lambda request, row: True, model="Interface")
    for nic in node["interfaces"]:
        if request.ids["id"] in (str(nic["id"]), nic["name"], f"name:{nic['name']}"):
            break
    else:
        raise Missing("Interface", request)
    test = permissions.may_view
    if to_change:
        is_device = node["node_type"] == nodes.DEVICE
        test = permissions.may_edit if is_device else permissions.may_admin
    if not test(request, node):
        raise Answer(403, b"", TEXT)
    return node, nic


def show(request, node, nic):
    """An interface as the API shows it."""
    return nodes.show_interface(request.region, node, nic)


@many("GET")
def list_interfaces(request):
    """List a node's interfaces."""
    node = permissions.node_of(request)
    return [show(request, node, nic) for nic in node["interfaces"]]


@one("GET")
def read_interface(request):
    """Read one interface."""
    return show(request, *interface_of(request))


# -- making ------------------------------------------------------------------------------------


@many("POST", "create_physical")
def create_physical(request):
    """Add a physical interface."""
    node = permissions.node_of(request, permissions.may_edit)
    refuse_controller(node, "create")
    if node["node_type"] == machines.MACHINE and not permissions.may_read_secrets(request, node):
        raise Answer(403, b"", TEXT)
    refuse_status(node, "create")
    return show(request, node, interface_forms.InterfaceForm(request, node, "physical").run())


def _create(request, kind, label, sent=None):
    node = permissions.node_of(request, permissions.may_admin, ("machines",), "Machine")
    refuse_status(node, f"create {label}")
    return node, interface_forms.InterfaceForm(request, node, kind, sent=sent)


def _with_parent(request):
    """The form with its ``parent`` as ``parents``."""
    sent = Form(request.form)
    if "parent" in sent:
        sent["parents"] = [sent.get("parent")]
    return sent


def _of_parent(function, *args):
    """Call a function; errors of ``parents`` are those of ``parent``."""
    try:
        return function(*args)
    except Invalid as invalid:
        errors = dict(invalid.errors)
        if "parents" in errors:
            errors["parent"] = errors.pop("parents")
        raise Invalid(errors, invalid.response.content_type) from None


@many("POST", "create_bond")
def create_bond(request):
    """Make a bond of interfaces of one VLAN."""
    node, form = _create(request, "bond", "bond")
    return show(request, node, form.run())


@many("POST", "create_vlan")
def create_vlan(request):
    """Make an interface for a tagged VLAN."""
    node, form = _create(request, "vlan", "VLAN", _with_parent(request))
    return show(request, node, _of_parent(form.run))


@many("POST", "create_bridge", since="2.1")
def create_bridge(request):
    """Make a bridge on interfaces; one of an allocated machine goes at its release."""
    sent = _with_parent(request)
    node, form = _create(request, "bridge", "bridge", sent)
    if request.region.release >= "3.8" and {"parent", "parents"} <= request.form.keys():
        raise Answer(400, "Cannot specify both parent and parents fields.", TEXT)
    acquired = node["status"] == machines.ALLOCATED
    if acquired:
        sent.pop("vlan", None)
    parents = [str(value) for value in sent.getlist("parents")]
    kept = [(nic, nic["links"]) for nic in node["interfaces"] if str(nic["id"]) in parents]
    nic = _of_parent(form.run)
    if acquired:
        nic["acquired"] = True
        for parent, before in kept:
            parent["links"], nic["links"] = [], [*before, *nic["links"]]
            machines.set_links(request.region, node, parent)
        links.ensure_up(request.region, node, nic)
        machines.set_links(request.region, node, nic)
    return show(request, node, nic)


# -- changing ----------------------------------------------------------------------------------


@one("PUT")
def update_interface(request):
    """Change an interface; of a deployed machine's or a controller's only some of it."""
    node, nic = interface_of(request, to_change=True)
    refuse_status(node, "update interface", machines.DEPLOYED)
    kind = nic.get("type", "physical")
    if node["node_type"] > nodes.DEVICE:
        if kind == "vlan":
            raise Answer(403, "Cannot modify VLAN interface on controller.", TEXT)
        interface_forms.changed_of_controller(request, nic)
    elif node.get("status") == machines.DEPLOYED:
        interface_forms.changed_when_deployed(request, node, nic)
    elif kind == "vlan":
        sent = _with_parent(request)
        _of_parent(interface_forms.InterfaceForm(request, node, kind, nic, sent).run)
    else:
        interface_forms.InterfaceForm(request, node, kind, nic).run()
    return show(request, node, nic)


@one("DELETE")
def delete_interface(request):
    """Delete an interface, with those that were made of it alone."""
    node, nic = interface_of(request, to_change=True)
    refuse_controller(node, "delete interface")
    refuse_status(node, "delete interface")
    links.delete(request.region, node, nic)
    return no_content()
