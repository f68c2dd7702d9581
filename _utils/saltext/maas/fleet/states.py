"""The states that a fleet's tasks run on hosts, and their results."""

from __future__ import annotations

from collections.abc import Iterable

from saltext.maas.errors import MaasError
from saltext.maas.fleet.core import Fleet
from saltext.maas.fleet.minions import Answer

#: Where Salt says a state stands when another one that it requires has failed.
_PLACE = {"__sls__": "maas.cluster", "__env__": "base"}
HOST, ENROLMENT = "maas cluster host", "maas cluster enrolment"


def enrolment(seconds: float, **settings) -> dict:
    """Return high data that configures a cluster's host and waits until it is enrolled.

    Both states run in one job, so that only what the log says after the restart counts.

    Args:
        seconds: For the cluster to register.
        settings: Of ``maas_cluster.configured``.
    """
    configured = ["configured", *({name: value} for name, value in settings.items())]
    registered = ["registered", {"timeout": seconds}, {"require": [{"maas_cluster": HOST}]}]
    return {
        HOST: {"maas_cluster": configured, **_PLACE},
        ENROLMENT: {"maas_cluster": registered, **_PLACE},
    }


def results(answer: Answer) -> dict[str, dict] | str:
    """Return ``{id: result}`` of a state run, or what went wrong, as text."""
    if not isinstance(answer.value, dict):
        lines = answer.value if isinstance(answer.value, list) else [answer.error or answer.value]
        return "; ".join(map(str, lines))
    return {
        one["__id__"]: one
        for one in answer.value.values()
        if isinstance(one, dict) and "__id__" in one
    }


def failure(answer: Answer) -> str | None:
    """Return what went wrong in a state run, or None."""
    found = results(answer)
    if isinstance(found, str):
        return found
    bad = [str(one.get("comment")) for one in found.values() if one.get("result") is not True]
    return bad[0] if bad else (None if found else "no state was run")


def enrol(fleet: Fleet, minions: Iterable[str], **settings) -> dict[str, str | None]:
    """Configure clusters and wait until they are enrolled: ``{minion: None or why not}``."""
    return _run(fleet, list(minions), enrolment(fleet.settings.enrol_seconds, **settings))


def region_url(fleet: Fleet, region: str, url: str) -> str | None:
    """Have a region's host use a URL; return None, or why it does not."""
    given = ["configured", {"url": url}, {"wait": fleet.settings.enrol_seconds}]
    return _run(fleet, [region], {"maas region host": {"maas_region": given, **_PLACE}})[region]


def _run(fleet, minions, data):
    # A state that the minion runs on its own is let finish.
    try:
        answers = fleet.ask(minions, "state.high", data, queue=True)
    except MaasError as error:
        return dict.fromkeys(minions, str(error))
    return {minion: failure(answer) for minion, answer in answers.items()}
