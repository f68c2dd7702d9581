"""Preseeds that were changed or added on a region's host."""

from __future__ import annotations

import hashlib
import os
import re

from saltext.maas.host import files
from saltext.maas.host.installation import Installation

_KIND = "curtin_userdata"
# What dpkg, the snap or an editor left there; MAAS reads none of these.
_LEFT = re.compile(r"\.dpkg-|\.sample$|~$|\.bak$")
_CONFFILE = re.compile(r"^ /(etc/maas/preseeds/\S+) ([0-9a-f]{32})$", re.MULTILINE)


def custom(installation: Installation) -> list[str]:
    """Return the ``curtin_userdata`` preseeds that are not as MAAS's package installed them.

    MAAS's own notice of them (MD7, from 3.8 on) counts those of its package as well.

    Args:
        installation: A region's host.

    Returns:
        Their paths.
    """
    folder = installation.path("preseeds")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    status = files.read(os.path.join(installation.root, "var/lib/dpkg/status")) or ""
    brought = {os.path.basename(path): digest for path, digest in _CONFFILE.findall(status)}
    found = []
    for name in names:
        if not name.startswith(_KIND) or _LEFT.search(name):
            continue
        content = files.read_bytes(os.path.join(folder, name)) or b""
        # As dpkg writes it down; nothing here depends on its strength.
        if brought.get(name) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            found.append(installation.inside(os.path.join(folder, name)))
    return found
