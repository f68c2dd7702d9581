"""What a fleet needs of its region, for many clusters in one go; runs on the region's minion.

Each function reads a collection of the region once, however many clusters it is for.
"""

from saltext.maas.fleet.region_side.apply_phase import apply_phase, prepare
from saltext.maas.fleet.region_side.cluster_images import import_images, importing
from saltext.maas.fleet.region_side.inspection import inspect, status, wait_for
from saltext.maas.fleet.region_side.removal import machines, release_dhcp, remove

__all__ = [
    "apply_phase",
    "import_images",
    "importing",
    "inspect",
    "machines",
    "prepare",
    "release_dhcp",
    "remove",
    "status",
    "wait_for",
]
