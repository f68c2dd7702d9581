"""Desired against actual: snapshot, plan, apply."""

from saltext.maas.reconcile.ahead import snapshot_of
from saltext.maas.reconcile.apply import apply
from saltext.maas.reconcile.desired import Desired, desired_named, desired_object
from saltext.maas.reconcile.permission import refuse_ordinary_user
from saltext.maas.reconcile.plan import Change, Plan, make_plan
from saltext.maas.reconcile.prune import Guard, Unmanaged, prunable, prune, unmanaged
from saltext.maas.reconcile.references import desired_for
from saltext.maas.reconcile.run import Limits
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.reconcile.unexpected import log_unexpected, naming

__all__ = [
    "Change",
    "Desired",
    "Guard",
    "Limits",
    "Plan",
    "Snapshot",
    "Unmanaged",
    "apply",
    "desired_for",
    "desired_named",
    "desired_object",
    "log_unexpected",
    "make_plan",
    "naming",
    "prunable",
    "prune",
    "refuse_ordinary_user",
    "snapshot_of",
    "unmanaged",
]
