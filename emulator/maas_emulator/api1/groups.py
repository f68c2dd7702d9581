"""Node groups of API 1.0 as the region keeps them; the calls are in ``controllers``."""

from __future__ import annotations

import ipaddress
import itertools
import uuid as uuids

from maas_emulator import netparse, networks
from maas_emulator.api1 import network_form
from maas_emulator.web import TEXT, Answer, Missing, html_page

#: uuid of the node group that a new region keeps for the first cluster to register.
PLACEHOLDER = "master"
DEFAULT_ZONE = "maas"
#: The account that all clusters share, each with a key of its own.
WORKER = "maas-nodegroup-worker"
PENDING, ACCEPTED, REJECTED = 0, 1, 2
UNMANAGED, DHCP, DHCP_AND_DNS = 0, 1, 2

#: From this release on a cluster registers over RPC with the secret, which accepts it at once,
#: and interfaces have names of their own and live checks.
RPC = "1.7"
#: From this release on the network of an interface is a subnet on a VLAN.
SUBNETS = "1.9"

GROUPS = "node_groups"
INTERFACES = "node_group_interfaces"

#: Addresses of an interface, in any order.
ADDRESS_FIELDS = (
    "ip", "subnet_mask", "broadcast_ip", "router_ip", "ip_range_low", "ip_range_high",
    "static_ip_range_low", "static_ip_range_high", "foreign_dhcp_ip",
)  # fmt: skip

_changes = itertools.count()


def seed(region):
    """A new region holds the placeholder; its database, if any, follows it from now on."""
    add_group(region, PLACEHOLDER, "Cluster master", ACCEPTED)
    region.replicate()


def add_group(region, uuid, cluster_name, status):
    """Store a node group that is not connected."""
    group = {
        "uuid": uuid,
        "name": DEFAULT_ZONE,
        "cluster_name": cluster_name,
        "status": status,
        "maas_url": "",
        "default_disable_ipv4": False,
        "connected": False,
        "images": [],
        "systems": None,
    }
    touch(group)
    return region.rows(GROUPS).add(group)


def touch(group):
    """Note a change: PostgreSQL, asked for no order, tells the latest changed row last."""
    group["changed"] = next(_changes)


def all_groups(region):
    """The node groups, without those that somebody deleted in the database."""
    if region.replica:
        region.replica.pull(region)
    return list(region.rows(GROUPS).values())


def find_group(region, uuid):
    """The node group of that uuid, or None."""
    return next((group for group in all_groups(region) if group["uuid"] == uuid), None)


def group_of(request):
    """The node group that the path names; raises 404 when there is none."""
    group = find_group(request.region, request.ids["uuid"])
    if group is None:
        raise Missing("NodeGroup", request)
    return group


def interfaces_of(region, group):
    """The interfaces of a node group, in the order of their names."""
    found = [row for row in region.rows(INTERFACES).values() if row["group"] == group["id"]]
    if region.release >= SUBNETS:
        for row in found:
            follow_subnet(region, row)
    return sorted(found, key=lambda row: row["name"])


def manages_dns(region, group):
    """Whether an accepted group serves DNS on one of its interfaces."""
    return group["status"] == ACCEPTED and any(
        nic["management"] == DHCP_AND_DNS for nic in interfaces_of(region, group)
    )


def remove_group(region, ident):
    """Forget a node group (by row id) and its interfaces."""
    region.rows(GROUPS).pop(ident, None)
    interfaces = region.rows(INTERFACES)
    for row in [row for row in interfaces.values() if row["group"] == ident]:
        del interfaces[row["id"]]


def need_connection(region, group):
    """Refuse with 503 what has to reach a cluster that is not connected (1.7+)."""
    if region.release >= RPC and not group["connected"]:
        text = (
            f"Unable to connect to cluster '{group['cluster_name']}' ({group['uuid']});"
            " no connections available."
        )
        raise Answer(503, text, TEXT)


def before_dhcp(region, group):
    """Refuse what has DHCP written anew on a cluster that is not connected, as 1.7 does."""
    if region.release < "1.8":
        need_connection(region, group)


def after_dhcp(region, group):
    """What is answered then, though all is stored: a page where something is wrong, else None.

    From 1.9 on a cluster that is away learns it later; a managed interface without a network breaks
    the message to one that is there.
    """
    if region.release < "1.8":
        return None
    if region.release < "1.9":
        wrong = not group["connected"]
    else:
        served = group["connected"] and group["status"] == ACCEPTED
        nics = interfaces_of(region, group) if served else ()
        wrong = any(nic["management"] and not nic["subnet_mask"] for nic in nics)
    if not wrong:
        return None
    return html_page(500, "Internal server error", "Internal server error.")


def worker_token(region, group):
    """The key that a cluster signs its own calls with; made when it is first asked for."""
    if group.get("token") is None:
        group["token"] = region.new_token(region.users[WORKER], group["uuid"])
    return group["token"]


def only_worker(request, group):
    """Refuse everybody but the cluster itself."""
    if request.token is None or request.token is not group.get("token"):
        raise Answer(403, f"Only allowed for the {netparse.written(group['name'])} worker.", TEXT)


def need_worker(request, group):
    """Refuse users who are neither administrators nor the cluster itself."""
    if not request.user.is_superuser:
        only_worker(request, group)


def add_interface(region, group, values):
    """Store an interface, and the network that MAAS makes of it where it can."""
    row = dict.fromkeys(ADDRESS_FIELDS)
    row.update(vlan_id=0, subnet_id=None, group=group["id"])
    region.rows(INTERFACES).add(row)
    change_interface(region, group, row, values)
    return row


def change_interface(region, group, row, values):
    """Give an interface other values, and keep the network that belongs to it."""
    if region.release >= SUBNETS:
        subnet = _subnet_for(region, group, row, values)
        values = {**values, "subnet_id": subnet and subnet["id"]}
    row.update(values)
    touch(group)
    if region.release >= SUBNETS:
        follow_subnet(region, row)
        if row["subnet_id"] is not None:
            networks.touch(region, "subnets", row["subnet_id"])
    elif region.release >= "1.6":
        _add_network(region, group, row)


def _subnet_for(region, group, row, values):
    """The subnet of an interface: its own on another network, one that is there, or a new one."""
    net = network_of(values["ip"], values["subnet_mask"])
    if net is None:
        return None
    subnets = region.rows("subnets")
    subnet = subnets.get(row["subnet_id"])
    if subnet is None:
        subnet = next((item for item in subnets.values() if item["net"] == net), None)
        if subnet is not None:
            return subnet
        vlan = _vlan_for(region, group, values)
        return networks.add_subnet(region, net, vlan, space=0, gateway_ip=values["router_ip"])
    name = subnet["name"].replace(subnet["cidr"], str(net))
    subnet.update(net=net, cidr=str(net), name=name)
    subnet["gateway_ip"] = values["router_ip"] or subnet["gateway_ip"]
    return subnet


def _vlan_for(region, group, values):
    """The VLAN of a new subnet: that of the network interface, or a fabric's of its own."""
    subnets = region.rows("subnets")
    known = [
        subnets[nic["subnet_id"]]["vlan"]
        for nic in region.rows(INTERFACES).values()
        if nic["group"] == group["id"]
        and nic.get("interface") == values["interface"]
        and nic["subnet_id"] in subnets
    ]
    if known:
        return min(known)
    fabric = networks.default_fabric(region)
    vlan = networks.default_vlan(region, fabric["id"])
    here = {item["id"] for item in networks.vlans_of(region, fabric["id"])}
    if networks.subnets_of(region, here):
        vlan = networks.default_vlan(region, networks.add_fabric(region)["id"])
    return vlan["id"]


def follow_subnet(region, row):
    """Let an interface of 1.9 have the mask, broadcast address and router of its subnet."""
    subnet = region.rows("subnets").get(row["subnet_id"])
    row.update(subnet_mask=None, broadcast_ip=None, router_ip=None)
    if subnet is not None:
        net = subnet["net"]
        row.update(
            subnet_mask=str(net.netmask),
            broadcast_ip=str(net.broadcast_address),
            router_ip=subnet["gateway_ip"] or None,
        )


def report_interfaces(region, group, reported):
    """Keep what a cluster says about itself, unless its node group has interfaces already.

    Args:
        reported: Dicts with ``name`` (or ``interface``), ``ip``, ``subnet_mask``, and whatever
            else 1.5's registration may send.
    """
    if interfaces_of(region, group):
        return
    for item in reported:
        device = item.get("interface") or item.get("name") or ""
        values = {
            "name": device,
            "interface": device,
            "management": int(item.get("management") or UNMANAGED),
        }
        values.update({name: item.get(name) or None for name in ADDRESS_FIELDS})
        net = network_of(values["ip"], values["subnet_mask"])
        if net is not None:
            values["subnet_mask"] = str(net.netmask)
            values["broadcast_ip"] = values["broadcast_ip"] or str(net.broadcast_address)
        add_interface(region, group, values)


def register(region, uuid, hostname, interfaces, cluster_name=None, zone=None):
    """A cluster makes itself known; returns (its node group, whether it is new)."""
    uuid = uuid or str(uuids.uuid4())
    group = find_group(region, uuid)
    new = group is None
    if new:
        group = find_group(region, PLACEHOLDER)
        if group is not None:
            is_local = uuid == region.options.local_cluster
            group.update(uuid=uuid, status=ACCEPTED if is_local else PENDING)
        else:
            group = add_group(region, uuid, cluster_name or f"Cluster {uuid}", PENDING)
        group["name"] = zone or group["name"]
    if region.release >= RPC:
        group["status"] = ACCEPTED
    group["hostname"] = hostname
    group["connected"] = True
    touch(group)
    report_interfaces(region, group, interfaces)
    return group, new


def network_of(address, mask):
    """The network of an address and its mask, or None where either is missing or wrong."""
    if not address or not mask:
        return None
    try:
        return netparse.network(address, mask)
    except netparse.BadAddress:
        return None


def is_backwards(low, high):
    """Whether a range's first address comes after its last."""
    return int(ipaddress.ip_address(low)) > int(ipaddress.ip_address(high))


def _add_network(region, group, row):
    """The ``networks/`` entry of an interface; MAAS goes on without where it is refused."""
    net = network_of(row["ip"], row["subnet_mask"])
    if net is None:
        return
    _, dot, tag = row["interface"].partition(".")
    name = row["interface"].replace(".", "-").replace(":", "-")
    called = row["name"] if region.release >= RPC else row["interface"]
    values = {
        "name": f"{group['name']}-{name}",
        "ip": str(net.network_address),
        "netmask": str(net.netmask),
        "vlan_tag": tag.partition(":")[0] if dot else None,
        "default_gateway": row["router_ip"] or "",
        "dns_servers": None,
        "description": (
            f"Auto created when creating interface {called} on cluster {group['name']}"
        ),
    }
    if network_form.is_right(region, values):
        region.rows(network_form.NETWORKS).add(values)
