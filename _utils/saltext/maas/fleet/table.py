"""The status of a fleet as a table for a terminal, no wider than 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from saltext.maas.render.text import clean

WIDTH = 100
#: What is longer than its column ends in two dots.
_COLUMNS = (
    "minion", "cluster", "release", "state", "DHCP", "images", "minion is", "onboarding"
)  # fmt: skip
#: What a region host has not.
_CLUSTERS_ONLY = ("DHCP", "images", "onboarding")
_GAP = "  "


def as_table(rows: list[dict]) -> str:
    """Write the rows of :func:`saltext.maas.fleet.overview.status`.

    Returns:
        A part for each region; messages stand below the row that they are of.
    """
    lines: list[str] = []
    for region in dict.fromkeys(row["region"] for row in rows):
        lines += ["", f"Region {clean(region)}"]
        for role in dict.fromkeys(row["role"] for row in rows):
            own = [row for row in rows if (row["region"], row["role"]) == (region, role)]
            lines += [*(["", "Region hosts"] if role == "region" else ()), *_part(own)]
    return "\n".join(lines[1:])


def _part(rows) -> Iterator[str]:
    if not rows:
        return
    cells = [_cells(row) for row in rows]
    # A cluster's name tells something where it is another one than its minion's.
    cluster = any(row["cluster"] for row in cells)
    hosts = rows[0]["role"] == "region"
    names = [
        one for one in _COLUMNS
        if (one != "cluster" or cluster) and not (hosts and one in _CLUSTERS_ONLY)
    ]  # fmt: skip
    widths = {name: max(len(name), *(len(one[name]) for one in cells)) for name in names}
    while sum(widths.values()) + len(_GAP) * (len(widths) - 1) > WIDTH:
        widths[max(widths, key=lambda name: widths[name])] -= 1
    yield _line({name: name for name in widths}, widths)
    for row, one in zip(rows, cells):
        if any(one.values()):
            yield _line(one, widths)
        yield from textwrap.wrap(
            clean(row["message"].replace("\n", " ")), WIDTH, initial_indent=_GAP,
            subsequent_indent=_GAP, break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _cells(row):
    served = row["DHCP"].split(", ") if row["DHCP"] else []
    more = f" +{len(served) - 1}" if len(served) > 1 else ""
    cluster, seen = row["cluster"] or "", row["last seen"]
    own = cluster.partition(".")[0] != row["minion"].partition(".")[0]
    texts = {
        "minion": row["minion"],
        "cluster": cluster if own else "",
        "release": row["release"],
        "state": row["state"],
        "DHCP": served[0] + more if served else "",
        "images": {True: "in sync", False: "differ"}.get(row["images in sync"]),
        "minion is": {True: "up", False: f"down {seen[5:10]}" if seen else "down"}.get(
            row["minion answers"]
        ),
        "onboarding": row["onboarding"],
    }
    return {name: clean(text or "") for name, text in texts.items()}


def _line(cells, widths):
    return _GAP.join(_fitted(cells[name], width) for name, width in widths.items()).rstrip()


def _fitted(text, width):
    return (text if len(text) <= width else text[: width - 2] + "..").ljust(width)
