"""What a fleet needs of its region, for many clusters in one go; runs on the region's minion.

Each function reads a collection of the region once, however many clusters it is for.
"""

from saltext.maas.fleet.region_side.images import import_images, importing
from saltext.maas.fleet.region_side.leave import machines, release_dhcp, remove
from saltext.maas.fleet.region_side.look import look, status, wait_for
from saltext.maas.fleet.region_side.settle import prepare, settle

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
