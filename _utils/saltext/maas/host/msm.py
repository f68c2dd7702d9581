"""A region's enrolment with MAAS Site Manager, by the region's command ``msm`` (3.6 and later)."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

import yaml
from saltext.maas import poll
from saltext.maas.errors import BadInput
from saltext.maas.host import database, region_shell
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

#: Lines that the command prints about the enrolment, which differ between releases.
_LINES = (
    (r"No enrolment is in progress", "none"),
    (r"Enrolment with (?P<host>\S+) is pending approval as of (?P<since>.+)", "pending"),
    (r"Enroled with (?P<host>\S+) as of (?P<since>.+)", "connected"),
    (r"This MAAS has been enroled with (?P<host>\S+) but is no longer connected", "disconnected"),
)
#: Workflows of the region, and what one that is open means; the first one that is open counts.
_WORKFLOWS = (("msm-enrol-site:region", "pending"), ("msm-heartbeat:region", "connected"))
_SETTLE_SECONDS = 30  # seconds for what the region does at once, but not before a command ends
_WHERE = "maas:region:site_manager:token"


@dataclasses.dataclass(frozen=True)
class Enrolment:
    """The state of a region's enrolment.

    Attributes:
        state: ``none``, ``pending`` (Site Manager has to approve it), ``connected`` or
            ``disconnected`` (it was enrolled, or applied for it).
        host: Host name of the Site Manager; None without one.
        since: When this began, as MAAS writes it; None where it does not.
        confirmed: Whether the region's database says so too; MAAS's command goes on to call an
            enrolment pending or connected that was withdrawn.
    """

    state: str
    host: str | None = None
    since: str | None = None
    confirmed: bool = False

    @property
    def active(self) -> bool:
        """Whether it is approved, or waits for that."""
        return self.state in ("pending", "connected")

    def text(self) -> str:
        """Return it as a sentence."""
        return {
            "none": "The region is not enrolled with a Site Manager.",
            "pending": f"The enrolment with {self.host} waits for approval in Site Manager.",
            "connected": f"The region is enrolled with {self.host}.",
            "disconnected": f"The region is not enrolled with {self.host} any more.",
        }[self.state]


def _need(installation):
    installation.need("region")
    if not installation.has("msm_command"):
        raise HostError(
            f"MAAS {installation.release} cannot be enrolled with Site Manager; 3.6 and later can."
        )


def status(installation: Installation) -> Enrolment:
    """Return the state of the region's enrolment.

    Raises:
        HostError: No region here, a release before 3.6, or the command failed.
    """
    _need(installation)
    output = installation.check([*installation.fact("msm_command"), "status"])
    for line in reversed(output.splitlines()):
        for pattern, state in _LINES:
            found = re.fullmatch(pattern, line.strip())
            if found:
                named = found.groupdict()
                printed = Enrolment(state, named.get("host"), named.get("since"))
                return _confirmed(installation, printed)
    raise HostError("The output of msm status is not known.")


def _confirmed(installation, printed):
    """What the command says, against the workflows that the region's database has open."""
    if printed.state == "none":
        return dataclasses.replace(printed, confirmed=True)
    try:
        with database.connection(installation, timeout=10) as conn:
            found = database.open_workflows(conn, [name for name, _ in _WORKFLOWS])
    except database.DatabaseError:
        found = None
    if found is None:
        return printed
    is_open = [state for name, state in _WORKFLOWS if name in found]
    state = is_open[0] if is_open else "disconnected"
    since = printed.since if state == printed.state else None
    return Enrolment(state, printed.host, since, confirmed=True)


def _read(token):
    """The host name of the Site Manager that made an enrolment token, and when that expires."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        url, expires = claims.get("service-url"), claims.get("exp")
    except (ValueError, IndexError, AttributeError):
        raise BadInput([f"{_WHERE}: is no enrolment token of Site Manager"]) from None
    if not isinstance(url, str) or not urlsplit(url).hostname:
        raise BadInput([f"{_WHERE}: does not name its Site Manager (service-url)"])
    return urlsplit(url).hostname, expires if isinstance(expires, (int, float)) else None


def enrol(
    installation: Installation,
    token: str | None = None,
    metadata: dict | None = None,
    wait: float = 300,
    test: bool = False,
) -> dict[str, Any]:
    """Enrol the region with the Site Manager that made a token.

    ``msm enrol`` takes the token as an argument only, so it goes to the same command through the
    standard input of ``maas-region shell``.

    Args:
        token: An enrolment token; not needed where the region is enrolled.
        metadata: Location and contact of the region, as in the pillar's schema.
        wait: Seconds within which somebody has to approve it in Site Manager; 0 does not wait.
        test: Only plan.

    Returns:
        ``{"changes": {"site_manager": {"old", "new"}}, "warnings": [text], "restarted": []}``; no
        changes where it is enrolled already.

    Raises:
        BadInput: The token is missing or wrong.
        HostError: The region is enrolled elsewhere, the command failed, or it was not approved.
    """
    site, expires = _read(token) if token else (None, None)
    now = status(installation)
    if now.active and site and now.host != site:
        raise HostError(
            f"{now.text()} A region can be enrolled with one only: withdraw that first "
            f"(maas_msm.withdrawn), then enrol it with {site}."
        )
    changes = {}
    if not now.active:
        if token is None:
            raise BadInput([f"{_WHERE}: is missing; make one in Site Manager"])
        if expires is not None and expires < time.time():  # it may stay where it was used
            raise BadInput([f"{_WHERE}: has expired; make another one in Site Manager"])
        changes = {"site_manager": {"old": None, "new": site}}
        if not test:
            _send(installation, token, metadata)
            # The command may end before the region has written the request down.
            now = _wait_until(installation, lambda one: one.active) or now
            if not now.active:
                raise HostError(f"msm enrol succeeded, but: {now.text()}")
    if not test:
        now = _approved(installation, now, wait)
    warnings = [] if test and changes else [now.text()]
    return {"changes": changes, "warnings": warnings, "restarted": []}


def _send(installation, token, metadata):
    words = ["'msm'", "'enrol'", repr(token)]
    setup = ""
    if metadata:
        text = yaml.safe_dump({"metadata": metadata})
        setup = (
            "import tempfile\n"
            "stream = tempfile.NamedTemporaryFile('w', suffix='.yaml')\n"
            f"stream.write({text!r})\n"
            "stream.flush()\n"
        )
        words.append("stream.name")
    region_shell.call(installation, [*words, "'--yes'"], [token], setup)


def _wait_until(installation, has):
    """The enrolment once it has the result of a command; None if that takes too long."""

    def found():
        now = status(installation)
        return now if has(now) else None

    return poll.wait(found, _SETTLE_SECONDS, pause=1)


def _approved(installation, now, wait):
    if now.state != "pending" or not wait:
        return now

    def ended():
        found = status(installation)
        return None if found.state == "pending" else found

    found = poll.wait(ended, wait, pause=2, longest=15)
    if found is None:
        text = poll.timed_out(wait, f"approval in Site Manager ({now.host})")
        raise HostError(f"{text}: approve it there, under the pending sites.")
    if found.state != "connected":
        raise HostError(f"{now.host} refused the enrolment.")
    return found


def withdraw(installation: Installation, test: bool = False) -> dict[str, Any]:
    """End the region's enrolment, or its request for one.

    Args:
        test: Only plan.

    Returns:
        As :func:`enrol`.

    Raises:
        HostError: The command failed, or is not enough (3.6 and 3.7 withdraw a request only).
    """
    now = status(installation)
    if not now.active:
        return {"changes": {}, "warnings": [now.text()], "restarted": []}
    if now.state == "connected" and installation.release < "3.8":
        raise HostError(
            f"{now.text()} MAAS {installation.release} withdraws only an enrolment that is not "
            "approved yet: remove the region in Site Manager."
        )
    changes = {"site_manager": {"old": now.host, "new": None}}
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    installation.check([*installation.fact("msm_command"), "withdraw"])
    left = _wait_until(installation, lambda one: not (one.active and one.confirmed))
    if left is None:
        raise HostError(
            f"{poll.timed_out(_SETTLE_SECONDS, 'the enrolment to end')}; see the region's log."
        )
    warnings = (
        []
        if left.confirmed
        else [f"The database was not asked; MAAS's command says: {left.text()}"]
    )
    return {"changes": changes, "warnings": warnings, "restarted": []}
