"""From a region's nodes to targets of salt-ssh."""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re
import shlex

from saltext.maas.errors import BadInput

#: What a condition of a target may ask for, and where a node has it.
CONDITIONS = {"tag": "tags", "zone": "zone", "pool": "pool", "status": "status", "kind": "kinds"}
#: Where ``maas_roster`` limits the same.
_LISTS = {"tag": "tags", "zone": "zones", "pool": "pools", "status": "statuses", "kind": "kinds"}
_LOWER = ("status", "kind")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,253}")
#: What a node can be.
KINDS = ("machine", "device", "rack", "region")


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

    def conditions(self, asked) -> list:
        """What nodes must fulfil: pairs of a name, and values of which one must be there.

        A status or kind that the target asks for takes the place of those that are offered.

        Args:
            asked: The target's own conditions, as pairs.
        """
        names = {name for name, _ in asked}
        offered = [("tag", self.tags), ("zone", self.zones), ("pool", self.pools)]
        if "status" not in names:
            offered.append(("status", (*self.statuses, None) if self.statuses else ()))
        if "kind" not in names:
            offered.append(("kind", self.kinds))
        return [one for one in offered if one[1]] + [(name, (value,)) for name, value in asked]


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
    for name, key in _LISTS.items():
        value = own.get(key, ())
        values = (value,) if isinstance(value, str) else value
        if not isinstance(values, (list, tuple)):
            problems.append(f"maas_roster:{key}: {value!r} must be a list of names")
            continue
        wrong = [(one, _value_problem(name, one)) for one in values]
        problems += [f"maas_roster:{key}: {one!r} {told}" for one, told in wrong if told]
        if key in own:
            own[key] = tuple(str(one).lower() if name in _LOWER else one for one in values)
    for key in ("lifetime", "seconds"):
        value = own.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            problems.append(f"maas_roster:{key}: {value!r} must be a number of seconds")
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

    Raises:
        BadInput: The target cannot be read.
    """
    asked = _conditions(tgt) if tgt_type == "glob" else []
    matches = _matcher(tgt, tgt_type, opts) if not asked else lambda name: True
    desired = options.conditions(asked)
    defaults = opts.get("roster_defaults") or {}
    found = {}
    for node in nodes:
        address = _address(node, options.network)
        if not _NAME.fullmatch(node[options.id]):
            continue  # a region's word for it; salt-ssh makes paths and arguments of it
        if address and matches(node[options.id]) and all(_has(node, *one) for one in desired):
            found[node[options.id]] = {**defaults, **options.ssh, "host": address}
    return found


def _matcher(tgt, tgt_type, opts):
    """``f(name) -> bool``; Salt's own matcher works within Salt's loader only."""
    if tgt_type == "glob":
        return lambda name: fnmatch.fnmatchcase(name, tgt)
    if tgt_type == "pcre":
        try:
            return re.compile(tgt).match
        except re.error as error:
            raise BadInput(f"target: {tgt!r} is no regular expression: {error}") from None
    if tgt_type == "nodegroup":
        tgt = (opts.get("ssh_list_nodegroups") or {}).get(tgt, [])
    elif tgt_type != "list":
        raise BadInput(f"target type: {tgt_type!r} must be one of: glob, pcre, list, nodegroup")
    return set(tgt.split(",") if isinstance(tgt, str) else tgt).__contains__


def _conditions(tgt):
    """``[(name, value)]`` where a target consists of conditions, else nothing."""
    unreadable = None
    try:
        words = shlex.split(str(tgt))
    except ValueError as error:
        words, unreadable = str(tgt).split(), error
    parts = [word.partition(":") for word in words]
    if not any(colon and name in CONDITIONS for name, colon, _ in parts):
        return []
    if unreadable:
        raise BadInput(f"target: {tgt!r} cannot be read: {unreadable}")
    problems = []
    for name, colon, value in parts:
        if name not in CONDITIONS or not value:
            problems.append(
                f"target: {name + colon + value!r} must be a condition such as tag:web; "
                f"its name is one of: {', '.join(CONDITIONS)}"
            )
        elif problem := _value_problem(name, value):
            problems.append(f"target: {name}:{value} {problem}")
    if problems:
        raise BadInput(problems)
    return [(name, value.lower() if name in _LOWER else value) for name, _, value in parts]


def _value_problem(name, value):
    """What is wrong with the value of a condition, or None."""
    if name == "status" and (not isinstance(value, str) or value.isdigit()):
        return (
            "must be a status's name, such as deployed or 'failed deployment': "
            "what its number means differs between releases"
        )
    if not isinstance(value, str):
        return "must be a name"
    if name == "kind" and value.lower() not in KINDS:
        return f"must be one of: {', '.join(KINDS)}"
    return None


def _has(node, name, values):
    there = node[CONDITIONS[name]]
    if name == "status":
        # A status is what machines have.
        if there is None and "machine" in node["kinds"]:
            return False
        # Before 1.7 a machine that is deployed is called allocated.
        there = [there, "deployed"] if node.get("deployed") else there
    return bool(set(values) & set(there if isinstance(there, list) else [there]))


def _address(node, network):
    for address in node["addresses"]:
        if network is None or ipaddress.ip_address(address) in network:
            return address
    return None
