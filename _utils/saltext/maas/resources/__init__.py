"""The resource types, one table each."""

from saltext.maas.release import Release
from saltext.maas.resources import images, network, node_group, nodes, settings, users

#: In the order in which a plan lists them and, dependencies apart, works through them.
TABLES = (
    settings.SettingTable(),
    users.User(),
    nodes.Node(),
    network.Space(),
    network.Fabric(),
    network.Vlan(),
    network.Subnet(),
    network.IpRange(),
    network.Rack(),
    network.Dhcp(),
    node_group.NodeGroup(),
    node_group.NodeGroupInterface(),
    images.BootSource(),
    images.BootSelection(),
    images.Image(),
    images.ClusterImage(),
)
BY_NAME = {table.name: table for table in TABLES}


def for_release(release: Release) -> dict:
    """The tables of the resource types that a release has, by name."""
    return {table.name: table for table in TABLES if table.holds_for(release)}
