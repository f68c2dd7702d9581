"""Volume groups, RAIDs, bcaches and VMFS datastores of machines."""

from __future__ import annotations

from maas_emulator import forms_2x, permissions, storage, storage_layouts
from maas_emulator import storage_fields as fields
from maas_emulator.api2.blockdevices import machine_of, need_ready
from maas_emulator.storage import DISK, PARTITION
from maas_emulator.web import Answer, Endpoint, Invalid, Missing, no_content

_NODE = "nodes/{system_id}/"
volume_groups = Endpoint(_NODE + "volume-groups/", "VolumeGroupsHandler", since="1.9")
volume_group = Endpoint(_NODE + "volume-groups?/{id:\\d+}/", "VolumeGroupHandler", since="1.9")
raids = Endpoint(_NODE + "raids/", "RaidsHandler", since="1.9")
raid = Endpoint(_NODE + "raid/{id}/", "RaidHandler", since="1.9")
bcaches = Endpoint(_NODE + "bcaches/", "BcachesHandler", since="1.9")
bcache = Endpoint(_NODE + "bcache/{id}/", "BcacheHandler", since="1.9")
datastores = Endpoint(_NODE + "vmfs-datastores/", "VmfsDatastoresHandler", since="2.7")
datastore = Endpoint(_NODE + "vmfs-datastore/{id}/", "VmfsDatastoreHandler", since="2.7")
cache_sets = Endpoint(_NODE + "bcache-cache-sets/", "BcacheCacheSetsHandler", since="1.9")
cache_set = Endpoint(_NODE + "bcache-cache-set/{id}/", "BcacheCacheSetHandler", since="1.9")

_MODES = ("writeback", "writethrough", "writearound")
#: What is shown of a bcache, and of a logical volume, that was just made.
_OF_BCACHE = ("id", "name", "uuid", "cache_mode", "cache_set", "virtual_device")
_OF_VOLUME = ("id", "system_id", "name", "uuid", "size", "available_size", "used_size",
              "resource_uri")  # fmt: skip
_TWO_CACHES = "Cannot set both cache_device and cache_partition."
_NO_DATASTORE = (
    "VMFS Datastores may only be created after the VMFS6 or VMFS7 storage layout has been applied."
)


def _form(request, *kinds):
    form = forms_2x.ModelForm(request, kinds)
    form.read()
    return form


def _valid(form):
    if form.errors:
        raise Invalid(form.errors)
    return form.cleaned


def _free(request, node):
    return (fields.free(request.region, node, DISK), fields.free(request.region, node, PARTITION))


def _group(request, kind, model, test=permissions.may_view):
    """The machine and the group that a path is about."""
    spec, region = request.ids["id"], request.region
    for node in region.rows("machines").of(request.ids["system_id"]):
        for row in storage.groups_of(region, node, kind):
            if spec in (str(row["id"]), row["name"]):
                if not test(request, node):
                    raise Answer(403, b"", "text/plain; charset=utf-8")
                return node, row
    raise Missing(model, request)


# -- volume groups and datastores --------------------------------------------------------------


def _named(request, node):
    """The form of a volume group or datastore."""
    disks, parts = _free(request, node)
    form = _form(
        request, fields.text("name", required=True), fields.uuid4(),
        fields.devices("block_devices", disks), fields.devices("partitions", parts),
    )  # fmt: skip
    seen = form.cleaned
    wrong = {"block_devices", "partitions"} & form.errors.keys()
    if "name" in seen and not wrong and not seen["block_devices"] + seen["partitions"]:
        text = "At least one valid block device or partition is required."
        form.error("__all__", text)
    return form


def _create_volume_group(request, node):
    seen = _valid(_named(request, node))
    keys = [
        storage.without_boot_disk(request.region, node, key)
        for key in (*seen["block_devices"], *seen["partitions"])
    ]
    return storage.add_group(
        request.region, node, "lvm-vg", seen["name"], keys, uid=seen.get("uuid")
    )


def _create_datastore(request, node):
    region, form = request.region, _named(request, node)
    if storage_layouts.vmfs_disk(region, node) is None:
        form.note("VMFS", _NO_DATASTORE)
    seen = _valid(form)
    disks = [region.rows("disks")[ident] for _, ident in seen["block_devices"]]
    keys = list(seen["partitions"])
    keys += [(PARTITION, storage.add_partition(region, node, disk)["id"]) for disk in disks]
    group = storage.add_group(region, node, "vmfs6", seen["name"], keys, uid=seen.get("uuid"))
    volume = storage.volumes_of(region, group)[0]
    storage.add_filesystem(
        region, node, (DISK, volume["id"]), "vmfs6", mount_point=f"/vmfs/volumes/{seen['name']}"
    )
    return group


def _update_members(request, node, group):
    region = request.region
    disks, parts = _free(request, node)
    keys = [row["device"] for row in storage.members(region, group)]
    mine = {kind: fields.taken(region, [key for key in keys if key[0] == kind])
            for kind in (DISK, PARTITION)}  # fmt: skip
    seen = _valid(
        _form(
            request, fields.text("name"), fields.uuid4(),
            fields.devices("add_block_devices", disks), fields.devices("add_partitions", parts),
            fields.devices("remove_block_devices", mine[DISK]),
            fields.devices("remove_partitions", mine[PARTITION]),
        )
    )  # fmt: skip
    gone = seen["remove_block_devices"] + seen["remove_partitions"]
    for row in storage.members(region, group):
        if row["device"] in gone:
            storage.drop_filesystem(region, row)
    fstype = "vmfs6" if group["kind"] == "vmfs6" else "lvm-pv"
    for key in seen["add_block_devices"] + seen["add_partitions"]:
        if group["kind"] == "vmfs6" and key[0] == DISK:
            disk = region.rows("disks")[key[1]]
            key = (PARTITION, storage.add_partition(region, node, disk)["id"])
        key = storage.without_boot_disk(region, node, key)
        storage.add_filesystem(region, node, key, fstype, group=group["id"])
    return seen


# -- RAIDs -------------------------------------------------------------------------------------


def _create_raid(request, node):
    region = request.region
    disks, parts = _free(request, node)
    form = _form(
        request, fields.text("name"), fields.uuid4(),
        fields.choice("level", storage.RAIDS, required=True),
        fields.devices("block_devices", disks), fields.devices("partitions", parts),
        fields.devices("spare_devices", disks), fields.devices("spare_partitions", parts),
    )  # fmt: skip
    seen = form.cleaned
    chosen = [seen.get(name) for name in ("block_devices", "partitions")]
    if chosen == [[], []]:
        text = "At least one block device or partition must be added to the array."
        form.error("__all__", text)
    _valid(form)
    keys, spares = seen["block_devices"], seen["spare_devices"]
    boot = storage.boot_disk(region, node)
    if boot is None:
        raise Answer(500, "'NoneType' object has no attribute 'id'", "text/plain; charset=utf-8")
    if (DISK, boot["id"]) in keys + spares:
        # With the boot disk among them, all disks take part with a partition.
        def part_of(key):
            disk = region.rows("disks")[key[1]]
            return PARTITION, storage.add_partition(region, node, disk)["id"]

        keys, spares = [part_of(key) for key in keys], [part_of(key) for key in spares]
    return storage.add_group(
        region, node, seen["level"], seen.get("name"), keys + seen["partitions"],
        uid=seen.get("uuid"), spares=spares + seen["spare_partitions"],
    )  # fmt: skip


def _update_raid(request, node, group):
    region = request.region
    disks, parts = _free(request, node)
    rows = storage.members(region, group)
    mine = {kind: fields.taken(region, [row["device"] for row in rows if row["device"][0] == kind])
            for kind in (DISK, PARTITION)}  # fmt: skip
    kinds = []
    for word, (of_disk, of_part) in {"add": (disks, parts),
                                     "remove": (mine[DISK], mine[PARTITION])}.items():  # fmt: skip
        kinds += [
            fields.devices(f"{word}_block_devices", of_disk),
            fields.devices(f"{word}_partitions", of_part),
            fields.devices(f"{word}_spare_devices", of_disk),
            fields.devices(f"{word}_spare_partitions", of_part),
        ]
    seen = _valid(_form(request, fields.text("name"), fields.uuid4(), *kinds))
    gone = [key for name in seen if name.startswith("remove_") for key in seen[name]]
    for key in gone:
        for row in storage.members(region, group):
            if row["device"] == key:
                storage.drop_filesystem(region, row)
                storage.save_group(region, node, group)
    for word, fstype in (("block_devices", "raid"), ("spare_devices", "raid-spare"),
                         ("partitions", "raid"), ("spare_partitions", "raid-spare")):  # fmt: skip
        for key in seen[f"add_{word}"]:
            key = storage.without_boot_disk(region, node, key)
            storage.add_filesystem(region, node, key, fstype, group=group["id"])
    return seen


# -- bcaches -----------------------------------------------------------------------------------


def _caches(request, node):
    """The cache sets of a machine as choices, by id or name."""
    rows = storage.cache_sets_of(request.region, node)
    found = {str(row["id"]): row["id"] for row in rows}
    found.update({storage.cache_set_name(request.region, row): row["id"] for row in rows})
    return found


def _create_bcache(request, node):
    disks, parts = _free(request, node)
    form = _form(
        request, fields.text("name"), fields.uuid4(), fields.device("backing_device", disks),
        fields.device("backing_partition", parts),
        fields.device("cache_set", _caches(request, node), required=True),
        fields.choice("cache_mode", _MODES, required=True),
    )  # fmt: skip
    seen = form.cleaned
    devices = [seen[name] for name in ("backing_device", "backing_partition") if seen.get(name)]
    if not seen.get("cache_set"):
        form.error("__all__", "Bcache requires a cache_set.")
    elif len(devices) == 2:
        form.error("__all__", "A Bcache can have either a backing device or partition.")
    elif not devices:
        form.error("__all__", "Either backing_device or backing_partition must be specified.")
    _valid(form)
    key = storage.without_boot_disk(request.region, node, devices[0])
    return storage.add_group(
        request.region, node, "bcache", seen.get("name"), [key], uid=seen.get("uuid"),
        cache_set=seen["cache_set"], cache_mode=seen["cache_mode"],
    )  # fmt: skip


def _update_bcache(request, node, group):
    region = request.region
    disks, parts = _free(request, node)
    for volume in storage.volumes_of(region, group):
        disks = {name: key for name, key in disks.items() if key != (DISK, volume["id"])}
    for row in storage.members(region, group):
        choices = disks if row["device"][0] == DISK else parts
        choices.update(fields.taken(region, [row["device"]]))
    seen = _valid(
        _form(
            request, fields.text("name"), fields.uuid4(), fields.device("backing_device", disks),
            fields.device("backing_partition", parts),
            fields.device("cache_set", _caches(request, node)),
            fields.choice("cache_mode", _MODES),
        )
    )  # fmt: skip
    key = seen.get("backing_device") or seen.get("backing_partition")
    if key:
        for row in storage.members(region, group):
            storage.drop_filesystem(region, row)
        key = storage.without_boot_disk(region, node, key)
        storage.add_filesystem(region, node, key, "bcache-backing", group=group["id"])
    group["cache_mode"] = seen.get("cache_mode") or group["cache_mode"]
    group["cache_set"] = seen.get("cache_set") or group["cache_set"]
    return seen


# -- all kinds ---------------------------------------------------------------------------------


def _serve(many, one, kind, model, word, create_one, update_one):
    """Declare the operations of one kind of group."""

    def read_many(request):
        """List them."""
        rows = storage.groups_of(request.region, machine_of(request), kind)
        return [storage.show_group(request.region, row) for row in rows]

    def create(request):
        """Make one."""
        node = machine_of(request, permissions.may_admin)
        need_ready(node, f"create {word}")
        with storage.undone_on_error(request.region, node):
            group = create_one(request, node)
        shown = storage.show_group(request.region, group)
        if kind == "bcache":
            return {name: shown[name] for name in _OF_BCACHE if name in shown}
        return shown

    def read_one(request):
        """Read one."""
        return storage.show_group(request.region, _group(request, kind, model)[1])

    def update(request):
        """Change one."""
        node, group = _group(request, kind, model, permissions.may_admin)
        need_ready(node, f"update {word}")
        with storage.undone_on_error(request.region, node):
            seen = update_one(request, node, group)
            group["name"] = seen.get("name") or group["name"]
            group["uuid"] = seen.get("uuid") or group["uuid"]
            storage.save_group(request.region, node, group)
        return storage.show_group(request.region, group)

    def delete(request):
        """Delete one, with the disks that are made of it."""
        node, group = _group(request, kind, model, permissions.may_admin)
        need_ready(node, f"delete {word}")
        if kind == "lvm" and storage.volumes_of(request.region, group):
            text = "This volume group has logical volumes; it cannot be deleted."
            raise storage.forbidden(text)
        storage.drop_group(request.region, group)
        return no_content()

    many("GET")(read_many)
    many("POST")(create)
    one("GET")(read_one)
    one("PUT")(update)
    one("DELETE")(delete)


_serve(volume_groups, volume_group, "lvm", "VolumeGroup", "volume group", _create_volume_group,
       _update_members)  # fmt: skip
_serve(raids, raid, "raid", "RAID", "RAID", _create_raid, _update_raid)
_serve(bcaches, bcache, "bcache", "Bcache", "Bcache", _create_bcache, _update_bcache)
_serve(datastores, datastore, "vmfs", "VMFS", "VMFS Datastore", _create_datastore,
       _update_members)  # fmt: skip


@volume_group("POST", "create_logical_volume")
def create_logical_volume(request):
    """Make a logical volume; without a size (2.9) of all that is left."""
    region = request.region
    node, group = _group(request, "lvm", "VolumeGroup", permissions.may_admin)
    need_ready(node, "create logical volume")
    left = storage.group_left(region, group)
    form = _form(
        request, fields.text("name", required=True), fields.uuid4(),
        fields.size("size", storage.ALIGNMENT, left),
    )  # fmt: skip
    if left < storage.ALIGNMENT:
        form.errors.pop("size", None)
        text = f"Volume group ({group['name']}) cannot hold any more logical volumes, because it"
        form.error("__all__", f"{text} doesn't have enough free space.")
    seen = _valid(form)
    volume = storage.add_volume(
        region, node, group, seen["name"], seen.get("size"), seen.get("uuid")
    )
    shown = storage.show_disk(region, volume)
    return {name: shown[name] for name in _OF_VOLUME if name in shown}


@volume_group("POST", "delete_logical_volume")
def delete_logical_volume(request):
    """Delete a logical volume; nothing happens where there is none."""
    node, group = _group(request, "lvm", "VolumeGroup", permissions.may_admin)
    need_ready(node, "delete logical volume")
    given = str(request.needed("id"))
    for row in storage.volumes_of(request.region, group):
        if str(row["id"]) == given:
            storage.drop_disk(request.region, row)
    return no_content()


# -- cache sets --------------------------------------------------------------------------------


def _cache_set(request, test=permissions.may_view):
    """The machine and the cache set that a path is about."""
    node, spec = machine_of(request, test), request.ids["id"]
    for row in storage.cache_sets_of(request.region, node):
        if spec in (str(row["id"]), storage.cache_set_name(request.region, row)):
            return node, row
    raise Answer(404, b"", "text/plain")


def _cache_form(request, node, own=None):
    disks, parts = _free(request, node)
    if own:
        (disks if own[0] == DISK else parts).update(fields.taken(request.region, [own]))
    return _form(
        request, fields.device("cache_device", disks), fields.device("cache_partition", parts)
    )


@cache_sets("GET")
def list_cache_sets(request):
    """List cache sets."""
    rows = storage.cache_sets_of(request.region, machine_of(request))
    return [storage.show_cache_set(request.region, row) for row in rows]


@cache_sets("POST")
def create_cache_set(request):
    """Make a cache set."""
    node = machine_of(request, permissions.may_admin)
    need_ready(node, "create cache set", "node")
    form = _cache_form(request, node)
    keys = [form.cleaned.get(name) for name in ("cache_device", "cache_partition")]
    if all(keys):
        form.error("__all__", _TWO_CACHES)
    elif not any(keys):
        form.error("__all__", "Either cache_device or cache_partition must be specified.")
    _valid(form)
    with storage.undone_on_error(request.region, node):
        key = storage.without_boot_disk(request.region, node, keys[0] or keys[1])
        row = storage.add_cache_set(request.region, node, key)
    return storage.show_cache_set(request.region, row)


@cache_set("GET")
def read_cache_set(request):
    """Read a cache set."""
    return storage.show_cache_set(request.region, _cache_set(request)[1])


@cache_set("PUT")
def update_cache_set(request):
    """Use another device."""
    region = request.region
    node, row = _cache_set(request, permissions.may_admin)
    need_ready(node, "update cache set")
    own = storage.cache_device(region, row)
    form = _cache_form(request, node, own)
    keys = [form.cleaned.get(name) for name in ("cache_device", "cache_partition")]
    if all(keys):
        form.note("cache_device", _TWO_CACHES)
        form.note("cache_partition", _TWO_CACHES)
    _valid(form)
    key = keys[0] or keys[1]
    if key and key != own:
        key = storage.without_boot_disk(region, node, key)
        for filesystem in storage.filesystems_of(region, own):
            filesystem["device"] = key
    return storage.show_cache_set(region, row)


@cache_set("DELETE")
def delete_cache_set(request):
    """Delete a cache set that no bcache uses."""
    region = request.region
    node, row = _cache_set(request, permissions.may_admin)
    need_ready(node, "delete cache set")
    if any(item["cache_set"] == row["id"] for item in region.rows("groups").values()):
        raise storage.forbidden("Cannot delete cache set; it's currently in use.")
    for filesystem in storage.filesystems_of(region, storage.cache_device(region, row)):
        storage.drop_filesystem(region, filesystem)
    del region.rows("cache_sets")[row["id"]]
    return no_content()
