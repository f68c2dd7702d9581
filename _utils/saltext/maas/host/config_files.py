"""A region's local configuration: which files hold it, read in one shape and written."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from saltext.maas.host import debconf, files, formats, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN

#: What belongs to the database, and to RabbitMQ in 1.5 and 1.6.
DATABASE = ("host", "port", "name", "user", "password")
_BROKER = ("host", "longpoll_password", "workers_host", "workers_password")


@dataclasses.dataclass(frozen=True)
class ConfigFile:
    """One file with settings of a region.

    Attributes:
        place: Its name in :mod:`saltext.maas.host.layouts`.
        settings: The settings that it holds.
        read: From its text and its name to ``{setting: value}``.
        update: From its text, ``{setting: value}`` and its name to the new text.
    """

    place: str
    settings: tuple[str, ...]
    read: Callable[[str | None, str], dict]
    update: Callable[[str | None, dict, str], str]


_LONGPOLL = ConfigFile(
    "txlongpoll",
    ("broker_host", "broker_longpoll_password"),
    formats.longpoll_read,
    formats.longpoll_update,
)
_CELERY = ConfigFile(
    "celery_config",
    ("broker_workers_host", "broker_workers_password"),
    formats.broker_url_read,
    formats.broker_url_update,
)


def config_files(installation: Installation) -> list[ConfigFile]:
    """Return the files of this host's release, the leading one first."""
    table = available(installation)
    if installation.fact("region_format") != "python":
        return [_yaml(table)]
    names = tuple(name for name in table if not name.startswith("broker_workers"))
    django = ConfigFile("region_config", names, formats.python_read, formats.python_update)
    return [one for one in (django, _LONGPOLL, _CELERY) if installation.has(one.place)]


def _yaml(table):
    ours = {item.key: name for name, item in table.items()}

    def read(text, name):
        data = formats.yaml_read(text, name)
        return {ours[key]: value for key, value in data.items() if key in ours}

    def update(text, changes, name):
        return formats.yaml_update(
            text, {table[key].key: new for key, new in changes.items()}, name
        )

    return ConfigFile("region_config", tuple(table), read, update)


def read_all(installation: Installation) -> dict[str, list[tuple[Any, str]]]:
    """Return every setting's values with the files they are in.

    Returns:
        ``{setting: [(value, file)]}``; a setting that is in no file is missing.

    Raises:
        HostError: A file cannot be read or is broken.
    """
    table = available(installation)
    found: dict[str, list[tuple[Any, str]]] = {}
    for one in config_files(installation):
        path = installation.path(one.place)
        name = installation.inside(path)
        for setting, value in one.read(files.read(path), name).items():
            # An empty port is Django's word for the default.
            empty = value is None or (setting == "database_port" and value == "")
            if setting in one.settings and not empty:
                found.setdefault(setting, []).append((table[setting].normal(value), name))
    return found


def places(installation: Installation) -> dict[str, list[tuple[Any, str]]]:
    """As :func:`read_all`, with the database's login from Vault where the region keeps it there."""
    found = read_all(installation)
    if "database_name" not in found and vault.config(installation):
        with contextlib.suppress(HostError):  # then the defaults are shown
            for name, value in vault.database_login(installation).items():
                found.setdefault(name, []).append((value, "vault"))
    return found


def values(installation: Installation, found=None) -> tuple[dict[str, Any], dict[str, str]]:
    """Return every setting's value, passwords too, and its source; not to be shown.

    Args:
        found: From :func:`places`, if they were read already.

    Returns:
        ``({setting: value}, {setting: file, "vault" or "default"})``.
    """
    found = places(installation) if found is None else found
    result: dict[str, Any] = {"database_port": 5432}
    sources = {}
    for name, setting in available(installation).items():
        default = setting.default
        if name == "url" and name not in found:
            default = debconf.url_from_host(installation, "localhost")
        result[name], sources[name] = found.get(name, [(default, "default")])[0]
    return result, sources


def read_config(installation: Installation, secrets: bool = False) -> dict[str, Any]:
    """Read the region's local configuration from its files, in one shape for all releases.

    Args:
        secrets: Show passwords instead of asterisks.

    Returns:
        ``{"url", "database": {"host", "port", "name", "user", "password"},
        "debug", ..., "sources": {setting: file or "default"}}``, in 1.5 and 1.6 with
        ``"broker": {"host", "longpoll_password", "workers_host", "workers_password"}``.

    Raises:
        HostError: No region here, or a file is broken.
    """
    installation.need("region")
    found, sources = values(installation)
    if not secrets:
        for name, setting in available(installation).items():
            if setting.secret and found.get(name):
                found[name] = HIDDEN
    database = {key: found.pop(f"database_{key}") for key in DATABASE}
    shown = {**found, "database": database, "sources": sources}
    if "broker_host" in found:
        shown["broker"] = {key: shown.pop(f"broker_{key}") for key in _BROKER}
    return shown


def paths(installation: Installation, changed: Iterable[str]) -> list[str]:
    """Return the files that a change of these settings touches."""
    return [
        installation.path(one.place)
        for one in config_files(installation)
        if set(one.settings) & set(changed)
    ]


def write(installation: Installation, changed: dict) -> None:
    """Put settings into every file that holds them; each file is swapped once.

    Raises:
        HostError: A file is missing or cannot be written, or would not hold them.
    """
    yaml = installation.fact("region_format") != "python"
    owner = installation.fact("region_owner")
    for one in config_files(installation):
        mine = {name: value for name, value in changed.items() if name in one.settings}
        if not mine:
            continue
        path = installation.path(one.place)
        name = installation.inside(path)
        text = files.read(path)
        if text is None and not yaml:
            raise HostError(f"{name} is missing; reinstall the package maas-region-controller.")

        def holds(on_disk, one=one, name=name, mine=mine):
            found = one.read(on_disk, name)
            wrong = [key for key, value in mine.items() if str(found.get(key)) != str(value)]
            if wrong:
                raise HostError(f"{name} would not hold {', '.join(wrong)} after the edit.")

        files.replace(installation, path, one.update(text, mine, name), holds, owner=owner)
