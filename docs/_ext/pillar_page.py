"""The pillar reference, from the schema that checks pillars."""

from __future__ import annotations

import re

from saltext.maas.pillar.schema import schema
from saltext.maas.schemas import allowed

INTRODUCTION = """\
Every key that the pillar ``maas`` may hold. Words in capitals stand for names of your choice.
What is not given is left alone; ``null`` clears what may be empty. *Secret* values are never
shown; give them as ``sdb://`` references.

``maas_region.check_pillar`` and the state ``maas_region.pillar_valid`` report every mistake in a
pillar with its path, the value and what is allowed.
"""


def page() -> str:
    """The page as reStructuredText: the plain keys first, then a section for each mapping."""
    top = schema()["properties"]
    plain = {key: node for key, node in top.items() if not _inner(node)}
    lines = [*_heading("Pillar reference", "="), INTRODUCTION]
    lines += [*_heading("maas", "-")]
    lines += _table([_row(f"maas:{key}", node, False) for key, node in plain.items()])
    for key, node in top.items():
        if key not in plain:
            release = f" MAAS {_releases(node)}." if _releases(node) else ""
            lines += [*_heading(f"maas:{key}", "-"), _sentence(node) + release, ""]
            lines += _table(rows(node, f"maas:{key}"))
    return "\n".join(lines) + "\n"


def paths(node=None, path="maas"):
    """Every key path of the schema."""
    node = node or schema()
    for name, child, _ in _inner(node):
        inner = f"{path}{name}"
        yield inner
        yield from paths(child, inner)


def rows(node, path):
    """The table rows of all that is within a node."""
    for name, child, required in _inner(node):
        inner = f"{path}{name}"
        yield _row(inner, child, required)
        yield from rows(child, inner)


def _inner(node):
    """What is directly within a node: ``(addition to the path, node, required)``."""
    node = {**node, **node.get("documented", {})}
    found = [
        (f":{key}", child, key in node.get("required", ()))
        for key, child in node.get("properties", {}).items()
        if not child.get("hidden")
    ]
    named = node.get("additionalProperties")
    if isinstance(named, dict):
        found.append((f":{node.get('key', 'NAME')}", named, False))
    items = node.get("items")
    if isinstance(items, dict) and "properties" in items:
        found.append(("[]", items, False))
    return found


def _row(path, node, required):
    releases = _releases(node)
    words = [_sentence(node)]
    if required:
        words.append("**Required.**")
    if node.get("secret"):
        words.append("*Secret.*")
    return (f"``{path}``", _allowed(node), releases, " ".join(word for word in words if word))


def _allowed(node):
    return allowed(node).replace("*", r"\*")


def _releases(node):
    since, up_to = node.get("since"), node.get("up_to")
    if since and up_to:
        return f"{since} to {up_to}"
    return f"{since} and later" if since else (f"up to {up_to}" if up_to else "")


def _sentence(node):
    return re.sub(r"(?<!`)\*(?!`)", r"\*", node.get("doc", ""))


def _table(found):
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 40 25 10 35", ""]
    for row in [("Key", "Must be", "MAAS", "What it is"), *found]:
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return [*lines, ""]


def _heading(text, line):
    return [text, line * len(text), ""]
