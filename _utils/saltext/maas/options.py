"""Check options of Salt's configuration against a JSON schema; every mistake is one line."""

from __future__ import annotations

import math
from collections.abc import Mapping

#: Schemas of options that several rooms have.
SECONDS = {"type": "number", "exclusiveMinimum": 0, "allowed": "a number above 0"}
BOOLEAN = {"type": "boolean", "allowed": "true or false"}
TEXT = {"type": "string", "allowed": "text"}


def whole(least: int, most: int) -> dict:
    """Return the schema of a whole number within limits."""
    allowed = f"a whole number from {least} to {most}"
    return {"type": "integer", "minimum": least, "maximum": most, "allowed": allowed}


def one_of(*values: str) -> dict:
    """Return the schema of an option that takes one of some values."""
    return {"enum": list(values), "allowed": f"one of: {', '.join(values)}"}


def problems(options: Mapping, schemas: Mapping[str, dict], where: str = "") -> list[str]:
    """List what is wrong with options, in the order of their schemas.

    Args:
        options: The options by name.
        schemas: JSON schemas by name; ``allowed`` in one ends the sentence "… must be …".
        where: Path of the options in the configuration, such as ``maas.fleet``.

    Returns:
        A line for each mistake: the option's path, its value and what is allowed.

    Example:
        ``problems({"batch": 0}, {"batch": whole(1, 10)}, "maas.fleet")`` returns
        ``["maas.fleet:batch: 0 must be a whole number from 1 to 10"]``.
    """
    import jsonschema  # takes a while to import

    prefix = f"{where}:" if where else ""
    unknown = [str(name) for name in options if name not in schemas]
    found = [f"{prefix}{name}: unknown; allowed: {', '.join(schemas)}" for name in unknown]
    # YAML's numbers are what they look like: 2.0 is not whole, true is no number.
    types = jsonschema.Draft7Validator.TYPE_CHECKER.redefine_many({
        "integer": lambda _, value: type(value) is int,
        "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        "array": lambda _, value: isinstance(value, (list, tuple)),
    })  # fmt: skip
    draft = jsonschema.validators.extend(jsonschema.Draft7Validator, type_checker=types)
    for error in draft({"properties": schemas}).iter_errors(dict(options)):
        path = ":".join(one for one in error.absolute_path if isinstance(one, str))
        found.append(f"{prefix}{path}: {error.instance!r} must be {error.schema['allowed']}")
    return list(dict.fromkeys(found))
