"""Disks of nodes of API 1.0, from 1.9 on: those of machines of API 2.0 on the same paths."""

from __future__ import annotations

from maas_emulator import storage_layouts
from maas_emulator.api1 import machines, show
from maas_emulator.api1.node import one
from maas_emulator.api2.blockdevices import disk, disks, partition, partitions
from maas_emulator.api2.volumes import (
    bcache,
    bcaches,
    cache_set,
    cache_sets,
    raid,
    raids,
    volume_group,
    volume_groups,
)
from maas_emulator.web import TEXT, Answer

__all__ = [
    "bcache", "bcaches", "cache_set", "cache_sets", "disk", "disks", "partition", "partitions",
    "raid", "raids", "volume_group", "volume_groups",
]  # fmt: skip


@one("POST", "set_storage_layout", since="1.9")
def set_storage_layout(request):
    """Lay out the disks of a node."""
    row = machines.machine_of(request, machines.only_admin)
    if row["status"] != machines.READY:
        raise Answer(409, "Cannot change the storage layout on a node that is not Ready.", TEXT)
    storage_layouts.apply(request, row)
    return show.machine(request.region, row)
