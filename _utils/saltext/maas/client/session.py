"""One pooled, signed HTTP session with a region."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import random
import ssl
import threading
import time
from urllib.parse import quote

from saltext.maas.client import errors
from saltext.maas.client.profile import Profile
from saltext.maas.client.redact import redact
from saltext.maas.release import Release

log = logging.getLogger(__name__)

_BY_STATUS = {
    400: errors.Invalid,
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class Client:
    """Calls of one region's API over one connection pool.

    The API generation and release are found out with the first call that needs
    them.  Holds for MAAS 1.5 to 3.7.

    Args:
        profile: How to reach the region.

    Attributes:
        requests: How many requests were sent so far.

    Example:
        ``Client(Profile("http://192.0.2.10:5240/MAAS", key)).get("fabrics/")``
    """

    def __init__(self, profile: Profile):
        self.profile = profile
        self.requests = 0
        self._release = None
        self._end = math.inf
        self._http = None
        self._lock = threading.RLock()

    # What the region is

    @property
    def release(self) -> Release:
        """The region's release.

        Raises:
            MaasError: No region answers at the profile's URL.
        """
        with self._lock:
            if self._release is None:
                self._release = self._find_release()
        return self._release

    def _find_release(self) -> Release:
        hint = self.profile.release
        first = hint.api if hint else "2.0"
        for api in (first, "1.0" if first == "2.0" else "2.0"):
            try:
                found = self._call("GET", f"/api/{api}/version/", signed=False)
            except errors.NotFound:
                continue
            version = found.get("version") if isinstance(found, dict) else None
            if version:
                return Release(version)
            if "capabilities" not in str(found):
                continue  # something else answers there
            # 1.5 and 1.6 name no version, and 1.9 may answer with broken JSON.
            return hint or Release("1.5" if api == "1.0" else "2.0")
        raise errors.NotFound(
            f"{self.profile.url} is no MAAS region: it has no API 1.0 or 2.0", 404
        )

    # Calls

    def get(self, path: str, op: str | None = None, **params):
        """Read; ``op`` names a custom operation."""
        return self.call("GET", path, op=op, params=params)

    def post(self, path: str, op: str | None = None, data=None, files=None, **options):
        """Create, or run the custom operation ``op``."""
        return self.call("POST", path, op=op, data=data, files=files, **options)

    def put(self, path: str, data=None, files=None, **options):
        """Update; fields left out keep their values.  ``body`` sends bytes as they are."""
        return self.call("PUT", path, data=data, files=files, **options)

    def delete(self, path: str, **params):
        """Delete; parameters go into the query."""
        return self.call("DELETE", path, params=params)

    def call(
        self, method, path, op=None, params=None, data=None, files=None, body=None, repeat=None,
        hide=(),
    ):  # fmt: skip
        """Send one request and return its decoded answer.

        Args:
            method: HTTP method.
            path: Path below the API root, such as ``fabrics/1/``, or a
                ``resource_uri`` of an answer.
            op: Custom operation.
            params: Query parameters; a list repeats its key.
            data: Form fields; a list repeats its key, None clears.
            files: ``{field: bytes}`` sent as file parts.
            body: Bytes sent as they are, in place of a form.
            repeat: Whether the call may be sent again after a fault behind
                which it may already have been carried out.  By default all
                but creations.
            hide: Secret values in ``data`` that no error text may show.

        Returns:
            The decoded JSON, or text, or None for an empty answer.

        Raises:
            MaasError: One of :mod:`saltext.maas.client.errors`.
        """
        if not path.startswith("/"):
            path = f"/api/{self.release.api}/{path}"
        else:
            path = path[path.index("/api/") :]
        query = _pairs({**({"op": op} if op else {}), **(params or {})})
        if repeat is None:
            repeat = method != "POST" or op is not None
        form = body if body is not None else _pairs(data or {})
        return self._call(method, path, query, form, files, repeat, hide=hide)

    @contextlib.contextmanager
    def within(self, seconds: float | None):
        """Give up whatever is asked in this block some seconds after its start.

        Args:
            seconds: Seconds for all calls of the block together; None for no such limit.
                Each call has the profile's deadline besides.
        """
        if seconds is None:
            yield
            return
        before, self._end = self._end, min(self._end, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._end = before

    def _call(self, method, path, query=(), form=(), files=None, repeat=True, signed=True, hide=()):
        end = min(time.monotonic() + self.profile.deadline, self._end)
        if time.monotonic() >= end:
            raise errors.Unreachable(f"{method} {path} at {self.profile.url}: no time is left")
        pause = _FIRST_PAUSE
        while True:
            try:
                left = max(end - time.monotonic(), 0.001)
                return self._send(method, path, query, form, files, signed, hide, left)
            except errors.MaasError as error:
                if not _worth_a_retry(error, repeat):
                    raise
                wait = getattr(error, "retry_after", None) or pause * random.uniform(0.5, 1.0)  # noqa: S311
                if time.monotonic() + wait > end:
                    raise
                log.debug("%s %s: trying again in %.1f s", method, path, wait)
                time.sleep(wait)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _send(self, method, path, query, form, files, signed, hide, left):
        body = {}
        if isinstance(form, bytes):
            body = {"data": form, "headers": {"Content-Type": "application/octet-stream"}}
        elif files or (form and method == "POST" and path.startswith("/api/1.")):
            # 1.x changes a POST form in place, which only multipart survives.
            parts = [(name, (None, value)) for name, value in form]
            parts += [(name, (name, data)) for name, data in (files or {}).items()]
            body = {"files": parts}
        elif form:
            body = {"data": form}
        with self._lock:
            self.requests += 1
            http = self._session()
        told = f"{method} {path}"
        profile = self.profile
        fault = None
        try:
            # Signed anew every time: the region refuses a nonce it has seen.
            answer = http.request(
                method,
                profile.url + path,
                params=query or None,
                auth=self._signature if signed and profile.api_key else None,
                timeout=(min(profile.connect_timeout, left), min(profile.read_timeout, left)),
                allow_redirects=False,
                **body,
            )
        except OSError as error:
            fault = self._fault(told, error)
        if fault:
            # Out of the except block, as the original exception holds the signed request.
            raise fault
        if 200 <= answer.status_code < 300:
            return _decode(answer)
        raise self._error(told, answer, hide)

    def _fault(self, told, error):
        """What it means for the caller that there was no answer."""
        from requests import exceptions
        from urllib3.exceptions import NewConnectionError

        def within(*kinds):
            return any(isinstance(one, kinds) for one in _causes(error))

        text = f"{told} at {self.profile.url}: {_reason(error)}"
        if within(exceptions.ConnectTimeout, NewConnectionError):
            return errors.Unreachable(text)
        cut_off = within(ssl.SSLEOFError, ssl.SSLZeroReturnError)
        if within(exceptions.RequestException) and (cut_off or not within(ssl.SSLError)):
            return errors.LostAnswer(text)
        return errors.Untrusted(text)  # the certificate, or the CA file cannot be read

    def _session(self):
        if self._http is None:
            import requests
            from requests_oauthlib import OAuth1

            http = requests.Session()
            http.trust_env = False  # a netrc or proxy of the minion's user is not ours to use
            http.verify = self.profile.ca_file or self.profile.verify
            http.headers["Accept"] = "application/json"
            adapter = requests.adapters.HTTPAdapter(
                pool_connections=1, pool_maxsize=self.profile.concurrency
            )
            http.mount("http://", adapter)
            http.mount("https://", adapter)
            if self.profile.api_key:
                consumer, token, secret = self.profile.api_key.split(":")
                self._signature = OAuth1(
                    consumer,
                    resource_owner_key=token,
                    resource_owner_secret=secret,
                    signature_method="PLAINTEXT",
                )
            self._http = http
        return self._http

    def _error(self, told, answer, hide):
        text = answer.text
        fields = None
        if answer.status_code == 400:
            try:
                fields = json.loads(text)
            except ValueError:
                fields = None
            if not isinstance(fields, dict):
                fields = None
        if "<html" in text[:2000].lower():
            text = "the answer is a web page"
        if 300 <= answer.status_code < 400:
            place = answer.headers.get("Location", "elsewhere")
            text = f"the region sends us to {place}; put the right URL into the profile"
        secrets = [*self.profile.api_key.split(":"), *hide]
        if fields is not None:
            fields = {
                name: [
                    redact(line, secrets)
                    for line in (lines if isinstance(lines, list) else [lines])
                ]
                for name, lines in fields.items()
            }
            text = "; ".join(
                (f"{name}: " if name != "__all__" else "") + " ".join(lines)
                for name, lines in fields.items()
            )
        text = redact(text, secrets)[:1000]
        kind = _BY_STATUS.get(answer.status_code, errors.Unexpected)
        after = answer.headers.get("Retry-After", "")
        message = f"{told}: {answer.status_code} {text or answer.reason}"
        retry_after = float(after) if after.isdigit() else None
        extra = {"fields": fields} if kind is errors.Invalid else {}
        return kind(message, answer.status_code, text, retry_after, **extra)

    def close(self) -> None:
        """Close the pooled connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None


def segment(text: object) -> str:
    """Quote one segment of a path.

    Raises:
        BadInput: It is ``.`` or ``..``, which would lead to another path.
    """
    if str(text) in (".", ".."):
        raise errors.BadInput(f"{str(text)!r} cannot be the name of an object in MAAS")
    return quote(str(text), safe=":")


def _worth_a_retry(error, repeat) -> bool:
    if isinstance(error, errors.Unreachable):
        return True
    if isinstance(error, errors.Conflict):
        return repeat and error.transient
    if isinstance(error, errors.Unavailable):
        return repeat and not error.for_long
    return repeat and isinstance(error, errors.LostAnswer)


def _pairs(fields: dict) -> list[tuple[str, str]]:
    pairs = []
    for name, value in fields.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, bool):
                one = "true" if one else "false"
            pairs.append((name, "" if one is None else str(one)))
    return pairs


def _decode(answer):
    if not answer.content:
        return None
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            return answer.json()
        except ValueError:
            return answer.text
    return answer.text


def _reason(error) -> str:
    """Say in a few words what a connection fault was, without the request in it."""
    *_, cause = _causes(error)
    text = str(cause).rpartition(">: ")[2] or str(cause)
    return redact(text or type(cause).__name__)


def _causes(error):
    """An exception and those inside it, the innermost last."""
    while isinstance(error, BaseException):
        yield error
        inside = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else inside
