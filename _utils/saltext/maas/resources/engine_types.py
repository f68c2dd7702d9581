"""The engine's classes that hooks are given, for annotations alone: tables import no engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltext.maas.client.session import Client
    from saltext.maas.reconcile.desired import Desired, DesiredObjects
    from saltext.maas.reconcile.order import Changes
    from saltext.maas.reconcile.plan import Change
    from saltext.maas.reconcile.predicted import Predicted
    from saltext.maas.reconcile.run import Run
    from saltext.maas.reconcile.snapshot import Snapshot
else:
    Client = Change = Changes = Desired = DesiredObjects = Predicted = Run = Snapshot = Any

#: What :meth:`Table.occupied_ranges` yields: ``(group, low, high)``.
Ranges = Iterator[tuple[str, int, int]]

__all__ = [
    "Change", "Changes", "Client", "Desired", "DesiredObjects", "Predicted", "Ranges", "Run",
    "Snapshot",
]  # fmt: skip
