"""Machine classes and address plans: what many machines of a pillar have in common.

Classes are expanded before anything else looks at the pillar, so that nothing else knows of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

from saltext.maas.errors import BadInput
from saltext.maas.pillar.address_plans import AddressPlan, Taken
from saltext.maas.pillar.validators import ROOT, named, plain
from saltext.maas.resources.interfaces_schema import PHYSICAL, type_of
from saltext.maas.resources.kinds import MAC
from saltext.maas.resources.power_types import SECRET

#: Sections without which no class can be expanded.
SECTIONS = {"machines", "machine_classes", "address_plans"}
#: Keys of a machine that its description does not have once it is expanded.
_OWN = ("class", "number", "values", "source")
#: Keys of a class whose texts are taken as they are: secrets, and scripts with names of their own.
_AS_WRITTEN = {"power_parameters": SECRET, "deploy": frozenset(("user_data", "license_key"))}
#: A name in the texts of a class; a number may say how many digits it has at least.
NAME = re.compile(r"\{([A-Za-z][\w-]*)(?::(\d{1,2}))?\}")


def expanded(pillar: dict) -> dict:
    """Return a pillar whose machines are described without classes.

    Args:
        pillar: The mapping under ``maas``, of the right form and with text for keys.

    Raises:
        BadInput: With one line for each mistake.
    """
    found = Expansion(pillar)
    if found.problems:
        raise BadInput(list(found.placed(found.problems)))
    return found.pillar


def placed(pillar: dict, lines: Iterable[str]) -> list[str]:
    """Return lines about a pillar with the places of mistakes; see :meth:`Expansion.placed`.

    Args:
        pillar: The mapping under ``maas``, checked.
        lines: The lines, each with a pillar path.
    """
    return list(Expansion(plain(pillar)).placed(lines))


class Expansion:
    """A pillar whose machines are described without classes.

    Args:
        pillar: The mapping under ``maas``, of the right form and with text for keys.

    Attributes:
        pillar: The same without those machines that could not be expanded.
        problems: What is wrong, one line each; see :meth:`placed`.
    """

    def __init__(self, pillar: dict):
        self.problems: list[str] = []
        self._classes = {name: one or {} for name, one in _section(pillar, "machine_classes")}
        self._machines = {name: one or {} for name, one in _section(pillar, "machines")}
        self._plans = {}
        for where, name, one in named(pillar, "address_plans"):
            plan = AddressPlan(name, where, one)
            self.problems += plan.problems
            self._plans[name] = plan
        #: ``{address: (path of the machine, name of the plan)}``
        self._addresses: dict[str, tuple[str, str]] = {}
        self._shared: dict[tuple, _Shared] = {}
        self._lacking: dict[tuple, list[str]] = {}
        self.pillar = pillar
        if self._machines:
            sound = {} if self.problems else self._machines
            machines = {name: self._machine(name, one) for name, one in sound.items()}
            self.problems += self._values_lacking()
            whole = {name: one for name, one in machines.items() if one is not None}
            self.pillar = {**pillar, "machines": whole}

    def _machine(self, name, own):
        """A machine's whole description; None if it has problems."""
        own_fields = {key: one for key, one in own.items() if key not in _OWN}
        if "class" not in own:
            return own_fields
        where = f"{ROOT}:machines:{name}"
        names = classes_of(own)
        unknown = [one for one in names if one not in self._classes]
        if unknown:
            known = ", ".join(sorted(self._classes)) or "none is described"
            self.problems.append(f"{where}:class: {unknown[0]!r} must be one of: {known}")
            return None
        shared = self._shared.get(names)
        if shared is None:
            shared = self._shared[names] = _Shared(self._classes[one] for one in names)
        shared.machines += 1
        texts = self._texts(name, where, own, shared)
        if texts is None:
            return None
        return _with_macs(merged(shared.filled(texts), own_fields))

    def _texts(self, name, where, own, shared):
        """``{name in texts: text}`` for a machine; None if one has none."""
        values = merged(shared.values, own.get("values") or {})
        found: dict[str, str] = {}
        complete = True
        for one in shared.names:
            if one == "hostname":
                found[one] = name.partition(".")[0]
            elif one in self._plans:
                address = self._address(name, where, own, self._plans[one], values.get(one))
                found[one] = address or ""
                complete &= address is not None
            else:
                value = number_of(name, own) if one == "number" else values.get(one)
                found[one] = str(value)
                if value is None:
                    complete = False
                    self._lacking.setdefault((classes_of(own), one), []).append(name)
        return found if complete else None

    def _address(self, name, where, own, plan, given):
        """A machine's address in a plan; None where it has none."""
        if given is not None:
            place, problem = f"{where}:values:{plan.name}", plan.refusal(given)
            address = "" if problem else str(ipaddress.ip_address(given))
        else:
            number = number_of(name, own)
            if number is None:
                self._lacking.setdefault((classes_of(own), "number"), []).append(name)
                return None
            place = f"{where}:number"
            address, problem = plan.address(number)
            if problem:
                hint = "" if "number" in own else " (from its name)"
                problem = f"{number}{hint} {problem}"
        if problem:
            self.problems.append(f"{place}: {problem}")
            return None
        other, _ = self._addresses.setdefault(address, (where, plan.name))
        if other != where:
            self.problems.append(
                f"{place}: gives {address} by address plan {plan.name}, which {other} has already; "
                f"give one of them another number, or values:{plan.name}"
            )
            return None
        return address

    def _values_lacking(self) -> Iterator[str]:
        """What texts of classes name and machines do not have."""
        for (names, name), machines in self._lacking.items():
            shared = self._shared[names]
            classes = " and ".join(names)
            if name != "number" and len(machines) == shared.machines > 1:
                cls = next(
                    one for one in reversed(names) if name in _Shared([self._classes[one]]).names
                )
                place = f"{ROOT}:machine_classes:{cls}:{shared.names[name]}"
                known = ", ".join(sorted({"hostname", "number", *self._plans, *shared.values}))
                yield (
                    f"{place}: {{{name}}} has no value for any machine; allowed: {known}, and what "
                    "the machines have in values"
                )
                continue
            for machine in machines:
                key = "number" if name == "number" else f"values:{name}"
                yield (
                    f"{ROOT}:machines:{machine}:{key}: is missing; class {classes} needs it for "
                    f"{shared.needs(name, self._plans)}"
                )

    def clashes(self, pillar: dict) -> Iterator[str]:
        """Yield which addresses of plans are taken, from what the pillar says of subnets.

        Args:
            pillar: With ``subnets`` and ``ip_addresses`` of the right form.
        """
        taken = Taken(pillar if self._addresses else {})
        for address, (where, plan) in self._addresses.items():
            machine = self.pillar["machines"].get(where.rpartition(":")[2]) or {}
            place = taken.by(address, macs_of(machine))
            if place:
                yield (
                    f"{where}: {address} by address plan {plan} is taken by {place}; choose "
                    "another number, or change the plan"
                )

    # Messages

    def placed(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield lines about machines with the place at which the mistake is.

        What is in a class is told once, for the first machine; what is from a file, with its line.
        """
        told = set()
        for line in lines:
            head, _, rest = line.partition(f"{ROOT}:machines:")
            name, colon, rest = rest.partition(":")
            own = self._machines.get(name)
            if head or own is None or not colon:
                yield line
                continue
            path, _, sentence = rest.partition(": ")
            cls = self._class_of(own, path.split(":")) if path and sentence else None
            if cls is None:
                yield f"{line} ({own['source']})" if own.get("source") else line
            elif (cls, path) not in told:
                told.add((cls, path))
                yield f"{ROOT}:machine_classes:{cls}:{path}: {sentence} (machine {name})"

    def _class_of(self, own, path):
        """The class that a key of a machine is from; None if it is the machine's own."""
        names = [one for one in classes_of(own) if one in self._classes]
        if not _lacks(own, path):
            return None
        return next((one for one in reversed(names) if not _lacks(self._classes[one], path)), None)


class _Shared:
    """What the classes of a machine say together.

    Attributes:
        values: Their ``values``.
        names: ``{name in a text: path of the first such text}``.
        machines: How many machines have just these classes.
    """

    def __init__(self, classes: Iterable[dict]):
        self.machines = 0
        whole: dict = {}
        for one in classes:
            whole = merged(whole, {name: value for name, value in one.items() if name != "match"})
        self.values = whole.pop("values", None) or {}
        self.names: dict[str, str] = {}
        self._description = whole
        #: Ids of the parts of the description that hold names.
        self._varying: set[int] = set()
        self._note_names(whole, "")

    def _note_names(self, value, path):
        """Note the names in the texts of a value, and which of its parts hold any."""
        if isinstance(value, str):
            found = [one[1] for one in NAME.finditer(value)]
            for name in found:
                self.names.setdefault(name, path)
            return bool(found)
        pairs: Iterable = value.items() if isinstance(value, dict) else ()
        if isinstance(value, list):
            pairs = enumerate(value)
        secret = _AS_WRITTEN.get(path, ())
        found = [
            self._note_names(one, f"{path}:{key}" if path else str(key))
            for key, one in pairs if key not in secret
        ]  # fmt: skip
        if any(found):
            self._varying.add(id(value))
        return any(found)

    def filled(self, texts: dict) -> dict:
        """The description with a machine's texts in place of the names."""

        def text_of(found):
            return texts[found[1]].zfill(int(found[2] or 0))

        def fill(value, secret=()):
            if isinstance(value, str):
                return NAME.sub(text_of, value) if "{" in value else value
            if id(value) not in self._varying:
                return value
            if isinstance(value, list):
                return [fill(one) for one in value]
            return {key: one if key in secret else fill(one) for key, one in value.items()}

        return {
            name: fill(value, _AS_WRITTEN.get(name, ()))
            for name, value in self._description.items()
        }

    def needs(self, name: str, plans: Iterable[str]) -> str:
        """The text that needs a value, or the address plans that need a number."""
        if name in self.names:
            return self.names[name]
        return f"address plan {' and '.join(one for one in self.names if one in plans)}"


def merged(base: Any, over: Any) -> Any:
    """Return a value of a class with that of a machine over it.

    Mappings are merged; lists and all else are replaced; null removes a key of the class.
    """
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    found = dict(base)
    for key, one in over.items():
        if one is None and key in base:
            del found[key]
        else:
            found[key] = merged(base[key], one) if key in base else one
    return found


def _with_macs(machine: dict) -> dict:
    """Give the physical interfaces the MAC addresses of the machine in their order."""
    given, nics = _words(machine.get("mac_addresses")), _nics(machine)
    used = {_mac(one["mac_address"]) for one in nics.values() if one.get("mac_address")}
    free = [one for one in given if not used or _mac(one) not in used]
    lacking = [
        name for name, one in nics.items()
        if type_of(one) == PHYSICAL and not one.get("mac_address") and not one.get("absent")
    ]  # fmt: skip
    filled = {name: {**nics[name], "mac_address": mac} for name, mac in zip(lacking, free)}
    if not filled:
        return machine
    return {**machine, "interfaces": {**machine["interfaces"], **filled}}


def macs_of(machine: dict) -> set[str]:
    """Return the MAC addresses that a machine is described with."""
    nics = [nic.get("mac_address") for nic in _nics(machine).values()]
    return {_mac(mac) for mac in [*_words(machine.get("mac_addresses")), *nics] if mac}


def _nics(machine) -> dict:
    """The described interfaces that are of the right form."""
    found = machine.get("interfaces")
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: one or {} for name, one in pairs if isinstance(one or {}, dict)}


def _words(given):
    return given.replace(",", " ").split() if isinstance(given, str) else given or []


def _mac(given):
    """A MAC address in its normal form; what is none is found later."""
    try:
        return MAC.clean(given)
    except ValueError:
        return str(given)


def number_of(name: str, own: dict) -> int | None:
    """Return the number of a machine: its own, or what its host name ends with."""
    if own.get("number") is not None:
        return own["number"]
    found = re.search(r"\d{1,9}$", name.partition(".")[0])
    return int(found[0]) if found else None


def classes_of(machine: Any) -> tuple[str, ...]:
    """Return the names of the classes of a machine; what has another form has none."""
    given = machine.get("class") if isinstance(machine, dict) else None
    names = given if isinstance(given, list) else [given]
    return tuple(one for one in names if isinstance(one, str))


def _section(pillar, key):
    return (pillar.get(key) or {}).items()


def _lacks(value, path) -> bool:
    """Whether a description has nothing at a path."""
    for key in path:
        if isinstance(value, list):
            if not key.isdigit() or int(key) >= len(value):
                return True
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return True
    return False
