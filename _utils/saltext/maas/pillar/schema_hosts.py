"""The hosts of a region that has several, and the load balancer before them: ``maas:region``."""

from __future__ import annotations

from saltext.maas import schemas
from saltext.maas.region_hosts import PORT
from saltext.maas.resources.kinds import ADDRESS

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
        "port": schemas.whole("Port for HTTP; 80.", 1, 65535),
        "tls_port": schemas.whole("Port for HTTPS, where the region has TLS; 443.", 1, 65535),
        "router_id": schemas.whole("Number of the VRRP router in its network; 51.", 1, 255),
        "password": schemas.text("Of VRRP; its first 8 characters count.", secret=True),
    },
    "HAProxy and keepalived on the region hosts, see the SLS maas.haproxy and maas.keepalived.",
    required=("address", "interface"),
    since="2.0",
)  # fmt: skip
