"""Between Salt and the library: configuration, secrets, clients and snapshots.

The thin modules hand in their ``globals()`` as ``dunders``, from which Salt's own are taken here
and nowhere below.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from saltext.maas import lock, resource_ids, sdb
from saltext.maas.checked import Checked
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput, MaasError, NotInstalledYet
from saltext.maas.host import region_config
from saltext.maas.host.installation import detect
from saltext.maas.host.local import Local
from saltext.maas.pillar.class_references import own_references
from saltext.maas.pillar.controllers import controllers
from saltext.maas.pillar.desired_objects import types_of
from saltext.maas.reconcile import Snapshot, snapshot_of
from saltext.maas.redact import redact
from saltext.maas.region_hosts import RegionHost, region_hosts
from saltext.maas.release import Release, newer_release_warnings, supported

log = logging.getLogger(__name__)

_CACHE = "saltext.maas"
_SNAPSHOTS = "saltext.maas.snapshots"
_REPORTED = "saltext.maas.reported"
_RESTARTED = "saltext.maas.restarted"
_INSTALLING = "saltext.maas.installing"
_RESTART = 180.0  # seconds that a region's restart may take


def resource(dunders: dict) -> str | None:
    """Return the profile of the Salt resource that this run is for: a region, or its machines.

    From Salt 3008 on one minion can represent many; earlier ones have no resources.

    Returns:
        Its name; None for a minion, and for machines of the region whose profile is ``maas``.

    Raises:
        MaasError: It is for one, and Salt does not say for which; or only for resources of this
            minion, and Salt runs it for the minion itself as well.
    """
    found, opts = resource_ids.current(), dunders["__opts__"]
    if found.get("type") == resource_ids.REGION:
        return found["id"]
    if found:
        profile = resource_ids.machines(opts).split(found["id"])[1]
        return None if profile == resource_ids.DEFAULT_PROFILE else profile
    if opts.get("resource_type") in (resource_ids.REGION, resource_ids.MACHINE):
        raise MaasError("Salt does not say for which resource this is; do not run it in parallel")
    _refuse_unasked(dunders)
    return None


def _refuse_unasked(dunders):
    """Refuse states on a minion if the job targets only its resources.

    Salt 3008 does so where the target is a list, such as with ``--static`` or in batches, a glob,
    or has more than ``T@`` in it, and drops what the minion's own part returns.
    """
    job = resource_ids.job()
    if not job.get("resource_targets"):
        return
    kind, target = job.get("tgt_type", "glob"), job.get("tgt", "")
    if kind == "compound":
        asked = "T@" not in str(target)
    elif kind in ("glob", "list", "grain", "grain_pcre"):
        asked = dunders["__salt__"][f"match.{kind}"](target)
    else:
        asked = True
    if not asked:
        raise MaasError("this job is for Salt resources of this minion, not for the minion itself")


def minion_id(dunders: dict) -> str:
    """Return the id of this minion, or the profile of a region that is a Salt resource."""
    return resource(dunders) or dunders["__opts__"].get("id") or ""


def _functions(dunders):
    """The minion's execution modules, also where Salt gives a resource's instead."""
    found = resource_ids.current()
    if not resource(dunders) and not found:
        return dunders["__salt__"]
    if dunders.get("__minion__"):
        return dunders["__minion__"]
    return dunders["__resource_funcs__"][f"{found['type']}.minion_functions"]()


def root(dunders: dict) -> str:
    """Return the folder that stands for ``/``, from minion configuration ``maas.root``."""
    return dunders["__opts__"].get("maas.root") or "/"


def hostname(dunders: dict) -> str:
    """Return this host's own name; in a sandbox that of the host it plays."""
    folder = root(dunders)
    if folder == "/":
        return socket.gethostname()
    with open(os.path.join(folder, "etc/hostname"), encoding="utf-8") as stream:
        return stream.read().strip()


def unreported(dunders: dict, where: str, lines: Iterable[str]) -> list[str]:
    """Return those lines that were not passed to this function before in the same run.

    Args:
        where: For whom they are; each has lines of its own.
    """
    run, context = (dunders.get("__instance_id__"), resource(dunders)), dunders["__context__"]
    if _REPORTED not in context or context[_REPORTED]["run"] != run:
        context[_REPORTED] = {"run": run, "lines": set()}
    known = context[_REPORTED]["lines"]
    fresh = [line for line in dict.fromkeys(lines) if (where, line) not in known]
    known.update((where, line) for line in fresh)
    return fresh


def _log_release_warnings(dunders, release):
    for line in unreported(dunders, "log", newer_release_warnings(release)):
        log.warning(line)


def host_release_warnings(dunders: dict) -> list[str]:
    """Return the warning about this host's release, where it is newer than all that are known."""
    found = installation(dunders)
    return newer_release_warnings(found.release) if found else []


def installation(dunders: dict, role: str | None = None) -> Any:
    """Return what MAAS offers on this host; None for a Salt resource with a profile of its own.

    Args:
        role: ``region`` or ``cluster``, if it must have that one.

    Raises:
        MaasError: No MAAS is installed here, or it has not the role.
    """
    profile, target = resource(dunders), resource_ids.current()
    if target and role:
        raise MaasError(
            f"{target['type'].removeprefix('maas_')} {target['id']} is a Salt resource, of which "
            "only the API can be reached; target the minion of the host for this"
        )
    found = None if profile else detect(root(dunders))
    if found is not None:
        _log_release_warnings(dunders, found.release)
    refuse_before_installation(dunders, found, role)
    if role:
        if found is None:
            noun = "region" if role == "region" else "cluster or rack controller"
            raise MaasError(f"No MAAS {noun} is installed on this host.")
        found.need(role)
    return found


def expect_installation(dunders: dict, roles: list[str]) -> None:
    """Remember that this test run would install roles of MAAS on this host."""
    run = dunders.get("__instance_id__")
    dunders["__context__"][_INSTALLING] = {"run": run, "roles": roles}


def refuse_before_installation(dunders: dict, found: Any, role: str | None = None) -> None:
    """Refuse what needs an installation that an earlier state of this test run would make.

    Args:
        found: What is installed here, if anything.
        role: ``region`` or ``cluster``, if it needs that one.

    Raises:
        NotInstalledYet: It does.
    """
    expected = dunders.get("__context__", {}).get(_INSTALLING)
    if not expected or expected["run"] != dunders.get("__instance_id__"):
        return
    if found is None or role in expected["roles"]:
        raise NotInstalledYet("It would be made as described once MAAS is installed here.")


def refreshed(dunders: dict, data: Any = None) -> dict:
    """Return a module's ``globals()`` with the pillar as the master has it now.

    What is read with the result, the profile too, is what a state run would read at this
    moment, not what the minion fetched some time ago.

    Args:
        data: What is given in place of the pillar; nothing is fetched then.
    """
    fetch = _functions(dunders).get("pillar.items") if data is None else None
    if fetch is None:
        return dunders
    # From Salt 3008 on asterisks come instead of values where nobody asks for these.
    options = {"unmask": True} if "unmask" in inspect.signature(fetch).parameters else {}
    # A client that was made with the old pillar's profile must not be taken.
    context = {key: value for key, value in dunders["__context__"].items() if key != _CACHE}
    return {**dunders, "__pillar__": fetch(**options), "__context__": context}


def rendered(dunders: dict) -> dict:
    """Return this minion's whole pillar, as far as it was rendered without a mistake.

    For a region that is a Salt resource, the pillar under its name takes the place of ``maas``.

    Raises:
        BadInput: It could not be rendered, so that parts of it may be missing.
    """
    whole = _whole_pillar(dunders)
    region = resource(dunders)
    if not region:
        return whole
    own = {"maas": whole[region]} if region in whole else {}
    return {**{key: one for key, one in whole.items() if key != "maas"}, **own}


def _whole_pillar(dunders):
    whole = dunders["__pillar__"]
    mistakes = whole.get("_errors")
    if mistakes:
        mistakes = mistakes if isinstance(mistakes, (list, tuple)) else [mistakes]
        # Salt reports a mistake for each file that includes the one that has it.
        texts = dict.fromkeys(" ".join(str(one).split())[:300] for one in mistakes)
        reasons = redact("; ".join(list(texts)[:3]))
        raise BadInput(f"the pillar of this minion could not be rendered: {reasons}")
    return whole


def described(dunders: dict, data: Any = None) -> dict:
    """Return what a region shall be: the whole ``maas`` pillar, references resolved.

    Args:
        data: In place of the pillar, in its form.

    Raises:
        BadInput: The pillar could not be rendered, or has no ``maas``: nothing is ever removed
            for want of a description.
    """
    return revealed(dunders, own_references(as_written(dunders, data)), "maas")


def as_written(dunders: dict, data: Any = None) -> dict:
    """Return what :func:`described` does, with references as they stand in the pillar."""
    if data is None:
        whole = rendered(dunders)
        if "maas" not in whole:
            key = resource(dunders) or "maas"
            raise BadInput(
                f"{key}: is missing in the pillar of this minion; assign it in the pillar's "
                f"top.sls, and see what the minion has with: pillar.get {key}"
            )
        data = _plain(whole["maas"])
    if not isinstance(data, dict):
        shown = "is empty" if data is None else f"is a {type(data).__name__}"
        raise BadInput(f"maas: {shown}, and must be a mapping; write {{}} to describe nothing")
    return data


def _plain(value):
    # The mappings and lists of a pillar show asterisks in texts, from Salt 3008 on.
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def pillar(dunders: dict, *path: str) -> Any:
    """Return a part of the ``maas`` pillar, with ``sdb://`` references resolved.

    Returns:
        What stands there; an empty mapping where nothing does.

    Raises:
        BadInput: The pillar could not be rendered, so that nobody knows what stands there.
    """
    part: Any = _maas(dunders)
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return revealed(dunders, part if part is not None else {}, ":".join(["maas", *path]))


def _maas(dunders) -> dict:
    # Salt's own pillar is a mapping, but no dict.
    found = rendered(dunders).get("maas")
    return found if isinstance(found, dict) else {}


def controller(dunders: dict) -> dict:
    """Return what the ``maas`` pillar says of the cluster or rack controller on this minion."""
    own = controllers(_maas(dunders)).get(dunders["__opts__"]["id"])
    return revealed(dunders, own.values, own.where) if own else {}


def region_host(dunders: dict) -> RegionHost | None:
    """Return what the pillar says of this region host; None where it names no region hosts.

    Raises:
        BadInput: It names others only.
    """
    hosts = region_hosts(_maas(dunders))
    own = dunders["__opts__"].get("id")
    if hosts and own not in hosts:
        raise BadInput(
            f"maas:region:hosts: names {', '.join(hosts)}, and not this minion, {own}; name all "
            "region hosts there"
        )
    return hosts.get(own)


def revealed(dunders: dict, value: Any, where: str = "") -> Any:
    """Return a value, or all within a mapping or list, with ``sdb://`` references resolved.

    Args:
        value: As it stands in pillar or configuration.
        where: Its pillar path, for messages.

    Raises:
        BadInput: A reference has a mistake, or cannot be resolved.
    """
    return sdb.resolve(value, lambda one: _functions(dunders)["sdb.get"](one), where)


def profile(dunders: dict, profile: Any = None) -> Profile:
    """Find out how to reach the region.

    Args:
        profile: Name of a profile in minion configuration or pillar, or a
            mapping with one; ``maas`` by default.

    What is given explicitly wins; then come minion configuration, pillar,
    environment (``MAAS_URL``, ``MAAS_API_KEY``) and, on a region host, what is
    configured there and a key from MAAS's own command.

    Raises:
        BadInput: The profile is wrong, or no URL is known.
    """
    where, values = _configured(dunders, profile or resource(dunders))
    values = revealed(dunders, values, where)
    values.setdefault("url", os.environ.get("MAAS_URL"))
    values.setdefault("api_key", os.environ.get("MAAS_API_KEY"))
    if not values["url"] or (profile is None and not values["api_key"]):
        _from_region_host(dunders, values)
    if profile is None and not values["url"]:
        values["url"] = pillar(dunders, "region", "url") or None
    if not values["url"]:
        raise BadInput(f"{where}:url: is missing; it is needed to reach the region's API")
    values = {key: one for key, one in values.items() if one is not None}
    return Profile.from_mapping(values, where, checked(dunders))


def profile_without_key(dunders: dict, name: str) -> Profile:
    """Return a profile as it stands in minion configuration or pillar, without its API key.

    Args:
        name: The profile's name.

    Raises:
        BadInput: The profile is wrong, or has no URL.
    """
    where, values = _configured(dunders, name)
    values = {key: one for key, one in values.items() if key != "api_key"}
    if not values.get("url"):
        values["url"] = pillar(dunders, "region", "url")
    return Profile.from_mapping(revealed(dunders, values, where), where)


def _configured(dunders, profile):
    if isinstance(profile, dict):
        return "profile", dict(profile)
    if profile and not isinstance(profile, str):
        raise BadInput(f"profile: {profile!r} must be a name, or a mapping with a profile")
    name = profile or "maas"
    for configured in (True, False):
        found = (dunders["__opts__"] if configured else _whole_pillar(dunders)).get(name)
        if isinstance(found, dict):
            if "api" in found:
                if not isinstance(found["api"], dict):
                    raise BadInput(f"{name}:api: must be a mapping")
                return f"{name}:api", dict(found["api"])
            if profile or configured:
                return name, dict(found)
    if profile:
        raise BadInput(f"profile {name!r} is neither in minion configuration nor in pillar")
    return "maas:api", {}


def _from_region_host(dunders, values):
    found = installation(dunders)
    if found is None or "region" not in found.roles:
        return
    if not values["url"]:
        # What is configured now: a new URL of the pillar's answers only once it is applied.
        values["url"] = region_config.read_config(found)["url"]
    values.setdefault("release", str(found.release))
    username = pillar(dunders, "region", "admin", "username")
    if not values["api_key"] and username:
        values["api_key"] = Local(found).api_key(username)


def local_door(dunders: dict, release: Release) -> Local | None:
    """Return what only the region host knows or does; None where the API is enough."""
    found = installation(dunders)
    if found is None or "region" not in found.roles or release >= "2.0":
        return None
    return Local(found)


def client(dunders: dict, profile_name: Any = None) -> Client:
    """Return the client for a profile, one for as long as Salt has the module's context."""
    cache = dunders["__context__"].setdefault(_CACHE, {})
    key = _cache_key(dunders, profile_name)
    if key not in cache:
        cache[key] = Client(profile(dunders, profile_name), **_patience(dunders))
    return cache[key]


def _cache_key(dunders, profile_name):
    # The resources of one minion share a context.
    return repr((profile_name or None, resource(dunders)))


def note_restart(dunders: dict) -> None:
    """Remember that a state of this run has just restarted the region."""
    dunders["__context__"][_RESTARTED] = time.monotonic()


def _patience(dunders):
    """How long a region that cannot be reached is tried again.

    With ``test`` not at all; where a state has just restarted it, as long as that may take.
    """
    if dunders["__opts__"].get("test"):
        return {"patience": 0}
    since = time.monotonic() - dunders["__context__"].get(_RESTARTED, -math.inf)
    return {"patience": _RESTART - since} if since < _RESTART - 2 else {}


def check_access(client: Client) -> None:
    """Check that a region answers and accepts the API key; this takes two requests.

    Raises:
        MaasError: It does not; the message says why.
    """
    if not client.profile.api_key:
        raise MaasError(f"{client.profile.place}:api_key: is missing")
    if client.release >= "2.0":
        client.get("users/", op="whoami", expect=dict)
    else:
        client.get("maas/", op="get_config", name="maas_name")


def client_with_key(dunders: dict, profile_name: Any = None) -> Client | None:
    """Return what :func:`client` does, or None where no key is known and none was asked for.

    On a region host no key is made for this: its database can be asked.
    """
    if profile_name is None and "api" not in (rendered(dunders).get("maas") or {}):
        own = dunders["__opts__"].get("maas")
        if not isinstance(own, dict) and not os.environ.get("MAAS_API_KEY"):
            return None
    region_profile = profile(dunders, profile_name)
    return client(dunders, profile_name) if region_profile.api_key else None


def snapshot(dunders: dict, profile_name: Any = None, described: dict | None = None) -> Snapshot:
    """Return the region as this state run sees it: every collection is read at most once.

    It lives in the states' context together with the id of the running state
    compiler, so that no other run can ever meet it.

    Args:
        profile_name: Profile, see :func:`profile`.
        described: The pillar that it will be compared with, if that is known.
    """
    run = dunders.get("__instance_id__")
    cache = dunders["__context__"].get(_SNAPSHOTS)
    if cache is None or cache["run"] != run:
        cache = dunders["__context__"][_SNAPSHOTS] = {"run": run}
    key = _cache_key(dunders, profile_name)
    if key not in cache:
        reader = Client(profile(dunders, profile_name), **_patience(dunders))
        with _held(dunders, reader if described else None) as held:
            plans = bool(dunders["__opts__"].get("test"))
            cache[key] = new_snapshot(dunders, reader, plans, described)
            if held.mark:
                cache[key].mark = held.mark
    return cache[key]


@contextlib.contextmanager
def alone(dunders: dict, snapshot: Snapshot) -> Iterator[lock.Held]:
    """Let no other run on this minion write to the region within this block.

    What was read of the region is read again when another run has written since.  A run with
    ``test=True`` writes nothing, and waits for nobody.

    Args:
        snapshot: The region.

    Raises:
        MaasError: Another run goes on for longer than the profile's deadline.
    """
    with _held(dunders, snapshot.client) as held:
        if snapshot.mark not in (None, held.mark):
            snapshot.drop_everything()
        snapshot.mark = held.mark
        yield held
        snapshot.mark = held.mark


@contextlib.contextmanager
def _held(dunders, client):
    """The lock of a region; nothing is locked with ``test``, or without a client."""
    folder = _folder(dunders)
    if dunders["__opts__"].get("test") or client is None or not folder:
        yield lock.Held()
        return
    with lock.held(folder, client.profile.url, client.profile.deadline) as held:
        yield held


def _folder(dunders):
    """Where this minion keeps files of this extension; empty where it keeps none."""
    cachedir = dunders["__opts__"].get("cachedir")
    return os.path.join(cachedir, "maas") if cachedir else ""


def checked(dunders: dict) -> Checked:
    """Return what this minion has checked before and found right."""
    folder = _folder(dunders)
    return Checked(os.path.join(folder, "checked") if folder else None)


def new_snapshot(
    dunders: dict, client: Client, plans: bool = False, described: dict | None = None
) -> Snapshot:
    """Return a region of which nothing was read yet, or what a pillar names.

    Args:
        client: Who asks it.
        plans: Nothing but a plan is made of it: on the host of a region without any
            administrator, a newly installed region of its release then stands for it.
        described: The pillar that it will be compared with, if that is known.

    Raises:
        MaasError: No API key is known.
    """
    fetch = _functions(dunders).get("cp.cache_file")
    if not client.profile.api_key:
        return _without_key(dunders, client.profile, plans, fetch)
    found = snapshot_of(client, types_of(described or {}), checked(dunders), fetch=fetch)
    _log_release_warnings(dunders, client.release)
    found.local = local_door(dunders, client.release)
    return found


def _without_key(dunders, region_profile, plans, fetch):
    found = installation(dunders)
    if found is None or "region" not in found.roles:
        raise MaasError(
            f"no API key for {region_profile.url}: put one into {region_profile.place}:api_key, or "
            "run this on the region's host, which needs none"
        )
    create = "create the administrator of maas:region:admin with: state.apply maas.region_host"
    people = Local(found).people() if plans else []
    if people:
        raise MaasError(
            "nothing can be planned: the administrator of maas:region:admin does not exist yet, "
            f"and the region is in use already ({', '.join(people[:3])}); {create}; or put an API "
            f"key into {region_profile.place}:api_key"
        )
    if not plans:
        raise MaasError(
            f"the region at {region_profile.url} has no administrator yet that an API key can be "
            f"taken from; {create}; or put an API key into {region_profile.place}:api_key"
        )
    return Snapshot(None, release=found.release, hostname=hostname(dunders), fetch=fetch)


def release(dunders: dict) -> Release | None:
    """Return the release that the pillar names, else the one installed here, else None."""
    named = pillar(dunders, "release")
    if named:
        with contextlib.suppress(ValueError):  # the check of the pillar tells of what is none
            return supported(named)
    found = installation(dunders)
    return found.release if found else None


def ask_master(dunders: dict, runner: str, arguments: list, seconds: float) -> Any:
    """Call a runner of the master, which its ``peer_run`` must allow; return what it returns.

    Raises:
        MaasError: The master cannot be asked.
    """
    from salt.exceptions import SaltException

    try:
        return _functions(dunders)["publish.runner"](runner, arguments, timeout=seconds)
    except SaltException as error:
        raise MaasError(f"the master cannot be asked for {runner}: {error}") from None


_BUS = "maas.event_bus"


def progress(dunders: dict, tag: str) -> Callable[[dict], None]:
    """Return a function that puts progress on Salt's event bus, under ``maas/progress/<tag>``."""
    send = _functions(dunders).get("event.send")
    # A mapping of our own, as the dunder is not to be had in other threads.
    bus = dunders["__context__"].setdefault(_BUS, {"there": True})

    def report(data):
        # Without a minion beside it a salt-call has no bus, and Salt looks for one for a second
        # each time, so it is asked no more in this run.
        if send and bus["there"] and send(f"maas/progress/{tag}", data) is False:
            bus["there"] = False

    return report
