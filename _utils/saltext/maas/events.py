"""A region's events, followed from where one stopped."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from saltext.maas import atomic_file, parsing, schemas
from saltext.maas.client import Client, shape
from saltext.maas.errors import LostAnswer, MaasError, StrangeAnswer, TooLarge

log = logging.getLogger(__name__)

_MOST = 1000  # MAAS answers no more at once
#: How many are asked for at once, where more are wanted.
_PART = 200
#: Events of transactions that end late come in behind younger ones, by about so many ids.
_OVERLAP = 50
_LONGEST_PAUSE = 300.0
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CREATED = re.compile(rf"(\d{{1,2}}) ({'|'.join(_MONTHS)})\.? (\d{{4}}) (\d\d:\d\d:\d\d)")
#: Options of the engine ``maas_events``.
_OPTIONS = schemas.mapping({
    "level": {"enum": ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "AUDIT"]},
    "batch": {**schemas.whole("", 1, _MOST), "format": "digits"},
    "begin": {"enum": ["now", "oldest"]},
    "tag": {
        "type": "string", "pattern": r"^[\w./-]+$",
        "allowed": "a text of letters, digits and / . - _",
    },
})  # fmt: skip
#: What the file looks like that remembers where one stopped.
_KNOWN = {
    "floor": int, "last": int, "since?": int, "at?": (str, None), "seen": (dict, list),
}  # fmt: skip


def state_file(folder: str, name: str) -> str:
    """Return the file that remembers where one stopped.

    Args:
        folder: Salt's ``cachedir``.
        name: Tells one region from another, such as its URL.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return os.path.join(folder, "maas", f"events-{digest}.json")


def tag_part(text: str) -> str:
    """Return an event's type as a part of a tag: lower case, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")[:100] or "unknown"


class Pages:
    """Reads a region's events in parts, which get smaller where one is too much."""

    def __init__(self, client: Client):
        self._client = client
        self._size = _PART

    def read(self, limit: int, **filters) -> list[dict]:
        """Return events in their order.

        Args:
            limit: How many at most: the first after ``after``, else the last.
            filters: MAAS's own, and ``after`` or ``before`` with a number.

        Raises:
            MaasError: The region cannot be asked.
        """
        if self._client.release < "2.0":
            return self._part(limit, filters)  # which knows no pages
        found: list[dict] = []
        forward = filters.get("after") is not None
        while len(found) < limit:
            size = min(self._size, limit - len(found))
            try:
                part = self._part(size, filters)
            except (LostAnswer, TooLarge):
                if size == 1:
                    raise
                self._size = size // 2
                continue
            found = found + part if forward else part + found
            if len(part) < size:
                break
            filters["after" if forward else "before"] = part[-1 if forward else 0]["id"]
        return found

    def _part(self, limit, filters):
        """One answer's events; MAAS has the newest first."""
        answer = self._client.get("events/", op="query", limit=limit, **filters)
        mistake = shape.mistake(answer, {"events": [{"id": int}]})
        if mistake:
            raise StrangeAnswer(f"GET events/: the answer has another form than MAAS's: {mistake}")
        return sorted(answer["events"], key=_id)


class Following:
    """What follows a region, step by step."""

    def run(self, send: Callable[[str, dict], object], interval: float, sleep=time.sleep) -> None:
        """Follow for ever.

        Args:
            send: Called with tag and data of each event; raises OSError where it cannot be
                delivered, which is tried again.
            interval: Seconds between two questions.
            sleep: How to rest.

        Raises:
            BadInput: The interval is wrong.
        """
        keep_on(lambda: self.step(send), interval, sleep)

    def step(self, send: Callable[[str, dict], object]) -> bool:
        """Take the next step; return whether there may be more at once."""
        raise NotImplementedError


class Follower(Following):
    """Reads a region's events in their order, each at least once.

    Args:
        client: Reaches the region.
        path: File that remembers where one stopped.
        level: Lowest level to read.
        batch: Events to read at once.
        begin: ``now`` or ``oldest``, where nothing is remembered.
        tag: What tags begin with.

    Raises:
        BadInput: An argument is wrong.
    """

    def __init__(
        self, client: Client, path: str, level="INFO", batch=100, begin="now", tag="maas/event"
    ):
        options = {"level": level, "batch": batch, "begin": begin, "tag": tag}
        schemas.check(options, _OPTIONS, "maas_events", {"digits": str.isdigit})
        self._client = client
        self._pages = Pages(client)
        self._path = path
        self._level, self._batch, self._begin, self._tag = level, batch, begin, tag

    def step(self, send: Callable[[str, dict], object]) -> bool:
        """Read the next events, send them, and remember where that was.

        Args:
            send: As in :meth:`run`; what it raises goes through, and nothing is remembered.

        Returns:
            Whether there may be more at once.

        Raises:
            MaasError: The region cannot be asked.
            OSError: An event could not be delivered.
        """
        known = self._load()
        if known is None:
            self._store(self._first())
            return self._begin == "oldest"
        limit = min(_MOST, self._batch + _OVERLAP)
        start = max(0, known["last"] - _OVERLAP)
        answer = self._read(after=start, limit=limit)
        # A release that does not know "after" answers the newest.
        found = [event for event in answer if event["id"] > start]
        put_back = self._put_back(known, found, limit)
        if put_back is not None:
            last = put_back["last"]
            log.info("The region's log of events ends before; what is after event %d is new", last)
            self._store(put_back)
            return True
        fresh = [
            event for event in found
            if event["id"] > known["floor"]
            and not (event["id"] in known["seen"] and _fits(known, event))
        ]  # fmt: skip
        for event in fresh:
            send(f"{self._tag}/{tag_part(event.get('type'))}", event)
        after = _after(known, found)
        if after != known:
            self._store(after)
        return bool(fresh) and len(answer) >= limit

    def _first(self):
        """Where nothing is remembered: after the newest, or before the oldest."""
        nothing: dict = {"floor": 0, "last": 0, "at": None, "since": 0, "seen": {}}
        if self._begin == "oldest":
            return nothing
        newest = self._read(limit=_OVERLAP)
        return {**_after(nothing, newest), "floor": max(map(_id, newest), default=0)}

    def _put_back(self, known, found, limit):
        """Where to go on in a log that no longer is the one that is remembered; else None.

        A restored region gives numbers a second time, and a new one begins at 1.  Where machines
        were deleted the log ends earlier too, as MAAS hides their events: then what is left is old.
        """
        last = known["last"]
        whole = found and found[-1]["id"] >= last and all(_fits(known, event) for event in found)
        newest = found or (self._read(limit=limit) if last else [])
        if whole or not last or not newest:
            return None
        newer = itertools.takewhile(
            lambda event: _newer(known, event), self._downwards(newest, limit)
        )
        lowest = min(map(_id, newer), default=None)
        if lowest is not None:
            return {**known, "floor": lowest - 1, "last": lowest - 1, "seen": {}}
        if found:
            return None
        end = newest[-1]["id"]
        return {**_after({**known, "last": end, "seen": {}}, newest), "floor": end}

    def _downwards(self, page, limit) -> Iterator[dict]:
        """Events from a page's newest one on to ever older ones."""
        lowest = 1
        while page and lowest > 0:  # MAAS counts from 1; a region might go on for ever
            yield from reversed(page)
            lowest = page[0]["id"]
            older = self._read(before=lowest, limit=limit)
            page = [event for event in older if event["id"] < lowest]

    def _read(self, **which):
        if self._client.release < "1.8":
            raise MaasError(f"MAAS {self._client.release} has no event API; 1.8 and later have")
        return self._pages.read(level=self._level, **which)

    def _load(self) -> dict[str, Any] | None:
        try:
            with open(self._path, "rb") as stream:
                known = parsing.of_json(stream.read(), _KNOWN)
            seen = known["seen"]
            if isinstance(seen, list):  # written before marks were
                seen = dict.fromkeys(seen)
            return {
                "floor": known["floor"],
                "last": known["last"],
                "at": known.get("at"),
                "since": known.get("since", 0),
                "seen": {int(ident): mark for ident, mark in seen.items()},
            }
        except (OSError, ValueError, TypeError):
            return None

    def _store(self, known):
        atomic_file.put_json(self._path, known)


def keep_on(step: Callable[[], bool], interval: float, sleep: Callable[[float], object]) -> None:
    """Take steps for ever, less and less often where they fail.

    Args:
        step: Returns whether there may be more at once.
        interval: Seconds between two steps.
        sleep: How to rest.

    Raises:
        BadInput: The interval is wrong.
    """
    schemas.check(interval, schemas.seconds(""), "maas_events:interval")
    failures = 0
    while True:
        try:
            more = step()
            failures = 0
        except (MaasError, OSError) as error:
            failures += 1
            more = False
            # The first failure is worth a line; that it lasts is not worth one each time.
            level = logging.WARNING if failures == 1 else logging.DEBUG
            log.log(level, "The events of MAAS cannot be passed on: %s", error)
        if not more:
            pause = min(interval * 2 ** min(failures, 16), max(_LONGEST_PAUSE, interval))
            sleep(pause if not failures else pause * random.uniform(0.7, 1.0))  # nosec B311 # a pause


def _id(event):
    return event["id"]


def _mark(event):
    """What differs from another event that has its number in a restored region."""
    return [event.get("created"), event.get("type")]


def _fits(known, event):
    """Whether an event is none that has the number of another; an old file knows no marks."""
    return known["seen"].get(event["id"]) in (None, _mark(event))


def _newer(known, event):
    """Whether an event came after the last that is known, though its number may be lower."""
    if event["id"] > known["last"]:
        return True
    if event["id"] in known["seen"]:
        return not _fits(known, event)
    then, now = _moment(known["at"]), _moment(event.get("created"))
    if then is None or now is None:
        return False
    return now > then or (now == then and event["id"] < known["since"])


def _after(known, found):
    """What is to be remembered once some events are sent.

    ``at`` is when the last one was, ``since`` the first number of the same second.
    """
    last, at, since = known["last"], known["at"], known["since"]
    if found and (found[-1]["id"] > last or (found[-1]["id"] == last and at is None)):
        last, now = found[-1]["id"], found[-1].get("created")
        same = [event["id"] for event in found if event.get("created") == now]
        at, since = now, min([*same, since] if now == at else same)
    seen = {**known["seen"], **{event["id"]: _mark(event) for event in found}}
    # Only what the next question can bring again need be known.
    seen = {ident: mark for ident, mark in seen.items() if ident > last - _OVERLAP}
    return {"floor": known["floor"], "last": last, "at": at, "since": since, "seen": seen}


def _moment(created):
    """MAAS's ``Sun, 22 Nov. 2026 20:52:16``, in no named zone, as what can be compared."""
    found = _CREATED.search(created) if isinstance(created, str) else None
    if not found:
        return None
    day, month, year, clock = found.groups()
    return int(year), _MONTHS.index(month), int(day), clock
