"""The files that a region's settings are in, by release; some stand in several of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from saltext.maas.host import files, formats
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available
from saltext.maas.host.installation import Installation


@dataclasses.dataclass(frozen=True)
class Document:
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


def documents(installation: Installation) -> list[Document]:
    """The files of this host's release, the leading one first."""
    table = available(installation)
    if installation.fact("region_format") != "python":
        return [_yaml(table)]
    longpoll = ("broker_host", "broker_longpoll_password")
    found = [
        Document(
            "region_config",
            tuple(name for name in table if not name.startswith("broker_workers")),
            formats.python_read,
            formats.python_update,
        ),
        Document("txlongpoll", longpoll, formats.longpoll_read, formats.longpoll_update),
        Document(
            "celery_config",
            ("broker_workers_host", "broker_workers_password"),
            formats.broker_url_read,
            formats.broker_url_update,
        ),
    ]
    return [one for one in found if installation.has(one.place)]


def _yaml(table):
    ours = {item.key: name for name, item in table.items()}

    def read(text, name):
        data = formats.yaml_read(text, name)
        return {ours[key]: value for key, value in data.items() if key in ours}

    def update(text, changes, name):
        # A default is taken out where it may be: MAAS writes none either.
        return formats.yaml_update(
            text, {table[key].key: new for key, new in changes.items()}, name
        )

    return Document("region_config", tuple(table), read, update)


def read_all(installation: Installation) -> dict[str, list[tuple[object, str]]]:
    """Every setting's values with the files they are in.

    Returns:
        ``{setting: [(value, file)]}``; a setting that is in no file is missing.

    Raises:
        HostError: A file cannot be read or is broken.
    """
    table = available(installation)
    found: dict[str, list[tuple[object, str]]] = {}
    for one in documents(installation):
        path = installation.path(one.place)
        name = installation.inside(path)
        for setting, value in one.read(files.read(path), name).items():
            if setting not in one.settings or value is None:
                continue
            if setting == "database_port" and value == "":
                continue  # Django's word for the default
            found.setdefault(setting, []).append((table[setting].normal(value), name))
    return found


def paths(installation: Installation, changed) -> list[str]:
    """The files that a change of these settings touches."""
    return [
        installation.path(one.place)
        for one in documents(installation)
        if set(one.settings) & set(changed)
    ]


def write(installation: Installation, changed: dict) -> None:
    """Put settings into every file that holds them; each file is swapped once.

    Raises:
        HostError: A file is missing or cannot be written, or would not hold them.
    """
    yaml = installation.fact("region_format") != "python"
    for one in documents(installation):
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

        files.replace(
            installation,
            path,
            one.update(text, mine, name),
            holds,
            owner=installation.fact("region_owner"),
        )
