"""The import of the images that a region selects."""

from __future__ import annotations

from saltext.maas import pillar, poll, runtime
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import open_region
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
    region = open_region(dunders, {})
    start(region.snapshot.client)
    if not wait:
        return _importing(region)
    limit = pillar.limits(runtime.described(dunders)).import_seconds
    if not poll.wait(lambda: not _importing(region) or None, limit, pause=0.5):
        raise MaasError(poll.timed_out(limit, "the image import"))
    return False


def importing(dunders) -> bool:
    """Return whether the region is importing images; from 2.1 on, False before."""
    return _importing(open_region(dunders, {}))


def _importing(region) -> bool:
    if region.release < "2.1":
        return False
    return region.snapshot.client.get("boot-resources/", op="is_importing", expect=bool)
