"""Sequences of requests that change one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from saltext.maas.errors import MaasError

#: Key of the requests in the new value of a plan; no interface or disk can have this name.
STEPS = "planned steps"


class _Described(Protocol):
    text: str


_Step = TypeVar("_Step", bound=_Described)


def send_all(
    what: str, steps: Sequence[_Step], send: Callable[[_Step], object], texts: Sequence[str]
) -> None:
    """Send the requests of a sequence, one after the other.

    Args:
        what: What they change, for messages.
        steps: The requests.
        send: Sends one.
        texts: What each does, as a plan shows it.

    Raises:
        MaasError: One failed; the error says which were made and which are left, and has the
            number of these as ``left``.
    """
    for number, step in enumerate(steps):
        try:
            send(step)
        except MaasError as error:
            done, left = ("; ".join(some) or "nothing" for some in (texts[:number], texts[number:]))
            message = f"{what}: {step.text}: {error}; done: {done}; left: {left}"
            error.args = (f"{message}; the next run continues", *error.args[1:])
            error.left = len(steps) - number
            raise
