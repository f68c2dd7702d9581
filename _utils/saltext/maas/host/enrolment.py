"""Has the region taken this cluster or rack in?  Read from its log, and asked of the region."""

from __future__ import annotations

import re

from saltext.maas import poll
from saltext.maas.client import Client
from saltext.maas.host import at_region, cluster_config, files, logs, reach, services, shared_secret
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_REFUSED = "The region refused this host's shared secret: install the region's secret here."
_REJECTED = (
    "The region rejected this cluster: accept it there (maas_node_group.present with "
    "status: accepted)."
)
_UNREACHABLE = (
    "This host could not reach the region: check its region URL, name resolution, and that the "
    "region's API and RPC ports answer."
)
_TAKEN_IN = "The region has registered this host."

#: Lines of a daemon's log: since, up_to, pattern, state, what to do.
LINES = (
    ("1.7", "1.10", r"Cluster '[^']+' registered \(via ", "registered", _TAKEN_IN),
    ("1.7", "1.10", r"Cluster '[^']+' REJECTED by the region", "failed", _REJECTED),
    ("2.0", "", r"Rack controller '[^']+' registered \(via ", "registered", _TAKEN_IN),
    ("2.0", "", r"Rack controller .*REJECTED by the region", "failed",
     "The region would not register this rack: look at the region's log, which says why."),
    ("1.7", "", r"FAILED authentication", "failed", _REFUSED),
    ("1.7", "", r"While requesting RPC info at ", "waiting", _UNREACHABLE),
    ("1.5", "1.6", r"Could not register with region controller", "failed", _UNREACHABLE),
    ("1.5", "1.6", r"has been rejected as a cluster controller", "failed", _REJECTED),
)  # fmt: skip


def registered(
    installation: Installation, mark: str | None = None, client: Client | None = None
) -> dict[str, str | None]:
    """Return how far this host's enrolment is, in MAAS 1.5 to 3.8.

    Args:
        mark: From :func:`~saltext.maas.host.cluster_config.configure`; without it the
            last line of the log that says anything counts.
        client: A :class:`~saltext.maas.client.Client` with a key, if there is one; a 1.x
            region answers without.

    Returns:
        ``{"state": "registered", "failed" or "waiting", "message": what it
        means and what to do, "line": the log's line or None}``.

    Raises:
        HostError: This host runs no cluster, or its log cannot be read.
    """
    cluster_config.need(installation)
    if not installation.roles:
        text = "The snap is not initialised: it plays no part yet."
        return {"state": "failed", "message": text, "line": None}
    state, message, line = _in_log(installation, mark)
    missing = _missing(installation, state)
    if missing:
        state, message = "failed", missing
    else:
        verdict = at_region.verdict(installation, client)
        state, message = _judged(installation, state, message, verdict, not (mark or line))
    return {"state": state, "message": message, "line": line}


def _in_log(installation, mark):
    state, message, line = "waiting", "Nothing in the log yet.", None
    table = [
        (re.compile(pattern), means, advice)
        for since, up_to, pattern, means, advice in LINES
        if installation.release.within(since, up_to)
    ]
    for text in logs.lines(installation, mark):
        for pattern, means, advice in table:
            if pattern.search(text):
                state, message, line = means, advice, text
                break
    return state, message, line


def _missing(installation, state):
    """What this host itself lacks, whatever log and region say."""
    stopped = [
        name
        for name in installation.fact("cluster_services")
        if not services.running(installation, name)
    ]
    if stopped:
        return f"Not running: {', '.join(stopped)}; start it and look at its log."
    needed = installation.has("secret") and state != "registered"
    if needed and shared_secret.read(installation) is None:
        return "No shared secret is installed here: install the region's secret."
    return None


def _judged(installation, state, message, verdict, unmarked):
    """State and message from what the log says and what the region does."""
    there = verdict["state"] if verdict else None
    if there == "rejected":
        return "failed", verdict["message"]
    if there == "pending":
        return "waiting", verdict["message"]
    if state == "registered":
        if installation.has("maas_id") and not _system_id(installation):
            return "waiting", "The host has no system id (maas_id) yet."
        if there not in (None, "accepted"):
            return "waiting", verdict["message"]
        return state, message
    # Before 1.7 no line tells of success; later an old log may have been rotated away.
    if there == "accepted" and (installation.release < "1.7" or unmarked):
        return "registered", "The region has taken this host in."
    if state == "failed":
        return state, message
    return _why_waiting(installation, verdict)


def _system_id(installation):
    return (files.read(installation.path("maas_id")) or "").strip()


def _why_waiting(installation, verdict):
    urls = cluster_config.read_files(installation)["urls"]
    if not urls:
        return "failed", "No region URL is set here."
    answers = [reach.check_region_url(url, installation.release) for url in urls]
    if any(answer["reachable"] for answer in answers):
        why = verdict["message"] if verdict else "the host has not registered yet."
        return "waiting", f"The region answers; {why}"
    reason = answers[-1]["reason"]
    return "waiting", f"The region does not answer at {urls[0]}: {reason}."


def wait_registered(
    installation: Installation,
    mark: str | None = None,
    timeout: float = 120,
    client: Client | None = None,
) -> dict[str, str | None]:
    """Wait for :func:`registered` to return ``registered``.

    A failure is waited out as well: a cluster tries again by itself, and the
    region may be restarting; but not for long where its host refuses connections.

    Returns:
        As :func:`registered`.

    Raises:
        HostError: Not registered in time; the text says why and what to do.
    """
    unchanged = poll.Unchanged()

    def ended():
        now = registered(installation, mark, client)
        refused = reach.REFUSED in (now["message"] or "")
        same = unchanged.seconds(refused)
        if now["state"] == "registered" or (refused and same >= reach.PATIENCE):
            return now
        last[0] = now
        return None

    last: list[dict] = [{}]
    now = poll.wait(ended, timeout, pause=0.2, longest=2) or last[0]
    if now["state"] == "registered":
        return now
    seconds = min(timeout, reach.PATIENCE) if reach.REFUSED in now["message"] else timeout
    raise HostError(poll.timed_out(seconds, "the region to register this host", now["message"]))
