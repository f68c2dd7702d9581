"""Desired against actual: snapshot, plan, apply."""

from saltext.maas.reconcile.apply import Limits, apply
from saltext.maas.reconcile.permission import refuse_ordinary_user
from saltext.maas.reconcile.plan import Change, Plan, make_plan
from saltext.maas.reconcile.prune import Guard, Unmanaged, prunable, prune, unmanaged
from saltext.maas.reconcile.references import wished_for
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.reconcile.unexpected import noted, understood
from saltext.maas.reconcile.wanted import Wanted, want, want_named

__all__ = [
    "Change",
    "Guard",
    "Limits",
    "Plan",
    "Snapshot",
    "Unmanaged",
    "Wanted",
    "apply",
    "make_plan",
    "noted",
    "prunable",
    "prune",
    "refuse_ordinary_user",
    "understood",
    "unmanaged",
    "want",
    "want_named",
    "wished_for",
]
