"""Read collections while the region is asked for its release, which saves a round of requests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from saltext.maas.checked import Checked
from saltext.maas.client import Client
from saltext.maas.errors import MaasError
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.release import SERIES, Release


def snapshot_of(client: Client, types: Iterable[str], checked: Checked, **options: Any) -> Snapshot:
    """Return a region with some types read already, where its release line is remembered.

    If its release is another one now, what was read is dropped.

    Args:
        client: The region's client.  It sends its key at once only to where a region was before.
        types: Resource types that will be needed; those that are read in parts are left out.
        checked: What this minion remembers.
        options: Of the :class:`Snapshot`, beside these.

    Raises:
        MaasError: The region does not say its release.
    """
    url = client.profile.url
    lines = [line for line in SERIES if Release(line).api == "2.0"]
    latest = checked.latest([("release", url, line) for line in lines])
    snapshot = _read_ahead(client, Release(latest[-1]), types, options) if latest else None
    if snapshot is None:
        checked.note("release", url, client.release.series)
        snapshot = Snapshot(client, **options)
    snapshot.checked = checked
    return snapshot


def _read_ahead(client, expected, types, options):
    with client.expecting(expected):
        snapshot = Snapshot(client, **options)

        def read(name):
            if not name:
                return client.ask_release()
            with contextlib.suppress(MaasError):  # which is told where it is needed
                snapshot.records(name)

        tables = [snapshot.tables[name] for name in types if name in snapshot.tables]
        names = [one.name for one in tables if not one.within and not one.by_key]
        release, *_ = client.each(read, ["", *names])
    if release.series != expected.series:
        return None
    snapshot.release = release
    return snapshot
