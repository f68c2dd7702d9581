"""pserv.yaml: the generator's URL, and its section tftp."""

from __future__ import annotations

import re

from saltext.maas.host.errors import HostError

_GENERATOR = re.compile(
    r"^(?P<indent>[ \t]*)#?[ \t]*generator:[ \t]*(?P<url>\S*)[ \t]*$", re.MULTILINE
)


def pserv_generator(text: str | None) -> str | None:
    """The URL of the ``generator:`` line, or None when it is only a comment."""
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
    """Value of a key of the ``tftp:`` section, or None when it is only a comment."""
    for _, line in _tftp_lines((text or "").split("\n")):
        found = re.match(rf"[ \t]+{re.escape(key)}:[ \t]*(\S+)", line)
        if found:
            return found.group(1)
    return None


def pserv_set(text: str | None, key: str, value: str) -> str:
    """Set a key of the ``tftp:`` section; a commented line comes to life."""
    lines = (text or "").split("\n")
    section = list(_tftp_lines(lines))
    for pattern in (rf"([ \t]+){re.escape(key)}:", rf"([ \t]+)#[ \t]*{re.escape(key)}:"):
        for number, line in section:
            found = re.match(pattern, line)
            if found:
                lines[number] = f"{found.group(1)}{key}: {value}"
                return "\n".join(lines)
    head = next((at for at, line in enumerate(lines) if re.match(r"tftp:\s*$", line)), None)
    if head is None:
        return f"{(text or '').rstrip()}\ntftp:\n  {key}: {value}\n".lstrip()
    lines.insert(head + 1, f"  {key}: {value}")
    return "\n".join(lines)


def _tftp_lines(lines):
    inside = False
    for number, line in enumerate(lines):
        if re.match(r"[^\s#]", line):
            inside = bool(re.match(r"tftp:\s*$", line))
        elif inside:
            yield number, line
