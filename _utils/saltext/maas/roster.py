"""From a region's nodes to targets of salt-ssh."""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from saltext.maas import schemas
from saltext.maas.errors import BadInput

#: What a node can be.
KINDS = ("machine", "device", "rack", "region")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,253}")
_LOWER = ("status", "kind")
_TEXT = {"type": "string", "allowed": "a name"}
#: What a condition of a target may ask for: where a node has it, the option of ``maas_roster``
#: that limits the same, and what its values may be.
_CONDITIONS = {
    "tag": ("tags", "tags", _TEXT),
    "zone": ("zone", "zones", _TEXT),
    "pool": ("pool", "pools", _TEXT),
    "status": ("status", "statuses", {
        "type": "string", "format": "no_number",
        "allowed": "a status's name, such as deployed or 'failed deployment': what its number "
        "means differs between releases",
    }),
    "kind": ("kinds", "kinds", {
        "type": "string", "format": "kind", "allowed": f"one of: {', '.join(KINDS)}",
    }),
}  # fmt: skip
_FORMATS = {
    "kind": lambda text: text.lower() in KINDS,
    "network": ipaddress.ip_network,
    "no_number": lambda text: not text.isdigit(),
}
_SCHEMA = schemas.mapping({
    "profile": {},
    "id": {"enum": ["fqdn", "hostname"]},
    "network": {
        "type": ["string", "null"], "format": "network", "allowed": "a network such as 10.10.0.0/16"
    },
    "lifetime": schemas.seconds("", zero=True),
    "seconds": schemas.seconds("", zero=True),
    "users": {
        "type": "object", "additionalProperties": _TEXT, "allowed": "a mapping of systems to users"
    },
    **{
        option: {"type": "array", "items": value, "allowed": "a list of names"}
        for _, option, value in _CONDITIONS.values()
    },
})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Options:
    """What ``maas_roster`` in the master's configuration says; see the roster's ``targets``."""

    profile: str | dict | None = None
    id: str = "fqdn"
    network: str | None = None
    tags: Iterable[str] = ()
    zones: Iterable[str] = ()
    pools: Iterable[str] = ()
    statuses: Iterable[str] = ("deployed",)
    kinds: Iterable[str] = ("machine",)
    lifetime: float = 60
    seconds: float = 30
    users: dict = dataclasses.field(default_factory=dict)
    ssh: dict = dataclasses.field(default_factory=dict)

    def conditions(self, asked: list[tuple[str, str]]) -> list[tuple[str, list]]:
        """Return what nodes must fulfil: pairs of a name, and values of which one must be there.

        A status or kind that the target asks for takes the place of those that are offered.

        Args:
            asked: The target's own conditions.
        """
        names = {name for name, _ in asked}
        offered = {
            name: [_folded(name, value) for value in getattr(self, option)]
            for name, (_, option, _) in _CONDITIONS.items()
            if name not in names or name not in _LOWER
        }
        if offered.get("status"):
            offered["status"].append(None)
        limits = [(name, values) for name, values in offered.items() if values]
        return limits + [(name, [value]) for name, value in asked]


def options(configured: object) -> Options:
    """Return the options of ``maas_roster``.

    Raises:
        BadInput: They are wrong.
    """
    if configured is not None and not isinstance(configured, dict):
        raise BadInput("maas_roster: must be a mapping")
    own: dict[str, Any] = {}
    ssh: dict[str, Any] = {}
    for name, value in (configured or {}).items():
        if name not in _SCHEMA["properties"]:
            ssh[name] = value
        elif isinstance(value, str) and name in ("tags", "zones", "pools", "statuses", "kinds"):
            own[name] = [value]
        else:
            own[name] = value
    schemas.check(own, _SCHEMA, "maas_roster", _FORMATS)
    return Options(**own, ssh=ssh)


def targets(nodes: Iterable[dict], options: Options, tgt, tgt_type: str, opts: dict) -> dict:
    """Return the nodes that a target names, as salt-ssh takes them.

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
    conditions = options.conditions(asked)
    network = ipaddress.ip_network(options.network) if options.network else None
    defaults = opts.get("roster_defaults") or {}
    found = {}
    for node in nodes:
        name = node[options.id]
        addresses = [
            one for one in node["addresses"]
            if network is None or ipaddress.ip_address(one) in network
        ]  # fmt: skip
        # A region may call a node anything, and salt-ssh makes paths and arguments of names.
        named = _NAME.fullmatch(name) and matches(name)
        if named and addresses and all(_has(node, *one) for one in conditions):
            found[name] = {**defaults, **options.ssh, **_user(node, options.users),
                           "host": addresses[0]}  # fmt: skip
    return found


def _user(node, users):
    """The user to log in as: that of the node's series, else of its system."""
    system, series = node.get("osystem"), node.get("distro_series")
    user = users.get(f"{system}/{series}") or users.get(system)
    return {"user": user} if user else {}


def _matcher(tgt, tgt_type, opts) -> Callable[[str], object]:
    # Salt's own matcher works within Salt's loader only.
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


def _conditions(tgt) -> list[tuple[str, str]]:
    """``[(name, value)]`` where a target consists of conditions, else nothing."""
    quotes = None
    try:
        words = shlex.split(str(tgt))
    except ValueError as error:
        words, quotes = str(tgt).split(), error
    parts = [word.partition(":") for word in words]
    if not any(colon and name in _CONDITIONS for name, colon, _ in parts):
        return []
    if quotes:
        raise BadInput(f"target: {tgt!r} cannot be read: {quotes}")
    problems = []
    for name, colon, value in parts:
        if name in _CONDITIONS and value:
            schema = _CONDITIONS[name][2]
            found = schemas.mistakes(value, schema, f"target:{name}", _FORMATS)
            problems += [line for _, line in found]
        else:
            problems.append(
                f"target: {name + colon + value!r} must be a condition such as tag:web; "
                f"its name is one of: {', '.join(_CONDITIONS)}"
            )
    if problems:
        raise BadInput(problems)
    return [(name, _folded(name, value)) for name, _, value in parts]


def _folded(name, value):
    return value.lower() if name in _LOWER else value


def _has(node, name, values) -> bool:
    there = node[_CONDITIONS[name][0]]
    if name == "status":
        # A status is what machines have.
        if there is None and "machine" in node["kinds"]:
            return False
        # Before 1.7 a machine that is deployed is called allocated.
        there = [there, "deployed"] if node.get("deployed") else there
    return bool(set(values) & set(there if isinstance(there, list) else [there]))
