"""The controllers that a pillar names: under ``racks`` from MAAS 2.0 on, under ``clusters`` before.

The other key is accepted, too, for one release of this extension, with a warning.
"""

from __future__ import annotations

from typing import NamedTuple

from saltext.maas.release import Release

ROOT = "maas"
KEYS = ("racks", "clusters")


class Controller(NamedTuple):
    """A cluster or rack controller of a pillar.

    Attributes:
        minion: The id of its minion.
        values: What the pillar says of it.
        where: Its pillar path.
    """

    minion: str
    values: dict
    where: str


def key_of(release: Release) -> str:
    """Return the pillar's key for the controllers of a release."""
    return "racks" if release >= "2.0" else "clusters"


def controllers(pillar: dict) -> dict[str, Controller]:
    """Return the controllers that a pillar names, by the ids of their minions.

    Args:
        pillar: The mapping under ``maas``, of whatever form.

    Example:
        ``controllers({"racks": {"rack-1": None}})`` is ``{"rack-1": Controller("rack-1", {},
        "maas:racks:rack-1")}``.
    """
    found: dict[str, Controller] = {}
    for key, minion, values in _entries(pillar):
        values = values if isinstance(values, dict) else {}
        found.setdefault(minion, Controller(minion, values, f"{ROOT}:{key}:{minion}"))
    return found


def named_twice(pillar: dict) -> list[str]:
    """List the controllers that stand under both keys, one line each."""
    racks, clusters = (
        {minion for key, minion, _ in _entries(pillar) if key == one} for one in KEYS
    )
    return [
        f"{ROOT}:clusters:{minion}: stands in {ROOT}:racks as well; name it in one of them: racks "
        "from MAAS 2.0 on, clusters before"
        for minion in sorted(racks & clusters)
    ]


def concerns(line: str, minion: str) -> bool:
    """Return whether one of the check's lines is about a controller's entry in the pillar."""
    return line.startswith(tuple(f"{ROOT}:{key}:{minion}:" for key in KEYS))


def _entries(pillar):
    for key in KEYS:
        section = pillar.get(key)
        for minion, values in section.items() if isinstance(section, dict) else ():
            yield key, str(minion), values
