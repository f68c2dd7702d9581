"""Volume groups, RAIDs, bcaches and VMFS datastores of machines."""

from __future__ import annotations

from saltext.maas.emulator import storage
from saltext.maas.emulator.api2_blockdevices import drop_disk, machine_of
from saltext.maas.emulator.forms import REQUIRED, Check, not_a_choice
from saltext.maas.emulator.web import Answer, Endpoint, Missing, no_content

_NODE = "nodes/{system_id}/"
volume_groups = Endpoint(_NODE + "volume-groups/", "VolumeGroupsHandler")
volume_group = Endpoint(_NODE + "volume-groups?/{id:\\d+}/", "VolumeGroupHandler")
raids = Endpoint(_NODE + "raids/", "RaidsHandler")
raid = Endpoint(_NODE + "raid/{id}/", "RaidHandler")
bcaches = Endpoint(_NODE + "bcaches/", "BcachesHandler")
bcache = Endpoint(_NODE + "bcache/{id}/", "BcacheHandler")
datastores = Endpoint(_NODE + "vmfs-datastores/", "VmfsDatastoresHandler", since="2.7")
datastore = Endpoint(_NODE + "vmfs-datastore/{id}/", "VmfsDatastoreHandler", since="2.7")
cache_sets = Endpoint(_NODE + "bcache-cache-sets/", "BcacheCacheSetsHandler")
cache_set = Endpoint(_NODE + "bcache-cache-set/{id}/", "BcacheCacheSetHandler")

LEVELS = ("raid-0", "raid-1", "raid-5", "raid-6", "raid-10")
LEAST = {"raid-0": 2, "raid-1": 2, "raid-5": 3, "raid-6": 4, "raid-10": 3}
MODES = ("writeback", "writethrough", "writearound")


def _devices(check, region, node, disks="block_devices", partitions="partitions"):
    """Devices that two fields of a form name; those in use are no choice."""
    found = []
    for field, kind, table in ((disks, "disk", "disks"), (partitions, "partition", "partitions")):
        for given in check.form.getlist(field):
            row = None
            for item in region.rows(table).values():
                own = item["node"] if kind == "disk" else region.rows("disks")[item["disk"]]["node"]
                if own == node["system_id"] and str(given) in (str(item["id"]), item.get("name")):
                    row = item
            free = row and not row["filesystem"] and not storage.user_of(region, kind, row["id"])
            if not free:
                check.error(field, not_a_choice(given))
            else:
                found.append((kind, row["id"]))
    return found


def _name(check, region, node, default, stored=None):
    name = check.text("name", default) or default
    taken = [row for row in region.rows("groups").values() if row["node"] == node["system_id"]]
    if any(row["name"] == name and row is not stored for row in taken):
        check.error("name", "Filesystem group with this Name already exists.")
    return name


def _free_name(region, node, prefix):
    taken = {row["name"] for row in region.rows("groups").values()}
    taken |= {row["name"] for row in storage.disks_of(region, node)}
    number = 0
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def _change(check, region, node, row):
    """Members that an update adds and takes out."""
    added = _devices(check, region, node, "add_block_devices", "add_partitions")
    spares = _devices(check, region, node, "add_spare_devices", "add_spare_partitions")
    gone = set()
    for field, kind in (
        ("remove_block_devices", "disk"), ("remove_partitions", "partition"),
        ("remove_spare_devices", "disk"), ("remove_spare_partitions", "partition"),
    ):  # fmt: skip
        gone |= {(kind, int(item)) for item in check.form.getlist(field) if str(item).isdecimal()}
    return (
        [item for item in row["devices"] if item not in gone] + added,
        [item for item in row.get("spares", []) if item not in gone] + spares,
    )


def _level_problem(level, devices):
    least = LEAST.get(level, 0)
    if len(devices) < least:
        return f"RAID level {level[5:]} must have at least {least} raid devices and any number of"
    return None


def _group(request, kind, model):
    node = machine_of(request)
    for row in storage.groups_of(request.region, node, kind):
        if request.ids["id"] in (str(row["id"]), row["name"]):
            return row
    raise Missing(model, request)


def _create_volume_group(request, node, check):
    region = request.region
    if not check.form.get("name"):
        check.error("name", REQUIRED)
    name = _name(check, region, node, "")
    devices = _devices(check, region, node)
    if not devices and not check.errors:
        check.error("__all__", "At least one valid block device or partition is required.")
    return {"kind": "lvm-vg", "name": name, "devices": devices}


def _create_raid(request, node, check):
    region = request.region
    level = check.choice("level", LEVELS, required=True)
    name = _name(check, region, node, _free_name(region, node, "md"))
    devices = _devices(check, region, node)
    spares = _devices(check, region, node, "spare_devices", "spare_partitions")
    problem = _level_problem(level, devices)
    if problem and not check.errors:
        check.error("__all__", f"{problem} spares.")
    return {"kind": level, "name": name, "devices": devices, "spares": spares}


def _create_bcache(request, node, check):
    region = request.region
    name = _name(check, region, node, _free_name(region, node, "bcache"))
    mode = check.choice("cache_mode", MODES, "writeback")
    given = str(check.form.get("cache_set") or "")
    sets = region.rows("cache_sets")
    chosen = sets.get(int(given)) if given.isdecimal() else None
    if chosen is None:
        check.error("cache_set", not_a_choice(given) if given else REQUIRED)
    devices = _devices(check, region, node, "backing_device", "backing_partition")
    if not devices and not check.errors:
        check.error("__all__", "Either backing_device or backing_partition must be specified.")
    ident = chosen["id"] if chosen else None
    return {"kind": "bcache", "name": name, "devices": devices[:1], "cache_set": ident,
            "cache_mode": mode}  # fmt: skip


def _create_datastore(request, node, check):
    fields = _create_volume_group(request, node, check)
    point = f"/vmfs/volumes/{fields['name']}"
    return {**fields, "kind": "vmfs6",
            "filesystem": {"fstype": "vmfs6", "mount_point": point}}  # fmt: skip


def _serve(many, one, kind, model, reader, virtual):
    """Declare the operations of one kind of group."""

    def read_many(request):
        """List them."""
        rows = storage.groups_of(request.region, machine_of(request), kind)
        return [storage.show_group(request.region, row) for row in rows]

    def create(request):
        """Make one."""
        region, node = request.region, machine_of(request, to_change=True)
        check = Check(request)
        fields = reader(request, node, check)
        check.done()
        fields.update(node=node["system_id"], uuid=storage.new_uuid(check.form.get("uuid")))
        row = region.rows("groups").add(fields)
        if virtual:
            size = storage.group_size(region, row)
            row["disk"] = storage.add_disk(region, node, row["name"], size, "virtual")["id"]
        return storage.show_group(region, row)

    def read_one(request):
        """Read one."""
        return storage.show_group(request.region, _group(request, kind, model))

    def update(request):
        """Change one."""
        region, node = request.region, machine_of(request, to_change=True)
        row = _group(request, kind, model)
        check = Check(request, row)
        name = _name(check, region, node, row["name"], row)
        devices, spares = _change(check, region, node, row)
        mode = check.choice("cache_mode", MODES) if kind == "bcache" else None
        check.done()
        row.update(name=name, devices=devices)
        if "spares" in row:
            row["spares"] = spares
        if mode:
            row["cache_mode"] = mode
        return storage.show_group(region, row)

    def delete(request):
        """Delete one, with the disks that are made of it."""
        region = request.region
        machine_of(request, to_change=True)
        row = _group(request, kind, model)
        for item in list(region.rows("disks").values()):
            if item["id"] == row.get("disk") or item.get("group") == row["id"]:
                drop_disk(region, item)
        del region.rows("groups")[row["id"]]
        return no_content()

    many("GET")(read_many)
    many("POST")(create)
    one("GET")(read_one)
    one("PUT")(update)
    one("DELETE")(delete)


_serve(volume_groups, volume_group, "lvm", "VolumeGroup", _create_volume_group, False)
_serve(raids, raid, "raid", "RAID", _create_raid, True)
_serve(bcaches, bcache, "bcache", "Bcache", _create_bcache, True)
_serve(datastores, datastore, "vmfs", "VMFS", _create_datastore, False)


@volume_group("POST", "create_logical_volume")
def create_logical_volume(request):
    """Make a logical volume; without a size (2.9) of all that is left."""
    region, node = request.region, machine_of(request, to_change=True)
    row = _group(request, "lvm", "VolumeGroup")
    left = storage.show_group(region, row)["available_size"]
    check = Check(request)
    name = check.text("name", None, required=True)
    size = check.integer("size", left, 1, None)
    if size and size > left and "size" not in check.errors:
        check.error("size", f"Ensure this value is less than or equal to {left}.")
    check.done()
    uid = storage.new_uuid(check.form.get("uuid"))
    volume = storage.add_disk(region, node, f"{row['name']}-{name}", size, "virtual", uuid=uid,
                              group=row["id"])  # fmt: skip
    return storage.show_disk(region, volume)


@volume_group("POST", "delete_logical_volume")
def delete_logical_volume(request):
    """Delete a logical volume."""
    machine_of(request, to_change=True)
    row, given = _group(request, "lvm", "VolumeGroup"), str(request.needed("id"))
    for item in list(request.region.rows("disks").values()):
        if str(item["id"]) == given and item.get("group") == row["id"]:
            drop_disk(request.region, item)
    return no_content()


# -- cache sets --------------------------------------------------------------------------------


def _cache_set(request):
    ident = machine_of(request)["system_id"]
    return storage.row_of(request, "cache_sets", "id", "CacheSet", node=ident)


def _cache_device(request, node):
    check = Check(request)
    devices = _devices(check, request.region, node, "cache_device", "cache_partition")
    if len(devices) != 1 and not check.errors:
        check.error("__all__", "Either cache_device or cache_partition must be specified.")
    check.done()
    return devices[0]


@cache_sets("GET")
def list_cache_sets(request):
    """List cache sets."""
    ident = machine_of(request)["system_id"]
    rows = request.region.rows("cache_sets").values()
    return [storage.show_cache_set(request.region, row) for row in rows if row["node"] == ident]


@cache_sets("POST")
def create_cache_set(request):
    """Make a cache set."""
    node = machine_of(request, to_change=True)
    row = {"node": node["system_id"], "device": _cache_device(request, node)}
    return storage.show_cache_set(request.region, request.region.rows("cache_sets").add(row))


@cache_set("GET")
def read_cache_set(request):
    """Read a cache set."""
    return storage.show_cache_set(request.region, _cache_set(request))


@cache_set("PUT")
def update_cache_set(request):
    """Use another device."""
    row = _cache_set(request)
    row["device"] = _cache_device(request, machine_of(request, to_change=True))
    return storage.show_cache_set(request.region, row)


@cache_set("DELETE")
def delete_cache_set(request):
    """Delete a cache set that no bcache uses."""
    machine_of(request, to_change=True)
    row = _cache_set(request)
    if any(item.get("cache_set") == row["id"] for item in request.region.rows("groups").values()):
        raise Answer(400, "Cannot delete cache set; it's currently in use.")
    del request.region.rows("cache_sets")[row["id"]]
    return no_content()
