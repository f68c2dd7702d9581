"""What the master's configuration says about a fleet, under ``maas.fleet``."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields

from saltext.maas.errors import BadInput
from saltext.maas.fleet import names

#: How many clusters a batch can have.
MAX_BATCH = 1000


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

    regions: list = field(default_factory=list)
    batch: int = 50
    orchestration: str = "orch.maas.onboard"
    saltenv: str = "base"
    authorised: list = field(default_factory=list)
    trust_grains: bool = False
    gather_seconds: float = 1.0
    answer_seconds: float = 60.0
    enrol_seconds: float = 180.0
    work_seconds: float = 900.0
    region_seconds: float = 7200.0
    lifetime: float = 600.0
    folder: str = ""

    @classmethod
    def of(cls, opts) -> Settings:
        """Read and check them.

        Raises:
            BadInput: One is wrong or unknown; no region is named.
        """
        given = dict(opts.get("maas.fleet") or {})
        if "region" in given:
            given.setdefault("regions", [given.pop("region")])
        given.setdefault("folder", os.path.join(opts["cachedir"], "maas-fleet"))
        known = {one.name: one for one in fields(cls)}
        problems = [
            f"maas.fleet:{name}: unknown; allowed: region, {', '.join(known)}"
            for name in given
            if name not in known
        ]
        given = {name: value for name, value in given.items() if name in known}
        for name, value in given.items():
            problems += _problem(name, value, cls)
        if not given.get("regions"):
            problems.append(
                "maas.fleet:region: is missing in the master's configuration; name the minion of "
                "the region's host"
            )
        if problems:
            raise BadInput(problems)
        return cls(**given)


def batch_problems(place: str, value) -> list[str]:
    """What is wrong with a batch's size: nothing, or one line that names its place."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and 0 < value <= MAX_BATCH:
        return []
    return [f"{place}: {value!r} must be a whole number from 1 to {MAX_BATCH}"]


def _problem(name, value, cls):
    default = getattr(cls, name, None)
    told = f"maas.fleet:{name}: {value!r} must be"
    if name == "batch":
        return batch_problems("maas.fleet:batch", value)
    if name in ("regions", "authorised"):
        if not isinstance(value, list) or not all(names.is_id(one) for one in value):
            return [f"{told} a list of minion ids of at most {names.MAX_ID} characters"]
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            return [f"{told} true or false"]
    elif isinstance(default, (int, float)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or value <= 0 or not math.isfinite(value):
            return [f"{told} a number above 0"]
    elif not isinstance(value, str):
        return [f"{told} text"]
    return []
