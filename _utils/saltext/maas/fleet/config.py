"""The master's configuration of its fleet, under ``maas.fleet``."""

from __future__ import annotations

import os
from types import MappingProxyType, SimpleNamespace

from saltext.maas import schemas
from saltext.maas.errors import BadInput
from saltext.maas.fleet import names
from saltext.maas.schemas import flag, mapping, named, seconds, whole

_WHERE = "maas.fleet"
_FORMATS = {"minion_id": names.is_id, "digits": str.isdigit}
_ID = {"type": "string", "format": "minion_id", "allowed": "a minion id"}
_IDS = {"type": "array", "allowed": "a list of minion ids", "items": _ID}
_BATCH = {**whole("How many clusters are onboarded at once.", 1, 1000), "format": "digits"}
#: Each setting's schema and default.
_SETTINGS: dict[str, tuple[dict, object]] = {
    # Only what a region's pillar names is onboarded, and only a region named here is asked.
    "regions": (_IDS, ()),
    # Minions of more hosts of a region, by that of the region; asked where that does not answer.
    "other_hosts": (named(_IDS, names=_ID), MappingProxyType({})),
    "batch": (_BATCH, 50),
    # Takes a batch through the steps; empty to do without.
    "orchestration": ({"type": "string"}, "orch.maas.onboard"),
    "saltenv": ({"type": "string"}, "base"),
    "authorised": (_IDS, ()),
    "trust_grains": (flag("Onboard minions whose own grains say that they have a cluster."), False),
    "gather_seconds": (seconds("To gather events into one batch."), 1.0),
    "answer_seconds": (seconds("For a minion to answer a short question."), 60.0),
    "enrol_seconds": (seconds("To register, and for a region to answer after a restart."), 180.0),
    "work_seconds": (seconds("For a minion to end what it is at."), 900.0),
    "region_seconds": (seconds("The same for a region's minion, imports included."), 7200.0),
    "lifetime": (seconds("For which a sealed secret can be opened."), 600.0),
    "folder": ({"type": "string"}, ""),
}
_SCHEMA = mapping({name: schema for name, (schema, _) in _SETTINGS.items()})


def settings_of(opts: dict) -> SimpleNamespace:
    """Return the settings of a fleet from the master's configuration.

    Raises:
        BadInput: A setting is wrong or unknown, or no region is named.
    """
    given = opts.get(_WHERE) or {}
    schemas.check(given, {"type": "object"}, _WHERE)
    given = dict(given)
    region = given.pop("region", None)
    if region is not None:
        given.setdefault("regions", [region])
    given.setdefault("folder", os.path.join(opts["cachedir"], "maas-fleet"))
    schemas.check(given, _SCHEMA, _WHERE, _FORMATS)
    if not given.get("regions"):
        raise BadInput(
            f"{_WHERE}:region: is missing in the master's configuration; name the minion of the "
            "region's host"
        )
    return SimpleNamespace(**{name: default for name, (_, default) in _SETTINGS.items()} | given)


def checked_batch(batch: int) -> int:
    """Return the size of a batch that a person gave.

    Raises:
        BadInput: It is no whole number, or too small or large.
    """
    schemas.check(batch, _BATCH, "batch", _FORMATS)
    return batch
