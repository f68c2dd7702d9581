"""OAuth 1 as MAAS checks it: consumer, token, age, nonce and signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import parse_qsl, quote, unquote

from maas_emulator.web import HTML, Answer

MAX_AGE = 300


def read_header(header):
    """Parameters of an ``Authorization: OAuth ...`` header, or None for any other."""
    scheme, _, rest = (header or "").partition(" ")
    if scheme.lower() != "oauth":
        return None
    found = {}
    for item in rest.split(","):
        name, equals, value = item.strip().partition("=")
        if equals:
            found[name] = unquote(value.strip('"'))
    return found if "oauth_consumer_key" in found else None


class Nonces:
    """Nonces that were seen, forgotten once their request would be too old anyway."""

    def __init__(self):
        self._seen: dict[tuple, float] = {}

    def add(self, key, now):
        """Remember a nonce; False when it was used before."""
        while self._seen:
            oldest = next(iter(self._seen))  # they are in the order in which they came
            if now - self._seen[oldest] <= 2 * MAX_AGE:
                break
            del self._seen[oldest]
        if key in self._seen:
            return False
        self._seen[key] = now
        return True


def authenticate(region, method, url, query, header):
    """Find the user who signed a request.

    Args:
        region: The region that knows keys and nonces.
        method, url, query: What was signed; only HMAC-SHA1 needs them.
        header: The ``Authorization`` header or None.

    Returns:
        The :class:`~maas_emulator.core.User` and the token it was signed with,
        (None, None) when it is not signed.

    Raises:
        Answer: 401 with the text of that release.
    """
    given = read_header(header)
    if given is None:
        return None, None
    found = region.consumers.get(given["oauth_consumer_key"])
    if found is None:
        raise _refusal(region, "Invalid consumer." if region.release < "1.6" else None)
    user, token = found
    if given.get("oauth_token") != token.key:
        raise _refusal(region, f"Invalid access token: {given.get('oauth_token')}")
    now = int(time.time())
    stamp = given.get("oauth_timestamp", "0")
    age = now - int(stamp) if stamp.isdecimal() else now
    if age > MAX_AGE:
        raise _refusal(
            region,
            f"Expired timestamp: given {stamp} and now {now} has a greater difference"
            f" than threshold {MAX_AGE}",
        )
    nonce = given.get("oauth_nonce", "")
    if not region.nonces.add((token.key, nonce), now):
        raise _refusal(region, f"Nonce already used: {nonce}")
    expected, base = _signature(given, token.secret, method, url, query)
    if not hmac.compare_digest(given.get("oauth_signature", "").encode(), expected.encode()):
        # MAAS answers with the secret itself here, and a client has to cope with that.
        raise _refusal(
            region, f"Invalid signature. Expected signature base string: {base}", unicode=True
        )
    return user, token


def _signature(given, secret, method, url, query):
    """The right signature, and the text that MAAS shows of it."""
    key = f"&{secret}"
    if given.get("oauth_signature_method") != "HMAC-SHA1":
        return key, key
    pairs = [(k, v) for k, v in given.items() if k not in ("oauth_signature", "realm")]
    pairs += parse_qsl(query, keep_blank_values=True)
    encoded = sorted((quote(k, "~"), quote(v, "~")) for k, v in pairs)
    text = "&".join(f"{k}={v}" for k, v in encoded)
    base = "&".join((method, quote(url, "~"), quote(text, "~")))
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode(), base


def _refusal(region, text, unicode=False):
    """401 as the release words it: 1.5 bare, later quoted as Python shows an error's text."""
    if region.release < "1.6":
        body = text
    elif text is None:
        body = "Authorization Error: Invalid API key."
    else:
        prefix = "u" if unicode and region.release.api == "1.0" else ""
        body = f"Authorization Error: {prefix}'{text}'"
    return Answer(401, body, HTML, {"WWW-Authenticate": 'OAuth realm="OAuth"'})
