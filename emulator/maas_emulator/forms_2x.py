"""Forms of models: the way of a request's values into an object, and what is said on the way.

MAAS's forms take the stored values of fields that were not sent, so that all are read anew on
each change; a field that reads as None stays as it is; then the model looks at the whole object.
Which of these steps notes an error decides what else is noted, and in which content type::

    form = ModelForm(request, FIELDS, row)
    form.read()                       # each field by itself
    ...                               # what looks at several: form.cleaned, form.error()
    form.apply()                      # into form.row; the model's checks of each field
    ...                               # what the model says of the whole
    form.unique("Fabric", rows, "name")
    form.done()                       # 400 when anything was noted
"""

from __future__ import annotations

import ipaddress
import re

from maas_emulator.bodies import Form
from maas_emulator.forms import BAD_IP, REQUIRED, WHOLE_NUMBER, bad_range, is_ip, truth
from maas_emulator.web import BARE_JSON, Invalid

BLANK = "This field cannot be blank."
INVALID = "Enter a valid value."
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
#: What MAAS takes for a MAC address in a form, loosely anchored as there; and what it stores.
_ANY_MAC = re.compile(
    r"^(#:){5}#|(#-){5}#|([0-9a-f]{3,4}.){2}[0-9a-f]{3,4}$".replace("#", "[0-9a-f]{1,2}"),
    re.IGNORECASE,
)
_MAC = re.compile(r"([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}\Z")
EMPTY: tuple = (None, "", [], (), {})


class Refused(Exception):
    """A value is none for its field; the arguments are the messages."""


class Field:
    """A field of a form, and of the model behind it.

    Args:
        name: Of the field.
        python: Turns what was sent into a value, or raises :class:`Refused`.
        required: Whether the form refuses an empty value; ``"later"`` if it should and does not,
            so that only the model notices.
        checks: Of the form: functions of the value to a message or None, for values only.
        model: The same of the model; None when the model has no such field.
        blank: Whether the model takes an empty value; as the form does unless given.
        default: What the model has when nothing was sent on creation.
        key: What the object calls it, where that is another name.
        keeps_none: Whether None is a value of it: an empty field clears it.
        relation: Whether it is another object, which is not looked at when this one is stored.
        tick: A checkbox: what was not sent is False.
        many: All values of a repeated field count, not the last one only.
        cleared: Whether an empty text cleared it before 2.4, with the Django of that time.
    """

    def __init__(self, name, python, *, required=False, checks=(), model=(), blank=None,
                 default=None, key=None, keeps_none=False, relation=False, tick=False,
                 many=False, cleared=False):  # fmt: skip
        self.name = name
        self.key = key or name
        self.python = python
        self.required = required
        self.checks = checks
        self.model = model
        self.blank = not required if blank is None else blank
        self.default = default
        self.keeps_none = keeps_none
        self.relation = relation
        self.tick = tick
        self.many = many
        self.cleared = cleared

    def clean(self, data):
        """The value of a field among the data of a form; raises :class:`Refused`."""
        sent = data.getlist(self.name) if self.many else data.get(self.name)
        if self.tick and self.name not in data:
            sent = False
        value = self.python(sent)
        if self.required is True and value in EMPTY:
            raise Refused(REQUIRED)
        messages = [] if value in EMPTY else _messages(self.checks, value)
        if messages:
            raise Refused(*messages)
        return value

    def problems(self, value):
        """What the model says of a value."""
        if value in EMPTY:
            return [] if self.blank else [BLANK]
        return _messages(self.model, value)


def _messages(checks, value):
    return [message for message in (check(value) for check in checks) if message]


# -- kinds of fields ---------------------------------------------------------------------------


def text(name, *, null=False, longest=None, **more):
    """A text without the blanks around it; where it may be null, an empty one says nothing."""

    def python(value):
        value = "" if value in EMPTY else str(value).strip()
        return None if null and not value else value

    checks = (*more.pop("checks", ()), *((at_most(longest),) if longest else ()))
    return Field(name, python, checks=checks, **more)


def integer(name, *, low=None, high=None, **more):
    """A whole number; an empty one says nothing."""

    def python(value):
        if value in EMPTY:
            return None
        try:
            return int(re.sub(r"\.0*\s*$", "", str(value)))
        except ValueError:
            raise Refused(WHOLE_NUMBER) from None

    checks = (lambda value: bad_range(low, high, value), *more.pop("checks", ()))
    return Field(name, python, checks=checks, **more)


def flag(name, default=False, **more):
    """A checkbox: what is not sent on creation is false, whatever the model's default."""
    return Field(name, truth, tick=True, default=default, **more)


def choice(name, choices, **more):
    """One of some texts."""

    def python(value):
        value = "" if value in EMPTY else str(value)
        if value and value not in choices:
            raise Refused(f"Select a valid choice. {value} is not one of the available choices.")
        return value

    return Field(name, python, **more)


def address(name, **more):
    """An IP address, as text."""

    def python(value):
        value = "" if value in EMPTY else str(value).strip()
        if ":" in value and not is_ip(value):
            raise Refused("This is not a valid IPv6 address.")
        return str(ipaddress.ip_address(value)) if ":" in value else value

    def check(value):
        return None if is_ip(value) else BAD_IP

    return Field(name, python, checks=(check,), **more)


def mac_address(name, **more):
    """A MAC address in the form that MAAS stores; whether there is one, only the model asks."""

    def python(value):
        value = "" if value in EMPTY else str(value).strip()
        if value and not _ANY_MAC.search(value):
            raise Refused(bad_mac(value))
        return normal_mac(value)

    model = (lambda value: None if _MAC.match(value) else bad_mac(value),)
    return Field(name, python, required="later", model=model, **more)


def is_mac(value):
    """Whether MAAS takes a text for a MAC address."""
    return bool(_ANY_MAC.search(value) and _MAC.match(normal_mac(value)))


def is_stored_mac(value):
    """Whether a text is a MAC address in the form that MAAS stores."""
    return bool(_MAC.match(value.lower()))


def normal_mac(value):
    """A MAC address in small letters with colons."""
    parts = re.split(r"[-:.]", value.lower())
    if len(parts) == 1:
        return ":".join(re.findall("..", parts[0]))
    if len(parts) == 3:
        return ":".join(pair for part in parts for pair in re.findall("..", part.zfill(4)))
    return ":".join(part.zfill(2) for part in parts)


def bad_mac(value):
    """The message about what is no MAC address."""
    return f"'{value}' is not a valid MAC address."


def words(name, python=None, **more):
    """A list in one text with commas; of a repeated field only the last one is read."""

    def split(value):
        return [] if value in EMPTY else str(value).split(",")

    return Field(name, python or split, **{"default": [], **more})


def texts(name, **more):
    """Texts, each of which may hold several with commas."""

    def python(values):
        return [word.strip() for value in values for word in str(value or "").split(",")]

    def model(values):
        for number, value in enumerate(values, 1):
            if not value:
                return f"Item {number} in the array did not validate: {BLANK}"
        return None

    return Field(name, python, many=True, **{"default": [], "model": (model,), **more})


def reference(name, find, **more):
    """Another object by what ``find`` takes: a function to its key, or None; empty says nothing."""

    def python(value):
        if value in EMPTY:
            return None
        found = find(value)
        if found is None:
            raise Refused(NO_CHOICE)
        return found

    return Field(name, python, relation=True, **more)


def by_key(rows, among=lambda row: True):
    """For :func:`reference`: an object by its id, if it is among those that may be chosen."""

    def find(value):
        ident = int(value) if str(value).isdecimal() else None
        return ident if ident in rows and among(rows[ident]) else None

    return find


def by_specifier(rows, model, **names):
    """For :func:`reference`: an object by id, ``model-ID``, or ``name:X`` and the like.

    Args:
        rows: The objects.
        model: Name of the model, in lower case.
        names: Prefix to a function that gives that property of an object.
    """

    def find(value):
        value = str(value).strip()
        number = re.fullmatch(rf"(?:{model}-)?(\d+)|(-\d+)", value)
        if number:
            if int(number.group(1) or -1) not in rows:
                raise Refused(f"None found with id={value}.")
            return int(number.group(1))
        prefix, colon, rest = value.partition(":")
        getter, wanted = names.get(prefix), rest
        if not colon or getter is None:
            getter, wanted = names["name"], value
        return next((ident for ident, row in rows.items() if getter(row) == wanted), None)

    return find


def at_most(longest):
    """The check of a text's length."""

    def check(value):
        if len(value) <= longest:
            return None
        return f"Ensure this value has at most {longest} characters (it has {len(value)})."

    return check


def pattern(regex, message=INVALID):
    """The check that a text is of a form; ``{}`` in the message stands for it."""
    compiled = re.compile(regex)

    def check(value):
        return None if compiled.search(str(value)) else message.format(value)

    return check


# -- the form ----------------------------------------------------------------------------------


class ModelForm:
    """A form over an object, or over a new one.

    Args:
        request: The call. Unbound ones (no form at all) are refused at once.
        fields: In the order in which they are read.
        stored: The object that an update changes.
        sent: Another form than the request's.
        merge: Whether fields that were not sent are read from what is stored.

    Attributes:
        data: What is read: the stored values, over them those that were sent.
        cleaned: Values of the fields that were read without an error.
        errors: ``{field: [message, ...]}``.
        row: The object as it becomes.

    Raises:
        Invalid: 400 ``{}`` for an unbound request.
    """

    def __init__(self, request, fields, stored=None, sent=None, merge=True):
        if not request.bound:
            raise Invalid({})
        self.fields = fields
        self.old = request.region.release < "2.4"
        self.stored = stored
        self.sent = request.form if sent is None else sent
        self.data = Form()
        for field in fields:
            if merge and stored is not None and field.model is not None and field.key in stored:
                value = stored[field.key]
                self.data[field.name] = list(value) if isinstance(value, list) else [value]
        self.data.update(self.sent)
        self.errors, self.cleaned = {}, {}
        new = {field.key: field.default for field in fields if field.model is not None}
        self.row = dict(new if stored is None else stored)

    def error(self, name, *messages):
        """Note messages for a field (``__all__`` for the object), whose value does not count."""
        self.note(name, *messages)
        self.cleaned.pop(name, None)

    def note(self, name, *messages):
        """Note messages for a field, whose value goes into the object all the same."""
        self.errors.setdefault(name, []).extend(messages)

    def has(self, name):
        """Whether a field was sent."""
        return name in self.sent

    def read(self, hooks=None):
        """Read the fields.

        Args:
            hooks: ``{field: function}`` of the value that follows at once, to the value.
        """
        for field in self.fields:
            try:
                value = field.clean(self.data)
                if field.cleared and self.old and value is None and self.has(field.name):
                    value = ""
                self.cleaned[field.name] = value
                hook = (hooks or {}).get(field.name)
                if hook:
                    self.cleaned[field.name] = hook(value)
            except Refused as refused:
                self.error(field.name, *refused.args)

    def apply(self):
        """Put what was read into the object, and note what the model says of each field."""
        kept = {field.name for field in self.fields if field.keeps_none}
        self.cleaned = {k: v for k, v in self.cleaned.items() if v is not None or k in kept}
        for field in self.fields:
            if field.model is None or field.name not in self.cleaned:
                continue
            value = self.cleaned[field.name]
            omitted = not field.tick and field.name not in self.data and value in EMPTY
            if not (omitted and field.default is not None):
                self.row[field.key] = value
        for field in self.fields:
            if self._left_out(field):
                continue
            messages = field.problems(self.row.get(field.key))
            if messages:
                self.error(field.name, *messages)

    def _left_out(self, field):
        """Whether the model does not look at a field."""
        if field.model is None or field.name in self.errors:
            return True
        unasked = self.cleaned.get(field.name) in EMPTY
        return not field.blank and not field.required and unasked

    def unique(self, label, rows, *names, message=None, late=False):
        """Note that another object has the same values, unless they are wrong or empty.

        Args:
            label: What the model is called.
            rows: All objects.
            names: Fields that must not be alike together.
            message: Another one than ``LABEL with this ... already exists.``.
            late: Whether only storing the object finds it, which is after :meth:`done`.
        """
        fields = [field for field in self.fields if field.name in names]
        if len(fields) < len(names):
            return
        keys = [field.key for field in fields]
        values = [self.row.get(key) for key in keys]
        if None in values or any(self._left_out(field) for field in fields):
            return
        for row in rows:
            if row is not self.stored and [row.get(key) for key in keys] == values:
                field = names[0] if len(names) == 1 else "__all__"
                self.error(field, message or already_exists(label, *names))
                if late:
                    raise Invalid(self.errors, BARE_JSON)
                return

    def done(self):
        """Raise :class:`Invalid` when there was any error, also one that storing finds."""
        if self.errors:
            raise Invalid(self.errors)
        for field in self.fields:
            if field.model is not None and not field.relation:
                messages = field.problems(self.row.get(field.key))
                if messages and not (field.keeps_none and self.row.get(field.key) is None):
                    self.error(field.name, *messages)
        if self.errors:
            raise Invalid(self.errors, BARE_JSON)


def already_exists(label, *names):
    """The message about a second object."""
    labels = [name.replace("_", " ") for name in names]
    labels = [item[:1].upper() + item[1:] for item in labels]
    listed = ", ".join(labels[:-1]) + " and " + labels[-1] if len(labels) > 1 else labels[0]
    return f"{label} with this {listed} already exists."
