"""``nodes/ID/blockdevices/`` and the partitions of disks."""

from __future__ import annotations

from maas_emulator import forms_2x, machines, permissions, storage, storage_layouts
from maas_emulator import storage_fields as fields
from maas_emulator.web import TEXT, Answer, Endpoint, Invalid, Missing, no_content

_DISKS = "nodes/{system_id}/blockdevices/"
_PARTITION = "{disk}/partitions?/{partition:[^/]+}"
disks = Endpoint(_DISKS, "BlockDevicesHandler", since="1.9")
disk = Endpoint(_DISKS + "{disk}/", "BlockDeviceHandler", since="1.9")
partitions = Endpoint(_DISKS + "{disk}/partitions/", "PartitionsHandler", since="1.9")
partition = Endpoint(_DISKS + _PARTITION, "PartitionHandler", since="1.9")

_NO_IDENTITY = "serial/model are required if id_path is not provided."
_MOUNTED = "Filesystem is mounted and cannot be unformatted. Unmount the filesystem before"


def machine_of(request, test=permissions.may_view):
    """The machine that a path is about."""
    return permissions.node_of(request, test, ("machines",), "Machine")


def need_ready(node, what, word="machine"):
    """409 for a machine that is not ready."""
    word = "node" if storage.is_node_1x(node) else word
    if node["status"] != machines.READY:
        raise machines.violation(f"Cannot {what} because the {word} is not Ready.")


def _disk(request, test=permissions.may_view):
    """The machine and the disk that a path is about; 404 without words where the machine is not."""
    region, spec = request.region, request.ids["disk"]
    for node in region.rows("machines").of(request.ids["system_id"]):
        for row in storage.disks_of(region, node):
            if spec in (str(row["id"]), row["name"]):
                if not test(request, node):
                    raise Answer(403, b"", TEXT)
                return node, row
    raise Missing("BlockDevice", request)


def _partition(request, test=permissions.may_view):
    node, row = _disk(request, test)
    spec, region = request.ids["partition"], request.region
    for other in storage.disks_of(region, node):
        for part in storage.partitions_of(region, other):
            name = f"{other['name']}-part{part['index']}"
            if spec in (str(part["id"]), name):
                return node, row, part
    raise Answer(404, b"", "text/plain")


# -- disks -------------------------------------------------------------------------------------


@disks("GET")
def list_disks(request):
    """List a machine's disks."""
    region, node = request.region, machine_of(request)
    return [storage.show_disk(region, row, True) for row in storage.disks_of(region, node)]


def _fields(required, *names):
    def low(least):
        def check(value):
            text = f"Ensure this value is greater than or equal to {least}."
            return text if value < least else None

        return check

    found = {
        "name": forms_2x.text("name", required=required, blank=False, longest=255, default=""),
        "model": forms_2x.text("model", default="", longest=255),
        "serial": forms_2x.text("serial", default="", longest=255),
        "id_path": fields.path("id_path", model=(), default=""),
        "size": fields.size("size", required=required, blank=False,
                            model=(low(storage.ALIGNMENT),)),
        "block_size": fields.size("block_size", required=required, blank=False,
                                  model=(low(512),)),
        "numa_node": forms_2x.integer("numa_node", low=0, model=None),
        "partition_table_type": fields.choice("partition_table_type", ("MBR", "GPT")),
        "uuid": fields.uuid4(model=()),
    }  # fmt: skip
    return [found[name] for name in names]


_OF_DISK = ("name", "model", "serial", "id_path", "size", "block_size", "numa_node")


def _look_at_identity(form):
    row = form.row
    if not row["id_path"] and not (row["model"] and row["serial"]):
        form.note("__all__", _NO_IDENTITY)
    if form.cleaned.get("numa_node"):
        form.error("numa_node", "Invalid NUMA node")


def _refuse_twin(region, node, form, stored=None):
    rows = storage.disks_of(region, node)
    if any(row["name"] == form.row["name"] and row is not stored for row in rows):
        raise storage.twin_disk()


@disks("POST", admin=True)
def create_disk(request):
    """Add a disk."""
    region, node = request.region, machine_of(request, permissions.may_admin)
    form = forms_2x.ModelForm(request, _fields(True, *_OF_DISK))
    form.read()
    form.apply()
    _look_at_identity(form)
    form.done()
    row = form.row
    names = [name for name in _OF_DISK if name not in ("name", "size", "numa_node")]
    more = {name: row[name] for name in names}
    row = storage.add_disk(region, node, row["name"], row["size"], **more)
    return storage.show_disk(region, row)


@disk("GET")
def read_disk(request):
    """Read a disk."""
    return storage.show_disk(request.region, _disk(request)[1])


@disk("PUT")
def update_disk(request):
    """Change a disk; of a deployed machine's only how it is known."""
    region = request.region
    node, row = _disk(request, permissions.may_admin)
    if node["status"] not in (machines.READY, machines.DEPLOYED):
        text = "Cannot update block device because the machine is not Ready."
        raise machines.violation(text)
    physical = row["kind"] == "physical"
    names: tuple[str, ...] = (*_OF_DISK, "partition_table_type")
    if node["status"] == machines.DEPLOYED:
        if not physical:
            text = "Cannot update virtual block device because the machine is Deployed."
            raise machines.violation(text)
        names = ("name", "model", "serial", "id_path")
    elif not physical:
        names = ("name", "uuid", "size", "partition_table_type")
    form = forms_2x.ModelForm(request, _fields(False, *names), row)
    form.read()
    if form.cleaned.get("partition_table_type") and not row["table"]:
        form.error("partition_table_type", "Block device has no partition table")
    group = region.rows("groups").get(row["group"])
    if group and group["kind"] != "lvm-vg" and form.cleaned.get("size") not in (None, row["size"]):
        form.note("size", "Size cannot be changed on this device.")
    form.apply()
    if physical:
        _look_at_identity(form)
    elif group["kind"] == "lvm-vg":
        form.row["size"] = form.row["size"] // storage.ALIGNMENT * storage.ALIGNMENT
        if form.row["size"] > storage.group_left(region, group) + row["size"]:
            size = storage.human(form.row["size"])
            text = f"There is not enough free space ({size}) on volume group {group['name']}."
            form.note("__all__", text)
    form.done()
    _refuse_twin(region, node, form, row)
    row.update({field.key: form.row[field.key] for field in form.fields if field.model is not None})
    row["table"] = form.cleaned.get("partition_table_type") or row["table"]
    return storage.show_disk(region, row)


@disk("DELETE")
def delete_disk(request):
    """Delete a disk that is part of nothing."""
    node, row = _disk(request, permissions.may_admin)
    need_ready(node, "delete block device")
    storage.drop_disk(request.region, row)
    return no_content()


@disk("POST", "set_boot_disk")
def set_boot_disk(request):
    """Boot from this disk."""
    node, row = _disk(request, permissions.may_admin)
    need_ready(node, "set as boot disk")
    if row["kind"] != "physical":
        raise storage.forbidden(f"Cannot set a {row['kind']} block device as the boot disk.")
    node["boot_disk"] = row["id"]
    return Answer(200, "OK", "text/plain").response


def _retag(row, tag, wanted):
    if wanted and tag not in row["tags"]:
        row["tags"] = [*row["tags"], tag]
    elif not wanted:
        row["tags"] = [item for item in row["tags"] if item != tag]


def _tagger(wanted):
    def of_disk(request):
        """Add or remove a tag; API 1.0 does so by GET."""
        node, row = _disk(request, permissions.may_admin)
        need_ready(node, "update block device")
        tag = request.needed("tag") if request.method == "POST" else request.query.get("tag")
        if not tag:
            raise Answer(400, "No provided tag!", TEXT)
        _retag(row, str(tag), wanted)
        return storage.show_disk(request.region, row)

    def of_partition(request):
        """Add or remove a tag."""
        _, _, part = _partition(request, permissions.may_admin)
        _retag(part, str(request.needed("tag")), wanted)
        return storage.show_partition(request.region, part)

    return of_disk, of_partition


for _op, _wanted in (("add_tag", True), ("remove_tag", False)):
    _of_disk, _of_partition = _tagger(_wanted)
    disk("POST", _op, since="2.0")(_of_disk)
    disk("GET", _op, until="2.0")(_of_disk)
    partition("POST", _op, since="2.5")(_of_partition)


# -- file systems ------------------------------------------------------------------------------


class _Target:
    """A disk or partition that is formatted or mounted, by who may do that at present."""

    def __init__(self, request, kind, what):
        self.region, self.request = request.region, request
        self.is_disk = kind == storage.DISK
        found = (_disk if self.is_disk else _partition)(request, permissions.may_edit)
        self.node, self.row = found[0], found[-1]
        self.word = "block device" if self.is_disk else "partition"
        if self.node["status"] not in (machines.READY, machines.ALLOCATED):
            holder = "machine" if self.is_disk else "node"
            text = f"Cannot {what} {self.word} because the {holder} is not Ready or Allocated."
            raise machines.violation(text)
        is_admin = permissions.may_read_secrets(request, self.node)
        if self.node["status"] == machines.READY and not is_admin:
            text = f"Cannot {what} {self.word} because you don't have the permissions on a Ready"
            raise Answer(403, f"{text} {'machine' if self.is_disk else 'node'}.", TEXT)
        self.key = (kind, self.row["id"])

    @property
    def filesystem(self):
        return storage.filesystem_of(self.region, self.key)

    def shown(self):
        show = storage.show_disk if self.is_disk else storage.show_partition
        return show(self.region, self.row)

    def need_filesystem(self):
        found = self.filesystem
        if found is None:
            raise storage.forbidden(f"{self.word.capitalize()} is not formatted.")
        return found


def _format(target):
    """Put a file system on it."""
    region, node = target.region, target.node
    kinds = (
        fields.uuid4(),
        fields.choice("fstype", storage.formats(region.release), required=True),
        fields.text("label"),
    )
    form = forms_2x.ModelForm(target.request, kinds)
    form.read()
    if target.is_disk and "fstype" in form.cleaned and target.row["table"]:
        form.error("__all__", "Cannot format block device with a partition table.")
    if not target.is_disk and storage_layouts.is_base_partition(region, node, target.row):
        form.note("VMFS", "Base VMFS partitions may not be formatted.")
    if form.errors:
        raise Invalid(form.errors)
    acquired = storage.is_allocated(node)
    with storage.undone_on_error(region, node):
        for old in storage.filesystems_of(region, target.key):
            if old["acquired"] == acquired:
                if old["fstype"] not in storage.FORMATS:
                    word = "block device" if target.is_disk else "partition"
                    text = f"Cannot format a {word} that has a filesystem type of {old['fstype']}."
                    raise storage.forbidden(text)
                storage.drop_filesystem(region, old)
        seen = form.cleaned
        storage.add_filesystem(
            region, node, target.key, seen["fstype"], acquired=acquired, uid=seen.get("uuid"),
            label=seen.get("label"),
        )  # fmt: skip


def _unformat(target):
    """Take its file system away."""
    found = target.need_filesystem()
    word = target.word
    if found["mount_point"] is not None:
        raise storage.forbidden(f"{_MOUNTED} unformatting the {word}.")
    group = storage.group_of(target.region, found)
    if group:
        nice = storage.NICE_NAMES[group["kind"]]
        text = f"Filesystem is part of a {nice}, and cannot be unformatted. Remove {word} from"
        raise storage.forbidden(f"{text} {nice} before unformatting the {word}.")
    storage.drop_filesystem(target.region, found)


def _mount(target):
    """Mount its file system."""
    found = target.filesystem
    kinds = []
    if found:
        kinds = [fields.text("mount_options")]
        if found["fstype"] != "swap":
            kinds.append(fields.path("mount_point", required=True))
    form = forms_2x.ModelForm(target.request, kinds)
    form.read()
    if found is None:
        text = "Cannot mount an unformatted partition or block device."
        form.error("__all__", text)
    elif found["group"] is not None:
        text = "Filesystem is part of a filesystem group, and cannot be mounted."
        form.error("__all__", text)
    if form.errors:
        raise Invalid(form.errors)
    after = {**found, "mount_point": form.cleaned.get("mount_point", "none"),
             "mount_options": form.cleaned.get("mount_options", "")}  # fmt: skip
    region = target.region
    others = [row for row in region.rows("filesystems").of(found["node"]) if row is not found]
    if after["fstype"] != "swap" and any(
        (row["mount_point"], row["acquired"]) == (after["mount_point"], after["acquired"])
        for row in others
    ):
        text = f"Another filesystem is already mounted at {after['mount_point']}."
        raise storage.refused(text)
    found.update(after)


def _unmount(target):
    """Unmount its file system."""
    found = target.need_filesystem()
    if found["mount_point"] is None:
        raise storage.forbidden("Filesystem is already unmounted.")
    found.update(mount_point=None, mount_options=None)


def _of_target(kind, what, action):
    def operation(request):
        target = _Target(request, kind, what)
        action(target)
        return target.shown()

    operation.__doc__ = action.__doc__
    return operation


for _what, _action in (
    ("format", _format), ("unformat", _unformat), ("mount", _mount), ("unmount", _unmount),
):  # fmt: skip
    disk("POST", _what)(_of_target(storage.DISK, _what, _action))
    partition("POST", _what)(_of_target(storage.PARTITION, _what, _action))


# -- partitions --------------------------------------------------------------------------------


@partitions("GET")
def list_partitions(request):
    """List a disk's partitions; one that never had any makes MAAS fail."""
    _, row = _disk(request)
    if not row["table"]:
        raise Answer(500, "PartitionTable matching query does not exist.", TEXT)
    rows = storage.partitions_of(request.region, row)
    return [storage.show_partition(request.region, item) for item in rows]


@partitions("POST")
def create_partition(request):
    """Make a partition; without a size of all that is left."""
    region = request.region
    node, row = _disk(request, permissions.may_admin)
    need_ready(node, "create partition", "node")
    kinds = (
        forms_2x.flag("bootable", model=None),
        fields.uuid4(),
        fields.size("size", storage.ALIGNMENT, row["size"], required=region.release < "2.3"),
    )
    form = forms_2x.ModelForm(request, kinds)
    form.read()
    if form.errors:
        raise Invalid(form.errors)
    seen = form.cleaned
    with storage.undone_on_error(region, node):
        part = storage.add_partition(
            region, node, row, seen.get("size"), seen.get("bootable"), seen.get("uuid")
        )
    return storage.show_partition(region, part)


@partition("GET")
def read_partition(request):
    """Read a partition."""
    return storage.show_partition(request.region, _partition(request)[-1])


@partition("DELETE")
def delete_partition(request):
    """Delete a partition that is part of nothing."""
    node, row = _disk(request, permissions.may_admin)
    if not row["table"]:
        raise Missing("PartitionTable", request)
    need_ready(node, "delete block device", "node")
    part = _partition(request, permissions.may_admin)[-1]
    if part["disk"] != row["id"]:
        raise storage.forbidden("Partition doesn't belong to the partition table")
    if storage_layouts.is_base_partition(request.region, node, part):
        text = "VMware ESXi partitions may not be removed. To remove select a different storage"
        raise storage.forbidden(f"{text} layout.")
    with storage.undone_on_error(request.region, node):
        storage.drop_partition(request.region, part)
    return no_content()
