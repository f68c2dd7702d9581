"""A cluster's or rack's local settings beside URL, uuid and secret, one table for all releases."""

from __future__ import annotations

import dataclasses

from saltext.maas.host import files, formats
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation


@dataclasses.dataclass(frozen=True)
class Setting:
    """One of them.

    Attributes:
        name: Ours, and the key in ``clusterd.conf`` or ``rackd.conf``.
        since: Release that can set it.
        kind: ``int``, ``bool`` or ``str``.
        least: Smallest number.
        most: Largest number.
        pserv: Key in ``pserv.yaml``, up to 1.8.
    """

    name: str
    since: str
    kind: type
    least: int = 0
    most: int = 2**31 - 1
    pserv: str | None = None

    def normal(self, value):
        """A value in this setting's type.

        Raises:
            HostError: It does not fit.
        """
        text = str(value).strip()
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise HostError(f"{self.name}: {value!r} is neither true nor false.")
            return text.lower() == "true"
        if self.kind is int:
            if isinstance(value, bool) or not text.isdigit():
                raise HostError(f"{self.name}: {value!r} is not a whole number.")
            if not self.least <= int(text) <= self.most:
                raise HostError(
                    f"{self.name}: {value!r} is not a number from {self.least} to {self.most}."
                )
            return int(text)
        if not text.startswith("/") or any(char.isspace() or char in "#'\"" for char in text):
            raise HostError(
                f"{self.name}: {value!r} is not an absolute path without spaces or quotes."
            )
        return text


SETTINGS = (
    Setting("tftp_port", "1.5", int, 1, 65535, "port"),
    Setting("tftp_root", "1.5", str, pserv="resource_root"),
    Setting("debug", "2.4", bool),
    Setting("max_idle_rpc_connections", "3.3", int, 1),
    Setting("max_rpc_connections", "3.3", int, 1),
    Setting("rpc_keepalive", "3.3", int),
    Setting("tftp_max_blksize", "3.5", int, 8, 65464),
    Setting("httpproxy_cache_size", "3.5", int, 1),
)
BY_NAME = {item.name: item for item in SETTINGS}


def read(installation: Installation) -> dict:
    """The settings as they hold: from the file, else by default where that is known.

    Returns:
        ``{name: value or None}``; None is MAAS's own default.
    """
    defaults = {"tftp_port": 69, "tftp_root": installation.fact("tftp_root"), "debug": False}
    held = _held(installation)
    found = {}
    for item in _available(installation):
        value = held.get(item.name)
        try:
            found[item.name] = defaults.get(item.name) if value is None else item.normal(value)
        except HostError:
            found[item.name] = value  # wrong, and so it differs from whatever is wanted
        if item.kind is str and found[item.name]:
            found[item.name] = found[item.name].rstrip("/")
    return found


def _held(installation):
    if installation.has("pserv"):
        text = files.read(installation.path("pserv"))
        return {item.name: formats.pserv_value(text, item.pserv) for item in SETTINGS if item.pserv}
    path = installation.path("cluster_config")
    return formats.yaml_read(files.read(path), installation.inside(path))


def _available(installation):
    return [item for item in SETTINGS if installation.release >= item.since]


def desired(installation: Installation, given: dict) -> dict:
    """Check settings that someone wants and bring them into their types; None leaves alone.

    Raises:
        HostError: A setting is unknown, not of this release, or its value does not fit.
    """
    result = {}
    for name, value in given.items():
        if name not in BY_NAME:
            have = ", ".join(item.name for item in _available(installation))
            raise HostError(f"A cluster has no local setting {name}; it has {have}.")
        if value is None:
            continue
        if installation.release < BY_NAME[name].since:
            raise HostError(
                f"{name}: MAAS {installation.release} has no such setting; it came with "
                f"{BY_NAME[name].since}."
            )
        result[name] = BY_NAME[name].normal(value)
        if BY_NAME[name].kind is str:
            result[name] = result[name].rstrip("/") or "/"
    return result


def write(installation: Installation, changed: dict) -> None:
    """Put settings into the file that holds them; all else in it stays.

    Raises:
        HostError: It cannot be written.
    """
    if not changed:
        return
    if installation.has("pserv"):
        path = installation.path("pserv")
        text = files.read(path)
        for name, value in changed.items():
            text = formats.pserv_set(text, BY_NAME[name].pserv, str(value))
        files.replace(installation, path, text, formats.yaml_read, mode=0o644, backup=False)
        return
    path = installation.path("cluster_config")
    new = formats.yaml_update(files.read(path), changed, installation.inside(path))
    owner = ("root", "root") if installation.kind == "snap" else ("root", "maas")
    files.replace(installation, path, new, formats.yaml_read, owner=owner, backup=False)
