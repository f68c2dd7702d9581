"""The parameters that each power type requires, and the releases that have it (API 2.0)."""

from __future__ import annotations

from saltext.maas.release import Release

_WHERE = ("power_address",)
_LOGIN = ("power_address", "power_user", "power_pass")

#: Power type: first and last release that has it, and the parameters it cannot do without.
POWER_TYPES = {
    "amt": ("2.0", "", _WHERE),
    "apc": ("2.0", "", (*_WHERE, "node_outlet")),
    "dli": ("2.0", "", (*_WHERE, "outlet_id")),
    "eaton": ("2.9", "", (*_WHERE, "node_outlet")),
    "fence_cdu": ("2.0", "2.6", (*_WHERE, "power_id")),
    "hmc": ("2.0", "", (*_WHERE, "server_name", "lpar")),
    "hmcz": ("3.0", "", (*_LOGIN, "power_partition_name")),
    "ipmi": ("2.0", "", _WHERE),
    "lxd": ("2.8", "", (*_WHERE, "instance_name")),
    "manual": ("2.0", "", ()),
    "moonshot": ("2.0", "", (*_WHERE, "power_hwaddress")),
    "mscm": ("2.0", "", (*_WHERE, "node_id")),
    "msftocs": ("2.0", "", (*_WHERE, "blade_id")),
    "nova": ("2.0", "3.7",
             ("nova_id", "os_tenantname", "os_username", "os_password", "os_authurl")),
    "openbmc": ("2.6", "", _LOGIN),
    "proxmox": ("2.9", "", (*_WHERE, "power_user")),
    "raritan": ("3.2", "", (*_WHERE, "node_outlet")),
    "recs_box": ("2.3", "", (*_WHERE, "node_id")),
    "redfish": ("2.5", "", _LOGIN),
    "rsd": ("2.2", "2.9", (*_LOGIN, "node_id")),
    "sm15k": ("2.0", "", (*_WHERE, "system_id")),
    "ucsm": ("2.0", "", (*_WHERE, "uuid")),
    "virsh": ("2.0", "", (*_WHERE, "power_id")),
    "vmware": ("2.0", "", _LOGIN),
    "webhook": ("2.9", "", ("power_on_uri", "power_off_uri", "power_query_uri")),
    "wedge": ("2.1", "", _WHERE),
}  # fmt: skip


def known(release: Release | None) -> list[str]:
    """Return the power types of a release; of all releases without one."""
    return sorted(
        name
        for name, (since, up_to, _) in POWER_TYPES.items()
        if release is None or release.within(since, up_to)
    )


def lacking(power_type: str | None, parameters: dict) -> list[str]:
    """Return the parameters that a power type requires and that are not given."""
    needed = POWER_TYPES.get(power_type or "", ("", "", ()))[2]
    return [name for name in needed if not parameters.get(name)]
