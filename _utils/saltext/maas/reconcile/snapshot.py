"""What a region holds, read at most once a run and kept true by our own writes."""

from __future__ import annotations

import contextlib
import errno
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from saltext.maas import resources
from saltext.maas.errors import BadInput, StrangeAnswer
from saltext.maas.reconcile.unexpected import reading
from saltext.maas.resources.answers import objects
from saltext.maas.resources.field import Record

#: How often a part is read whose answer has another form than MAAS's, and the first pause between
#: two reads, in seconds.
_READS, _PAUSE = 3, 0.2


class Snapshot:
    """The objects of one region, each collection (or part of one) read when first needed.

    Args:
        client: :class:`~saltext.maas.client.session.Client`, or None for a
            region that nobody can ask yet.
        release: The region's release, where there is no client.
        local: What only the region host can tell or do; see
            :class:`saltext.maas.host.local.Local`.  None elsewhere.
        hostname: The region host's name, which a new region calls itself.
        fetch: Fetches a file by its URL and returns where it is now, or False.

    Attributes:
        facts: What else was found out about the region, by name.
        mark: What the region's lock said when this was read; None before; see
            :mod:`saltext.maas.lock`.

    Without a client the snapshot shows what a newly installed region of the
    release holds, so that the first run can be planned before it has a user.
    """

    def __init__(self, client, release=None, local=None, hostname=None, fetch=None):
        self.client = client
        self.local = local
        self.hostname = hostname
        self.release = release or client.release
        self.tables = resources.for_release(self.release)
        self.mark = None
        self.facts = {}
        self._raw = {}  # (store, partition) -> list of objects
        # Indexes and groups are never changed, but replaced, so that any thread may go through one.
        self._index = {}  # (type, partition) -> {key: Record}
        self._read_at = {}  # (store, partition) -> monotonic time
        self._duplicates = {}  # (type, partition) -> {key: [object, object, ...]}
        self._predictions = []  # (store, partition, key per type, object or None)
        self._numbers = itertools.count(-1, -1)
        self._fetch = fetch
        self._fetched = {}  # URL -> path
        self._aliases = {}  # (type, key) -> key until the object is renamed
        self._patches = []  # functions of a store's name and an object
        self._owned = {}  # type -> scopes of which all objects are described, None for all
        self._claims = {}  # type -> keys that some desired object stands for
        self._groups = {}  # (type, field) -> {value: [Record]}
        self._lock = threading.RLock()
        self._reading = {}  # (store, partition) -> lock, so that no part is read twice at once
        self._readers = 0  # how many reads are under way
        self._written = []  # our writes meanwhile: (store, partition, object, whether it is gone)
        self._clock = itertools.count(1)
        self._begun = {}  # (store, partition) -> when the last read that counts began, or a drop

    # Looking

    def records(self, name: str, partition: str = "") -> dict:
        """All objects of a type (or of one part of it), by key; not to be changed."""
        index = self._index.get((name, partition))
        while index is None:
            table = self.tables[name]
            self._load(table, partition)
            with self._lock, reading(self.source(table)):
                index = self._index.get((name, partition))
                found = self._raw.get((table.store, partition))
                if index is None and found is not None:  # else it was dropped meanwhile
                    index = self._index[name, partition] = self._index_of(table, partition, found)
        return index

    def _index_of(self, table, partition, objects):
        index, duplicates = {}, {}
        for raw in objects:
            key = table.key_of(raw)
            if key in index and not table.shared_keys:
                duplicates.setdefault(key, [index[key].raw]).append(raw)
            index[key] = Record(key, raw)
        self._duplicates[table.name, partition] = duplicates
        return index

    def find(self, name: str, key: str) -> Record | None:
        """The object of a type with a key, in whichever part it is; None if there is none."""
        return self.records(name, self.tables[name].part_of(key)).get(key)

    def loaded(self, name: str, partition: str = "") -> bool:
        """Whether a part was read already and not forgotten since."""
        return name in self.tables and (self.tables[name].store, partition) in self._raw

    def duplicates(self, name: str, key: str, partition: str | None = None) -> list[dict]:
        """The objects that share a key which should tell them apart; empty if it does."""
        if partition is None:
            partition = self.tables[name].part_of(key)
        self.records(name, partition)
        return self._duplicates.get((name, partition), {}).get(key, [])

    def raw(self, name: str, partition: str = "") -> list[dict]:
        """All objects of a type (or of one part of it) as the API answered them."""
        return self._load(self.tables[name], partition)

    def group(self, name: str, field: str) -> dict:
        """The records of a type by the value of one field; not to be changed."""
        while True:
            # Without the lock, as reading has locks of its own.
            records = self.records(name)
            groups = self._groups.get((name, field))
            if groups is not None:
                return groups
            groups = {}
            with reading(self.source(self.tables[name])):
                for record in records.values():
                    value = self._group_of(name, field, record.raw)
                    groups.setdefault(value, []).append(record)
            with self._lock:
                if self._index.get((name, "")) is records:
                    self._groups[name, field] = groups
                    return groups

    def _group_of(self, name, field, raw):
        column = self.tables[name].by_name.get(field)
        return column.value(raw) if column else raw.get(field)

    def resolve(self, name: str, key: str) -> dict:
        """The object that a reference names.

        Raises:
            BadInput: There is none.
        """
        record = self.find(name, key)
        if record is None:
            raise BadInput(f"there is no {self.tables[name].noun} {key!r}")
        return record.raw

    def key_by(self, name: str, attribute: str, value) -> str:
        """The key of the object with some value of an attribute; the value if there is none."""
        found = self.group(name, attribute).get(value)
        return found[0].key if found else value

    def local_file(self, path: str) -> str:
        """Where a file is, once it is on this host; a URL is fetched when first needed.

        Raises:
            FileNotFoundError: A URL leads to nothing.
        """
        if "://" not in path:
            return path
        with self._lock:
            if path not in self._fetched:
                self._fetched[path] = self._fetch(path) if self._fetch else None
            if not self._fetched[path]:
                raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
            return self._fetched[path]

    def own(self, name: str, scopes=None) -> None:
        """Note that all objects of a type are described, or all in some scopes."""
        self._owned[name] = scopes

    def owns(self, name: str, record: Record) -> bool:
        """Whether an object is among those of which all are described."""
        if name not in self._owned:
            return False
        scopes = self._owned[name]
        return scopes is None or self.tables[name].scope_of(self, record) in scopes

    def alias(self, name: str, key: str, old: str) -> None:
        """Note which key an object has until it is renamed."""
        self._aliases[name, key] = old

    def alias_of(self, name: str, key: str) -> str:
        """The key that an object has now: another one where it has yet to be renamed."""
        return self._aliases.get((name, key), key)

    def key_to_be(self, name: str, old: str) -> str:
        """The key that an object will have: another one where it has yet to be renamed."""
        aliases = list(self._aliases.items())
        return next((key for (type, key), now in aliases if (type, now) == (name, old)), old)

    def patch(self, change) -> None:
        """Show objects, also those read later, as they will be once others are renamed.

        Args:
            change: Takes a store's name and an object of it, and returns the object itself or
                a changed copy.
        """
        with self._lock:
            self._patches.append(change)
            for (store, part), found in list(self._raw.items()):
                changed = [change(store, raw) for raw in found]
                if any(new is not old for new, old in zip(changed, found)):
                    self._raw[store, part] = changed
                    self._drop_index(store, part)

    def _patched(self, store, found):
        for change in self._patches:
            found = [change(store, raw) for raw in found]
        return found

    def claim(self, name: str, keys) -> None:
        """Note which objects of a type some desired object stands for by its exact identity."""
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
        found = self._raw.get(where)
        if found is not None:
            return found  # also while somebody reads it anew
        with self._lock:
            lock = self._reading.setdefault(where, threading.RLock())
        with lock:
            found = self._raw.get(where)
            while found is None:
                with self._noting_writes() as start:
                    self._read(table, partition, start)
                found = self._raw.get(where)
            return found

    def _read(self, table, partition, start):
        """Read a part; the answer may lack what we wrote since ``start``, so that is added.

        It is left aside when a read that began later has answered already, or when the part was
        dropped meanwhile.
        """
        where = (table.store, partition)
        with self._lock:
            begun = next(self._clock)
        found = self._asked(table, partition)
        with self._lock, reading(self.source(table)):
            if begun < self._begun.get(where, 0):
                return
            for store, part, raw, gone in self._written[start:]:
                if (store, part) == where:
                    key = table.key_of(raw)
                    found = [one for one in found if table.key_of(one) != key]
                    found += [] if gone else [raw]
            found = self._with_predictions(table, partition, found)
            self._raw[where] = self._patched(table.store, found)
            self._begun[where] = begun
            self._read_at[where] = time.monotonic()
            self._drop_index(table.store, partition)

    def _asked(self, table, partition):
        if self.client is None:
            return list(table.pristine(self, partition))
        for attempt in range(_READS):
            try:
                return self._read_once(table, partition)
            except StrangeAnswer:
                if attempt + 1 == _READS:
                    raise
                time.sleep(_PAUSE * 2**attempt)

    def _read_once(self, table, partition):
        with reading(self.source(table)):
            found = objects(table.read(self, partition))
            for one in found:
                table.recognise(one)
            there = map(table.key_of, found) if table.always else ()
            lacking = set(table.always).difference(there)
            if lacking:
                raise StrangeAnswer(f"{table.noun} {lacking.pop()!r} is missing, which all have")
        return found

    def source(self, table) -> str:
        """Where a type is read, for messages."""
        if table.collection:
            return table.collection
        holders = [one for one in self.tables.values() if table.store in one.nested.values()]
        return holders[0].collection if holders else f"the {table.nouns}"

    @contextlib.contextmanager
    def _noting_writes(self):
        with self._lock:
            self._readers += 1
            start = len(self._written)
        try:
            yield start
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._written.clear()

    def reload(self, name: str, partition: str = "", younger_than: float = 0.0) -> None:
        """Read a part anew, unless it was read within the last ``younger_than`` seconds."""
        table = self.tables[name]
        where = (table.store, partition)
        with self._lock:
            lock = self._reading.setdefault(where, threading.RLock())
        with lock:
            if time.monotonic() - self._read_at.get(where, -1e9) < younger_than:
                return
            sources = [
                other for other in self.tables.values() if table.store in other.nested.values()
            ] or [table]
            inside = [self._owner(store) for one in sources for store in one.nested.values()]
            with self._noting_writes() as start:
                for one in [*sources, *inside]:
                    self._read(one, partition, start)

    def drop(self, name: str, partition: str = "") -> None:
        """Forget what was read of a part, so that it is read again when needed.

        Objects that come inside others are read again together with those.
        """
        store = self.tables[name].store
        with self._lock:
            for one in {store} | self._around(store):
                where = (one, partition)
                self._raw.pop(where, None)
                self._begun[where] = next(self._clock)  # a read that is under way does not count
                self._drop_index(one, partition)

    def drop_everything(self) -> None:
        """Forget all that was read."""
        with self._lock:
            for store in {where[0] for where in self._raw}:
                self.drop_all(store)

    def _drop_index(self, store, partition):
        for other in self.tables.values():
            if other.store == store:
                self._index.pop((other.name, partition), None)
        self._groups = {}

    def _around(self, store) -> set:
        """The stores whose objects those of one come inside of, or that come inside of them."""
        tables = self.tables.values()
        holders = {other.store for other in tables if store in other.nested.values()}
        return holders | {
            inside for other in tables if other.store == store for inside in other.nested.values()
        }

    # Promising

    def number(self) -> int:
        """An id that no object of the region has."""
        return next(self._numbers)

    @staticmethod
    def is_predicted(raw: dict) -> bool:
        """Whether an object is only promised, so that the region cannot be asked about it."""
        return isinstance(raw.get("id"), int) and raw["id"] < 0

    def predict(self, plan) -> None:
        """Take in what a plan would do, so that later plans of a test run build upon it."""
        for change in plan.changes:
            if change.problem:
                continue
            table, desired = self.tables[change.desired.type], change.desired
            partition = table.partition(desired.values)
            record = table.match(self, desired)
            if change.action == "delete":
                if record is not None:
                    left = table.predict_deletion(self, record.raw)
                    self._predict_change(table, partition, record.raw, left)
            elif record is not None:
                new = table.predict_update(self, record.raw, desired.values)
                self._predict_change(table, partition, record.raw, new)
            else:
                self._predict_change(
                    table, partition, None, table.predict_creation(self, desired.values)
                )

    def _predict_change(self, table, partition, old, new):
        with self._lock:
            if old is not None:
                gone = table.key_of(old)
                self._predictions.append((table.name, partition, gone, None))
            if new is not None:
                self._predictions.append((table.name, partition, table.key_of(new), new))
                self.fold(table.name, new, partition, replaces=old)
            else:
                self.forget(table.name, old, partition)

    def _with_predictions(self, table, partition, found):
        """What was read, changed by what earlier plans of a test run promised."""
        promises = [one for one in self._predictions if self.tables[one[0]].store == table.store]
        promises = [one for one in promises if one[1] == partition]
        for name in dict.fromkeys(one[0] for one in promises):
            kind = self.tables[name]
            by_key = {kind.key_of(raw): raw for raw in found}
            for type, _, key, new in promises:
                if type == name and new is None:
                    by_key.pop(key, None)
                elif type == name:
                    by_key[key] = new
            found = list(by_key.values())
        return found

    # Keeping true

    def fold(self, name: str, raw: dict, partition: str = "", replaces: dict | None = None):
        """Take in an object that one of our writes answered."""
        table = self.tables[name]
        raw = table.in_part(raw, partition)
        with self._lock:
            if replaces is None:
                # A read that was quicker than the answer may have shown it already.
                replaces = self._known(table, raw, partition)
            if replaces is not None:
                self._take_out(table, replaces, partition)
            if self._readers:
                self._written.append((table.store, partition, raw, False))
            known = self._raw.get((table.store, partition))
            if known is not None:
                self._raw[table.store, partition] = [*known, raw]
            for other in self.sharing(table):
                record = Record(other.key_of(raw), raw)
                index = self._index.get((other.name, partition))
                if index is not None:
                    self._index[other.name, partition] = {**index, record.key: record}
                for (kind, field), groups in list(self._groups.items()):
                    if kind == other.name:
                        value = self._group_of(kind, field, raw)
                        self._groups[kind, field] = {
                            **groups, value: [*groups.get(value, ()), record]
                        }  # fmt: skip
            for inside, store in table.nested.items():
                self._fold_nested(store, raw.get(inside, ()))

    def _fold_nested(self, store, objects):
        owner = self._owner(store).name
        for one in objects:
            if one["id"] not in {raw["id"] for raw in self._raw.get((store, ""), ())}:
                self.fold(owner, one)

    def forget(self, name: str, raw: dict, partition: str = "") -> None:
        """Take out an object that one of our writes deleted."""
        table = self.tables[name]
        with self._lock:
            self._take_out(table, raw, partition)
            for inside, store in table.nested.items():
                gone = {one["id"] for one in raw.get(inside, ())}
                for one in [one for one in self._raw.get((store, ""), ()) if one["id"] in gone]:
                    self._take_out(self._owner(store), one, "")
            # MAAS deletes or changes what referred to it, so that is read again.
            kept = {table.store, *table.nested.values()}
            for other in self.tables.values():
                if other.store not in kept and any(field.ref == name for field in other.fields):
                    self.drop_all(other.store)

    def drop_all(self, store: str) -> None:
        """Forget all parts of a store, so that they are read again when needed."""
        with self._lock:
            parts = {part for where, part in [*self._raw, *self._reading] if where == store}
            for part in parts:
                self.drop(self._owner(store).name, part)

    def _owner(self, store):
        return next(table for table in self.tables.values() if table.store == store)

    def sharing(self, table) -> list:
        """The tables that look at the same objects as one, which is among them."""
        return [other for other in self.tables.values() if other.store == table.store]

    def _known(self, table, raw, partition):
        """The object of the same key that is in the index, if there is one."""
        record = self._index.get((table.name, partition), {}).get(table.key_of(raw))
        return record.raw if record else None

    def _take_out(self, table, raw, partition):
        if self._readers:
            self._written.append((table.store, partition, raw, True))
        gone = (id(raw), id(self._known(table, raw, partition)))
        for other in self.sharing(table):
            if self._duplicates.get((other.name, partition), {}).pop(other.key_of(raw), None):
                self._index.pop((other.name, partition), None)  # one of several is left
        known = self._raw.get((table.store, partition))
        if known is not None:
            self._raw[table.store, partition] = [one for one in known if id(one) not in gone]
        for other in self.sharing(table):
            key = other.key_of(raw)
            index = self._index.get((other.name, partition))
            if index is not None and key in index:
                self._index[other.name, partition] = {
                    one: record for one, record in index.items() if one != key
                }
            for (kind, field), groups in list(self._groups.items()):
                if kind == other.name:
                    value = self._group_of(kind, field, raw)
                    left = [one for one in groups.get(value, ()) if id(one.raw) not in gone]
                    self._groups[kind, field] = {**groups, value: left}
