"""Keep secrets, and what would act on a terminal, out of every text that may be shown."""

from __future__ import annotations

import base64
import functools
import html
import json
import logging
import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "**********"

# MAAS answers a wrong signature with the right one, and a reused nonce or an
# unknown token with what was sent.
_ECHOES = re.compile(
    r"(?i)(expected signature base string:|invalid access token:|nonce already used:)"
    r"[^\n\"]*"
)
_API_KEY = re.compile(r"\b[A-Za-z0-9]{18}:[A-Za-z0-9]{18}:[A-Za-z0-9]{32}\b")
# Up to the last @, since people forget to quote one, or a slash, in a password; also where
# the URL stands quoted in another or in JSON.
_URI_USER = re.compile(r"(?<=://)[^\s\"'<>]+@|(?<=:\\/\\/)[^\s\"'<>]+@")
_PASSWORD = re.compile(r"://[^\s\"'<>/@:]*:([^\s\"'<>]+)@")
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(?:[\w+/=\s:,-]|\\[nr])*")
_QUOTED_USER = re.compile(r"(?i)(?<=%3a%2f%2f)[^\s\"'<>&]+%40")
#: Characters of a secret that is looked for within words, and in base64.
_LEAST = 4
#: Characters of one mistake that are shown.
MOST = 2000

# These log every signed header at debug level.  The filter holds whatever level is set later.
for _name in (
    "oauthlib.oauth1.rfc5849",
    "oauthlib.oauth1.rfc5849.signature",
    "requests_oauthlib.oauth1_auth",
):
    logging.getLogger(_name).setLevel(logging.WARNING)
    logging.getLogger(_name).addFilter(lambda record: record.levelno >= logging.WARNING)


def redact(text: object, secrets: Iterable[object] = ()) -> str:
    """Take secrets out of a text.

    Args:
        text: Anything that is about to be shown.
        secrets: Values that must not appear in it, such as passwords that
            went into the request; those of less than four characters as words of their own.

    Returns:
        The text with every known secret, plain or encoded (URL, JSON, repr, HTML, base64),
        echoed signature, API key, private key and the user part of every URI replaced by
        asterisks.
    """
    shown = str(text)
    forms = {form for secret in secrets if secret for form in _forms(str(secret))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) < _LEAST:  # it would be found within any text
            shown = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", HIDDEN, shown)
        else:
            shown = shown.replace(form, HIDDEN)
    shown = _ECHOES.sub(rf"\1 {HIDDEN}", shown)
    shown = _API_KEY.sub(HIDDEN, shown)
    shown = _PRIVATE_KEY.sub(rf"\1{HIDDEN}", shown)
    shown = _QUOTED_USER.sub(f"{HIDDEN}%40", shown)
    return _URI_USER.sub(f"{HIDDEN}@", shown)


def without_users(value: Any) -> Any:
    """Return a value with the user part of every URL in it, however deep, replaced by asterisks."""
    if isinstance(value, dict):
        return {name: without_users(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_users(one) for one in value]
    if isinstance(value, str) and "://" in value:
        return _URI_USER.sub(f"{HIDDEN}@", value)
    return value


def passwords_in(values: Iterable[str]) -> list[str]:
    """Return the passwords that stand in URLs among some texts, to be looked for alone."""
    return [found for value in values if "://" in value for found in _PASSWORD.findall(value)]


@functools.lru_cache(maxsize=256)
def _forms(secret: str) -> frozenset:
    """What stands for a secret in a text, also where that repeats a form which was sent."""
    sent = quote_plus(secret.encode("utf-8", "surrogatepass"))
    return frozenset(_encoded(secret) | _encoded(sent))


def _encoded(secret):
    """A text as it is, and as it stands in URLs, JSON, Python, HTML and base64."""
    data = secret.encode("utf-8", "surrogatepass")
    quoted = [quote(data, safe=safe) for safe in ("", "/", ":", "/:", "~")] + [quote_plus(data)]
    forms = {
        secret,
        *quoted,
        *(re.sub("%..", lambda code: code[0].lower(), one) for one in quoted),
        *(json.dumps(secret, ensure_ascii=one)[1:-1] for one in (True, False)),
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        repr(secret)[1:-1],
        repr(data)[2:-1],
        html.escape(secret),
    }
    if len(data) >= _LEAST:
        for before in range(3):  # it may begin at any of the three places of a group
            coded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
            # What the neighbours have a share in is left out.
            coded = coded[(0, 2, 3)[before] : len(coded) - bool((before + len(data)) % 3)]
            forms |= {coded, coded.replace("+", "-").replace("/", "_")}
    return forms


def visible(text: object) -> str:
    """Make control characters seen that would act on a terminal or a log.

    Args:
        text: Anything that is about to be shown, such as what a region answered.

    Returns:
        The text with escape sequences, carriage returns, characters that turn the direction of
        writing and the like as ``\\x1b``; line feeds and tabs stay.
    """
    shown = text if isinstance(text, str) else str(text)
    if shown.isprintable():
        return shown
    return "".join(one if _harmless(one) else _escaped(one) for one in shown)


def one_line(text: object) -> str:
    """As :func:`visible`, on one line of at most :data:`MOST` characters.

    Args:
        text: A mistake in what somebody gave, whose keys and values may be of any length.
    """
    shown = visible(text).replace("\n", "\\n")
    return shown if len(shown) <= MOST else f"{shown[:MOST]}..."


def _harmless(one: str) -> bool:
    # Cc: control; Cf: format, such as of direction; Zl, Zp: line ends that few expect; Cs: halves.
    return one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cf", "Zl", "Zp", "Cs")


def _escaped(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode()
