"""Users of a region."""

from __future__ import annotations

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

#: Users of MAAS itself.
SYSTEM_USERS = ("MAAS", "maas-init-node", "maas-nodegroup-worker")


class User(Table):
    name = "user"
    numbered = ""
    collection = "users/"
    item_path = "users/{username}/"
    identity = ("username",)
    required = ("password",)
    can_update = False
    delete_since = "1.9"
    protected = SYSTEM_USERS
    pillar = PillarLocation("users", "Users.", "username", needed=("email",), name="USERNAME")
    example = {"username": "ops", "email": "ops@example.com", "password": "hunter2"}
    fields = (
        Field("username", rules=(rules.longest(30, up_to="2.3"), rules.longest(150)),
              doc="Name to log in with."),
        Field("email", kinds.EMAIL,
              doc="E-mail address, unique in the region; required for a new user."),
        Field("password", kinds.RAW, secret=True, write_only=True,
              doc="Password of a new user; MAAS's API can neither show nor change it."),
        Field("is_superuser", kinds.SUPERUSER, default=False,
              doc="Whether it is an administrator; create-only."),
    )  # fmt: skip

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        return "it is an administrator" if record.raw.get("is_superuser") else None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return record.key not in SYSTEM_USERS and bool(record.raw.get("email"))

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return which other user has the e-mail address."""
        email = desired.values.get("email")
        for other in snapshot.records(self.name).values() if email and record is None else ():
            if str(other.raw.get("email")).lower() == str(email).lower():
                return f"the e-mail address {email} belongs to user {other.key} already"
        return super().problem(snapshot, desired, record)
