"""A request to a region, as it is repeated until it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A request.

    Attributes:
        method: HTTP method.
        path: Path from the region's own on.
        query: Pairs of name and value.
        content: Its body, as ``requests`` takes it.
        signed: Whether it is signed with the API key.
        hide: Secrets in it that no error may show.
        expect: Shape of the answer, see :mod:`saltext.maas.client.shape`.
    """

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    signed: bool = True
    hide: Iterable[str] = ()
    expect: Any = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def form(
    method: str, path: str, data: dict, files: dict[str, bytes], as_json: bool
) -> dict[str, Any]:
    """Return fields and files as ``requests`` takes them."""
    fields = pairs(data)
    if as_json:
        return {"json": data}
    if files or (fields and method == "POST" and path.startswith("/api/1.")):
        # 1.x changes a POST form in place, which only multipart survives.
        parts: list = [(name, (None, value)) for name, value in fields]
        return {"files": parts + [(name, (name, content)) for name, content in files.items()]}
    return {"data": fields} if fields else {}


def pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Return fields as pairs of text: a list repeats its name, and None is empty."""
    found = []
    for name, value in fields.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, bool):
                one = "true" if one else "false"
            found.append((name, "" if one is None else str(one)))
    return found
