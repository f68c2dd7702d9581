"""Draw the plots of docs/performance.md: python bench/plots.py [ROWS [FOLDER]]

ROWS is what ``bench/compare.py --keep`` has written.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import common

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 560, 320, 60, 36, 120, 44
COLOURS = {"ours": "#1f6fb2", "bare": "#777777", "libmaas": "#c0562b"}
NAMES = {"ours": "saltext.maas", "bare": "bare client", "libmaas": "python-libmaas"}


def chart(title: str, across: str, series: dict[str, list[tuple[float, float]]]) -> str:
    """Return an SVG with both axes logarithmic.

    Args:
        title: What it shows, with the unit.
        across: What the horizontal axis is.
        series: ``{client: [(x, y), ...]}``.
    """
    points = [point for some in series.values() for point in some]
    low_x, high_x = _decades([x for x, _ in points])
    low_y, high_y = _decades([y for _, y in points])

    def at(x, y):
        along = (math.log10(x) - low_x) / (high_x - low_x)
        up = (math.log10(y) - low_y) / (high_y - low_y)
        return (round(LEFT + along * (WIDTH - LEFT - RIGHT), 1),
                round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1))  # fmt: skip

    parts = [_text(LEFT, 20, title, "start", "bold")]
    for power in range(low_x, high_x + 1):
        x, bottom = at(10**power, 10**low_y)
        parts.append(_line(x, bottom, x, TOP, "#dddddd"))
        parts.append(_text(x, bottom + 16, f"{10**power:,g}", "middle"))
    for power in range(low_y, high_y + 1):
        left, y = at(10**low_x, 10**power)
        parts.append(_line(left, y, WIDTH - RIGHT, y, "#dddddd"))
        parts.append(_text(left - 6, y + 4, f"{10**power:,g}", "end"))
    parts.append(_text((WIDTH + LEFT - RIGHT) / 2, HEIGHT - 8, across, "middle"))
    for name, some in series.items():
        places = [at(*point) for point in sorted(some)]
        path = " ".join(f"{x},{y}" for x, y in places)
        colour = COLOURS[name]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(
            _text(places[-1][0] + 8, places[-1][1] + 4, NAMES[name], "start", colour=colour)
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )  # fmt: skip


def _decades(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _line(x, y, to_x, to_y, colour):
    return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="{colour}"/>'


def _text(x, y, text, anchor, weight="normal", colour="#333333"):
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{colour}">{text}</text>')  # fmt: skip


def main(rows: str = "", folder: str = "") -> None:
    source = Path(rows or Path(__file__).with_name("results.jsonl"))
    found = [json.loads(line) for line in source.read_text().splitlines()]
    one = [row for row in found if row["profiles"] == 1]

    def series(run, across, up, **fixed):
        found: dict = {}
        for row in one:
            if row["run"] == run and all(row[key] == value for key, value in fixed.items()):
                found.setdefault(row["client"], []).append((row[across], row[up]))
        return found

    plots = {
        "noop-cpu": ("Nothing to change: CPU time, ms", "objects",
                     series("noop", "objects", "CPU ms", **{"delay ms": 0})),
        "noop-delay": ("Nothing to change, 1,000 objects: wall time, s", "ms for each request",
                       {name: [point for point in some if point[0]] for name, some in series(
                           "noop", "delay ms", "without imports: wall s", objects=1000).items()}),
        "apply-cpu": ("Everything to create: CPU time, ms", "objects",
                      series("apply", "objects", "CPU ms", **{"delay ms": 0})),
    }  # fmt: skip
    for name, plot in plots.items():
        if min(map(len, plot[2].values()), default=0) < 2:
            continue  # a line takes two points
        path = Path(folder or common.ROOT / "docs") / f"performance-{name}.svg"
        path.write_text(chart(*plot))


if __name__ == "__main__":
    main(*sys.argv[1:])
