"""URLs and addresses that somebody gives for a host's configuration."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from saltext.maas.host.errors import HostError

EXAMPLE = "http://192.0.2.10:5240/MAAS"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.%]+")
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


def region_url(text: str, name: str = "url") -> str:
    """Check a region URL.

    Args:
        text: Such as ``http://192.0.2.10:5240/MAAS``.
        name: Argument or setting, for the message.

    Returns:
        It without a slash at its end.

    Raises:
        HostError: No scheme, only a host, user or password in it, a port that is none, ...;
            a password is not repeated.
    """
    text = str(text).strip()
    wrong = _wrong(text)
    if wrong:
        raise HostError(f"{name} {wrong}; a region URL is such as {EXAMPLE}.")
    return text.rstrip("/")


def _wrong(text):
    if "@" in text.partition("://")[2].partition("/")[0] or "@" in text.partition("/")[0]:
        return "must hold no user or password"
    shown = repr(text[:100])
    if "://" not in text:
        return f"is only a host or path: {shown}" if text else "is empty"
    if re.search(r"[\s\"'\\`$<>]", text):
        return f"holds a space, quote or other character that no URL has: {shown}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return f"has no valid port or address (a port is 1 to 65535): {shown}"
    if parts.scheme not in ("http", "https"):
        return f"is neither http:// nor https://: {shown}"
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        return f"has no valid host: {shown}"
    if port == 0:
        return f"has no valid port (a port is 1 to 65535): {shown}"
    if parts.query or parts.fragment:
        return f"must have no '?' or '#': {shown}"
    return None


def plain_url(text: str, name: str) -> str:
    """Like :func:`region_url` for another service's URL."""
    text = str(text).strip()
    wrong = _wrong(text)
    if wrong:
        raise HostError(f"{name} {wrong}.")
    return text.rstrip("/")


def loopback(host: str) -> bool:
    """Whether a host name or address is this host itself."""
    return not host or _LOOPBACK.fullmatch(host.strip("[]").lower()) is not None
