"""Address plans of a pillar: addresses of machines by their numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any

from saltext.maas.pillar.validators import (
    ROOT,
    Address,
    Network,
    Span,
    ends,
    listed,
    named,
    within,
)  # fmt: skip
from saltext.maas.resources.kinds import ADDRESS, MAC


class AddressPlan:
    """One address plan.

    Args:
        name: Its name.
        where: Its pillar path.
        values: What the pillar says of it, of the right form.

    Attributes:
        problems: What is wrong with it, one line each.
    """

    def __init__(self, name: str, where: str, values: dict):
        self.name = name
        self._net: Network = ipaddress.ip_network(values["subnet"])
        self._start: Address = self._net.network_address
        self._end: Address = self._net.broadcast_address
        if self._net.version == 4 and self._net.prefixlen < 31:
            self._end -= 1
        self.problems: list[str] = []
        for key in ("start", "end"):
            if values.get(key):
                address = ipaddress.ip_address(values[key])
                setattr(self, f"_{key}", address)
                if address not in self._net:
                    self.problems.append(
                        f"{where}:{key}: {values[key]!r} must be an address within {self._net}"
                    )
        if not self.problems and int(self._start) > int(self._end):
            self.problems.append(
                f"{where}:end: {str(self._end)!r} must not be below {str(self._start)!r}"
            )

    def address(self, number: int) -> tuple[str, str | None]:
        """Return the address of a number, and what is wrong with it, else None."""
        most = int(self._end) - int(self._start)
        if number > most:
            return "", (
                f"is too high for address plan {self.name}, which ends at {self._end}; must be at "
                f"most {most}"
            )
        address = str(self._start + number)
        problem = self.refusal(address)
        return address, problem and f"is wrong for address plan {self.name}: {problem}"

    def refusal(self, given: Any) -> str | None:
        """Return why a value is no address for a host in the plan's subnet, else None."""
        try:
            return next((line[2:] for line in within("", self._net, given)), None)
        except ValueError:
            return f"{given!r} must be an address within {self._net}"


class Taken:
    """The addresses that a pillar gives to something else than machines.

    Args:
        pillar: With ``subnets`` and ``ip_addresses`` of the right form.
    """

    def __init__(self, pillar: dict):
        self._spans: list[Span] = []
        self._reserved: dict[str, tuple[str, str]] = {}
        self._single = {
            ADDRESS.clean(one): f"{ROOT}:ip_addresses:{one}"
            for one in pillar.get("ip_addresses") or ()
        }
        for where, _, subnet in named(pillar, "subnets"):
            if subnet.get("gateway_ip"):
                self._single[ADDRESS.clean(subnet["gateway_ip"])] = f"{where}:gateway_ip"
            for place, one in listed(subnet, "ranges", where):
                if one["type"] == "dynamic":
                    self._spans.append((place, *ends(one["start"], one["end"])))
            for place, ip, one in named(subnet, "reserved_ips", where):
                self._reserved[ADDRESS.clean(ip)] = (place, MAC.clean(one["mac_address"]))

    def by(self, address: str, macs: Collection[str]) -> str | None:
        """Return the path of what has an address; None if a machine with these MACs may have it."""
        place, mac = self._reserved.get(address, (None, ""))
        if place and mac not in macs:
            return place
        number, version = int(ipaddress.ip_address(address)), ipaddress.ip_address(address).version
        spans = (
            place for place, first, last in self._spans
            if first.version == version and int(first) <= number <= int(last)
        )  # fmt: skip
        return self._single.get(address) or next(spans, None)
