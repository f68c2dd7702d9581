"""Warnings about a pillar: what MAAS or this extension will not support later."""

from __future__ import annotations

from saltext.maas.pillar.controllers import KEYS, ROOT, key_of
from saltext.maas.release import Release, newer_release_warnings
from saltext.maas.resources import TABLES


def warnings(pillar: dict, release: Release | None) -> list[str]:
    """List what should be changed in a pillar, or with it, before an upgrade; one line each.

    Such are a release that is newer than all that are known, controllers under the key of other
    releases, and objects that MAAS has deprecated or removed.

    Args:
        pillar: The mapping under ``maas``.
        release: The region's release; nothing is wrong where it is not known.
    """
    if release is None:
        return []
    return [
        *newer_release_warnings(release),
        *_other_key(pillar, release),
        *_outdated(pillar, release),
    ]


def _other_key(pillar, release):
    right = key_of(release)
    for key in KEYS:
        if key != right and pillar.get(key):
            yield (
                f"{ROOT}:{key}: is {right} in a pillar of MAAS {release}; the next release of "
                "this extension takes that name only"
            )


def _outdated(pillar, release):
    for table in TABLES:
        if table.pillar is None or table.pillar.under or not pillar.get(table.pillar.key):
            continue
        where = f"{ROOT}:{table.pillar.key}"
        removed = table.removal(release)
        if removed:
            yield f"{where}: {removed}; delete this key"
        elif text := table.deprecation(release):
            yield f"{where}: {text}"
