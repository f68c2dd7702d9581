"""OAuth 1 as MAAS checks it: consumer, token, age, nonce and signature, in this order.

oauthlib reads headers and makes signatures. Its own endpoint is not used: it checks everything
in constant time and answers every mistake alike, where MAAS says what is wrong.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from urllib.parse import parse_qs, unquote

from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature, utils

from maas_emulator.web import HTML, TEXT, Answer

MAX_AGE = 300

#: Without one of these in its header, a request counts as not signed.
_NEEDED = [
    f"oauth_{name}"
    for name in ("consumer_key", "token", "signature", "signature_method", "timestamp", "nonce")
]


def read_header(header):
    """Return the parameters of a header ``Authorization: OAuth ...``, None for any other.

    Raises:
        ValueError: It cannot be read.
    """
    if not header or not all(name in header for name in _NEEDED):
        return None
    if not header.lower().startswith("oauth "):
        return None
    return {name: unquote(value) for name, value in utils.parse_authorization_header(header)}


class Nonces:
    """The latest nonces, as long as their requests are not too old anyway.

    Args:
        limit: How many are kept at most.
    """

    #: A nonce is added and two old ones are dropped, so that nothing ever has to be swept.
    _DROPPED = 2

    def __init__(self, limit=100_000):
        self._seen: OrderedDict[tuple, float] = OrderedDict()
        self._limit = limit

    def __len__(self):
        return len(self._seen)

    def add(self, key, now):
        """Remember a nonce; return False when it was used before."""
        for _ in range(self._DROPPED):
            if not self._seen:
                break
            oldest = next(iter(self._seen.values()))  # they are in the order in which they came
            if now - oldest <= 2 * MAX_AGE and len(self._seen) < self._limit:
                break
            self._seen.popitem(last=False)
        if now - self._seen.get(key, float("-inf")) <= 2 * MAX_AGE:
            return False
        self._seen[key] = now
        self._seen.move_to_end(key)
        return True


def authenticate(region, request, raw_path, query):
    """Find the user who signed a request.

    Args:
        region: The region that knows keys and nonces.
        request: The :class:`~maas_emulator.web.Request`.
        raw_path, query: As they were sent.

    Returns:
        The :class:`~maas_emulator.core.User` and the token it was signed with,
        (None, None) when it is not signed, or by a user whose OIDC provider is disabled.

    Raises:
        Answer: 401 with the text of that release.
    """
    try:
        given = read_header(request.headers.get("authorization"))
    except ValueError:
        raise _refusal(
            region, "Unable to parse OAuth parameters from Authorization header."
        ) from None
    if given is None:
        return None, None
    if region.release >= "3.8":
        _check_stamp(given["oauth_timestamp"])
    found = region.consumers.get(given["oauth_consumer_key"])
    if found is None:
        raise _refusal(region, "Invalid consumer." if region.release < "1.6" else None)
    user, token = found
    if given["oauth_token"] != token.key:
        raise _refusal(region, f"Invalid access token: {given['oauth_token']}")
    _check_age(region, given["oauth_timestamp"])
    if not region.nonces.add((token.key, given["oauth_nonce"]), time.time()):
        raise _refusal(region, f"Nonce already used: {given['oauth_nonce']}")
    expected, base = _signature(given, token.secret, request, raw_path, query)
    if not hmac.compare_digest(given["oauth_signature"].encode(), expected.encode()):
        # MAAS answers with the secret itself here, and a client has to cope with that.
        raise _refusal(
            region, f"Invalid signature. Expected signature base string: {base}", unicode=True
        )
    if user.provider is not None:  # such an account counts while its provider is enabled
        row = region.rows("oidc_providers").get(user.provider)
        if row is None or not row["enabled"]:
            return None, None
    return user, token


def _check_stamp(stamp):
    try:
        int(stamp)
    except ValueError:
        text = (
            "Bad Request: the following problems were found among the auth params: oauth_timestamp"
        )
        raise Answer(400, f"'{text} has an unexpected type'", TEXT) from None


def _check_age(region, stamp):
    now = int(time.time())
    try:
        age = now - int(stamp)
    except ValueError as error:
        raise Answer(500, str(error), TEXT) from None
    if age > MAX_AGE:
        raise _refusal(
            region,
            f"Expired timestamp: given {stamp} and now {now} has a greater difference"
            f" than threshold {MAX_AGE}",
        )


def _signature(given, secret, request, raw_path, query):
    """The right signature, and the text that MAAS shows of it."""
    client = Client(given["oauth_consumer_key"], "", resource_owner_secret=secret)
    method = given["oauth_signature_method"]
    if method == "PLAINTEXT":
        text = signature.sign_plaintext_with_client(None, client)
        return text, text
    if method != "HMAC-SHA1":
        text = f"Signature method {method} not supported try one of the following: "
        raise _refusal(request.region, text + "PLAINTEXT, HMAC-SHA1")
    pairs = _signed_pairs(given, request, query)
    base = signature.signature_base_string(
        request.method,
        f"http://{request.headers.get('host', '')}{raw_path}",
        signature.normalize_parameters(pairs),
    )
    return signature.sign_hmac_sha1_with_client(base, client), base


def _signed_pairs(given, request, query):
    """What HMAC-SHA1 signs: one value of each name, and of bodies only a form that is posted."""
    found = {}
    if request.method == "POST" and request.content_type == "application/x-www-form-urlencoded":
        request.read_body()
        found = {name: request.form.get(name) for name in request.form}
    found.update(given)
    found.update({name: unquote(values[0]) for name, values in parse_qs(query).items()})
    return [(name, found[name]) for name in found if name not in ("oauth_signature", "realm")]


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
