"""The master's configuration of its fleet, under ``maas.fleet``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from saltext.maas import schemas
from saltext.maas.errors import BadInput
from saltext.maas.fleet import names
from saltext.maas.schemas import flag, mapping, seconds, whole

_WHERE = "maas.fleet"
_FORMATS = {**schemas.FORMATS, "minion_id": names.is_id, "digits": str.isdigit}
_TEXT = {"type": "string"}
_IDS = {
    "type": "array", "allowed": "a list of minion ids",
    "items": {"type": "string", "format": "minion_id", "allowed": "a minion id"},
}  # fmt: skip
_BATCH = {**whole("", 1, 1000), "format": "digits"}
_SCHEMA = mapping({
    "regions": _IDS, "batch": _BATCH, "orchestration": _TEXT, "saltenv": _TEXT,
    "authorised": _IDS, "trust_grains": flag(), "gather_seconds": seconds(""),
    "answer_seconds": seconds(""), "enrol_seconds": seconds(""), "work_seconds": seconds(""),
    "region_seconds": seconds(""), "lifetime": seconds(""), "folder": _TEXT,
})  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The master's settings for its fleet.

    Attributes:
        regions: Minion ids of the region hosts. Only what a region's pillar names is
            onboarded, and only a region named here is asked for its secret.
        batch: How many clusters are onboarded at once, 1 to 1000.
        orchestration: Orchestration that takes a batch through; empty to do without.
        saltenv: Environment in which it is.
        authorised: Minions that may ask for the onboarding of others.
        trust_grains: Also onboard a minion whose grain ``maas:roles`` has ``cluster``
            though no pillar names it. A minion writes its own grains.
        gather_seconds: How long events are gathered into one batch.
        answer_seconds: For a minion to answer a short question.
        enrol_seconds: For a cluster to register, and for a region to answer after a restart.
        work_seconds: For a minion to end what it is at; one that hangs is given up then.
        region_seconds: The same for the region's minion, imports of images included.
        lifetime: Seconds for which a sealed secret can be opened.
        folder: Where the state of the fleet is kept.
    """

    regions: list[str] = field(default_factory=list)
    batch: int = 50
    orchestration: str = "orch.maas.onboard"
    saltenv: str = "base"
    authorised: list[str] = field(default_factory=list)
    trust_grains: bool = False
    gather_seconds: float = 1.0
    answer_seconds: float = 60.0
    enrol_seconds: float = 180.0
    work_seconds: float = 900.0
    region_seconds: float = 7200.0
    lifetime: float = 600.0
    folder: str = ""

    @classmethod
    def of(cls, opts: dict) -> Settings:
        """Read and check the settings.

        Args:
            opts: The master's configuration.

        Raises:
            BadInput: A setting is wrong or unknown, or no region is named.
        """
        given = dict(opts.get(_WHERE) or {})
        region = given.pop("region", None)
        if region is not None:
            given.setdefault("regions", [region])
        given.setdefault("folder", os.path.join(opts["cachedir"], "maas-fleet"))
        schemas.check(given, _SCHEMA, _WHERE, _FORMATS)
        if not given.get("regions"):
            raise BadInput(
                f"{_WHERE}:region: is missing in the master's configuration; name the minion of "
                "the region's host"
            )
        return cls(**given)


def checked_batch(batch: int) -> int:
    """Return the size of a batch that a person gave.

    Raises:
        BadInput: It is no whole number, or too small or large.
    """
    schemas.check(batch, _BATCH, "batch", _FORMATS)
    return batch
