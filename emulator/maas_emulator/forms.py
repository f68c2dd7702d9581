"""Validation in the words of MAAS's forms."""

from __future__ import annotations

import ipaddress
import re

from maas_emulator.web import Invalid

REQUIRED = "This field is required."
WHOLE_NUMBER = "Enter a whole number."
BAD_SERVER = "Invalid IP address: {}; provide a list of space-separated IP addresses"
BAD_IP = "Enter a valid IPv4 or IPv6 address."
_LABEL = r"[a-z\u00a1-\uffff0-9](?:[a-z\u00a1-\uffff0-9-]{0,61}[a-z\u00a1-\uffff0-9])?"
_TOP = r"(?!-)(?:[a-z\u00a1-\uffff-]{2,63}|xn--[a-z0-9]{1,59})(?<!-)"
_URL = re.compile(
    rf"(https?|ftps?)://([^\s:@/]+(:[^\s:@/]*)?@)?(({_LABEL}\.)+{_TOP}\.?|(\d{{1,3}}\.){{3}}\d{{1,3}})"
    r"(:\d{2,5})?([/?#]\S*)?\Z",
    re.IGNORECASE,
)
_LOCAL_URL = re.compile(r"https?://(localhost|\[[0-9a-f:.]+\])(:\d+)?([/?#]\S*)?\Z", re.IGNORECASE)


def truth(value):
    """A form's boolean: only ``false`` (any case) and nothing are false, even ``0`` is not."""
    if isinstance(value, str):
        return value.lower() not in ("false", "")
    return bool(value)


def is_url(text):
    """Whether MAAS takes it for a URL: a host with a dot, ``localhost`` or an address."""
    return bool(_URL.match(text) or _LOCAL_URL.match(text))


def is_ip(text):
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def not_a_choice(value):
    """The message for a value that is none of the choices."""
    return f"Select a valid choice. {value} is not one of the available choices."


def bad_range(low, high, number):
    """The message for a number out of its bounds, or None."""
    if low is not None and number < low:
        return f"Ensure this value is greater than or equal to {low}."
    if high is not None and number > high:
        return f"Ensure this value is less than or equal to {high}."
    return None


class Check:
    """Reads the fields of a request and collects what is wrong with them.

    Args:
        request: The call. Unbound ones (no form at all) are refused at once.
        stored: The object that an update changes; its values stand for absent fields.

    Raises:
        Invalid: 400 ``{}`` for an unbound request.
    """

    def __init__(self, request, stored=None):
        if not request.bound:
            raise Invalid({})
        self.form = request.form
        self.stored = stored
        self.errors: dict[str, list[str]] = {}

    def error(self, field, message):
        """Note a message for a field (``__all__`` for the object as a whole)."""
        self.errors.setdefault(field, []).append(message)

    def done(self):
        """Raise :class:`Invalid` when there was any error."""
        if self.errors:
            raise Invalid(self.errors)

    def has(self, name):
        """Whether a field was sent."""
        return name in self.form

    def _absent(self, name, default, required):
        if self.stored is not None:
            return self.stored.get(name, default)
        if required:
            self.error(name, REQUIRED)
        return default

    def text(self, name, default="", required=False, longest=None):
        """A text; empty counts as missing where it is required."""
        value = self.form.get(name)
        if value is None:
            return self._absent(name, default, required)
        value = str(value).strip()
        if not value and required:
            return self._absent(name, default, required)
        if longest and len(value) > longest:
            self.error(
                name,
                f"Ensure this value has at most {longest} characters (it has {len(value)}).",
            )
        return value

    def boolean(self, name, default=False):
        """A boolean as :func:`truth` reads it."""
        if name not in self.form:
            return self._absent(name, default, False)
        return truth(self.form.get(name))

    def integer(self, name, default=None, low=None, high=None, required=False):
        """A whole number within bounds; empty counts as missing."""
        value = self.form.get(name)
        if value is None or value == "":
            return self._absent(name, default, required)
        try:
            number = int(value)
        except (TypeError, ValueError):
            self.error(name, WHOLE_NUMBER)
            return default
        problem = bad_range(low, high, number)
        if problem:
            self.error(name, problem)
        return number

    def choice(self, name, choices, default=None, required=False):
        """One of some texts."""
        value = self.form.get(name)
        if value is None or value == "":
            return self._absent(name, default, required)
        if str(value) not in choices:
            self.error(name, not_a_choice(value))
        return str(value)
