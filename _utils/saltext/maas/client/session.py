"""One pooled, signed HTTP session with a region."""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltext.maas import errors
from saltext.maas.client import answers, detect
from saltext.maas.client.profile import Profile
from saltext.maas.client.request import Request, form, pairs
from saltext.maas.redact import passwords_in
from saltext.maas.release import Release

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
#: Seconds for which a region that cannot be reached is tried again, by default, and
#: one that was reached before: it may be restarting.
_PATIENCE, _RESTART = 2.0, 30.0
#: How often a request is sent whose answer is likely to stay as it is.
_FEW = 4
#: A 409 that took longer is one behind which MAAS itself has tried ten times.
_SOON = 10.0
#: Seconds below which it is no use to send a request that had to wait for its turn.
_LEAST = 0.05
#: Characters of a part of an API key that would be found in any text.
_SHORT = 3


class Client:
    """Calls of one region's API over one connection pool.

    The API generation and release are found out with the first call that needs
    them.  Holds for MAAS 1.5 to 3.8.

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
        self._release: Release | None = None
        self._expected: Release | None = None
        self._asking = threading.Lock()
        self._end = math.inf
        self._here = threading.local()  # the same for one thread
        self._transport: Any = None
        self._accepted = False  # the key, by the region
        self._lost: set[type] = set()  # kinds of trust that the region has lost for good
        self._lock = threading.RLock()
        self._slots = threading.BoundedSemaphore(profile.concurrency)

    # What the region is

    @property
    def release(self) -> Release:
        """The region's release.

        Raises:
            MaasError: No region answers at the profile's URL.
        """
        return self._release or self._expected or self.ask_release()

    def ask_release(self) -> Release:
        """Ask the region for its release, unless it has been asked before.

        Raises:
            MaasError: No region answers at the profile's URL.
        """
        with self._asking:
            if self._release is None:
                self._release = detect.find(self.profile, self._unsigned)
        return self._release

    @contextlib.contextmanager
    def expecting(self, release: Release) -> Iterator[None]:
        """Take the region for one of a release in this block, as long as it has not said its own.

        Nothing but :meth:`ask_release` asks it, so only read in the block, and look at the release
        afterwards.
        """
        self._expected = release
        try:
            yield
        finally:
            self._expected = None

    def _unsigned(self, path, expect):
        return self._repeated(Request("GET", path, signed=False, expect=expect))

    # Calls

    def get(self, path: str, op: str | None = None, expect: Any = None, **params: Any) -> Any:
        """Read; ``op`` names a custom operation, ``expect`` the answer's shape."""
        return self.call("GET", path, op=op, params=params, expect=expect)

    def post(
        self, path: str, op: str | None = None, data: dict | None = None, **options: Any
    ) -> Any:
        """Create, or run the custom operation ``op``."""
        return self.call("POST", path, op=op, data=data, **options)

    def put(self, path: str, data: dict | None = None, **options: Any) -> Any:
        """Update; fields left out keep their values.  ``body`` sends bytes as they are."""
        return self.call("PUT", path, data=data, **options)

    def delete(self, path: str, **params: Any) -> Any:
        """Delete; parameters go into the query, and MAAS answers without a body."""
        return self.call("DELETE", path, params=params, expect=b"")

    def call(
        self,
        method: str,
        path: str,
        op: str | None = None,
        params: dict | None = None,
        data: dict | None = None,
        files: dict[str, bytes] | None = None,
        body: bytes | None = None,
        repeat: bool | None = None,
        hide: Iterable[str] = (),
        expect: Any = None,
        as_json: bool = False,
    ) -> Any:
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
                ``bytes`` for the body as it is, ``str`` for a text that is no JSON, ``b""`` for
                no body.

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
        query = pairs({**({"op": op} if op else {}), **(params or {})})
        if body is None:
            hide = [*hide, *passwords_in(value for _, value in pairs(data or {}))]
            content = form(method, path, data or {}, files or {}, as_json)
        else:
            content = {"data": body, "headers": {"Content-Type": "application/octet-stream"}}
        request = Request(method, path, query, content, hide=hide, expect=expect)
        return self._repeated(request, repeat)

    def each(self, function: Callable[[Any], Any], items: Iterable) -> list:
        """Call a function with each item, over as many connections as the profile allows.

        Args:
            function: Sends requests.
            items: What it is called with.

        Returns:
            What it returned, in the order of the items.
        """
        items = list(items)
        if len(items) < 2:  # no thread is needed
            return list(map(function, items))
        with ThreadPoolExecutor(min(self.profile.concurrency, len(items))) as pool:
            return list(pool.map(function, items))

    @contextlib.contextmanager
    def within(self, seconds: float | None, here: bool = False) -> Iterator[None]:
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

    def _repeated(self, request, repeat=None):
        limits = self._end, getattr(self._here, "end", math.inf)
        end = min(time.monotonic() + self.profile.deadline, *limits)
        retries = _Retries(request.reads, request.reads if repeat is None else repeat,
                           self._patience)  # fmt: skip
        while True:
            try:
                with self._slot(request, end):
                    return self._sent(request, end)
            except errors.MaasError as error:
                reached = self._transport is not None and self._transport.reached
                changed = (
                    (isinstance(error, errors.Untrusted) and reached)
                    or (isinstance(error, errors.NotAuthenticated) and self._accepted)
                ) and type(error) not in self._lost
                wait = retries.wait(error, reached, changed)
                if wait is None or time.monotonic() + wait >= end:
                    if changed:
                        self._lost.add(type(error))
                    raise
                log.debug("%s: trying again in %.1f s: %s", request, wait, error)
                time.sleep(wait)

    @contextlib.contextmanager
    def _slot(self, request, end):
        """One of the requests that may be under way at once, whoever's threads they come from."""
        late = errors.Unreachable(f"{request} at {self.profile.url}: no time is left")
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

    def _sent(self, request, end):
        with self._lock:
            self.requests += 1
            if self._transport is None:
                self._transport = _open(self.profile)
        answer, content = self._transport.exchange(request, end)
        if 200 <= answer.status_code < 300:
            self._accepted = self._accepted or (request.signed and bool(self.profile.api_key))
            return answers.decoded(str(request), answer, content, request.expect)
        key = self.profile.api_key
        secrets = [key, *(part for part in key.split(":") if len(part) > _SHORT), *request.hide]
        raise answers.refusal(str(request), answer, content, self.profile, secrets)

    def close(self) -> None:
        """Close the pooled connections."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()
                self._transport = None


def _open(profile):
    try:
        from saltext.maas.client.transport import Transport  # its libraries may be missing
    except ImportError as error:
        raise errors.LibraryMissing(
            f"the Python library {error.name} is not installed where Salt runs, so that no region "
            "can be asked: salt-pip install requests requests-oauthlib"
        ) from None
    return Transport(profile)


class _Retries:
    """When, in one call, a request is sent again."""

    def __init__(self, reading, repeat, patience):
        self._reading, self._repeat, self._patience = reading, repeat, patience
        self._pause = _FIRST_PAUSE
        self._few = _FEW - 1
        self._began = time.monotonic()
        self._away_since = None

    def wait(self, error, reached, changed) -> float | None:
        """Seconds until the next try after an error; None where there is none.

        Args:
            error: The error.
            reached: Whether the region was reached before.
            changed: Whether the region had a good certificate, or accepted the key, before.
        """
        worth = self._once_more() if changed else not error.lasting and self._worth(error, reached)
        if not worth:
            return None
        pause = self._pause * random.uniform(0.5, 1.0)  # nosec B311 # a pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return getattr(error, "retry_after", None) or pause

    def _worth(self, error, reached):
        if isinstance(
            error, (errors.Unreachable, errors.PermissionCheckFailed)
        ):  # it may be restarting
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
