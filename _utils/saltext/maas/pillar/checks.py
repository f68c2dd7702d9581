"""Everything that is wrong with a pillar, at once and before anything is done."""

from __future__ import annotations

import re

from saltext.maas import collector, schemas
from saltext.maas.checked import NOTHING, Checked
from saltext.maas.client.profile import api_key_fits
from saltext.maas.errors import BadInput
from saltext.maas.pillar import (  # noqa: F401
    validators_content,
    validators_dhcp,
    validators_machines,
    validators_networks,
)
from saltext.maas.pillar.controllers import named_twice
from saltext.maas.pillar.desired_objects import described, with_images
from saltext.maas.pillar.machine_classes import SECTIONS, Expansion, expanded
from saltext.maas.pillar.schema import schema
from saltext.maas.pillar.validators import ROOT, VALIDATORS, plain
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.references import invalid
from saltext.maas.redact import one_line, redact
from saltext.maas.release import Release, supported
from saltext.maas.resources.kinds import ADDRESS, ADDRESSES, BLOB, MAC, NETMASK, NETWORK
from saltext.maas.resources.vlan_names import fabric_vid
from saltext.maas.sdb import is_reference


def check(pillar: dict, release: Release | None = None, checked: Checked = NOTHING) -> None:
    """Refuse a wrong pillar.

    Args:
        pillar: The mapping under ``maas``.
        release: The region's release, where it is known; that of the pillar otherwise.
        checked: What was found right before, which is not checked again.

    Raises:
        BadInput: With one line for each mistake.
    """
    named = _token(pillar, release)
    if checked.knows(*named):
        return
    found = problems(pillar, release)
    if found:
        raise BadInput(found)
    checked.note(*named)


def checked_objects(pillar: dict, release: Release, checked: Checked = NOTHING) -> list[Desired]:
    """Return the desired objects of a pillar, which is refused where it is wrong.

    Args:
        pillar: The mapping under ``maas``.
        release: The region's release.
        checked: What was found right before, which is not checked again.

    Raises:
        BadInput: With one line for each mistake.
    """
    named = _token(pillar, release)
    if checked.knows(*named):
        with collector.paused():
            pillar = Expansion(_with_right_keys(pillar, ROOT, [])).pillar
            return with_images(list(described(pillar, release)), pillar, release)
    found, pillar, objects = _examined(pillar, release)
    if found:
        raise BadInput(found)
    checked.note(*named)
    return with_images(objects, pillar, release)


def _token(pillar, release):
    """What the result of a check depends on."""
    content = dict(pillar) if isinstance(pillar, dict) else pillar
    return "pillar", content, release and release.series


def problems(pillar: dict, release: Release | None = None) -> list[str]:
    """List a pillar's mistakes: path, value and what is allowed, one line each."""
    return _examined(pillar, release)[0]


@collector.paused()
def _examined(pillar, release) -> tuple[list[str], dict, list[Desired]]:
    """A pillar's mistakes, its expansion, and what that describes as far as it is right."""
    if not isinstance(pillar, dict):
        return [f"{ROOT}: must be a mapping, not of type {type(pillar).__name__}"], {}, []
    looked_up = [one for one in getattr(pillar, "looked_up", ()) if len(one) > 3]
    odd: list[str] = []
    pillar = _with_right_keys(pillar, ROOT, odd)
    refused = misshapen(pillar)
    found = odd + [line for _, line in refused] + named_twice(pillar)
    wrong = {section for path, _ in refused for section in path[:1]}
    if pillar.get("release") is not None and "release" not in wrong:
        named = supported(pillar["release"])
        if release and named.series != release.series:
            found.append(
                f"{ROOT}:release: {pillar['release']!r} is not what the region runs, MAAS "
                f"{release}; must be '{release.series}', or be left out"
            )
        release = release or named
    if release:
        found += _of_release(schema(), pillar, ROOT, release)
    # Sections that are not even of the right shape cannot be judged further.
    sound = {name: part for name, part in pillar.items() if name not in wrong}
    if wrong & SECTIONS:
        sound.pop("machines", None)
    expansion = Expansion(sound)
    sound = expansion.pillar
    found += expansion.problems
    if wrong.isdisjoint({"subnets", "ip_addresses"}):
        found += expansion.clashes(sound)
    objects, refused_values = [], []
    try:
        for one in described(sound, release):
            objects.append(one)
    except BadInput as error:
        refused_values = error.problems
    found += [*invalid(objects, release), *refused_values]
    for sections, validator in VALIDATORS:
        if wrong.isdisjoint(sections):
            found += validator(sound, release)
    # A secret that was looked up for a field that is none is a secret all the same.
    looked_up += [repr(one)[:56] for one in looked_up]  # as a message shortens it
    lines = dict.fromkeys(expansion.placed(found))
    return [one_line(redact(line, looked_up)) for line in lines], sound, objects


def _with_right_keys(value, where, odd):
    """The pillar with text for keys, without those that YAML did not read as they were written.

    The latter are noted.
    """
    if isinstance(value, list):
        return [_with_right_keys(one, f"{where}:{n}", odd) for n, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, one in value.items():
        if isinstance(key, str) or type(key) is int:
            found[str(key)] = _with_right_keys(one, f"{where}:{key}", odd)
        else:
            meant = _YAML.get(type(key), "something else than text")
            odd.append(f"{where}:{key}: YAML reads this key as {meant}; put it in quotes")
    return found


_YAML = {
    bool: "true or false, as it does yes, no, on and off", float: "a number",
    type(None): "nothing, as it does ~ and null",
}  # fmt: skip


def machines_of(pillar: dict) -> dict[str, dict]:
    """Return the machines of a pillar with what their classes say.

    Args:
        pillar: The mapping under ``maas``.

    Raises:
        BadInput: What it says of machines is wrong.
    """
    sections = plain({name: pillar[name] for name in SECTIONS if pillar.get(name) is not None})
    wrong = [line for _, line in misshapen(sections)]
    if wrong:
        raise BadInput(wrong)
    return {name: one or {} for name, one in expanded(sections).get("machines", {}).items()}


def misshapen(pillar: dict) -> list[tuple[list, str]]:
    """List what the schema does not allow, as :func:`saltext.maas.schemas.mistakes` does."""
    return schemas.mistakes(pillar, schema(), ROOT, _FORMATS)


_FORMATS = {
    **schemas.FORMATS,
    "address": ADDRESS.clean,
    "addresses": ADDRESSES.clean,
    "api_key": lambda text: is_reference(text) or api_key_fits(text),
    "base64": BLOB.clean,
    "hex": lambda text: is_reference(text) or re.fullmatch(r"([0-9a-fA-F]{2})+", text),
    "mac": MAC.clean,
    "netmask": NETMASK.clean,
    "network": NETWORK.clean,
    "uuid": re.compile(r"[A-Za-z0-9-]{1,36}").fullmatch,
    "vid": lambda text: fabric_vid(f"any/{text}"),
    "vlan": fabric_vid,
}


# What this release does not have


def _of_release(node, value, where, release):
    """Every key under a node that holds for other releases only."""
    if not isinstance(value, dict):
        inside = enumerate(value) if isinstance(value, list) else ()
        for number, one in inside:
            yield from _of_release(node.get("items", {}), one, f"{where}:{number}", release)
        return
    known, others = node.get("properties", {}), node.get("additionalProperties")
    for key, one in value.items():
        child = known.get(key) or others
        if not isinstance(child, dict):
            continue
        since, up_to = child.get("since", ""), child.get("up_to", "")
        if not child.get("lenient") and not release.within(since, up_to):
            span = (f" from {since}" if since else "") + (f" up to {up_to}" if up_to else "")
            yield f"{where}:{key}: MAAS {release} does not have this; it is for MAAS{span}"
        else:
            yield from _of_release(child, one, f"{where}:{key}", release)
