"""The images that a region selects."""

from __future__ import annotations

import time

from saltext.maas import pillar, runtime
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.resources.imports import start


def import_images(dunders, wait: bool = True) -> bool:
    """Import what is selected, also where older images are there; up to 1.6 in each cluster.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        wait: Wait for its end, which can be seen from 2.1 on.

    Returns:
        Whether it is still going on, as far as that can be seen.

    Raises:
        MaasError: It did not end within the pillar's ``limits:import_seconds``.
    """
    region = Region(dunders)
    start(region.snapshot.client)
    limit = pillar.limits(runtime.described(dunders)).import_seconds
    deadline, pause = time.monotonic() + limit, 0.5
    while going := _importing(region):
        if not wait:
            break
        if time.monotonic() + pause > deadline:
            raise MaasError(f"the import did not end within {limit:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)
    return going


def importing(dunders) -> bool:
    """Whether the region is importing images; from 2.1 on, False before."""
    return _importing(Region(dunders))


def _importing(region):
    if region.release < "2.1":
        return False
    return region.snapshot.client.get("boot-resources/", op="is_importing", expect=bool)
