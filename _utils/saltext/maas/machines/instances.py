"""Machines as instances of a cloud: allocated under a name, deployed, and released by that name.

An instance is a machine that was allocated here.  MAAS keeps its name in the machine's workload
annotations, which :func:`listed` shows, and as its agent name, by which :func:`named` finds it
with one small request.  MAAS removes both when it releases the machine.  API 1.0 has no such
annotations, and shows no agent names: there, an instance is a machine of its own name, and all
have the same agent name.  Other machines are no instances, so nothing here changes or releases
them.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Sequence
from typing import Any

from saltext.maas.client.session import Client
from saltext.maas.errors import BadInput, LostAnswer, MaasError
from saltext.maas.inventory import only_addresses
from saltext.maas.machines import answers, lifecycle
from saltext.maas.machines.goals import Deployed, Goal, Machine, Released
from saltext.maas.machines.nodes_1x import (
    as_machine,
    collection,
    is_node,
    operation,
    own_name,
    shape,
)
from saltext.maas.machines.operations import DEPLOYED, READY

log = logging.getLogger(__name__)

#: Workload annotations of an instance.
NAME, PROFILE = "salt-cloud", "salt-cloud-profile"
#: Agent name of instances of API 1.0, and what that of others begins with.
_AGENT = "salt-cloud"
_SHAPE = {"system_id": str, "hostname": str, "status": int, "owner": (str, None),
          **answers.MORE, "owner_data": dict}  # fmt: skip
#: First release whose lists can be limited to the machines of an owner.
_OWNER_FILTER = "3.3"
#: What boot loaders have in place of a series; they are listed among images.
_BOOT_LOADERS = ("uefi", "pxe", "open-firmware")


def whoami(client: Client) -> str:
    """Return the name of the API's user."""
    if is_node(client.release):
        return own_name(client)
    return client.get("users/", op="whoami", expect={"username": str})["username"]


def listed(client: Client) -> dict[str, dict]:
    """Return the instances of the API's user by name, from one list of machines."""
    if is_node(client.release):
        own = client.get("nodes/", op="list_allocated", expect=[{"system_id": str}])
        ids = {raw["system_id"] for raw in own}
        found = lifecycle.all_listed(client, {"agent_name": [_AGENT]})
        return {raw["hostname"]: raw for raw in found if raw["system_id"] in ids}
    me = whoami(client)
    limit = {"owner": me} if client.release >= _OWNER_FILTER else {}
    found = client.get("machines/", expect=[_SHAPE], **limit)
    mine = (raw for raw in found
            if raw["owner"] == me and isinstance(raw["owner_data"].get(NAME), str))  # fmt: skip
    return {raw["owner_data"][NAME]: raw for raw in mine}


def named(client: Client, name: str) -> dict | None:
    """Return the instance of the API's user with a name; None if there is none.

    Raises:
        BadInput: Several machines have it.
    """
    if is_node(client.release):
        return listed(client).get(name)
    found = client.get("machines/", expect=[_SHAPE], agent_name=_agent(name))
    me = whoami(client) if found else None
    # One that was allocated, but not named any more, has no annotation.
    mine = [raw for raw in found
            if raw["owner"] == me and raw["owner_data"].get(NAME, name) == name]  # fmt: skip
    if len(mine) > 1:
        ids = ", ".join(sorted(raw["system_id"] for raw in mine))
        raise BadInput(f"instance {name}: several machines have this name: {ids}")
    return mine[0] if mine else None


def existing(client: Client, name: str) -> dict:
    """Return an instance of the API's user by its name or system id.

    Raises:
        MaasError: There is none.
    """
    found = named(client, name)
    if found is None:
        # The name may be a system id; and MAAS removes the agent name when a release begins.
        own = listed(client)
        by_id = {raw["system_id"]: raw for raw in own.values()}
        found = own.get(name) or by_id.get(name)
    if found is None:
        raise MaasError(f"instance {name}: the API's user has none of this name")
    return found


def _agent(name):
    return f"{_AGENT}:{name}"


# Create and release


def create(
    client: Client,
    name: str,
    place: str | None,
    constraints: dict[str, Any],
    goal: Deployed,
    profile: str | None = None,
    seconds: float = 3600,
    release_failed: bool = True,
) -> dict:
    """Allocate a machine, deploy it, and wait until it is deployed.

    MAAS allocates one machine at a time, so that no two instances ever get the same one.

    Args:
        client: The region's client.
        name: Of the instance.
        place: Host name, system id or MAC address of the machine; None for any that fits.
        constraints: Parameters of MAAS's ``allocate``.
        goal: Its deployment.
        profile: Of salt-cloud, which the instance remembers.
        seconds: To wait for the deployment.
        release_failed: Whether a machine whose deployment failed is released.

    Returns:
        The machine.

    Raises:
        MaasError: The name is taken, no machine fits, or the deployment failed.
    """
    _check_support(client, name, goal)
    taken = named(client, name)
    if taken is not None:
        raise BadInput(f"instance {name}: {_called(taken)} has this name already")
    if is_node(client.release):
        raw = _acquire(client, name, place, constraints)
    else:
        if place:
            constraints = {**constraints, "system_id": _ready(client, place)["system_id"]}
        raw = _allocate(client, name, {**constraints, "agent_name": _agent(name)}, _SHAPE)
    try:
        if not is_node(client.release):
            notes = {NAME: name, **({PROFILE: profile} if profile else {})}
            path = f"machines/{raw['system_id']}/"
            client.post(path, op="set_owner_data", data=notes, expect=_SHAPE)
        return bring(client, name, raw, goal, seconds, sent=["allocate"])
    except MaasError as error:
        # Not the original: that has the same text in its traceback, which debug logs show.
        raise MaasError(f"{error}; {_after_failure(client, name, raw, release_failed)}") from None


def _check_support(client, name, goal):
    late = goal.unsupported(client.release)
    if late:
        raise BadInput(f"instance {name}: {late}")


def _ready(client, name):
    found = lifecycle.find(client, [name])[name]
    if found["status"] != READY:
        whose = f" and owned by {found['owner']}" if found.get("owner") else ""
        raise BadInput(
            f"machine {name}: it is {found.get('status_name')}{whose}; MAAS allocates machines "
            "that are Ready"
        )
    return found


def _acquire(client, name, place, constraints):
    if constraints or place not in (None, name) or "." in name:
        raise BadInput(
            f"instance {name}: MAAS {client.release} keeps no names of instances, so that an "
            "instance is the machine of its name, without domain; leave out machine and constraints"
        )
    found = _ready(client, name)
    form = {"name": found["fqdn"], "agent_name": _AGENT}
    raw = as_machine(client.release, _allocate(client, name, form, shape(client.release)))
    if raw["system_id"] != found["system_id"]:
        raise MaasError(f"instance {name}: MAAS allocated {_called(raw)} in its place; release it")
    return raw


def _allocate(client, name, form, expect):
    path, op = collection(client.release), operation(client.release, "allocate")
    try:
        return client.post(path, op=op, data=form, expect=expect)
    except MaasError as error:
        # After a lost answer a machine may have been allocated.
        raw = named(client, name) if isinstance(error, LostAnswer) else None
        if raw is None:
            raise MaasError(f"instance {name}: no machine was allocated: {error}") from None
        return raw


def _after_failure(client, name, raw, release):
    if not release:
        return f"{_called(raw)} is kept; release it with: salt-cloud -d {name}"
    try:
        (raw,) = lifecycle.listed(client, "id", [raw["system_id"]]) or [raw]
        bring(client, name, raw, Released(), 0)
    except MaasError as error:
        return f"{_called(raw)} could not be released: {error}"
    return f"{_called(raw)} was released"


def _called(raw):
    return f"machine {raw['hostname']} ({raw['system_id']})"


def bring(
    client: Client,
    name: str,
    raw: dict,
    goal: Goal,
    seconds: float,
    me: Callable[[], str] | None = None,
    sent: Sequence[str] = (),
) -> dict:
    """Bring one machine to a goal.

    Args:
        client: The region's client.
        name: Of the instance, for messages.
        raw: The machine.
        goal: The goal.
        seconds: To wait for the end; 0 to send the operation only.
        me: Name of the API's user; the machine's owner by default.
        sent: Operations that were sent already.

    Returns:
        The machine as it is afterwards.

    Raises:
        MaasError: It is refused, or it failed.
    """
    _check_support(client, name, goal)
    machine = Machine(name, raw, sent=list(sent))

    def report(progress):
        log.info("%s of %s: %s", progress["what"], name, ", ".join(progress["statuses"]))

    owner = me or (lambda: raw["owner"])
    lifecycle.Work(client, goal, [machine], owner, report).run(seconds, wait=bool(seconds))
    if machine.error is not None:
        raise MaasError(f"instance {name}: {_called(raw)}: {machine.error}")
    return machine.raw


# What is shown


def shown(raw: dict) -> dict[str, Any]:
    """Return what salt-cloud shows of every instance."""
    public, private = _addresses(raw)
    return {
        "id": raw["system_id"],
        "image": _image(raw),
        "size": size(raw),
        "state": _state(raw),
        "public_ips": public,
        "private_ips": private,
        "machine": raw["hostname"],
        "location": (raw.get("zone") or {}).get("name"),
    }


def _image(raw):
    named = [raw.get("osystem"), raw.get("distro_series")]
    return "/".join(one for one in named if one) or None


def _state(raw):
    """``running`` and ``stopped`` as in other clouds where it is deployed, else MAAS's status."""
    power = {"on": "running", "off": "stopped"}.get(raw.get("power_state") or "")
    return power if raw["status"] == DEPLOYED and power else raw.get("status_name", "").lower()


def _addresses(raw):
    found: tuple[list[str], list[str]] = ([], [])
    for one in only_addresses(raw.get("ip_addresses") or ()):
        found[not ipaddress.ip_address(one).is_global].append(one)
    return found


def size(raw: dict) -> str | None:
    """Return the name of a machine's size, such as ``amd64-8cpu-32GiB``; None if unknown."""
    cpus, memory = raw.get("cpu_count"), raw.get("memory")
    if not (isinstance(cpus, int) and cpus and isinstance(memory, int) and memory):
        return None
    architecture = (raw.get("architecture") or "").partition("/")[0]
    unit = f"{memory // 1024}GiB" if memory % 1024 == 0 else f"{memory}MiB"
    return f"{architecture}-{cpus}cpu-{unit}"


def sizes(client: Client) -> dict[str, dict]:
    """Return the sizes of the region's machines, with how many there are, from one list.

    Machines that were not commissioned have no size yet.
    """
    found: dict[str, dict] = {}
    for raw in lifecycle.all_listed(client):
        name = size(raw)
        if name is None:
            continue
        row = found.setdefault(
            name,
            {"name": name, "architecture": raw["architecture"].partition("/")[0],
             "cpu_count": raw["cpu_count"], "memory": raw["memory"], "machines": 0,
             "available": 0, "locations": set(), "pools": set(), "tags": set()},
        )  # fmt: skip
        row["machines"] += 1
        if raw["status"] == READY and not raw["owner"] and not raw.get("locked"):
            row["available"] += 1
            row["locations"].add((raw.get("zone") or {}).get("name"))
            row["pools"].add((raw.get("pool") or {}).get("name"))
            row["tags"].update(raw.get("tag_names") or ())
    for row in found.values():
        row.update({key: sorted(row[key] - {None}) for key in ("locations", "pools", "tags")})
    order = sorted(found.values(), key=lambda row: (row["cpu_count"], row["memory"], row["name"]))
    return {row["name"]: row for row in order}


def images(client: Client) -> dict[str, dict]:
    """Return the images that can be deployed, by the name that ``distro_series`` takes."""
    if client.release < "1.7":
        raise MaasError(f"MAAS {client.release} does not list its images; 1.7 and later do")
    expect = [{"name": str, "architecture": str, "type": str}]
    found: dict[str, dict] = {}
    for raw in client.get("boot-resources/", expect=expect):
        system, _, series = raw["name"].rpartition("/")
        if series in _BOOT_LOADERS:
            continue
        name = f"{system or 'custom'}/{series}"
        row = found.setdefault(
            name,
            {"name": name, "osystem": system or "custom", "series": series, "type": raw["type"],
             "architectures": []},
        )  # fmt: skip
        if raw.get("title"):
            row["title"] = raw["title"]
        architecture = raw["architecture"].partition("/")[0]
        if architecture not in row["architectures"]:
            row["architectures"].append(architecture)
    return dict(sorted(found.items()))


def zones(client: Client) -> dict[str, dict]:
    """Return the zones of a region by name."""
    return _by_name(client.get("zones/", expect=[{"name": str}]))


def pools(client: Client) -> dict[str, dict]:
    """Return the resource pools of a region by name (2.4 and later)."""
    if client.release < "2.4":
        raise MaasError(f"MAAS {client.release} has no resource pools; 2.4 and later have")
    return _by_name(client.get("resourcepools/", expect=[{"name": str}]))


def _by_name(found):
    keys = ("id", "name", "description")
    return {raw["name"]: {key: raw.get(key) for key in keys} for raw in found}
