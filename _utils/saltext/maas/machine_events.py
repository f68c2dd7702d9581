"""Changes of a region's machines as events, found by comparing lists of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable

from saltext.maas import atomic_file, events, parsing, schemas
from saltext.maas.client import Client
from saltext.maas.machines import view

_NAME = {"type": ["string", "null"], "allowed": "a name"}
#: Options of the engine ``maas_events`` that hold for machines.
_OPTIONS = schemas.mapping({
    "begin": {"enum": ["now", "oldest"]},
    "tag": {
        "type": "string", "pattern": r"^[\w./-]+$",
        "allowed": "a text of letters, digits and / . - _",
    },
    "zone": _NAME, "pool": _NAME, "machine_tag": _NAME,
})  # fmt: skip
#: What an event says of a machine, beside what happened.
_FACTS = ("system_id", "hostname", "fqdn", "status", "power", "owner", "zone", "pool", "tags",
          "addresses")  # fmt: skip


class MachineFollower(events.Following):
    """Reads a region's machines and reports those that are new, gone, or in another status.

    Args:
        client: Reaches the region.
        folder: Salt's ``cachedir``; a file in it remembers the last list.
        name: Tells one region from another, such as its URL.
        begin: ``now``, or ``oldest`` to report all machines as new where nothing is remembered.
        tag: What tags begin with.
        zone, pool, machine_tag: What machines to follow; None for any.

    Raises:
        BadInput: An argument is wrong.
    """

    def __init__(
        self, client: Client, folder: str, name: str, begin="now", tag="maas/machine",
        zone=None, pool=None, machine_tag=None,
    ):  # fmt: skip
        options = {"begin": begin, "tag": tag, "zone": zone, "pool": pool,
                   "machine_tag": machine_tag}  # fmt: skip
        schemas.check(options, _OPTIONS, "maas_events")
        self._client, self._begin, self._tag = client, begin, tag
        self._filters = {"zone": zone, "pool": pool, "tag": machine_tag}
        digest = hashlib.sha256(json.dumps([name, self._filters]).encode()).hexdigest()[:16]
        self._path = os.path.join(folder, "maas", f"machines-{digest}.json")

    def step(self, send: Callable[[str, dict], object]) -> bool:
        """Read the machines with one request, send what has changed, and remember them.

        Args:
            send: As in :meth:`run`; what it raises goes through, and what was not sent before is
                sent by the next step.

        Returns:
            False: there is nothing more to read.

        Raises:
            MaasError: The region cannot be asked.
            OSError: An event could not be delivered.
        """
        rows = view.rows(self._client, **self._filters)
        now = {row["system_id"]: {name: row[name] for name in _FACTS} for row in rows}
        known = self._load()
        if known is None:
            known = {} if self._begin == "oldest" else now
        reported = dict(known)
        try:
            for ident, what, facts in _changes(known, now):
                send(f"{self._tag}/{what}", facts)
                if ident in now:
                    reported[ident] = now[ident]
                else:
                    del reported[ident]
        except BaseException:
            atomic_file.put_json(self._path, reported)
            raise
        if now != known or not os.path.exists(self._path):
            atomic_file.put_json(self._path, now)
        return False

    def _load(self) -> dict[str, dict] | None:
        try:
            with open(self._path, "rb") as stream:
                return parsing.of_json(stream.read(), {str: {"status": (str, None)}})
        except (OSError, ValueError):
            return None


def _changes(known, now):
    """Yield what has changed: a machine's id, the last part of the tag, and the event's data."""
    for ident in sorted(known.keys() - now.keys()):
        yield ident, "removed", {**known[ident], "old_status": known[ident]["status"]}
    for ident, facts in now.items():
        old = known.get(ident)
        if old is None:
            yield ident, "added", {**facts, "old_status": None}
        elif old["status"] != facts["status"]:
            what = events.tag_part(facts["status"])
            yield ident, what, {**facts, "old_status": old["status"]}
