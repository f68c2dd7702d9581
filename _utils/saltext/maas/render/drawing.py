"""Draw a network as SVG, with drawsvg."""

from __future__ import annotations

from saltext.maas.render.network import Network
from saltext.maas.render.text import clean

COLOURS = {"create": "#1a7f37", "update": "#b35900", "delete": "#cf222e", "": "#57606a"}
FILLS = {"create": "#e6f6ea", "update": "#fff3e0", "delete": "#ffebee", "": "#ffffff"}
_SPANS = {"dynamic": "#54aeff", "reserved": "#8c959f", "static": "#a475f9"}
SIGNS = {"create": "+ ", "update": "~ ", "delete": "\N{MINUS SIGN} ", "": ""}
INK, PALE = "#1f2328", "#57606a"
#: Colours where a reader prefers a dark page, by those of the light one.
DARK = {
    "#1a7f37": "#3fb950", "#b35900": "#e3a03a", "#cf222e": "#ff7b72", "#57606a": "#9198a1",
    "#e6f6ea": "#12261e", "#fff3e0": "#2e2211", "#ffebee": "#3c1618", "#ffffff": "#151b23",
    "#f6f8fa": "#0d1117", "#1f2328": "#e6edf3", "#eaeef2": "#262c36", "#d0d7de": "#3d444d",
    "#8c959f": "#6e7681",}  # fmt: skip
_FONT = "system-ui, sans-serif"

_RACK_X, _RACK_W, _RACK_H = 12, 168, 40
_GROUP_X, _GROUP_W = 290, 930
_WIRE_X, _WIRE_W = _GROUP_X + 14, _GROUP_W - 28
_NET_X = _WIRE_X + 330
_BAR_X, _BAR_W = _NET_X + 290, 262
_LINE = 34  # height of a subnet, and of a VLAN without one
_GAP = 14


def draw(network: Network) -> str:
    """Draw fabrics, VLANs, subnets, ranges and racks; what changes in colour.

    Args:
        network: What is drawn.

    Returns:
        An ``svg`` element.  All names are text in it.
    """
    import drawsvg

    paper = Paper(drawsvg)
    places: dict[str, float] = {}
    y = _GAP
    for group in network.groups:
        y = _group(paper, group, y, places) + _GAP
    bottom = _racks(paper, network, places)
    _relays(paper, network, places)
    drawing = drawsvg.Drawing(_GROUP_X + _GROUP_W + _GAP, max(y, bottom, 60))
    for one in paper.elements:
        drawing.append(one)
    return drawing.as_svg(header="")


def ink_of(action: str, default: str) -> str:
    """Return the colour of what has an action, and a default for what has none."""
    return COLOURS[action] if action else default


class Paper:
    """What is drawn, and how."""

    def __init__(self, drawsvg):
        self._svg = drawsvg
        self.elements = []

    def box(self, x, y, width, height, action="", title="", fill=None, stroke=None, thick=None):
        thick = thick or (2 if action else 1)
        dash = {"stroke_dasharray": "5 3"} if action == "delete" else {}
        found = self._svg.Rectangle(
            x, y, width, height, rx=5, fill=fill or FILLS[action],
            stroke=stroke or COLOURS[action], stroke_width=thick, **dash,
        )  # fmt: skip
        if title:
            found.append_title(clean(title))
        self.elements.append(found)

    def span(self, x, y, width, height, fill, action, title):
        edge = {"stroke": COLOURS[action], "stroke_width": 2} if action else {}
        found = self._svg.Rectangle(x, y, width, height, rx=2, fill=fill, **edge)
        found.append_title(clean(title))
        self.elements.append(found)

    def text(self, text, x, y, size=13, colour=INK, bold=False, room=None, end=False):
        text = clean(text)
        most = int(room / (size * (0.64 if bold else 0.56))) if room else None
        shown = f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}" if most and len(text) > most else text
        found = self._svg.Text(
            shown, size, x, y, fill=colour, font_family=_FONT,
            font_weight="bold" if bold else "normal", **({"text_anchor": "end"} if end else {}),
        )  # fmt: skip
        if shown != text:
            found.append_title(text)
        self.elements.append(found)

    def line(self, x1, y1, x2, y2):
        self.elements.append(self._svg.Line(x1, y1, x2, y2, stroke="#d0d7de", stroke_width=1))

    def curve(self, x1, y1, x2, y2, colour, dashed=False, bends=(60, -60)):
        dash = {"stroke_dasharray": "6 4"} if dashed else {}
        path = self._svg.Path(stroke=colour, stroke_width=1.6, fill="none", **dash)
        path.M(x1, y1).C(x1 + bends[0], y1, x2 + bends[1], y2, x2, y2)
        self.elements.append(path)


def _group(paper, group, y, places):
    heights = [_height(wire) for wire in group.inside]
    height = 34 + sum(heights) + 8 * len(heights) + (6 if heights else 0)
    paper.box(_GROUP_X, y, _GROUP_W, height, group.action, group.name, "#f6f8fa")
    name = f"{SIGNS[group.action]}{group.name}"
    facts = f"   {', '.join(group.facts)}" if group.facts else ""
    paper.text(name + facts, _WIRE_X, y + 22, 15, ink_of(group.action, INK),
               True, _WIRE_W)  # fmt: skip
    top = y + 34
    for wire, tall in zip(group.inside, heights):
        _wire(paper, wire, top, tall)
        places[wire.key] = top + tall / 2
        top += tall + 8
    return y + height


def _height(wire):
    return max(_LINE + 8, 8 + _LINE * len(wire.inside), 44 if wire.facts else 0)


def _wire(paper, wire, y, height):
    paper.box(_WIRE_X, y, _WIRE_W, height, wire.action, wire.name)
    ink = ink_of(wire.action, INK)
    middle = y + height / 2
    name = f"{SIGNS[wire.action]}{wire.name}"
    paper.text(name, _WIRE_X + 12, middle - 3 if wire.facts else middle + 5, 13, ink, True, 300)
    if wire.facts:
        colour = ink_of(wire.dhcp_action, PALE)
        sign = SIGNS[wire.dhcp_action]
        paper.text(sign + ", ".join(wire.facts), _WIRE_X + 12, middle + 14, 11, colour, False, 300)
    top = y + (height - _LINE * len(wire.inside)) / 2
    for net in wire.inside:
        _net(paper, net, top)
        top += _LINE


def _net(paper, net, y):
    ink = ink_of(net.action, INK)
    middle = y + _LINE / 2
    line = middle - 1 if net.facts else middle + 5
    name = f"{SIGNS[net.action]}{net.name}"
    paper.text(name, _NET_X, line, 13, ink, bool(net.action), 280)
    if net.facts:
        paper.text(", ".join(net.facts), _NET_X, middle + 12, 10, PALE, False, 280)
    paper.box(_BAR_X, middle - 7, _BAR_W, 14, net.action, f"{net.name}: all addresses", "#eaeef2",
              ink_of(net.action, "#d0d7de"), 1)  # fmt: skip
    for first, last, type, action, text in net.spans:
        width = max(3.0, (last - first) * _BAR_W)
        x = min(_BAR_X + first * _BAR_W, _BAR_X + _BAR_W - width)
        paper.span(x, middle - 7, width, 14, _SPANS.get(type, _SPANS["reserved"]), action, text)


def _racks(paper, network, places):
    """Racks beside what they serve, with a line to each VLAN; returns where they end."""
    served: dict = {}
    for group in network.groups:
        for wire in group.inside:
            for rack, second in ((wire.primary, False), (wire.secondary, True)):
                if rack:
                    served.setdefault(rack, []).append((wire, second))
    actions = {rack.name: rack.action for rack in network.racks}
    names = sorted({*actions, *served}, key=lambda name: (_mean(served.get(name), places), name))
    y = _GAP
    for name in names:
        y = max(y, _mean(served.get(name), places) - _RACK_H / 2)
        action = actions.get(name, "")
        paper.box(_RACK_X, y, _RACK_W, _RACK_H, action, name)
        paper.text(f"{SIGNS[action]}{name}", _RACK_X + 12, y + 18, 13,
                   ink_of(action, INK), True, _RACK_W - 20)  # fmt: skip
        paper.text("rack controller", _RACK_X + 12, y + 32, 10, PALE)
        for wire, second in served.get(name, ()):
            paper.curve(_RACK_X + _RACK_W, y + _RACK_H / 2, _WIRE_X, places[wire.key],
                        ink_of(wire.dhcp_action, "#54aeff"),
                        second)  # fmt: skip
        y += _RACK_H + 10
    return y


def _mean(served, places):
    if not served:
        return 0.0
    return sum(places[wire.key] for wire, _ in served) / len(served)


def _relays(paper, network, places):
    """A line from each relayed VLAN to the one that serves it."""
    for group in network.groups:
        for wire in group.inside:
            if wire.relay in places:
                colour = ink_of(wire.dhcp_action, "#a475f9")
                paper.curve(_WIRE_X, places[wire.key], _WIRE_X, places[wire.relay], colour, True,
                            (-50, -50))  # fmt: skip
