"""Forms of API 1.0, carried out as Django 1.6 does it.

A form takes the value that an object has where a field was not sent. It cleans each field, then
what several have to do with each other, then the object that it would make; texts keep their white
space. What is found wrong on storing comes later, and is answered with another content type.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from maas_emulator.forms import (
    BAD_IP,
    BAD_SERVER,
    REQUIRED,
    WHOLE_NUMBER,
    bad_range,
    not_a_choice,
    truth,
)
from maas_emulator.web import BARE_JSON, Invalid

ALL = "__all__"
BAD_VALUE = "Enter a valid value."
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
#: Python 2's ``\\w`` without the Unicode flag, as the patterns of MAAS are compiled.
WORDS = re.compile(r"[a-zA-Z0-9_ -]+\n?\Z")
SLUG = re.compile(r"[a-zA-Z0-9_-]+\n?\Z")
_URL = re.compile(
    r"(http|ftp)s?://"
    r"(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,6}\.?|[a-z0-9-]{2,}\.?)|localhost"
    r"|\d{1,3}(\.\d{1,3}){3}|\[?[a-f0-9]*:[a-f0-9:]+\]?)"
    r"(:\d+)?(/?|[/?]\S+)\n?\Z",
    re.IGNORECASE,
)
_IPV4 = re.compile(
    r"(25[0-5]|2[0-4]\d|[0-1]?\d?\d)(\.(25[0-5]|2[0-4]\d|[0-1]?\d?\d)){3}\n?\Z", re.A
)


class Wrong(Exception):
    """What is wrong: a text about one field or the whole, or ``{field: [text, ...]}``."""

    def __init__(self, errors):
        super().__init__(errors)
        self.errors = errors

    def by_field(self, name=ALL):
        """``{field: [text, ...]}``; a bare text is about the named field."""
        return self.errors if isinstance(self.errors, dict) else {name: [self.errors]}


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Attributes:
        clean: From what was sent (not empty) to a value; raises :class:`Wrong`.
        required: Refuse an empty value.
        empty: What an empty value becomes; None leaves what the object has.
        many: Takes all values that were sent, as a list.
        pattern: Compiled pattern that the object's value has to match, unless it is empty.
        message: What is said when it does not; ``{}`` stands for the value.
    """

    clean: Callable = str
    required: bool = False
    empty: object = ""
    many: bool = False
    pattern: re.Pattern | None = None
    message: str = BAD_VALUE

    def read(self, value):
        """Clean one value."""
        if value in (None, "", []):
            if self.required:
                raise Wrong(REQUIRED)
            return self.empty
        return self.clean(value)

    def needed(self):
        """The same field, required."""
        return replace(self, required=True)


def too_long(text, longest):
    """The message for a text that is too long, or None."""
    if longest and len(text) > longest:
        return f"Ensure this value has at most {longest} characters (it has {len(text)})."
    return None


def text(longest=None, pattern=None, shortest=0, **options):
    """A text.

    Args:
        longest, shortest: Characters that it may and must have.
        pattern: Compiled pattern that it has to match, once all of the form is read.
        options: Further ones of :class:`Field`.
    """

    def clean(value):
        value = str(value)
        problem = too_long(value, longest)
        if len(value) < shortest:
            start = f"Ensure this value has at least {shortest} characters"
            problem = f"{start} (it has {len(value)})."
        if problem:
            raise Wrong(problem)
        return value

    return Field(clean, pattern=pattern, **options)


def as_ip(value):
    """An IPv4 or IPv6 address in its usual form."""
    value = str(value)
    if ":" in value:
        try:
            return str(ipaddress.IPv6Address(value.strip()))
        except ValueError:
            raise Wrong("This is not a valid IPv6 address.") from None
    if not _IPV4.match(value):
        raise Wrong(BAD_IP)
    return value


def as_url(value, message="Enter a valid URL."):
    """A URL, to which scheme and path are added where they are missing."""
    value = str(value)
    parts = urlsplit(value)
    scheme, host, path = parts.scheme or "http", parts.netloc, parts.path
    if re.match(r"\d[a-z0-9+.-]*:.*\D|[a-z0-9+.-]+:\d+\Z", value, re.IGNORECASE):
        # Python 2 takes digits at the start for a scheme's, and a number for a port.
        before, _, rest = value.partition(":")
        scheme, host, path = ("http", value, "") if rest.isdecimal() else (before, "", rest)
    if not host:
        host, slash, path = path.partition("/")
        path = slash + path
    url = urlunsplit((scheme, host, path or "/", parts.query, parts.fragment))
    try:
        plain = urlunsplit((scheme, host.encode("idna").decode(), "/", "", ""))
    except UnicodeError:
        plain = ""
    if not _URL.match(url) and not _URL.match(plain):
        raise Wrong(message)
    return url


def as_ips(value):
    """Addresses with white space or commas between them, as words."""
    words = str(value).replace(",", " ").split()
    for word in words:
        try:
            as_ip(word)
        except Wrong:
            raise Wrong(BAD_SERVER.format(word)) from None
    return " ".join(words)


def number(low=None, high=None, **options):
    """A whole number; none leaves what the object has."""

    def clean(value):
        try:
            found = int(str(value))
        except ValueError:
            raise Wrong(WHOLE_NUMBER) from None
        problem = bad_range(low, high, found)
        if problem:
            raise Wrong(problem)
        return found

    return Field(clean, empty=None, **options)


def choice(choices, coerce=str, message=None, **options):
    """One of some values."""

    def clean(value):
        if str(value) not in [str(item) for item in choices]:
            raise Wrong(message.format(value) if message else not_a_choice(value))
        return coerce(value)

    return Field(clean, **options)


def one_of(choices, label, **options):
    """One of some texts, which a message about another one lists."""
    listed = ", ".join(f"'{item}'" for item in choices)
    message = f"'{{}}' is not a valid {label}.  It should be one of: {listed}."
    return choice(choices, message=message, **options)


IP = Field(as_ip)
IPS = Field(as_ips)
URL = Field(as_url)
BOOLEAN = Field(truth, empty=False)


class ModelForm:
    """A form for one object.

    Subclasses say what it has, and override what they need of ``clean_NAME(value)`` (one field),
    ``clean`` (several), ``check_fields`` and ``check_object`` (the object) and ``check_unique``
    (among others).

    Args:
        request: The call.
        stored: The object that an update changes, None for a new one.

    Attributes:
        cleaned: Values of the fields that are right so far.
        errors: ``{field: [text, ...]}`` of what is wrong so far.
        values: Of the object; those of ``defaults`` where it is new.
    """

    #: ``{name: Field}``, in order.
    fields: dict = {}
    #: What a new object has before any field is read.
    defaults: dict = {}

    def __init__(self, request, stored=None):
        if not request.bound:
            raise Invalid({})
        self.region = request.region
        self.release = request.region.release
        self.form = request.form
        self.stored = stored
        self.cleaned = {}
        self.errors = {}
        self.values = {}

    # -- what a form may override --------------------------------------------------------------

    def initial(self):
        """Values of fields that were not sent."""
        return self.stored or {}

    def clean(self):
        """Check what fields have to do with each other; raises :class:`Wrong`."""

    def check_fields(self, excluded):
        """Check the object in ``values``, but for ``excluded`` fields, if their patterns match."""

    def check_object(self, excluded):
        """Check the object in ``values``, whether or not its fields are right."""

    def check_unique(self, excluded):
        """Check that no other object is the same."""

    # -- the way through -----------------------------------------------------------------------

    def set_error(self, name, message):
        """Let this message be all that is wrong with a field, whose value stays."""
        self.errors[name] = [message]

    def read(self):
        """The values to store.

        Raises:
            Invalid: 400 with what is wrong.
        """
        initial = self.initial()
        for name, field in self.fields.items():
            self._read_field(name, field, initial)
        try:
            self.clean()
        except Wrong as wrong:
            self._take(wrong)
        self.cleaned = {k: v for k, v in self.cleaned.items() if v is not None}
        self.values = {**self.defaults, **(self.stored or {}), **self.cleaned}
        for check in (self._clean_fields, self.check_object, self.check_unique):
            try:
                check(set(self.errors) | self.outside())
            except Wrong as wrong:
                self._take(wrong)
        if self.errors:
            raise Invalid(self.errors)
        self.check_again()
        return self.values

    def outside(self):
        """Fields of the object that are not of the form: storing checks them, the form does not."""
        return set()

    def check_again(self):
        """Check the whole object, as storing it does.

        Raises:
            Invalid: 400 with what is wrong, of the content type that has then.
        """
        found: dict = {}
        for check in (self._clean_fields, self.check_object, self.check_unique):
            try:
                check(set(found))
            except Wrong as wrong:
                for name, messages in wrong.by_field().items():
                    found.setdefault(name, []).extend(messages)
        if found:
            raise Invalid(found, BARE_JSON)

    def _clean_fields(self, excluded):
        found = {}
        for name, field in self.fields.items():
            value = self.values.get(name)
            asked = field.pattern and value and name not in excluded
            if asked and not field.pattern.match(value):
                found[name] = [field.message.format(value)]
        if found:
            raise Wrong(found)
        self.check_fields(excluded)

    def _read_field(self, name, field, initial):
        if name in self.form:
            value = self.form.getlist(name) if field.many else self.form.get(name)
        else:
            value = initial.get(name)
        try:
            self.cleaned[name] = field.read(value)
            hook = getattr(self, f"clean_{name}", None)
            if hook:
                self.cleaned[name] = hook(self.cleaned[name])
        except Wrong as wrong:
            errors = wrong.by_field(name)
            self.errors.setdefault(name, []).extend(errors.get(name) or errors[ALL])
            self.cleaned.pop(name, None)

    def _take(self, wrong):
        for name, messages in wrong.by_field().items():
            self.errors.setdefault(name, []).extend(messages)
            if name != ALL:
                self.cleaned.pop(name, None)
