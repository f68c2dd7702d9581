"""Recorded exchanges with running MAAS regions, as recorded and distilled.

``data/*.jsonl.gz`` beside this module has what is fact of each recording, one exchange a line, as
``distil.py`` writes it. The recordings themselves are no part of the repository: they are looked
for beside it, or where ``MAAS_RECORDINGS`` points.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
_BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "recordings"
RECORDINGS = Path(os.environ.get("MAAS_RECORDINGS", _BESIDE))


@dataclass
class Exchange:
    """A call and its answer, or something that the laboratory did between two calls.

    Attributes:
        id: Of the recording, its number and what it is about.
        by: Who signed: ``none``, the name of a user, or what is wrong with the key.
        method: Of HTTP.
        path: From the host on.
        params: Query.
        form: Fields of the body.
        json: Body sent as JSON.
        raw: Body sent as it is.
        files: Names of the files in the body.
        content: What each of these files holds, where it is known.
        multipart: Whether the form was sent as multipart.
        series: Run of the recording; each has a fresh region.
        status: Of the answer.
        type: Content type of the answer.
        body: Of the answer.
        laboratory: What the laboratory did; such an exchange has nothing but this and an id.
    """

    id: str
    by: str = "admin"
    method: str = ""
    path: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    raw: str | None = None
    files: list[str] = field(default_factory=list)
    content: str | None = None
    multipart: bool = False
    series: str = "main"
    status: int = 0
    type: str = ""
    body: Any = None
    laboratory: dict[str, Any] | None = None

    @property
    def short(self) -> str:
        """The id without what it is about."""
        return "-".join(self.id.split("-")[:2])

    def row(self) -> dict[str, Any]:
        """Return the fields that say something."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        bare = Exchange("")
        return {name: value for name, value in values.items() if value != getattr(bare, name)}


def distilled(name: str) -> list[Exchange]:
    """Return what is kept of a recording, in order."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [Exchange(**json.loads(line)) for line in stream]


def is_recorded(name: str) -> bool:
    """Return whether a recording itself is at hand."""
    return (RECORDINGS / f"{name}.jsonl").exists()


def recorded(name: str) -> list[Exchange]:
    """Return all of a recording, in order."""
    with (RECORDINGS / f"{name}.jsonl").open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    found = [_read(row) for row in rows]
    seed = _seed(rows[0].get("note") or "")
    if seed:
        found.insert(0, Exchange("seed", laboratory=seed))
    _give_script(found)
    return found


def _read(row: dict[str, Any]) -> Exchange:
    """Read a line of a recording, whichever of the two formats it has."""
    newer = "response" not in row
    if row["method"] == "ORM":
        return Exchange(row["id"], laboratory=row["data"], series=row.get("series", "main"))
    given = row["data"] if newer else row["body"]
    kind = str(row.get("request_content_type") or "")
    exchange = Exchange(
        id=row["id"],
        by=row.get("auth") or "admin",
        method=row["method"],
        path=row["path"],
        params=row["params"] or {},
        files=list(row["files"] or ()),
        multipart="multipart/" in kind,
        series=row.get("series", "main"),
        status=row["status"],
        type=row["headers"].get("Content-Type", ""),
        body=row["body"] if newer else row["response"],
    )
    if isinstance(given, dict) and "__json__" in given:
        exchange.json = given["__json__"]
    elif isinstance(given, dict) and "application/json" in kind:
        exchange.json = given
    elif isinstance(given, dict):
        exchange.form = given
    else:
        exchange.raw = given
    content = re.match(r"file content: (.*)", row.get("note") or "", re.DOTALL)
    if content:
        exchange.content = content[1]
    return exchange


_CLUSTER = re.compile(r"uuid (?P<uuid>[0-9a-f-]{36}), interfaces (?P<interfaces>\[.*?\])")
_RACK = re.compile(
    r"(?P<hostname>rack-\w+) system_id (?P<system_id>\w+) (?P<name>eth\d)"
    r" (?P<mac>[0-9a-f:]{17}) (?P<ip>[0-9.]+)/(?P<subnet_mask>\d+) on fabric-(?P<fabric>\d+)"
)


def _seed(note: str) -> dict[str, Any]:
    """Read from the note of a random sequence what its region had before."""
    if not note.startswith("seeding: fresh"):
        return {}
    cluster = _CLUSTER.search(note)
    if cluster:
        return {"uuid": cluster["uuid"], "interfaces": json.loads(cluster["interfaces"])}
    return {"racks": [match.groupdict() for match in _RACK.finditer(note)]}


def _give_script(exchanges: list[Exchange]) -> None:
    """Give the upload of a script of 3.7 its content, which only a later answer holds."""
    by_id = {exchange.id: exchange for exchange in exchanges}
    answer = by_id.get("37-411-script-read-include")
    if answer:
        upload = next(one for one in exchanges if one.files == ["script"])
        upload.content = base64.b64decode(answer.body["history"][0]["data"]).decode()
