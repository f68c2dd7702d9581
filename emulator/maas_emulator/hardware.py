"""What machines do by themselves, as a test tells it.

A region of its own has no hardware: by default a machine that is commissioned, deployed, tested
or released succeeds after ``machine_seconds``. With ``machine_seconds=float("inf")`` nothing
happens until a test says so::

    hardware.update(region, "abc123", status=11)
    hardware.commissioned(region, "abc123", disks=[{"name": "sda", "size": 10**11}],
                          interfaces=[{"name": "eth0", "mac_address": "52:54:00:00:00:01"}])
"""

from __future__ import annotations

import base64

from maas_emulator import hypervisors, machine_ops, storage
from maas_emulator.api1 import machines as nodes

_KEEP = object()


def machine(region, system_id):
    """The row of a machine, once pending work of its region is done; KeyError if there is none."""
    region.tick()
    for row in region.rows("machines").values():
        if row["system_id"] == system_id:
            return row
    raise KeyError(system_id)


def update(region, system_id, *, owner=_KEEP, power_state=None, **fields):
    """Set the status and other fields of a machine, whatever its status is.

    Args:
        region: The region.
        system_id: Of the machine.
        owner: Its owner, None for no owner; unchanged by default.
        power_state: ``on`` or ``off``, of its BMC as well.
        fields: ``status`` (number), ``previous_status``, and others of the machine.

    Raises:
        KeyError: There is no such machine.
    """
    row = machine(region, system_id)
    if owner is not _KEEP:
        fields["owner"] = owner
    if power_state:
        fields.update(power_state=power_state, bmc_state=power_state)
    row.update(fields)


def detected(region, system_id, *, disks=(), cores=None, **fields):
    """Set the hardware of a machine as commissioning detects it, without its other effects.

    Args:
        region: The region.
        system_id: Of the machine.
        disks: Dicts of ``name``, ``size`` (bytes) and others that the API shows.
        cores: Cores of its only NUMA node, which has all the memory.
        fields: ``cpu_count``, ``memory`` (MiB) and others of the machine.

    Raises:
        KeyError: There is no such machine.
    """
    row = machine(region, system_id)
    for disk in disks:
        more = {name: value for name, value in disk.items() if name not in ("id", "name", "size")}
        storage.add_disk(region, row, disk["name"], disk["size"], **more)
    row.update(fields)
    if cores is not None:
        row.update(cores=cores, numa_memory=row["memory"])


def commissioned(region, system_id, *, interfaces=(), disks=(), **fields):
    """End the commissioning of a machine with success; of API 1.0 also a deployment or release.

    Args:
        region: The region.
        system_id: Of the machine.
        interfaces: Dicts of ``name``, ``mac_address`` and others that the API shows, and
            ``address`` (``10.0.0.5/24``). An interface without address and VLAN gets a new fabric.
        disks: Dicts of ``name``, ``size`` (bytes) and others that the API shows.
        fields: ``cpu_count``, ``memory`` (MiB), ``cores`` and others of the machine.

    Raises:
        KeyError: There is no such machine.
    """
    row = machine(region, system_id)
    if region.release < "2.0":
        detected(region, system_id, disks=disks, **fields)
        nodes.finish(region, system_id)
        return
    known = {disk["name"] for disk in storage.disks_of(region, row)}
    detected(
        region, system_id, disks=[disk for disk in disks if disk["name"] not in known], **fields
    )
    row["found_interfaces"] = [dict(item) for item in interfaces]
    for item in interfaces:
        nic = machine_ops.hardware_nic(region, row, item)
        if item.get("address"):
            row["boot_interface"] = nic["id"]
    machine_ops.commissioned(region, row)


def user_data(region, system_id):
    """Return the user data of a machine's last deployment, as bytes; None if it has none.

    User data in base64 is decoded.

    Raises:
        KeyError: There is no such machine.
    """
    sent = machine(region, system_id).get("user_data")
    if not sent:
        return None
    plain = sent.encode() if isinstance(sent, str) else sent
    try:
        return base64.b64decode(b"".join(plain.split()), validate=True)
    except ValueError:
        return plain


def vm_host(region, address, kind="lxd", *, reachable=True, **found):
    """Let a VM host answer at an address, so that MAAS composes machines on it.

    The region connects to it through a connected rack when it is added, changed or refreshed.

    Args:
        region: The region.
        address: As the VM host's ``power_address`` says it.
        kind: ``lxd`` or ``virsh``.
        reachable: False where nothing answers there any more.
        found: ``cores``, ``memory`` (MiB), ``cpu_speed`` (MHz), ``architecture``,
            ``storage_pools`` (``{name: bytes}``, the first is the default one) and, for LXD,
            ``mac_addresses`` of the machine that it is; MAAS makes one that is Deployed where none
            has them.

    Raises:
        KeyError: Nothing answers there anyhow.
    """
    if reachable:
        hypervisors.plug(region, address, kind, **found)
    else:
        hypervisors.unplug(region, address, kind)
