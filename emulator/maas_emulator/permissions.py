"""Who may do what with machines, devices and controllers."""

from __future__ import annotations

from maas_emulator import nodes
from maas_emulator.web import TEXT, Answer, Missing

MACHINE = 0


def may_view(user, node):
    """Whether a user sees a node: machines of others are hidden from all but administrators."""
    if node["node_type"] != MACHINE:
        return True
    return node.get("owner") in (None, user.username) or user.is_superuser


def may_edit(user, node):
    """Whether a user may work with a node: its owner, anyone where nobody has it."""
    mine = node.get("owner") in (None, user.username) or user.is_superuser
    return mine and not node.get("locked")


def may_lock(user, node):
    """Whether a user may lock and unlock a node."""
    mine = node.get("owner") in (None, user.username) or user.is_superuser
    return mine and node["node_type"] == MACHINE


def may_admin(user, node):
    """Whether a user may change a node."""
    return user.is_superuser and not node.get("locked")


def may_read_secrets(user, node):
    """Whether a user may read what only administrators may."""
    return user.is_superuser


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
        for node in request.region.rows(kind).values():
            if node["system_id"] == ident:
                if not test(request.user, node):
                    raise Answer(403, b"", TEXT)
                return node
    raise Missing(model, request)


def visible(request, kind):
    """The nodes of a table that a user sees in a list, oldest first.

    Others than administrators see no controllers there, and only what is theirs or nobody's.
    """
    rows, user = request.region.rows(kind).values(), request.user
    if user.is_superuser:
        return list(rows)
    if kind in ("racks", "regions"):
        return []
    return [row for row in rows if row.get("owner") in (None, user.username)]
