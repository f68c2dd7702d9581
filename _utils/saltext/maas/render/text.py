"""A plan as text that a person reads in a terminal."""

from __future__ import annotations

import difflib
from typing import Any

from saltext.maas.errors import few

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_VERBS = {"create": "create", "update": "change", "delete": "remove"}
#: How many machines the summary names.
_NAMED = 5
_COLOURS = {"create": "32", "update": "33", "delete": "31", "problem": "1;31"}


def as_text(data: dict, colour: bool = False) -> str:
    """Return a plan as text.

    Args:
        data: See :func:`saltext.maas.render.data.as_data`.
        colour: Whether to use a terminal's colours.

    Returns:
        Lines, the counts last.  Control characters of names and values are escaped.
    """
    lines = []
    for change in data["changes"]:
        action = change["action"]
        head = f"{_SIGNS[action]} {change['noun']} {clean(change['name'])}"
        lines.append(_coloured(head, action, colour))
        for name, values in change["fields"].items():
            tree = change.get("machine", {}).get(name)
            lines += _tree(name, tree, colour) if tree else _field(name, values, action, colour)
        if change.get("machine", {}).get("lost"):
            lost = f"      data is lost: {clean(', '.join(change['machine']['lost']))}"
            lines.append(_coloured(lost, "delete", colour))
    for one in data["problems"]:
        head = f"! {clean(one['name'])}: {clean(one['problem'])}"
        lines.append(_coloured(head, "problem", colour))
    for one in data.get("warnings", ()):
        lines.append(_coloured(f"warning: {clean(one)}", "update", colour))
    summary = "Nothing to change"
    if any(data["counts"].values()):
        summary = ", ".join(f"{data['counts'][one]} to {_VERBS[one]}" for one in _SIGNS)
    if data["problems"]:
        summary += f"; {len(data['problems'])} cannot be applied"
    summary += "."
    lost = lost_text(data)
    if lost:
        summary += "\n" + _coloured(lost, "delete", colour)
    if data.get("region", "") is None:
        summary += (
            "\nThe region has no administrator yet, so this is planned against a newly installed "
            f"MAAS {data['release']}."
        )
    return "\n".join([*lines, *([""] if lines else []), summary])


def lost_text(data: dict) -> str:
    """Return on which machines data is lost, in words; empty if on none."""
    names = [change["name"] for change in data["changes"] if change.get("machine", {}).get("lost")]
    if not names:
        return ""
    count = f"{len(names)} machine{'s' if len(names) > 1 else ''}"
    return f"Data is lost on disks of {count}: {clean(few(names, _NAMED))}."


def _field(name, values, action, colour):
    old, new = values["old"], values["new"]
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        yield f"      {name}:"
        for line in list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[2:]:
            kind = {"+": "create", "-": "delete"}.get(line[:1])
            text = f"        {clean(line)}"
            yield _coloured(text, kind, colour) if kind else text
        return
    if action == "update":
        yield f"      {name}: {value_text(old)} -> {value_text(new)}"
    else:
        yield f"      {name}: {value_text(new if action == 'create' else old)}"


def _tree(name, tree, colour):
    """The interfaces or disks of a machine, and the requests."""
    yield f"      {name}:"
    for one in tree["lines"]:
        sign = _SIGNS.get(one["action"], " ")
        text = f"        {sign} {'  ' * one['depth']}{clean(one['text'])}"
        yield _coloured(text, one["action"], colour) if one["action"] else text
    yield f"      requests for {name}:"
    for number, step in enumerate(tree["steps"], 1):
        yield f"        {number}. {clean(step)}"


def value_text(value: Any) -> str:
    """Return a value as a person reads it."""
    if value is None or value == "" or value == []:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(one) for one in value)
    if isinstance(value, str) and "\n" in value:
        lines = value.strip().splitlines()
        more = f" ... ({len(lines)} lines)" if len(lines) > 1 else ""
        return f"{clean(lines[0])}{more}" if lines else "(blank)"
    return clean(value)


def clean(value: object) -> str:
    """Return text without anything that a terminal or a browser would act upon."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )


def _coloured(text, kind, colour):
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if colour else text
