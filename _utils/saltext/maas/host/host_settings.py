"""The region's local settings, one table for all releases."""

from __future__ import annotations

import dataclasses
import ipaddress
import re

from saltext.maas import region_url
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation


@dataclasses.dataclass(frozen=True)
class Setting:
    """One local setting of a region controller.

    Attributes:
        name: Ours.
        key: Key in ``regiond.conf``; empty where it is only in other files.
        since, up_to: First and last release that has it; empty for none.
        default: What holds when it is not set.
        secret: Never shown, never an argument of a command.
        form: What a value has to look like: a key of :data:`FORMS`, or empty.
        limits: Lowest and highest value of a number.
    """

    name: str
    key: str
    since: str
    default: object
    secret: bool = False
    up_to: str = ""
    form: str = ""
    limits: tuple[int, int] = (0, 2**31 - 1)

    @property
    def option(self) -> str:
        """Its option of ``local_config_set``."""
        return "--" + self.key.replace("_", "-")

    def normal(self, value):
        """A value in this setting's type.

        Raises:
            HostError: It has another type, or a form that MAAS does not take.
        """
        if isinstance(self.default, bool):
            return self._boolean(value)
        if isinstance(self.default, int):
            return self._number(value)
        text = str(value)
        if "\n" in text or "\0" in text:
            raise HostError(f"{self.name} must be one line.")
        return text.rstrip("/") if self.name == "url" else text

    def checked(self, value):
        """Like :meth:`normal` for a value that somebody wants, with its form checked."""
        value = self.normal(value)
        if self.name == "url":
            wrong = region_url.problem(value)
            if wrong:
                raise HostError(f"url: {wrong}")
            return value
        if self.form and not FORMS[self.form][0](value):
            raise HostError(f"{self.name} must be {FORMS[self.form][1]}{self._shown(value)}.")
        return value

    def _shown(self, value):
        return "" if self.secret else f", not {str(value)[:60]!r}"

    def _boolean(self, value):
        try:
            return _BOOLEANS[str(value).lower()]
        except KeyError:
            raise HostError(f"{self.name} must be true or false{self._shown(value)}.") from None

    def _number(self, value):
        low, high = self.limits
        try:
            number = int(value)
            if not low <= number <= high or isinstance(value, (bool, float)):
                raise ValueError
        except (ValueError, TypeError):
            raise HostError(
                f"{self.name} must be a whole number from {low} to {high}{self._shown(value)}."
            ) from None
        return number


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def _address(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


#: What values have to look like, and how messages say that.
FORMS = {
    "host": (
        lambda text: (
            bool(re.fullmatch(r"/[^\s'\"]+|[A-Za-z0-9][A-Za-z0-9._-]*", text)) or _address(text)
        ),
        "a host name or address without port, or the folder of a socket",
    ),
    "name": (lambda text: bool(text) and not re.search(r"[\s'\"\\]", text), "a name"),
    # The packages' own edits take no other characters.
    "letters": (
        lambda text: bool(re.fullmatch(r"[A-Za-z0-9]{1,64}", text)),
        "letters and digits only, at most 64",
    ),
    "address": (lambda text: not text or _address(text), "an IP address"),
}

SETTINGS = (
    Setting("url", "maas_url", "1.5", "http://localhost:5240/MAAS"),
    Setting("database_host", "database_host", "1.5", "localhost", form="host"),
    Setting("database_port", "database_port", "2.1", 5432, limits=(1, 65535)),
    Setting("database_name", "database_name", "1.5", "maasdb", form="name"),
    Setting("database_user", "database_user", "1.5", "maas", form="name"),
    Setting("database_password", "database_pass", "1.5", "", secret=True),
    Setting("num_workers", "num_workers", "2.4", 4, limits=(1, 1024)),
    Setting("debug", "debug", "2.4", False),
    Setting("debug_queries", "debug_queries", "2.4", False),
    Setting("debug_http", "debug_http", "2.4", False),
    Setting("broadcast_address", "broadcast_address", "3.5", "", form="address"),
    Setting("broker_host", "", "1.5", "localhost", up_to="1.6", form="host"),
    Setting("broker_longpoll_password", "", "1.5", "", True, "1.6", "letters"),
    Setting("broker_workers_password", "", "1.5", "", True, "1.6", "letters"),
    # What clusters are told; it follows from the URL and the broker's host.
    Setting("broker_workers_host", "", "1.5", "localhost", up_to="1.6", form="host"),
)

#: What a Python settings file (before 1.9) can hold: Django's own database keys.
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


def available(installation: Installation) -> dict[str, Setting]:
    """The settings that this host's release has, by name."""
    python = installation.fact("region_format") == "python"
    return {
        item.name: item
        for item in SETTINGS
        if (item.name in IN_PYTHON if python and item.key else installation.release >= item.since)
        and installation.release.within("", item.up_to)
    }


def desired(installation: Installation, given: dict) -> dict:
    """Check settings that someone wants and bring them into their types.

    Args:
        installation: The host.
        given: ``{name: value}``; None means: leave alone.

    Raises:
        HostError: A setting is unknown, not of this release, or of a wrong type or form.
    """
    table = available(installation)
    known = {item.name for item in SETTINGS if item.name not in DERIVED}
    result = {}
    for name, value in given.items():
        if name not in known:
            have = ", ".join(name for name in table if name not in DERIVED)
            raise HostError(f"A region has no local setting {name}; it has {have}.")
        if value is None:
            continue
        if name not in table:
            raise HostError(f"MAAS {installation.release} has no local setting {name}.")
        result[name] = table[name].checked(value)
    return result


def described(region: dict) -> dict:
    """Settings from the pillar's part ``maas:region``.

    Args:
        region: That mapping.

    Returns:
        ``{setting: value}`` of those that stand there.
    """
    found = {name: region.get(name) for name in PILLAR if region.get(name) is not None}
    for group in ("database", "broker"):
        for key, value in (region.get(group) or {}).items():
            if value is not None:
                found[f"{group}_{key}"] = value
    return found


#: Settings that the pillar has under their own name.
PILLAR = (
    "url",
    "num_workers",
    "debug",
    "debug_queries",
    "debug_http",
    "broadcast_address",
)
