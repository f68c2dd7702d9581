"""Desired against actual: snapshot, plan, apply."""

from saltext.maas.reconcile.apply import Limits, apply
from saltext.maas.reconcile.plan import (
    Change,
    Plan,
    Wanted,
    make_plan,
    want,
    want_named,
    wished_for,
)
from saltext.maas.reconcile.snapshot import Snapshot

__all__ = [
    "Change",
    "Limits",
    "Plan",
    "Snapshot",
    "Wanted",
    "apply",
    "make_plan",
    "want",
    "want_named",
    "wished_for",
]
