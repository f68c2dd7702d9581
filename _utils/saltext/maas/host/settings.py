"""The region's local settings, one table for all releases."""

from __future__ import annotations

import dataclasses

from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface


@dataclasses.dataclass(frozen=True)
class Setting:
    """One local setting of a region controller.

    Attributes:
        name: Ours.
        key: Key in ``regiond.conf``.
        since: Release that can set it.
        default: What holds when it is not set.
        secret: Never shown, never an argument of a command.
    """

    name: str
    key: str
    since: str
    default: object
    secret: bool = False

    @property
    def option(self) -> str:
        """Its option of ``local_config_set``."""
        return "--" + self.key.replace("_", "-")

    def normal(self, value):
        """A value in this setting's type.

        Raises:
            HostError: It has another type.
        """
        try:
            if isinstance(self.default, bool):
                return _BOOLEANS[str(value).lower()]
            if isinstance(self.default, int):
                return int(value)
        except (KeyError, ValueError):
            kind = "true or false" if isinstance(self.default, bool) else "a whole number"
            raise HostError(f"{self.name} must be {kind}.") from None
        text = str(value)
        if "\n" in text:
            raise HostError(f"{self.name} must be one line.")
        return text.rstrip("/") if self.name == "url" else text


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}

SETTINGS = (
    Setting("url", "maas_url", "1.5", "http://localhost:5240/MAAS"),
    Setting("database_host", "database_host", "1.5", "localhost"),
    Setting("database_port", "database_port", "2.1", 5432),
    Setting("database_name", "database_name", "1.5", "maasdb"),
    Setting("database_user", "database_user", "1.5", "maas"),
    Setting("database_password", "database_pass", "1.5", "", secret=True),
    Setting("num_workers", "num_workers", "2.4", 4),
    Setting("debug", "debug", "2.4", False),
    Setting("debug_queries", "debug_queries", "2.4", False),
    Setting("debug_http", "debug_http", "2.4", False),
    Setting("broadcast_address", "broadcast_address", "3.5", ""),
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


def available(surface: Surface) -> dict[str, Setting]:
    """The settings that this host's release has, by name."""
    if surface.fact("region_format") == "python":
        return {item.name: item for item in SETTINGS if item.name in IN_PYTHON}
    return {item.name: item for item in SETTINGS if surface.release >= item.since}


def wanted(surface: Surface, given: dict) -> dict:
    """Check settings that someone wants and bring them into their types.

    Args:
        surface: The host.
        given: ``{name: value}``; None means: leave alone.

    Raises:
        HostError: A setting is unknown, not of this release, or of a wrong type.
    """
    table = available(surface)
    known = {item.name for item in SETTINGS}
    result = {}
    for name, value in given.items():
        if name not in known:
            raise HostError(f"A region has no local setting {name}; it has {', '.join(table)}.")
        if value is None:
            continue
        if name not in table:
            raise HostError(f"MAAS {surface.release} has no local setting {name}.")
        result[name] = table[name].normal(value)
    return result
