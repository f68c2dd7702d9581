"""What an answer says: its content where it is a good one of MAAS's, else the error that it is."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from saltext.maas import collector, errors
from saltext.maas.client import shape
from saltext.maas.client.profile import Profile
from saltext.maas.redact import redact

if TYPE_CHECKING:  # the library may be missing
    from requests import Response

_BY_STATUS = {
    400: errors.Invalid,
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Gone,
    429: errors.TooMany,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
}
#: A 409 for a new user is a name or an address that another user has, not a race.
_NO_RACE = re.compile(r"^POST /api/\d\.\d/users/$")
#: A 503 from one of these paths comes after MAAS has stored what was asked for.
_MACHINES = re.compile(r"/(machines|nodes|devices|vm-hosts|pods)/")
#: The missing entitlement that MAAS 3.8 names.
_RIGHT = re.compile(r"should have permission '(\w+)'")
#: What MAAS 3.8 answers while the service that checks permissions is not available.
_PERMISSION_CHECK_FAILED = (
    r"\[Errno (2|11|32|104|111)\] [\w ]+|timed out|Server disconnected without [\w ]+\.|"
    r"(Client|Server) error '[\w ]+' for url 'http://unix/stores/[\w\W]*"
)
_BAD_GATEWAY = 502
#: Errors that are identified by status, request and whole text.
_BY_TEXT = (
    (400, r".* /api/2\.0/.*", r".*\boauth_timestamp\b.*", errors.NotAuthenticated),
    (500, r".* /api/2\.0/.*", _PERMISSION_CHECK_FAILED, errors.PermissionCheckFailed),
    # MAAS asks an OIDC provider before it stores it, and it is the provider that fails.
    (_BAD_GATEWAY, r"(POST|PUT) /api/2\.0/oidc-providers/.*", r"Failed to .*", errors.Invalid),
)
#: How servers tell that they expect TLS.
_WANTS_TLS = re.compile(r"(?i)http request (was sent )?to (an )?https|speaking plain http")


def decoded(request: str, answer: Response, content: bytes, expect: Any = None) -> Any:
    """Return what a good answer says, once it was seen to be one of MAAS's.

    Args:
        request: Method and path, for messages.
        answer: The ``requests`` response, for status and headers.
        content: Its body.
        expect: Its shape, see :mod:`saltext.maas.client.shape`.

    Raises:
        StrangeAnswer: A read was answered otherwise.
        WrongAnswer: A write was.
    """

    def strange(what):
        kind = errors.StrangeAnswer if request.startswith("GET ") else errors.WrongAnswer
        return kind(f"{request}: {what}")

    if expect is bytes:
        return content
    if not content and answer.status_code == 200 and expect is not str:
        raise strange("the answer is empty")
    if expect == b"":
        if content:  # null is something else than nothing
            raise strange("the answer has a body, where MAAS answers without one")
        return None
    kind = answer.headers.get("Content-Type", "")
    if _is_page(content) and ("html" in kind or expect is not str):
        raise strange("the answer is a web page, and none of MAAS's API")
    found: Any = _text(answer, content) if content or expect is str else None
    if "json" in kind and content and expect is not str:
        try:
            with collector.paused():
                found = json.loads(found)
        except (ValueError, RecursionError):
            raise strange("the answer is no JSON that can be read") from None
    mistake = None if expect is None else shape.mistake(found, expect)
    if mistake:
        raise strange(f"the answer has another form than MAAS's: {mistake}")
    return found


def refusal(
    request: str, answer: Response, content: bytes, profile: Profile, secrets: Iterable[str]
) -> errors.MaasError:
    """Return the error that an answer with another status than one of success is.

    Args:
        request: Method and path, for messages.
        answer: The ``requests`` response, for status and headers.
        content: The beginning of its body.
        profile: The :class:`~saltext.maas.client.profile.Profile`.
        secrets: What the text must not show.
    """
    status, place = answer.status_code, profile.place
    text = _text(answer, content)
    fields = _fields(text, secrets) if status == 400 else None
    extra: dict = {}
    before, advice = "", ""
    if fields is not None:
        text = "; ".join(
            (f"{name}: " if name != "__all__" else "") + " ".join(lines)
            for name, lines in fields.items()
        )
    elif _WANTS_TLS.search(text) and status == 400:
        return errors.Untrusted(
            f"{request}: the port of {profile.url} wants TLS: put https:// into {place}:url"
        )
    elif _is_page(content):
        text = "the answer is a web page"
    kind = _kind(request, status, text)
    retry_after = _retry_after(answer.headers.get("Retry-After"))
    if 300 <= status < 400:
        text = answer.headers.get("Location", "elsewhere")
        kind, extra = errors.Redirected, {"login": _is_login(text, request)}
        before, advice = "the region redirected to ", f"; put the right URL into {place}:url"
    elif kind is errors.Invalid:
        extra = {"fields": fields or {}}
        if status == _BAD_GATEWAY:
            advice = "; check issuer_url, and that the region can reach it"
    elif kind is errors.Unavailable:
        brief = retry_after is not None or status != 503 or _is_page(content)
        extra = {"machine": bool(_MACHINES.search(request)), "brief": brief}
    elif kind is errors.Conflict and _NO_RACE.search(request):
        retry_after = None
    else:
        advice = _advice(kind, text, profile)
    text = redact(text, secrets)[:1000]
    message = f"{request}: {status} {before}{text or redact(answer.reason, secrets)}{advice}"
    return kind(message, status, text, retry_after, **extra)


def _kind(request, status, text) -> type[errors.HttpError]:
    for one, asked, said, kind in _BY_TEXT:
        if status == one and re.fullmatch(asked, request) and re.fullmatch(said, text):
            return kind
    return _BY_STATUS.get(status, errors.Unexpected)


def _advice(kind, text, profile) -> str:
    """What to do about an error, for the end of its message."""
    place, right = profile.place, _RIGHT.search(text)
    if kind in (errors.NotAuthenticated, errors.Forbidden) and not profile.api_key:
        return f"; no API key is known: put one into {place}:api_key"
    if kind is errors.Forbidden and right:
        return (
            f"; give the entitlement {right[1]} to a group of this user, or put another user's key "
            f"into {place}:api_key"
        )
    if kind is errors.NotAuthenticated:
        return f"; check {place}:api_key, and that the clocks agree"
    if kind is errors.PermissionCheckFailed:
        return "; MAAS cannot check permissions: is maas-openfga running on the region host?"
    return ""


def _text(answer, content) -> str:
    declared = re.search(r"charset=([\w-]+)", answer.headers.get("Content-Type", ""))
    try:
        return content.decode(declared[1] if declared else "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _is_page(content: bytes) -> bool:
    return content[:1000].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _is_login(location, request) -> bool:
    """Whether a redirect is MAAS's own to its login page, which leads back to where it was."""
    try:
        back = parse_qs(urlsplit(location).query).get("next", [""])[0]
    except ValueError:
        return False
    return back.endswith(request.partition(" ")[2])


def _fields(text, secrets):
    """The fields that a 400 complains of, as ``{name: [message]}``; None if it names none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {
        redact(name): [
            redact(line, secrets) for line in (lines if isinstance(lines, list) else [lines])
        ]
        for name, lines in found.items()
    }


def _retry_after(value) -> float | None:
    """Seconds that a ``Retry-After`` asks for; one that cannot be read is taken for a second."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 1.0
