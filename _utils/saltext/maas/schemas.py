"""JSON schemas of what people write, and the one message for what such a schema refuses.

Besides JSON schema's own words a node may hold:

===========  ================================================================
``allowed``  the end of the sentence "... must be" in messages; found out from
             the node itself where it is not given
``doc``      one sentence for the reference
``secret``   true: the value is not shown
===========  ================================================================

``documented`` holds words such as ``properties`` for the reference alone: something else checks
what is within the node.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from saltext.maas import region_url
from saltext.maas.errors import BadInput, LibraryMissing
from saltext.maas.redact import HIDDEN, redact
from saltext.maas.release import SERIES, supported

#: Formats that any schema may name: a test of text that says no by raising ValueError, or by
#: returning False or None.
Formats = Mapping[str, Any]
FORMATS: Formats = {
    "email": re.compile(r"[^@\s]+@[^@\s]+").fullmatch,
    "region_url": lambda text: region_url.problem(text) is None,
    "region_urls": lambda given: bool(given) and _urls_problem(given) is None,
    "release": supported,
    "url": lambda text: region_url.service_problem(text) is None,
}
#: Formats that can say why.
_REASONS = {
    "region_url": region_url.problem,
    "region_urls": lambda given: _urls_problem(given),
    "url": region_url.service_problem,
}
_ALLOWED = {
    "email": "an e-mail address such as admin@example.com",
    "region_url": f"a region's URL such as {region_url.EXAMPLE}",
    "region_urls": f"a region's URL such as {region_url.EXAMPLE}, or a list of them",
    "url": "a URL of http:// or https://, without user or password",
}
_MOST_KEYS = 20  # that a message names
_MOST_HINTS = 100  # unknown keys of a mapping for which the known ones are named


# Nodes; ``more`` are further words of one


def text(doc: str = "", format: str = "", **more) -> dict:
    """Return the node of a text that is not empty."""
    node = {"type": "string", "minLength": 1, "doc": doc}
    if format in _ALLOWED:
        node["allowed"] = _ALLOWED[format]
    return {**node, **({"format": format} if format else {}), **more}


def urls(doc: str = "", **more) -> dict:
    """Return the node of a region's URL, or of a list of them."""
    return {**text(doc, "region_urls", **more), "type": ["string", "array"]}


def flag(doc: str = "", **more) -> dict:
    """Return the node of a truth value."""
    return {"type": "boolean", "doc": doc, **more}


def whole(doc: str, least: int, most: int | None = None, **more) -> dict:
    """Return the node of a whole number within bounds."""
    bounds = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"type": "integer", **bounds, "doc": doc, **more}


def seconds(doc: str, zero: bool = False, **more) -> dict:
    """Return the node of a time; ``zero`` says whether it may be 0."""
    return {"type": "number", "minimum" if zero else "exclusiveMinimum": 0, "doc": doc, **more}


def choice(doc: str, *words: str, **more) -> dict:
    """Return the node of one of some words."""
    return {"type": "string", "enum": list(words), "doc": doc, **more}


def release(doc: str, **more) -> dict:
    """Return the node of a MAAS release."""
    allowed = f"a MAAS release, {SERIES[0]} or later, quoted, such as '3.7'"
    return {"type": ["string", "number"], "format": "release", "doc": doc, "allowed": allowed,
            **more}  # fmt: skip


def mapping(
    properties: dict, doc: str = "", required: Iterable[str] = (), empty: bool = False, **more
) -> dict:
    """Return the node of a mapping with these keys and no other.

    Args:
        properties: Node of each key.
        doc: One sentence for the reference.
        required: Keys that must be there, and not be null or empty.
        empty: Whether null may stand for a mapping without keys.
    """
    needed = {name: filled(properties[name]) for name in required}
    return {
        "type": ["object", "null"] if empty else "object",
        "properties": {**properties, **needed},
        "required": list(needed),
        "additionalProperties": False,
        "doc": doc,
        **more,
    }


def filled(node: dict) -> dict:
    """Return a node such that its value must not be null or empty."""
    types = node.get("type", ())
    if "null" not in types:
        return node
    types = [type for type in types if type != "null"]
    return {**node, "type": types, **({"minLength": 1} if "string" in types else {})}


def named(value: dict, doc: str = "", key: str = "NAME", names: dict | None = None, **more) -> dict:
    """Return the node of a mapping from names to values of one form.

    Args:
        value: Node of each value.
        doc: One sentence for the reference.
        key: What the reference calls a name.
        names: Node of a name.
    """
    names = names or {"minLength": 1, "allowed": "a name"}
    return {"type": "object", "additionalProperties": value, "propertyNames": names,
            "doc": doc, "key": key, **more}  # fmt: skip


def listed(items: dict, doc: str = "", **more) -> dict:
    """Return the node of a list of values of one form."""
    return {"type": "array", "items": items, "doc": doc, **more}


# What is wrong


def _urls_problem(given):
    problems = map(region_url.problem, given if isinstance(given, list) else [given])
    return next(filter(None, problems), None)


def check(value: object, schema: dict, where: str = "", formats: Formats = FORMATS) -> None:
    """Refuse a value that its schema does not allow.

    Args:
        value: What was given.
        schema: Its JSON schema, see above.
        where: What the message calls the value, such as ``maas.fleet``.
        formats: Formats that the schema names, as :data:`FORMATS`.

    Raises:
        BadInput: With one line for each mistake.
        LibraryMissing: ``jsonschema`` is not installed.

    Example:
        ``check({"batch": 0}, mapping({"batch": whole("", 1, 1000)}), "maas.fleet")`` raises
        ``maas.fleet:batch: 0 must be a whole number from 1 to 1000``.
    """
    found = mistakes(value, schema, where, formats)
    if found:
        raise BadInput([line for _, line in found])


def mistakes(
    value: object, schema: dict, where: str = "", formats: Formats = FORMATS
) -> list[tuple[list, str]]:
    """List what a schema does not allow; see :func:`check`.

    Returns:
        ``(path, line)`` of each mistake: the keys that lead to the node that refused, and its
        line such as ``maas:subnets:10.0.0.0/24:gateway_ip: 'x' must be an IP address``.
    """
    found = {}
    for error in _Validators(formats).errors(value, schema):
        for path, sentence in _sentences(error):
            place = ":".join(map(str, [where, *path] if where else path))
            found[f"{place}: {sentence}" if place else sentence] = [*error.absolute_path]
    return [(path, line) for line, path in sorted(found.items())]


def allowed(node: dict) -> str:
    """Return what a value of a node must be, as the end of a sentence."""
    if "allowed" in node:
        return node["allowed"]
    if "enum" in node:
        return f"one of: {', '.join(map(str, node['enum']))}"
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    words = {
        "object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false",
        "integer": "a whole number", "number": "a number",
    }  # fmt: skip
    bound = ""
    if "exclusiveMinimum" in node:
        bound = f" above {node['exclusiveMinimum']}"
    elif "minimum" in node:
        bound = f" from {node['minimum']} " + (
            f"to {node['maximum']}" if "maximum" in node else "on"
        )
    return words[kinds[0]] + bound


def shown(node: dict, value: object) -> str:
    """Return a value as a message may show it: short, and hidden where the node is secret."""
    text = HIDDEN if value not in (None, "") and _holds_secret(node) else redact(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _holds_secret(node) -> bool:
    inside = [*node.get("properties", {}).values(), node.get("additionalProperties")]
    return bool(node.get("secret")) or any(
        _holds_secret(one) for one in inside if isinstance(one, dict)
    )


class _Validators:
    """One validator for each node of a schema.

    jsonschema makes a new one for each value within another, which takes longer than the check.

    Attributes:
        formats: Formats that the schema may name.
    """

    def __init__(self, formats: Formats):
        self.formats = formats
        self._kind = _validator_kind()
        self._by_node: dict[int, Any] = {}

    def errors(self, value, node) -> Iterator:
        found = self._by_node.get(id(node))
        if found is None:
            # What jsonschema hands on to its words as it is; nothing else there uses it.
            found = self._by_node[id(node)] = self._kind(node, format_checker=self)
        return found.iter_errors(value)

    def errors_at(self, key, value, node) -> Iterator:
        for error in self.errors(value, node):
            error.path.appendleft(key)
            yield error


@functools.lru_cache(maxsize=1)
def _validator_kind():
    try:
        import jsonschema  # takes a while, and not every run checks something
    except ImportError:
        raise LibraryMissing(
            "the Python library jsonschema is not installed where Salt runs, so that nothing can "
            "be checked: salt-pip install jsonschema"
        ) from None
    draft = jsonschema.Draft7Validator

    def format(validator, name, value, node):
        told_already = value == "" and "minLength" in node
        test = validator.format_checker.formats[name]
        if value not in (None, []) and not told_already and not _fits(test, value, node):
            yield jsonschema.ValidationError(name)

    def additional(validator, others, value, node):
        if others:
            yield from _others(validator, others, value, node)
        elif isinstance(value, dict) and value.keys() - node["properties"].keys():
            yield jsonschema.ValidationError("unknown keys")

    types = draft.TYPE_CHECKER.redefine("binary", lambda _, value: isinstance(value, bytes))
    types = types.redefine("number", lambda _, value: _is_number(value))
    words = {"format": format, "properties": _properties, "additionalProperties": additional,
             "propertyNames": _names, "items": _items}  # fmt: skip
    return jsonschema.validators.extend(draft, words, type_checker=types)


def _properties(validator, known, value, node):
    for key in value if isinstance(value, dict) else ():
        if key in known:
            yield from validator.format_checker.errors_at(key, value[key], known[key])


def _others(validator, others, value, node):
    known = node.get("properties", ())
    for key in value if isinstance(value, dict) else ():
        if key not in known:
            yield from validator.format_checker.errors_at(key, value[key], others)


def _names(validator, names, value, node):
    for key in value if isinstance(value, dict) else ():
        yield from validator.format_checker.errors(key, names)


def _items(validator, items, value, node):
    for number, one in enumerate(value if isinstance(value, list) else ()):
        yield from validator.format_checker.errors_at(number, one, items)


def _is_number(value):
    finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return finite and not isinstance(value, bool)


def _fits(test, value, node):
    """Whether a value has a format; the check of its type refuses what is no text."""
    if isinstance(value, dict) or (isinstance(value, list) and "array" not in node["type"]):
        return True
    try:
        said = test(value if isinstance(value, list) else str(value))
    except ValueError:
        return False
    return said is not None and said is not False


def _sentences(error) -> Iterator[tuple[list, str]]:
    """Turn one of jsonschema's errors into pairs of a path and a sentence."""
    path, node, value = [*error.absolute_path], error.schema, error.instance
    if error.validator == "additionalProperties":
        unknown = sorted(value.keys() - node["properties"].keys(), key=str)
        for number, key in enumerate(unknown):
            # What is like a key takes a millisecond to find; of thousands nobody reads it.
            hint = f"; {_allowed_keys(key, node['properties'])}" if number < _MOST_HINTS else ""
            yield [*path, key], f"unknown key{hint}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in value:
                doc = node["properties"][key].get("doc", "")
                yield [*path, key], f"is missing; {doc}" if doc else "is missing"
    elif error.validator == "minLength" and "propertyNames" not in error.schema_path:
        yield path, "must not be empty"
    else:
        if "propertyNames" in error.schema_path:
            path = [*path, value]
        reason = _REASONS.get(node.get("format", "")) if error.validator == "format" else None
        sentence = (reason and reason(value)) or f"{shown(node, value)} must be {allowed(node)}"
        if node.get("format") == "release" and isinstance(value, float):
            sentence += "; without quotes YAML reads 1.10 as 1.1"
        yield path, sentence


def _allowed_keys(key, properties):
    if len(properties) <= _MOST_KEYS:
        return f"allowed: {', '.join(sorted(properties))}"
    close = difflib.get_close_matches(str(key), properties, n=5, cutoff=0.5)
    near = f"closest: {', '.join(close)}" if close else "none is like it"
    return f"{near} (of {len(properties)}, see the pillar reference)"
