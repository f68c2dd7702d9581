"""The resource types: every :class:`Table` with a name in a module of this package is one."""

from __future__ import annotations

import importlib
import pkgutil

from saltext.maas.release import Release
from saltext.maas.resources.table import Table

#: The order in which a plan lists the types and, dependencies apart, works through them.  A type
#: that is not named here comes after those that its fields refer to.
ORDER = (
    "setting", "user", "node", "ssh_key", "ssh_key_source", "ssl_key", "zone", "resource_pool",
    "tag", "package_repository", "script", "commissioning_script", "license_key", "notification",
    "file", "domain", "space", "fabric", "vlan", "subnet", "ip_range", "reserved_ip", "ip_address",
    "static_route", "network", "dns_resource", "dns_record", "region_controller", "rack", "dhcp",
    "dhcp_snippet", "node_group", "node_group_interface", "boot_source", "boot_selection",
    "cluster_boot_source", "cluster_boot_selection", "image", "boot_resource", "cluster_image",
)  # fmt: skip


def _tables() -> tuple[Table, ...]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted((one() for one in _named(Table)), key=_place))


def _named(kind: type[Table]) -> set[type[Table]]:
    """Return the subclasses of a table that have a name of their own."""
    found = {one for one in kind.__subclasses__() if "name" in vars(one)}
    return found.union(*map(_named, kind.__subclasses__()))


def _place(table: Table) -> tuple[int, str]:
    if table.name in ORDER:
        return ORDER.index(table.name), ""
    others = {field.ref for field in table.fields if field.ref in ORDER}
    return max(map(ORDER.index, others), default=0), table.name


TABLES = _tables()
BY_NAME = {table.name: table for table in TABLES}


def for_release(release: Release) -> dict[str, Table]:
    """The tables of the resource types that a release has, by name."""
    return {table.name: table for table in TABLES if table.holds_for(release)}
