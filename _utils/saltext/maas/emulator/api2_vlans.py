"""``fabrics/ID/vlans/`` and ``vlans/``."""

from __future__ import annotations

from saltext.maas.emulator import networks
from saltext.maas.emulator.api2_fabrics import NO_CHOICE, fabric_of
from saltext.maas.emulator.forms import Check, not_a_choice
from saltext.maas.emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    no_content,
)

vlans = Endpoint("fabrics/{fabric}/vlans/", "VlansHandler")
vlan_by_vid = Endpoint("fabrics/{fabric}/vlans/{vid}/", "VlanHandler")
vlan_by_id = Endpoint("vlans/{id}/", "VlanHandler")

NO_RANGE = "dhcp can only be turned on when a dynamic IP range is defined."
NO_RACK = "dhcp can only be turned on when a primary rack controller is set."
PRIMARY_DOWN = (
    "The primary rack controller must be up and running to set a secondary rack controller."
    " Without the primary the secondary DHCP service will not be able to synchronize,"
    " preventing it from responding to DHCP requests."
)
BAD_VID = "VID must be between 0 and 4094."


def _vlan(request):
    region = request.region
    if "id" in request.ids:
        ident = request.ids["id"]
        vlan = region.rows("vlans").get(int(ident)) if ident.isdecimal() else None
        if vlan is None:
            raise Answer(404, "VLAN with specified ID does not exist.", BARE_TEXT)
        return vlan
    vid = request.ids["vid"].replace("untagged", "0")
    for vlan in networks.vlans_of(region, fabric_of(request)["id"]):
        if str(vlan["vid"]) == vid:
            return vlan
    raise Missing("VLAN", request)


@vlans("GET")
def list_vlans(request):
    """List the VLANs of a fabric."""
    found = networks.vlans_of(request.region, fabric_of(request)["id"])
    return [networks.show_vlan(request.region, vlan) for vlan in found]


def check_vid(check, stored=None):
    """The VID; a bad one gets the message about its bounds on top of the other."""
    vid = check.integer("vid", required=True)
    if "vid" in check.errors or vid is None or not 0 <= vid <= 4094:
        check.error("vid", BAD_VID)
    return vid


def refuse_double(region, fabric_id, vid, own=None):
    for other in networks.vlans_of(region, fabric_id):
        if other["vid"] == vid and other["id"] != own:
            text = "A VLAN with the specified VID already exists in the destination fabric."
            raise Invalid({"__all__": [text]}, BARE_JSON)


@vlans("POST", admin=True)
def create_vlan(request):
    """Create a VLAN."""
    region, parent = request.region, fabric_of(request)
    check = Check(request)
    vid = check_vid(check)
    mtu = check.integer("mtu", 1500, 552, 65535)
    name, description = check.text("name"), check.text("description")
    space = _space(check, region, None)
    check.done()
    refuse_double(region, parent["id"], vid)
    vlan = networks.add_vlan(region, parent["id"], vid, name, mtu, description)
    vlan["space"] = space
    return networks.show_vlan(region, vlan)


@vlan_by_vid("GET")
@vlan_by_id("GET")
def read_vlan(request):
    """Read a VLAN."""
    return networks.show_vlan(request.region, _vlan(request))


def _space(check, region, stored):
    """The space a VLAN is put into: by id or name; nothing or ``undefined`` for none."""
    if not check.has("space"):
        return stored
    given = str(check.form.get("space") or "")
    if given in ("", networks.UNDEFINED):
        return None
    for space in region.rows("spaces").values():
        if given in (str(space["id"]), space["name"]):
            return space["id"]
    check.error("space", NO_CHOICE)
    return stored


def _rack(check, region, field, vlan):
    """The rack named in a form, by system_id or hostname: one that is on some VLAN of the VID."""
    if not check.has(field):
        return vlan[field]
    given = str(check.form.get(field) or "")
    if not given:
        return None
    table = region.rows("vlans")
    for rack in region.rows("racks").values():
        vids = {table[nic["vlan"]]["vid"] for nic in rack["interfaces"] if nic["vlan"] in table}
        if vlan["vid"] in vids and given in (rack["system_id"], rack["hostname"]):
            return rack["system_id"]
    check.error(field, not_a_choice(given))
    return vlan[field]


def _relay(check, region, vlan):
    """The VLAN that DHCP is relayed to, which one that serves DHCP cannot have."""
    if not check.has("relay_vlan"):
        return vlan["relay_vlan"]
    given = str(check.form.get("relay_vlan") or "")
    if not given:
        return None
    target = region.rows("vlans").get(int(given)) if given.isdecimal() else None
    if target and vlan["dhcp_on"] and target["id"] == vlan["relay_vlan"]:
        return target["id"]
    if target and target is not vlan and not target["relay_vlan"] and not vlan["dhcp_on"]:
        return target["id"]
    check.error("relay_vlan", NO_CHOICE)
    return vlan["relay_vlan"]


def _racks(check, region, vlan):
    """Primary and secondary rack with MAAS's promotions, and whether DHCP is to be on."""
    wanted = check.boolean("dhcp_on")
    if wanted and not networks.has_dynamic_range(region, vlan):
        check.error("dhcp_on", NO_RANGE)
    primary = _rack(check, region, "primary_rack", vlan)
    secondary = _rack(check, region, "secondary_rack", vlan)
    before = vlan["primary_rack"], vlan["secondary_rack"]
    if primary is None and before[1] is not None:
        primary, secondary = before[1], None
    if primary is not None and primary == before[1]:
        secondary = None
    if secondary is not None and secondary == before[0]:
        check.error("__all__", f"{secondary} is already set as the primary rack controller")
    elif primary is not None and primary == secondary:
        check.error("__all__", "The primary and secondary rack must be different")
    elif _primary_is_down(region, before, primary, secondary):
        check.error("__all__", PRIMARY_DOWN)
    elif wanted and primary is None and before[0] is None and not check.errors:
        check.error("__all__", NO_RACK)
    return wanted, primary, secondary


def _primary_is_down(region, before, primary, secondary):
    """Whether a secondary rack is added to a primary one that stays and is not connected."""
    if region.release < "2.5" or primary is None or primary != before[0]:
        return False
    if secondary is None or secondary == before[1]:
        return False
    rows = region.rows("racks").values()
    return not next(rack["connected"] for rack in rows if rack["system_id"] == primary)


@vlan_by_vid("PUT", admin=True)
@vlan_by_id("PUT", admin=True)
def update_vlan(request):
    """Update a VLAN."""
    region, vlan = request.region, _vlan(request)
    check = Check(request, vlan)
    vid = check_vid(check)
    mtu = check.integer("mtu", 1500, 552, 65535)
    name, description = check.text("name"), check.text("description")
    parent = _new_fabric(check, region, vlan)
    space = _space(check, region, vlan["space"])
    relay = _relay(check, region, vlan)
    dhcp_on, primary, secondary = _racks(check, region, vlan)
    check.done()
    refuse_double(region, parent, vid, vlan["id"])
    before = vlan["fabric_id"]
    vlan.update(
        vid=vid,
        mtu=mtu,
        name=name or None,
        description=description,
        fabric_id=parent,
        space=space,
        relay_vlan=None if dhcp_on else relay,
        dhcp_on=dhcp_on,
        primary_rack=primary,
        secondary_rack=secondary,
    )
    if before != networks.DEFAULT_FABRIC and not networks.vlans_of(region, before):
        del region.rows("fabrics")[before]
    return networks.show_vlan(region, vlan)


def _new_fabric(check, region, vlan):
    given = str(check.form.get("fabric") or "")
    if not given or region.release < "2.3":
        return vlan["fabric_id"]
    for row in region.rows("fabrics").values():
        if given in (str(row["id"]), row["name"], f"name:{row['name']}"):
            return row["id"]
    check.error("fabric", NO_CHOICE)
    return vlan["fabric_id"]


@vlan_by_vid("DELETE", admin=True)
@vlan_by_id("DELETE", admin=True)
def delete_vlan(request):
    """Delete a VLAN; its subnets and interfaces move to the fabric's default one."""
    region, vlan = request.region, _vlan(request)
    default = networks.empty_vlan(region, vlan)
    for node in networks.all_nodes(region):
        for nic in node["interfaces"]:
            if nic["vlan"] == vlan["id"]:
                nic["vlan"] = default["id"]
    networks.drop_vlan(region, vlan["id"])
    return no_content()
