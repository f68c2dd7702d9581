"""``static-routes/`` and ``reservedips/``."""

from __future__ import annotations

import ipaddress

from maas_emulator import forms_2x, ips, networks
from maas_emulator.crud import serve
from maas_emulator.web import Answer, Endpoint

routes = Endpoint("static-routes/", "StaticRoutesHandler", since="2.1")
route = Endpoint("static-routes/{id}/", "StaticRouteHandler", since="2.1")
reserved_many = Endpoint("reservedips/", "ReservedIpsHandler", since="3.6")
reserved_one = Endpoint("reservedips/{id}/", "ReservedIpHandler", since="3.6")

IMMUTABLE = (
    "The ip, mac_address and the subnet of a reserved IP are immutable."
    " Delete the entry and recreate it."
)

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
    region = request.region
    subnets, known = region.rows("subnets"), networks.subnet_named(region)
    fields = (
        forms_2x.reference("source", known, required=True),
        forms_2x.reference("destination", known, required=True),
        forms_2x.address("gateway_ip", required=True),
        forms_2x.integer("metric", low=0, high=2147483647, blank=False),
    )
    form = forms_2x.ModelForm(request, fields, stored)
    form.read()
    gateway = form.cleaned.get("gateway_ip")
    if gateway:
        if "source" not in form.cleaned:
            raise Answer(500, "'NoneType' object has no attribute 'get_ipnetwork'")
        net = subnets[form.cleaned["source"]]["net"]
        if ipaddress.ip_address(gateway) not in net:
            form.note("gateway_ip", f"Enter an IP address in {net}.")
    form.apply()
    message = _route_problem(subnets, form.row)
    if message:
        form.error("__all__", message)
    form.row["metric"] = form.row["metric"] or 0
    form.done()
    text = "Static route with this Source, Destination and Gateway IP already exists."
    names = ("source", "destination", "gateway_ip")
    form.unique("", region.rows("static_routes").values(), *names, message=text, late=True)
    return form.row


def _route_problem(subnets, row):
    source, destination = subnets.get(row["source"]), subnets.get(row["destination"])
    if not (source and destination):
        return None
    if source is destination:
        return "source and destination cannot be the same subnet."
    if source["net"].version != destination["net"].version:
        return "source and destination must be the same IP version."
    if row["gateway_ip"] and ipaddress.ip_address(row["gateway_ip"]) not in source["net"]:
        return "gateway_ip must be with in the source subnet."
    return None


serve(routes, route, rows="static_routes", model="StaticRoute", show=_show_route,
      read=_read_route, admin="found")  # fmt: skip

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
    region = request.region
    fields = (
        forms_2x.address("ip", required=True),
        forms_2x.reference("subnet", networks.subnet_named(region), blank=False),
        forms_2x.mac_address("mac_address"),
        forms_2x.text("comment", default="", model=(forms_2x.at_most(255),)),
    )
    form = forms_2x.ModelForm(request, fields, stored)
    form.read({"ip": _check_in_use(form, region), "subnet": _check_subnet(form, region)})
    if stored and any(
        form.data[name] != [stored[name]] for name in ("ip", "mac_address", "subnet")
    ):
        form.error("__all__", IMMUTABLE)
    elif form.cleaned.get("ip") and form.cleaned.get("subnet"):
        _check_dynamic(form, region)
    form.apply()
    others = region.rows("reservedips").values()
    text = "Reserved IP with this {} already exists."
    form.unique("", others, "mac_address", "subnet", message=text.format("MAC address and Subnet"))
    form.unique("", others, "ip", message=text.format("IP address"))
    form.done()
    return form.row


def _check_in_use(form, region):
    def check(ip):
        held = ips.find(region, ip)
        if held and form.data.get("mac_address") not in _macs(region, held):
            form.note("ip", f"The ip {ip} is already in use by another machine.")
        return ip

    return check


def _macs(region, held):
    """MAC addresses of the interface that an address is of."""
    return [
        nic["mac"]
        for node in networks.all_nodes(region)
        for nic in node["interfaces"]
        if nic["id"] == held.get("nic")
    ]


def _check_subnet(form, region):
    """The subnet an address is reserved in, which it has to be in the middle of."""

    def check(ident):
        ip = form.cleaned.get("ip")
        if not ip:
            return None
        if ident is None:
            fitting = networks.subnet_for(region, ip)
            if fitting is None:
                text = f"There is no subnet for {ip}. Create the subnet and try again."
                raise forms_2x.Refused(text)
            ident = fitting["id"]
        net, address = region.rows("subnets")[ident]["net"], ipaddress.ip_address(ip)
        if address not in net:
            form.note("ip", f"{ip} is not part of the subnet.")
        if address == net.network_address:
            form.note("ip", "The network address cannot be a reserved IP.")
        if address == net.broadcast_address:
            form.note("ip", "The broadcast address cannot be a reserved IP.")
        return ident

    return check


def _check_dynamic(form, region):
    ip, subnet = form.cleaned["ip"], form.cleaned["subnet"]
    number = int(ipaddress.ip_address(ip))
    for row in region.rows("ipranges").values():
        inside = row["type"] == "dynamic" and row["first"] <= number <= row["last"]
        if row["subnet"] == subnet and inside:
            ends = f"{row['start_ip']} - {row['end_ip']}"
            text = f"The reserved IP {ip} must be outside the dynamic range {ends}."
            form.note("ip", text)
            return


serve(reserved_many, reserved_one, rows="reservedips", model="ReservedIP", show=_show_reserved,
      read=_read_reserved)  # fmt: skip
