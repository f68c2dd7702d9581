"""``static-routes/`` and ``reservedips/``."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import networks
from saltext.maas.emulator.crud import serve
from saltext.maas.emulator.forms import BAD_IP, REQUIRED, Check, is_ip, not_a_choice
from saltext.maas.emulator.web import BARE_JSON, Endpoint, Invalid

routes = Endpoint("static-routes/", "StaticRoutesHandler", since="2.1")
route = Endpoint("static-routes/{id}/", "StaticRouteHandler", since="2.1")
reserved_many = Endpoint("reservedips/", "ReservedIpsHandler", since="3.6")
reserved_one = Endpoint("reservedips/{id}/", "ReservedIpHandler", since="3.6")

NO_CHOICE = not_a_choice("That choice")


def subnet_named(check, region, field, stored=None, required=False):
    """The subnet that a field names by id, CIDR or name; None when there is none."""
    given = check.form.get(field)
    if given in (None, ""):
        if stored is None and required:
            check.error(field, REQUIRED)
        return stored
    given = str(given)
    prefix, colon, value = given.partition(":")
    if colon and prefix in ("cidr", "name", "id"):
        given = value
    for subnet in region.rows("subnets").values():
        if given in (str(subnet["id"]), subnet["cidr"], subnet["name"]):
            return subnet["id"]
    check.error(field, NO_CHOICE)
    return stored


# -- static routes -----------------------------------------------------------------------------


def _show_route(region, row):
    subnets = region.rows("subnets")
    return {
        "id": row["id"],
        "source": networks.show_subnet(region, subnets[row["source"]]),
        "destination": networks.show_subnet(region, subnets[row["destination"]]),
        "gateway_ip": row["gateway_ip"],
        "metric": row["metric"],
        "resource_uri": f"/MAAS/api/2.0/static-routes/{row['id']}/",
    }


def _read_route(request, stored):
    region, check = request.region, Check(request, stored)
    before = stored or {}
    source = subnet_named(check, region, "source", before.get("source"), True)
    destination = subnet_named(check, region, "destination", before.get("destination"), True)
    gateway = check.text("gateway_ip", None, required=True)
    metric = check.integer("metric", 0, 0, 2147483647)
    if gateway and not is_ip(gateway):
        check.error("gateway_ip", BAD_IP)
    elif gateway and source:
        _check_gateway(check, region.rows("subnets"), source, destination, gateway)
    check.done()
    same = {"source": source, "destination": destination, "gateway_ip": gateway}
    for row in region.rows("static_routes").values():
        if row is not stored and all(row[name] == value for name, value in same.items()):
            text = "Static route with this Source, Destination and Gateway IP already exists."
            raise Invalid({"__all__": [text]}, BARE_JSON)
    return {**same, "metric": metric or 0}


def _check_gateway(check, subnets, source, destination, gateway):
    net = subnets[source]["net"]
    inside = ipaddress.ip_address(gateway) in net
    if not inside:
        check.error("gateway_ip", f"Enter an IP address in {net}.")
    if destination == source:
        check.error("__all__", "source and destination cannot be the same subnet.")
    elif destination and subnets[destination]["net"].version != net.version:
        check.error("__all__", "source and destination must be the same IP version.")
    elif not inside:
        check.error("__all__", "gateway_ip must be with in the source subnet.")


serve(routes, route, rows="static_routes", model="StaticRoute", show=_show_route,
      read=_read_route)  # fmt: skip

# -- reserved addresses ------------------------------------------------------------------------


def _show_reserved(region, row):
    return {
        "id": row["id"],
        "ip": row["ip"],
        "subnet": networks.show_subnet(region, region.rows("subnets")[row["subnet"]]),
        "mac_address": row["mac_address"],
        "comment": row["comment"],
        "resource_uri": f"/MAAS/api/2.0/reservedips/{row['id']}/",
    }


def _read_reserved(request, stored):
    check = Check(request, stored)
    if stored:
        for name in ("ip", "mac_address"):
            if check.has(name) and check.text(name) != stored[name]:
                check.error(name, "Field cannot be changed.")
        comment = check.text("comment")
        check.done()
        return {"comment": comment}
    region = request.region
    ip = check.text("ip", None, required=True)
    mac = check.text("mac_address", None, required=True)
    others = region.rows("reservedips").values()
    subnet = None
    if ip and not is_ip(ip):
        check.error("ip", BAD_IP)
    elif ip:
        ip = str(ipaddress.ip_address(ip))
        if any(row["ip"] == ip for row in others):
            check.error("ip", "Reserved IP with this IP address already exists.")
        else:
            subnet = _reserved_subnet(check, region, ip)
    if mac and any(row["mac_address"] == mac and row["subnet"] == subnet for row in others):
        text = "Reserved IP with this MAC address and Subnet already exists."
        check.error("__all__", text)
    comment = check.text("comment")
    check.done()
    return {"ip": ip, "mac_address": mac.lower(), "subnet": subnet, "comment": comment}


def _reserved_subnet(check, region, ip):
    """The subnet an address is reserved in: outside of ranges, network and broadcast."""
    fitting = networks.subnet_for(region, ip)
    ident = subnet_named(check, region, "subnet", fitting["id"] if fitting else None)
    if ident is None:
        check.error("subnet", "There is no suitable subnet for the IP provided.")
        return None
    net, address = region.rows("subnets")[ident]["net"], ipaddress.ip_address(ip)
    if address not in net:
        check.error("ip", "The provided IP is not part of the subnet.")
    elif net.version == 4 and address == net.network_address:
        check.error("ip", "The network address cannot be a reserved IP.")
    elif net.version == 4 and address == net.broadcast_address:
        check.error("ip", "The broadcast address cannot be a reserved IP.")
    elif any(
        row["type"] == "dynamic" and row["first"] <= int(address) <= row["last"]
        for row in region.rows("ipranges").values()
        if row["subnet"] == ident
    ):
        check.error("ip", f"The reserved IP {ip} must be outside the dynamic range")
    return ident


serve(reserved_many, reserved_one, rows="reservedips", model="ReservedIP", show=_show_reserved,
      read=_read_reserved)  # fmt: skip
