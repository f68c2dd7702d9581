"""References to secrets in machine classes that name the machine, such as sdb://bmc/{hostname}."""

from __future__ import annotations

from saltext.maas.errors import BadInput
from saltext.maas.pillar.machine_classes import NAME, classes_of, merged, number_of
from saltext.maas.pillar.validators import ROOT, section
from saltext.maas.resources.power_types import SECRET


def own_references(pillar: dict) -> dict:
    """Return a pillar in which each machine has its own references, before these are resolved.

    Args:
        pillar: The mapping under ``maas``, of whatever form.

    Raises:
        BadInput: A machine has no value for a name in a reference.
    """
    classes = {name: _naming(one) for name, one in section(pillar, "machine_classes").items()}
    if not any(classes.values()):
        return pillar
    problems: list[str] = []
    machines = {
        name: _with_own(str(name), one, pillar, classes, problems)
        for name, one in section(pillar, "machines").items()
    }
    if problems:
        raise BadInput(problems)
    left = {
        name: {**one, "power_parameters": {
            key: text for key, text in one["power_parameters"].items() if key not in classes[name]
        }} if classes[name] else one
        for name, one in pillar["machine_classes"].items()
    }  # fmt: skip
    return {**pillar, "machines": machines, "machine_classes": left}


def _with_own(name, machine, pillar, classes, problems):
    machine_classes = [one for one in classes_of(machine) if one in classes]
    # A later class or the machine may have another one, or null for none.
    power: dict = {}
    values: dict = {}
    for one in machine_classes:
        whole = section(pillar["machine_classes"], one)
        power = merged(power, section(whole, "power_parameters"))
        values = merged(values, section(whole, "values"))
    own = section(machine, "power_parameters")
    wanted = {key: power[key] for one in machine_classes for key in classes[one]
              if _names_in(power.get(key)) and key not in own}  # fmt: skip
    if not wanted or machine.get("power_parameters", own) is None:
        return machine
    values = merged(values, section(machine, "values"))
    known = {**values, "hostname": name.partition(".")[0], "number": number_of(name, machine)}
    for key, text in wanted.items():
        for one in _names_in(text):
            if known.get(one) is None:
                place = "number" if one == "number" else f"values:{one}"
                problems.append(
                    f"{ROOT}:machines:{name}:{place}: is missing; class "
                    f"{' and '.join(machine_classes)} needs it for power_parameters:{key}"
                )
    found = {
        key: NAME.sub(lambda part: str(known.get(part[1])).zfill(int(part[2] or 0)), text)
        for key, text in wanted.items()
    }
    return {**machine, "power_parameters": {**own, **found}}


def _naming(machine_class) -> set[str]:
    """The secret power parameters of a class whose references name the machine."""
    power = section(machine_class, "power_parameters")
    return {key for key in power.keys() & SECRET if _names_in(power[key])}


def _names_in(text) -> list[str]:
    reference = isinstance(text, str) and text.startswith("sdb://")
    return [found[1] for found in NAME.finditer(text)] if reference else []
