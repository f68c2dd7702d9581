"""OIDC providers (3.8 and later), with which users log in."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from saltext.maas.errors import StrangeAnswer
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Predicted, Ranges, Run, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

#: What MAAS answers, as JSON, in place of an empty list.
_NONE = "No OIDC providers found."
_HTTP = rules.Rule(
    "a URL of http:// or https://",
    lambda url: urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).netloc),
)
#: MAAS stores an issuer without the slashes at its end.
_ISSUER = replace(kinds.URL, normal=lambda url: re.sub("/+$", "", kinds.TEXT.normal(url) or ""))
_SCOPES = replace(kinds.NAMES, wire=" ".join)


class OidcProvider(Table):
    """OIDC providers.

    MAAS fetches the provider's configuration from ``issuer_url`` when that changes.  At most one is
    enabled: the other one is disabled first.  Users of a disabled provider cannot log in.
    """

    name = "oidc_provider"
    noun = "OIDC provider"
    since = "3.8"
    collection = "oidc-providers/"
    item_path = "oidc-providers/{id}/"
    required = ("issuer_url", "client_id", "client_secret", "redirect_uri", "scopes")
    permission = "can_edit_identities"
    in_answers = {"enabled": bool, "issuer_url": str, "client_secret": str}
    pillar = PillarLocation("oidc_providers", "OIDC providers.", "name")
    fields = (
        Field("name", rules=(rules.longest(255),), doc="Name, unique in the region."),
        Field("issuer_url", _ISSUER, rules=(_HTTP, rules.longest(512)), clearable=rules.NEVER,
              doc="URL of the issuer; MAAS reads ``/.well-known/openid-configuration`` below it."),
        Field("client_id", rules=(rules.longest(255),), clearable=rules.NEVER,
              doc="Client id of MAAS at the provider."),
        Field("client_secret", kinds.RAW, secret=True, rules=(rules.longest(255),),
              clearable=rules.NEVER, doc="Client secret of MAAS at the provider."),
        Field("redirect_uri", kinds.URL, rules=(_HTTP,), clearable=rules.NEVER,
              doc="URL of MAAS to which the provider sends a user back."),
        Field("scopes", _SCOPES, clearable=rules.NEVER, doc="Scopes, such as openid and email."),
        Field("token_type", kinds.choice("JWT", "Opaque"), default="JWT",
              doc="Form of its access tokens; JWT for a new one."),
        Field("vendor", kinds.choice("Generic", "EntraID", "Auth0", "Keycloak"),
              default="Generic", doc="Vendor of the provider; Generic for a new one."),
        Field("enabled", kinds.BOOLEAN, default=False,
              doc="Whether users log in with it; false for a new one."),
    )  # fmt: skip
    example = {
        "name": "sso", "issuer_url": "https://sso.example.com/realms/lab", "client_id": "maas",
        "client_secret": "correct horse", "scopes": ["email", "openid", "profile"],
        "redirect_uri": "https://maas.example.com:5443/MAAS/r/login/oidc/callback",
        "token_type": "JWT", "vendor": "Keycloak", "enabled": True,
    }  # fmt: skip

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        shape = (str, [self.shape(snapshot.release)])
        found = snapshot.client.get(self.collection, expect=shape)
        if isinstance(found, str) and found != _NONE:
            raise StrangeAnswer("it is a text, not a list")
        return [] if found == _NONE else found

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        if values.get("enabled"):
            yield "enabled", 0, 0

    def in_the_way(self, snapshot: Snapshot, record: Record) -> str:
        return (
            f"MAAS has one enabled OIDC provider at most, and {record.key} is it; describe that "
            "one with enabled: false, or remove it"
        )

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        if self.by_name["enabled"].value(record.raw):  # MAAS refuses to delete an enabled one
            self.send_update(run, record, {"enabled": False})
        super().send_delete(run, desired, record)
