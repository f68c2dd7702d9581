"""How machines are switched: their BMCs, what forms say of them, and who reaches them.

A BMC is what its type and parameters say, without the secret ones; of most types several
machines may share one, and then share its parameters too.
"""

from __future__ import annotations

import ipaddress
import json
import re

from maas_emulator import ips, networks
from maas_emulator.forms import REQUIRED, is_ip, not_a_choice
from maas_emulator.power_types import ADDRESSES, SECRETS, SINCE, SINGLE, TYPES
from maas_emulator.web import TEXT, Answer, conflict

_PREFIX = "power_parameters_"
_SKIP = f"{_PREFIX}skip_check"
_EMPTY: tuple = (None, "", [], (), {})
_HOST_OF_URL = re.compile(
    r"(.+?://)?([^/]+?@)?(\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[^\[\]/:]*))(:\d+)?(/.*)?$",
    re.IGNORECASE,
)
_PEM = "-----BEGIN {0}-----\nPLACEHOLDER\n-----END {0}-----\n"


def known(region):
    """The power types of a release."""
    release = region.release
    found = [kind for kind in TYPES if release >= SINCE.get(kind, "2.0")]
    return [kind for kind in found if not (kind == "nova" and release >= "3.8")]


def describe(region):
    """What ``describe_power_types`` answers; types and choices are called by their names."""
    return [
        {
            "driver_type": "power",
            "name": kind,
            "description": kind,
            "fields": [_describe(field) for field in TYPES[kind]],
            "missing_packages": [],
            "chassis": kind not in SINGLE,
            "can_probe": False,
            "queryable": kind != "manual",
        }
        for kind in known(region)
    ]


def _describe(field):
    kind = "string"
    if field.choices:
        kind = "multiple_choice" if field.many else "choice"
    secret = field.name in SECRETS
    return {
        "name": field.name,
        "label": field.label,
        "required": field.required,
        "field_type": "password" if secret else kind,
        "choices": [[item, item] for item in field.choices],
        "default": "" if field.default is None else field.default,
        "scope": "node" if field.of_machine else "bmc",
        "secret": secret,
    }


def parameters_of(region, node):
    """The power parameters of a node: those of its BMC or VM host, and its own."""
    bmc = region.rows("bmcs").get(node.get("bmc"))
    host = region.rows("vm_hosts").get(node.get("vm_host"))
    shared = host["power_parameters"] if host else bmc["parameters"] if bmc else {}
    return {**shared, **node.get("own_parameters", {})}


# -- forms -------------------------------------------------------------------------------------


def read(region, form, node=None):
    """Power type and parameters of a form, where errors are noted.

    Args:
        region: The region.
        form: A :class:`~maas_emulator.forms_2x.ModelForm`.
        node: What an update changes.

    Returns:
        ``(type, parameters)``; None for parameters that stay as they are.

    Raises:
        Answer: 400 for parameters that are no JSON.
    """
    sent, before = form.sent, node["power_type"] if node else ""
    wanted = sent.get("power_type")
    kind = wanted if wanted in known(region) else before
    fields = TYPES.get(kind, ())
    base, names = _base(region, sent, node), [field.name for field in fields]
    values = {name: base[name] for name in names if name in base}
    for name in sent:
        if name.startswith(_PREFIX) and name != _SKIP:
            many = any(field.many and f"{_PREFIX}{field.name}" == name for field in fields)
            values[name[len(_PREFIX) :]] = sent.getlist(name) if many else sent.get(name)
    asked = bool(values) or "power_parameters" in sent
    if sent.get(_SKIP) != "true":
        values = _checked(form, fields, values)
    if wanted in (None, *known(region), ""):
        kind = before if wanted is None else wanted
        form.cleaned["power_type"] = kind
    else:
        form.error("power_type", not_a_choice(wanted))
    if kind == "" and sent.get(_SKIP) != "true":
        values = {}
    return kind, values if kind != before or (asked and kind) else None


def _base(region, sent, node):
    """Parameters that hold unless one by one others are sent."""
    whole = sent.get("power_parameters")
    if isinstance(whole, str):
        try:
            whole = json.loads(whole) if whole.strip() else {}
        except ValueError:
            raise Answer(400, "Failed to parse JSON power_parameters", TEXT) from None
    stored = parameters_of(region, node) if node else {}
    given = {name: value for name, value in (whole or {}).items() if value is not None}
    return {**stored, **given}


def _checked(form, fields, values):
    """The values of all parameters of a type; errors are noted."""
    unknown = values.keys() - {field.name for field in fields}
    if unknown:
        form.error("power_parameters", f"Unknown parameter(s): {', '.join(unknown)}.")
        return {}
    if not any(values.get(field.name) is not None for field in fields):
        if any(field.required for field in fields):
            form.error("power_parameters", REQUIRED)
        return {}
    found, problems = {}, []
    for field in fields:
        value = values.get(field.name)
        value = field.default if value is None else value
        if field.required and value in _EMPTY:
            problems.append(f"{field.label}: {REQUIRED}")
            continue
        problem, found[field.name] = _clean(field, value)
        problems += [f"{field.label}: {problem}"] if problem else []
    if problems:
        form.error("power_parameters", *problems)
    return found


def _clean(field, value):
    """``(problem or None, value)`` of a parameter."""
    if field.many:
        if value in _EMPTY:
            return None, []
        if not isinstance(value, (list, tuple)):
            return "Enter a list of values.", None
        value = [str(item) for item in value]
        wrong = [item for item in value if item not in field.choices]
    else:
        value = "" if value is None else str(value).strip()
        wrong = [value] if field.choices and value and value not in field.choices else []
        if not value and field.required and field.default is not None and not field.choices:
            value = field.default
    if not wrong:
        return None, value
    listed = ", ".join(f"'{item}'" for item in field.choices)
    text = f"'{wrong[0]}' is not a valid {field.name}.  It should be one of: {listed}."
    return text, None


# -- BMCs --------------------------------------------------------------------------------------


def store(region, node, kind, values):
    """Give a node a power type and parameters.

    Args:
        region: The region.
        node: A machine or controller.
        kind: The power type.
        values: Its parameters, None to leave all as it is.

    Raises:
        Answer: 409 when another machine has the same BMC, of a type where it cannot share it.
        ValueError: An address with a path, which MAAS answers with 500.
    """
    if values is None:
        return
    values = with_certificate(kind, values)
    of_bmc = {field.name for field in TYPES.get(kind, ()) if not field.of_machine}
    shared = {name: value for name, value in values.items() if name in of_bmc}
    address = _address(kind, shared)
    table, old = region.rows("bmcs"), node.get("bmc")
    alike = next((row for row in table.values() if _is_same(row, kind, shared)), None)
    if kind == node["power_type"] and old in table:
        if alike and alike["id"] != old:
            raise conflict()
        bmc = table[old]
        secret = {name: bmc["parameters"][name] for name in SECRETS if name in bmc["parameters"]}
        bmc["parameters"] = {**secret, **shared}
    elif alike and kind in SINGLE:
        if kind != "manual":
            raise conflict()
        bmc = alike
    else:
        bmc = alike or table.add({"kind": kind, "parameters": shared})
    node.update(power_type=kind, bmc=bmc["id"], power_id=bmc["id"])
    node["own_parameters"] = {k: v for k, v in values.items() if k not in of_bmc}
    keep_address(region, bmc["id"], address)
    drop(region, old)


def with_certificate(kind, values):
    """Parameters as MAAS stores them: it makes a certificate where LXD has none."""
    if kind != "lxd" or values.get("certificate") or values.get("key"):
        return values
    return {**values, "certificate": _PEM.format("CERTIFICATE"), "key": _PEM.format("PRIVATE KEY")}


def is_same(one, other):
    """Whether two VM hosts are the same but for what is secret; two made certificates differ."""
    bmc = {"kind": one["power_type"], "parameters": one["power_parameters"]}
    made = other["power_parameters"].get("certificate") == _PEM.format("CERTIFICATE")
    return not made and _is_same(bmc, other["power_type"], other["power_parameters"])


def _is_same(bmc, kind, values):
    stored = bmc["parameters"]
    return bmc["kind"] == kind and all(
        name in SECRETS or (name in stored and name in values and stored[name] == values[name])
        for some in (values, stored) for name in some
    )  # fmt: skip


def drop(region, ident):
    """Forget a BMC that no node has any more, with its address."""
    kinds = ("machines", "racks", "regions")
    users = [row for kind in kinds for row in region.rows(kind).values()]
    if ident in region.rows("bmcs") and not any(row.get("bmc") == ident for row in users):
        drop_address(region, ident)
        del region.rows("bmcs")[ident]


def _address(kind, values):
    """The address of a BMC, None for a name or none."""
    name, in_url = ADDRESSES.get(kind, ("power_address", False)) or (None, False)
    text = str(values.get(name) or "")
    return address_in(text) if in_url else _plain_address(text)


def _plain_address(text):
    if "/" in text:
        raise ValueError(
            "IPAddress() does not support netmasks or subnet prefixes! See documentation for"
            " details."
        )
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return str(ipaddress.ip_address(text)) if is_ip(text) else None


def address_in(url):
    """The address in a URL such as ``qemu+ssh://user@10.0.0.1/system``, or None."""
    found = _HOST_OF_URL.match(url)
    return _plain_address((found["six"] or found["host"] or "") if found else "")


def keep_address(region, ident, address):
    """Give out the address of a BMC; one that it had before stays given out, to nobody.

    Args:
        region: The region.
        ident: Of the BMC.
        address: A text, or None.
    """
    for held in region.rows("ips").values():
        if ident in held.get("bmcs", ()) and held["ip"] != address:
            held["bmcs"].remove(ident)
    if address is None or not networks.subnet_for(region, address):
        return
    held = ips.find(region, address) or ips.add(region, address, kind=ips.STICKY)
    if ident not in held.setdefault("bmcs", []):
        held["bmcs"].append(ident)


def drop_address(region, ident):
    """Take back the address of a BMC that goes, unless something else has it."""
    for held in list(region.rows("ips").values()):
        if ident in held.get("bmcs", ()):
            held["bmcs"].remove(ident)
            if not held["bmcs"] and not held.get("node"):
                ips.remove(region, held["id"])


# -- switching ---------------------------------------------------------------------------------


def is_reachable(region, row):
    """Whether some rack can switch a machine: one that is connected and whose services run."""
    if row["power_type"] in ("", "manual"):
        return True
    racks = region.rows("racks").values()
    return any(rack["connected"] and rack["services"] == "running" for rack in racks)


def unreachable(row):
    """The answer where no rack reaches a BMC."""
    return Answer(503, f"No rack controllers can access the BMC of node {row['hostname']}", TEXT)


def refuse(region, node, kind, values):
    """Refuse what :func:`store` would, before anything else is done."""
    copy = {**node, "own_parameters": {}}
    of_bmc = {field.name for field in TYPES.get(kind, ()) if not field.of_machine}
    shared = {name: value for name, value in (values or {}).items() if name in of_bmc}
    _address(kind, shared)
    rows = region.rows("bmcs").values()
    alike = next((row for row in rows if _is_same(row, kind, shared)), None)
    if alike and kind in SINGLE and kind != "manual" and alike["id"] != copy.get("bmc"):
        raise conflict()
