"""Signed calls to a region without a socket in between, and what a call costs."""

from __future__ import annotations

import itertools
import json
import sys
import time
from urllib.parse import quote, urlencode

#: One of each kind.
RELEASES = ("1.5", "1.7", "1.9", "2.4", "3.6", "3.7")

_NONCES = itertools.count(1)


class Clock:
    """A clock that only goes when told to."""

    def __init__(self, region):
        self.now = 0.0
        region.clock = lambda: self.now

    def wait(self, seconds):
        self.now += seconds


class Answered:
    """An answer with its body decoded."""

    def __init__(self, response):
        self.status = response.status
        self.content_type = response.content_type
        self.headers = response.headers
        self.text = response.body.decode()

    @property
    def json(self):
        return json.loads(self.text)


class Caller:
    """Calls a region as one user.

    Args:
        region: The region.
        key: API key; that of ``admin`` when left out, "" for unsigned calls.
    """

    def __init__(self, region, key=None):
        self.region = region
        self.key = region.api_keys("admin")[0][1] if key is None else key
        self.prefix = f"/MAAS/api/{region.release.api}/"

    def header(self, nonce=None, timestamp=None):
        consumer, token, secret = self.key.split(":")
        values = {
            "oauth_consumer_key": consumer,
            "oauth_token": token,
            "oauth_signature_method": "PLAINTEXT",
            "oauth_signature": f"&{secret}",
            "oauth_timestamp": int(time.time()) if timestamp is None else timestamp,
            "oauth_nonce": nonce or f"unit{next(_NONCES)}",
        }
        pairs = ", ".join(f'{name}="{quote(str(v), "")}"' for name, v in values.items())
        return f"OAuth {pairs}"

    def send(self, method, path, body=b"", content_type=None, header=None):
        headers = {"host": "127.0.0.1"}
        if content_type:
            headers["content-type"] = content_type
        if self.key or header:
            headers["authorization"] = header or self.header()
        target = path if path.startswith("/") else self.prefix + path
        return Answered(self.region.answer(method, target, headers, body))

    def get(self, path):
        return self.send("GET", path)

    def delete(self, path):
        return self.send("DELETE", path)

    def post(self, path, **form):
        return self._form("POST", path, form)

    def put(self, path, **form):
        return self._form("PUT", path, form)

    def _form(self, method, path, form):
        body = urlencode(form, doseq=True).encode()
        return self.send(method, path, body, "application/x-www-form-urlencoded")


def steps(function, *args):
    """How many functions a call runs: what it costs, whatever the machine does besides."""
    counted = []
    sys.setprofile(lambda frame, event, arg: counted.append(event))
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in counted)
