"""Has the region taken this cluster or rack in?  Read from its log, and asked of the region."""

from __future__ import annotations

import re
import time

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

#: Lines of a daemon's log: since, up_to, pattern, state, what to do.
LINES = (
    ("1.7", "1.10", r"Cluster '[^']+' registered \(via ", "registered", ""),
    ("1.7", "1.10", r"Cluster '[^']+' REJECTED by the region", "failed", _REJECTED),
    ("2.0", "3.7", r"Rack controller '[^']+' registered \(via ", "registered", ""),
    ("2.0", "3.7", r"Rack controller .*REJECTED by the region", "failed",
     "The region would not register this rack: look at the region's log, which says why."),
    ("1.7", "3.7", r"FAILED authentication", "failed", _REFUSED),
    ("1.7", "3.7", r"While requesting RPC info at ", "waiting", _UNREACHABLE),
    ("1.5", "1.6", r"Could not register with region controller", "failed", _UNREACHABLE),
    ("1.5", "1.6", r"has been rejected as a cluster controller", "failed", _REJECTED),
)  # fmt: skip


def _lines_of(release):
    return [
        (re.compile(pattern), state, advice)
        for since, up_to, pattern, state, advice in LINES
        if release.within(since, up_to)
    ]


def registered(installation: Installation, mark: str | None = None, client=None) -> dict:
    """How far this host's enrolment is, in MAAS 1.5 to 3.7.

    Args:
        installation: The host.
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
        return _told("failed", "The snap is not initialised: it plays no part yet.")
    state, message, line = _in_log(installation, mark)
    stopped = [
        name
        for name in installation.fact("cluster_services")
        if not services.running(installation, name)
    ]
    if stopped:
        told = f"Not running: {', '.join(stopped)}; start it and look at its log."
        return _told("failed", told, line)
    if (
        installation.has("secret")
        and state != "registered"
        and shared_secret.read(installation) is None
    ):
        told = "No shared secret is installed here: install the region's secret."
        return _told("failed", told, line)
    there = at_region.verdict(installation, client)
    if there and there["state"] in ("rejected", "pending"):
        return _told(
            "failed" if there["state"] == "rejected" else "waiting", there["message"], line
        )
    if state == "registered":
        if (
            installation.has("maas_id")
            and not (files.read(installation.path("maas_id")) or "").strip()
        ):
            return _told("waiting", "The host has no system id (maas_id) yet.", line)
        if there and there["state"] != "accepted":
            return _told("waiting", there["message"], line)
        return _told("registered", message, line)
    # Before 1.7 no line tells of success; later an old log may have been rotated away.
    if (
        there
        and there["state"] == "accepted"
        and (installation.release < "1.7" or not (mark or line))
    ):
        return _told("registered", "The region has taken this host in.", line)
    if state == "failed":
        return _told(state, message, line)
    return _why_waiting(installation, there, line)


def _told(state, message, line=None):
    return {"state": state, "message": message, "line": line}


def _in_log(installation, mark):
    state, message, line = "waiting", "Nothing in the log yet.", None
    table = _lines_of(installation.release)
    for text in logs.lines(installation, mark):
        for pattern, means, advice in table:
            if pattern.search(text):
                state, message, line = means, advice or "The region took this host in.", text
                break
    return state, message, line


def _why_waiting(installation, there, line):
    urls = cluster_config.read_files(installation)["urls"]
    if not urls:
        return _told("failed", "No region URL is set here.", line)
    for url in urls:
        told = reach.check_region_url(url, installation.release)
        if told["reachable"]:
            why = there["message"] if there else "the host has not registered yet."
            return _told("waiting", f"The region answers; {why}", line)
    told = f"The region does not answer at {urls[0]}: {told['reason']}."
    return _told("waiting", told, line)


def wait_registered(
    installation: Installation, mark: str | None = None, timeout: float = 120, client=None
) -> dict:
    """Wait for :func:`registered` to say ``registered``.

    A failure is waited out as well: a cluster tries again by itself, and the
    region may be restarting; but not for long where its host refuses connections.

    Returns:
        As :func:`registered`.

    Raises:
        HostError: Not registered in time; the text says why and what to do.
    """
    deadline = time.monotonic() + timeout
    answered = time.monotonic()
    pause = 0.2
    while True:
        now = registered(installation, mark, client)
        if now["state"] == "registered":
            return now
        moment = time.monotonic()
        if reach.REFUSED not in now["message"]:
            answered = moment
        if moment + pause > min(deadline, answered + reach.PATIENCE):
            within = timeout if moment + pause > deadline else reach.PATIENCE
            raise HostError(f"Not registered within {within:g} s. {now['message']}")
        time.sleep(pause)
        pause = min(pause * 1.5, 2)
