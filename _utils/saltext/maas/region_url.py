"""The URL of a region: what it may be, wherever somebody gives one."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from saltext.maas.redact import redact

EXAMPLE = "http://192.0.2.10:5240/MAAS"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+(%\w+)?")
#: What would act in one of the files that a host keeps its region's URL in.
_UNSAFE = re.compile(r"[\"'`$\\;|&<>{}]")


def problem(url: object) -> str | None:
    """Say what is wrong with the URL of a region.

    Args:
        url: Such as ``http://192.0.2.10:5240/MAAS``; what follows from ``/api/`` on is not MAAS's
            place, but taken.

    Returns:
        The end of a sentence that begins with the name of what holds it; a user or password in it
        is not repeated. None where nothing is wrong.

    Example:
        ``problem("http://192.0.2.10:5240")`` is ``"'http://192.0.2.10:5240' must be a region's URL
        such as http://192.0.2.10:5240/MAAS: it has no path, MAAS is at /MAAS"``.
    """
    return _sentence(str(url), f"a region's URL such as {EXAMPLE}", region=True)


def service_problem(url: object) -> str | None:
    """Say what is wrong with the URL of another service, such as a mirror; see :func:`problem`."""
    return _sentence(str(url), "a URL of http:// or https://", region=False)


def _sentence(url, allowed, region) -> str | None:
    # People forget to quote a slash in a password.
    authority = url if region else re.split(r"[/?#]", url.partition("://")[2] or url)[0]
    if "@" in authority:
        return "must hold no user or password"
    reason = _reason(url, region)
    return f"{redact(url)[:100]!r} must be {allowed}: {reason}" if reason else None


def _reason(url, region) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its address or port cannot be read; a port is a number from 1 to 65535"
    if parts.scheme not in ("http", "https") or "://" not in url:
        return "it must begin with http:// or https://"
    if not parts.hostname:
        return "it has no host"
    if port == 0:
        return "a port is a number from 1 to 65535"
    if re.search(r"\s", url) or parts.query or parts.fragment:
        return "it must hold no space, query or fragment"
    if not region:
        return None
    if _UNSAFE.search(url):
        return "it must hold no quote, backslash or any of $ ; | & < > { }"
    if not _HOST.fullmatch(parts.hostname):
        return "its host is neither a name nor an address"
    return None if urlsplit(base(url)).path else "it has no path; MAAS is at /MAAS"


def base(url: str) -> str:
    """Cut a region's URL down to where MAAS is mounted: no ``/api/...``, no final slash."""
    return re.sub(r"/api(/\d\.\d)?/*$", "", url.rstrip("/")).rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is the host itself that uses it."""
    text = host.strip("[]").lower().partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return text in ("", "localhost", "localhost.localdomain", "ip6-localhost")
