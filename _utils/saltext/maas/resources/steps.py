"""Sequences of requests that change one object."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from saltext.maas.errors import MaasError, NotDone, WrongAnswer
from saltext.maas.resources.engine_types import Desired, Run

#: Key of the requests in the new value of a plan; no interface or disk can have this name.
STEPS = "planned steps"
GONE = "another client deleted it after the plan was made"


def refuse_unplanned(run: Run, desired: Desired, what: str, erasing: Iterable[str]) -> None:
    """Refuse to remove what another client made after the plan.

    Args:
        run: The run.
        desired: The object.
        what: The field.
        erasing: Those of the requests that remove something, as a plan shows them.

    Raises:
        NotDone: The plan does not show one of them.
    """
    change = run.changes[desired.type, desired.key]
    planned = (change.new.get(what) or {}).get(STEPS, ())
    unplanned = [one for one in erasing if one not in planned]
    if unplanned and change.action == "update":
        raise NotDone(
            f"{what}: another client changed it after the plan was made, so that these were to do, "
            f"too: {'; '.join(unplanned)}; see the plan, and run again"
        )


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


def own_paths(raw: Any) -> Iterator[str]:
    """Yield the paths below the API's root of an object and of all that it contains."""
    if isinstance(raw, dict):
        if isinstance(raw.get("resource_uri"), str):
            yield _below_root(raw["resource_uri"])
        raw = list(raw.values())
    if isinstance(raw, list):
        for one in raw:
            yield from own_paths(one)


def _below_root(uri):
    return uri.partition("/api/")[2].partition("/")[2].rstrip("/")


def confirmed(answer: Any, path: str, op: str | None = None, known: Container[str] = ()) -> dict:
    """Return the answer to a request for a part of a machine, if it is about that part.

    Args:
        answer: The answer.
        path: The path of the request: of the part, or of the collection that gets a new one.
        op: The operation of a POST.
        known: Paths of parts that exist, so that none of them is the new one.

    Raises:
        WrongAnswer: It is about something else.
    """
    above, _, last = path.rstrip("/").rpartition("/")
    expected = re.escape(path.rstrip("/"))
    if op == "create_logical_volume":
        above = above.rpartition("/")[0]
        expected, is_new = rf"{re.escape(above)}/blockdevices/\d+", True
    else:
        is_new = not (last.isdigit() or above in ("machines", "nodes"))
        if is_new:
            # MAAS calls one of the raids/ raid/1, but one of the interfaces/ interfaces/1.
            expected = rf"{re.escape(above)}/{re.escape(last.rstrip('s'))}s?/\d+"
    uri = answer.get("resource_uri") if isinstance(answer, dict) else None
    own = _below_root(uri) if isinstance(uri, str) else ""
    if not re.fullmatch(expected, own) or (is_new and own in known):
        raise WrongAnswer(f"the region answered with something else, {own or answer!r:.100}")
    return answer
