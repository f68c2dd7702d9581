"""Machines as Salt resources: which ones a minion represents, their grains, and their functions.

All of a region's machines are read with one list, which the processes of a job share: Salt starts
one for each resource that a job is for.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

import filelock
from saltext.maas import atomic_file, parsing, resource_ids, runtime
from saltext.maas.client import Client
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import view

log = logging.getLogger(__name__)

#: Seconds for which a list is up to date where no job asks, those within which the region has to
#: answer then, and those after which it is asked again if it has not: Salt waits for it.
_FRESH, _TIMEOUT, _RETRY_AFTER = 5.0, 20.0, 60.0
#: Seconds to wait for the process of the same job that reads the list.
_SHARING = 180.0
#: Functions of minions that are not those of a machine, as they work on the list of all.
_OF_REGIONS = ("list_", "get", "set_", "delete")


class Own(NamedTuple):
    """The machines that a job is for: one, or those of a group.

    Attributes:
        id: The resource's id.
        names: Host names.
        is_group: Whether it is a group.
    """

    id: str
    names: list[str]
    is_group: bool


def discover(dunders: dict) -> list[str]:
    """Return the ids of the machines and groups that this minion represents.

    The region is asked only if the pillar selects its machines by a filter.

    Args:
        dunders: ``__opts__``, ``__pillar__``, ``__salt__`` and ``__context__``.
    """
    declared = resource_ids.machines(dunders["__opts__"])
    for mistake in declared.mistakes:
        log.error("%s", mistake)
    found = list(declared.ids)
    for profile in declared.profiles if not declared.mistakes else ():
        names: list[str] = []
        if declared.scope == "described":
            names = resource_ids.described(dunders["__opts__"], profile)
        elif declared.scope:
            hostnames = [row["hostname"] for row in _known(dunders, profile)]
            names = [one for one in hostnames if resource_ids.is_name(one)]
        found += [declared.id_of(name, profile) for name in names]
    return list(dict.fromkeys(found))


def own(dunders: dict) -> Own | None:
    """Return the machines that the job is for; None if it is for a minion or a region.

    Raises:
        MaasError: The pillar that selects them has a mistake, a group has no machine, or the
            region cannot be asked.
    """
    current = resource_ids.current()
    if current.get("type") != resource_ids.MACHINE:
        return None
    opts, ident = dunders["__opts__"], current["id"]
    declared = resource_ids.machines(opts)
    if declared.mistakes:
        raise BadInput(declared.mistakes)
    name, profile = declared.split(ident)
    if not resource_ids.is_group(name):
        return Own(ident, [name], False)
    if declared.scope == "described":
        names = resource_ids.described(opts, profile, name)
    else:
        names = [one["hostname"] for one in listed(dunders)
                 if resource_ids.matches(one["fqdn"] or one["hostname"], name)]  # fmt: skip
    if not names:
        raise MaasError(f"group {ident}: no machine has a name that matches {name}")
    return Own(ident, names, True)


def grains(dunders: dict, ident: str) -> dict[str, Any]:
    """Return the grains of a machine or group; Salt asks for them before each job.

    Those of a machine are as of the last list, those of a group only its name.

    Args:
        dunders: The resource module's ``globals()``.
        ident: The machine or group.
    """
    name, profile = resource_ids.machines(dunders["__opts__"]).split(ident)
    if resource_ids.is_group(name):
        return {"maas": {"group": ident}}
    row = _row(_known(dunders, profile), name) or {"hostname": name}
    return {"id": ident, "maas": {**row, "profile": profile}}


def ping(dunders: dict) -> bool:
    """Return True where the region answers, and has the machine or those of the group.

    Raises:
        MaasError: Why not.
    """
    found = own(dunders)
    statuses(dunders, found.names if found else ())
    return True


def statuses(dunders: dict, names: Iterable[str]) -> dict[str, dict]:
    """Return the rows of machines by their names, as :func:`view.rows` has them.

    Raises:
        MaasError: The region has not all of them, or cannot be asked.
    """
    rows = listed(dunders)
    shown = {name: _row(rows, name) for name in names}
    missing = [name for name, row in shown.items() if row is None]
    if missing:
        path = resource_ids.machines(dunders["__opts__"]).path
        raise BadInput([
            f"machine {name}: the region has none with this name, or {path}:machines leaves it out"
            for name in missing
        ])  # fmt: skip
    return {name: row for name, row in shown.items() if row is not None}


def names_of_state(
    dunders: dict, name: str, machines: list[str] | None, profile: Any = None
) -> list[str]:
    """Return the machines that a state is for, where the job is for such resources.

    Args:
        dunders: The state module's ``globals()``.
        name: The state's name, which may be any text.
        machines: What the state names besides.
        profile: The profile that it names.

    Raises:
        BadInput: It names a machine that the job is not for, or a profile.
    """
    ident, names, _ = own(dunders) or Own("", [], False)
    if profile is not None:
        raise BadInput(f"profile: this job is for {ident}, which has its own; leave it out")
    of_name = [name] if name in names or _is_other(dunders, name) else names
    asked = of_name if machines is None else machines
    others = [one for one in asked if one not in names]
    if others:
        raise BadInput([
            f"machine {one}: this job is for {ident}; target T@{resource_ids.MACHINE}:{one}"
            for one in others
        ])  # fmt: skip
    return asked


def refuse() -> None:
    """Refuse what would change a region where the job is for a machine.

    Raises:
        BadInput: It is.
    """
    current = resource_ids.current()
    if current.get("type") == resource_ids.MACHINE:
        raise BadInput(
            f"{current['id']} is a machine: it has only states of its life, such as "
            "maas_machine.deployed; apply this one to the region"
        )


def _is_other(dunders, name):
    """Whether a state's name is that of a machine."""
    profile = resource_ids.machines(dunders["__opts__"]).split(resource_ids.current()["id"])[1]
    return name in resource_ids.described(dunders["__opts__"], profile) or bool(
        _row(_recorded(_path(dunders, profile))["machines"], name)
    )


# The execution module


def bind(namespace: dict) -> None:
    """Make functions of a machine those of the machine that the job is for.

    They lose ``name`` and ``profile``, take their other arguments by name only, and are carried
    out for all machines of a group.

    Args:
        namespace: The ``globals()`` of the execution module.
    """
    for key, function in list(namespace.items()):
        if inspect.isfunction(function) and function.__module__ == namespace["__name__"]:
            if key in _OF_REGIONS or "name" not in inspect.signature(function).parameters:
                del namespace[key]
            else:
                namespace[key] = _bound(namespace, function)


def _bound(namespace: dict, function: Callable) -> Callable:
    """Return a function for the machines of the job."""
    signature = inspect.signature(function)
    kept = [
        one.replace(kind=one.KEYWORD_ONLY)
        for one in signature.parameters.values()
        if one.name not in ("name", "profile")
    ]
    takes_many = "name (str or list of str)" in (function.__doc__ or "")

    def call(**given):
        opts, ident = namespace["__opts__"], resource_ids.current().get("id", "")
        if not resource_ids.is_named(opts, ident):
            return (
                f"nothing was done: the target does not name this machine or group as "
                f"T@{resource_ids.MACHINE}:{ident}"
            )
        found = own(namespace)
        if found is None:
            raise MaasError("Salt does not say for which machine this is")
        if found.is_group and takes_many:
            return function(found.names, **given)
        if found.is_group:
            return _each(namespace, lambda name: function(name, **given), found.names)
        (name,) = found.names
        value = function(name, **given)
        return value[name] if isinstance(value, dict) and list(value) == [name] else value

    call.__name__, call.__module__ = function.__name__, function.__module__
    call.__doc__ = _documented(function)
    call.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return call


def _each(namespace: dict, work: Callable[[str], Any], names: list[str]) -> dict[str, Any]:
    """Do something for each machine, several at a time: ``{name: value, or error as text}``."""

    def one(name):
        try:
            return work(name)
        except MaasError as error:
            namespace["__context__"]["retcode"] = 1
            return f"ERROR: {error}"

    client = runtime.client(namespace)
    client.release  # noqa: B018 -- so that it is asked for once
    with ThreadPoolExecutor(min(client.profile.concurrency, len(names))) as pool:
        # Salt keeps for which resource and module this is in the context.
        values = [pool.submit(copy_context().run, one, name) for name in names]
    return {name: value.result() for name, value in zip(names, values, strict=True)}


def _documented(function):
    """The docstring of a function without the arguments that it has lost."""
    text = re.sub(r"\n        (name|profile) \(.*(\n            .*)*", "", function.__doc__ or "")
    text = re.sub(r"\n    Args:\n\n", "\n", text)
    return re.sub(
        r"salt region (maas_machine\.\w+) \S+",
        rf"salt -C 'T@{resource_ids.MACHINE}:web-1' \1", text,
    )  # fmt: skip


# The list of machines


def listed(dunders: dict) -> list[dict]:
    """Return all machines of the region, as read within this job.

    Raises:
        MaasError: The region cannot be asked.
    """
    ident, jid = resource_ids.current()["id"], resource_ids.job().get("jid")
    path = _path(dunders, resource_ids.machines(dunders["__opts__"]).split(ident)[1])
    with _locked(path):
        recorded = _recorded(path)
        if jid and recorded["jid"] == jid:
            return recorded["machines"]
        rows = view.rows(runtime.client(dunders), **_filter(dunders))
        _record(path, jid=jid, time=time.time(), machines=rows)
    return rows


def _known(dunders, profile):
    """The machines of a region as they are known; read now where no job runs."""
    path = _path(dunders, profile)
    recorded = _recorded(path)
    asks = not resource_ids.job() and dunders["__opts__"].get("__cli") != "salt-call"
    age = time.time() - recorded["time"]
    if not (asks or not recorded["time"]) or 0 <= age < recorded["lifetime"]:
        return recorded["machines"]
    try:
        named = None if profile == resource_ids.DEFAULT_PROFILE else profile
        client = Client(runtime.profile(dunders, named), patience=0)
        with client.within(_TIMEOUT):
            rows = view.rows(client, **_filter(dunders))
    except MaasError as error:
        log.warning("machines of %s: %s; what was known is taken", profile, error)
        recorded.update(time=time.time(), lifetime=_RETRY_AFTER)
        _record(path, **recorded)
        return recorded["machines"]
    _record(path, jid=None, time=time.time(), machines=rows)
    return rows


def _filter(dunders):
    scope = resource_ids.machines(dunders["__opts__"]).scope
    return scope if isinstance(scope, dict) else {}


def _path(dunders, profile):
    return os.path.join(dunders["__opts__"]["cachedir"], "maas", f"machines-{profile}.json")


_RECORD = {
    "jid": (str, None), "time": (int, float), "lifetime": (int, float), "machines": list,
}  # fmt: skip


def _recorded(path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError), open(path, "rb") as stream:
        return parsing.of_json(stream.read(), _RECORD)
    return {"jid": None, "time": 0.0, "lifetime": _FRESH, "machines": []}


def _record(path, jid, time, machines, lifetime=_FRESH):
    content = {"jid": jid, "time": time, "lifetime": lifetime, "machines": machines}
    with contextlib.suppress(OSError):
        atomic_file.put_json(path, content)


@contextlib.contextmanager
def _locked(path) -> Iterator[None]:
    """Let one process of a job read the list."""
    lock = filelock.FileLock(f"{path}.lock", timeout=_SHARING, mode=0o600)
    with contextlib.ExitStack() as stack:
        # Without a lock, each reads it.
        with contextlib.suppress(filelock.Timeout, OSError, NotImplementedError):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            stack.enter_context(lock)
        yield


def _row(rows, name):
    """The row of a machine by its host name, with or without its domain, or None."""
    return next((row for row in rows if name in (row["hostname"], row["fqdn"])), None)
