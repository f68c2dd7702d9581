"""User groups (3.8 and later): their members and entitlements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import WrongAnswer
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Desired,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

#: Entitlements to machines: of all pools, or of one.
_MACHINES = (
    "can_edit_machines", "can_deploy_machines", "can_view_machines", "can_view_available_machines",
)  # fmt: skip
_ENTITIES = (
    "global_entities", "controllers", "identities", "configurations", "notifications",
    "boot_entities", "license_keys", "operations",
)  # fmt: skip
_RIGHTS = (
    *_MACHINES, *(f"can_{verb}_{one}" for one in _ENTITIES for verb in ("edit", "view")),
    "can_view_devices", "can_view_ipaddresses", "can_view_dnsrecords",
)  # fmt: skip
#: Entitlements that runs of this extension need.
_REQUIRED_RIGHTS = ("can_edit_machines", *(f"can_edit_{one}" for one in _ENTITIES[:-1]))

#: The groups of a new region, into one of which MAAS puts each new user.
ADMINISTRATORS, USERS = "Administrators", "Users"
_DEFAULTS: dict[str, dict] = {
    ADMINISTRATORS: {
        "description": "Default administrators group",
        "entitlements": sorted([
            *_REQUIRED_RIGHTS, "can_view_devices", "can_view_ipaddresses",
            "can_view_dnsrecords", "can_view_operations", "can_edit_operations",
        ]),
    },
    USERS: {
        "description": "Default users group",
        "entitlements": sorted([
            "can_deploy_machines", "can_view_available_machines", "can_view_global_entities",
        ]),
    },
}  # fmt: skip

#: Operations that list what a group holds, and the form of what they answer.
_LISTS: dict[str, list[dict]] = {
    "list_members": [{"username": str}],
    "list_entitlements": [{"resource_type": str, "resource_id": int, "entitlement": str}],
}
#: Prefix of the id of a deleted pool; no pool name can have it.
_DELETED_POOL = "#"
#: Name of the fact that holds the ``(group, operation that lists it)`` of what a run wrote.
_WRITTEN_LISTS = "lists of user groups that were written"
#: Name of the fact that holds what a run with ``test=True`` predicts of members.
_PREDICTED = "predicted members"


def _by_pool(value):
    if not isinstance(value, dict):
        raise ValueError
    found = {str(pool): kinds.NAMES.clean(words) for pool, words in value.items()}
    return {pool: words for pool, words in found.items() if words} or None


_BY_POOL = kinds.Kind(
    "a mapping of names of resource pools to lists of entitlements", _by_pool,
    schema={
        "type": ["object", "null"], "key": "POOL",
        "additionalProperties": {**kinds.NAMES.schema, "allowed": "a list of words"},
    },
)  # fmt: skip
_POOL_RIGHTS = rules.Rule(
    f"lists of entitlements, each one of: {', '.join(_MACHINES)}",
    lambda value: all(word in _MACHINES for words in value.values() for word in words),
)


def _entitlements(raw, type):
    """The entitlements of a group that were read, as ``{resource id: [word]}``."""
    found: dict = {}
    for one in raw.get("list_entitlements", ()):
        if one["resource_type"] == type:
            found.setdefault(f"{_DELETED_POOL}{one['resource_id']}", []).append(one["entitlement"])
    return found


class UserGroup(Table):
    """User groups, whose members may do what the group is entitled to.

    Lists are exact: other members and entitlements are removed.  One request per group reads its
    members if they are described, and another one its entitlements if these are.
    """

    name = "user_group"
    since = "3.8"
    collection = "groups/"
    item_path = "groups/{id}/"
    permission = "can_edit_identities"
    in_answers = {"description": (str, None)}
    apart = ("entitlements", "pool_entitlements", "members")
    pillar = PillarLocation("user_groups", "User groups.", "name")
    fields = (
        Field("name", rules=(rules.longest(256),), doc="Name, unique in the region; ``"
              f"{ADMINISTRATORS}`` and ``{USERS}`` exist in each region."),
        Field("description", doc="Free text."),
        Field("entitlements", kinds.NAMES, rules=(rules.one_of(*_RIGHTS),), separate=True,
              read=lambda raw: [word for words in _entitlements(raw, "maas").values()
                                for word in words],
              doc="What its members may do anywhere in MAAS."),
        Field("pool_entitlements", _BY_POOL, ref="resource_pool", rules=(_POOL_RIGHTS,),
              separate=True, read=lambda raw: _entitlements(raw, "pool"),
              doc="What its members may do with the machines of single resource pools: "
              "``{POOL: [can_deploy_machines]}``."),
        Field("members", kinds.NAMES, ref="user", separate=True,
              read=lambda raw: [one["username"] for one in raw.get("list_members", ())],
              doc="Names of the users who are in it."),
    )  # fmt: skip
    example = {
        "name": "operators", "description": "night shift",
        "entitlements": ["can_view_global_entities", "can_view_machines"],
        "pool_entitlements": {"web": ["can_deploy_machines"]}, "members": ["ops"],
    }  # fmt: skip
    initial = tuple(
        {
            "id": number, "name": name, "description": values["description"], "list_members": [],
            "list_entitlements": [
                {"resource_type": "maas", "resource_id": 0, "entitlement": word}
                for word in values["entitlements"]
            ],
        }
        for number, (name, values) in enumerate(_DEFAULTS.items(), 1)
    )  # fmt: skip

    # Reading

    def ask(self, snapshot: Snapshot, field: Field, raw: dict) -> None:
        op = "list_members" if field.name == "members" else "list_entitlements"
        if op in raw or snapshot.is_predicted(raw):
            return
        found = snapshot.client.get(self.item(snapshot, raw), op=op, expect=_LISTS[op])
        raw[op] = [{name: one[name] for name in _LISTS[op][0]} for one in found]

    def value(self, snapshot: Snapshot, field: Field, raw: dict) -> Any:
        found = super().value(snapshot, field, raw)
        if field.name == "members":
            return _predicted_members(snapshot, self.key_of(raw), found)
        if field.name == "pool_entitlements" and found:
            return {self._pool_name(snapshot, pool): found[pool] for pool in found}
        return found

    @staticmethod
    def _pool_name(snapshot, pool):
        """The name of a pool that was read by its id; the id with its prefix if it was deleted."""
        number = int(pool[1:]) if pool.startswith(_DELETED_POOL) else None
        name = pool if number is None else snapshot.key_by("resource_pool", "id", number)
        return pool if name == number else name

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        current = {op: [] for op in _LISTS} if before is None else before
        return {**raw, **{op: current[op] for op in _LISTS if op in current}}

    # Writing

    def finish(self, run: Run, desired: Desired) -> None:
        record = self.match(run.snapshot, desired)
        if record is None:
            return
        changed = self.differences(run.snapshot, desired, record)
        # Additions come first, so that no user is without a right meanwhile.
        for verb in ("add", "remove"):
            for name in self.apart:
                old, new = changed.get(name, (None, None))
                old, new = (set(_pairs(run.snapshot, name, one)) for one in (old, new))
                for one in sorted(new - old if verb == "add" else old - new):
                    what, entry = one
                    send(run, record.raw, verb, what, dict(entry))

    def conclude(self, run: Run, changes: list[Change]) -> None:
        verify_lists(run, self, changes)

    # What stands against a change

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which right that runs need the API's user would lose."""
        threatens = change.action == "delete" or any(
            set(old or ()) - set(change.new[name] or ())
            for name, old in (change.old or {}).items()
            if change.action == "update" and name in ("entitlements", "members")
        )
        return lost_right(snapshot, predicted, change.desired.key) if threatens else None

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        return "MAAS puts new users into it" if record.key in _DEFAULTS else None

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        members = members_of(snapshot, record)
        return f"{members[0]} is in it" if members else None

    # Pillar

    def made_by_maas(self, snapshot: Snapshot, record: Record) -> bool:
        return record.key in _DEFAULTS

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        pools = values["pool_entitlements"] or {}
        kept = {name: words for name, words in pools.items() if not name.startswith(_DELETED_POOL)}
        values = {**values, "pool_entitlements": kept or None}
        if values["name"] not in _DEFAULTS:
            return values
        default_members = [
            user.key for user in snapshot.records("user").values()
            if default_group(user.raw) == values["name"]
            and user.key not in snapshot.tables["user"].protected
        ]  # fmt: skip
        as_made = values["members"] == (sorted(default_members) or None)
        return {name: one for name, one in values.items() if name != "members" or not as_made}

    def pillar_entry(self, values: dict) -> Any:
        entry = super().pillar_entry(values)
        default = _DEFAULTS.get(values["name"])
        if default is None:
            return entry
        # MAAS's own defaults of the two are left out; emptied lists are included.
        emptied: dict = {
            name: [] for name in ("entitlements", "members") if name in values and not values[name]
        }
        return {**{name: one for name, one in entry.items() if default.get(name) != one}, **emptied}

    # Predicted results

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        _predict_all(snapshot, values["name"], values)
        return super().predict_creation(snapshot, values)

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        if "name" in raw:
            _predict_all(snapshot, self.key_of(raw), values)
        return super().predict_update(snapshot, raw, values)


def members_of(snapshot: Snapshot, record: Record) -> list[str]:
    """Return the names of the users who are in a group."""
    table = snapshot.tables["user_group"]
    return table.value(snapshot, table.by_name["members"], record.raw) or []


def send(run: Run, group: dict, verb: str, what: str, entry: dict) -> None:
    """Add a member or an entitlement to a group, or remove it.

    Args:
        run: The run.
        group: The group as MAAS answered it.
        verb: ``add`` or ``remove``.
        what: ``member`` or ``entitlement``.
        entry: Form fields that say which one.

    Raises:
        MaasError: MAAS refused it, or its answer is invalid.
    """
    path = run.snapshot.tables["user_group"].item(run.snapshot, group)
    run.snapshot.facts.setdefault(_WRITTEN_LISTS, set()).add((group["name"], f"list_{what}s"))
    expect = str if verb == "add" else b""
    answer = run.client.post(path, op=f"{verb}_{what}", data=entry, expect=expect)
    if answer != ("OK" if verb == "add" else None):
        raise WrongAnswer("the region answered with something else than OK")
    record_entry(run.snapshot, group, what, entry, verb == "add")


def verify_lists(run: Run, table: Table, changes: list[Change]) -> None:
    """Read each list that was written, since answers do not show it; record what differs.

    Args:
        run: The run.
        table: The table of users or of user groups.
        changes: Its creations and updates that were made.
    """
    snapshot = run.snapshot

    def reread(written):
        key, op = written
        record, groups = snapshot.find("user_group", key), snapshot.tables["user_group"]
        if record is not None:
            with snapshot.reading("user_group", key):
                record.raw.pop(op, None)
            field = "members" if op == "list_members" else "entitlements"
            groups.value(snapshot, groups.by_name[field], record.raw)

    snapshot.client.each(reread, snapshot.facts.pop(_WRITTEN_LISTS, ()))
    for change in changes:
        record = table.match(snapshot, change.desired)
        left = table.differences(snapshot, change.desired, record) if record else table.apart
        different = ", ".join(name for name in table.apart if name in left)
        if different:
            change.done = False
            change.error = f"the region answered with success, but did not change {different}"


def record_entry(snapshot: Snapshot, group: dict, what: str, entry: dict, present: bool) -> None:
    """Update a group's list in the snapshot, if it was read."""
    with snapshot.reading("user_group", group["name"]):
        current = group.get(f"list_{what}s")
        if current is not None and (entry in current) != present:
            (current.append if present else current.remove)(entry)


def _pairs(snapshot, name, value):
    """The entries of a field's value: ``(member or entitlement, form fields)`` of each."""
    if name == "members":
        return [("member", (("username", one),)) for one in value or ()]
    pools = {"": value} if name == "entitlements" else value
    return [
        ("entitlement", (
            ("resource_type", "pool" if pool else "maas"),
            ("resource_id", _pool_id(snapshot, pool)), ("entitlement", word),
        ))
        for pool, words in (pools or {}).items() for word in words or ()
    ]  # fmt: skip


def _pool_id(snapshot, pool):
    if pool.startswith(_DELETED_POOL) or not pool:
        return int(pool[1:] or 0)
    return snapshot.resolve("resource_pool", pool)["id"]


def default_group(user: dict) -> str:
    """Return the name of a user's default group; empty for an account made by an external login."""
    if user.get("is_local") is False:
        return ""
    return ADMINISTRATORS if user.get("is_superuser") else USERS


# Members that a run with ``test=True`` predicts


def predict_member(snapshot: Snapshot, group: str | None, user: str, joins: bool) -> None:
    """Predict that a user joins or leaves a group; without a group, that it leaves all."""
    snapshot.facts.setdefault(_PREDICTED, []).append((group, user, joins))


def _predict_all(snapshot, group, values):
    """Predict exactly the described members of a group."""
    if "members" in values:
        snapshot.facts.setdefault(_PREDICTED, []).append((group, values["members"] or (), None))


def _predicted_members(snapshot, group, members):
    found = set(members or ())
    for one, user, joins in snapshot.facts.get(_PREDICTED, ()):
        if joins is None and one == group:
            found = set(user)
        elif joins is not None and one in (None, group):
            found = found | {user} if joins else found - {user}
    return sorted(found) or None


# Rights of the API's user


def rights(snapshot: Snapshot, user: str) -> set[str]:
    """Return what a user may do anywhere in MAAS."""
    table = snapshot.tables["user_group"]
    return {
        word
        for record in snapshot.records(table.name).values()
        if user in members_of(snapshot, record)
        for word in table.value(snapshot, table.by_name["entitlements"], record.raw) or ()
    }


def lost_right(snapshot: Snapshot, predicted: Predicted, group: str) -> str | None:
    """Return why a plan must not change a group: the API's user would lose a right it needs.

    Args:
        snapshot: The region as it is.
        predicted: The region as the plan leaves it.
        group: Name of the group, of which the user is a member.
    """
    table = snapshot.tables["user_group"]
    record = snapshot.find(table.name, group)
    me = snapshot.whoami().get("username") if snapshot.client is not None else None
    if me is None or record is None or me not in members_of(snapshot, record):
        return None
    lost = rights(snapshot, me).intersection(_REQUIRED_RIGHTS) - set(
        _rights_left(snapshot, predicted, me)
    )
    current = table.value(snapshot, table.by_name["entitlements"], record.raw) or ()
    if not lost.intersection(current):
        return None
    return (
        f"it would take {', '.join(sorted(lost))} from {me}, the user of the API key; use "
        "the API key of another user who has this"
    )


def _rights_left(snapshot, predicted, me) -> Iterator[str]:
    table = snapshot.tables["user_group"]
    changes = {change.desired.key: change for change in predicted.changes(table.name)}
    own = {one.desired.key: one.desired.values for one in predicted.changes("user")}.get(me, {})
    for key in {*snapshot.records(table.name), *changes}:
        change, record = changes.get(key), snapshot.find(table.name, key)
        if change is not None and change.action == "delete":
            continue
        current = table.all_values(snapshot, record.raw) if record else {}
        current.update(change.desired.values if change else {})
        inside = me in (current.get("members") or ())
        if "groups" in own and not (change and "members" in change.desired.values):
            inside = key in (own["groups"] or ())
        yield from (current.get("entitlements") or ()) if inside else ()
