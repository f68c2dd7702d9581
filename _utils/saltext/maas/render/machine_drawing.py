"""Draw a machine's interfaces and disks as SVG: as they are on the left, as they will be right."""

from __future__ import annotations

from saltext.maas.render.drawing import FILLS, INK, PALE, SIGNS, Paper, ink_of
from saltext.maas.render.machines import Part, Picture, unchanged

#: What devices are used for, and the colour of each use.
USES = {
    "fs": ("file system", "#54aeff"), "swap": ("swap", "#a475f9"), "raid": ("in a RAID", "#2da8a0"),
    "lvm": ("in a volume group", "#d4a72c"), "bcache": ("in a bcache", "#e377a2"),
    "": ("not used", "#d0d7de"),
}  # fmt: skip
_WORDS = {"create": "new", "update": "changed", "delete": "removed", "": ""}

_MARGIN, _COLUMN, _BETWEEN = 16, 586, 36
_SIDES = (_MARGIN, _MARGIN + _COLUMN + _BETWEEN)
_WIDTH = _SIDES[1] + _COLUMN + _MARGIN
_NIC_GAP, _NIC_WIDEST = 20, 210
_LINE, _ROW = 14, 21


def draw_machine(picture: Picture) -> str:
    """Draw the interfaces and disks of a machine that change, before and after.

    Args:
        picture: What is drawn.

    Returns:
        An ``svg`` element. All names are text in it.
    """
    import drawsvg

    paper = Paper(drawsvg)
    y = 24.0
    now = "Now" if picture.action == "update" else "Now: not in MAAS yet"
    for x, title in zip(_SIDES, (now, "Then")):
        paper.text(title, x, y, 15, PALE, True)
    y += 16
    sections = (("Interfaces", picture.interfaces, _interfaces), ("Disks", picture.storage, _disks))
    for title, sides, draw in sections:
        if not (sides[0] or sides[1]):
            continue
        paper.text(title, _SIDES[0], y + 12, 12, PALE)
        paper.text(title, _SIDES[1], y + 12, 12, PALE)
        changed = {part.name for side in sides for part in side if part.changes()}
        y = max(draw(paper, parts, x, y + 22, changed) for x, parts in zip(_SIDES, sides)) + 12
    middle = _SIDES[1] - _BETWEEN / 2
    paper.line(middle, 12, middle, y - 8)
    drawing = drawsvg.Drawing(_WIDTH, y)
    for one in paper.elements:
        drawing.append(one)
    return drawing.as_svg(header="")


# Interfaces


def _interfaces(paper, nics: list[Part], x, y, _changed) -> float:
    """Interfaces from left to right, each right of those that it is on; returns where they end."""
    if not nics:
        return y
    by_name = {nic.name: nic for nic in nics}
    levels: dict[str, int] = {}
    for nic in nics:  # each comes after those that it is on
        levels[nic.name] = 1 + max((levels.get(one, -1) for one in nic.on), default=-1)
    count = max(levels.values()) + 1
    width = min(_NIC_WIDEST, (_COLUMN - _NIC_GAP * (count - 1)) / count)
    middles: dict[str, float] = {}
    ends = [y] * count
    for nic in sorted(nics, key=lambda nic: levels[nic.name]):
        level, height = levels[nic.name], 28 + _LINE * (len(nic.facts) + bool(nic.action))
        below = [middles[one] for one in nic.on if one in middles]
        top = max(ends[level], sum(below) / len(below) - height / 2 if below else y)
        left = x + level * (width + _NIC_GAP)
        middles[nic.name] = top + height / 2
        ends[level] = top + height + 10
        for one in nic.on:
            if one in middles:
                start = x + levels[one] * (width + _NIC_GAP) + width
                colour = ink_of(nic.action or by_name[one].action, "#8c959f")
                paper.curve(start, middles[one], left, middles[nic.name], colour,
                            nic.action == "delete", (_NIC_GAP / 2, -_NIC_GAP / 2))  # fmt: skip
        _interface(paper, nic, left, top, width, height)
    return max(ends)


def _interface(paper, nic, x, y, width, height):
    paper.box(x, y, width, height, nic.action, ", ".join([nic.name, *nic.facts]))
    name = f"{SIGNS[nic.action]}{nic.name}"
    paper.text(name, x + 9, y + 17, 13, ink_of(nic.action, INK), True, width - 14)
    words = [_WORDS[nic.action]] if nic.action else []
    for number, fact in enumerate([*words, *nic.facts]):
        colour = ink_of(nic.action, PALE) if words and not number else PALE
        size = 11 if width > 140 else 10
        paper.text(fact, x + 9, y + 33 + _LINE * number, size, colour, room=width - 14)


# Disks


def _disks(paper, parts: list[Part], x, y, names) -> float:
    """Disks and what is made of them, each with a bar in proportion; returns where they end."""
    shown = [part for part in parts if part.name in names]
    for part in shown:
        y = _disk(paper, part, x, y) + 10
    if len(parts) > len(shown):
        paper.text(unchanged(len(parts) - len(shown)), x, y + 8, 11, PALE)
        y += 16
    return y


def _disk(paper, part, x, y):
    word = _word(part)
    paper.text(f"{SIGNS[part.action]}{part.name}", x, y + 12, 13, _colour(part, INK), True, 110)
    used = part.use and part.inside == []
    facts = ", ".join(part.facts)
    room = _COLUMN - 118 - 7 * len(word)
    paper.text(facts, x + 112, y + 12, 11, PALE, room=0.95 * room)
    if word:
        paper.text(word, x + _COLUMN, y + 12, 11, _colour(part, PALE), True, end=True)
    y += 18
    if not part.size:
        return y
    paper.box(x, y, _COLUMN, 14, "" if used else part.action, f"{part.name}: {facts}", "#eaeef2",
              ink_of(part.action, "#d0d7de"), 1)  # fmt: skip
    if used:
        paper.span(x, y, _COLUMN, 14, USES[part.use][1], _action(part), f"{part.name}: {facts}")
    start = 0.0
    for one in part.inside:
        share = one.size / part.size * _COLUMN
        width = max(3.0, share - 1)
        left = min(x + start, x + _COLUMN - width)
        title = f"{one.name}: {', '.join(one.facts)}"
        paper.span(left, y, width, 14, USES[one.use][1], _action(one), title)
        start += share
    y += 18
    for one in part.inside:
        _row(paper, one, x, y)
        y += _ROW
    return y


def _row(paper, part, x, y):
    word = _word(part)
    if part.action or part.lost:
        paper.box(x, y, _COLUMN, _ROW - 3, fill=FILLS[_action(part)], stroke=FILLS[_action(part)])
    paper.span(x + 8, y + 4, 10, 10, USES[part.use][1], "", USES[part.use][0])
    name = f"{SIGNS[part.action]}{part.name}"
    paper.text(name, x + 26, y + 13, 12, _colour(part, INK), bool(part.action), 150)
    size, *rest = part.facts
    paper.text(size, x + 182, y + 13, 11, PALE, room=70)
    paper.text(", ".join(rest) or "not used", x + 254, y + 13, 11, INK if rest else PALE,
               room=_COLUMN - 262 - 7 * len(word))  # fmt: skip
    if word:
        paper.text(word, x + _COLUMN - 8, y + 13, 11, _colour(part, PALE), True, end=True)


def _word(part):
    return "data is lost" if part.lost else _WORDS[part.action]


def _action(part):
    return "delete" if part.lost else part.action


def _colour(part, default):
    return ink_of(_action(part), default)
