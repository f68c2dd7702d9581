"""What MAAS takes for a field beside its kind: one rule each, with the releases that hold to it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from saltext.maas.release import Release

#: Spans of releases ``(since, up_to)`` in which MAAS clears a field.
ALWAYS = (("", ""),)
NEVER = ()


def up_to(release: str) -> tuple:
    """Return the span that ends with a release."""
    return (("", release),)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        allowed: What a value must be, as the end of a sentence.
        test: Whether a normal value is that.
        since, up_to: First and last release that hold to it.
    """

    allowed: str
    test: Callable[[Any], bool]
    since: str = ""
    up_to: str = ""

    def holds_for(self, release: Release | None) -> bool:
        """Return whether a release holds to it; without one, whether all do."""
        if release is None:
            return not self.since and not self.up_to
        return release.within(self.since, self.up_to)

    def broken_by(self, value: Any, release: Release | None) -> bool:
        """Return whether a value is refused; a reference to a secret is not known yet."""
        if value is None or (isinstance(value, str) and value.startswith("sdb://")):
            return False
        return self.holds_for(release) and not self.test(value)


def matches(pattern: str, allowed: str, since: str = "", up_to: str = "", flags: int = 0) -> Rule:
    """Return a rule for text of a form, and for each word of a list."""
    form = re.compile(pattern, flags)
    return each(lambda word: form.fullmatch(str(word)) is not None, allowed, since, up_to)


def each(test: Callable, allowed: str, since: str = "", up_to: str = "") -> Rule:
    """Return a rule for a value, or for each of a list."""

    def all_of(value):
        return all(map(test, value)) if isinstance(value, (list, tuple)) else test(value)

    return Rule(allowed, all_of, since, up_to)


def one_of(*words: str, since: str = "", up_to: str = "") -> Rule:
    """Return a rule that a value, or each word of a list, is one out of a few."""
    return each(lambda word: word in words, f"one of: {', '.join(map(str, words))}", since, up_to)


def longest(number: int, since: str = "", up_to: str = "") -> Rule:
    """Return a rule for the length of text."""
    allowed = f"text of up to {number} characters"
    return Rule(allowed, lambda value: len(str(value)) <= number, since, up_to)


def is_address(text: str) -> bool:
    """Return whether text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
#: Characters of a model's name in MAAS from 2.4 on; before, each type has its own.
MODEL_NAME = matches(
    r"\w[ \w-]*", "letters, digits, spaces, _ and -, with no space or - in front", "2.4"
)


def is_domain_name(text: str) -> bool:
    """Return whether MAAS takes text as the name of a domain, or of a server in a record."""
    return len(text) <= 255 and _NAME.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Return whether text is an IP address, or a host name, whose first label has no underscore."""
    if ":" in text or re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", text):
        return is_address(text)
    label = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
    first, *rest = text.split(".")
    return len(text) <= 255 and "_" not in first and all(map(label.fullmatch, [first, *rest]))


_URL_LABEL = re.compile(r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?")
_TOP = re.compile(r"(?!-)(?:[a-z-]{2,63}|xn--[a-z0-9-]{1,59})(?<!-)", re.I)


def is_url(text: str) -> bool:
    """Return whether text is a URL as Django's forms take it.

    It has a scheme, and for a host an address, ``localhost`` or a name of several labels.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme.lower() not in ("http", "https", "ftp", "ftps") or re.search(r"\s", text):
        return False
    if is_address(host) or host == "localhost":
        return True
    *labels, top = host.rstrip(".").split(".")
    named = labels and all(map(_URL_LABEL.fullmatch, labels))
    return bool(named) and _TOP.fullmatch(top) is not None


URL = Rule(
    "a URL such as http://proxy.example.com:3128/, with the host's full name or address", is_url
)

WORD_1X = matches(
    r"[\w-]+", "a word of ASCII letters, digits, _ and -", up_to="1.10", flags=re.ASCII
)
#: Names without a blank, such as those of fabrics.
WORD = (matches(r"[\w-]+", "a word of letters, digits, _ and -"), WORD_1X, longest(256))
#: Names with blanks.
BLANKS = (
    matches(r"[ \w-]+", "letters, digits, spaces, _ and -", up_to="2.3"),
    matches(r"[ \w-]+", "ASCII letters, digits, spaces, _ and -", up_to="1.10", flags=re.ASCII),
    MODEL_NAME, longest(256),
)  # fmt: skip
