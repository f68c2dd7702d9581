"""Keep secrets out of every text that may be shown, logged or stored."""

from __future__ import annotations

import logging
import re

HIDDEN = "**********"

# MAAS answers a wrong signature with the right one, and a reused nonce or an
# unknown token with what was sent.
_ECHOES = re.compile(
    r"(?i)(expected signature base string:|invalid access token:|nonce already used:)"
    r"[^\n\"]*"
)
_API_KEY = re.compile(r"\b[A-Za-z0-9]{18}:[A-Za-z0-9]{18}:[A-Za-z0-9]{32}\b")
# Up to the last @, since people forget to quote one in a password.
_URI_USER = re.compile(r"(?<=://)[^/\s]+@")

# These log every signed header at debug level.  The filter holds whatever level is set later.
for _name in (
    "oauthlib.oauth1.rfc5849",
    "oauthlib.oauth1.rfc5849.signature",
    "requests_oauthlib.oauth1_auth",
):
    logging.getLogger(_name).setLevel(logging.WARNING)
    logging.getLogger(_name).addFilter(lambda record: record.levelno >= logging.WARNING)


def redact(text: object, secrets=()) -> str:
    """Take secrets out of a text.

    Args:
        text: Anything that is about to be shown.
        secrets: Values that must not appear in it, such as passwords that
            went into the request.

    Returns:
        The text with every known secret, echoed signature, API key and the
        user part of every URI replaced by asterisks.
    """
    shown = str(text)
    for secret in sorted({str(secret) for secret in secrets if secret}, key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    shown = _ECHOES.sub(rf"\1 {HIDDEN}", shown)
    shown = _API_KEY.sub(HIDDEN, shown)
    return _URI_USER.sub(f"{HIDDEN}@", shown)
