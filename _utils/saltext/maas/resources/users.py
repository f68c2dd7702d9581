"""Users of a region."""

from __future__ import annotations

from typing import Any

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.table import Field, PillarLocation, Record, Table
from saltext.maas.resources.user_groups import (
    default_group,
    lost_right,
    members_of,
    predict_member,
    record_entry,
    send,
    verify_lists,
)

#: Users of MAAS itself.
SYSTEM_USERS = ("MAAS", "maas-init-node", "maas-nodegroup-worker")
_GROUPS = "user_group"


class User(Table):
    """Users.

    From 3.8 on their rights come from their user groups.  If the groups of a user are described,
    the members of each group of the region are read, with one request per group.
    """

    name = "user"
    numbered = ""
    collection = "users/"
    item_path = "users/{username}/"
    identity = ("username",)
    required = ("password",)
    permission = "can_edit_identities"
    apart = ("groups",)
    delete_since = "1.9"
    protected = SYSTEM_USERS
    pillar = PillarLocation("users", "Users.", "username", needed=("email",), name="USERNAME")
    example = {"username": "ops", "email": "ops@example.com", "password": "hunter2"}
    fields = (
        Field("username", rules=(rules.longest(30, up_to="2.3"), rules.longest(150)),
              doc="Name to log in with."),
        Field("email", kinds.EMAIL, create_only=True,
              doc="E-mail address, unique in the region; required for a new user."),
        Field("password", kinds.RAW, secret=True, write_only=True,
              doc="Password of a new user; MAAS's API can neither show nor change it."),
        Field("is_superuser", kinds.SUPERUSER, default=False, create_only=True,
              doc="Whether it is an administrator; create-only. From 3.8 on it decides in which "
              "of the groups Administrators and Users MAAS puts a new user."),
        Field("groups", kinds.NAMES, ref=_GROUPS, since="3.8", separate=True,
              doc="Names of all its user groups; it is removed from others."),
    )  # fmt: skip

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        if record.raw.get("is_superuser"):
            return "it is an administrator"
        own = snapshot.release >= "3.8" and snapshot.whoami().get("username") == record.key
        return "it is the user of the API key" if own else None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        # MAAS creates an account that is not local again at its next login.
        local = record.raw.get("is_local") is not False
        return record.key not in SYSTEM_USERS and bool(record.raw.get("email")) and local

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        # The groups name their members.
        return {name: value for name, value in values.items() if name != "groups"}

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return which other user has the e-mail address."""
        email = desired.values.get("email")
        for other in snapshot.records(self.name).values() if email and record is None else ():
            if str(other.raw.get("email")).lower() == str(email).lower():
                return f"the e-mail address {email} belongs to user {other.key} already"
        found = super().problem(snapshot, desired, record)
        if found and record and "is_superuser" in found and _GROUPS in snapshot.tables:
            return f"{found}; its rights come from its groups; describe these"
        return found

    # Groups

    def value(self, snapshot: Snapshot, field: Field, raw: dict) -> Any:
        if field.name != "groups":
            return super().value(snapshot, field, raw)
        user, groups = self.key_of(raw), snapshot.records(_GROUPS)
        unread = [one for one in groups.values() if "list_members" not in one.raw]
        if unread and snapshot.client is not None:
            snapshot.client.each(lambda one: members_of(snapshot, one), unread)
        return sorted(k for k, one in groups.items() if user in members_of(snapshot, one)) or None

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "groups" in found and not self._groups_to_change(snapshot, *found["groups"]):
            del found["groups"]  # the changes of the groups do that
        return found

    @staticmethod
    def _groups_to_change(snapshot, old, new):
        """The groups to join or leave, apart from those whose members are described."""
        return (
            set(old or ()).symmetric_difference(new or ())
            - _described_members(snapshot.desired).keys()
        )

    def reload(self, snapshot: Snapshot, desired: Desired) -> None:
        super().reload(snapshot, desired)
        if "groups" in desired.values:
            snapshot.drop(_GROUPS)

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        # A group with members requires them, and not the other way round.
        described = {(_GROUPS, key) for key in _described_members(everything)}
        return super().requires(desired, everything) - described

    def finish(self, run: Run, desired: Desired) -> None:
        record = self.match(run.snapshot, desired)
        if record is None or "groups" not in desired.values:
            return
        old, new = self.differences(run.snapshot, desired, record).get("groups", ((), ()))
        # Joins come first, so that the user keeps its rights meanwhile.
        own = self._groups_to_change(run.snapshot, old, new)
        for name in sorted(own, key=lambda one: one in (old or ())):
            self._change_membership(run, desired.key, name, joins=name not in (old or ()))

    def create(self, run: Run, desired: Desired) -> None:
        super().create(run, desired)
        self._leave_default_group(run, desired)

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        super().update(run, desired, record)
        if run.changes[self.name, desired.key].action == "create":  # whose answer was lost
            self._leave_default_group(run, desired)

    def _leave_default_group(self, run, desired):
        left = ("left", desired.key)
        if _GROUPS in run.snapshot.tables and not run.known(left):
            for name in _default_group_to_leave(run.snapshot, desired.values):
                if run.snapshot.find(_GROUPS, name) is not None:
                    self._change_membership(run, desired.key, name, joins=False)
            run.know(left)

    def conclude(self, run: Run, changes: list[Change]) -> None:
        if _GROUPS not in run.snapshot.tables:
            return
        verify_lists(run, self, [one for one in changes if "groups" in one.desired.values])
        for change in changes:
            for name in _default_group_to_leave(run.snapshot, change.desired.values):
                group = run.snapshot.find(_GROUPS, name) if change.action == "create" else None
                if group is not None and change.desired.key in members_of(run.snapshot, group):
                    change.done, change.error = False, f"it is still in user group {name}"

    @staticmethod
    def _change_membership(run, user, name, joins):
        group = run.snapshot.resolve(_GROUPS, name)
        send(run, group, "add" if joins else "remove", "member", {"username": user})

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        group = snapshot.loaded(_GROUPS) and new is not None and old is None
        record = snapshot.find(_GROUPS, default_group(new)) if group and new else None
        if record is not None:  # MAAS has put the new user into it
            record_entry(snapshot, record.raw, "member", {"username": self.key_of(new or {})}, True)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which right the API's user would lose by leaving a group."""
        if change.action != "update" or "groups" not in change.new:
            return None
        left = set(change.old["groups"] or ()) - set(change.new["groups"] or ())
        if not left or snapshot.whoami().get("username") != change.desired.key:
            return None
        found = (lost_right(snapshot, predicted, name) for name in sorted(left))
        return next((one for one in found if one), None)

    # Predicted results

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        if _GROUPS in snapshot.tables:
            if not _default_group_to_leave(snapshot, values):
                predict_member(snapshot, default_group(values), values["username"], True)
            _predict_groups(snapshot, values["username"], values)
        return super().predict_creation(snapshot, values)

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        if _GROUPS in snapshot.tables and "username" in raw:
            _predict_groups(snapshot, self.key_of(raw), values)
        return super().predict_update(snapshot, raw, values)

    def predict_deletion(self, snapshot: Snapshot, raw: dict) -> PredictedObject | None:
        if _GROUPS in snapshot.tables:
            predict_member(snapshot, None, self.key_of(raw), False)
        return super().predict_deletion(snapshot, raw)


def _described_members(desired):
    """The groups whose members are described: ``{group: members}``."""
    return {
        one.key: one.values["members"] or () for one in desired.of(_GROUPS)
        if "members" in one.values
    }  # fmt: skip


def _default_group_to_leave(snapshot, user):
    """The default group of a new user, in a list, if its described members lack the user."""
    name = default_group(user)
    members = _described_members(snapshot.desired).get(name)
    return [] if members is None or user["username"] in members else [name]


def _predict_groups(snapshot, user, values):
    if "groups" in values:
        predict_member(snapshot, None, user, False)
        for group in values["groups"] or ():
            predict_member(snapshot, group, user, True)
