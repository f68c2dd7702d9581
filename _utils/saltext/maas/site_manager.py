"""MAAS Site Manager as a second owner of a region: which parts of a pillar it also writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from saltext.maas.release import Release

if TYPE_CHECKING:
    from saltext.maas.reconcile.snapshot import Snapshot

#: The end of the URL of its images, in 3.7 and in 3.8.
_IMAGES = re.compile(r"/(?:api|site)/v1/images/latest/stable/streams/v1/index\.json/?$")
_SHOWN = 5
#: Why pruning leaves an object alone.
OWNED = "the Site Manager that the region is enrolled with created it"


def is_own(url: str) -> bool:
    """Return whether a boot source's URL is that of a Site Manager's images."""
    return bool(_IMAGES.search(url))


def owned(described: dict, release: Release) -> list[str]:
    """Return which parts of a pillar the Site Manager of an enrolled region writes as well.

    Args:
        described: The mapping under ``maas``.
        release: The region's release.

    Returns:
        Pillar paths with names, such as ``maas:settings (kernel_opts)``; 3.6 has none.
    """
    # Since 3.8 its profile replaces all settings; 3.7 only changes the boot sources.
    parts = {"boot_sources": "3.7", "settings": "3.8"}
    found = []
    for part, since in parts.items():
        names = [str(name) for name in described.get(part) or () if not is_own(str(name))]
        if names and release >= since:
            more = ", ..." if len(names) > _SHOWN else ""
            found.append(f"maas:{part} ({', '.join(names[:_SHOWN])}{more})")
    return found


def warnings(snapshot: Snapshot, described: dict) -> list[str]:
    """Warn that the region is enrolled with a Site Manager, if its boot sources show that.

    They are inspected only if the pillar describes boot sources, so it costs no request.

    Args:
        snapshot: The region.
        described: The mapping under ``maas``.

    Returns:
        At most one line; none before 3.7.
    """
    if snapshot.release < "3.7" or not described.get("boot_sources"):
        return []
    urls = [str(one.get("url")) for one in snapshot.raw("boot_source")]
    hosts = [urlsplit(url).hostname for url in urls if is_own(url)]
    parts = owned(described, snapshot.release)
    if not hosts or not parts:
        return []
    return [
        f"The region is enrolled with Site Manager {hosts[0]}, which writes {' and '.join(parts)} "
        "as well: describe them in one of the two only"
    ]
