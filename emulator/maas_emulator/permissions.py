"""Who may do what with machines, devices and controllers."""

from __future__ import annotations

from maas_emulator import nodes
from maas_emulator.web import TEXT, Answer, Missing

MACHINE = 0


def _mine(request, node):
    return node.get("owner") in (None, request.user.username)


def may_view(request, node):
    """Whether its user sees a node: machines of others are hidden from all but administrators."""
    if node["node_type"] != MACHINE or _mine(request, node):
        return True
    return request.may("can_view_machines", node.get("pool"))


def _may_take(request, node):
    """Whether its user may work with a node of whomever.

    From 3.8 on that goes by the pool of a machine; as a device has none, nobody may.
    """
    of_pool = node["node_type"] == MACHINE or request.region.release < "3.8"
    return _mine(request, node) or (of_pool and may_read_secrets(request, node))


def may_edit(request, node):
    """Whether its user may work with a node: its owner, anyone where nobody has it."""
    return _may_take(request, node) and not node.get("locked")


def may_lock(request, node):
    """Whether its user may lock and unlock a node."""
    return _may_take(request, node) and node["node_type"] == MACHINE


def may_admin(request, node):
    """Whether its user may change a node."""
    return may_read_secrets(request, node) and not node.get("locked")


def may_read_secrets(request, node):
    """Whether its user may read what only administrators may."""
    return request.may("can_edit_machines", node.get("pool"))


def node_of(request, test=may_view, kinds=nodes.KINDS, model="Node"):
    """The node that a path is about.

    Args:
        request: The call.
        test: What its user must be allowed to, a function of this module.
        kinds: Tables that it may be in.
        model: What a 404 calls it.

    Raises:
        Missing: There is none.
        Answer: 403 with an empty body.
    """
    ident = request.ids["system_id"]
    for kind in kinds:
        for node in request.region.rows(kind).of(ident):
            if not test(request, node):
                raise Answer(403, b"", TEXT)
            return node
    raise Missing(model, request)


def visible(request, kind):
    """The nodes of a table that a user sees in a list, oldest first.

    Others than administrators see no controllers there, and only what is theirs or nobody's, from
    3.8 on of machines only where they may see what is available.
    """
    region, rows, user = request.region, request.region.rows(kind).values(), request.user
    if region.release >= "3.8":
        return [row for row in rows if _is_visible_3_8(request, kind, row)]
    if user.is_superuser:
        return list(rows)
    if kind in ("racks", "regions"):
        return []
    return [row for row in rows if _mine(request, row)]


def _is_visible_3_8(request, kind, row):
    if kind in ("racks", "regions"):
        return request.may("can_view_controllers")
    if kind == "devices":
        return row.get("owner") == request.user.username or request.may("can_view_devices")
    pool = row.get("pool")
    if request.may("can_view_machines", pool):
        return True
    return _mine(request, row) and request.may("can_view_available_machines", pool)
