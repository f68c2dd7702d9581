"""Flat YAML: regiond.conf, clusterd.conf, rackd.conf."""

from __future__ import annotations

import re

import yaml
from saltext.maas.host.errors import HostError


def yaml_read(text: str | None, name: str = "the file") -> dict:
    """Read a flat YAML mapping; no text is an empty one.

    Raises:
        HostError: It is something else.
    """
    try:
        data = yaml.safe_load(text or "")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise HostError(f"{name} is not valid YAML{where}.") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise HostError(f"{name} is not a YAML mapping.")
    return data


def yaml_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set keys of a flat YAML mapping; comments and other keys stay.

    Args:
        text: What the file holds now.
        changes: New values; None removes a key.
        name: File for messages.

    Returns:
        The new text.
    """
    desired = {**yaml_read(text, name), **changes}
    desired = {key: value for key, value in desired.items() if value is not None}
    lines = (text or "").splitlines()
    for key, value in changes.items():
        new = [] if value is None else _yaml_line(key, value)
        place = next((at for at, line in enumerate(lines) if _is_key(line, key)), None)
        if place is None:
            lines += new
            continue
        end = place + 1
        while end < len(lines) and re.match(r"[ \t]+\S|- ", lines[end]):
            end += 1
        lines[place:end] = new
    edited = "\n".join([*lines, ""]) if lines else ""
    try:
        same = yaml_read(edited, name) == desired
    except HostError:
        same = False
    # A layout that lines cannot express, such as {a: 1}, is written anew.
    return edited if same else _yaml_text(desired)


def _yaml_text(data):
    return yaml.safe_dump(data, default_flow_style=False, width=10**6)


def _yaml_line(key, value):
    return _yaml_text({key: value}).splitlines()


def _is_key(line, key):
    return re.match(rf"(['\"]?){re.escape(key)}\1\s*:(\s|$)", line) is not None
