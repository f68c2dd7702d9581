"""What an event may say: nothing but which minion is meant, and that only in a strict form.

An event is a doorbell, not an order.  Whether anything happens is decided by what the
master knows itself: accepted keys, and the pillar.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from saltext.maas.errors import MaasError

#: Pattern of a minion id, as hosts are called, with ``_``; no path, no template and no glob.
ID = r"(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?"
_START = re.compile(r"salt/minion/([^/]+)/start")
ONBOARD_TAG = "maas/cluster/onboard"
#: How many minions one event may name.
MAX_NAMED = 1000


class Refused(MaasError):
    """Nothing is done for an event, or for a minion; the text says why."""


def is_id(value: object) -> bool:
    """Return whether something has the form of a minion id."""
    return isinstance(value, str) and re.fullmatch(ID, value, re.ASCII) is not None


def shown(value: object) -> str:
    """Return something untrusted, short and harmless enough for a log."""
    text = ascii(value if isinstance(value, (str, int, float)) else type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."


def meant(
    tag: object, sender: str | None, asked: object, authorised: Collection[str] = ()
) -> list[str]:
    """Return which minions an event asks to onboard.

    Args:
        tag: The event's tag.
        sender: The minion that fired it, as the master noted it; None for the master itself.
        asked: What the event names: a minion id, a list of them, or None.
        authorised: Minions that may name others.

    Raises:
        Refused: The event is not one of ours, is malformed, or names another minion.
    """
    if sender is not None and not is_id(sender):
        raise Refused(f"the sender {shown(sender)} is no minion id")
    start = _START.fullmatch(tag) if isinstance(tag, str) and len(tag) < 300 else None
    if start:
        if sender is None or start.group(1) != sender:
            raise Refused(f"{shown(sender)} announces the start of {shown(start.group(1))}")
        return [sender]
    if tag != ONBOARD_TAG:
        raise Refused(f"the tag {shown(tag)} asks for no onboarding")
    if asked is None:
        asked = sender
    named = asked if isinstance(asked, list) else [asked]
    if not 0 < len(named) <= MAX_NAMED:
        raise Refused(f"an event must name 1 to {MAX_NAMED} minions")
    for one in named:
        if not is_id(one):
            raise Refused(f"{shown(one)} is no minion id")
        if sender is not None and one != sender and sender not in authorised:
            raise Refused(f"{sender} names another minion, {one}, and is not authorised to")
    return list(dict.fromkeys(named))
