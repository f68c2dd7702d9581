"""Docstrings of states and execution modules, from the tables of the resource types."""

from __future__ import annotations

import inspect
import re
import shlex
import string
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from saltext.maas.machines.parameters import (
    EXAMPLES,
    OF_FUNCTIONS,
    OF_STATES,
    PARAMETERS,
    Parameter,
)
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.field import Field
from saltext.maas.resources.table import Table

if TYPE_CHECKING:
    from saltext.maas.cloud import Action

#: What the functions return, by the names under which Salt offers them.
RETURNS = {
    "present": "dict: State return; ``changes`` has old and new values by field.",
    "absent": "dict: State return.",
    "list": "dict: ``{key: {field: value}}``.",
    "get": "dict: ``{field: value}``, or None.",
    "set": "dict: What was changed, by field with old and new; empty if nothing.",
    "add": "dict: What was added; empty if nothing.",
    "delete": "bool: Whether there was one.",
}
_ERRORS = {
    **dict.fromkeys(("list", "get"), "The region cannot be asked."),
    **dict.fromkeys(("set", "add", "delete"), "MAAS refuses, or cannot be asked."),
}
#: What those return, and refuse, that operate machines.
_OPERATED = "dict: ``{name: {status_name, owner, power_state, ...}}``, read after it."
_NOT_OPERATED = (
    "The machine is not in a status for this, MAAS refuses, it failed or did not end in time."
)
#: What every action of the salt-cloud driver takes as well.
_ANY_MACHINE = (
    "With ``--function`` also ``machine``: host name, system id or MAC address of any machine."
)
_FORMATS = {
    "address": "IP address", "addresses": "list of IP addresses", "base64": "base64",
    "email": "e-mail address", "mac": "MAC address", "netmask": "netmask", "network": "CIDR",
    "url": "URL", "vlan": "FABRIC/VID",
}  # fmt: skip
_TYPES = {
    "array": "list", "boolean": "bool", "integer": "int", "number": "float", "object": "dict",
    "string": "str",
}  # fmt: skip
_MOST = 2**31 - 1  # what a number in MAAS's database may be


class Argument(NamedTuple):
    """An argument of a state or function: its name, what it may be, and what it is."""

    name: str
    kind: str
    doc: str


class _About(NamedTuple):
    """What the docstring of a state or function says beside its first lines."""

    arguments: list[Argument]
    returns: str
    error: str  # empty for a state
    name: str  # this and the next are those of the example
    given: dict[str, Any]
    note: str = ""


PROFILE = Argument("profile", "str or dict", "Region to use; see :ref:`profiles`.")


def complete(namespace: dict, type: str) -> None:
    """Complete a module's docstring, and those of its functions that do not say what they return.

    Args:
        namespace: The ``globals()`` of a state or execution module.
        type: Resource type.
    """
    namespace["__doc__"] = of_module(BY_NAME[type], namespace["__doc__"])
    for name, function in namespace.items():
        own = inspect.isfunction(function) and function.__module__ == namespace["__name__"]
        if own and not name.startswith("_"):
            names = inspect.signature(function).parameters
            function.__doc__ = docstring(
                BY_NAME[type], name.removesuffix("_"), names, function.__doc__
            )


def of_module(table: Table, text: str) -> str:
    """Return the complete docstring of a module of a resource type.

    Args:
        table: The table of the resource type.
        text: Its docstring, of which the first line is kept; the others are those of the table.
    """
    more = inspect.cleandoc(type(table).__doc__ or "").partition("\n")[2]
    first = text.partition("\n")[0]
    return f"{first}\n{more}".rstrip()


def docstring(table: Table, function: str, names: Iterable[str], text: str) -> str:
    """Return the complete docstring of a state or function of a resource type.

    Args:
        table: The table of the resource type.
        function: Name under which Salt offers it, such as ``present``.
        names: Names of its arguments.
        text: Its docstring, which is left alone if it says what is returned.
    """
    if "Returns:\n" in text:
        return text
    about = _of_type(table, function) if function in RETURNS else _of_operation(function, names)
    parts = [inspect.cleandoc(text), textwrap.fill(about.note, 96)]
    parts += ["Args:\n" + "\n".join(map(_line, about.arguments))]
    parts += [f"Returns:\n    {about.returns}"]
    if about.error:
        language, example = "bash", _cli(table, function, about.name, about.given)
        parts += [f"Raises:\n{_fill(f'CommandExecutionError: {about.error}')}", "CLI Example:"]
    else:
        language, example = "yaml", _sls(table, function, about.name, about.given)
    parts += [f".. code-block:: {language}", textwrap.indent(example, "    ")]
    return textwrap.indent("\n\n".join(filter(None, parts)), "    ").lstrip() + "\n    "


def complete_actions(namespace: dict, actions: Mapping[str, Action]) -> None:
    """Complete the docstrings of the actions of the salt-cloud driver.

    Args:
        namespace: The driver's ``globals()``.
        actions: Its actions by name.
    """
    for name, action in actions.items():
        namespace[name].__doc__ = of_action(action, namespace[name].__doc__)


def of_action(action: Action, text: str) -> str:
    """Return the complete docstring of an action of the salt-cloud driver.

    Args:
        action: The action.
        text: The first line of its docstring.
    """
    known = {one: _parameter(one, PARAMETERS[one]) for one in action.parameters}
    given = [f"``{one}``: {known[one].doc}" for one in known]
    wait = f"Seconds to wait for the end, {action.seconds} by default; 0 does not wait."
    lines = [
        "name: Of the instance.",
        " ".join(["kwargs:", f"``timeout``: {wait}", *given, _ANY_MACHINE]),
        "call: How salt-cloud calls it.",
    ]
    return "\n\n".join([
        text, "    Args:\n" + "\n".join(textwrap.indent(_fill(one), "    ") for one in lines),
        "    Returns:\n        ``{system_id, machine, status, power_state, locked}``",
        "    CLI Example:", "    .. code-block:: bash",
        f"        salt-cloud {action.example}\n    ",
    ])  # fmt: skip


def _of_type(table: Table, function: str) -> _About:
    """What is to be said of a state or function that each type has."""
    required, optional = arguments(table, function)
    name, given = _given(table, _shown(table, function))
    return _About(
        [*required, *optional, PROFILE], RETURNS[function], _ERRORS.get(function, ""),
        name, given, _note(table, function),
    )  # fmt: skip


def _of_operation(function: str, names: Iterable[str]) -> _About:
    """What is to be said of a state or function that operates machines."""
    state = "machines" in names
    known = {**PARAMETERS, **(OF_STATES if state else OF_FUNCTIONS)}
    described = [PROFILE if one == "profile" else _parameter(one, known[one]) for one in names]
    given = {"name": "web-1", **EXAMPLES.get(function, {})}
    name = given.pop("name")
    if state:
        return _About(described, RETURNS["absent"], "", name, given)
    return _About(described, _OPERATED, _NOT_OPERATED, name, given)


def arguments(table: Table, function: str) -> tuple[list[Argument], list[Argument]]:
    """Return the arguments of a state or function, but for ``profile``: required and optional."""
    named = _named(table)
    only = table.by_name[named[0]]
    first = Argument("name", _kind(only) if len(named) == 1 else "str", table.name_doc or only.doc)
    more = [table.by_name[name] for name in table.identity if name not in named]
    optional: list[Field] = []
    if function == "list":
        return [_argument(field) for field in more if field.name == table.list_by], []
    if function in ("absent", "delete"):
        optional = [field for field in table.fields if field.option]
    elif function != "get":
        identity = {*table.identity, *named}
        optional = [
            field for field in table.fields if not field.option and field.name not in identity
        ]
    return [first, *map(_argument, more)], [*map(_argument, optional)]


def span(since: str, up_to: str) -> str:
    """Return releases in words; empty for all."""
    if since and up_to:
        return since if since == up_to else f"{since} to {up_to}"
    return f"{since} and later" if since else (f"up to {up_to}" if up_to else "")


def _note(table: Table, function: str) -> str:
    """Return what else has to be known of a function."""
    if function in ("present", "set", "add"):
        return table.notes.get("present", "")
    if function not in ("absent", "delete"):
        return ""
    since = f"Needs MAAS {table.delete_since} or later. " if table.delete_since else ""
    return since + table.notes.get("absent", "")


def _argument(field: Field) -> Argument:
    doc = _with_releases(field.doc, span(field.since, field.up_to))
    return Argument(field.argument or field.name, _kind(field), doc)


def _parameter(name: str, given: Parameter) -> Argument:
    doc = _with_releases(given.doc, span(given.since, ""))
    return Argument(name, " or ".join(given.choices) or given.kind, doc)


def _with_releases(doc: str, releases: str) -> str:
    return f"{doc.rstrip('.')} ({releases})." if releases else doc


def _line(argument: Argument) -> str:
    return _fill(f"{argument.name} ({argument.kind}): {argument.doc}")


def _fill(text: str) -> str:
    return textwrap.fill(
        text, 96, initial_indent="    ",
        subsequent_indent="        ", break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _kind(field: Field) -> str:
    """Return what kind of value a field takes, in few words."""
    words = [_plain(field.kind.schema)]
    words += [
        rule.allowed.removeprefix("text of ")
        for rule in field.rules
        if not (rule.since or rule.up_to) and re.match("text of up to|one of: ", rule.allowed)
    ]
    return ", ".join([*words, *(["create-only"] if field.create_only else [])])


def _plain(schema: dict) -> str:
    """Return what a schema allows."""
    if "enum" in schema:
        *most, last = [str(one) for one in schema["enum"] if one is not None]
        return f"{', '.join(most)} or {last}" if most else last
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    types = schema.get("type", "string")
    word = _TYPES[types if isinstance(types, str) else types[0]]
    if "minimum" not in schema:
        return word
    most = schema.get("maximum", _MOST)
    return f"{word}, from {schema['minimum']}" + (f" to {most}" if most < _MOST else "")


# Examples


def _form(table: Table) -> str:
    return table.name_form or f"{{{table.identity[-1]}}}"


def _named(table: Table) -> list[str]:
    """Return the fields that the name of a state is made of."""
    return [name for _, name, _, _ in string.Formatter().parse(_form(table)) if name]


def _shown(table: Table, function: str) -> dict[str, Any]:
    """Return the values that the example of a function shows."""
    if function == "list":
        return {table.list_by: table.example[table.list_by]} if table.list_by else {}
    if function in ("get", "absent", "delete"):
        return {name: table.example[name] for name in table.identity}
    return {
        name: f"sdb://vault/{name}" if table.by_name[name].secret else value
        for name, value in table.example.items()
    }


def _given(table: Table, values: dict) -> tuple[str, dict[str, Any]]:
    """Return the name and the other arguments that say these values."""
    named = _named(table)
    name = _form(table).format(**values) if values.keys() >= set(named) else ""
    others = {table.by_name[one].argument or one: values[one] for one in values if one not in named}
    return re.sub(r"\S{80,}", lambda word: f"{word.group()[:8]}...", name), others


def _sls(table: Table, function: str, name: str, given: dict) -> str:
    if "\n" in name:
        name, given = table.noun, {"name": name, **given}
    lines = [f"{_yaml(name)}:", f"  maas_{table.name}.{function}:"]
    for one, value in given.items():
        if _has_lines(value):
            lines += [f"    - {one}: |", textwrap.indent(value.rstrip(), " " * 8)]
        else:
            lines.append(f"    - {one}: {_yaml(value)}")
    return "\n".join(lines) + ("" if given else " []")


def _cli(table: Table, function: str, name: str, given: dict) -> str:
    words = [f'"$(cat {_named(table)[0]})"' if "\n" in name else shlex.quote(name)] if name else []
    words += [
        f'{one}="$(cat {one})"' if _has_lines(value) else shlex.quote(f"{one}={_yaml(value)}")
        for one, value in given.items()
    ]
    return " ".join([f"salt region maas_{table.name}.{function}", *words])


def _has_lines(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
