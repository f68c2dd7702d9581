"""What a description extracted from MAAS tells of the API of each release; see ``distil.py``."""

from __future__ import annotations

import functools
import gzip
import json
import re
from dataclasses import dataclass, field

from exchanges import DATA


@dataclass
class Call:
    """A call of the API.

    Attributes:
        method: Of HTTP.
        uri: Path below the prefix, with the names of its parts.
        op: Operation, if any.
        admin: Whether it is declared for administrators only.
        anonymous: Whether anybody may make it.
        params: Names of the parameters that it takes.
    """

    method: str
    uri: str
    op: str | None
    admin: bool
    anonymous: bool
    params: set[str]

    @property
    def path(self) -> str:
        """The path with ``{}`` for what differs from object to object."""
        return re.sub(r"\{[^}]*\}", "{}", self.uri)


@dataclass
class Facts:
    """What is known of one release.

    Attributes:
        calls: Of the API.
        fields: Fields of an object by the URI of its handler.
        settings: Names that ``set_config`` takes.
        tables: Columns by the name of the table.
    """

    calls: list[Call] = field(default_factory=list)
    fields: dict[str, set[str]] = field(default_factory=dict)
    settings: set[str] = field(default_factory=set)
    tables: dict[str, set[str]] = field(default_factory=dict)


@functools.cache
def facts(release: str) -> Facts:
    """Return what is known of a release.

    Args:
        release: ``X.Y``, one of 1.5, 1.7, 1.9, 2.0, 2.4, 2.9, 3.0, 3.3, 3.5, 3.6 and 3.7.
    """
    found = Facts()
    with gzip.open(DATA / "api.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    for row in rows:
        if release not in row["releases"].split():
            continue
        if "call" in row:
            method, uri, op = row["call"]
            params = set(row["params"])
            found.calls.append(Call(method, uri, op, row["admin"], row["anonymous"], params))
        elif "fields" in row:
            found.fields[row["of"]] = set(row["fields"])
        elif "table" in row:
            found.tables[row["table"]] = set(row["columns"])
        else:
            found.settings.add(row["setting"])
    assert found.calls, f"nothing is known of {release}"
    return found
