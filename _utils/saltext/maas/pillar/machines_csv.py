"""Machines from a CSV file, as the pillar describes them."""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import BadInput, MaasError
from saltext.maas.pillar.checks import misshapen
from saltext.maas.pillar.schema import schema
from saltext.maas.pillar.validators import ROOT
from saltext.maas.resources import power_types

_DELIMITERS = ",;\t"
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def read(path: str, machine_class: str | None = None) -> dict[str, dict]:
    """Read the machines of a CSV file.

    Args:
        path: The file, in UTF-8.
        machine_class: Class of the machines whose row has none.

    Returns:
        ``{hostname: description}``, each with its ``source`` such as ``machines.csv:12``.

    Raises:
        BadInput: With one line for each mistake: file, line, column, value and what is allowed.
        MaasError: The file cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except UnicodeDecodeError:
        raise BadInput(f"{path}: must be a text in UTF-8") from None
    except OSError as error:
        raise MaasError(f"{path} cannot be read: {error.strerror}") from None
    return _parsed(text, os.path.basename(path), machine_class)


def _parsed(text, name, machine_class):
    rows = _rows(text, name)
    problems: list[str] = []
    line, columns = next(rows, (1, []))
    if "hostname" not in columns:
        raise BadInput(f"{name}:{line}: must name the columns, one of which is hostname")
    first, readers = line, _readers(columns, f"{name}:{line}", problems)
    machines: dict[str, dict] = {}
    for line, cells in rows if not problems else ():
        where = f"{name}:{line}"
        if len(cells) != len(columns):  # they may be shifted, so that none of them is shown
            problems.append(
                f"{where}: has {len(cells)} cells; must have {len(columns)}, as line {first}"
            )
            continue
        machine = {"class": machine_class} if machine_class else {}
        for (keys, reader), cell in zip(readers, cells):
            if cell:
                _put(machine, keys, reader(cell))
        host = machine.pop("hostname", "")
        if not host:
            problems.append(f"{where}: hostname: is missing")
        elif host in machines:
            problems.append(f"{where}: hostname: {host!r} is that of {machines[host]['source']}")
        else:
            machines[host] = {**machine, "source": where}
    for _, message in misshapen({"machines": machines}):
        host = next(one for one in machines if message.startswith(f"{ROOT}:machines:{one}:"))
        problems.append(f"{message} ({machines[host]['source']})")
    if problems:
        raise BadInput(problems)
    return machines


def _rows(text, name) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row, without comments and empty rows."""
    first = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells) and not cells[0].startswith("#"):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{name}:{line}: is no CSV: {error}") from None


def _readers(columns, where, problems) -> list:
    """The keys and the way to read a cell of each column."""
    known = schema()["properties"]["machines"]["additionalProperties"]["properties"]
    found: list = []
    shown = _shown(columns, ["hostname", *known])
    for number, column in enumerate(columns):
        first, *rest = keys = column.split(":")
        node = {"type": "string"} if column == "hostname" else known.get(first)
        types = {} if node is None else node["type"]
        nested = "object" in types
        if node is None or first == "source":
            close = difflib.get_close_matches(first, ["hostname", *known], n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else (
                f"allowed: hostname, {', '.join(sorted(known.keys() - {'source'}))}"
            )  # fmt: skip
            problems.append(f"{where}: column {shown[number]} is unknown; {hint}")
        elif nested != bool(rest) or not all(keys):
            form = f"{first}:NAME" if nested else first
            problems.append(f"{where}: column {shown[number]} must be {form}")
        elif column in columns[:number]:
            problems.append(f"{where}: column {shown[number]} is there twice")
        inside = [
            shown[at]
            for at, one in enumerate(columns[:number])
            if f"{column}:".startswith(f"{one}:") != f"{one}:".startswith(f"{column}:")
        ]
        for one in inside:
            problems.append(f"{where}: columns {one} and {shown[number]} overlap; leave one out")
        found.append((keys, _text if nested else _reader(first, types)))
    return found


def _shown(columns, known) -> list[str]:
    """What messages call the columns: their numbers, where the line may be one of values."""
    names = all(
        re.fullmatch(r"[\w:.-]*", one)
        and difflib.get_close_matches(one.split(":")[0], known, 1, 0.75)
        for one in columns
    )
    return [repr(one) if names else str(at) for at, one in enumerate(columns, 1)]


def _reader(name, types):
    if name == "class":
        return _class
    if "array" in types:
        return _words
    if "boolean" in types:
        return lambda cell: _BOOLEANS.get(cell.lower(), cell)
    return _whole if "integer" in types else _text


def _text(cell):
    return cell


def _words(cell):
    return re.split(r"[\s,;]+", cell)


def _class(cell):
    words = _words(cell)
    return words[0] if len(words) == 1 else words


def _whole(cell):
    return int(cell) if re.fullmatch(r"\d{1,15}", cell) else cell


def _put(machine, keys, value):
    for key in keys[:-1]:
        machine = machine.setdefault(key, {})
    machine[keys[-1]] = value


def without_secrets(machines: dict[str, dict]) -> dict[str, Any]:
    """Return machines for a pillar file: with references in place of secrets, without source."""
    found = {}
    for host, machine in machines.items():
        found[host] = {key: value for key, value in machine.items() if key != "source"}
        power = machine.get("power_parameters")
        if power:
            hidden = power_types.without_secrets(host, power)
            found[host]["power_parameters"] = {
                name: one if one.startswith("sdb://") else str(hidden[name])
                for name, one in power.items()
            }
    return found
