"""What a region is made of beside its objects: options, accounts with their keys, tables, log."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import dataclass, field

#: Point release that a series answers with: those that were seen, else ``.0``.
POINT_RELEASES = {"1.5": "1.5.4", "1.7": "1.7.3", "1.9": "1.9.5", "3.7": "3.7.3"}


@dataclass
class Options:
    """What can be chosen about a region.

    Attributes:
        import_seconds: Duration of an image import.
        index_seconds: Time until the catalogue of a new boot source is known.
        sync_seconds: Time until clusters have the region's images.
        machine_seconds: Time that a machine needs to commission, deploy or shut down.
        admin: (username, e-mail) of an administrator made at the start, or None.
        database: PostgreSQL URI that the region's tables are copied into, or None.
        hostname: What the region's host calls itself.
        local_cluster: uuid of the cluster on that host (1.5, 1.6), which is accepted at once
            when it is the first to register; None without any.
        vm_hosts: Whether VM hosts answer at all addresses but those that end in ``.invalid``.
    """

    import_seconds: float = 2.0
    index_seconds: float = 0.2
    sync_seconds: float = 1.0
    machine_seconds: float = 1.0
    admin: tuple[str, str] | None = ("admin", "admin@example.com")
    database: str | None = None
    hostname: str = "region"
    local_cluster: str | None = None
    vm_hosts: bool = False


@dataclass(frozen=True)
class Entry:
    """A request in the log, without its body."""

    __slots__ = ("method", "op", "path", "seconds", "status", "user")

    method: str
    path: str
    op: str | None
    status: int
    seconds: float
    user: str | None


class Log:
    """The latest requests, numbered from the first that a region ever answered.

    Args:
        limit: How many entries are kept.

    Attributes:
        total: How many requests there were.
    """

    def __init__(self, limit=50_000):
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._lock = threading.Lock()
        self.total = 0

    def append(self, entry):
        """Note a request."""
        with self._lock:
            self._entries.append(entry)
            self.total += 1

    def since(self, number):
        """Return the entries from that number on; this takes as long as there are such entries.

        Raises:
            LookupError: Some of them are no longer kept.
        """
        with self._lock:
            count = max(self.total - number, 0)
            if count > len(self._entries):
                raise LookupError(
                    f"only the last {len(self._entries)} of {count} requests are kept;"
                    " reset the log more often"
                )
            return list(itertools.islice(reversed(self._entries), count))[::-1]

    def __iter__(self):
        return iter(self.since(0))


@dataclass
class Token:
    """An API key."""

    name: str
    consumer: str = field(repr=False)
    key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def text(self):
        """``consumer:token:secret`` as ``maas apikey`` prints it."""
        return f"{self.consumer}:{self.key}:{self.secret}"


@dataclass
class User:
    """An account; its number counts all that were ever made.

    Attributes:
        provider: Id of the OIDC provider that it logs in with, None for a local account.
        is_active: Whether it may log in; an API key works all the same.
    """

    username: str
    email: str | None
    password: str = field(repr=False, default="")
    is_superuser: bool = False
    tokens: list[Token] = field(repr=False, default_factory=list)
    number: int = 0
    provider: int | None = None
    is_active: bool = True


class Rows(dict):
    """Objects of one kind by id; :meth:`add` gives out running ids.

    Args:
        first: The first id.
        by: A field that no object changes, for :meth:`of`.
    """

    def __init__(self, first=1, by=None):
        super().__init__()
        self._ids = itertools.count(first)
        self._by = by
        self._groups: dict = {}

    def __setitem__(self, ident, row):
        self._ungroup(ident)
        super().__setitem__(ident, row)
        if self._by:
            self._groups.setdefault(row.get(self._by), {})[ident] = row

    def __delitem__(self, ident):
        self._ungroup(ident)
        super().__delitem__(ident)

    def pop(self, ident, *default):
        self._ungroup(ident)
        return super().pop(ident, *default)

    def clear(self):
        self._groups.clear()
        super().clear()

    def _ungroup(self, ident):
        if self._by and ident in self:
            self._groups[self[ident].get(self._by)].pop(ident, None)

    def of(self, value):
        """The objects whose field has a value, in a list."""
        return list(self._groups.get(value, {}).values())

    def add(self, row, ident=None):
        """Store a dict under the next id, or the given one, which is put into it as ``id``."""
        row["id"] = next(self._ids) if ident is None else ident
        self[row["id"]] = row
        return row
