"""Python files that consist of assignments (1.5 to 1.8), read without running them.

The packages' own edits look for ``DEFAULT_MAAS_URL = "..."`` in column 0 with double quotes, and
for single quotes around all other values, so these are the forms that are written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from saltext.maas.host.errors import HostError

#: Names of Django's settings in ``maas_local_settings.py``, by ours.
_LINES = {
    "url": "DEFAULT_MAAS_URL",
    "debug": "DEBUG",
    "broker_host": "RABBITMQ_HOST",
    "broker_longpoll_password": "RABBITMQ_PASSWORD",
}
_DATABASE = {f"database_{key.lower()}": key for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
_AMQP = re.compile(r"(amqp://[^:@/\s]*:)([^@/\s]*)@(\[[^\]]*\]|[^:/@\s]*)")
_BROKER_URL = re.compile(r"^BROKER_URL\s*=\s*(['\"])(.*)\1\s*$", re.MULTILINE)
_CELERY_UUID = re.compile(r"^CLUSTER_UUID\s*=\s*['\"]([^'\"]*)['\"].*$", re.MULTILINE)


def _assignments(text, name) -> Iterator[tuple[str, ast.expr]]:
    try:
        module = ast.parse(text or "")
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two: too deep
        raise HostError(f"{name} is not readable as Python assignments.") from None
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _items(node) -> dict[Any, ast.expr]:
    """``{key: node}`` of a dictionary's literal keys."""
    pairs = zip(node.keys, node.values) if isinstance(node, ast.Dict) else ()
    return {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}


def _database(text, name) -> dict[Any, ast.expr]:
    """``{key: node}`` of DATABASES['default']."""
    found = [node for target, node in _assignments(text, name) if target == "DATABASES"]
    return _items(_items(found[-1]).get("default")) if found else {}


def python_read(text: str | None, name: str = "the file") -> dict[str, Any]:
    """Read what we know of ``maas_local_settings.py``.

    Returns:
        ``url``, ``debug``, ``database_host``, ``_port``, ``_name``, ``_user``,
        ``_password``, ``broker_host`` and ``broker_longpoll_password``, as far as
        they are there as literals.
    """
    lines, keys = dict(_assignments(text, name)), _database(text, name)
    nodes = {ours: lines.get(theirs) for ours, theirs in _LINES.items()}
    nodes.update({ours: keys.get(theirs) for ours, theirs in _DATABASE.items()})
    found = {ours: node.value for ours, node in nodes.items() if isinstance(node, ast.Constant)}
    return {ours: bool(value) if ours == "debug" else value for ours, value in found.items()}


def python_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set values of ``maas_local_settings.py``; keys are those of :func:`python_read`.

    Raises:
        HostError: It has no DATABASES to change, or a value does not fit.
    """
    text = text or ""
    for key, value in changes.items():
        if key in _DATABASE:
            text = _set_database(text, _DATABASE[key], str(value), name)
        elif key == "url":
            if re.search(r"[\"\\\s]", value):
                raise HostError("A region URL cannot hold quotes, spaces or a backslash.")
            text = _set_line(text, _LINES[key], f'"{value}"')
        elif key in _LINES:
            literal = repr(bool(value)) if key == "debug" else _single_quoted(str(value))
            text = _set_line(text, _LINES[key], literal)
        else:
            raise HostError(f"{name} has no place for {key}.")
    return text


def _set_line(text, target, literal):
    line = f"{target} = {literal}"
    pattern = re.compile(rf"^{target}\s*=.*$", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text)
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{line}\n"


def _set_database(text, key, value, name):
    items = _database(text, name)
    if not items:
        raise HostError(f"{name} has no DATABASES entry 'default' to change.")
    raw, literal = text.encode(), _single_quoted(value)
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    node = items.get(key)
    if node is not None:
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        return (raw[:start] + literal.encode() + raw[end:]).decode()
    # A missing key goes into a line of its own, before the first one.
    first, node = next(iter(items.items()))
    value_at = starts[node.lineno - 1] + node.col_offset
    found = re.search(rf"(['\"]){re.escape(first)}\1\s*:\s*$".encode(), raw[:value_at])
    if not found:
        raise HostError(f"{name} writes DATABASES in a way that cannot be changed safely.")
    new = f"'{key}': {literal},\n        ".encode()
    return (raw[: found.start()] + new + raw[found.start() :]).decode()


def _single_quoted(text):
    inner = repr('"' + text)[2:-1]  # the double quote makes repr use single ones
    return f"'{inner}'"


def broker_url_read(text: str | None, name: str = "the file") -> dict[str, str]:
    """Return ``broker_workers_host`` and ``broker_workers_password`` of the region's BROKER_URL."""
    node = dict(_assignments(text, name)).get("BROKER_URL")
    found = _AMQP.match(str(node.value)) if isinstance(node, ast.Constant) else None
    if not found:
        return {}
    return {
        "broker_workers_password": found.group(2),
        "broker_workers_host": found.group(3).strip("[]"),
    }


def broker_url_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set host or password of BROKER_URL.

    Raises:
        HostError: There is no BROKER_URL of the known form.
    """
    now = broker_url_read(text, name)
    if not now:
        raise HostError(f"{name} has no BROKER_URL of the form amqp://USER:PASSWORD@HOST.")
    then = {**now, **changes}
    host = then["broker_workers_host"]
    host = f"[{host}]" if ":" in host else host
    new = f"{then['broker_workers_password']}@{host}"

    def line(found):
        url = _AMQP.sub(lambda parts: parts.group(1) + new, found.group(2))
        return f"BROKER_URL = '{url}'"

    return _BROKER_URL.sub(line, text or "")


def celery_uuid(text: str | None) -> str | None:
    """Return the cluster's uuid in ``maas_local_celeryconfig_cluster.py``, or None."""
    found = _CELERY_UUID.search(text or "")
    return found.group(1) or None if found else None


def celery_set_uuid(text: str | None, uuid: str) -> str:
    """Set that uuid."""
    line, text = f"CLUSTER_UUID = '{uuid}'", text or ""
    new, count = _CELERY_UUID.subn(lambda _: line, text)
    return new if count else f"{text}{line}\n"
