"""The schema of machine classes and address plans."""

from __future__ import annotations

from saltext.maas.machines.parameters import IN_PILLAR, PARAMETERS
from saltext.maas.resources.kinds import ADDRESS, NETWORK
from saltext.maas.schemas import choice, flag, listed, mapping, named, text, whole

#: Fields that identify a machine, which a class cannot have.
_IDENTITY = ("mac_addresses", "system_id", "serial")
_NAMES = {
    "pattern": r"^(?!(hostname|number)$)[A-Za-z][A-Za-z0-9_-]*$",
    "allowed": "a name of letters, digits, - and _ that begins with a letter, not hostname or "
    "number",
}


def with_classes(sections: dict) -> dict:
    """Return the nodes of a pillar's sections with those that describe many machines.

    Args:
        sections: The nodes made from the tables, one of which is ``machines``.
    """
    machines = sections["machines"]
    one = machines["additionalProperties"]
    values = named(
        {"type": ["string", "integer", "null"], "secret": True, "allowed": "text or a number"},
        "Values for the texts of its class; also addresses, in place of those of address plans.",
        "NAME", _NAMES,
    )  # fmt: skip
    own = {
        "class": {
            "type": ["string", "array"], "items": {"type": "string"}, "minLength": 1,
            "allowed": "the name of a class, or a list of them",
            "doc": "Its class in machine_classes; of several the later ones take precedence.",
        },
        "number": whole("Its number; the digits that its host name ends with.", 0, 10**9),
        "values": values,
        "source": text("Where its description is from, for messages; ``machines.csv:12``."),
    }  # fmt: skip
    fields = {**one["properties"], **{name: _parameters(name) for name in IN_PILLAR}}
    shared = {
        name: {**node, "hidden": True} for name, node in fields.items() if name not in _IDENTITY
    }
    match = mapping(
        {
            "system_vendor": text("Vendor of the system, as MAAS reports it."),
            "system_product": text("Product name of the system, as MAAS reports it."),
            "mac_prefix": text("How one of its MAC addresses begins.", allowed="the beginning of a "
                               "MAC address, such as 24:6e:96",
                               pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,5}$"),
        },
        "Machines of the region that are not described and would fit, for reports.",
    )  # fmt: skip
    plan = mapping(
        {
            "subnet": {**NETWORK.schema, "type": "string", "allowed": NETWORK.allowed,
                       "doc": "The subnet."},
            "start": {**ADDRESS.schema, "allowed": ADDRESS.allowed,
                      "doc": "Address of number 0; that of the subnet itself where not given."},
            "end": {**ADDRESS.schema, "allowed": ADDRESS.allowed,
                    "doc": "Last address; the subnet's last one where not given."},
        },
        "Addresses of machines by their numbers.",
        required=("subnet",),
    )  # fmt: skip
    span = {"since": machines["since"], "up_to": machines["up_to"]}
    return {
        **sections,
        "machines": {
            **machines,
            "additionalProperties": {**one, "properties": {**fields, **own}},
        },
        "machine_classes": named(
            mapping({**shared, "match": match, "values": values}, empty=True),
            "What machines have in common: any field of a machine but those that identify one.",
            "CLASS", **span,
        ),
        "address_plans": named(plan, "Address plans.", "PLAN", _NAMES, **span),
    }  # fmt: skip


def _parameters(operation):
    """The parameters of an operation on machines."""
    doc = f"Parameters of the operation {operation} that a state or function does not give."
    return mapping({name: _parameter(name) for name in IN_PILLAR[operation]}, doc, empty=True)


def _parameter(name):
    one = PARAMETERS[name]
    words: dict = {"doc": one.doc, "since": one.since}
    if one.kind == "list of str":
        return {**listed(text(), one.doc), **words, "allowed": "a list of names"}
    if one.kind == "dict":
        return {"type": "object", "allowed": "a mapping", **words}
    if one.choices:
        return choice(one.doc, *one.choices, since=one.since)
    if one.kind == "int":
        return whole(one.doc, 0, since=one.since)
    if one.kind == "bool":
        return flag(**words)
    secret: dict = {"secret": True} if name in ("user_data", "license_key") else {}
    return text(**words, **secret)
