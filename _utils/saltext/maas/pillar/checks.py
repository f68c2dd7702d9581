"""Everything that is wrong with a pillar, at once and before anything is done."""

from __future__ import annotations

import difflib
import re

from saltext.maas.client.profile import api_key_fits, url_problems
from saltext.maas.errors import BadInput
from saltext.maas.pillar import validators, validators_addresses, validators_content
from saltext.maas.pillar.desired_objects import described
from saltext.maas.pillar.schema import schema, shown
from saltext.maas.pillar.validators import plain
from saltext.maas.reconcile.references import invalid
from saltext.maas.redact import redact
from saltext.maas.release import Release, known
from saltext.maas.resources.kinds import ADDRESS, ADDRESSES, BLOB, MAC, NETMASK, NETWORK
from saltext.maas.resources.vlan_names import fabric_vid
from saltext.maas.sdb import is_reference

ROOT = validators.ROOT


def check(pillar: dict, release: Release | None = None) -> None:
    """Refuse a wrong pillar.

    Args:
        pillar: The mapping under ``maas``.
        release: The region's release, where it is known; that of the pillar otherwise.

    Raises:
        BadInput: With one line for each mistake.
    """
    found = problems(pillar, release)
    if found:
        raise BadInput(found)


def problems(pillar: dict, release: Release | None = None) -> list[str]:
    """List a pillar's mistakes: path, value and what is allowed, one line each."""
    if not isinstance(pillar, dict):
        return [f"{ROOT}: must be a mapping, not of type {type(pillar).__name__}"]
    looked_up = [one for one in getattr(pillar, "looked_up", ()) if len(one) > 3]
    odd = []
    pillar = plain(_with_right_keys(pillar, ROOT, odd))
    found, misshapen = _against_schema(pillar)
    found = odd + found
    if pillar.get("release") is not None and "release" not in misshapen:
        named = known(pillar["release"])
        if release and named.series != release.series:
            found.append(
                f"{ROOT}:release: {pillar['release']!r} is not what the region runs, MAAS "
                f"{release}; must be '{release.series}', or be left out"
            )
        release = release or named
    if release:
        found += _of_release(schema(), pillar, ROOT, release)
    # Sections that are not even of the right shape cannot be judged further.
    sound = {name: part for name, part in pillar.items() if name not in misshapen}
    try:
        found += invalid(described(sound, release), release)
    except BadInput as error:
        found += error.problems
    for sections, judge in (
        *validators.JUDGES,
        *validators_addresses.JUDGES,
        *validators_content.JUDGES,
    ):
        if misshapen.isdisjoint(sections):
            found += judge(sound, release)
    # A secret that was looked up for a field that is none is a secret all the same.
    looked_up += [repr(one)[:56] for one in looked_up]  # as a message shortens it
    return [redact(line, looked_up) for line in dict.fromkeys(found)]


def _with_right_keys(value, where, odd):
    """The pillar without the keys that YAML did not read as they were written; they are noted."""
    if isinstance(value, list):
        return [_with_right_keys(one, f"{where}:{n}", odd) for n, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, one in value.items():
        if isinstance(key, str) or type(key) is int:
            found[key] = _with_right_keys(one, f"{where}:{key}", odd)
        else:
            meant = _YAML.get(type(key), "something else than text")
            odd.append(f"{where}:{key}: YAML reads this key as {meant}; put it in quotes")
    return found


_YAML = {
    bool: "true or false, as it does yes, no, on and off", float: "a number",
    type(None): "nothing, as it does ~ and null",
}  # fmt: skip


# Shape


def _against_schema(pillar):
    """Mistakes of shape, and the sections in which there are any."""
    import jsonschema  # takes a while to import, and only whole pillars are checked

    checker = jsonschema.FormatChecker(formats=())
    for name, test in _FORMATS.items():
        checker.checks(name, raises=ValueError)(_only_text(test, lists=name == "addresses"))
    types = jsonschema.Draft7Validator.TYPE_CHECKER.redefine(
        "binary", lambda _, value: isinstance(value, bytes)
    )
    draft = jsonschema.validators.extend(jsonschema.Draft7Validator, type_checker=types)
    validator = draft(schema(), format_checker=checker)
    found, sections = set(), set()
    for error in validator.iter_errors(pillar):
        sections.update([*error.absolute_path][:1])
        found.update(_told(error))
    return [f"{where}: {text}" for where, text in sorted(found)], sections


def _only_text(test, lists):
    """Formats are for text, and one for lists; the type check refuses everything else."""

    def checked(value):
        if value in (None, []) or isinstance(value, dict):
            return True
        if isinstance(value, list) and not lists:
            return True
        # A test says no by raising, or by returning False or None.
        said = test(value if isinstance(value, list) else str(value))
        return said is not None and said is not False

    return checked


def _vid(text):
    return fabric_vid(f"any/{text}")


_FORMATS = {
    "address": ADDRESS.clean,
    "addresses": ADDRESSES.clean,
    "api_key": lambda text: is_reference(text) or api_key_fits(text),
    "base64": BLOB.clean,
    "email": re.compile(r"[^@\s]+@[^@\s]+").fullmatch,
    "hex": lambda text: is_reference(text) or re.fullmatch(r"([0-9a-fA-F]{2})+", text),
    "mac": MAC.clean,
    "netmask": NETMASK.clean,
    "network": NETWORK.clean,
    "release": known,
    "url": lambda text: not url_problems(text),
    "uuid": re.compile(r"[A-Za-z0-9-]{1,36}").fullmatch,
    "vid": _vid,
    "vlan": fabric_vid,
}


def _told(error):
    """Turn one of jsonschema's errors into ``(path, sentence)`` pairs."""
    where = ":".join([ROOT, *map(str, error.absolute_path)])
    node, value = error.schema, error.instance
    if error.validator == "additionalProperties":
        for key in sorted(value.keys() - node["properties"].keys()):
            yield f"{where}:{key}", f"unknown key; {_allowed_keys(key, node['properties'])}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in value:
                yield f"{where}:{key}", f"is missing; {node['properties'][key].get('doc', '')}"
    elif "propertyNames" in error.schema_path:
        where = f"{where}:{value}"
        yield where, _url_problem(node, value) or f"{value!r} must be {node['allowed']}"
    elif error.validator == "type":
        yield where, f"{shown(node, value)} must be {_kind(node)}"
    elif error.validator == "minLength":
        yield where, "must not be empty"
    else:
        problem = _url_problem(node, value) or f"{shown(node, value)} must be {node['allowed']}"
        if node.get("format") == "release" and isinstance(value, float):
            problem += "; without quotes YAML reads 1.10 as 1.1"
        yield where, problem


def _url_problem(node, value):
    """What is wrong with a URL; the value is not shown where it may hold a password."""
    if node.get("format") != "url" or not isinstance(value, str):
        return None
    return next(iter(url_problems(value)), None)


def _allowed_keys(key, properties):
    if len(properties) <= 20:
        return f"allowed: {', '.join(sorted(properties))}"
    close = difflib.get_close_matches(key, properties, n=5, cutoff=0.5)
    near = f"closest: {', '.join(close)}" if close else "none is like it"
    return f"{near} (of {len(properties)}, see the pillar reference)"


def _kind(node):
    if "allowed" in node:
        return node["allowed"]
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return {"object": "a mapping", "array": "a list", "string": "text"}.get(kinds[0], kinds[0])


# What this release does not have


def _of_release(node, value, where, release):
    """Every key under a node that holds for other releases only."""
    if not isinstance(value, dict):
        inside = enumerate(value) if isinstance(value, list) else ()
        for number, one in inside:
            yield from _of_release(node.get("items", {}), one, f"{where}:{number}", release)
        return
    for key, one in value.items():
        child = node.get("properties", {}).get(key) or node.get("additionalProperties")
        if not isinstance(child, dict):
            continue
        since, up_to = child.get("since"), child.get("up_to")
        if not release.within(since or "", up_to or ""):
            span = (f" from {since}" if since else "") + (f" up to {up_to}" if up_to else "")
            yield f"{where}:{key}: MAAS {release} does not have this; it is for MAAS{span}"
        else:
            yield from _of_release(child, one, f"{where}:{key}", release)
