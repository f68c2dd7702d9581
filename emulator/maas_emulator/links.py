"""The links of machines' and devices' interfaces, and interfaces that come and go with them.

A link is ``{"id", "mode", "subnet", "ip_address"}``; AUTO ones get their address when the machine
is deployed, and lose it when it is released.
"""

from __future__ import annotations

from maas_emulator import ips, machines, networks, node_forms
from maas_emulator.nodes import children_of
from maas_emulator.web import TEXT, Answer

AUTO, DHCP, STATIC, LINK_UP = "auto", "dhcp", "static", "link_up"
BRIDGE_DEFAULTS = {"bridge_type": "standard", "bridge_stp": False, "bridge_fd": 15}


def _family(region, ident):
    subnet = region.rows("subnets").get(ident)
    return subnet["net"].version if subnet else None


def parents_of(node, nic):
    """The interfaces that one is made of."""
    return [item for item in node["interfaces"] if item["id"] in nic.get("parents", ())]


def is_enabled(node, nic):
    """Whether an interface is on: one that is made of others, if any of them is."""
    parents = parents_of(node, nic)
    if parents:
        return any(is_enabled(node, parent) for parent in parents)
    return nic.get("enabled", True)


# -- one link ----------------------------------------------------------------------------------


def _drop(region, node, nic, unwanted):
    gone = [link for link in nic["links"] if unwanted(link)]
    nic["links"] = [link for link in nic["links"] if link not in gone]
    chosen = node.get("gateway_links", {})
    for version, ident in list(chosen.items()):
        if ident in [link["id"] for link in gone]:
            del chosen[version]
    machines.set_links(region, node, nic)


def add(region, node, nic, mode, subnet=None, address=None):
    """Link an interface to a subnet.

    Args:
        region: The region.
        node: What the interface is of.
        nic: The interface; one without a VLAN gets the subnet's.
        mode: One of the constants of this module.
        subnet: A subnet's row, or None.
        address: For a static link; the next one that is free unless given.

    Returns:
        The link.
    """
    if nic["vlan"] is None and subnet is not None:
        set_vlan(region, node, nic, subnet["vlan"])
    family = subnet["net"].version if subnet else None
    if mode == STATIC and address is None:
        address = _free(region, subnet)

    def is_dhcp(link):
        of = _family(region, link["subnet"])
        return link["mode"] == DHCP and (family is None or of is None or of == family)

    _drop(region, node, nic, lambda link: is_dhcp(link) or link["mode"] == LINK_UP)
    row = {"mode": mode, "subnet": subnet["id"] if subnet else None, "ip_address": address}
    link = region.rows("links").add(row)
    nic["links"] = [*nic["links"], link]
    machines.set_links(region, node, nic)
    if mode in (STATIC, LINK_UP):
        settle(region, node, nic)
    return link


def _free(region, subnet):
    address = ips.next_free(region, subnet)
    if address is None:
        raise Answer(503, f"No more IPs available in subnet: {subnet['cidr']}.", TEXT)
    return address


def unlink(region, node, nic, link):
    """Take a link away; an interface that has none is up all the same."""
    _drop(region, node, nic, lambda item: item is link)
    if is_enabled(node, nic):
        ensure_up(region, node, nic)


def clear_nic(region, node, nic):
    """Take all links of an interface away."""
    _drop(region, node, nic, lambda link: True)


def ensure_up(region, node, nic):
    """Give an interface that is on a VLAN and has no link one that says that it is up."""
    if nic["links"]:
        others = [link for link in nic["links"] if link["mode"] != LINK_UP]
        if others and len(others) < len(nic["links"]):
            _drop(region, node, nic, lambda link: link["mode"] == LINK_UP)
    elif nic["vlan"] is not None:
        rows = region.rows("subnets")
        seen = [rows.get(item["subnet"]) for item in nic.get("discovered") or ()]
        subnet = next((row for row in seen if row and row["vlan"] == nic["vlan"]), None)
        add(region, node, nic, LINK_UP, subnet)


# -- interfaces --------------------------------------------------------------------------------


def set_vlan(region, node, nic, vlan):
    """Move an interface to another VLAN, which takes its links away.

    A fabric of which nothing is left that way goes, too.
    """
    before = nic["vlan"]
    if before == vlan:
        return
    nic["vlan"] = vlan
    clear_nic(region, node, nic)
    row = region.rows("vlans").get(before)
    if row is None:
        return
    used = any(item["vlan"] == before for item in region.rows("subnets").values())
    for other in networks.all_nodes(region):
        used = used or any(item["vlan"] == before for item in other["interfaces"])
    vlans = networks.vlans_of(region, row["fabric_id"])
    if not used and len(vlans) == 1 and row["fabric_id"] != networks.DEFAULT_FABRIC:
        networks.drop_vlan(region, before)
        del region.rows("fabrics")[row["fabric_id"]]


def settle(region, node, nic):
    """What follows when an interface was stored: its parents and children keep in step."""
    for item in [nic, *children_of(node, nic)]:
        if item.get("type") in ("bond", "bridge"):
            for parent in parents_of(node, item):
                clear_nic(region, node, parent)
                if parent["vlan"] != item["vlan"]:
                    set_vlan(region, node, parent, item["vlan"])
    for item in node["interfaces"]:
        if item.get("type") == "vlan":
            for parent in parents_of(node, item)[:1]:
                item["mac"] = parent["mac"]
        if item.get("parents"):
            item["enabled"] = is_enabled(node, item)


def spread_mtu(node, nic, before):
    """Let those that an interface is made of carry its packets, and none that it carries more."""
    mtu = (nic.get("params") or {}).get("mtu")
    if mtu is None or mtu == before:
        return
    for child in children_of(node, nic):
        if (child.get("params") or {}).get("mtu", 0) > mtu:
            _set_mtu(node, child, mtu)
    for parent in parents_of(node, nic):
        if (parent.get("params") or {}).get("mtu", 0) < mtu:
            _set_mtu(node, parent, mtu)


def _set_mtu(node, nic, mtu):
    before = (nic.get("params") or {}).get("mtu")
    nic["params"] = {**(nic.get("params") or {}), "mtu": mtu}
    spread_mtu(node, nic, before)


def enabled_changed(region, node, nic):
    """What follows when a physical interface was switched on or off."""
    for item in [nic, *children_of(node, nic)]:
        if is_enabled(node, item):
            ensure_up(region, node, item)
        else:
            clear_nic(region, node, item)


def delete(region, node, nic):
    """Delete an interface, and those that are made of it alone."""
    for child in children_of(node, nic):
        if len(child["parents"]) == 1:
            delete(region, node, child)
        else:
            child["parents"] = [ident for ident in child["parents"] if ident != nic["id"]]
    clear_nic(region, node, nic)
    node["interfaces"] = [item for item in node["interfaces"] if item is not nic]
    if node.get("boot_interface") == nic["id"]:
        node["boot_interface"] = None


# -- all of a machine --------------------------------------------------------------------------


def configured(node):
    """The interfaces that have more than a link that says that they are up."""
    return [
        nic
        for nic in node["interfaces"]
        if is_enabled(node, nic) and any(link["mode"] != LINK_UP for link in nic["links"])
    ]


def on_network(node):
    """Whether a machine has a link to a subnet."""
    links = [link for nic in node["interfaces"] for link in nic["links"]]
    return any(link["mode"] != LINK_UP and link["subnet"] is not None for link in links)


def clear(region, node):
    """Take all links of all interfaces away."""
    node["gateway_links"] = {}
    for nic in node["interfaces"]:
        clear_nic(region, node, nic)


def defaults(region, node):
    """Configure the interfaces as after commissioning: the one to boot from by MAAS's choice."""
    boot = machines.boot_interface(node)
    if boot is None:
        return
    clear(region, node)
    rows = region.rows("subnets")
    seen = {item["subnet"] for item in boot.get("discovered") or ()}
    for ident in sorted(seen & rows.keys()):
        mode = str(region.settings.get("default_boot_interface_link_type") or AUTO)
        add(region, node, boot, mode, rows[ident])
    if not boot["links"] and boot["vlan"] is not None:
        first = next((row for row in rows.values() if row["vlan"] == boot["vlan"]), None)
        add(region, node, boot, AUTO if first else DHCP, first)
    for nic in node["interfaces"]:
        if nic is not boot and is_enabled(node, nic):
            ensure_up(region, node, nic)


def claim(region, node):
    """Give AUTO links their addresses: the reserved one of their MAC address, else a free one."""
    reserved = region.rows("reservedips").values()
    for nic in node["interfaces"]:
        own = {row["subnet"]: row["ip"] for row in reserved if row["mac_address"] == nic["mac"]}
        for link in nic["links"]:
            subnet = region.rows("subnets").get(link["subnet"])
            if link["mode"] == AUTO and not link["ip_address"] and subnet:
                found = own.pop(subnet["id"], None) or _free(region, subnet)
                link["ip_address"] = found
                machines.set_links(region, node, nic)


def release(region, node):
    """Take the addresses of AUTO links back, and bridges that were made for a deployment."""
    for nic in list(node["interfaces"]):
        for link in nic["links"]:
            if link["mode"] == AUTO:
                link["ip_address"] = None
        if nic.get("acquired") and nic.get("type") == "bridge":
            for parent in parents_of(node, nic)[:1]:
                parent["links"], nic["links"] = [*parent["links"], *nic["links"]], []
                machines.set_links(region, node, parent)
            delete(region, node, nic)
        machines.set_links(region, node, nic)


def bridge_name(name):
    """What MAAS calls the bridge on an interface."""
    if len(f"br-{name}") <= 15:
        return f"br-{name}"
    return f"b-{name[2:] if name.startswith('en') else name}"[:15]


def make_bridges(region, node, options):
    """Make a bridge on each interface that is configured; links go over to it."""
    for nic in configured(node):
        if nic.get("type") == "bridge":
            continue
        params = {**BRIDGE_DEFAULTS, **options}
        if "mtu" in (nic.get("params") or {}):
            params["mtu"] = nic["params"]["mtu"]
        bridge = node_forms.new_nic(
            region, bridge_name(nic["name"]), nic["mac"], nic["vlan"], type="bridge",
            parents=[nic["id"]], params=params, acquired=True,
        )  # fmt: skip
        move(region, nic, bridge)
        node["interfaces"].append(bridge)


def move(region, nic, other):
    """Let links go over from one interface to another."""
    other["links"], nic["links"] = [*other["links"], *nic["links"]], []
    for item in region.rows("ips").values():
        if item.get("nic") == nic["id"]:
            item["nic"] = other["id"]
