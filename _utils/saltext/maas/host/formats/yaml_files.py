"""YAML: regiond.conf, clusterd.conf, rackd.conf (flat), pserv.yaml and txlongpoll.yaml.

Lines are edited by hand: a YAML library would write YAML 1.2, which MAAS, whose is 1.1, reads
otherwise (a password ``yes``), and respace lines that nobody changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from saltext.maas import parsing
from saltext.maas.host.errors import HostError

_GENERATOR = re.compile(
    r"^(?P<indent>[ \t]*)#?[ \t]*generator:[ \t]*(?P<url>\S*)[ \t]*$", re.MULTILINE
)
_BROKER = re.compile(r"^broker:[ \t]*(?:#.*)?\n((?:[ \t]+.*\n|[ \t]*\n|#.*\n)*)", re.MULTILINE)
_LONGPOLL_KEYS = {"broker_host": "host", "broker_longpoll_password": "password"}


def yaml_read(text: str | None, name: str = "the file") -> dict[str, Any]:
    """Read a flat YAML mapping; no text is an empty one.

    Raises:
        HostError: It is something else.
    """
    try:
        data = parsing.of_yaml(text or "")
    except ValueError as error:
        raise HostError(f"{name} is {error}.") from None
    if not isinstance(data, (dict, type(None))):
        raise HostError(f"{name} is not a YAML mapping.")
    return data or {}


def yaml_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set keys of a flat YAML mapping; None removes one; comments and other keys stay."""
    gone = {key for key, value in changes.items() if value is None}
    desired = {**yaml_read(text, name), **changes}
    desired = {key: value for key, value in desired.items() if key not in gone}
    lines = (text or "").splitlines()
    for key, value in changes.items():
        new = [] if value is None else _yaml_text({key: value}).splitlines()
        start = re.compile(rf"(['\"]?){re.escape(key)}\1\s*:(\s|$)")
        place = next((at for at, line in enumerate(lines) if start.match(line)), len(lines))
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


def longpoll_read(text: str | None, name: str = "the file") -> dict[str, Any]:
    """Return ``broker_host`` and ``broker_longpoll_password`` of the section ``broker``."""
    section = yaml_read(text, name).get("broker")
    section = section if isinstance(section, dict) else {}
    return {
        ours: section[key] for ours, key in _LONGPOLL_KEYS.items() if section.get(key) is not None
    }


def longpoll_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set them in double quotes behind two spaces, as the package's own edits expect.

    Raises:
        HostError: There is no section ``broker``.
    """
    text = text or ""
    found = _BROKER.search(text)
    if not found:
        raise HostError(f"{name} has no section broker.")
    section = found.group(1)
    for ours, value in changes.items():
        key = _LONGPOLL_KEYS[ours]
        line = f'  {key}: "{value}"'
        new, count = re.subn(
            rf"^[ \t]+{key}:.*$", lambda _, line=line: line, section, count=1, flags=re.MULTILINE
        )
        section = new if count else f"{line}\n{section}"
    return text[: found.start(1)] + section + text[found.end(1) :]


def pserv_generator(text: str | None) -> str | None:
    """Return the URL of the ``generator:`` line, or None when it is only a comment."""
    for found in _GENERATOR.finditer(text or ""):
        if "#" not in found.group(0):
            return found.group("url") or None
    return None


def pserv_set_generator(text: str, region_url: str) -> str:
    """Point the ``generator:`` line at a region; a commented one comes to life if it is alone.

    Raises:
        HostError: There is no such line.
    """
    url = f"{region_url.rstrip('/')}/api/1.0/pxeconfig/"
    live = pserv_generator(text)

    def line(found):
        keep = live and "#" in found[0]
        return found[0] if keep else f"{found['indent']}generator: {url}"

    new, count = _GENERATOR.subn(line, text)
    if not count:
        raise HostError("pserv.yaml has no generator line.")
    return new


def pserv_value(text: str | None, key: str) -> str | None:
    """Return the value of a key of the ``tftp:`` section, or None when it is only a comment."""
    for _, line in _tftp_lines((text or "").split("\n")):
        found = re.match(rf"[ \t]+{re.escape(key)}:[ \t]*(\S+)", line)
        if found:
            return found.group(1)
    return None


def pserv_set(text: str | None, key: str, value: str) -> str:
    """Set a key of the ``tftp:`` section; a commented line comes to life."""
    lines = (text or "").split("\n")
    for comment in ("", "#[ \t]*"):
        for number, line in _tftp_lines(lines):
            found = re.match(rf"([ \t]+){comment}{re.escape(key)}:", line)
            if found:
                lines[number] = f"{found.group(1)}{key}: {value}"
                return "\n".join(lines)
    head = next((at for at, line in enumerate(lines) if re.match(r"tftp:\s*$", line)), None)
    if head is None:
        return f"{(text or '').rstrip()}\ntftp:\n  {key}: {value}\n".lstrip()
    lines.insert(head + 1, f"  {key}: {value}")
    return "\n".join(lines)


def _tftp_lines(lines) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(lines):
        if re.match(r"[^\s#]", line):
            inside = bool(re.match(r"tftp:\s*$", line))
        elif inside:
            yield number, line
