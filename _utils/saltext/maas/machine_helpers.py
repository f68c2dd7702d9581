"""What the lifecycle states and functions of machines share: from arguments to a state's return."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from saltext.maas import machine_pillar, machine_resource, runtime, state_helpers
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import lifecycle, view
from saltext.maas.machines.goals import Done, Goal, Machine, Tested
from saltext.maas.machines.nodes_1x import is_node, own_name
from saltext.maas.machines.operations import COMMISSIONING, name_of
from saltext.maas.machines.parameters import mistakes, seconds_of
from saltext.maas.minions import region_side
from saltext.maas.reconcile import Snapshot
from saltext.maas.reconcile.snapshot import SKIPPED
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.node_macs import macs

#: Name of the fact that holds the name of the API's user.
_OWN_NAME = "own name"
#: What functions return of a machine.
_RETURNED = ("system_id", "status_name", "status_message", "owner", "locked", "power_state",
             "osystem", "distro_series")  # fmt: skip
#: Arguments of states and functions that are not parameters of MAAS's operations, but of goals.
_OPTIONS = ("on", "redeploy", "in_use")
_MINION = "minion"
_OWN = ("name", "machines", "machine_class", "timeout", "profile", _MINION, *_OPTIONS)
_SHOWN = 20  # successes, more of which no person reads; failures are all listed


def _goal(
    kind: type[Goal], arguments: dict[str, Any], dunders: dict, **options: Any
) -> Callable[[Snapshot, dict], Goal]:
    """What makes a goal from the arguments of a state or function, once the region is known.

    It is called with the snapshot, and with parameters for those that are not given.
    """
    given = state_helpers.given(arguments, *_OWN)
    options.update({one: arguments[one] for one in _OPTIONS if one in arguments})

    def made(snapshot, defaults):
        values = {**defaults, **runtime.revealed(dunders, given)}
        if "user_data" in values:
            values["user_data"] = _content(snapshot, values["user_data"])
        made = kind(given=values, **options)
        if isinstance(made, Tested) and made.given.get("testing_scripts"):
            made.wanted = _script_names(snapshot, made.given["testing_scripts"])
        return made

    return made


def _content(snapshot, text):
    """User data: a text, or what a file of Salt's file server holds."""
    if not isinstance(text, str):
        raise BadInput("user_data: must be a text, or the salt:// path of a file")
    if not text.startswith("salt://"):
        return text
    try:
        with open(snapshot.local_file(text), "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        raise BadInput(f"user_data: {text!r} is not on Salt's file server") from None


def _script_names(snapshot, chosen):
    """Names of the scripts that names and tags choose."""
    chosen = set(chosen.split(",") if isinstance(chosen, str) else chosen)
    tagged: dict[str, set[str]] = {}
    for key, record in snapshot.records("script").items():
        for tag in record.raw.get("tags") or () if record.raw.get("type") in (2, "testing") else ():
            tagged.setdefault(tag, set()).add(key)
    return frozenset(name for one in chosen for name in tagged.get(one, {one}))


def reach(dunders: dict, kind: type[Goal], arguments: dict[str, Any]) -> dict[str, Any]:
    """Bring machines to a goal, and wait for them together; or say what that would send.

    Args:
        dunders: The state module's ``globals()``.
        kind: Class of the goal.
        arguments: The state's arguments by name, its ``locals()``.

    Returns:
        A state's return.
    """
    name, make = arguments["name"], _goal(kind, arguments, dunders)
    test = bool(dunders["__opts__"].get("test"))

    def work():
        snapshot = runtime.snapshot(dunders, arguments["profile"])
        seconds = seconds_of(arguments["timeout"])
        names = _state_names(dunders, arguments)
        skipped = snapshot.facts.get(SKIPPED, {}) if test else {}
        later = {one: skipped["machine", host] for one in names
                 if ("machine", host := one.partition(".")[0]) in skipped}  # fmt: skip
        ready = [one for one in names if one not in later]
        job = _work(dunders, snapshot, make, ready, name, arguments.get(_MINION))
        if test:
            job.plan()
            _remember(snapshot, job)
        else:
            job.run(seconds)
            _fold(snapshot, job)
        return _with_skipped(_outcome(name, test, job), later)

    return state_helpers.guarded(name, work)


def do(dunders: dict, operation: str, arguments: dict[str, Any]) -> dict[str, dict]:
    """Send one operation to machines, and wait for its end where there is time for that.

    Args:
        dunders: The execution module's ``globals()``.
        operation: What the API calls it.
        arguments: The function's arguments by name, its ``locals()``.

    Returns:
        ``{name: {field: value}}``, read after the operation.

    Raises:
        MaasError: It is refused, or it failed.
    """
    snapshot = runtime.new_snapshot(dunders, runtime.client(dunders, arguments["profile"]))
    make, name = _goal(Done, arguments, dunders, operation=operation), arguments["name"]
    names = _named(name)
    seconds = seconds_of(arguments["timeout"])
    tag = names[0] if names else ""
    job = _work(dunders, snapshot, make, names, tag, arguments.get(_MINION))
    job.run(seconds, wait=bool(seconds))
    failed = [f"{one.name}: {one.error}" for one in job.machines if one.error is not None]
    if failed:
        raise MaasError("\n".join(failed))
    return {one.name: shown(one.raw) for one in job.machines}


def machine(dunders: dict, name: str, profile: Any = None) -> tuple[Any, dict]:
    """Return the region's client, and a machine as it is.

    Raises:
        MaasError: There is no such machine, or the region cannot be asked.
    """
    client = runtime.client(dunders, profile)
    (known,) = _named([name])
    return client, lifecycle.find(client, [known])[known]


def status(dunders: dict, name: str | list[str], profile: Any = None) -> dict[str, dict]:
    """Return rows of machines by their names, as :func:`view.row` has them.

    Raises:
        MaasError: There is no such machine, or the region cannot be asked.
    """
    names = _named(name)
    if profile is None and machine_resource.own(dunders):
        return machine_resource.statuses(dunders, names)
    found = lifecycle.find(runtime.client(dunders, profile), names)
    return {name: view.row(raw) for name, raw in found.items()}


def _named(name, argument="name"):
    """The names that were given; Salt and YAML make a number of one that has digits only."""
    names = [str(one) if type(one) is int else one
             for one in (name if isinstance(name, (list, tuple)) else [name])]  # fmt: skip
    wrong = [one for one in names if not isinstance(one, str)]
    if wrong:
        raise BadInput(f"{argument}: {wrong[0]!r} must be a host name, system id or MAC address")
    return names


def shown(raw: dict) -> dict[str, Any]:
    """Return what functions return of a machine."""
    return {field: raw[field] for field in _RETURNED if field in raw}


def _of_class(dunders, arguments):
    """The names of the machines of the class that a state names; None if it names none."""
    name = arguments["machine_class"]
    if name is None:
        return None
    if arguments["machines"] is not None:
        raise BadInput("machine_class: cannot be given together with machines")
    return machine_pillar.of_class(dunders, name)


def _state_names(dunders, arguments):
    """The names of the machines that a state is for."""
    of_class, machines = _of_class(dunders, arguments), arguments["machines"]
    machines = of_class if machines is None else machines
    if machines is not None:
        machines = _names(machines)
    if machine_resource.own(dunders):
        name, profile = arguments["name"], arguments["profile"]
        return machine_resource.names_of_state(dunders, name, machines, profile)
    return _named(arguments["name"]) if machines is None else machines


def _names(machines):
    if not isinstance(machines, (list, tuple)):
        raise BadInput("machines: must be a list of host names, system ids or MAC addresses")
    return _named(machines, "machines")


def _work(dunders, snapshot, make, names, tag, minion):
    client = snapshot.client
    if client is None:
        raise MaasError("the region has no administrator yet, and so no machines")
    made = _supported(make(snapshot, {}), client)
    own_goal = _own_goals(dunders, snapshot, make, made.operation.name)
    wrong = list(mistakes({_MINION: minion})) if minion is not None else ()
    if wrong:
        raise BadInput(wrong)
    minions = region_side.minions_of(dunders, client, bool(minion))
    test = dunders["__opts__"].get("test")
    found = _predicted(snapshot, names) if test else {}
    found.update(lifecycle.find(client, [one for one in names if one not in found]))
    settled = not (test and snapshot.loaded("machine"))
    machines = [
        Machine(one, found[one], goal=own_goal(found[one]), settled=settled)
        for one in dict.fromkeys(names)
    ]

    @contextlib.contextmanager
    def writing():
        with runtime.alone(dunders, snapshot) as lock:
            lock.writing()
            yield

    return lifecycle.Work(
        client, made, machines, lambda: _own_name(snapshot),
        runtime.progress(dunders, tag), writing, minions,
        lambda _: _vm_hosts(snapshot),
    )  # fmt: skip


def _vm_hosts(snapshot):
    """The VM hosts, as earlier states of a test run would leave them."""
    known = "vm_host" in snapshot.tables
    return [record.raw for record in snapshot.records("vm_host").values()] if known else []


def _own_name(snapshot):
    """The name of the API's user, as far as API 1.0 shows it."""
    client = snapshot.client
    if not is_node(client.release):
        return snapshot.whoami()["username"]
    if _OWN_NAME not in snapshot.facts:
        snapshot.facts[_OWN_NAME] = own_name(client)
    return snapshot.facts[_OWN_NAME]


def _own_goals(dunders, snapshot, make, operation):
    """What returns the goal of a machine for which the pillar has parameters, else None."""
    own, goals = machine_pillar.parameters(dunders, operation), {}

    def goal_of(raw):
        defaults = own(raw)
        if not defaults:
            return None
        key = repr(sorted(defaults.items()))
        if key not in goals:
            goals[key] = _supported(make(snapshot, defaults), snapshot.client)
        return goals[key]

    return goal_of


def _supported(goal, client):
    late = goal.unsupported(client.release)
    if late:
        raise BadInput(late)
    return goal


def _predicted(snapshot, names):
    """Machines as earlier states of this test run would leave them, by the names given."""
    by_name: dict = {}
    for raw in snapshot.predicted_objects("machine"):
        identifiers = {raw["hostname"], raw["system_id"], *macs(raw)}
        by_name.update(dict.fromkeys(identifiers, raw))
    found = {}
    for one in names if by_name else ():
        raw = by_name.get(one.lower().replace("-", ":")) or by_name.get(one.partition(".")[0])
        if raw is not None:
            raw = PredictedObject({"locked": False, **raw}, raw.known)
            raw["system_id"] = raw["system_id"] or one
            found[one] = raw
    return found


def _remember(snapshot, job):
    """Let later states of this test run see the machines, and their VM hosts, as planned."""
    for one in job.machines:
        if one.error is not None or one.raw is one.before:
            continue
        snapshot.predict_object("machine", one.before, _planned(snapshot, one))
        hosts = job.goal_of(one).vm_hosts if "release" not in one.sent else ()
        for kind in hosts if "deploy" in one.sent and "vm_host" in snapshot.tables else ():
            values = {"name": one.raw["hostname"], "type": kind}
            new = snapshot.tables["vm_host"].predict_creation(snapshot, values)
            new["host"] = {"system_id": one.raw["system_id"]}
            snapshot.predict_object("vm_host", None, new)


def _planned(snapshot, machine):
    new = PredictedObject(machine.raw, dict(getattr(machine.before, "known", ())))
    if snapshot.is_predicted(new):
        new["system_id"] = ""
    if "commission" in machine.sent or machine.before["status"] == COMMISSIONING:
        table = snapshot.tables["machine"]
        nics = new.known.get(id(table.by_name["interfaces"])) or {}
        nics = {
            name: {key: nic[key] for key in nic if key != "links"} for name, nic in nics.items()
        }
        new = table.predict_update(snapshot, new, {"interfaces": nics or None, "storage": None})
    return new


def _fold(snapshot, job):
    """Let later states of the run see the machines, and what was made of them, as they are now."""
    if snapshot.loaded("machine"):
        for one in job.machines:
            if one.raw is not one.before:  # read again, if only to wait for it
                snapshot.fold("machine", one.raw)
    if "vm_host" in snapshot.tables and any(job.goal_of(one).vm_hosts for one in job.machines):
        snapshot.drop("vm_host")


def _with_skipped(result, later):
    """Add the machines that an earlier plan of the test run skipped to a state's return."""
    if not later:
        return result
    lines = [
        f"machine {one}: it does not exist yet; skipped {until}" for one, until in later.items()
    ]
    comment = "\n".join([*filter(None, [result["comment"]]), *lines])
    return {**result, "comment": comment, "result": result["result"] and None}


def _outcome(name, test, job):
    failed = [one for one in job.machines if one.error is not None]
    good = [one for one in job.machines if one.error is None]
    sent = [one for one in good if one.sent]
    changes = {one.name: _changes(job.goal_of(one), one)
               for one in (good if test else job.machines) if one.sent}  # fmt: skip
    what = "cannot be done" if test else "failed"
    lines = [f"{what}: machine {one.name}: {one.error}" for one in failed]
    lines += [_sent(one, "would be sent" if test else "sent") for one in sent[:_SHOWN]]
    if len(sent) > _SHOWN:
        lines.append(f"... and {len(sent) - _SHOWN} more")
    if len(good) > len(sent):
        total = len(job.machines)
        what = "It is" if total == 1 else f"{len(good) - len(sent)} of {total} machines are"
        lines.append(f"{what} as described already; nothing {'would be' if test else 'was'} sent.")
    found = {"machine": changes} if changes else {}
    return state_helpers.outcome(name, test, found, "\n".join(lines), bool(failed))


def _sent(machine, verb):
    old, new = (raw.get("status_name") or name_of(raw["status"])
                for raw in (machine.before, machine.raw))  # fmt: skip
    return f"{', then '.join(machine.sent)} {verb}: machine {machine.name} ({old} -> {new})"


def _changes(goal, machine):
    """What is, or would be, another than before."""
    old, new = machine.before, machine.raw
    fields = {
        field: {"old": old.get(field), "new": new.get(field)}
        for field in goal.shown
        if (old.get(field) or None) != (new.get(field) or None)
    }
    return {"operations": list(machine.sent), **fields}
