"""From a region's nodes to targets of salt-ssh."""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re

from saltext.maas.client.errors import BadInput

#: What a condition of a target may ask for, and where a node has it.
CONDITIONS = {"tag": "tags", "zone": "zone", "pool": "pool", "status": "status", "kind": "kinds"}


@dataclasses.dataclass(frozen=True)
class Options:
    """What ``maas_roster`` in the master's configuration says; see the roster's ``targets``."""

    profile: object = None
    id: str = "fqdn"
    network: object = None
    tags: tuple = ()
    zones: tuple = ()
    pools: tuple = ()
    statuses: tuple = ("deployed",)
    kinds: tuple = ("machine",)
    lifetime: float = 60
    seconds: float = 30
    ssh: dict = dataclasses.field(default_factory=dict)

    def offered(self) -> dict:
        """Conditions of which a node must fulfil one of each."""
        return {
            "tag": self.tags, "zone": self.zones, "pool": self.pools,
            "status": self.statuses, "kind": self.kinds,
        }  # fmt: skip


def options(configured) -> Options:
    """Read the configuration.

    Raises:
        BadInput: It is wrong.
    """
    configured = configured or {}
    if not isinstance(configured, dict):
        raise BadInput("maas_roster: must be a mapping")
    names = {field.name for field in dataclasses.fields(Options)} - {"ssh"}
    own = {key: value for key, value in configured.items() if key in names}
    problems = []
    for key in ("tags", "zones", "pools", "statuses", "kinds"):
        value = own.get(key, ())
        value = (value,) if isinstance(value, str) else value
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            problems.append(f"maas_roster:{key}: {value!r} must be a list of names")
        elif key in own:
            own[key] = tuple(name.lower() if key == "statuses" else name for name in value)
    if own.get("id", "fqdn") not in ("fqdn", "hostname"):
        problems.append(f"maas_roster:id: {own['id']!r} must be one of: fqdn, hostname")
    if own.get("network"):
        try:
            own["network"] = ipaddress.ip_network(own["network"])
        except ValueError:
            problems.append(
                f"maas_roster:network: {own['network']!r} must be a network such as 10.10.0.0/16"
            )
    if problems:
        raise BadInput(problems)
    ssh = {key: value for key, value in configured.items() if key not in names}
    return Options(**own, ssh=ssh)


def targets(nodes, options: Options, tgt, tgt_type: str, opts) -> dict:
    """The nodes that a target names, as salt-ssh wants them.

    Args:
        nodes: See :func:`saltext.maas.inventory.read`.
        options: :class:`Options`.
        tgt: The target.
        tgt_type: How Salt matches it.
        opts: Salt's configuration.
    """
    asked = _conditions(tgt) if tgt_type == "glob" else None
    wanted = {name: values for name, values in options.offered().items() if values}
    # What a target asks for by name is not what the configuration leaves out by default.
    wanted.update({name: (value,) for name, value in (asked or {}).items()})
    defaults = opts.get("roster_defaults") or {}
    found = {}
    for node in nodes:
        address = _address(node, options.network)
        if address and all(_has(node, name, values) for name, values in wanted.items()):
            found[node[options.id]] = {**defaults, **options.ssh, "host": address}
    if asked is not None:
        return found
    # Salt's own matcher works within Salt's loader only.
    matches = _matcher(tgt, tgt_type, opts)
    return {name: target for name, target in found.items() if matches(name)}


def _matcher(tgt, tgt_type, opts):
    if tgt_type == "glob":
        return lambda name: fnmatch.fnmatchcase(name, tgt)
    if tgt_type == "pcre":
        return re.compile(tgt).match
    if tgt_type == "nodegroup":
        tgt = (opts.get("ssh_list_nodegroups") or {}).get(tgt, [])
    elif tgt_type != "list":
        raise BadInput(f"target type: {tgt_type!r} must be one of: glob, pcre, list, nodegroup")
    return set(tgt.split(",") if isinstance(tgt, str) else tgt).__contains__


def _conditions(tgt):
    """``{name: value}`` where a target consists of conditions, else None."""
    words = str(tgt).split()
    parts = [word.partition(":") for word in words]
    if not parts or not all(name in CONDITIONS and value for name, _, value in parts):
        return None
    return {name: value.lower() if name == "status" else value for name, _, value in parts}


def _has(node, name, values):
    there = node[CONDITIONS[name]]
    return bool(set(values) & set(there if isinstance(there, list) else [there]))


def _address(node, network):
    for address in node["addresses"]:
        if network is None or ipaddress.ip_address(address) in network:
            return address
    return None
