"""The images that a region selects."""

from __future__ import annotations

import time

from saltext.maas import pillar, runtime
from saltext.maas.client.errors import MaasError
from saltext.maas.fleet.region_side.region import Region


def import_images(dunders) -> bool:
    """Import what is selected, also where older images are there, and wait for it.

    Returns:
        Whether it could be waited for, which is so from 2.1 on.
    """
    region = Region(dunders)
    client = region.snapshot.client
    limit = pillar.limits(runtime.pillar(dunders)).import_seconds
    client.post("boot-resources/", op="import")
    if region.release < "2.1":
        return False
    deadline, pause = time.monotonic() + limit, 0.5
    while client.get("boot-resources/", op="is_importing"):
        if time.monotonic() + pause > deadline:
            raise MaasError(f"the import did not end within {limit:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)
    return True
