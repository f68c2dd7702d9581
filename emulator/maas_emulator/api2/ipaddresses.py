"""``ipaddresses/``: addresses that users reserve for themselves."""

from __future__ import annotations

import ipaddress

from maas_emulator import addresses as taken
from maas_emulator import dns, forms_2x, ips, networks
from maas_emulator.bodies import Form
from maas_emulator.forms import is_ip, truth
from maas_emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    no_content,
)

addresses = Endpoint("ipaddresses/", "IPAddressesHandler")

_NOT_YOURS = (
    "IP address {} does not exist, is not the correct type of address, or does not belong to the"
    " requesting user.\nIf you are sure you want to release this address, use force=true as a MAAS"
    " administrator."
)
_DYNAMIC = (
    "IP address {} belongs to an existing dynamic range. To reserve this IP address, a MAC address"
    " is required. (Create a device instead.)"
)


@addresses("GET")
def list_addresses(request):
    """List the user's addresses, everybody's on request of an administrator."""
    region, query = request.region, request.query
    everybody = truth(query.get("all")) and region.release >= "2.1"
    owner = query.get("owner") if region.release >= "2.1" else None
    ip = query.get("ip")
    if ip is not None and not is_ip(ip):
        raise Answer(400, "Parameter 'ip' must contain an IP address.", BARE_TEXT)
    if (everybody or owner) and not request.may("can_view_ipaddresses"):
        text = "Listing all IP addresses requires admin privileges."
        text = text if everybody else text.replace("all", "another user's")
        raise Answer(403, text, BARE_TEXT)
    rows = list(region.rows("ips").values())
    if owner or not everybody:
        wanted = owner or request.user.username
        rows = [row for row in rows if row["owner"] == wanted]
    if not everybody:
        rows = [row for row in rows if row["alloc_type"] == ips.USER_RESERVED]
    return [ips.show(region, row) for row in rows if not ip or row["ip"] == ip]


def _read_ip(request):
    """The address of a form, by either name, or None."""
    form = request.form
    ip = form.get("ip") if form.get("ip") is not None else form.get("ip_address")
    field = forms_2x.address("ip_address")
    try:
        field.clean(Form({"ip_address": [ip]}))
    except forms_2x.Refused as refused:
        raise Invalid({"ip_address": list(refused.args)}) from None
    return ip


def _subnet(request, ip):
    """The subnet that an address is in, or that a form names."""
    region, given = request.region, request.form.get("subnet")
    if ip is not None:
        if ip == "":
            raise Answer(500, "failed to detect a valid IP address from ''")
        subnet = networks.subnet_for(region, ip)
        if subnet is None:
            raise Answer(400, f"No known subnet for IP address: {ip}.", TEXT)
        return subnet
    if given is None:
        raise Answer(400, "Must supply either the 'subnet' or the 'ip' parameter.", TEXT)
    try:
        ident = networks.subnet_named(region)(given)
    except forms_2x.Refused:
        ident = None
    if ident is None:
        raise Answer(400, f"Unable to identify subnet: {given}.", TEXT)
    return region.rows("subnets")[ident]


def _check_free(region, subnet, ip):
    """Refuse an address that is taken, or that a range keeps back."""
    if ips.is_taken(region, ip):
        raise Answer(404, f"The IP address {ip} is already in use.", TEXT)
    number = int(ipaddress.ip_address(ip))
    for row in region.rows("ipranges").values():
        if row["subnet"] == subnet["id"] and row["first"] <= number <= row["last"]:
            ends = f"{row['start_ip']} to {row['end_ip']}"
            raise Answer(404, f"{ip} is within the {row['type']} range from {ends}", TEXT)


@addresses("POST", "reserve")
def reserve(request):
    """Reserve an address, any of a subnet or a certain one."""
    region = request.region
    ip, mac = _read_ip(request), request.form.get("mac")
    subnet = _subnet(request, ip)
    if ip is not None and _in_dynamic_range(region, subnet, ip):
        raise Answer(403, _DYNAMIC.format(ip), TEXT)
    hostname, domain = _named(request)
    if mac is not None:
        if not forms_2x.is_mac(mac) or ":" not in mac:
            raise Invalid({"mac_address": [forms_2x.bad_mac(mac)]}, BARE_JSON)
        _refuse_known(region, mac)
    if ip is None:
        ip = ips.next_free(region, subnet)
        if ip is None:
            raise Answer(503, f"No more IPs available in subnet: {subnet['cidr']}.", TEXT)
    else:
        _check_free(region, subnet, ip)
    row = ips.add(region, ip, owner=request.user.username, subnet=subnet["id"])
    if hostname:
        _name(region, row, hostname, domain)
    return ips.show(region, row)


def _refuse_known(region, mac):
    """Refuse the MAC address of an interface that some node has."""
    for _, node, nic in taken.nics(region):
        if nic["mac"] == mac.lower():
            text = f"MAC address {nic['mac']} already belongs to {node['hostname']}. Use of the"
            text += " interface API is required, for an interface that belongs to a node."
            raise Answer(400, text, TEXT)


def _in_dynamic_range(region, subnet, ip):
    number = int(ipaddress.ip_address(ip))
    return any(
        row["type"] == "dynamic" and row["first"] <= number <= row["last"]
        for row in region.rows("ipranges").values()
        if row["subnet"] == subnet["id"]
    )


def _named(request):
    """The hostname of a form and its domain: what follows its first dot, or the default one."""
    hostname = request.form.get("hostname")
    domains = request.region.rows("domains").values()
    if hostname is not None and str(hostname).find(".") > 0:
        hostname, _, wanted = str(hostname).partition(".")
        for row in domains:
            if row["name"] == wanted:
                return hostname, row
        raise Missing("Domain", request)
    return hostname, next(row for row in domains if row["default"])


def _name(region, row, hostname, domain):
    """A hostname given with a reservation is a DNS resource."""
    for name in dns.of_domain(region, domain):
        if name["name"] == hostname:
            name["ips"].append(row["id"])
            return
    dns.new_resource(region, hostname, domain["id"])["ips"].append(row["id"])


@addresses("POST", "release")
def release(request):
    """Give an address back."""
    region, ip = request.region, str(request.needed("ip"))
    force = truth(request.form.get("force")) and region.release >= "2.2"
    if force and not request.may("can_edit_global_entities"):
        text = "Force-releasing an IP address requires admin privileges."
        raise Answer(403, text, BARE_TEXT)
    try:
        forms_2x.address("ip").clean(request.form)
    except forms_2x.Refused as refused:
        raise Invalid({"ip": list(refused.args)}) from None
    row = ips.find(region, ip)
    own = row and row["owner"] == request.user.username and row["alloc_type"] == ips.USER_RESERVED
    if row is None or not (own or force):
        text = "IP address {} does not exist." if force else _NOT_YOURS
        raise Answer(400, text.format(ip), TEXT)
    ips.remove(region, row["id"])
    return no_content()
