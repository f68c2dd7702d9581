"""Has the region taken this cluster or rack in?  Read from its own log."""

from __future__ import annotations

import re
import time

from saltext.maas.host import cluster, files, logs, reach, services, shared_secret
from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface

_SUCCESS = (
    re.compile(r"Cluster '[^']+' registered \(via "),
    re.compile(r"Rack controller '[^']+' registered \(via "),
)
_FAILURES = (
    (
        re.compile(r"FAILED authentication"),
        "The region refused this host's shared secret: install the region's secret here.",
    ),
    (
        re.compile(r"Cluster '[^']+' REJECTED by the region"),
        "The region rejected this cluster: accept it there (nodegroups, op=accept).",
    ),
    (
        re.compile(r"Could not register with region controller"),
        "The cluster could not register: check its region URL and that the region answers.",
    ),
)


def registered(surface: Surface, mark: str | None = None) -> dict:
    """How far this host's enrolment is (1.7 and later; 1.5 and 1.6 as far as the log tells).

    Args:
        surface: The host.
        mark: From :func:`~saltext.maas.host.cluster.configure`; without it the
            last line of the log that says anything counts.

    Returns:
        ``{"state": "registered", "failed" or "waiting", "message": what it
        means and what to do, "line": the log's line or None}``.
    """
    surface.need("cluster")
    state, message, line = "waiting", "Nothing in the log yet.", None
    for text in logs.lines(surface, mark):
        if any(pattern.search(text) for pattern in _SUCCESS):
            state, message, line = "registered", "The region took this host in.", text
            continue
        for pattern, advice in _FAILURES:
            if pattern.search(text):
                state, message, line = "failed", advice, text
    stopped = [
        name for name in surface.fact("cluster_services") if not services.running(surface, name)
    ]
    if stopped:
        told = f"Not running: {', '.join(stopped)}; start it and look at its log."
        return {"state": "failed", "message": told, "line": line}
    if state == "registered" and surface.has("maas_id"):
        if not (files.read(surface.path("maas_id")) or "").strip():
            state, message = "waiting", "The host has no system id (maas_id) yet."
    elif state == "waiting":
        state, message = _why_waiting(surface)
    return {"state": state, "message": message, "line": line}


def _why_waiting(surface):
    if surface.has("secret") and shared_secret.read(surface) is None:
        return "failed", "No shared secret is installed here: install the region's secret."
    urls = cluster.read_files(surface)["urls"]
    if not urls:
        return "failed", "No region URL is set here."
    for url in urls:
        told = reach.check_region_url(url, surface.release)
        if told["reachable"]:
            return "waiting", "The region answers; the host has not registered yet."
    return "waiting", f"The region does not answer at {urls[0]}: {told['reason']}."


def wait_registered(surface: Surface, mark: str | None = None, timeout: float = 120) -> dict:
    """Wait for :func:`registered` to say ``registered``.

    A failure is waited out as well: a cluster tries again by itself, and the
    region may be restarting.

    Returns:
        As :func:`registered`.

    Raises:
        HostError: Not registered in time; the text says why and what to do.
    """
    deadline = time.monotonic() + timeout
    pause = 0.2
    while True:
        now = registered(surface, mark)
        if now["state"] == "registered":
            return now
        if time.monotonic() + pause > deadline:
            raise HostError(f"Not registered within {timeout:g} s. {now['message']}")
        time.sleep(pause)
        pause = min(pause * 1.5, 2)
