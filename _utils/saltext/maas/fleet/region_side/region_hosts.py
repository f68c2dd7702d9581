"""The hosts of a region: those that its pillar names, and those that it has."""

from __future__ import annotations

from typing import Any

from saltext.maas import runtime
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.host import region_member
from saltext.maas.region_hosts import region_hosts


def of_region(region: Region) -> dict[str, dict]:
    """Return the hosts of a region; see :py:func:`maas_fleet.region_hosts`."""
    if region.release < "2.0":
        return {}
    named = region_hosts(region.pillar)
    there = {key: one.raw for key, one in region.snapshot.records("region_controller").items()}
    reach = region.snapshot.client.profile
    running, _ = region_member.running(reach.url, ca_file=reach.ca_file or None)
    minions = {host.hostname: minion for minion, host in named.items()}
    if not named:  # there is nothing to name where there is one host
        minions[runtime.hostname(region.dunders).partition(".")[0]] = runtime.minion_id(
            region.dunders
        )
    found: dict[str, dict[str, Any]] = {}
    for hostname in dict.fromkeys([*(one.hostname for one in named.values()), *there]):
        minion = minions.get(hostname)
        state = "absent" if hostname not in there else "disconnected"
        found[minion or hostname] = {
            "hostname": hostname,
            "named": minion in named,
            "address": named[minion].address if minion in named else None,
            "state": "connected" if hostname in running and hostname in there else state,
            "release": there.get(hostname, {}).get("version") or None,
        }
    return found
