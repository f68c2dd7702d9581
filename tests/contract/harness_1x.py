"""What the recordings of API 1.0 have in common: who signed, and what changes from run to run."""

from __future__ import annotations

import re

from harness import Key
from saltext.maas.emulator import api1_groups as groups

A, B, C = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123")

#: What a recording calls wrong credentials, and how they differ from the administrator's.
_WRONG_KEYS = {
    "wrong key": "bad:TOKEN:SECRET",
    "wrong secret": "{consumer}:{token}:bad",
    "wrong token": "{consumer}:wrong:{secret}",
}


def short_id(exchange):
    """An exchange's id without its description."""
    return "-".join(exchange.id.split("-")[:2])


def signed_by(lab, exchange):
    """The key that an exchange was signed with, None when it was not."""
    who = exchange.auth.removeprefix("other:").removesuffix(" non-admin")
    if who == "none":
        return None
    if who in _WRONG_KEYS:
        parts = zip(("consumer", "token", "secret"), lab.keys["admin"].split(":"))
        return Key(_WRONG_KEYS[who].format(**dict(parts)))
    if who not in lab.keys:
        if who == "worker":
            group = groups.find_group(lab.region, A)
            lab.keys[who] = groups.worker_token(lab.region, group).text
        else:
            lab.keys[who] = lab.region.new_api_key(who)
    return Key(lab.keys[who])


def settled(value):
    """A body without numbers drawn at random, moments, and addresses in memory."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\b(unnamed|eth1-ipv6)-\d+\b", r"\1-N", value)
        value = re.sub(r"\bnode-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "NODE", value)
        return re.sub(r"0x[0-9a-f]{5,}", "0xN", value)
    return value
