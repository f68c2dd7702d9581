"""Salt resources of this extension: which one a job is for, and which there are by the pillar."""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

#: The resource types.
REGION, MACHINE = "maas_region", "maas_machine"
#: Profile of the machines whose ids do not name one.
DEFAULT_PROFILE = "maas"
#: What a machine must have to be one of those that ``machines`` selects.
FILTERS = ("status", "zone", "pool", "owner", "tag")

#: Valid ids in Salt, without the separator of type and id in targets.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MACHINE_ID = re.compile(r"([\w.*?!\[\]-]+)(?:@([A-Za-z0-9][A-Za-z0-9._-]*))?", re.ASCII)
_DESCRIBED = "described"


class Machines(NamedTuple):
    """What the pillar says of the machines of a minion that are Salt resources.

    Attributes:
        path: Where it says so.
        profiles: The profiles of their regions.
        ids: Ids that are listed: host names, and patterns, which stand for groups.
        scope: ``described`` for the machines of the pillar, a filter for those of the region, or
            None for those that are listed alone.
        qualified: Whether ids have the profile.
        mistakes: What is wrong with it.
    """

    path: str
    profiles: tuple[str, ...]
    ids: tuple[str, ...]
    scope: str | dict[str, str] | None
    qualified: bool
    mistakes: list[str]

    def id_of(self, name: str, profile: str) -> str:
        """Return the id of a machine."""
        return f"{name}@{profile}" if self.qualified else name

    def split(self, resource_id: str) -> tuple[str, str]:
        """Return the host name or pattern, and the profile, of an id."""
        name, _, profile = resource_id.partition("@")
        return name, profile or self.profiles[0]


def current() -> dict[str, str]:
    """Return the resource that the job is for, as ``{type, id}``; empty for a minion."""
    # The dunder is only in some of the modules that take part; what it is made of, in all.
    context = getattr(sys.modules.get("salt.loader.context"), "resource_ctxvar", None)
    found = context.get() if context else {}
    return found if found.get("type") in (REGION, MACHINE) else {}


def is_group(resource_id: str) -> bool:
    """Return whether an id is a pattern, which stands for several machines."""
    return any(one in resource_id for one in "*?[")


def job() -> dict[str, Any]:
    """Return the job that runs, as the master published it; empty where there is none."""
    request: dict = getattr(sys.modules.get("salt.utils.ctx"), "get_request_context", dict)()
    return request.get("data") or {}


def is_named(opts: dict, resource_id: str) -> bool:
    """Return whether a job's target names machines as resources.

    Salt 3008 runs a job for any glob on all resources, whatever their ids are, and a compound
    target such as ``not G@os:Windows`` matches resources as well.

    Args:
        opts: Salt's configuration.
        resource_id: The machine or group. A group has to be named itself.
    """
    found = job()
    if not found and opts.get("resources_dispatch"):  # salt-call --resources
        found = {"tgt": opts.get("resources_tgt", "*"),
                 "tgt_type": opts.get("resources_tgt_type", "glob")}  # fmt: skip
    target, kind = found.get("tgt", ""), found.get("tgt_type", "glob")
    if not found:
        return True
    if kind in ("grain", "grain_pcre"):
        return str(target).startswith("maas:")
    if kind != "compound":
        return False
    words = target.split() if isinstance(target, str) else target
    if is_group(resource_id):
        return f"T@{MACHINE}:{resource_id}" in words
    return any(re.match(rf"T@{MACHINE}(:|$)", word) for word in words)


def regions(opts: dict) -> tuple[list[str], list[str]]:
    """Return the regions that the pillar lists, and what is wrong with the list.

    Args:
        opts: Configuration with the pillar.

    Returns:
        ``(names, mistakes)``.
    """
    path, value = _declared(opts, REGION)
    names = value.get("resource_ids") if isinstance(value, dict) else None
    if not isinstance(names, list):
        return [], [f"{path}:resource_ids: must be a list of profiles, such as [dc1, dc2]"]
    return _names(names, f"{path}:resource_ids")


def machines(opts: dict) -> Machines:
    """Return what the pillar says of machines that are resources.

    Args:
        opts: Configuration with the pillar.
    """
    path, value = _declared(opts, MACHINE)
    if not isinstance(value, dict):
        return Machines(path, (DEFAULT_PROFILE,), (), None, False, [f"{path}: must be a mapping"])
    mistakes = [
        f"{path}:{key}: is none of: machines, profiles, qualified, resource_ids"
        for key in map(str, value)
        if key not in ("machines", "profiles", "qualified", "resource_ids")
    ]
    profiles = value.get("profiles", [DEFAULT_PROFILE])
    if not isinstance(profiles, list) or not profiles:
        mistakes.append(f"{path}:profiles: must be a list of profiles, such as [dc1, dc2]")
        profiles = [DEFAULT_PROFILE]
    names, wrong = _names(profiles, f"{path}:profiles")
    qualified = value.get("qualified", len(names) > 1)
    if not isinstance(qualified, bool):
        wrong.append(f"{path}:qualified: {qualified!r} must be true or false")
    elif len(names) > 1 and not qualified:
        wrong.append(f"{path}:qualified: must be true for machines of several profiles")
    ids = value.get("resource_ids", [])
    if not isinstance(ids, list):
        wrong.append(f"{path}:resource_ids: must be a list of host names and patterns")
        ids = []
    scope = value.get("machines", None if ids else _DESCRIBED)
    wrong += _wrong_scope(scope, f"{path}:machines")
    good = []
    for one in ids:
        problem = _wrong_id(one, names)
        good += [] if problem else [one]
        wrong += [f"{path}:resource_ids: {one!r} {problem}"] if problem else []
    return Machines(
        path, tuple(names) or (DEFAULT_PROFILE,), tuple(dict.fromkeys(good)), scope,
        bool(qualified) or len(names) > 1, [*mistakes, *wrong],
    )  # fmt: skip


def described(opts: dict, profile: str, pattern: str = "*") -> list[str]:
    """Return the machines that the pillar describes for a region, by their names there.

    Args:
        opts: Configuration with the pillar.
        profile: The region's profile.
        pattern: What their host names match.
    """
    own = (opts.get("pillar") or {}).get(profile)
    found = own.get("machines") if isinstance(own, dict) else None
    if not isinstance(found, dict):
        return []
    return [name for name in map(str, found) if matches(name, pattern)]


def matches(name: str, pattern: str) -> bool:
    """Return whether a host name, with or without its domain, matches a pattern."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition(".")[0], pattern)


def _declared(opts, resource_type):
    top = opts.get("resource_pillar_key") or "resources"
    kinds = (opts.get("pillar") or {}).get(top)
    own = kinds.get(resource_type) if isinstance(kinds, dict) else kinds
    return f"{top}:{resource_type}", own or {}


def is_name(text: object) -> bool:
    """Return whether something is one name: no pattern, and nothing of another region."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def _names(values, path):
    good, mistakes = [], []
    for name in values:
        if is_name(name):
            good.append(name)
        else:
            mistakes.append(f"{path}: {name!r} must be a name of letters, digits, '.', '_', '-'")
    return list(dict.fromkeys(good)), mistakes


def _wrong_scope(scope, path):
    if scope in (None, _DESCRIBED):
        return []
    if not isinstance(scope, dict) or not scope:
        return [f"{path}: {scope!r} must be 'described', or a mapping with {', '.join(FILTERS)}"]
    return [
        f"{path}:{key}: must be a text, and its name one of: {', '.join(FILTERS)}"
        for key, value in scope.items()
        if key not in FILTERS or not isinstance(value, str)
    ]


def _wrong_id(one, profiles):
    found = _MACHINE_ID.fullmatch(one) if isinstance(one, str) else None
    if not found:
        return "must be a host name or a pattern, such as web-1 or 'web*'"
    if found[2] is None and len(profiles) > 1:
        return f"must name its region, such as {one}@{profiles[0]}"
    if found[2] is not None and found[2] not in profiles:
        return f"must end with one of: {', '.join('@' + name for name in profiles)}"
    return None
