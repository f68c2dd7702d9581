"""Distils recordings and descriptions of MAAS into ``data/``: what is fact, and none of its texts.

    python emulator/tests/contract/distil.py

reads ``shared/recordings`` beside the repository, or where ``MAAS_RECORDINGS`` points, and
``facts/maas-api.json`` beside that. Of each exchange it keeps the request, the status, the content
type, and the answer without its texts (see ``comparison.distil``); of a document that MAAS makes
of itself a digest of the whole. Passwords and tokens are replaced by placeholders. Of the
description it keeps the calls and who may make them, the names of parameters, fields, settings,
tables and columns.
"""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from comparison import distil, distil_whole
from exchanges import DATA, RECORDINGS, Exchange, recorded

#: Calls that MAAS answers with a document that describes itself.
_DOCUMENT = re.compile(r"/describe/|/openapi|op=describe_power_types")
#: Fields that hold a secret.
_SECRET = re.compile(r"(power_parameters_)?power_(pass|token)|password|token_key")


def recording(name: str) -> list[str]:
    """Return what is kept of a recording, as lines of JSON.

    Args:
        name: Of the recording.
    """
    placeholders: dict[str, str] = {}
    return [_line(_kept(exchange, placeholders)) for exchange in recorded(name)]


def _kept(exchange: Exchange, placeholders: dict[str, str]) -> dict[str, Any]:
    call = f"{exchange.path}?op={exchange.params.get('op')}"
    is_document = _DOCUMENT.search(call) and exchange.status == 200
    exchange.body = (distil_whole if is_document else distil)(exchange.body)
    return _without_secrets(exchange.row(), placeholders)


def _without_secrets(value: Any, placeholders: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(item, placeholders, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item, placeholders, key) for item in value]
    if not value or not isinstance(value, str):
        return value
    if _SECRET.fullmatch(key):
        return placeholders.setdefault(value, f"secret{len(placeholders) + 1}")
    if value.startswith("{") and _SECRET.search(value):
        return json.dumps(_without_secrets(json.loads(value), placeholders))
    return value


def description() -> list[str]:
    """Return what is kept of the description of MAAS's API, as lines of JSON.

    Each line is a fact, with the releases that it holds for.
    """
    path = RECORDINGS.parent / "facts" / "maas-api.json"
    releases: dict[str, list[str]] = {}
    for release, described in json.loads(path.read_text(encoding="utf-8"))["versions"].items():
        for fact in _facts(described):
            releases.setdefault(_line(fact), []).append(release)
    return [
        _line({**json.loads(fact), "releases": " ".join(found)})
        for fact, found in sorted(releases.items())
    ]


def _facts(described: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for handler in described["handlers"]:
        uri = handler.get("uri")
        for item in handler.get("operations") or ():
            found.append({
                "call": [item["http"], uri, item["op"]],
                "admin": item["admin_only"] in ("admin_method", "AdminRestrictedResource"),
                "anonymous": item["anonymous"],
                "params": sorted({_name(one) for one in item["required"] + item["optional"]}),
            })  # fmt: skip
        if handler.get("fields"):
            found.append({"fields": sorted(map(_name, handler["fields"])), "of": uri})
    found += [{"setting": name} for name in described["config"]["settable_via_set_config"]]
    found += [
        {"table": name, "columns": sorted(table["columns"])}
        for name, table in described["db_tables"].items()
    ]
    return found


def _name(described: Any) -> str:
    if isinstance(described, dict):
        return described.get("name") or next(iter(described))
    return described


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def main() -> None:
    """Write all of ``data/``."""
    texts = {path.stem: recording(path.stem) for path in sorted(RECORDINGS.glob("*.jsonl"))}
    texts["api"] = description()
    for name, lines in texts.items():
        content = "".join(f"{line}\n" for line in lines).encode()
        path = DATA / f"{name}.jsonl.gz"
        path.write_bytes(gzip.compress(content, mtime=0))
        print(f"{path.name}: {len(lines)} lines, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
