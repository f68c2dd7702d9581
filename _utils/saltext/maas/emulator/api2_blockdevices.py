"""``nodes/ID/blockdevices/`` and the partitions of disks."""

from __future__ import annotations

from saltext.maas.emulator import machines, storage
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.web import BARE_TEXT, Answer, Endpoint, Missing, no_content

disks = Endpoint("nodes/{system_id}/blockdevices/", "BlockDevicesHandler")
disk = Endpoint("nodes/{system_id}/blockdevices/{disk}/", "BlockDeviceHandler")
partitions = Endpoint("nodes/{system_id}/blockdevices/{disk}/partitions/", "PartitionsHandler")
partition = Endpoint(
    "nodes/{system_id}/blockdevices/{disk}/partitions?/{partition:[^/]+/?}", "PartitionHandler"
)

FILESYSTEMS = ("ext2", "ext4", "xfs", "fat32", "vfat", "swap", "btrfs", "zfsroot", "ramfs",
               "tmpfs")  # fmt: skip
_TEXTS = ("model", "serial", "id_path")


def machine_of(request, to_change=False, states=None):
    """The machine that a path is about; what is to change it needs one of some statuses.

    Raises:
        Missing: There is none.
        Answer: 403 or 409.
    """
    for row in request.region.rows("machines").values():
        if row["system_id"] == request.ids["system_id"]:
            break
    else:
        raise Missing("Machine", request)
    allowed = states or (machines.READY, machines.ALLOCATED)
    if to_change and row["status"] not in allowed:
        names = " or ".join(machines.STATUS[state] for state in allowed)
        raise machines.violation(f"Cannot change storage because the machine is not {names}.")
    return row


def _disk(request, to_change=False):
    node = machine_of(request, to_change)
    ident = node["system_id"]
    return storage.row_of(request, "disks", "disk", "BlockDevice", node=ident)


def _partition(request, to_change=False):
    row = _disk(request, to_change)
    request.ids["partition"] = request.ids["partition"].rstrip("/")
    return storage.row_of(request, "partitions", "partition", "Partition", disk=row["id"])


def _add_tag(find, show):
    def add(request):
        """Add a tag."""
        row, tag = find(request), request.needed("tag")
        row["tags"] = [*(item for item in row["tags"] if item != tag), tag]
        return show(request.region, row)

    return add


def _remove_tag(find, show):
    def remove(request):
        """Remove a tag."""
        row, tag = find(request), request.needed("tag")
        row["tags"] = [item for item in row["tags"] if item != tag]
        return show(request.region, row)

    return remove


# -- disks -------------------------------------------------------------------------------------


@disks("GET")
def list_disks(request):
    """List a machine's disks."""
    region, node = request.region, machine_of(request)
    shown = [storage.show_disk(region, row) for row in storage.disks_of(region, node)]
    for item in shown:
        item.pop("firmware_version", None)  # only where a disk is shown by itself
    return shown


def _read(request, node, stored):
    check = Check(request, stored)
    name = check.text("name", None, required=True, longest=255)
    others = storage.disks_of(request.region, node)
    if name and any(row["name"] == name and row is not stored for row in others):
        check.error("__all__", "Block device with this Node config and Name already exists.")
    fields = {"name": name}
    for item in _TEXTS:
        fields[item] = check.text(item)
    low = 1
    fields["size"] = check.integer("size", None, low, None, required=True)
    fields["block_size"] = check.integer("block_size", None, 512, None, required=True)
    if not fields["id_path"] and not (fields["model"] and fields["serial"]):
        check.error("id_path", "serial/model are required if id_path is not provided.")
    check.done()
    return fields


@disks("POST", admin=True)
def create_disk(request):
    """Add a disk."""
    node = machine_of(request)
    fields = _read(request, node, None)
    return storage.show_disk(request.region, storage.add_disk(request.region, node, **fields))


@disk("GET")
def read_disk(request):
    """Read a disk."""
    return storage.show_disk(request.region, _disk(request))


@disk("PUT")
def update_disk(request):
    """Change a disk."""
    row = _disk(request)
    row.update(_read(request, machine_of(request), row))
    return storage.show_disk(request.region, row)


def drop_disk(region, row):
    """Take a disk and its partitions out."""
    for item in storage.partitions_of(region, row):
        del region.rows("partitions")[item["id"]]
    del region.rows("disks")[row["id"]]


@disk("DELETE", admin=True)
def delete_disk(request):
    """Take a disk out."""
    row = _disk(request, to_change=True)
    used = storage.user_of(request.region, "disk", row["id"])
    if used:
        raise Answer(400, f"Cannot delete block device because its part of a {used[1]}.")
    drop_disk(request.region, row)
    return no_content()


@disk("POST", "set_boot_disk")
def set_boot_disk(request):
    """Boot from this disk."""
    machine_of(request)["boot_disk"] = _disk(request, to_change=True)["id"]
    return Answer(200, "OK", BARE_TEXT).response


disk("POST", "add_tag", admin=True)(_add_tag(_disk, storage.show_disk))
disk("POST", "remove_tag", admin=True)(_remove_tag(_disk, storage.show_disk))


# -- file systems ------------------------------------------------------------------------------


def _formatter(find, show):
    def make_filesystem(request):
        """Put a file system on it."""
        row = find(request, True)
        check = Check(request)
        kind = check.choice("fstype", FILESYSTEMS, required=True)
        check.done()
        row["filesystem"] = {
            "fstype": kind,
            "label": request.form.get("label") or "",
            "uuid": storage.new_uuid(request.form.get("uuid")),
            "mount_point": None,
            "mount_options": None,
        }
        return show(request.region, row)

    return make_filesystem


def _unformatter(find, show):
    def unformat(request):
        """Take the file system off it."""
        row = find(request, True)
        if row["filesystem"] is None:
            raise Answer(400, "Not formatted.")
        if row["filesystem"]["mount_point"]:
            raise Answer(400, "Filesystem is mounted and cannot be unformatted. Unmount the"
                              " filesystem before unformatting.")  # fmt: skip
        row["filesystem"] = None
        return show(request.region, row)

    return unformat


def _mounter(find, show):
    def mount(request):
        """Mount its file system."""
        row = find(request, True)
        check = Check(request)
        point = check.text("mount_point", None, required=True)
        if row["filesystem"] is None:
            check.error("__all__", "Cannot mount an unformatted device.")
        check.done()
        options = request.form.get("mount_options")
        row["filesystem"].update(mount_point=point, mount_options=options)
        return show(request.region, row)

    return mount


def _unmounter(find, show):
    def unmount(request):
        """Unmount its file system."""
        row = find(request, True)
        if row["filesystem"] is None or not row["filesystem"]["mount_point"]:
            raise Answer(400, "Filesystem is already unmounted.")
        row["filesystem"].update(mount_point=None, mount_options=None)
        return show(request.region, row)

    return unmount


for _endpoint, _find, _show in (
    (disk, _disk, storage.show_disk),
    (partition, _partition, storage.show_partition),
):
    _endpoint("POST", "format")(_formatter(_find, _show))
    _endpoint("POST", "unformat")(_unformatter(_find, _show))
    _endpoint("POST", "mount")(_mounter(_find, _show))
    _endpoint("POST", "unmount")(_unmounter(_find, _show))


# -- partitions --------------------------------------------------------------------------------


@partitions("GET")
def list_partitions(request):
    """List a disk's partitions."""
    rows = storage.partitions_of(request.region, _disk(request))
    return [storage.show_partition(request.region, row) for row in rows]


@partitions("POST")
def create_partition(request):
    """Make a partition; without a size of all that is left."""
    region, row = request.region, _disk(request, to_change=True)
    left = storage.available(region, row)
    check = Check(request)
    size = check.integer("size", left, storage.MIB, None)
    if size and size > left and not check.errors:
        check.error("size", f"Ensure this value is less than or equal to {left}.")
    bootable = check.boolean("bootable")
    check.done()
    item = {"disk": row["id"], "size": size // storage.MIB * storage.MIB, "bootable": bootable,
            "uuid": storage.new_uuid(check.form.get("uuid")), "filesystem": None,
            "tags": []}  # fmt: skip
    return storage.show_partition(region, region.rows("partitions").add(item))


@partition("GET")
def read_partition(request):
    """Read a partition."""
    return storage.show_partition(request.region, _partition(request))


@partition("DELETE")
def delete_partition(request):
    """Delete a partition."""
    row = _partition(request, to_change=True)
    del request.region.rows("partitions")[row["id"]]
    return no_content()


partition("POST", "add_tag", since="2.9")(_add_tag(_partition, storage.show_partition))
partition("POST", "remove_tag", since="2.9")(_remove_tag(_partition, storage.show_partition))
