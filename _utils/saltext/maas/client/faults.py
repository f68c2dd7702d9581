"""What it means for a caller that no answer came: from exceptions of the libraries to our own."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from requests import exceptions
from saltext.maas import errors
from saltext.maas.client import wire
from saltext.maas.client.profile import Profile
from saltext.maas.client.request import Request
from saltext.maas.redact import redact
from urllib3.exceptions import NewConnectionError

_TLS_RECORDS = ("\x15\x03", "\x16\x03")


def fault_of(
    error: Exception,
    request: Request,
    profile: Profile,
    seconds: float,
    probe: float,
    sent: bool = True,
) -> errors.MaasError:
    """Say what an exception means.

    Args:
        error: What ``requests`` and those below it raised.
        request: Its text is method and path.
        profile: The :class:`~saltext.maas.client.profile.Profile`.
        seconds: How long it took to come to that.
        probe: Seconds in which to look whether only one side speaks TLS; 0 where that is known.
        sent: Whether the exception came after something of the request was sent.

    Returns:
        An error that shows nothing of the signed request.
    """

    def within(*kinds):
        return any(isinstance(one, kinds) for one in _causes(error))

    place = profile.place
    if isinstance(error, wire.TooLarge):
        return (errors.TooLarge if request.reads else errors.WrongAnswer)(
            f"{request}: the answer has more than {profile.max_body:g} MiB; {place}:max_body "
            "allows more"
        )
    where = f"{request} at {profile.url}"
    if within(exceptions.ConnectTimeout):
        return errors.Unreachable(
            f"{where}: timed out after {seconds:.1f} s waiting for a connection ({place}:url)"
        )
    text = f"{where}: {_reason(error)}"
    if within(NewConnectionError):
        return errors.Unreachable(
            f"{text}; is the region running, and is its address right in {place}:url?"
        )
    if probe:
        wrong = _wrong_scheme(error, profile, probe)
        if wrong:
            return errors.Untrusted(f"{request}: {wrong}")
    if within(TimeoutError, socket.timeout):
        return errors.LostAnswer(f"{where}: timed out after {seconds:.1f} s waiting for the answer")
    if within(ssl.SSLEOFError, ssl.SSLZeroReturnError) or (sent and within(ssl.SSLError)):
        return errors.LostAnswer(text)
    if within(ssl.SSLError, exceptions.SSLError) or not within(
        exceptions.RequestException, http.client.HTTPException, *wire.FAULTS
    ):
        return errors.Untrusted(f"{text} ({place}:ca_file)")
    return errors.LostAnswer(text)


def _wrong_scheme(error, profile, probe) -> str | None:
    """Say that one side speaks TLS and the other does not; None where it is something else."""
    parts, place = urlsplit(profile.url), f"{profile.place}:url"
    secure = parts.scheme == "https"
    address = parts.hostname, parts.port or (443 if secure else 80)
    causes = list(_causes(error))
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
        return None
    if secure:
        # A server that does not know TLS answers in plain text, hangs up, or waits for more.
        hint = any(isinstance(one, (ssl.SSLError, ConnectionError, TimeoutError, socket.timeout))
                   for one in causes)  # fmt: skip
        if hint and wire.speaks_http(*address, probe):
            return f"the port of {profile.url} does not speak TLS: put http:// into {place}"
        return None
    sent = [str(one) for one in causes if isinstance(one, http.client.BadStatusLine)]
    alert = any(mark in text for text in sent for mark in _TLS_RECORDS)
    hung_up = any(isinstance(one, ConnectionError) for one in causes)
    # Asked again, since a connection that was disturbed once looks the same.
    if (alert or hung_up) and wire.speaks_tls(*address, probe):
        return f"the port of {profile.url} wants TLS: put https:// into {place}"
    return None


def _reason(error) -> str:
    """Say in a few words what a connection fault was, without the request in it."""
    *_, cause = _causes(error)
    text = str(cause).rpartition(">: ")[2] or str(cause)
    return redact(text or type(cause).__name__)


def _causes(error):
    """An exception and those inside it, the innermost last.

    One of ours is not among them: it was being handled when this request was sent.
    """
    while isinstance(error, BaseException) and not isinstance(error, errors.MaasError):
        yield error
        inside = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        reason = getattr(error, "reason", None)
        if not isinstance(reason, BaseException):
            reason = inside or error.__cause__ or error.__context__
        error = reason
