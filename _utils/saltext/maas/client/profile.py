"""How to reach one region's API."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from urllib.parse import urlsplit

from saltext.maas.errors import BadInput
from saltext.maas.release import Release, known

_KEY = re.compile(r"^[^\s:]+:[^\s:]+:[^\s:]+$")


@dataclasses.dataclass(frozen=True)
class Profile:
    """How to reach one region's API.

    Args:
        url: The region's URL, such as ``http://192.0.2.10:5240/MAAS``.
        api_key: ``consumer:token:secret``, or empty for anonymous calls.
        ca_file: PEM file with the CA that signed the region's certificate.
        verify: False switches certificate checking off.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer; MAAS may need tens of
            seconds for a write that collides with others.
        deadline: Seconds after which one call, its retries included, is given up.
        concurrency: How many requests may be under way at once.
        release: The region's release where it is known beforehand.
        max_body: Size in MiB that an answer may have.
        place: Where all that stands, for messages.

    Raises:
        BadInput: From :meth:`from_mapping`, naming every wrong key.
    """

    url: str
    api_key: str = dataclasses.field(default="", repr=False)
    ca_file: str = ""
    verify: bool = True
    connect_timeout: float = 10.0
    read_timeout: float = 90.0
    deadline: float = 180.0
    concurrency: int = 4
    release: Release | None = None
    max_body: float = 100.0
    place: str = dataclasses.field(default="maas:api", repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "url", base_url(self.url))

    @classmethod
    def from_mapping(cls, values: dict, where: str = "maas:api") -> Profile:
        """Build a profile from configuration, refusing what is wrong.

        Args:
            values: The keys above.
            where: Where the values stand, for the messages.
        """
        names = {field.name for field in dataclasses.fields(cls)} - {"place"}
        problems = [
            f"{where}:{key}: unknown key; allowed: {', '.join(sorted(names))}"
            for key in values
            if key not in names
        ]
        url = str(values.get("url") or "")
        problems += [f"{where}:url: {problem}" for problem in url_problems(url)]
        key = values.get("api_key") or ""
        if key and not api_key_fits(str(key)):
            problems.append(f"{where}:api_key: must have the form consumer:token:secret")
        kept = {key: value for key, value in values.items() if key in names and value is not None}
        for name in ("connect_timeout", "read_timeout", "deadline", "concurrency", "max_body"):
            value = kept.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                problems.append(f"{where}:{name}: {value!r} is not a number above 0")
        if "release" in kept:
            try:
                kept["release"] = known(kept["release"])
            except ValueError as error:
                problems.append(f"{where}:release: {error}")
        if problems:
            raise BadInput(problems)
        return cls(**{**kept, "url": url, "api_key": str(key)}, place=where)

    @property
    def unencrypted(self) -> bool:
        """Whether keys and passwords cross a network as they are: ``http`` to another host."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", "localhost.localdomain", "ip6-localhost")


def api_key_fits(text: str) -> bool:
    """Whether a text has the form of an API key."""
    return bool(_KEY.match(text))


def base_url(url: str) -> str:
    """Cut a region URL down to where MAAS is mounted: no ``/api/...``, no final slash."""
    return re.sub(r"/api(/\d\.\d)?/*$", "", url.rstrip("/")).rstrip("/")


def url_problems(url: str) -> list[str]:
    """Say what is wrong with a region URL; the value is shown only when it holds no password."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        return ["is not a URL that can be read; a port is a number from 1 to 65535"]
    if parts.username or parts.password:
        return ["must not hold a user name or password"]
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [f"{url!r} is not a URL such as http://192.0.2.10:5240/MAAS"]
    if not port_ok:
        return [f"{url!r} has a port outside 1 to 65535"]
    if re.search(r"\s", url) or parts.query or parts.fragment:
        return [f"{url!r} must hold no space, query or fragment"]
    return []
