"""Rack and region controllers: how they come and go, and what is shown of them."""

from __future__ import annotations

import ipaddress
import secrets

from maas_emulator import networks
from maas_emulator.api2.groups import show_zone
from maas_emulator.crud import hide_newer
from maas_emulator.dns import show_domain

_LETTERS = "abcdefghkmnpqrstwxy34678"
RACK, REGION, BOTH = 2, 3, 4
NODE_TYPES = {
    RACK: "Rack controller",
    REGION: "Region controller",
    BOTH: "Region and rack controller",
}
HARDWARE = [
    "system_vendor", "system_product", "system_family", "system_version", "system_sku",
    "system_serial", "cpu_model", "mainboard_vendor", "mainboard_product", "mainboard_serial",
    "mainboard_version", "mainboard_firmware_vendor", "mainboard_firmware_date",
    "mainboard_firmware_version", "chassis_vendor", "chassis_type", "chassis_serial",
    "chassis_version",
]  # fmt: skip
TESTS = ("cpu", "memory", "storage", "network", "interface", "other")
#: Services of a rack, and since when; what a connected one says of each.
SERVICES = {
    "rackd": ("2.0", "running"),
    "http": ("2.0", "running"),
    "tftp": ("2.0", "running"),
    "dhcpd": ("2.0", "off"),
    "dhcpd6": ("2.0", "off"),
    "ntp_rack": ("2.1", "running"),
    "proxy_rack": ("2.5", "running"),
    "syslog_rack": ("2.5", "running"),
    "agent": ("3.5", "running"),
}
#: First release whose answers have a field of a controller, where it is not 2.0.
SINCE = {
    "version": "2.3",
    **dict.fromkeys(
        ("cpu_speed", "hardware_info", "tag_names", "commissioning_status",
         "commissioning_status_name", "testing_status", "testing_status_name",
         "current_commissioning_result_id", "current_testing_result_id",
         "current_installation_result_id", "cpu_test_status", "cpu_test_status_name",
         "memory_test_status", "memory_test_status_name", "storage_test_status",
         "storage_test_status_name", "other_test_status", "other_test_status_name"), "2.4"),
    "description": "2.6",
    **dict.fromkeys(
        ("hardware_uuid", "network_test_status", "network_test_status_name",
         "interface_test_status", "interface_test_status_name"), "2.9"),
}  # fmt: skip


def addresses_of(node):
    """The addresses of a node's interfaces; those that were seen if it was given none."""
    for kind in ("links", "discovered"):
        items = [item for nic in node["interfaces"] for item in nic.get(kind) or ()]
        found = [item["ip_address"] for item in items if item.get("ip_address")]
        if found:
            return found
    return []


def _free_system_id(region):
    """An id that no node of the region has had."""
    taken = region.state.setdefault("system ids", set())
    while True:
        found = "".join(secrets.choice("abcdefghkmnpqrstwxy34678") for _ in range(6))
        if found not in taken:
            taken.add(found)
            return found


def new_node(region, hostname, system_id, node_type):
    """A controller's row, without interfaces."""
    return {
        "system_id": system_id or _free_system_id(region),
        "hostname": hostname,
        "node_type": node_type,
        "description": "",
        "zone": 1,
        "domain": 0,
        "power_type": "",
        "interfaces": [],
        "connected": False,
        "services": "unknown",
    }


#: Tables of nodes, in the order in which ``nodes/`` lists them.
KINDS = ("machines", "devices", "racks", "regions")


def everything(region, kinds=KINDS):
    """All nodes of some kinds; a region controller that is a rack as well counts once."""
    found = {node["system_id"]: node for kind in kinds for node in region.rows(kind).values()}
    return list(found.values())


def find(region, spec, kinds=KINDS):
    """The node with a system_id or hostname, or None."""
    for node in everything(region, kinds):
        if spec in (node["system_id"], node["hostname"]):
            return node
    return None


def find_id(region, system_id):
    """The node with a system_id, or None."""
    for node in everything(region):
        if node["system_id"] == system_id:
            return node
    return None


_FIRST = ("able", "brave", "calm", "eager", "fair", "glad", "keen", "mild", "neat", "proud")
_SECOND = ("ant", "bee", "cod", "elk", "fox", "gnu", "hen", "jay", "owl", "yak")


def invented_name(taken):
    """A hostname of two words that no node has."""
    while True:
        name = f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}"
        name = name if name not in taken else f"{name}{secrets.randbelow(10**6)}"
        if name not in taken:
            return name


# -- what racks do -----------------------------------------------------------------------------


def register(region, *, uuid=None, hostname, interfaces=(), system_id=None):
    """A rack makes itself known; returns its system_id.

    One that was here before (by system_id, MAC address or name) keeps its place. Networks
    that no subnet stands for yet are discovered.
    """
    row = _known(region, hostname, interfaces, system_id)
    if row is None:
        own = [one for one in region.rows("regions").values() if one["hostname"] == hostname]
        if own:
            row = own[0]
            row["node_type"] = BOTH
            region.rows("racks")[-row["id"]] = row
        else:
            row = region.rows("racks").add(new_node(region, hostname, system_id, RACK))
    row["hostname"] = hostname
    set_interfaces(region, row, interfaces)
    return row["system_id"]


def _known(region, hostname, interfaces, system_id):
    macs = {nic["mac"].lower() for nic in interfaces if nic.get("mac")}
    for row in region.rows("racks").values():
        own = {nic["mac"] for nic in row["interfaces"]}
        if row["system_id"] == system_id or own & macs or row["hostname"] == hostname:
            return row
    return None


def set_interfaces(region, row, interfaces):
    """Give a controller its interfaces, and those their addresses."""
    before = {nic["name"]: nic for nic in row["interfaces"]}
    row["interfaces"] = []
    for given in interfaces:
        nic = before.get(given["name"]) or region.rows("interfaces").add({"vlan": None})
        links = []
        if given.get("ip"):
            mask = given.get("subnet_mask") or "255.255.255.0"
            net = ipaddress.ip_interface(f"{given['ip']}/{mask}").network
            subnet = networks.discover(region, net)
            nic["vlan"] = subnet["vlan"]
            link = region.rows("links").add({"subnet": subnet["id"], "ip_address": given["ip"]})
            links.append(link)
        nic.update(name=given["name"], mac=(given.get("mac") or "").lower(), links=links)
        row["interfaces"].append(nic)


def connected(region, ident, is_connected):
    """The connection of a rack came up or went down."""
    for row in region.rows("racks").values():
        if row["system_id"] == ident:
            row["connected"] = is_connected
            row["services"] = "running" if is_connected else "dead"
            return
    raise KeyError(ident)


# -- what is shown -----------------------------------------------------------------------------


#: Fields of an interface that are kept as they are shown, with their defaults.
NIC = {
    "type": "physical", "enabled": True, "link_connected": True, "link_speed": 0,
    "interface_speed": 0, "sriov_max_vf": 0, "params": {}, "tags": [], "vendor": None,
    "product": None, "firmware_version": None,
}  # fmt: skip
#: First release whose answers have a field of an interface, where it is not 2.0.
NIC_SINCE = {
    **dict.fromkeys(("system_id", "vendor", "product", "firmware_version"), "2.4"),
    **dict.fromkeys(("link_connected", "interface_speed", "link_speed", "sriov_max_vf",
                     "numa_node"), "2.7"),
}  # fmt: skip
DEVICE = 1


def show_link(region, link):
    """A link of an interface; only those with a subnet say where, and only some an address."""
    shown = {"id": link["id"], "mode": link.get("mode", "static")}
    subnet = region.rows("subnets").get(link["subnet"])
    if link.get("ip_address"):
        shown["ip_address"] = link["ip_address"]
    if subnet:
        shown["subnet"] = networks.show_subnet(region, subnet)
    return shown


def is_physical(nic):
    """Whether an interface is no bond, bridge or VLAN."""
    return nic.get("type", "physical") == "physical"


def children_of(node, nic):
    """The interfaces that are made of one."""
    return [item for item in node["interfaces"] if nic["id"] in item.get("parents", ())]


def effective_mtu(region, node, nic):
    """The MTU of an interface, which is never below that of those made of it."""
    vlan = region.rows("vlans").get(nic["vlan"])
    own = (nic.get("params") or {}).get("mtu") or (vlan["mtu"] if vlan else 1500)
    return max([own, *(effective_mtu(region, node, item) for item in children_of(node, nic))])


def _show_discovered(region, nic):
    """The addresses that an interface was seen with."""
    rows = region.rows("subnets")
    found = [
        {"subnet": networks.show_subnet(region, rows[item["subnet"]]),
         "ip_address": item["ip_address"]}
        for item in nic.get("discovered") or () if item["subnet"] in rows
    ]  # fmt: skip
    return found or None


def show_interface(region, node, nic):
    """An interface as the API shows it."""
    vlan = region.rows("vlans").get(nic["vlan"])
    parents = nic.get("parents", [])
    by_id = {item["id"]: item["name"] for item in node["interfaces"]}
    shown = {name: nic.get(name, default) for name, default in NIC.items()}
    shown.update(
        id=nic["id"],
        name=nic["name"],
        system_id=node["system_id"],
        mac_address=nic["mac"],
        vlan=networks.show_vlan(region, vlan) if vlan else None,
        links=[show_link(region, link) for link in nic["links"]],
        effective_mtu=effective_mtu(region, node, nic),
        numa_node=None if node["node_type"] == DEVICE or not is_physical(nic) else 0,
        parents=sorted(by_id[ident] for ident in parents if ident in by_id),
        children=sorted(item["name"] for item in children_of(node, nic)),
        discovered=_show_discovered(region, nic),
        resource_uri=f"/MAAS/api/2.0/nodes/{node['system_id']}/interfaces/{nic['id']}/",
    )
    return hide_newer(region.release, shown, NIC_SINCE)


def services_of(region, node):
    """Status of each service: unknown before the first connection."""
    serving = any(
        vlan["dhcp_on"] and node["system_id"] in (vlan["primary_rack"], vlan["secondary_rack"])
        for vlan in region.rows("vlans").values()
    )
    shown = []
    for name, (since, status) in SERVICES.items():
        if region.release < since:
            continue
        if node["services"] == "rackd":
            status = "running" if name == "rackd" else "unknown"
        elif node["services"] != "running":
            status = node["services"] if name == "rackd" else "unknown"
        elif name == "dhcpd" and serving:
            status = "running"
        shown.append({"name": name, "status": status, "status_info": ""})
    return shown


def show_node(region, node, as_rack):
    """A controller as the API shows it in one of its two lists."""
    domain = region.rows("domains")[node["domain"]]
    is_rack_only = node["node_type"] == RACK
    kind = "rackcontrollers" if as_rack else "regioncontrollers"
    shown = {
        "system_id": node["system_id"],
        "hostname": node["hostname"],
        "fqdn": f"{node['hostname']}.{domain['name']}",
        "description": node["description"],
        "domain": show_domain(region, domain),
        "zone": show_zone(region.rows("zones")[node["zone"]]),
        "node_type": node["node_type"],
        "node_type_name": NODE_TYPES[node["node_type"]],
        "architecture": "amd64/generic" if as_rack else None,
        "cpu_count": 0,
        "cpu_speed": 0,
        "memory": 0,
        "swap_size": None,
        "osystem": "",
        "distro_series": "",
        "hardware_uuid": None,
        "hardware_info": dict.fromkeys(HARDWARE, "Unknown"),
        "power_state": "unknown",
        "power_type": node["power_type"],
        "status_action": None,
        "tag_names": node.get("tags", []),
        "version": node.get("version", ".".join(map(str, region.release.parts))),
        "interface_set": [show_interface(region, node, nic) for nic in node["interfaces"]],
        "commissioning_status": -1 if is_rack_only else 0,
        "commissioning_status_name": "Unknown" if is_rack_only else "Pending",
        "current_commissioning_result_id": None if is_rack_only else 1,
        "current_testing_result_id": None,
        "current_installation_result_id": None,
        "testing_status": -1,
        "testing_status_name": "Unknown",
        "resource_uri": f"/MAAS/api/2.0/{kind}/{node['system_id']}/",
    }
    for test in TESTS:
        shown[f"{test}_test_status"] = -1
        shown[f"{test}_test_status_name"] = "Unknown"
    if as_rack:
        shown["service_set"] = services_of(region, node)
    shown["ip_addresses"] = addresses_of(node)
    return hide_newer(region.release, shown, SINCE)
