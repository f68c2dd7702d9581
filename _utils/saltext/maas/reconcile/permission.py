"""Whether the API key's user may change what a plan changes."""

from __future__ import annotations

from saltext.maas.errors import Forbidden, MaasError
from saltext.maas.reconcile.plan import Plan
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.resources.user_groups import rights

_MESSAGE = (
    "the API key is that of an ordinary user{name}, and MAAS lets only administrators change "
    "this; put an administrator's API key into the profile"
)
_MISSING = (
    "the user of the API key ({name}) lacks {rights}, which this run needs; give it to one of its "
    "user groups, or put another user's API key into the profile"
)


def refuse_ordinary_user(snapshot: Snapshot, plan: Plan | None = None) -> None:
    """Refuse a plan that the API's user is not allowed to carry out.

    Asks the region once in a state run, and only for a plan that changes something.  From 3.8 on
    an ordinary user may have what is needed through its groups, which are read if it may.

    Args:
        snapshot: The region.
        plan: What is to be changed; None where the region refused to be read.

    Raises:
        Forbidden: In one message for all changes.
    """
    if snapshot.client is None:
        return
    needed = None if plan is None else _needed(snapshot, plan)
    if needed == set():
        return
    if "ordinary user" not in snapshot.facts:
        snapshot.facts["ordinary user"] = _ordinary_user(snapshot)
    user = snapshot.facts["ordinary user"]
    if user is None:
        return
    if "user_group" not in snapshot.tables:
        raise Forbidden(_MESSAGE.format(name=user and f" ({user})"), 403)
    missing = needed and needed - _rights(snapshot, user, needed)
    if missing:
        raise Forbidden(_MISSING.format(name=user, rights=", ".join(sorted(missing))), 403)


def _needed(snapshot, plan):
    """The entitlements that a plan's changes take, of which some users have none of their own."""
    tables = [snapshot.tables[one.desired.type] for one in plan.changes if not one.problem]
    return {table.permission for table in tables if not table.personal}


def _rights(snapshot, user, needed):
    """What a user may do; all that is needed where it may not see that itself."""
    try:
        return rights(snapshot, user)
    except MaasError:
        return needed  # the first change will say so


def _ordinary_user(snapshot):
    """The name of the API's user where it is no administrator, empty if unknown; else None."""
    try:
        if snapshot.release >= "2.0":
            found = snapshot.whoami()
            return found["username"] if found.get("is_superuser") is False else None
        # 1.x lets administrators alone read its settings.
        snapshot.records("setting", "maas_name")
    except Forbidden:
        return ""
    except MaasError:
        return None  # the first change will say so
    return None
