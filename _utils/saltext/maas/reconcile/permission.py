"""Whether the API key's user may change what a plan changes."""

from __future__ import annotations

from saltext.maas.errors import Forbidden, MaasError
from saltext.maas.reconcile.plan import Plan
from saltext.maas.reconcile.snapshot import Snapshot

_MESSAGE = (
    "the API key is that of an ordinary user{name}, and MAAS lets only administrators change "
    "this; put an administrator's API key into the profile"
)


def refuse_ordinary_user(snapshot: Snapshot, plan: Plan | None = None) -> None:
    """Refuse a plan that needs an administrator, where the API's user is none.

    Asks the region once in a state run, and only for a plan that changes something.

    Args:
        snapshot: The region.
        plan: What is to be changed; None where the region refused to be read.

    Raises:
        Forbidden: In one message for all changes.
    """
    if snapshot.client is None:
        return
    if plan is not None and all(
        change.problem or snapshot.tables[change.desired.type].personal for change in plan.changes
    ):
        return
    if "ordinary user" not in snapshot.facts:
        snapshot.facts["ordinary user"] = _ordinary_user(snapshot)
    user = snapshot.facts["ordinary user"]
    if user is not None:
        raise Forbidden(_MESSAGE.format(name=user and f" ({user})"), 403)


def _ordinary_user(snapshot):
    """The name of the API's user where it is no administrator, empty if unknown; else None."""
    try:
        if snapshot.release >= "2.0":
            found = snapshot.client.get("users/", op="whoami", expect=dict)
            return found.get("username") or "" if found.get("is_superuser") is False else None
        # 1.x lets administrators alone read its settings.
        snapshot.records("setting", "maas_name")
    except Forbidden:
        return ""
    except MaasError:
        return None  # the first change will say so
    return None
