"""A region's events, followed from where one stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import re
import tempfile
import time

from saltext.maas.client.errors import BadInput, MaasError

log = logging.getLogger(__name__)

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "AUDIT")
_MOST = 1000  # MAAS answers no more at once
#: Events of transactions that end late come in behind younger ones, by about so many ids.
_OVERLAP = 50
_LONGEST_PAUSE = 300.0


def place(folder: str, name: str) -> str:
    """The file that remembers where one stopped.

    Args:
        folder: Salt's ``cachedir``.
        name: Tells one region from another, such as its URL.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return os.path.join(folder, "maas", f"events-{digest}.json")


def tag_part(text: str) -> str:
    """An event's type as a part of a tag: lower case, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")[:100] or "unknown"


class Follower:
    """Reads a region's events in their order, each at least once.

    Args:
        client: :class:`~saltext.maas.client.Client`.
        path: File that remembers where one stopped.
        level: Lowest level to read.
        batch: Events to read at once.
        begin: ``now`` or ``oldest``, where nothing is remembered.
        tag: What tags begin with.

    Raises:
        BadInput: An argument is wrong.
    """

    def __init__(self, client, path, level="INFO", batch=100, begin="now", tag="maas/event"):
        problems = []
        if level not in _LEVELS:
            problems.append(f"level: {level!r} must be one of: {', '.join(_LEVELS)}")
        if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= _MOST:
            problems.append(f"batch: {batch!r} must be a whole number from 1 to {_MOST}")
        if begin not in ("now", "oldest"):
            problems.append(f"begin: {begin!r} must be one of: now, oldest")
        if not re.fullmatch(r"[\w./-]+", str(tag)):
            problems.append(f"tag: {tag!r} must have letters, digits and / . - _ only")
        if problems:
            raise BadInput(problems)
        self._client = client
        self._path = path
        self._level = level
        self._batch = batch
        self._begin = begin
        self._tag = tag

    def run(self, send, interval: float = 10, sleep=time.sleep) -> None:
        """Follow for ever.

        Args:
            send: Called with tag and data of each event; raises OSError where it cannot be
                delivered, which is tried again.
            interval: Seconds between two questions.
            sleep: How to rest.

        Raises:
            BadInput: The interval is wrong.
        """
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or interval <= 0:
            raise BadInput([f"interval: {interval!r} must be a number above 0"])
        failures = 0
        while True:
            try:
                more = self.step(send)
                failures = 0
            except (MaasError, OSError) as error:
                failures += 1
                more = False
                # The first failure is worth a line; that it lasts is not worth one each time.
                log.log(
                    logging.WARNING if failures == 1 else logging.DEBUG,
                    "The events of MAAS cannot be passed on: %s", error,
                )  # fmt: skip
            if not more:
                pause = min(interval * 2 ** min(failures, 16), max(_LONGEST_PAUSE, interval))
                sleep(pause if not failures else pause * random.uniform(0.7, 1.0))  # noqa: S311

    def step(self, send) -> bool:
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
            newest = self._newest() if self._begin == "now" else 0
            self._store({"floor": newest, "last": newest, "seen": []})
            return self._begin == "oldest"
        floor, last, seen = known["floor"], known["last"], set(known["seen"])
        limit = min(_MOST, self._batch + _OVERLAP)
        found = self._read(after=max(0, last - _OVERLAP), limit=limit)
        if not found and last and self._newest() < last:
            log.warning("The region's events begin anew; they are read from the first")
            self._store({"floor": 0, "last": 0, "seen": []})
            return True
        # Newest first is how MAAS answers.
        oldest = max(floor, last - _OVERLAP)
        fresh = [
            event
            for event in sorted(found, key=_id)
            if event["id"] > oldest and event["id"] not in seen
        ]
        for event in fresh:
            send(f"{self._tag}/{tag_part(event.get('type'))}", event)
        last = max([last, *map(_id, found)])
        # Only what the next question can bring again need be known.
        seen = {one for one in seen | set(map(_id, found)) if one > last - _OVERLAP}
        if fresh:
            self._store({"floor": floor, "last": last, "seen": sorted(seen)})
        return bool(fresh) and len(found) >= limit

    def _read(self, **which):
        # A release that does not know "after" answers the newest; what is known is left out.
        if self._client.release < "1.8":
            raise MaasError(f"MAAS {self._client.release} does not tell its events; 1.8 does")
        answer = self._client.get("events/", op="query", level=self._level, **which)
        return answer["events"]

    def _newest(self):
        return max(map(_id, self._read(limit=1)), default=0)

    def _load(self):
        try:
            with open(self._path, encoding="utf-8") as stream:
                known = json.load(stream)
            numbers = {key: int(known[key]) for key in ("floor", "last")}
            return {**numbers, "seen": [int(one) for one in known["seen"]]}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _store(self, known):
        folder = os.path.dirname(self._path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=".events-", encoding="utf-8", delete=False
        ) as stream:
            json.dump(known, stream)
        os.replace(stream.name, self._path)


def _id(event):
    return event["id"]
