"""``fabrics/ID/vlans/`` and ``vlans/``."""

from __future__ import annotations

from maas_emulator import forms_2x, networks
from maas_emulator.api2.fabrics import fabric_of
from maas_emulator.bodies import Form
from maas_emulator.crud import number_needed
from maas_emulator.forms import not_a_choice
from maas_emulator.lookup import name_of
from maas_emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    no_content,
)

vlans = Endpoint("fabrics/{fabric_id}/vlans/", "VlansHandler")
vlan_by_vid = Endpoint("fabrics/{fabric_id}/vlans/{vid}/", "VlanHandler")
vlan_by_id = Endpoint("vlans/{id}/", "VlanHandler")

NO_RANGE = "dhcp can only be turned on when a dynamic IP range is defined."
NO_RACK = "dhcp can only be turned on when a primary rack controller is set."
BAD_VID = "VID must be between 0 and 4094."
BAD_MTU = "MTU must be between 552 and 65535."
SAME_RACKS = "The primary and secondary rack must be different"
RACK_DOWN = (
    "The primary rack controller must be up and running to set a secondary rack controller."
    " Without the primary the secondary DHCP service will not be able to synchronize, preventing"
    " it from responding to DHCP requests."
)
DOUBLE = "A VLAN with the specified VID already exists in the destination fabric."


def _vlan(request):
    region = request.region
    if "id" in request.ids:
        ident = request.ids["id"]
        number_needed("VLAN", request, ident)
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


# -- the form ----------------------------------------------------------------------------------


def _fields(region, vlan):
    """The fields of a VLAN, or of a new one."""
    rows = region.rows
    racks = _rack_on(region, vlan)
    fields = [
        forms_2x.text(
            "name",
            null=True,
            cleared=True,
            longest=256,
            model=(networks.MODEL_NAME,),
        ),
        forms_2x.text("description", default=""),
        forms_2x.integer("vid", required=True),
        forms_2x.integer("mtu", low=552, blank=False, default=1500),
        forms_2x.flag("dhcp_on"),
        forms_2x.reference("primary_rack", racks),
        forms_2x.reference("secondary_rack", racks),
        forms_2x.reference("relay_vlan", forms_2x.by_key(rows("vlans"), _may_relay_to(vlan))),
        forms_2x.reference("space", forms_2x.by_specifier(rows("spaces"), "space", name=name_of)),
    ]
    if region.release >= "2.3":
        known = forms_2x.by_specifier(rows("fabrics"), "fabric", name=name_of)
        fields.append(forms_2x.reference("fabric", known, key="fabric_id", blank=False))
    return fields


def _rack_on(region, vlan):
    """To a rack's system_id: one with an interface on any VLAN of the same VID."""
    table = region.rows("vlans")
    vids = {ident for ident, row in table.items() if vlan and row["vid"] == vlan["vid"]}

    def find(value):
        for rack in region.rows("racks").values():
            on_it = any(nic["vlan"] in vids for nic in rack["interfaces"])
            if on_it and str(value) in (rack["system_id"], rack["hostname"]):
                return rack["system_id"]
        raise forms_2x.Refused(not_a_choice(value))

    return find


def _may_relay_to(vlan):
    """Whether DHCP may be relayed to a VLAN: never from one that serves it."""

    def may(target):
        if vlan and vlan["dhcp_on"]:
            return target["id"] == vlan["relay_vlan"]
        return target is not vlan and target["relay_vlan"] is None

    return may


def _check_dhcp(region, vlan):
    """DHCP wants a dynamic range, which a new VLAN cannot have."""

    def check(wanted):
        if wanted and not (vlan and networks.has_dynamic_range(region, vlan)):
            raise forms_2x.Refused(NO_RANGE)
        return wanted

    return check


def _check_racks(form, region):
    """Primary and secondary rack, with MAAS's promotions, and whether DHCP has one."""
    before = form.stored or {}
    old_primary, old_secondary = before.get("primary_rack"), before.get("secondary_rack")
    found = form.cleaned
    if not found.get("primary_rack") and old_secondary:
        found.update(primary_rack=old_secondary, secondary_rack=None)
    primary = found.get("primary_rack")
    if primary and primary == old_secondary:
        found["secondary_rack"] = None
    secondary = found.get("secondary_rack")
    if secondary and secondary == old_primary:
        form.error("__all__", f"{secondary} is already set as the primary rack controller")
    elif secondary and secondary == primary:
        form.error("__all__", SAME_RACKS)
    elif secondary and secondary != old_secondary and _stays_dead(region, primary, old_primary):
        form.error("__all__", RACK_DOWN)
    elif found.get("dhcp_on") and not (primary or old_primary):
        form.error("__all__", NO_RACK)
    else:  # a rack that is None stays nowhere else
        form.row.update(primary_rack=primary, secondary_rack=secondary)


def _stays_dead(region, primary, old_primary):
    """Whether the primary rack is to stay, and is not connected any more."""
    racks = region.rows("racks").values()
    dead = {rack["system_id"] for rack in racks if rack["services"] == "dead"}
    return region.release >= "2.5" and primary == old_primary and primary in dead


def _check_numbers(form):
    """VID and MTU of the whole object; where the VID is wrong, the MTU is not looked at."""
    vid, mtu = form.row["vid"], form.row["mtu"]
    if vid is None or not 0 <= vid <= 4094:
        form.error("vid", BAD_VID)
    elif not 552 <= mtu <= 65535:
        form.error("mtu", BAD_MTU)


def _read(request, vlan, sent=None):
    """Check a form; returns the VLAN as it becomes."""
    region = request.region
    form = forms_2x.ModelForm(request, _fields(region, vlan), vlan, sent)
    form.read({"dhcp_on": _check_dhcp(region, vlan)})
    _check_racks(form, region)
    form.apply()
    _check_numbers(form)
    form.unique("VLAN", region.rows("vlans").values(), "vid", "fabric", message=DOUBLE)
    form.done()
    for name in ("space", "relay_vlan", "name"):
        if name in form.data and not form.cleaned.get(name):
            form.row[name] = None
    if form.row["dhcp_on"]:
        form.row["relay_vlan"] = None
    return form.row


def _refuse_double(region, row):
    """What is found only when the VLAN is stored."""
    for other in networks.vlans_of(region, row["fabric_id"]):
        if other["vid"] == row["vid"] and other["id"] != row.get("id"):
            raise Invalid({"__all__": [DOUBLE]}, BARE_JSON)


@vlans("POST")
def create_vlan(request):
    """Create a VLAN."""
    region, parent = request.region, fabric_of(request)
    request.admin_only()
    row = {**_read(request, None), "fabric_id": parent["id"], "external_dhcp": None}
    _refuse_double(region, row)
    return networks.show_vlan(region, region.rows("vlans").add(row))


@vlan_by_vid("GET")
@vlan_by_id("GET")
def read_vlan(request):
    """Read a VLAN."""
    return networks.show_vlan(request.region, _vlan(request))


@vlan_by_vid("PUT")
@vlan_by_id("PUT")
def update_vlan(request):
    """Update a VLAN; a fabric that has none left goes with its last."""
    region, vlan = request.region, _vlan(request)
    request.admin_only()
    sent = Form(request.form)
    if sent.get("space") == networks.UNDEFINED:  # only a change knows it by that name
        sent["space"] = [""]
    before = vlan["fabric_id"]
    changed = _read(request, vlan, sent)
    _refuse_double(region, changed)
    vlan.update(changed)
    if not networks.vlans_of(region, before):
        del region.rows("fabrics")[before]
    return networks.show_vlan(region, vlan)


@vlan_by_vid("DELETE")
@vlan_by_id("DELETE")
def delete_vlan(request):
    """Delete a VLAN; its subnets and interfaces move to the fabric's default one."""
    region, vlan = request.region, _vlan(request)
    request.admin_only()
    default = networks.empty_vlan(region, vlan)
    for node in networks.all_nodes(region):
        for nic in node["interfaces"]:
            if nic["vlan"] == vlan["id"]:
                nic["vlan"] = default["id"]
    networks.drop_vlan(region, vlan["id"])
    return no_content()
