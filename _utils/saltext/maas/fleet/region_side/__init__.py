"""What a fleet needs of its region, for many clusters in one go; runs on the region's minion.

Each function reads a collection of the region once, however many clusters it is for.
"""

from saltext.maas.fleet.region_side.apply_phase import prepare, settle
from saltext.maas.fleet.region_side.cluster_images import import_images, importing
from saltext.maas.fleet.region_side.inspection import look, status, wait_for
from saltext.maas.fleet.region_side.removal import machines, release_dhcp, remove

__all__ = [
    "import_images",
    "importing",
    "look",
    "machines",
    "prepare",
    "release_dhcp",
    "remove",
    "settle",
    "status",
    "wait_for",
]
