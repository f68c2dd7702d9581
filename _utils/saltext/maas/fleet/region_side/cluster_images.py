"""The import of the images that a region selects."""

from __future__ import annotations

from saltext.maas import pillar, poll
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.resources.imports import start


def import_images(region: Region, wait: bool = True) -> bool:
    """Import what is selected; see :py:func:`maas_fleet.import_images`."""
    start(region.snapshot.client)
    if not wait:
        return importing(region)
    limit = pillar.limits(region.pillar).import_seconds
    if not poll.wait(lambda: not importing(region) or None, limit, pause=0.5):
        raise MaasError(poll.timed_out(limit, "the image import"))
    return False


def importing(region: Region) -> bool:
    """Return whether the region is importing images; from 2.1 on, False before."""
    if region.release < "2.1":
        return False
    return region.snapshot.client.get("boot-resources/", op="is_importing", expect=bool)
