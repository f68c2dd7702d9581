"""What the pillar says of machines that are commissioned or deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltext.maas import pillar, runtime
from saltext.maas.errors import BadInput
from saltext.maas.machines.parameters import IN_PILLAR
from saltext.maas.pillar.validators import section
from saltext.maas.resources.machines import macs

#: Keys of machines and classes by which the parameters of an operation are found.
_NEEDED = ("class", "number", "values", "mac_addresses")


def of_class(dunders: dict, name: str) -> list[str]:
    """Return the names of the machines of a class in the pillar.

    Args:
        dunders: The state module's ``globals()``.
        name: The class.

    Raises:
        BadInput: The pillar has no machine of it.
    """
    machines = section(runtime.rendered(dunders).get("maas"), "machines").items()
    found = [str(host) for host, one in machines if name in pillar.classes_of(one)]
    if not found:
        raise BadInput(f"machine_class: the pillar has no machine of class {name!r}")
    return found


def parameters(dunders: dict, operation: str) -> Callable[[dict], dict[str, Any]]:
    """Return what finds the parameters of an operation that the pillar has for a machine.

    Args:
        dunders: The module's ``globals()``.
        operation: What the API calls it.

    Raises:
        BadInput: The pillar's machines are wrong.
    """
    whole = runtime.rendered(dunders).get("maas") if operation in IN_PILLAR else None
    sections: dict = {name: section(whole, name) for name in ("machines", "machine_classes")}
    if not any(operation in (one or {}) for part in sections.values() for one in part.values()):
        return lambda raw: {}
    for name, part in sections.items():
        # Secrets of others, such as passwords of BMCs, need not be resolved for this.
        sections[name] = {
            host: {key: one[key] for key in (*_NEEDED, operation) if key in (one or {})}
            for host, one in part.items()
        }
    sections["address_plans"] = section(whole, "address_plans")
    machines = pillar.machines_of(runtime.revealed(dunders, sections, "maas"))
    hosts = {name.partition(".")[0]: one for name, one in machines.items()}
    addresses = {mac: one for one in machines.values() for mac in pillar.macs_of(one)}

    def find(raw):
        found = hosts.get(raw["hostname"].partition(".")[0])
        if found is None:
            found = next((addresses[mac] for mac in macs(raw) if mac in addresses), {})
        return found.get(operation) or {}

    return find
