"""Snaps of this host, over the socket of snapd."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import time
from typing import Any
from urllib.parse import quote, urlencode

from saltext.maas import poll
from saltext.maas.errors import BadInput
from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect

SOCKET = "run/snapd.socket"
_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_CHANNEL = re.compile(r"[A-Za-z0-9._-]+/(stable|candidate|beta|edge)(/[A-Za-z0-9._-]+)?")
_LARGEST = 16 * 2**20


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Refused(HostError):
    """What snapd refused, with its ``kind``."""

    def __init__(self, message, kind):
        super().__init__(message)
        self.kind = kind


def _ask(root, method, path, body=None):
    """Send one request; returns snapd's whole answer."""
    connection = _Connection(os.path.join(root, SOCKET))
    data = None if body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"} if data else {}
    try:
        connection.request(method, path, data, headers)
        with connection.getresponse() as response:
            answer = json.loads(response.read(_LARGEST))
    except (OSError, http.client.HTTPException) as error:
        raise HostError(f"snapd cannot be asked: {files.reason(error)}; is it installed?") from None
    except ValueError:
        raise HostError("snapd gave an answer that is not JSON.") from None
    if not isinstance(answer, dict) or "type" not in answer:
        raise HostError("snapd gave an answer of an unknown form.")
    if answer["type"] == "error":
        result = answer.get("result") or {}
        message = f"snapd refused: {str(result.get('message') or 'no message')[:500]}"
        raise _Refused(message, result.get("kind"))
    return answer


def status(name: str, root: str = "/") -> dict[str, Any] | None:
    """Return what snapd knows of a snap.

    Args:
        name: Its name.
        root: Folder that stands for ``/``.

    Returns:
        ``{version, revision, channel, cohort, held}``, or None where it is not installed;
        ``channel`` is the one that refreshes follow.

    Raises:
        HostError: snapd cannot be asked, or gave a strange answer.
    """
    try:
        found = _ask(root, "GET", f"/v2/snaps/{quote(_named(name))}").get("result")
    except _Refused as error:
        if error.kind in ("snap-not-found", "snap-not-installed"):
            return None
        raise
    if not isinstance(found, dict) or found.get("name") != name:
        raise HostError(f"snapd did not describe the snap {name}.")
    until = str(found.get("hold") or "")
    return {
        "version": str(found.get("version")),
        "revision": str(found.get("revision")),
        "channel": str(found.get("tracking-channel") or found.get("channel") or ""),
        "cohort": found.get("cohort-key") or None,
        "held": until > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
    }


def _named(name):
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadInput([f"name: {str(name)[:60]!r} must be the name of a snap, such as maas"])
    return name


def install(
    name: str,
    channel: str,
    cohort: str | None = None,
    hold: bool | None = None,
    root: str = "/",
    test: bool = False,
    wait: float = 1800,
) -> dict[str, Any]:
    """Install a snap, or have one that is there follow a channel and cohort of the same track.

    What is installed already is not refreshed.

    Args:
        name: Its name.
        channel: ``TRACK/RISK``, such as ``3.7/stable``.
        cohort: Key of the cohort; None leaves alone.
        hold: Whether refreshes are held for ever, or not; None leaves alone.
        root: Folder that stands for ``/``.
        test: Only find out.
        wait: Seconds that snapd may take for each of the steps.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        BadInput: An argument is wrong, or the snap follows another track.
        HostError: snapd refused or failed.
    """
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel):
        raise BadInput([f"channel: {str(channel)[:60]!r} must be such as 3.7/stable"])
    warnings = [] if test else _settle(name, root, wait)
    now = status(name, root)
    if now and now["channel"].partition("/")[0] != channel.partition("/")[0]:
        raise BadInput(
            [
                f"channel: the snap {name} follows {now['channel']}; only an upgrade takes it to "
                f"{channel}: salt-run maas.upgrade"
            ]
        )
    before = now or {"version": None, "channel": None, "cohort": None, "held": False}
    want = {"channel": channel, "cohort": cohort, "held": hold}
    changes = {
        key: {"old": before[key], "new": value}
        for key, value in want.items()
        if value is not None and value != before[key]
    }
    if now is None:
        changes[name] = {"old": "not installed", "new": "installed"}
    if test or not changes:
        return {"changes": changes, "warnings": warnings, "restarted": []}
    if now is None or {"channel", "cohort"} & changes.keys():
        body = {"action": "switch" if now else "install", "channel": channel}
        _do(name, root, wait, {**body, **({"cohort-key": cohort} if cohort else {})})
    if "held" in changes:
        more = {"action": "hold", "time": "forever", "hold-level": "general"}
        _do(name, root, wait, more if hold else {"action": "unhold"})
    after = status(name, root) or {}
    wrong = [key for key, value in want.items() if value is not None and after.get(key) != value]
    if wrong:
        raise HostError(f"snapd ended well, but the snap {name} has another {', '.join(wrong)}.")
    return {"changes": changes, "warnings": warnings, "restarted": []}


def remove(
    name: str, initialised: bool = False, root: str = "/", test: bool = False, wait: float = 600
) -> dict[str, Any]:
    """Remove a snap; snapd keeps a snapshot of its data.

    Args:
        name: Its name.
        initialised: Whether to remove also a MAAS that is a region or a rack.
        root: Folder that stands for ``/``.
        test: Only find out.
        wait: Seconds that snapd may take.

    Returns:
        As :func:`install`.

    Raises:
        BadInput: MAAS is a region or a rack, and nobody said that it is to go.
        HostError: snapd refused or failed.
    """
    warnings = [] if test else _settle(name, root, wait)
    now = status(name, root)
    if now is None:
        return {"changes": {}, "warnings": warnings, "restarted": []}
    found = detect(root) if name == "maas" else None
    if found and found.kind == "snap" and found.roles and not initialised:
        roles = " and ".join(sorted(found.roles - {"cluster"} or found.roles))
        raise BadInput([f"initialised: must be true, as this snap is a MAAS {roles}"])
    if not test:
        _do(name, root, wait, {"action": "remove"})
        if status(name, root) is not None:
            raise HostError(f"snapd ended well, but the snap {name} is still there.")
    return {
        "changes": {name: {"old": now["version"], "new": None}},
        "warnings": warnings,
        "restarted": [],
    }


def _do(name, root, wait, body):
    """Have snapd change something, and wait for the end of it."""
    answer = _ask(root, "POST", f"/v2/snaps/{quote(name)}", body)
    if answer["type"] == "async":
        _wait_for(str(answer.get("change")), root, wait)


def _settle(name, root, wait):
    """Wait for what snapd is still doing with a snap, such as for a run that was killed."""
    query = urlencode({"select": "in-progress", "for": _named(name)})
    running = _ask(root, "GET", f"/v2/changes?{query}").get("result") or []
    for one in running:
        try:
            _wait_for(str(one.get("id")), root, wait)
        except _Failed:
            continue  # what is left to do shows
    return [f"Waited for what snapd was doing: {one.get('summary')}." for one in running]


class _Failed(HostError):
    """A change that snapd could not carry out; it has undone it."""


def _wait_for(change, root, wait):
    def ended():
        found = _ask(root, "GET", f"/v2/changes/{quote(change)}").get("result")
        return found if isinstance(found, dict) and found.get("ready") else None

    found = poll.wait(ended, wait, pause=0.5)
    if not found:
        raise HostError(f"snapd did not end change {change} within {wait:g} s; it goes on with it.")
    if found.get("status") != "Done":
        reason = str(found.get("err") or found.get("status")).strip().splitlines()
        raise _Failed(f"snapd could not: {found.get('summary')}: {reason[-1][:500]}")
