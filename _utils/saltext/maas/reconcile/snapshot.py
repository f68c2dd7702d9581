"""What a region holds, read at most once a run and updated by our own writes."""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from saltext.maas import resources
from saltext.maas.checked import NOTHING, Checked
from saltext.maas.errors import BadInput, Gone, StrangeAnswer
from saltext.maas.reconcile.desired import DesiredObjects
from saltext.maas.reconcile.unexpected import reading
from saltext.maas.release import SERIES, Release
from saltext.maas.resources.field import Record
from saltext.maas.resources.table import Table

if TYPE_CHECKING:
    from saltext.maas.client.session import Client
    from saltext.maas.reconcile.plan import Plan

_Found = TypeVar("_Found")
#: How often a part is read whose answer has another form than MAAS's, and the first pause between
#: two reads, in seconds.
_READS, _PAUSE = 3, 0.2
#: Name of the fact with the objects that plans of a test run skipped, as ``{(type, key): until}``.
SKIPPED = "skipped objects"


class _Part:
    """One part of a collection: the objects that were read, and look-ups over them.

    Look-ups are replaced and never changed, so that any thread may go through one.
    """

    def __init__(self):
        self.lock = threading.RLock()  # so that it is not read twice at once
        self.raw: list[dict] | None = None
        self.begun = 0  # when the last read that counts began, or a drop
        self.read_at = -math.inf
        self.forget_look_ups()

    def forget_look_ups(self):
        self.index = {}  # type -> {key: Record}
        self.duplicates = {}  # type -> {key: [object, object, ...]}
        self.groups = {}  # (type, field) -> {value: [Record]}

    def index_for(self, table):
        index: dict = {}
        duplicates: dict = {}
        for raw in self.raw or ():
            key = table.key_of(raw)
            if key in index and not table.shared_keys:
                duplicates.setdefault(key, [index[key].raw]).append(raw)
            index[key] = Record(key, raw)
        self.index[table.name], self.duplicates[table.name] = index, duplicates

    def put_in(self, table, raw):
        record = Record(table.key_of(raw), raw)
        if table.name in self.index:
            self.index[table.name] = {**self.index[table.name], record.key: record}
        for (name, field), groups in list(self.groups.items()):
            if name == table.name:
                value = _group_of(table, field, raw)
                new = [*groups.get(value, ()), record]
                self.groups[name, field] = {**groups, value: new}

    def take_out(self, table, raw, gone):
        key = table.key_of(raw)
        if self.duplicates.get(table.name, {}).get(key):
            self.index.pop(table.name, None)  # one of several is left, so that it is made again
        index = self.index.get(table.name, {})
        if key in index:
            self.index[table.name] = {one: index[one] for one in index if one != key}
        for (name, field), groups in list(self.groups.items()):
            if name == table.name:
                value = _group_of(table, field, raw)
                left = [one for one in groups.get(value, ()) if id(one.raw) not in gone]
                self.groups[name, field] = {**groups, value: left}


class Snapshot:
    """The objects of one region, each collection (or part of one) read when first needed.

    Args:
        client: The region's client, or None for a region without users.
        release: The region's release, where there is no client.
        local: What only the region host knows or can do; see
            :class:`saltext.maas.host.local.Local`.  None elsewhere.
        hostname: The region host's name, which a new region calls itself.
        fetch: Fetches a file by its URL and returns where it is now, or False.
        checked: What was checked before and found right.

    Attributes:
        facts: What else was found out about the region, by name.
        desired: All desired objects of the plan that was made last.
        mark: What the region's lock said when this was read; None before; see
            :mod:`saltext.maas.lock`.

    Without a client the snapshot shows what a newly installed region of the
    release holds, so that the first run can be planned before it has a user.
    """

    def __init__(
        self,
        client: Client | None,
        release: Release | None = None,
        local: Any = None,
        hostname: str | None = None,
        fetch: Callable[[str], Any] | None = None,
        checked: Checked = NOTHING,
    ):
        self.client: Any = client
        self.local = local
        self.hostname = hostname
        self.checked = checked
        self.release: Release = release or (client.release if client else Release(SERIES[-1]))
        self.tables = resources.for_release(self.release)
        self._sharing: dict[str, list[Table]] = {}
        for table in self.tables.values():
            self._sharing.setdefault(table.store, []).append(table)
        self.mark: str | None = None
        self.facts: dict = {}
        self._found = threading.local()
        self.desired = DesiredObjects(())
        self._read_locks: dict = {}  # (type, key) -> lock
        self._parts: dict = {}  # (store, partition) -> _Part
        self._lock = threading.RLock()
        self._readers = 0  # how many reads are under way
        self._written: list = []  # our writes meanwhile: (part, object, whether it is gone)
        self._clock = itertools.count(1)
        self._predictions: list = []  # (type, partition, key, object or None)
        self._numbers = itertools.count(-1, -1)
        self._fetch = fetch
        self._fetched: dict = {}  # URL -> path
        self._aliases: dict = {}  # (type, key) -> key until the object is renamed
        self._patches: list = []  # functions of a store's name and an object
        self._exclusive: dict = {}  # type -> scopes of which all objects are described
        self._removed_stores: set[str] = set()  # stores that the region's API says were removed
        self._claims: dict = {}  # type -> keys that some desired object stands for

    # Looking up

    def records(self, name: str, partition: str = "") -> dict[str, Record]:
        """Return all objects of a type (or of one part of it), by key; not to be changed."""
        table = self.tables[name]
        part = self._part(table, partition)
        while True:
            index = part.index.get(name)
            if index is not None:
                return index
            self._load(table, partition)
            with self._lock, reading(self.source(table)):
                if part.raw is not None and name not in part.index:  # else dropped meanwhile
                    part.index_for(table)

    def find(self, name: str, key: str) -> Record | None:
        """Return the object of a type with a key, in whichever part it is; None if none."""
        return self.records(name, self.tables[name].part_of(key)).get(key)

    def current(self, name: str, key: str) -> Record | None:
        """Return the object that a name of the plan stands for, whatever it is called so far."""
        described = next((one for one in self.desired.of(name) if one.key == key), None)
        return self.tables[name].match(self, described) if described else self.find(name, key)

    def loaded(self, name: str) -> bool:
        """Return whether a collection was read already and not forgotten since."""
        return name in self.tables and self._part(self.tables[name], "").raw is not None

    def read_at(self, name: str) -> float:
        """Return when a collection was read, as of ``time.monotonic``; before all if never."""
        return self._part(self.tables[name], "").read_at

    def duplicates(self, name: str, key: str, partition: str | None = None) -> list[dict]:
        """Return the objects that share a key which should tell them apart; empty if it does."""
        table = self.tables[name]
        partition = table.part_of(key) if partition is None else partition
        self.records(name, partition)
        return self._part(table, partition).duplicates.get(name, {}).get(key, [])

    def raw(self, name: str, partition: str = "") -> list[dict]:
        """Return all objects of a type (or of one part of it) as the API answered them."""
        return self._load(self.tables[name], partition)

    def group(self, name: str, field: str) -> dict[Any, list[Record]]:
        """Return the records of a type by the value of one field; not to be changed."""
        table, part = self.tables[name], self._part(self.tables[name], "")
        while True:
            # Without the lock, as reading has locks of its own.
            records = self.records(name)
            if (name, field) in part.groups:
                return part.groups[name, field]
            groups: dict = {}
            with reading(self.source(table)):
                for record in records.values():
                    groups.setdefault(_group_of(table, field, record.raw), []).append(record)
            with self._lock:
                if part.index.get(name) is records:
                    part.groups[name, field] = groups
                    return groups

    def resolve(self, name: str, key: str) -> dict:
        """Return the object that a reference names.

        Raises:
            BadInput: There is none.
        """
        record = self.find(name, key)
        if record is None:
            raise BadInput(f"there is no {self.tables[name].noun} {key!r}")
        return record.raw

    def key_by(self, name: str, attribute: str, value: Any) -> str:
        """Return the key of the object with some value of an attribute; the value if none."""
        found = self.group(name, attribute).get(value)
        return found[0].key if found else value

    def local_file(self, path: str) -> str:
        """Return where a file is, once it is on this host; a URL is fetched when first needed.

        Raises:
            FileNotFoundError: There is nothing at a URL.
        """
        if "://" not in path:
            return path
        with self._lock:
            if path not in self._fetched:
                self._fetched[path] = self._fetch(path) if self._fetch else None
            if not self._fetched[path]:
                raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
            return self._fetched[path]

    def whoami(self) -> dict:
        """Return the API's user, as 2.0 and later answer it; asked for once."""
        if "whoami" not in self.facts:
            shape = {"username": str}
            self.facts["whoami"] = self.client.get("users/", op="whoami", expect=shape)
        return self.facts["whoami"]

    def reading(self, name: str, key: str) -> contextlib.AbstractContextManager:
        """Return the lock under which ``separate`` fields of an object are read."""
        return self._read_locks.setdefault((name, key), threading.RLock())

    # Comparing

    @contextlib.contextmanager
    def comparing(self) -> Iterator[None]:
        """Let this thread's :meth:`once` remember: nothing that it is asked for changes."""
        self._found.by = {}
        try:
            yield
        finally:
            self._found.by = None

    def once(self, what: str, of: tuple, find: Callable[[], _Found]) -> _Found:
        """Return what a function finds; within :meth:`comparing` it is called once.

        Args:
            what: What is found.
            of: The objects that it is found of; the same objects mean the same.
            find: The function.
        """
        known = getattr(self._found, "by", None)
        if known is None:
            return find()
        key = (what, *map(id, of))
        if key not in known:
            known[key] = (of, find())  # with them, so that no other object gets their ids
        return known[key][1]

    def derived(self, what: str, source: object, make: Callable[[], _Found]) -> _Found:
        """Return what is made of an object, and made again only of another one.

        Args:
            what: What is made.
            source: The object.
            make: The function.
        """
        known = self.facts.get(what)
        if known is None or known[0] is not source:
            known = self.facts[what] = (source, make())
        return known[1]

    # What desired objects stand for

    def own(self, name: str, scopes: set | None = None) -> None:
        """Note that all objects of a type are described, or all in some scopes."""
        self._exclusive[name] = scopes

    def owns(self, name: str, record: Record) -> bool:
        """Return whether an object is among those of which all are described."""
        scopes = self._exclusive.get(name, set())
        return scopes is None or (
            bool(scopes) and self.tables[name].scope_of(self, record) in scopes
        )

    def claim(self, name: str, keys: Iterable[str]) -> None:
        """Note which objects of a type some desired object stands for by its exact identity."""
        self._claims.setdefault(name, set()).update(keys)

    def claimed(self, name: str) -> set:
        """Return the keys of a type that were claimed."""
        return self._claims.get(name, set())

    def alias(self, name: str, key: str, old: str) -> None:
        """Note which key an object has until it is renamed."""
        self._aliases[name, key] = old

    def alias_of(self, name: str, key: str) -> str:
        """Return the key that an object has now: another one where it has yet to be renamed."""
        return self._aliases.get((name, key), key)

    def key_to_be(self, name: str, old: str) -> str:
        """Return the key that an object will have, where it has yet to be renamed."""
        aliases = list(self._aliases.items())
        return next((key for (type, key), now in aliases if (type, now) == (name, old)), old)

    def patch(self, change: Callable[[str, dict], dict]) -> None:
        """Show objects, also those read later, as they will be once others are renamed.

        Args:
            change: Takes a store's name and an object of it, and returns the object itself or
                a changed copy.
        """
        with self._lock:
            self._patches.append(change)
            for (store, _), part in self._parts.items():
                changed = [change(store, raw) for raw in part.raw or ()]
                if any(new is not old for new, old in zip(changed, part.raw or ())):
                    part.raw = changed
                    part.forget_look_ups()

    # Reading

    def prefetch(self, parts: Iterable[tuple[str, str]]) -> None:
        """Read several ``(type, partition)`` at once, over the client's connections."""
        missing = [
            (name, partition)
            for name, partition in dict.fromkeys(parts)
            if name not in self._part(self.tables[name], partition).index
        ]
        each = self.client.each if self.client else map
        list(each(lambda one: self.records(*one), missing))

    def _part(self, table, partition):
        where = (table.store, partition)
        found = self._parts.get(where)
        if found is None:
            found = self._parts.setdefault(where, _Part())
        return found

    def _load(self, table, partition):
        part = self._part(table, partition)
        found = part.raw
        if found is None:  # else also while another thread reads it again
            with part.lock:
                while (found := part.raw) is None:
                    with self._noting_writes() as start:
                        self._read(table, partition, start)
        return found

    def _read(self, table, partition, start):
        """Read a part; the answer may lack what we wrote since ``start``, so that is added.

        It is left aside when a read that began later has answered already, or when the part was
        dropped meanwhile.
        """
        part = self._part(table, partition)
        with self._lock:
            begun = next(self._clock)
        found = self._asked(table, partition)
        with self._lock, reading(self.source(table)):
            if begun < part.begun:
                return
            for one, raw, gone in self._written[start:]:
                if one is part:
                    key = table.key_of(raw)
                    found = [other for other in found if table.key_of(other) != key]
                    found += [] if gone else [raw]
            found = self._with_predictions(table, partition, found)
            for change in self._patches:
                found = [change(table.store, raw) for raw in found]
            part.raw, part.begun, part.read_at = found, begun, time.monotonic()
            part.forget_look_ups()

    def removal(self, table: Table) -> str | None:
        """Return that the region's release has removed a type, as a sentence; None if not."""
        text = table.removal(self.release)
        if not text and table.store in self._removed_stores:
            text = f"MAAS {self.release} has removed {table.nouns}"
        return f"{text}; delete the description of this one" if text else None

    def _asked(self, table, partition):
        if table.removal(self.release):
            return []
        if self.client is None:
            return list(table.pristine(self, partition))
        for attempt in range(_READS):
            try:
                return self._read_once(table, partition)
            except Gone:
                self._removed_stores.add(table.store)
                return []
            except StrangeAnswer:
                if attempt + 1 == _READS:
                    raise
                time.sleep(_PAUSE * 2**attempt)

    def _read_once(self, table, partition):
        with reading(self.source(table)):
            found = table.read(self, partition)
            for one in found:
                table.recognise(one)
            lacking = set(table.always).difference(map(table.key_of, found) if table.always else ())
            if lacking:
                raise StrangeAnswer(f"{table.noun} {lacking.pop()!r} is missing, which all have")
        return found

    def source(self, table: Table) -> str:
        """Return where a type is read, for messages."""
        holders = [one for one in self.tables.values() if table.store in one.nested.values()]
        path = (holders[0] if holders and not table.collection else table).path(self.release)
        return f"the {table.nouns}" if not path or "{" in path else path

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
        """Read a part again, unless it was read within the last ``younger_than`` seconds."""
        table = self.tables[name]
        part = self._part(table, partition)
        with part.lock:
            if time.monotonic() - part.read_at < younger_than:
                return
            sources = self._holders(table.store) or [table]
            inside = [self._owner(store) for one in sources for store in one.nested.values()]
            with self._noting_writes() as start:
                for one in [*sources, *inside]:
                    self._read(one, partition, start)

    def drop(self, name: str, partition: str = "") -> None:
        """Forget what was read of a part, so that it is read again when needed.

        Objects that come inside others are read again together with those.
        """
        store = self.tables[name].store
        nested = [inside for one in self.sharing(store) for inside in one.nested.values()]
        around = [*self._holders(store), *map(self._owner, nested)]
        with self._lock:
            for one in [self.tables[name], *around]:
                part = self._part(one, partition)
                part.raw, part.begun = None, next(self._clock)  # a read under way does not count
                part.forget_look_ups()

    def drop_all(self, store: str) -> None:
        """Forget all parts of a store, so that they are read again when needed."""
        with self._lock:
            for where, partition in list(self._parts):
                if where == store:
                    self.drop(self._owner(store).name, partition)

    def drop_everything(self) -> None:
        """Forget all that was read."""
        with self._lock:
            for store in {store for store, _ in self._parts}:
                self.drop_all(store)

    def _owner(self, store):
        return next(table for table in self.tables.values() if table.store == store)

    def _holders(self, store):
        """The tables inside of whose objects those of a store come."""
        return [other for other in self.tables.values() if store in other.nested.values()]

    def sharing(self, store: str) -> list[Table]:
        """Return the tables whose objects a store holds."""
        return self._sharing.get(store, [])

    # Predicting

    def number(self) -> int:
        """Return an id that no object of the region has."""
        return next(self._numbers)

    @staticmethod
    def is_predicted(raw: dict) -> bool:
        """Return whether an object is only predicted, so that the region cannot be asked for it."""
        return isinstance(raw.get("id"), int) and raw["id"] < 0

    def predict(self, plan: Plan) -> None:
        """Take in what a plan would do, so that later plans of a test run build upon it."""
        skipped = self.facts.setdefault(SKIPPED, {})
        for change in plan.changes:
            skipped.pop(change.id, None)
        skipped.update({one: fields[""] for one, fields in plan.skipped.items() if "" in fields})
        for change in plan.changes:
            if change.problem:
                continue
            table, desired = self.tables[change.desired.type], change.desired
            record = table.match(self, desired)
            old = record.raw if record else None
            new: dict | None
            if change.action != "delete":
                fields = plan.skipped.get(change.id, ())
                values = {name: one for name, one in desired.values.items() if name not in fields}
                new = (
                    table.predict_creation(self, values)
                    if old is None
                    else table.predict_update(self, old, values)
                )
            elif old is not None:
                new = table.predict_deletion(self, old)
            else:
                continue
            self.predict_object(table.name, old, new, table.partition(desired.values))

    def predicted_objects(self, name: str) -> list[dict]:
        """Return the objects of a type as earlier plans of a test run leave them."""
        latest = {key: new for type, _, key, new in self._predictions if type == name}
        return [new for new in latest.values() if new is not None]

    def predict_object(
        self, name: str, old: dict | None, new: dict | None, partition: str = ""
    ) -> None:
        """Take in an object as a test run leaves it, so that later plans build upon it.

        Args:
            name: Its type.
            old: The object as it is; None where it is a new one.
            new: The predicted one; None where it is deleted.
            partition: The part that it is in.
        """
        table = self.tables[name]
        with self._lock:
            if old is not None:
                self._predictions.append((name, partition, table.key_of(old), None))
            if new is not None:
                self._predictions.append((name, partition, table.key_of(new), new))
                self.fold(name, new, partition, replaces=old)
            elif old is not None:
                self.forget(name, old, partition)

    def _with_predictions(self, table, partition, found):
        """What was read, changed by what earlier plans of a test run predicted."""
        mine = [one for one in self._predictions if one[1] == partition]
        for kind in self.sharing(table.store):
            own = [(key, new) for type, _, key, new in mine if type == kind.name]
            if own:
                by_key = {kind.key_of(raw): raw for raw in found} | dict(own)
                found = [raw for raw in by_key.values() if raw is not None]
        return found

    # Own writes

    def fold(self, name: str, raw: dict, partition: str = "", replaces: dict | None = None) -> None:
        """Take in an object that one of our writes answered."""
        table = self.tables[name]
        raw = table.in_part(raw, partition)
        part = self._part(table, partition)
        with self._lock:
            if replaces is None:
                # A read that was quicker than the answer may have shown it already.
                replaces = self._known(table, part, raw)
            if replaces is not None:
                self._take_out(table, part, replaces)
            if self._readers:
                self._written.append((part, raw, False))
            if part.raw is not None:
                part.raw = [*part.raw, raw]
            for other in self.sharing(table.store):
                part.put_in(other, raw)
            for inside, store in table.nested.items():
                self._fold_nested(self._owner(store), raw.get(inside, ()))

    def _fold_nested(self, table, objects):
        known = {raw["id"] for raw in self._part(table, "").raw or ()}
        for one in objects:
            if one["id"] not in known:
                self.fold(table.name, one)

    def forget(self, name: str, raw: dict, partition: str = "") -> None:
        """Take out an object that one of our writes deleted."""
        table = self.tables[name]
        with self._lock:
            self._take_out(table, self._part(table, partition), raw)
            for inside, store in table.nested.items():
                gone, part = (
                    {one["id"] for one in raw.get(inside, ())},
                    self._parts.get((store, "")),
                )
                for one in [one for one in (part and part.raw) or () if one["id"] in gone]:
                    self._take_out(self._owner(store), part, one)
            # MAAS deletes or changes what referred to it, so that is read again.
            own = {table.store, *table.nested.values()}
            for other in self.tables.values():
                if other.store not in own and any(field.ref == name for field in other.fields):
                    self.drop_all(other.store)

    @staticmethod
    def _known(table, part, raw):
        """The object of the same key that is in the index, if there is one."""
        record = part.index.get(table.name, {}).get(table.key_of(raw))
        return record.raw if record else None

    def _take_out(self, table, part, raw):
        if self._readers:
            self._written.append((part, raw, True))
        gone = (id(raw), id(self._known(table, part, raw)))
        for other in self.sharing(table.store):
            part.take_out(other, raw, gone)
        if part.raw is not None:
            part.raw = [one for one in part.raw if id(one) not in gone]


def _group_of(table, field, raw):
    column = table.by_name.get(field)
    return column.value(raw) if column else raw.get(field)
