"""What machines have in MAAS's answers; see :mod:`saltext.maas.client.shape`.

A key that not every release has, or that null may stand for, is optional.
"""

from __future__ import annotations

_TEXT = (str, None)
_NAMED = ({"name": str}, None)
_FILE_SYSTEM = (
    {"fstype": str, **dict.fromkeys(("label?", "mount_point?", "mount_options?"), _TEXT)}, None
)  # fmt: skip
_PARTITION = {"id": int, "size": int, "used_for": str, "filesystem?": _FILE_SYSTEM,
              "tags?": ([str], None)}  # fmt: skip
#: A disk, physical or virtual.
DISK = {
    "id": int, "name": str, "size": int, "type": str, "used_for": str, "partitions": [_PARTITION],
    "filesystem?": _FILE_SYSTEM, "tags?": ([str], None), "used_size?": (int, None),
    "available_size?": (int, None),
    **dict.fromkeys(("model?", "serial?", "id_path?", "partition_table_type?"), _TEXT),
}  # fmt: skip
_LINK = {"id": int, "mode": str, "ip_address?": _TEXT, "subnet?": ({"id": int, "cidr": str}, None)}
#: An interface.
NIC = {
    "id": int, "name": str, "type": str, "mac_address": _TEXT, "parents": [str],
    "vlan": ({"id": int, "vid": int, "fabric": str}, None), "links": [_LINK],
    "tags?": ([str], None),
}  # fmt: skip
_GATEWAY = ({"link_id?": (int, None)}, None)
#: What a machine has besides its identity, where it is there.
MORE = {
    "fqdn?": _TEXT, "pool?": _NAMED, "domain?": _NAMED, "boot_disk?": _NAMED,
    "tag_names?": [str], "ip_addresses?": ([str], None), "owner_data?": (dict, None),
    "default_gateways?": ({"ipv4?": _GATEWAY, "ipv6?": _GATEWAY}, None),
    "hardware_info?": (
        dict.fromkeys(("system_serial?", "system_vendor?", "system_product?"), _TEXT), None),
    "special_filesystems?": (
        [{"fstype": str, "mount_point": str, "mount_options?": _TEXT}], None),
    **dict.fromkeys(("architecture?", "power_state?", "power_type?", "osystem?", "distro_series?"),
                    _TEXT),
}  # fmt: skip
