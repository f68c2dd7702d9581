"""The states that a fleet's tasks run on hosts, and what became of them."""

from __future__ import annotations

from saltext.maas.errors import MaasError

#: Salt tells by these where a state stands when another one that it needs has failed.
_PLACE = {"__sls__": "maas.cluster", "__env__": "base"}
HOST, ENROLMENT = "maas cluster host", "maas cluster enrolment"


def enrolment(seconds, **settings) -> dict:
    """High data that configures a cluster's host and waits until it is enrolled.

    Both states run in one job, so that only what the log says after the restart counts.
    """
    first = ["configured", *({name: value} for name, value in settings.items())]
    second = ["registered", {"timeout": seconds}, {"require": [{"maas_cluster": HOST}]}]
    return {
        HOST: {"maas_cluster": first, **_PLACE},
        ENROLMENT: {"maas_cluster": second, **_PLACE},
    }


def results(answer):
    """``{id: result}`` of a state run, or what went wrong, as text."""
    if not isinstance(answer.value, dict):
        told = answer.value
        return "; ".join(map(str, told)) if isinstance(told, list) else str(answer.error or told)
    return {
        one["__id__"]: one
        for one in answer.value.values()
        if isinstance(one, dict) and "__id__" in one
    }


def enrol(fleet, minions, **settings) -> dict:
    """Configure clusters and wait until they are enrolled: ``{minion: None or why not}``."""
    data = enrolment(fleet.settings.enrol_seconds, **settings)
    seconds = fleet.settings.answer_seconds
    # A state that the minion runs on its own is let finish.
    try:
        answers = fleet.salt.ask(minions, "state.high", data, seconds=seconds, queue=True)
    except MaasError as error:
        return dict.fromkeys(minions, str(error))
    return {minion: failure(answer) for minion, answer in answers.items()}


def region_url(fleet, region, url) -> str | None:
    """Have a region's host use a URL; None, or why it does not."""
    given = ["configured", {"url": url}, {"wait": fleet.settings.enrol_seconds}]
    data = {"maas region host": {"maas_region": given, **_PLACE}}
    seconds = fleet.settings.answer_seconds
    try:
        answers = fleet.salt.ask([region], "state.high", data, seconds=seconds, queue=True)
    except MaasError as error:
        return str(error)
    return failure(answers[region])


def failure(answer) -> str | None:
    """What went wrong in a state run, or None."""
    found = results(answer)
    if isinstance(found, str):
        return found
    bad = [str(one.get("comment")) for one in found.values() if one.get("result") is not True]
    return bad[0] if bad else (None if found else "no state was run")
