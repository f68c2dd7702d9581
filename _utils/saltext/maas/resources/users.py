"""Users of a region."""

from __future__ import annotations

from saltext.maas.api_path import segment
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.field import Field
from saltext.maas.resources.location import PillarLocation
from saltext.maas.resources.table import Table

#: Users that MAAS keeps for itself.
SYSTEM_USERS = ("MAAS", "maas-init-node", "maas-nodegroup-worker")


class User(Table):
    name = "user"
    noun = "user"
    numbered = ""
    collection = "users/"
    identity = ("username",)
    can_update = False
    delete_since = "1.9"
    protected = SYSTEM_USERS
    pillar = PillarLocation("users", "Users.", "username", needed=("email",), name="USERNAME")
    example = {"username": "ops", "email": "ops@example.com", "password": "hunter2"}
    fields = (
        Field("username", rules=(rules.longest(30, up_to="2.3"), rules.longest(150)),
              doc="Name to log in with."),
        Field(
            "email", kinds.EMAIL,
            doc="E-mail address, unique in the region; required for a new user.",
        ),
        Field(
            "password", kinds.RAW, secret=True, write_only=True,
            doc="Password of a new user; MAAS's API can neither show nor change it.",
        ),
        Field(
            "is_superuser", kinds.SUPERUSER, default=False,
            doc="Whether it is an administrator; create-only.",
        ),
    )  # fmt: skip

    def item(self, snapshot, raw):
        return f"users/{segment(raw['username'])}/"

    def protected_by(self, snapshot, record):
        admin = record.raw.get("is_superuser")
        own = "it is an administrator" if admin else None
        return super().protected_by(snapshot, record) or own

    def exports(self, snapshot, record):
        return record.key not in SYSTEM_USERS and bool(record.raw.get("email"))

    def problem(self, snapshot, desired, record):
        """Why a desired object cannot come true, seen before anything is sent."""
        if record is not None:
            return super().problem(snapshot, desired, record)
        email = desired.values.get("email")
        for other in snapshot.records(self.name).values():
            if email and str(other.raw.get("email")).lower() == email.lower():
                return f"the e-mail address {email} belongs to user {other.key} already"
        if not desired.values.get("password"):
            return "a new user needs a password"
        return None
