"""Python assignments: maas_local_settings.py."""

from __future__ import annotations

import ast
import re

from saltext.maas.host.errors import HostError
from saltext.maas.host.formats.python import assignments, items


def python_read(text: str | None, name: str = "the file") -> dict:
    """Read what we know of maas_local_settings.py, without running it.

    Returns:
        ``url``, ``debug``, ``database_host``, ``_port``, ``_name``, ``_user``,
        ``_password``, ``broker_host`` and ``broker_longpoll_password``, as far as
        they are there as literals.
    """
    values = {}
    for target, node in assignments(text, name):
        if target == "DEFAULT_MAAS_URL" and isinstance(node, ast.Constant):
            values["url"] = node.value
        elif target == "DEBUG" and isinstance(node, ast.Constant):
            values["debug"] = bool(node.value)
        elif target in _BROKER_KEYS and isinstance(node, ast.Constant):
            values[_BROKER_KEYS[target]] = node.value
        elif target == "DATABASES":
            for key, item in _database_items(node).items():
                if key in _DATABASE_KEYS.values() and isinstance(item, ast.Constant):
                    field = next(ours for ours, theirs in _DATABASE_KEYS.items() if theirs == key)
                    values[field] = item.value
    return values


_BROKER_KEYS = {
    "RABBITMQ_HOST": "broker_host",
    "RABBITMQ_PASSWORD": "broker_longpoll_password",
}
_DATABASE_KEYS = {
    "database_host": "HOST",
    "database_port": "PORT",
    "database_name": "NAME",
    "database_user": "USER",
    "database_password": "PASSWORD",
}


def _database_items(node):
    """``{key: node}`` of DATABASES['default']."""
    for key, value in items(node):
        if key == "default":
            return dict(items(value))
    return {}


def python_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set values of maas_local_settings.py in the shapes that the package's own edits expect.

    Args:
        text: What the file holds now.
        changes: Keys as :func:`python_read` returns them.
        name: File for messages.

    Returns:
        The new text.

    Raises:
        HostError: It has no DATABASES to change, or a value does not fit.
    """
    text = text or ""
    for key, value in changes.items():
        if key == "url":
            text = _python_url(text, value)
        elif key == "debug":
            text = _python_line(text, "DEBUG", repr(bool(value)))
        elif key in _BROKER_KEYS.values():
            target = next(theirs for theirs, ours in _BROKER_KEYS.items() if ours == key)
            text = _python_line(text, target, _single_quoted(str(value)))
        elif key in _DATABASE_KEYS:
            text = _python_database(text, _DATABASE_KEYS[key], str(value), name)
        else:
            raise HostError(f"{name} has no place for {key}.")
    return text


def _python_url(text, url):
    if re.search(r"[\"\\\s]", url):
        raise HostError("A region URL cannot hold quotes, spaces or a backslash.")
    # Double quotes in column 0 are what the package's upgrade looks for.
    return _python_line(text, "DEFAULT_MAAS_URL", f'"{url}"')


def _python_line(text, target, literal):
    line = f"{target} = {literal}"
    pattern = re.compile(rf"^{target}\s*=.*$", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text)
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{line}\n"


def _python_database(text, key, value, name):
    items = {}
    for target, node in assignments(text, name):
        if target == "DATABASES":
            items = _database_items(node)
    if not items:
        raise HostError(f"{name} has no DATABASES entry 'default' to change.")
    literal = _single_quoted(value)
    raw = text.encode()
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if key in items:
        node = items[key]
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        return (raw[:start] + literal.encode() + raw[end:]).decode()
    # A missing key goes into a line of its own, before the first one.
    first = next(iter(items))
    where = re.compile(rf"(['\"]){re.escape(first)}\1\s*:\s*$".encode())
    value_at = starts[items[first].lineno - 1] + items[first].col_offset
    found = where.search(raw[:value_at])
    if not found:
        raise HostError(f"{name} writes DATABASES in a way that cannot be changed safely.")
    new = f"'{key}': {literal},\n        ".encode()
    return (raw[: found.start()] + new + raw[found.start() :]).decode()


def _single_quoted(text):
    # The package's own edits look for single quotes around these values.
    inner = repr('"' + text)[2:-1]  # the double quote makes repr use single ones
    return f"'{inner}'"
