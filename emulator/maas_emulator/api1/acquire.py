"""Which machine an acquire call of API 1.0 gets."""

from __future__ import annotations

from maas_emulator.api1 import machines
from maas_emulator.web import TEXT, Answer, Invalid

#: (constraint, what its number is called, since 1.7).
_NUMBERS = (
    ("cpu_count", "cpu_count", "Invalid CPU count: number required."),
    ("mem", "memory", "Invalid memory: number of {} required."),
)


def chosen(request):
    """The first free machine that meets the constraints of a request.

    Raises:
        Invalid: A constraint is none.
        Answer: 409 when no machine meets them.
    """
    region, form = request.region, request.form
    tests: list = []
    errors: dict = {}
    constraints: dict = {}
    _numbers(region, form, tests, errors, constraints)
    _tags(region, form, tests, errors, constraints)
    _zone(region, form, tests, errors, constraints)
    name, arch = form.get("name"), form.get("arch")
    if name:
        constraints["name"] = name
        tests.append(lambda row: name in (row["hostname"], machines.fqdn(region, row)))
    if arch:
        known = {row["architecture"] for row in region.rows(machines.MACHINES).values()}
        if not any(_has_arch(item, arch) for item in known):
            errors["arch"] = ["Architecture not recognised."]
        constraints["arch"] = arch
        tests.append(lambda row: _has_arch(row["architecture"], arch))
    if errors:
        raise Invalid(errors)
    for row in region.rows(machines.MACHINES).values():
        if row["status"] == machines.READY and all(test(row) for test in tests):
            return row
    raise Answer(409, _none_found(region, constraints), TEXT)


def _none_found(region, constraints):
    if region.release < "1.7":
        return "No matching node is available."
    if not constraints:
        return "No node available."
    listed = " ".join(f"{name}={constraints[name]}" for name in sorted(constraints))
    return f"No available node matches constraints: {listed}"


def _has_arch(architecture, wanted):
    return wanted in (architecture, architecture.partition("/")[0])


def _numbers(region, form, tests, errors, constraints):
    for name, column, text in _NUMBERS:
        value = form.get(name)
        if not value:
            continue
        try:
            least = float(value)
        except ValueError:
            errors[name] = [text.format("MB" if region.release < "1.7" else "MiB")]
            continue
        constraints[name] = least
        tests.append(lambda row, column=column, least=least: row[column] >= least)


def _tags(region, form, tests, errors, constraints):
    known = {tag["name"] for tag in region.rows("tags").values()}
    for name, has in (("tags", True), ("not_tags", False)):
        wanted = {word for text in form.getlist(name) for word in text.replace(",", " ").split()}
        if not wanted or (name == "not_tags" and region.release < "1.7"):
            continue
        unknown = sorted(wanted - known)
        if unknown:
            listed = ", ".join(f"'{tag}'" for tag in unknown)
            errors[name] = [f"No such tag(s): {listed}."]
        constraints[name] = ",".join(sorted(wanted))
        if has:
            tests.append(lambda row, wanted=wanted: wanted <= set(row["tags"]))
        else:
            tests.append(lambda row, wanted=wanted: not wanted & set(row["tags"]))


def _zone(region, form, tests, errors, constraints):
    known = {zone["name"] for zone in region.rows("zones").values()}
    zone = form.get("zone")
    if zone:
        if zone not in known:
            errors["zone"] = [f"No such zone: '{zone}'."]
        constraints["zone"] = zone
        tests.append(lambda row: row["zone"] == zone)
    others = form.getlist("not_in_zone")
    if others:
        unknown = [name for name in others if name not in known]
        if unknown:
            errors["not_in_zone"] = [f"No such zone(s): {', '.join(unknown)}."]
        constraints["not_in_zone"] = ",".join(others)
        tests.append(lambda row: row["zone"] not in others)
