"""The resource types, one table each."""

from saltext.maas.release import Release
from saltext.maas.resources import (
    account,
    addressing,
    cluster_sources,
    content,
    controllers,
    dhcp,
    dns,
    grouping,
    images,
    imports,
    network,
    node_group,
    nodes,
    scripts,
    settings,
    subnets,
    uploads,
    users,
    vlans,
)

#: In the order in which a plan lists them and, dependencies apart, works through them.
TABLES = (
    settings.SettingTable(),
    users.User(),
    nodes.Node(),
    account.SshKey(),
    account.SshKeySource(),
    account.SslKey(),
    grouping.Zone(),
    grouping.ResourcePool(),
    grouping.Tag(),
    content.PackageRepository(),
    scripts.Script(),
    scripts.CommissioningScript(),
    content.LicenseKey(),
    content.Notification(),
    content.File(),
    dns.Domain(),
    network.Space(),
    network.Fabric(),
    vlans.Vlan(),
    subnets.Subnet(),
    subnets.IpRange(),
    addressing.ReservedIp(),
    addressing.IpAddress(),
    addressing.StaticRoute(),
    addressing.Network(),
    dns.DnsResource(),
    dns.DnsRecord(),
    controllers.RegionController(),
    controllers.Rack(),
    dhcp.Dhcp(),
    addressing.DhcpSnippet(),
    node_group.NodeGroup(),
    node_group.NodeGroupInterface(),
    images.BootSource(),
    images.BootSelection(),
    cluster_sources.ClusterBootSource(),
    cluster_sources.ClusterBootSelection(),
    imports.Image(),
    uploads.BootResource(),
    imports.ClusterImage(),
)
BY_NAME = {table.name: table for table in TABLES}


def for_release(release: Release) -> dict:
    """The tables of the resource types that a release has, by name."""
    return {table.name: table for table in TABLES if table.holds_for(release)}
