"""The status of a fleet as a table for a terminal, no wider than 100 columns."""

from __future__ import annotations

from saltext.maas.render.text import clean

WIDTH = 100
#: What is longer than its column ends in two dots.
_COLUMNS = (
    "minion", "cluster", "release", "state", "DHCP", "images", "minion is", "onboarding"
)  # fmt: skip
_GAP = "  "


def as_table(rows) -> str:
    """Write the rows of :func:`saltext.maas.fleet.overview.status`.

    Returns:
        A part for each region; messages stand below the row that they are of.
    """
    lines = []
    for region in dict.fromkeys(row["region"] for row in rows):
        own = [row for row in rows if row["region"] == region]
        lines += ["", f"Region {clean(region)}", *_part(own)]
    return "\n".join(lines[1:])


def _part(rows):
    cells = [_cells(row) for row in rows]
    # A cluster's name tells something where it is another one than its minion's.
    names = [one for one in _COLUMNS if one != "cluster" or any(map(_own_name, rows))]
    widths = {name: max(len(name), *(len(one[name]) for one in cells)) for name in names}
    while sum(widths.values()) + len(_GAP) * (len(widths) - 1) > WIDTH:
        widths[max(widths, key=widths.get)] -= 1
    yield _line({name: name for name in widths}, widths)
    for row, one in zip(rows, cells):
        if any(one.values()):
            yield _line(one, widths)
        if row["message"]:
            yield from _message(row["message"])


def _own_name(row):
    cluster = row["cluster"] or ""
    return bool(cluster) and cluster.partition(".")[0] != row["minion"].partition(".")[0]


def _cells(row):
    served = (row["DHCP"] or "").split(", ") if row["DHCP"] else []
    return {
        "minion": clean(row["minion"]),
        "cluster": clean(row["cluster"] or "") if _own_name(row) else "",
        "release": clean(row["release"] or ""),
        "state": clean(row["state"] or ""),
        "DHCP": clean(served[0]) + (f" +{len(served) - 1}" if len(served) > 1 else "")
        if served
        else "",
        "images": {True: "in sync", False: "differ"}.get(row["images in sync"], ""),
        "minion is": {True: "up", False: _down(row)}.get(row["minion answers"], ""),
        "onboarding": clean(row["onboarding"] or ""),
    }


def _down(row):
    seen = row["last seen"]
    return f"down {seen[5:10]}" if seen else "down"


def _line(cells, widths):
    return _GAP.join(_fitted(cells[name], width) for name, width in widths.items()).rstrip()


def _fitted(text, width):
    return (text if len(text) <= width else text[: width - 2] + "..").ljust(width)


def _message(text):
    """A message in as many lines as it needs."""
    line = " "
    for word in clean(text.replace("\n", " ")).split():
        if len(line) + 1 + len(word) > WIDTH and line.strip():
            yield line
            line = " "
        line += f" {word}"
    yield line
