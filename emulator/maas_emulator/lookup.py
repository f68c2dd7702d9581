"""Finding an object by what a path or a form names it with."""

from __future__ import annotations

import re

from maas_emulator.web import TEXT, Answer, Missing


def find(request, kind, rows, spec, **names):
    """Find the one object that a specifier means.

    Args:
        request: The call, for the wording of the answers.
        kind: Name of the model in those (``Fabric``).
        rows: Table of the objects, by id.
        spec: An id, also as ``fabric-ID``, ``name:X``, ``cidr:X`` or a bare name.
        names: Prefix (``name``) to a function that gives that property of an object.

    Raises:
        Missing: There is none.
        Answer: 403 when several match.
    """
    spec = str(spec)
    number = re.fullmatch(rf"(?:{kind.lower()}-)?(\d+)", spec)
    if number:
        found = [rows[int(number.group(1))]] if int(number.group(1)) in rows else []
    else:
        prefix, colon, value = spec.partition(":")
        if colon and prefix == "id":
            found = [rows[int(value)]] if value.isdecimal() and int(value) in rows else []
        elif colon and prefix in names:
            found = [row for row in rows.values() if names[prefix](row) == value]
        else:
            found = [
                row for row in rows.values() if any(get(row) == spec for get in names.values())
            ]
    if not found:
        raise Missing(kind, request)
    if len(found) > 1:
        raise Answer(403, f"Too many {kind} objects match the given query.", TEXT)
    return found[0]


def name_of(row):
    """The name of an object."""
    return row["name"]
