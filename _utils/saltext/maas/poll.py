"""Wait for something to come true: the only loop of the library that sleeps and looks again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Optional, TypeVar

_Found = TypeVar("_Found")


def wait(
    until: Callable[[], Optional[_Found]],
    seconds: float,
    pause: float = 0.1,
    longest: float = 5.0,
    report: Callable[[float], object] | None = None,
) -> Optional[_Found]:
    """Call a function until it returns something.

    It is called at once, then after pauses that grow by half, and for the last time when the time
    is up.

    Args:
        until: Returns None as long as it has to be called again; may raise, which ends the wait.
        seconds: How long to go on; with 0 it is called once.
        pause: Seconds of the first pause.
        longest: Seconds that a pause can grow to.
        report: Called before each pause with the seconds that have gone by.

    Returns:
        What ``until`` returned; None when the time is up.

    Example:
        ``if poll.wait(answers, 180) is None: raise HostError(poll.timed_out(180, "the API"))``
    """
    began = time.monotonic()
    while True:
        late = time.monotonic() - began >= seconds
        found = until()
        if found is not None or late:
            return found
        gone = time.monotonic() - began
        if report is not None:
            report(gone)
        time.sleep(max(0.0, min(pause, seconds - gone)))
        pause = min(pause * 1.5, longest)


def timed_out(seconds: float, what: str, reason: object = None) -> str:
    """Return the message of a wait that came to nothing.

    Args:
        seconds: How long it was waited.
        what: What for, such as ``the image import``.
        reason: Why it is not there yet, where that is known.
    """
    return f"timed out after {seconds:g} s waiting for {what}" + (f": {reason}" if reason else "")


class Unchanged:
    """Tell for how long something has been the same, such as the reason of a failure.

    Example:
        ``if unchanged.seconds(reason) > 15: ...``
    """

    def __init__(self) -> None:
        self._value: object = self
        self._since = 0.0

    def seconds(self, value: object) -> float:
        """Return for how many seconds calls have brought this value without a break."""
        now = time.monotonic()
        if value != self._value:
            self._value, self._since = value, now
        return now - self._since
