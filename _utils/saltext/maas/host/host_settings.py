"""The local settings of region and cluster controllers, one table of each for all releases."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable
from typing import Any

from saltext.maas import region_url
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def _address(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _host(text):
    named = re.fullmatch(r"/[^\s'\"]+|[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return bool(named) or _address(text)


#: What values have to look like, and how messages say that.
FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "host": (_host, "a host name or address without port, or the folder of a socket"),
    "name": (lambda text: text and not re.search(r"[\s'\"\\]", text), "a name"),
    # The packages' own edits take no other characters.
    "letters": (
        lambda text: re.fullmatch(r"[A-Za-z0-9]{1,64}", text),
        "letters and digits only, at most 64",
    ),
    "address": (lambda text: not text or _address(text), "an IP address"),
    "path": (
        lambda text: re.fullmatch(r"/[^\s#'\"]*", text),
        "an absolute path without spaces or quotes",
    ),
}


@dataclasses.dataclass(frozen=True)
class LocalSetting:
    """One local setting of a region or cluster controller.

    Attributes:
        name: Its name in pillar and states.
        key: Its key in ``regiond.conf``, ``clusterd.conf`` or ``rackd.conf``; empty where it is in
            other files only.
        since: First release that has it.
        kind: ``int``, ``bool`` or ``str``.
        default: What holds when it is not set; None where MAAS chooses.
        up_to: Last release that has it; empty for none.
        form: What a value has to look like: a key of :data:`FORMS`, or empty.
        limits: Lowest and highest value of a number.
        secret: Never shown, never an argument of a command.
        pserv: Its key in a cluster's ``pserv.yaml``, up to 1.8.
    """

    name: str
    key: str
    since: str
    kind: type
    default: Any = None
    up_to: str = ""
    form: str = ""
    limits: tuple[int, int] = (0, 2**31 - 1)
    secret: bool = False
    pserv: str = ""

    @property
    def option(self) -> str:
        """Its option of ``local_config_set``."""
        return "--" + self.key.replace("_", "-")

    def normal(self, value: object) -> Any:
        """Return a value in this setting's type.

        Raises:
            HostError: It has another type, or is out of the limits.
        """
        text = str(value).strip() if self.kind is not str else str(value)
        if self.kind is bool:
            if text.lower() not in _BOOLEANS:
                raise self._wrong("true or false", value)
            return _BOOLEANS[text.lower()]
        if self.kind is int:
            low, high = self.limits
            if isinstance(value, (bool, float)) or not text.isdecimal():
                raise self._wrong(f"a whole number from {low} to {high}", value)
            if not low <= int(text) <= high:
                raise self._wrong(f"a whole number from {low} to {high}", value)
            return int(text)
        if "\n" in text or "\0" in text:
            raise HostError(f"{self.name} must be one line.")
        if self.form == "path":
            return text.rstrip("/") or "/"
        return text.rstrip("/") if self.name == "url" else text

    def checked(self, value: Any) -> Any:
        """Return a desired value like :meth:`normal`, with its form checked."""
        value = self.normal(value)
        wrong = region_url.problem(value) if self.name == "url" else None
        if wrong:
            raise HostError(f"url: {wrong}")
        if self.form and not FORMS[self.form][0](value):
            raise self._wrong(FORMS[self.form][1], value)
        return value

    def _wrong(self, expected, value):
        shown = "" if self.secret else f", not {str(value)[:60]!r}"
        return HostError(f"{self.name} must be {expected}{shown}.")


_LOCAL = "localhost"
#: A region's.
SETTINGS = (
    LocalSetting("url", "maas_url", "1.5", str, "http://localhost:5240/MAAS"),
    LocalSetting("database_host", "database_host", "1.5", str, _LOCAL, form="host"),
    LocalSetting("database_port", "database_port", "2.1", int, 5432, limits=(1, 65535)),
    LocalSetting("database_name", "database_name", "1.5", str, "maasdb", form="name"),
    LocalSetting("database_user", "database_user", "1.5", str, "maas", form="name"),
    LocalSetting("database_password", "database_pass", "1.5", str, "", secret=True),
    LocalSetting("num_workers", "num_workers", "2.4", int, 4, limits=(1, 1024)),
    LocalSetting("debug", "debug", "2.4", bool, False),
    LocalSetting("debug_queries", "debug_queries", "2.4", bool, False),
    LocalSetting("debug_http", "debug_http", "2.4", bool, False),
    LocalSetting("broadcast_address", "broadcast_address", "3.5", str, "", form="address"),
    LocalSetting("use_json_logging", "use_json_logging", "3.8", bool, True),
    LocalSetting("broker_host", "", "1.5", str, _LOCAL, "1.6", "host"),
    LocalSetting("broker_longpoll_password", "", "1.5", str, "", "1.6", "letters", secret=True),
    LocalSetting("broker_workers_password", "", "1.5", str, "", "1.6", "letters", secret=True),
    # What clusters read; it follows from the URL and the broker's host.
    LocalSetting("broker_workers_host", "", "1.5", str, _LOCAL, "1.6", "host"),
)

#: A cluster's or rack's beside URL, uuid and secret.
CLUSTER_SETTINGS = (
    LocalSetting("tftp_port", "tftp_port", "1.5", int, 69, limits=(1, 65535), pserv="port"),
    LocalSetting("tftp_root", "tftp_root", "1.5", str, form="path", pserv="resource_root"),
    LocalSetting("debug", "debug", "2.4", bool, False),
    LocalSetting("max_idle_rpc_connections", "max_idle_rpc_connections", "3.3", int,
                 limits=(1, 2**31 - 1)),
    LocalSetting("max_rpc_connections", "max_rpc_connections", "3.3", int, limits=(1, 2**31 - 1)),
    LocalSetting("rpc_keepalive", "rpc_keepalive", "3.3", int),
    LocalSetting("tftp_max_blksize", "tftp_max_blksize", "3.5", int, limits=(8, 65464)),
    LocalSetting("httpproxy_cache_size", "httpproxy_cache_size", "3.5", int,
                 limits=(1, 2**31 - 1)),
    LocalSetting("use_json_logging", "use_json_logging", "3.8", bool, True),
)  # fmt: skip

#: Settings that a Python settings file (before 1.9) can hold: Django's own database keys.
IN_PYTHON = (
    "url",
    "debug",
    "database_host",
    "database_port",
    "database_name",
    "database_user",
    "database_password",
)
#: Settings that nobody gives, since they follow from others.
DERIVED = ("broker_workers_host",)
#: Settings that the pillar has under their own name.
PILLAR = (
    "url",
    "num_workers",
    "debug",
    "debug_queries",
    "debug_http",
    "broadcast_address",
    "use_json_logging",
)


def available(installation: Installation, role: str = "region") -> dict[str, LocalSetting]:
    """Return the settings that this host's release has, by name.

    Args:
        role: ``region`` or ``cluster``.
    """
    table = SETTINGS if role == "region" else CLUSTER_SETTINGS
    python = role == "region" and installation.fact("region_format") == "python"
    return {
        item.name: item
        for item in table
        if (item.name in IN_PYTHON if python and item.key else installation.release >= item.since)
        and installation.release.within("", item.up_to)
    }


def desired(installation: Installation, given: dict, role: str = "region") -> dict[str, Any]:
    """Check desired settings and bring them into their types.

    Args:
        given: ``{name: value}``; None leaves a setting alone.
        role: ``region`` or ``cluster``.

    Raises:
        HostError: A setting is unknown, not of this release, or of a wrong type or form.
    """
    table = available(installation, role)
    every = SETTINGS if role == "region" else CLUSTER_SETTINGS
    known = {item.name: item for item in every if item.name not in DERIVED}
    result = {}
    for name, value in given.items():
        if name not in known:
            have = ", ".join(name for name in table if name not in DERIVED)
            raise HostError(f"A {role} has no local setting {name}; it has {have}.")
        if value is None:
            continue
        if name not in table:
            later = known[name].since if installation.release < known[name].since else ""
            since = f"; it came with {later}" if later else ""
            raise HostError(f"MAAS {installation.release} has no local setting {name}{since}.")
        result[name] = table[name].checked(value)
    return result


def described(region: dict) -> dict[str, Any]:
    """Return the settings that the pillar's part ``maas:region`` has, by name."""
    found = {name: region.get(name) for name in PILLAR if region.get(name) is not None}
    for group in ("database", "broker"):
        for key, value in (region.get(group) or {}).items():
            if value is not None:
                found[f"{group}_{key}"] = value
    return found
