"""Fabrics, VLANs, spaces and subnets: how they hang together and what is shown of them."""

from __future__ import annotations

import functools
import ipaddress
import re

from maas_emulator import forms_2x
from maas_emulator.web import TEXT, Answer

DEFAULT_FABRIC = 0
DEFAULT_VLAN_NAME = "Default VLAN"  # stored, but only shown where it is the default no more
DEFAULT_SPACE = 0  # of subnets in 2.0 and 2.1
UNDEFINED = "undefined"
#: The check of a name that most kinds of objects have.
MODEL_NAME = forms_2x.pattern(r"^\w[ \w-]*$")

#: Release from which on an answer has a field, where it was not there from 2.0 on.
VLAN_FIELDS = {"fabric_id": "2.1", "relay_vlan": "2.2", "space": "2.2"}
SUBNET_FIELDS = {
    "description": "2.5",
    "active_discovery": "2.1",
    "managed": "2.2",
    "allow_dns": "2.5",
    "disabled_boot_architectures": "3.0",
}


@functools.lru_cache(maxsize=256)
def _hidden(kind, release):
    fields = {"vlan": VLAN_FIELDS, "subnet": SUBNET_FIELDS}[kind]
    return [name for name, since in fields.items() if release < since]


def _without_newer(kind, release, shown):
    for name in _hidden(kind, release):
        del shown[name]
    return shown


def all_nodes(region):
    """Nodes of all kinds; of machines and devices before 2.0 nothing here is asked."""
    kinds = ("machines", "devices", "racks", "regions")
    found = {node["system_id"]: node for kind in kinds for node in region.rows(kind).values()}
    return list(found.values())


# -- fabrics and VLANs -------------------------------------------------------------------------


def add_fabric(region, name=None, description="", class_type=None):
    """Create a fabric with its untagged VLAN."""
    fabric = region.rows("fabrics").add(
        {"name": name, "description": description, "class_type": class_type}
    )
    fabric["name"] = name or f"fabric-{fabric['id']}"
    add_vlan(region, fabric["id"], 0, DEFAULT_VLAN_NAME)
    return fabric


def add_vlan(region, fabric_id, vid, name=None, mtu=1500, description="", ident=None):
    """Create a VLAN, with an id of its own or the given one."""
    return region.rows("vlans").add(
        {
            "vid": vid,
            "name": name or None,
            "mtu": mtu,
            "description": description,
            "dhcp_on": False,
            "external_dhcp": None,
            "relay_vlan": None,
            "primary_rack": None,
            "secondary_rack": None,
            "space": None,
            "fabric_id": fabric_id,
        },
        ident,
    )


def default_fabric(region):
    """The fabric with id 0, which MAAS makes when it first needs it."""
    fabrics = region.rows("fabrics")
    if DEFAULT_FABRIC not in fabrics:
        fabrics[DEFAULT_FABRIC] = {
            "id": DEFAULT_FABRIC,
            "name": "fabric-0",
            "description": "",
            "class_type": None,
        }
        ident = 0 if region.release < "2.0" else None  # there its untagged VLAN has it, too
        add_vlan(region, DEFAULT_FABRIC, 0, DEFAULT_VLAN_NAME, ident=ident)
    return fabrics[DEFAULT_FABRIC]


def vlans_of(region, fabric_id):
    """The VLANs of a fabric."""
    return [vlan for vlan in region.rows("vlans").values() if vlan["fabric_id"] == fabric_id]


def default_vlan(region, fabric_id):
    """The VLAN of a fabric that cannot be deleted: its oldest, whatever its vid."""
    return min(vlans_of(region, fabric_id), key=lambda vlan: vlan["id"])


def is_default_vlan(region, vlan):
    """Whether a VLAN is the default one of its fabric."""
    fabric, ident = vlan["fabric_id"], vlan["id"]
    rows = region.rows("vlans").values()
    return not any(row["fabric_id"] == fabric and row["id"] < ident for row in rows)


def vlan_name(region, vlan):
    """What a VLAN is called: the default one of a fabric always ``untagged``."""
    if is_default_vlan(region, vlan):
        return "untagged"
    if vlan["name"] is None and region.release < "3.5":
        return str(vlan["vid"])
    return vlan["name"]


def drop_vlan(region, ident):
    """Delete a VLAN; those that were relayed to it are relayed no more."""
    table = region.rows("vlans")
    del table[ident]
    for vlan in table.values():
        if vlan["relay_vlan"] == ident:
            vlan["relay_vlan"] = None


def empty_vlan(region, vlan):
    """Move what is on a VLAN to its fabric's default one, which must be another.

    Returns:
        The default VLAN.
    """
    default = default_vlan(region, vlan["fabric_id"])
    if vlan is default:
        text = "This VLAN is the default VLAN in the fabric, it cannot be deleted."
        raise Answer(400, text, TEXT)
    for subnet in subnets_of(region, {vlan["id"]}):
        subnet["vlan"] = default["id"]
    return default


def subnets_of(region, vlan_ids):
    """The subnets of some VLANs."""
    return [item for item in region.rows("subnets").values() if item["vlan"] in vlan_ids]


def has_dynamic_range(region, vlan):
    """Whether a VLAN has a dynamic range, without which it cannot do DHCP."""
    subnets = {subnet["id"] for subnet in subnets_of(region, {vlan["id"]})}
    return any(
        item["type"] == "dynamic" and item["subnet"] in subnets
        for item in region.rows("ipranges").values()
    )


def show_fabric(region, fabric):
    """A fabric as the API shows it; its description is never there."""
    return {
        "id": fabric["id"],
        "name": fabric["name"],
        "class_type": fabric["class_type"],
        "vlans": [show_vlan(region, vlan) for vlan in vlans_of(region, fabric["id"])],
        "resource_uri": f"/MAAS/api/2.0/fabrics/{fabric['id']}/",
    }


def space_name(region, vlan):
    """Name of a VLAN's space."""
    space = region.rows("spaces").get(vlan["space"])
    return space["name"] if space else UNDEFINED


def show_vlan(region, vlan):
    """A VLAN as the API shows it."""
    relay = vlan["relay_vlan"]
    shown = {
        "id": vlan["id"],
        "vid": vlan["vid"],
        "name": vlan_name(region, vlan),
        "mtu": vlan["mtu"],
        "fabric": region.rows("fabrics")[vlan["fabric_id"]]["name"],
        "fabric_id": vlan["fabric_id"],
        "space": space_name(region, vlan),
        "dhcp_on": vlan["dhcp_on"],
        "external_dhcp": vlan["external_dhcp"],
        "relay_vlan": show_vlan(region, region.rows("vlans")[relay]) if relay else None,
        "primary_rack": vlan["primary_rack"],
        "secondary_rack": vlan["secondary_rack"],
        "resource_uri": f"/MAAS/api/2.0/vlans/{vlan['id']}/",
    }
    return _without_newer("vlan", region.release, shown)


def vlan_label(region, vlan):
    """A VLAN as MAAS's messages name it."""
    name = vlan_name(region, vlan)
    return f"{region.rows('fabrics')[vlan['fabric_id']]['name']}.{name}"


# -- subnets -----------------------------------------------------------------------------------


def add_subnet(region, cidr, vlan_id, **fields):
    """Create a subnet.

    Args:
        cidr: An ``ipaddress`` network.
        vlan_id: The VLAN it is on.
        fields: What differs from MAAS's defaults.
    """
    return region.rows("subnets").add(
        {
            "name": str(cidr),
            "description": "",
            "vlan": vlan_id,
            "cidr": str(cidr),
            "net": cidr,
            "rdns_mode": 2,
            "gateway_ip": None,
            "dns_servers": [],
            "allow_dns": True,
            "allow_proxy": True,
            "active_discovery": False,
            "managed": True,
            "disabled_boot_architectures": [],
            **fields,
        }
    )


def touch(region, kind, ident):
    """Let a row that changed come last, as PostgreSQL tells it where no order is asked for."""
    rows = region.rows(kind)
    rows[ident] = rows.pop(ident)


def subnet_space(region, subnet, shown_vlan):
    """Name of a subnet's space, which is that of its VLAN since 2.2."""
    if region.release >= "2.2":
        return shown_vlan["space"]
    return region.rows("spaces")[subnet.get("space") or DEFAULT_SPACE]["name"]


def show_subnet(region, subnet, vlans=None):
    """A subnet as the API shows it.

    Args:
        region: The region.
        subnet: The subnet's row.
        vlans: VLANs already shown, by id, to share them within a long list.
    """
    vlan = region.rows("vlans")[subnet["vlan"]]
    if vlans is None:
        shown_vlan = show_vlan(region, vlan)
    else:
        shown_vlan = vlans.get(vlan["id"])
        if shown_vlan is None:
            shown_vlan = vlans[vlan["id"]] = show_vlan(region, vlan)
    shown = {
        "id": subnet["id"],
        "name": subnet["name"],
        "description": subnet["description"],
        "vlan": shown_vlan,
        "cidr": subnet["cidr"],
        "rdns_mode": subnet["rdns_mode"],
        "gateway_ip": subnet["gateway_ip"],
        "dns_servers": subnet["dns_servers"],
        "allow_dns": subnet["allow_dns"],
        "allow_proxy": subnet["allow_proxy"],
        "active_discovery": subnet["active_discovery"],
        "managed": subnet["managed"],
        "disabled_boot_architectures": subnet["disabled_boot_architectures"],
        "space": subnet_space(region, subnet, shown_vlan),
        "resource_uri": f"/MAAS/api/2.0/subnets/{subnet['id']}/",
    }
    return _without_newer("subnet", region.release, shown)


def as_network(text):
    """The network that a text means, host bits or not, or None; a bare address is one as well."""
    try:
        return ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return None


def subnet_named(region, rows=None):
    """For :func:`forms_2x.reference`: a subnet by id, CIDR or name, or with one of their prefixes.

    Args:
        region: The region.
        rows: Subnets by id that may be chosen; all unless given.
    """
    rows = region.rows("subnets") if rows is None else rows

    def find(value):
        value = str(value).strip()
        number = re.fullmatch(r"(?:id:|subnet-)?(\d+)", value)
        if number:
            if int(number.group(1)) not in rows:
                raise forms_2x.Refused(f"None found with id={value}.")
            return int(number.group(1))
        prefix, colon, rest = value.partition(":")
        wanted = rest if colon and prefix in ("cidr", "name") else value
        net = None if wanted is rest and prefix == "name" else as_network(wanted)
        found = [
            row["id"]
            for row in rows.values()
            if net in (None, row["net"]) and (net or row["name"] == wanted)
        ]
        if len(found) > 1:
            raise forms_2x.Refused("Got more than one subnet.")
        return found[0] if found else None

    return find


def subnet_for(region, address):
    """The smallest subnet that an address is in, or None."""
    address = ipaddress.ip_address(address)
    fitting = [item for item in region.rows("subnets").values() if address in item["net"]]
    return max(fitting, key=lambda item: item["net"].prefixlen, default=None)


def by_address(subnet):
    """Sort key: IPv4 first, then by number."""
    return subnet["net"].version, int(subnet["net"].network_address), subnet["net"].prefixlen


def discover(region, cidr):
    """The subnet of a network that a rack sees, made with a fabric when it is new.

    Args:
        region: The region.
        cidr: An ``ipaddress`` network.

    Returns:
        The subnet's row.
    """
    for subnet in region.rows("subnets").values():
        if subnet["net"] == cidr:
            return subnet
    fabric = default_fabric(region)
    vlan = default_vlan(region, fabric["id"])
    if subnets_of(region, {vlan["id"]}):
        fabric = add_fabric(region)
        vlan = default_vlan(region, fabric["id"])
    return add_subnet(region, cidr, vlan["id"])
