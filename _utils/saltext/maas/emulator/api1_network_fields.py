"""Fields of fabrics, VLANs, spaces and subnets as 1.9 reads them."""

from __future__ import annotations

import ipaddress
import re

from saltext.maas.emulator import networks
from saltext.maas.emulator.forms import BAD_IP, BAD_SERVER, is_ip, not_a_choice

NO_CHOICE = not_a_choice("That choice")
BAD_CIDR = "Required format: <network>/<prefixlen>."
BAD_VID = "VID must be between 0 and 4094."


def check_name(check, region, kind, row):
    """Name of a fabric or space: its characters, the reserved ones, and no second one."""
    table = region.rows(f"{kind.lower()}s")
    name = check.text("name", "", longest=256)
    own = row["id"] if row else None
    if not check.has("name") or not name:
        return row["name"] if row else None
    if "name" in check.errors:
        return name
    reserved = re.fullmatch(rf"{kind.lower()}-(\d+)", name)
    if not re.fullmatch(r"[ \w-]+", name):
        check.error("name", f"Invalid {kind.lower()} name: {name}.")
    elif reserved and reserved.group(1) != str(own):
        check.error("name", f"Reserved {kind.lower()} name.")
    elif any(item["name"] == name and item["id"] != own for item in table.values()):
        check.error("name", f"{kind} with this Name already exists.")
    return name


def check_vid(check, stored=None):
    """The VID; a bad one gets the message about its bounds on top of the other."""
    vid = check.integer("vid", required=True)
    if "vid" in check.errors or vid is None or not 0 <= vid <= 4094:
        check.error("vid", BAD_VID)
    return vid


def read_cidr(check, region, stored):
    """The network of a form."""
    given = check.text("cidr", None, required=True)
    if stored and not check.has("cidr"):
        return stored["net"]
    if not given:
        return None
    try:
        net = ipaddress.ip_network(given, strict=False) if "/" in given else None
    except ValueError:
        net = None
    if net is None:
        check.error("cidr", BAD_CIDR)
        return None
    if net.prefixlen == 0:
        check.error("cidr", "Prefix length must be greater than 0.")
        return net
    others = [row for row in region.rows("subnets").values() if row is not stored]
    if any(row["net"] == net for row in others):
        check.error("cidr", "Subnet with this Cidr already exists.")
    return net


def read_gateway(check, net, stored):
    """The gateway; None when there is none."""
    if not check.has("gateway_ip"):
        return stored["gateway_ip"] if stored else None
    given = str(check.form.get("gateway_ip") or "").strip()
    if not given:
        return None
    if not is_ip(given):
        check.error("gateway_ip", BAD_IP)
        return None
    address = ipaddress.ip_address(given)
    link_local = address.version == 6 and address.is_link_local
    if net is not None and address not in net and not link_local:
        check.error("gateway_ip", "Gateway IP must be within CIDR range.")
    return str(address)


def read_words(check, name, stored):
    """A list: repeated, or separated by spaces or commas."""
    if not check.has(name):
        return stored[name] if stored else []
    given = " ".join(str(value) for value in check.form.getlist(name) if value is not None)
    return given.replace(",", " ").split()


def read_dns_servers(check, stored, field="__all__"):
    """The list of DNS servers; what is none is told at a field of its own, or at none."""
    found = read_words(check, "dns_servers", stored)
    for word in found:
        if not is_ip(word):
            check.error(field, BAD_SERVER.format(word))
    return found


def read_vlan(check, region, stored):
    """The VLAN of a form: its id, or a fabric and a VID; a function that finds or makes it."""
    if check.form.get("vlan") not in (None, ""):
        given = str(check.form.get("vlan"))
        if given.isdecimal() and int(given) in region.rows("vlans"):
            return lambda: int(given)
        check.error("vlan", NO_CHOICE)
        return None
    if stored:
        return lambda: stored["vlan"]
    parent = None
    if check.form.get("fabric") not in (None, ""):
        given = str(check.form.get("fabric"))
        for row in region.rows("fabrics").values():
            if given in (str(row["id"]), row["name"], f"name:{row['name']}"):
                parent = row["id"]
        if parent is None:
            check.error("fabric", NO_CHOICE)
            return None
    vid = check.integer("vid")
    if vid is None:
        return lambda: _default_vlan(region, parent)
    if not 0 <= vid <= 4094:
        check.error("vid", BAD_VID)
        return None
    where = networks.DEFAULT_FABRIC if parent is None else parent
    for vlan in networks.vlans_of(region, where):
        if vlan["vid"] == vid:
            return lambda: vlan["id"]
    name = region.rows("fabrics").get(where, {"name": "fabric-0"})["name"]
    check.error("vid", f"No VLAN with vid {vid} in fabric {name}.")
    return None


def _default_vlan(region, parent):
    """The untagged VLAN of a fabric, or of fabric 0, which may have to be made."""
    if parent is None:
        parent = networks.default_fabric(region)["id"]
    return networks.default_vlan(region, parent)["id"]
