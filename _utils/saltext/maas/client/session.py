"""One pooled, signed HTTP session with a region."""

from __future__ import annotations

import contextlib
import http.client
import logging
import math
import random
import threading
import time

from saltext.maas import errors
from saltext.maas.client import answers, detect, faults
from saltext.maas.client.profile import Profile
from saltext.maas.redact import passwords_in
from saltext.maas.release import Release

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
#: Seconds for which a region that cannot be reached is tried again, unless told otherwise, and
#: one that was reached before: it may be restarting.
_PATIENCE, _RESTART = 2.0, 30.0
#: Seconds for the first TLS handshake, and for looking whether the peer speaks TLS at all.
_FIRST_HANDSHAKE, _PROBE = 3.0, 2.0
#: How often a request is sent whose answer is likely to stay as it is.
_FEW = 4
#: A 409 that took longer is one behind which MAAS itself has tried ten times.
_SOON = 10.0
#: Seconds below which it is no use to send a request that had to wait for its turn.
_LEAST = 0.05
#: Bytes that are read of an answer that tells of an error.
_ERROR_BODY = 64 * 1024
_MIB = 1024 * 1024


class Client:
    """Calls of one region's API over one connection pool.

    The API generation and release are found out with the first call that needs
    them.  Holds for MAAS 1.5 to 3.7.

    Args:
        profile: How to reach the region.
        patience: Seconds for which a region that cannot be reached is tried again; 0 for not at
            all.  One that was reached before gets 30 where it is not 0, as it may be restarting.

    Attributes:
        requests: How many requests were sent so far.

    Example:
        ``Client(Profile("http://192.0.2.10:5240/MAAS", key)).get("fabrics/")``
    """

    def __init__(self, profile: Profile, patience: float = _PATIENCE):
        self.profile = profile
        self.requests = 0
        self._patience = patience
        self._reached = False  # whether it ever answered in HTTP
        self._seen = False  # whether it is known if TLS is spoken there
        self._release = None
        self._end = math.inf
        self._here = threading.local()  # the same for one thread
        self._http = None
        self._lock = threading.RLock()
        self._slots = threading.BoundedSemaphore(profile.concurrency)

    # What the region is

    @property
    def release(self) -> Release:
        """The region's release.

        Raises:
            MaasError: No region answers at the profile's URL.
        """
        with self._lock:
            if self._release is None:
                self._release = detect.find(self.profile, self._unsigned)
        return self._release

    def _unsigned(self, path, expect):
        return self._call("GET", path, signed=False, expect=expect)

    # Calls

    def get(self, path: str, op: str | None = None, expect=None, **params):
        """Read; ``op`` names a custom operation, ``expect`` the answer's shape."""
        return self.call("GET", path, op=op, params=params, expect=expect)

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
        hide=(), expect=None, as_json=False,
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
            repeat: Whether to send the request again after a fault behind which
                it may have been carried out.  By default what reads.
            hide: Secret values in ``data`` that no error text may show.
            as_json: Send ``data`` as JSON, for the lists that a form cannot say.
            expect: Shape of the answer, as :mod:`saltext.maas.client.shape` has them;
                ``bytes`` for the body as it is, ``str`` for a text that is no JSON.

        Returns:
            The decoded JSON, or text, or None for an empty answer.

        Raises:
            MaasError: One of :mod:`saltext.maas.errors`;
                ``StrangeAnswer`` where a read, ``WrongAnswer`` where a write was answered with
                success but not as MAAS answers.
        """
        if not isinstance(path, str):
            raise errors.StrangeAnswer(f"the region gives {path!r} as the path of an object")
        if not path.startswith("/"):
            path = f"/api/{self.release.api}/{path}"
        elif "/api/" in path:
            path = path[path.index("/api/") :]
        else:
            raise errors.StrangeAnswer(f"the region gives {path[:100]!r} as the path of an object")
        query = _pairs({**({"op": op} if op else {}), **(params or {})})
        if repeat is None:
            repeat = method == "GET"
        form = body if body is not None else _pairs(data or {})
        if body is None:
            hide = [*hide, *passwords_in(value for _, value in form)]
        if as_json:
            form = _Json(data or {})
        return self._call(method, path, query, form, files, repeat, hide=hide, expect=expect)

    @contextlib.contextmanager
    def within(self, seconds: float | None, here: bool = False):
        """Give up whatever is asked in this block some seconds after its start.

        Args:
            seconds: Seconds for all calls of the block together; None for no such limit.
                Each call has the profile's deadline besides.
            here: Only what this thread asks, and not what others ask meanwhile.
        """
        if seconds is None:
            yield
            return
        holder, name = (self._here, "end") if here else (self, "_end")
        before = getattr(holder, name, math.inf)
        setattr(holder, name, min(before, time.monotonic() + seconds))
        try:
            yield
        finally:
            setattr(holder, name, before)

    def _call(
        self, method, path, query=(), form=(), files=None, repeat=True, signed=True, hide=(),
        expect=None,
    ):  # fmt: skip
        limits = self._end, getattr(self._here, "end", math.inf)
        end = min(time.monotonic() + self.profile.deadline, *limits)
        retries = _Retries(method == "GET", repeat, self._patience)
        while True:
            try:
                with self._slot(method, path, end):
                    return self._send(method, path, query, form, files, signed, hide, expect, end)
            except errors.MaasError as error:
                wait = retries.wait(error, self._reached)
                if wait is None or time.monotonic() + wait >= end:
                    raise
                log.debug("%s %s: trying again in %.1f s: %s", method, path, wait, error)
                time.sleep(wait)

    @contextlib.contextmanager
    def _slot(self, method, path, end):
        """One of the requests that may be under way at once, whoever's threads they come from."""
        late = errors.Unreachable(f"{method} {path} at {self.profile.url}: no time is left")
        left = end - time.monotonic()
        if left <= 0 or not self._slots.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            raise late
        if end - time.monotonic() < min(_LEAST, left / 2):
            self._slots.release()
            raise late  # rather than send what nobody would hear the answer of
        try:
            yield
        finally:
            self._slots.release()

    def _send(self, method, path, query, form, files, signed, hide, expect, end):
        body = {}
        if isinstance(form, _Json):
            body = {"json": form}
        elif isinstance(form, bytes):
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
            session, wire = self._session()
        told = f"{method} {path}"
        profile = self.profile
        began = time.monotonic()
        left = max(end - began, 0.001)
        connect = min(profile.connect_timeout, left)
        if not self._seen and profile.url.startswith("https:"):
            # Some servers without TLS wait for the end of a line that never comes.
            connect = min(connect, _FIRST_HANDSHAKE)
        fault = None
        try:
            with wire.until(end):
                # Signed anew every time: the region refuses a nonce it has seen.
                answer = session.request(
                    method,
                    profile.url + path,
                    params=query or None,
                    auth=self._signature if signed and profile.api_key else None,
                    timeout=(connect, min(profile.read_timeout, left)),
                    allow_redirects=False,
                    stream=True,
                    **body,
                )
                good = 200 <= answer.status_code < 300
                most = int(profile.max_body * _MIB) if good else _ERROR_BODY
                content = wire.body(answer, most, cut=not good)
        except (OSError, http.client.HTTPException, UnicodeError, *wire.FAULTS) as error:
            probe = 0 if self._seen else min(_PROBE, max(end - time.monotonic(), 0.1))
            self._seen = True
            fault = faults.told(error, told, profile, time.monotonic() - began, probe)
        if fault:
            # Out of the except block, as the original exception holds the signed request.
            raise fault
        self._reached = self._seen = True
        if good:
            return answers.decoded(told, answer, content, expect)
        secrets = [*profile.api_key.split(":"), *hide]
        raise answers.refusal(told, answer, content, profile, secrets)

    def _session(self):
        """The session, and the module that made it; both need libraries that may be missing."""
        if self._http is None:
            try:
                from requests_oauthlib import OAuth1
                from saltext.maas.client import wire
            except ImportError as error:
                raise errors.LibraryMissing(
                    f"the Python library {error.name} is not installed where Salt runs, so that "
                    "no region can be asked: salt-pip install requests requests-oauthlib"
                ) from None
            profile = self.profile
            if profile.api_key:
                consumer, token, secret = profile.api_key.split(":")
                self._signature = OAuth1(
                    consumer,
                    resource_owner_key=token,
                    resource_owner_secret=secret,
                    signature_method="PLAINTEXT",
                )
            self._http = wire.session(profile.concurrency, profile.ca_file, profile.verify), wire
        return self._http

    def close(self) -> None:
        """Close the pooled connections."""
        with self._lock:
            if self._http is not None:
                self._http[0].close()
                self._http = None


class _Json(dict):
    """Fields that are sent as JSON."""


class _Retries:
    """When, in one call, a request is sent again."""

    def __init__(self, reading, repeat, patience):
        self._reading, self._repeat, self._patience = reading, repeat, patience
        self._pause = _FIRST_PAUSE
        self._few = _FEW - 1
        self._began = time.monotonic()
        self._away_since = None

    def wait(self, error, reached) -> float | None:
        """Seconds until the next try after an error; None where there is none."""
        if error.lasting or not self._worth(error, reached):
            return None
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return getattr(error, "retry_after", None) or pause

    def _worth(self, error, reached):
        if isinstance(error, errors.Unreachable):
            now = time.monotonic()
            self._away_since = self._away_since or now
            patience = max(self._patience, _RESTART) if reached else self._patience
            return self._patience > 0 and now + self._pause - self._away_since <= patience
        self._away_since = None
        if error.carried_out is None and not self._repeat:
            return False
        if isinstance(error, errors.Unavailable):
            return not error.for_long and (error.brief or self._once_more())
        if isinstance(error, errors.Conflict):
            soon = time.monotonic() - self._began < _SOON
            return (error.transient or self._reading) and soon and self._once_more()
        if isinstance(error, (errors.TooMany, errors.LostAnswer)):
            return True
        failed = isinstance(error, errors.StrangeAnswer) or getattr(error, "status", 0) >= 500
        return failed and self._reading and self._once_more()

    def _once_more(self):
        self._few -= 1
        return self._few >= 0


def _pairs(fields: dict) -> list[tuple[str, str]]:
    pairs = []
    for name, value in fields.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, bool):
                one = "true" if one else "false"
            pairs.append((name, "" if one is None else str(one)))
    return pairs
