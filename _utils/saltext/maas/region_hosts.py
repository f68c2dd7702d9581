"""The hosts of a region that has several, as the pillar names them in ``maas:region:hosts``."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from saltext.maas.errors import BadInput

#: Port of a region's own web server.
PORT = 5240


class RegionHost(NamedTuple):
    """A region host of a pillar.

    Attributes:
        minion: The id of its minion.
        hostname: As MAAS knows it.
        address: Its own address.
        url: Of its own web server, by HTTP.
        first: Whether it is the one that applies what the region holds.
    """

    minion: str
    hostname: str
    address: str
    url: str
    first: bool


def region_hosts(pillar: dict) -> dict[str, RegionHost]:
    """Return the region hosts that a pillar names, by the ids of their minions, in its order.

    Args:
        pillar: The mapping under ``maas``, of whatever form.

    Raises:
        BadInput: A host has no address.

    Example:
        ``region_hosts({"region": {"hosts": {"region-1": {"address": "192.0.2.11"}}}})``
    """
    found: dict[str, RegionHost] = {}
    for minion, values in _hosts(pillar).items():
        values = values if isinstance(values, dict) else {}
        try:
            address = ipaddress.ip_address(str(values.get("address")))
        except ValueError:
            where = f"maas:region:hosts:{minion}:address"
            raise BadInput(f"{where}: {values.get('address')!r} must be an IP address") from None
        shown = f"[{address}]" if address.version == 6 else str(address)
        url = f"http://{shown}:{values.get('port') or PORT}/MAAS"
        hostname = str(values.get("hostname") or minion.partition(".")[0])
        found[minion] = RegionHost(minion, hostname, str(address), url, first=not found)
    return found


def minions(pillar: dict) -> set[str]:
    """Return the ids of the minions of all region hosts that a pillar names."""
    return set(_hosts(pillar))


def _hosts(pillar) -> dict[str, object]:
    region = pillar.get("region")
    hosts = region.get("hosts") if isinstance(region, dict) else None
    return {str(one): values for one, values in hosts.items()} if isinstance(hosts, dict) else {}
