"""``fannetworks/`` of API 1.0 (1.9+); no recording has them."""

from __future__ import annotations

import ipaddress

from maas_emulator.crud import serve
from maas_emulator.forms import Check
from maas_emulator.web import Endpoint

fans = Endpoint("fannetworks/", "FanNetworksHandler", since="1.9")
fan = Endpoint("fannetworks/{id}/", "FanNetworkHandler", since="1.9")


def _fan_shown(region, row):
    return {**row, "resource_uri": f"/MAAS/api/1.0/fannetworks/{row['id']}/"}


def _network(check, name):
    text = check.text(name, required=True)
    try:
        return str(ipaddress.IPv4Network(text)) if text else text
    except ValueError:
        check.error(name, "Required format: <network>/<prefixlen>.")
        return text


def _read_fan(request, row):
    check = Check(request, row)
    values = {"name": check.text("name", required=True, longest=256)}
    for name in ("underlay", "overlay"):
        values[name] = _network(check, name)
    values["dhcp"] = check.boolean("dhcp", None)
    values["host_reserve"] = check.integer("host_reserve", 1, low=1)
    values["bridge"] = check.text("bridge", None) or None
    values["off"] = check.boolean("off", None)
    others = request.region.rows("fan_networks").values()
    if values["name"] in [other["name"] for other in others if other is not row]:
        check.error("name", "Fan network with this Name already exists.")
    check.done()
    return values


serve(fans, fan, rows="fan_networks", model="FanNetwork", show=_fan_shown, read=_read_fan)
