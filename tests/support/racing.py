"""A second client that acts between any two requests of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from saltext.maas import region_plan
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Snapshot, apply
from support.misbehaving import Proxy
from support.reconciling import SHORT


@dataclass
class Report:
    """What a run says.

    Attributes:
        done: The changes that it made, as a state shows them.
        taken_over: ``(type, label)`` of what it says another client created, or may have: MAAS 1.x
            answers 500 to the second creation of some.
        errors: Why changes failed, by their names.
        requests: Its requests in order, such as ``DELETE zones/south/``.
    """

    done: dict
    taken_over: set
    errors: dict
    requests: list = field(default_factory=list)


def run(url: str, key: str, described: dict) -> Report:
    """Apply a pillar, one request after the other."""
    snapshot = Snapshot(Client(Profile(url, key, concurrency=1)))
    plan = region_plan.plan_of(snapshot, described)
    apply(snapshot, plan, SHORT)
    return Report(
        plan.shown(done_only=True),
        {
            (one.desired.type, one.desired.label)
            for one in plan.changes
            if one.taken_over or one.in_doubt
        },
        {one.name: one.error for one in plan.changes if not one.done},
    )


def at_boundary(server, described: dict, at: int, other: Callable[[], object]) -> tuple:
    """Apply a pillar, and let another client act before the run's request number ``at``.

    It acts after the run if that has fewer requests.

    Returns:
        The run's report, and what the other client returned.
    """
    requests: list = []
    result: list = []

    def before(method, target, body):
        if len(requests) == at:
            result.append(other())
        requests.append(f"{method} {target.partition('.0/')[2]}")
        return body

    with Proxy(server, before=before) as proxy:
        report = run(proxy.url, server.api_key, described)
    report.requests = requests
    return report, result[0] if result else other()


def boundaries(new_region: Callable, race: Callable, step: int = 1) -> Iterator[tuple]:
    """Race at every boundary of a run, or at each ``step``-th, on a region of its own.

    Args:
        new_region: Makes a region.
        race: Called with region and boundary; returns what :func:`at_boundary` does.
        step: Distance of the boundaries.

    Yields:
        ``(boundary, region, report, what the other client returned)``.
    """
    at, length = 0, 1
    while at < length + step:
        server = new_region()
        try:
            report, other = race(server, at)
            yield at, server, report, other
        finally:
            server.stop()
        length = len(report.requests)
        at += step
