"""The hosts of a region that has several, and the load balancer before them: ``maas:region``."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from saltext.maas import schemas
from saltext.maas.resources.kinds import ADDRESS

#: Port of a region's own web server.
PORT = 5240
_ADDRESS = {**ADDRESS.schema, "allowed": ADDRESS.allowed}
HOSTS = schemas.named(
    schemas.mapping(
        {
            "address": {**_ADDRESS, "doc": "Its own address, at which the other hosts reach it."},
            "port": schemas.whole(f"Port of its web server for HTTP; {PORT}.", 1, 65535),
            "hostname": schemas.text("Host name, where it is not the key's first label."),
        },
        "A region host.",
        required=("address",),
    ),
    "All region hosts, by the ids of their minions, where there are several. The first one applies "
    "what the region holds.",
    "MINION",
    since="2.0",
)
BALANCER = schemas.mapping(
    {
        "address": {**_ADDRESS, "doc": "Virtual address of the region's URL."},
        "prefix": schemas.whole("Length of its network's prefix; 32, 128 for IPv6.", 1, 128),
        "interface": schemas.text("Network interface that gets it."),
        "port": schemas.whole("Port for HTTP; 5240.", 1, 65535),
        "tls_port": schemas.whole("Port for HTTPS, where the region has TLS; 5443.", 1, 65535),
        "router_id": schemas.whole("Number of the VRRP router in its network; 51.", 1, 255),
        "password": schemas.text(
            "Of VRRP, of which 8 characters count.", secret=True, maxLength=8,
            allowed="text of at most 8 characters",
        ),
    },
    "HAProxy and keepalived on the region hosts, see the SLS maas.haproxy and maas.keepalived.",
    required=("address", "interface"),
    since="2.0",
)  # fmt: skip


class RegionHost(NamedTuple):
    """A region host of a pillar.

    Attributes:
        minion: The id of its minion.
        hostname: As MAAS knows it.
        address: Its own address.
        url: Of its own web server, by HTTP.
    """

    minion: str
    hostname: str
    address: str
    url: str


def region_hosts(pillar: dict) -> dict[str, RegionHost]:
    """Return the region hosts that a pillar names, by the ids of their minions, in its order.

    Args:
        pillar: The mapping under ``maas``, checked.

    Example:
        ``region_hosts({"region": {"hosts": {"region-1": {"address": "192.0.2.11"}}}})``
    """
    found = {}
    for minion, values in ((pillar.get("region") or {}).get("hosts") or {}).items():
        minion = str(minion)
        address = ipaddress.ip_address(str(values["address"]))
        shown = f"[{address}]" if address.version == 6 else str(address)
        url = f"http://{shown}:{values.get('port') or PORT}/MAAS"
        hostname = values.get("hostname") or minion.partition(".")[0]
        found[minion] = RegionHost(minion, hostname, str(address), url)
    return found
