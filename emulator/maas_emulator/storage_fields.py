"""Kinds of fields that forms about storage have."""

from __future__ import annotations

import math
import re

from maas_emulator import forms_2x, storage
from maas_emulator.forms import bad_range
from maas_emulator.forms_2x import INVALID, Refused

_BYTES = re.compile(r"^-?[0-9]+([KkMmGgTtPpEe]{1})?$")
_PERCENT = re.compile(r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$")
_UUID4 = re.compile(
    r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?4[0-9a-fA-F]{3}-?[89abAB][0-9a-fA-F]{3}-?[0-9a-fA-F]{12}$"
)
_POWERS = "KMGTPE"


def _text(value):
    return "" if value is None else str(value).strip()


def _number(text):
    unit = text[-1].upper()
    if unit in _POWERS:
        return int(text[:-1]) * 1000 ** (_POWERS.index(unit) + 1)
    return int(text)


def size(name, low=None, high=None, **more):
    """A size in bytes, or with a letter for a power of 1000."""

    def python(value):
        text = _text(value)
        if not text:
            return None
        if not _BYTES.match(text):
            raise Refused(INVALID)
        found = _number(text)
        problem = bad_range(low, high, found)
        if problem:
            raise Refused(problem)
        return found

    return forms_2x.Field(name, python, **{"model": None, **more})


def size_or_part(name, of):
    """A size in bytes, or a part of one (``50%``).

    Args:
        name: Of the field.
        of: Function to the size that it is a part of.
    """

    def python(value):
        text = _text(value)
        if not text:
            return None
        if _PERCENT.match(text):
            return math.ceil(of() * float(text.rstrip("%")) / 100)
        if not _BYTES.match(text):
            raise Refused(INVALID)
        return _number(text)

    return forms_2x.Field(name, python, model=None)


def uuid4(name="uuid", **more):
    """A UUID of the random kind."""

    def python(value):
        text = _text(value)
        problems = []
        if text and len(text) < 32:
            text_of = "Ensure this value has at least 32 characters (it has {})."
            problems.append(text_of.format(len(text)))
        if text and len(text) > 36:
            problems.append(f"Ensure this value has at most 36 characters (it has {len(text)}).")
        if text and not _UUID4.match(text):
            problems.append(INVALID)
        if problems:
            raise Refused(*problems)
        return text or None

    return forms_2x.Field(name, python, **{"model": None, **more})


def path(name, required=False, **more):
    """An absolute path."""

    def python(value):
        text = _text(value)
        if text and not re.search(r"^(?:/[^/]*)*$", text):
            raise Refused(INVALID)
        return text

    return forms_2x.Field(name, python, required=required, **{"model": None, **more})


def text(name, required=False):
    """A text of no model."""
    return forms_2x.text(name, required=required, model=None)


def choice(name, choices, required=False):
    """One of some texts."""
    return forms_2x.choice(name, choices, required=required, model=None)


def listed_choice(name, choices):
    """One of some ids; the message about others lists them."""

    def python(value):
        given = _text(value)
        if given and given not in [str(item) for item in choices]:
            listed = ", ".join(f"'{item}'" for item in choices)
            raise Refused(f"'{given}' is not a valid {name}.  It should be one of: {listed}.")
        return int(given) if given else None

    return forms_2x.Field(name, python, model=None)


def free(region, node, kind):
    """The devices of a machine that nothing is on yet, as ``{id or name: key}``."""
    found = {}
    if kind == storage.DISK:
        for row in storage.disks_of(region, node):
            key = (kind, row["id"])
            if not row["table"] and not storage.filesystems_of(region, key):
                found.update({str(row["id"]): key, row["name"]: key})
        return found
    for disk in storage.disks_of(region, node):
        for row in storage.partitions_of(region, disk):
            key = (kind, row["id"])
            if not storage.filesystems_of(region, key):
                name = f"{storage.disk_name(region, disk)}-part{row['index']}"
                found.update({str(row["id"]): key, name: key})
    return found


def taken(region, keys):
    """Devices as ``{id or name: key}``."""
    found = {}
    for key in keys:
        row = storage.device(region, key)
        name = row.get("name")
        if key[0] == storage.PARTITION:
            disk = region.rows("disks")[row["disk"]]
            name = f"{storage.disk_name(region, disk)}-part{row['index']}"
        found.update({str(row["id"]): key, name: key})
    return found


def devices(name, choices):
    """Several devices by ids or names; the order is that of the devices."""

    def python(values):
        for value in values:
            if str(value) not in choices:
                text = f"Select a valid choice. {value} is not one of the available choices."
                raise Refused(text)
        return sorted({choices[str(value)] for value in values})

    return forms_2x.Field(name, python, many=True, model=None)


def device(name, choices, required=False):
    """One device by id or name."""

    def python(value):
        given = _text(value)
        if given and given not in choices:
            text = f"Select a valid choice. {given} is not one of the available choices."
            raise Refused(text)
        return choices[given] if given else None

    return forms_2x.Field(name, python, required=required, model=None)
