"""``ipaddresses/``: addresses that users reserve for themselves."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import ips, networks
from saltext.maas.emulator.forms import BAD_IP, is_ip, truth
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Invalid, no_content

addresses = Endpoint("ipaddresses/", "IPAddressesHandler")

_NOT_YOURS = (
    "IP address {} does not exist, is not the correct type of address, or does not belong to the"
    " requesting user.\nIf you are sure you want to release this address, use force=true as a MAAS"
    " administrator."
)


@addresses("GET")
def list_addresses(request):
    """List the user's addresses, everybody's on request of an administrator."""
    region, query = request.region, request.query
    everybody = truth(query.get("all")) and region.release >= "2.1"
    owner = query.get("owner") if region.release >= "2.1" else None
    if (everybody or owner) and not request.user.is_superuser:
        text = "Listing all IP addresses requires admin privileges."
        raise Answer(403, text if everybody else text.replace("all", "another user's"), TEXT)
    rows = list(region.rows("ips").values())
    if not everybody:
        wanted = owner or request.user.username
        rows = [row for row in rows if row["owner"] == wanted]
        rows = [row for row in rows if row["alloc_type"] == ips.USER_RESERVED]
    ip = query.get("ip")
    return [ips.show(region, row) for row in rows if not ip or row["ip"] == ip]


def _subnet(request, ip):
    """The subnet that a form names, or that an address is in."""
    region, given = request.region, request.form.get("subnet")
    if given in (None, ""):
        return networks.subnet_for(region, ip) if ip else None
    plain = str(given)
    plain = plain.partition(":")[2] if plain.startswith(("cidr:", "name:", "id:")) else plain
    for row in region.rows("subnets").values():
        if plain in (str(row["id"]), row["cidr"], row["name"]):
            return row
    raise Answer(400, f"Unable to identify subnet: {given!r}.", TEXT)


@addresses("POST", "reserve")
def reserve(request):
    """Reserve an address, any of a subnet or a certain one."""
    region, form = request.region, request.form
    names = ("ip", "ip_address", "requested_address")
    ip = next((str(form.get(name)) for name in names if form.get(name)), None)
    if ip and not is_ip(ip):
        raise Invalid({"ip_address": [BAD_IP]})
    subnet = _subnet(request, ip)
    if subnet is None:
        raise Answer(400, "Could not find a subnet to allocate an address from.", TEXT)
    if ip is None:
        ip = ips.next_free(region, subnet)
        if ip is None:
            raise Answer(503, "No more IPs available in subnet: " + subnet["cidr"], TEXT)
    elif ipaddress.ip_address(ip) not in subnet["net"]:
        cidr = subnet["cidr"]
        raise Answer(503, f"IP address {ip} is not inside the subnet: {cidr}.", TEXT)
    elif ips.is_taken(region, ip):
        raise Answer(404, f"The IP address {ip} is already in use.", TEXT)
    row = ips.add(region, ip, owner=request.user.username, subnet=subnet["id"])
    _name(request, row)
    return ips.show(region, row)


def _name(request, row):
    """A hostname given with a reservation is a DNS resource."""
    region, hostname = request.region, request.form.get("hostname")
    if not hostname:
        return
    name, _, domain = str(hostname).partition(".")
    asked = str(request.form.get("domain") or domain or "")
    for zone in region.rows("domains").values():
        if asked in (str(zone["id"]), zone["name"]) or (not asked and zone["default"]):
            fields = {"name": name, "domain": zone["id"], "address_ttl": None, "ips": [row["id"]]}
            region.rows("dnsresources").add(fields)
            return


@addresses("POST", "release")
def release(request):
    """Give an address back."""
    region = request.region
    ip = str(request.form.get("ip") or request.form.get("address") or "")
    if not ip:
        request.needed("ip")
    force = truth(request.form.get("force")) and region.release >= "2.2"
    if force and not request.user.is_superuser:
        raise Answer(403, "Force-releasing an IP address requires admin privileges.", TEXT)
    row = ips.find(region, ip)
    own = row and row["owner"] == request.user.username and row["alloc_type"] == ips.USER_RESERVED
    if row is None or not (own or force):
        raise Answer(400, _NOT_YOURS.format(ip), TEXT)
    for name in list(region.rows("dnsresources").values()):
        if row["id"] in name["ips"]:
            name["ips"].remove(row["id"])
            if not name["ips"] and not _records(region, name):
                del region.rows("dnsresources")[name["id"]]
    del region.rows("ips")[row["id"]]
    return no_content()


def _records(region, resource):
    rows = region.rows("dnsrecords").values()
    return [record for record in rows if record["resource"] == resource["id"]]
