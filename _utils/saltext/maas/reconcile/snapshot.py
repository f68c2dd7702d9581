"""What a region holds, read at most once a run and kept true by our own writes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from saltext.maas import resources
from saltext.maas.client.errors import BadInput


@dataclass(frozen=True)
class Record:
    """One object of a region: its key, and the answer that showed it."""

    key: str
    raw: dict


class Snapshot:
    """The objects of one region, each collection (or part of one) read when first needed.

    Args:
        client: :class:`~saltext.maas.client.session.Client`, or None for a
            region that nobody can ask yet.
        release: The region's release, where there is no client.
        local: What only the region host can tell or do; see
            :class:`saltext.maas.host.local.Local`.  None elsewhere.
        hostname: The region host's name, which a new region calls itself.

    Without a client the snapshot shows what a newly installed region of the
    release holds, so that the first run can be planned before it has a user.
    """

    def __init__(self, client, release=None, local=None, hostname=None):
        self.client = client
        self.local = local
        self.hostname = hostname
        self.release = release or client.release
        self.tables = resources.for_release(self.release)
        self._raw = {}  # (store, partition) -> list of objects
        self._index = {}  # (type, partition) -> {key: Record}
        self._read_at = {}  # (store, partition) -> monotonic time
        #: What earlier states of a test run would have created, as ``(type, key)``.
        self.promised = set()
        self._claims = {}  # type -> keys that some wish stands for
        self._groups = {}  # (type, field) -> {value: [Record]}
        self._lock = threading.RLock()
        self._reading = {}  # (store, partition) -> lock, so that no part is read twice at once

    # Looking

    def records(self, name: str, partition: str = "") -> dict:
        """All objects of a type (or of one part of it), by key."""
        index = self._index.get((name, partition))
        if index is None:
            table = self.tables[name]
            found = self._load(table, partition)
            with self._lock:
                index = {key: Record(key, raw) for raw in found for key in [table.key_of(raw)]}
                index = self._index.setdefault((name, partition), index)
        return index

    def raw(self, name: str) -> list[dict]:
        """All objects of a type as the API answered them."""
        return self._load(self.tables[name], "")

    def group(self, name: str, field: str) -> dict:
        """The records of a type by the value of one field."""
        with self._lock:
            groups = self._groups.get((name, field))
            if groups is None:
                groups = self._groups[name, field] = {}
                for record in self.records(name).values():
                    groups.setdefault(self._group_of(name, field, record.raw), []).append(record)
        return groups

    def _group_of(self, name, field, raw):
        column = self.tables[name].by_name.get(field)
        return column.value(raw) if column else raw.get(field)

    def resolve(self, name: str, key: str) -> dict:
        """The object that a reference names.

        Raises:
            BadInput: There is none.
        """
        record = self.records(name).get(key)
        if record is None:
            raise BadInput(f"there is no {self.tables[name].noun} {key!r}")
        return record.raw

    def rack_name(self, system_id: str | None) -> str | None:
        """The host name behind a rack controller's system id."""
        if system_id is None:
            return None
        racks = self.group("rack", "system_id").get(system_id)
        return racks[0].key if racks else system_id

    def claim(self, name: str, keys) -> None:
        """Note which objects of a type some wish stands for by its exact identity."""
        self._claims.setdefault(name, set()).update(keys)

    def claimed(self, name: str) -> set:
        return self._claims.get(name, set())

    # Reading

    def prefetch(self, parts) -> None:
        """Read several ``(type, partition)`` at once, over the client's connections."""
        missing = [part for part in dict.fromkeys(parts) if part not in self._index]
        workers = min(len(missing), self.client.profile.concurrency if self.client else 1)
        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda part: self.records(*part), missing))
        else:
            for part in missing:
                self.records(*part)

    def _load(self, table, partition):
        where = (table.store, partition)
        with self._lock:
            lock = self._reading.setdefault(where, threading.RLock())
        with lock:
            if where not in self._raw:
                self._read(table, partition)
            return self._raw[where]

    def _read(self, table, partition):
        if self.client is None:
            found = table.pristine(self, partition)
        else:
            found = table.read(self, partition)
        self._raw[table.store, partition] = list(found)
        self._read_at[table.store, partition] = time.monotonic()

    def reload(self, name: str, partition: str = "", younger_than: float = 0.0) -> None:
        """Read a part anew, unless it was read within the last ``younger_than`` seconds."""
        table = self.tables[name]
        where = (table.store, partition)
        with self._lock:
            lock = self._reading.setdefault(where, threading.RLock())
        with lock:
            if time.monotonic() - self._read_at.get(where, -1e9) >= younger_than:
                sources = [
                    other for other in self.tables.values() if table.store in other.nested.values()
                ]
                for other in sources:
                    self._read(other, partition)
                    self.drop(other.name, partition, index_only=True)
                self._read(table, partition)
                self.drop(name, partition, index_only=True)

    def drop(self, name: str, partition: str = "", index_only: bool = False) -> None:
        """Forget what was read of a part, so that it is read again when needed."""
        store = self.tables[name].store
        with self._lock:
            if not index_only:
                self._raw.pop((store, partition), None)
            for other in self.tables.values():
                if other.store == store:
                    self._index.pop((other.name, partition), None)
            self._groups = {}

    # Keeping true

    def fold(self, name: str, raw: dict, partition: str = "", replaces: dict | None = None):
        """Take in an object that one of our writes answered."""
        table = self.tables[name]
        with self._lock:
            if replaces is not None:
                self._take_out(table, replaces, partition)
            known = self._raw.get((table.store, partition))
            if known is not None:
                known.append(raw)
            for other in self._sharing(table):
                record = Record(other.key_of(raw), raw)
                index = self._index.get((other.name, partition))
                if index is not None:
                    index[record.key] = record
                for (kind, field), groups in self._groups.items():
                    if kind == other.name:
                        groups.setdefault(self._group_of(kind, field, raw), []).append(record)
            for inside, store in table.nested.items():
                self._fold_nested(store, raw.get(inside, ()))

    def _fold_nested(self, store, objects):
        owner = next(name for name, table in self.tables.items() if table.store == store)
        for one in objects:
            if one["id"] not in {raw["id"] for raw in self._raw.get((store, ""), ())}:
                self.fold(owner, one)

    def forget(self, name: str, raw: dict, partition: str = "") -> None:
        """Take out an object that one of our writes deleted."""
        with self._lock:
            self._take_out(self.tables[name], raw, partition)

    def _sharing(self, table):
        return [other for other in self.tables.values() if other.store == table.store]

    def _take_out(self, table, raw, partition):
        known = self._raw.get((table.store, partition))
        if known is not None:
            known[:] = [one for one in known if one is not raw]
        for other in self._sharing(table):
            index = self._index.get((other.name, partition))
            if index is not None:
                index.pop(other.key_of(raw), None)
            for (kind, field), groups in self._groups.items():
                if kind == other.name:
                    value = self._group_of(kind, field, raw)
                    groups[value] = [one for one in groups.get(value, ()) if one.raw is not raw]
