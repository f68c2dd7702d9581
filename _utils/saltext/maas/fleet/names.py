"""What an event may say: nothing but which minion is meant, and that only in a strict form.

An event is a doorbell, not an order.  Whether anything happens is decided by what the
master knows itself: accepted keys, and the pillar.
"""

from __future__ import annotations

import re

from saltext.maas.errors import MaasError

#: As hosts are called, with ``_``; no path, no template, no pattern fits.
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?", re.ASCII)
_START = re.compile(r"salt/minion/([^/]+)/start")
#: Characters of an id. Files are called after it, with up to 38 more while they are written, and
#: no name of a file has more than 255.
MAX_ID = 217
ONBOARD_TAG = "maas/cluster/onboard"
#: How many minions one event may name.
MAX_NAMED = 1000


class Refused(MaasError):
    """An event, or a minion, that nothing is done for; the text says why."""


def is_id(value) -> bool:
    """Whether something is a minion id that this extension works with."""
    return has_form(value) and len(value) <= MAX_ID


def what_is_wrong(value) -> str:
    """Why something is no minion id that this extension works with, as the end of a sentence."""
    if has_form(value):
        return f"is longer than the {MAX_ID} characters that a minion id can have here"
    return "is no minion id"


def has_form(value) -> bool:
    """Whether something looks like a minion id, of whatever length Salt allows."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None and ".." not in value


def shown(value) -> str:
    """Something untrusted, short and harmless enough for a log."""
    text = ascii(value if isinstance(value, (str, int, float)) else type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."


def meant(tag, sender, asked, authorised=()) -> list[str]:
    """Which minions an event asks to onboard.

    Args:
        tag: The event's tag.
        sender: The minion that fired it, as the master noted it; None for the master itself.
        asked: What the event names: a minion id, a list of them, or None.
        authorised: Minions that may name others.

    Returns:
        The minions; each has the form of an id, but may be too long for :func:`is_id`.

    Raises:
        Refused: The event is not one of ours, is malformed, or names another minion.
    """
    if sender is not None and not has_form(sender):
        raise Refused(f"the sender {shown(sender)} is no minion id")
    start = _START.fullmatch(tag) if isinstance(tag, str) and len(tag) < 300 else None
    if start:
        if start.group(1) != sender:
            raise Refused(f"a start of {shown(start.group(1))} that {shown(sender)} tells of")
        return [sender]
    if tag != ONBOARD_TAG:
        raise Refused(f"the tag {shown(tag)} is none that asks for onboarding")
    if asked is None:
        asked = sender
    named = asked if isinstance(asked, list) else [asked]
    if not 0 < len(named) <= MAX_NAMED:
        raise Refused(f"an event must name 1 to {MAX_NAMED} minions")
    for one in named:
        if not has_form(one):
            raise Refused(f"{shown(one)} is no minion id")
        if sender is not None and one != sender and sender not in authorised:
            raise Refused(f"{sender} names another minion, {one}, and is not authorised to")
    return list(dict.fromkeys(named))
