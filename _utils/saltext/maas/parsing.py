"""JSON and YAML from elsewhere: files that others may have touched, what minions and hosts say."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

#: How deep a value may be nested, and how many values it may have where it names some repeatedly.
DEEPEST, _MOST = 100, 10_000_000
_DIGITS = 18  # of a whole number


class _Loader(yaml.SafeLoader):
    """Reads plain values; what is nested deep takes it ever longer, and is refused at once."""

    def fetch_flow_collection_start(self, kind):
        if self.flow_level > DEEPEST:
            raise RecursionError
        super().fetch_flow_collection_start(kind)

    def add_indent(self, column):
        if len(self.indents) > DEEPEST:
            raise RecursionError
        return super().add_indent(column)


def of_json(text: str | bytes, form: Any = object) -> Any:
    """Return what JSON says, once it was seen to have some form.

    Args:
        text: The JSON.
        form: What it has to look like, see :mod:`saltext.maas.client.shape`.

    Raises:
        ValueError: It is none, is nested too deep, or has another form; the error shows nothing
            of it.

    Example:
        ``of_json('{"at": 1}', {"at": int})``
    """
    try:
        found = json.loads(text, parse_constant=_refuse, parse_int=_whole, parse_float=_real)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON that can be read") from None
    from saltext.maas.client import shape  # not all who read YAML have the client's libraries

    mistake = shape.mistake(found, form)
    if mistake:
        raise ValueError(mistake)
    return found


def _refuse(constant):
    raise ValueError(constant)  # NaN and the infinities, which JSON does not have


def _whole(digits):
    if len(digits) > _DIGITS:  # more than what follows can reckon with
        raise ValueError
    return int(digits)


def _real(digits):
    found = float(digits)
    if math.isinf(found):
        raise ValueError
    return found


def of_yaml(text: Any) -> Any:
    """Return what YAML says, with plain values alone: no tag makes an object.

    Args:
        text: The YAML, or a stream of it.

    Raises:
        ValueError: It is none, is nested too deep, or grows beyond measure where its anchors are
            followed; the error shows nothing of it but the line.
        UnicodeDecodeError: A stream is no text.
    """
    try:
        found = yaml.load(text, _Loader)  # nosec B506 # it is a safe one
        whole = _size(found, {})
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)  # its text would quote the line
        raise ValueError(f"no YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    except UnicodeDecodeError:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError):  # such as the 13th month
        raise ValueError("YAML with a value that is none of its type") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if whole > _MOST:
        raise ValueError("a value that its own anchors multiply")
    return found


def _size(value, known, depth=0) -> int:
    """How many values there are in a value, those counted anew that an anchor repeats."""
    if not isinstance(value, (dict, list)):
        return 1
    if depth > DEEPEST:
        raise RecursionError
    if id(value) not in known:
        known[id(value)] = _MOST  # until it is known: it may be within itself
        inside = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(one, known, depth + 1) for one in inside)
    return known[id(value)]
