"""Right and wrong values for every node of the pillar's schema, made from the schema itself."""

from __future__ import annotations

import re

from saltext.maas.release import SERIES, Release

_BY_FORMAT = {
    "address": "192.0.2.1",
    "addresses": ["192.0.2.1"],
    "api_key": "aa:bb:cc",
    "base64": "aGVsbG8=",
    "email": "someone@example.com",
    "hex": "00ff",
    "mac": "52:54:00:00:00:01",
    "netmask": "255.255.255.0",
    "network": "192.0.2.0/24",
    "region_url": "http://192.0.2.10/MAAS",
    "region_urls": "http://192.0.2.10/MAAS",
    "release": "3.7",
    "url": "http://images.example.com/stable",
    "uuid": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01",
    "vid": "100",
    "vlan": "dc1/100",
}
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
_WORDS = (
    "word", "example.com", "lp:someone", "ssh-ed25519 AAAA me", _CERTIFICATE, "#!/bin/sh\n",
    "0" * 64, "amd64", "60", "DE", "3008.4", "/etc/salt",
)  # fmt: skip
_ODD = ("no such thing?!", "-", "?", "", "\n")


def types(node) -> list:
    found = node.get("type", [])
    return found if isinstance(found, list) else [found]


def right(node):
    """A value that a node takes."""
    if "enum" in node:
        return node["enum"][0]
    if node.get("format") in _BY_FORMAT:
        return _BY_FORMAT[node["format"]]
    if "pattern" in node:
        return next(word for word in _WORDS if re.search(node["pattern"], word))
    kind = types(node)[0]
    if kind == "object":
        inner = node.get("properties", {})
        return {name: right(inner[name]) for name in node.get("required", ())}
    if kind == "array":
        return []
    if kind in ("integer", "number"):
        return max(node.get("minimum", 1), node.get("exclusiveMinimum", 0) + 1)
    return {"boolean": True, "string": "word"}[kind]


def wrong(node):
    """Values that a node does not take, each wrong in another way."""
    kinds = types(node)
    if "enum" in node:
        yield "no-such-word"
        return
    if "object" not in kinds:
        yield {"a": 1}
    if "array" not in kinds:
        yield ["a"]
    if "object" in kinds or ("array" in kinds and "string" not in kinds):
        yield "word"
    if "boolean" in kinds:
        yield "perhaps"
    if "integer" in kinds and "string" not in kinds:
        yield "many"
        yield 1.5
    for word, step in (("minimum", -1), ("maximum", 1)):
        if word in node:
            yield node[word] + step
    if "format" in node:
        yield "no such thing?!"
    if "pattern" in node and "string" in kinds:
        yield next(odd for odd in _ODD if not re.search(node["pattern"], odd))


def nodes(node, path=()):
    """Every node below one: ``(path, node, spans of releases from the top down)``."""
    for key, child in _inner(node):
        spans = ((child.get("since"), child.get("up_to")),)
        yield (*path, key), child, spans
        for inner, one, more in nodes(child, (*path, key)):
            yield inner, one, spans + more


def _inner(node):
    yield from node.get("properties", {}).items()
    named = node.get("additionalProperties")
    if isinstance(named, dict):
        yield _name(node), named
    if isinstance(node.get("items"), dict):
        yield 0, node["items"]


def _name(node):
    names = node.get("propertyNames", {})
    return str(right({"type": "string", **names}))


def pillar_with(schema, path, value):
    """A pillar that holds a value at a path, and around it what is needed there."""
    if not path:
        return value
    key, *rest = path
    if key == 0:
        return [pillar_with(schema["items"], rest, value)]
    child = schema.get("properties", {}).get(key) or schema["additionalProperties"]
    return {**right(schema), key: pillar_with(child, rest, value)}


def release_without(spans):
    """A release that has what is around a node, but not the node; None if there is none."""
    *outer, own = spans
    for line in SERIES:
        if all(_holds(span, line) for span in outer) and not _holds(own, line):
            return line
    return None


def _holds(span, line):
    since, up_to = span
    line = Release(line)
    return not (since and line < since) and not (up_to and line > up_to)
