"""The machines of one or several regions, as the master lists them."""

from __future__ import annotations

import sys
from typing import Any

from saltext.maas import master, schemas
from saltext.maas.client import Client
from saltext.maas.errors import MaasError
from saltext.maas.fleet.core import Progress
from saltext.maas.machines import view


def machines(
    opts: dict,
    profile: str | dict | list | None,
    filters: dict,
    columns: list | str | None = None,
    counts: bool = False,
    watch: float | None = None,
    timeout: float = 3600,
    person: bool = False,
) -> tuple[Any, str]:
    """Read machines; the arguments are those of the runner ``maas.machines``.

    Args:
        opts: Salt's configuration.
        profile: One profile, or a list of them.
        filters: What machines must have; None for any.
        columns: What to return of each.
        counts: Whether only the numbers are wanted.
        watch: Seconds between two readings; None for one reading.
        timeout: How long to watch, in seconds.
        person: Whether progress is shown on standard error.

    Returns:
        Rows, or numbers by status; and the same as text.

    Raises:
        BadInput: An argument is wrong.
        MaasError: A region cannot be asked, or MAAS is still at work when the time is up.
    """
    several = isinstance(profile, list)
    names = view.chosen(columns, ("region",) if several else ())
    for name, value in (("watch", watch), ("timeout", timeout)):
        if value is not None:
            schemas.check(value, schemas.seconds(""), name)
    clients = {}
    for one in profile if isinstance(profile, list) else [profile]:
        reach = master.profile(opts, one)
        clients[one if isinstance(one, str) else reach.url] = Client(reach)

    def read():
        found = []
        for name, client in clients.items():
            try:
                rows = view.rows(client, **filters)
            except MaasError as error:
                if several:
                    error.args = (f"profile {name}: {error}", *error.args[1:])
                raise
            found += [{"region": name, **row} for row in rows] if several else rows
        return found

    if watch is None:
        found = read()
    else:
        progress = Progress(sys.stderr if person else None)
        try:
            found = view.watch(read, float(watch), float(timeout), progress.show)
        finally:
            progress.end()
    if counts:
        return view.counts(found), view.counts_text(found) or "no machines"
    text = view.as_table(found, names)
    if columns is not None:
        found = [{name: row[name] for name in names} for row in found]
    return found, text
