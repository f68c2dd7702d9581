"""Entitlements of users through their groups, from 3.8 on.

A group has entitlements to the whole of MAAS (``("maas", 0, "can_edit_machines")``) or to a
resource pool (``("pool", 3, "can_deploy_machines")``); a user has those of its groups, and no
others, administrator or not.
"""

from __future__ import annotations

from maas_emulator.web import TEXT, Answer

#: First release that asks for entitlements.
SINCE = "3.8"

_MACHINES = ("can_edit_machines", "can_deploy_machines", "can_view_machines",
             "can_view_available_machines")  # fmt: skip
_PAIRS = ("global_entities", "controllers", "identities", "configurations", "notifications",
          "boot_entities", "license_keys")  # fmt: skip
_SYSTEM_USERS = ("maas-init-node", "MAAS")
#: Valid entitlements by the type of what they are to, as MAAS lists them.
ENTITLEMENTS = {
    "maas": (
        *_MACHINES,
        *(f"can_{what}_{pair}" for pair in _PAIRS for what in ("edit", "view")),
        "can_view_devices",
        "can_view_ipaddresses",
        "can_view_dnsrecords",
        "can_edit_operations",
        "can_view_operations",
    ),
    "pool": _MACHINES,
}

#: Entitlements that another one includes.
_IMPLIED = {
    "can_edit_machines": _MACHINES[1:],
    "can_view_machines": ("can_view_available_machines",),
    **{f"can_edit_{pair}": (f"can_view_{pair}",) for pair in _PAIRS},
}

_ADMINISTRATORS = (
    "can_edit_machines",
    *(f"can_edit_{pair}" for pair in _PAIRS),
    "can_view_devices",
    "can_view_ipaddresses",
    "can_view_dnsrecords",
    "can_view_operations",
    "can_edit_operations",
)
_USERS = ("can_deploy_machines", "can_view_available_machines", "can_view_global_entities")
#: (name, description, entitlements) of the groups that every region starts with.
DEFAULT_GROUPS = (
    ("Administrators", "Default administrators group", _ADMINISTRATORS),
    ("Users", "Default users group", _USERS),
)


def make_default_groups(region):
    """Give a region the groups of a new database."""
    for name, description, granted in DEFAULT_GROUPS:
        group = add_group(region, name, description)
        group["entitlements"] = [("maas", 0, entitlement) for entitlement in granted]


def add_group(region, name, description):
    """Store a group that has neither members nor entitlements."""
    row = {"name": name, "description": description, "members": set(), "entitlements": []}
    return region.rows("user_groups").add(row)


def sort_in(region, user):
    """Put a new user into the default group of its kind, if that is still there.

    MAAS's own accounts are in none, nor accounts that a login with an OIDC provider creates.
    """
    if user.username in _SYSTEM_USERS or user.provider is not None:
        return
    wanted = "Administrators" if user.is_superuser else "Users"
    for group in region.rows("user_groups").values():
        if group["name"] == wanted:
            group["members"].add(user.number)


def groups_of(region, user):
    """The groups that a user is in."""
    groups = region.rows("user_groups").values()
    return [group for group in groups if user.number in group["members"]]


def granted(region, user, pool=None):
    """What a user may do with the whole of MAAS, or with one pool.

    Args:
        region: The region.
        user: The user.
        pool: Id of a resource pool; what a user may do with all machines holds there, too.

    Returns:
        The set of its entitlements, with those that they include.

    Raises:
        Answer: 500, the service that knows them is down (``region.permissions_known``).
    """
    if not region.permissions_known:
        raise Answer(500, "[Errno 111] Connection refused", TEXT)
    found = set()
    for group in groups_of(region, user):
        for kind, ident, entitlement in group["entitlements"]:
            everywhere = kind == "maas" and (pool is None or entitlement in ENTITLEMENTS["pool"])
            if everywhere or (kind == "pool" and ident == pool):
                found.add(entitlement)
    return found.union(*(_IMPLIED.get(entitlement, ()) for entitlement in found))


def allowed(region, user, entitlement, pool=None):
    """Whether a user has an entitlement, to MAAS or to a pool."""
    return entitlement in granted(region, user, pool)


def guard(region, user, entitlement):
    """Refuse a user without an entitlement to MAAS.

    Raises:
        Answer: 403 that names the entitlement.
    """
    if not allowed(region, user, entitlement):
        text = (
            "User does not have permission to perform this operation."
            f" The user should have permission '{entitlement}'"
        )
        raise Answer(403, text, TEXT)
