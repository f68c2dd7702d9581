"""Exchanges with a region: signed, within their time, with errors of ours where they fail."""

from __future__ import annotations

import http.client
import time

from requests import Response
from requests_oauthlib import OAuth1
from saltext.maas.client import faults, wire
from saltext.maas.client.profile import Profile
from saltext.maas.client.request import Request

#: Seconds for the first TLS handshake, and for looking whether the peer speaks TLS at all.
_FIRST_HANDSHAKE, _PROBE = 3.0, 2.0
#: Bytes that are read of an answer that tells of an error.
_ERROR_BODY = 64 * 1024
_MIB = 1024 * 1024


class Transport:
    """A pool of connections to one region.

    Args:
        profile: How to reach the region.

    Attributes:
        reached: Whether it ever answered in HTTP.
    """

    def __init__(self, profile: Profile):
        self._profile = profile
        self._session = wire.session(profile.concurrency, profile.ca_file, profile.verify)
        self._signature = None
        self._scheme_known = False  # whether TLS is spoken there
        self.reached = False
        if profile.api_key:
            consumer, token, secret = profile.api_key.split(":")
            self._signature = OAuth1(
                consumer,
                resource_owner_key=token,
                resource_owner_secret=secret,
                signature_method="PLAINTEXT",
            )

    def exchange(self, request: Request, end: float) -> tuple[Response, bytes]:
        """Send a request, and return its answer with the body.

        Args:
            request: Method, path, query, content and whether it is signed.
            end: When it has to be over, as ``time.monotonic`` counts.

        Raises:
            MaasError: No answer came; the error shows nothing of the signed request.
        """
        profile, began = self._profile, time.monotonic()
        left = max(end - began, 0.001)
        connect = min(profile.connect_timeout, left)
        if not self._scheme_known and profile.url.startswith("https:"):
            # Some servers without TLS wait for the end of a line that never comes.
            connect = min(connect, _FIRST_HANDSHAKE)
        fault = None
        try:
            with wire.deadline(end):
                # Signed anew every time: the region refuses a nonce it has seen.
                answer = self._session.request(
                    request.method,
                    profile.url + request.path,
                    params=request.query or None,
                    auth=self._signature if request.signed else None,
                    timeout=(connect, min(profile.read_timeout, left)),
                    allow_redirects=False,
                    stream=True,
                    **request.content,
                )
                good = 200 <= answer.status_code < 300
                most = int(profile.max_body * _MIB) if good else _ERROR_BODY
                content = wire.body(answer, most, cut=not good)
        except (OSError, http.client.HTTPException, UnicodeError, *wire.FAULTS) as error:
            probe = 0 if self._scheme_known else min(_PROBE, max(end - time.monotonic(), 0.1))
            seconds = time.monotonic() - began
            fault = faults.fault_of(error, request, profile, seconds, probe, wire.sent())
        self._scheme_known = True
        if fault is not None:
            # Out of the except block, as the original exception holds the signed request.
            raise fault
        self.reached = True
        return answer, content

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
