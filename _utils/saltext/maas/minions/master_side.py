"""The master's part: which keys of new minions it accepts, replaces and deletes."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import filelock
from saltext.maas import atomic_file, parsing, schemas
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import names
from saltext.maas.minions.keys import ACCEPTED, REJECTED, Keys, as_pem, fingerprint

log = logging.getLogger(__name__)

_WHERE = "maas.minions"
#: What is answered when all went well.
EXPECTED, RENEWED = "expected", "renewed"
_SCHEMA = schemas.mapping(
    {
        "regions": {
            "type": "array", "allowed": "a list of minion ids",
            "items": {"type": "string", "format": "minion_id", "allowed": "a minion id"},
            "doc": "Minions that deploy machines.",
        },
        "lifetime": schemas.seconds("For a deployed machine to start for the first time."),
    },
    required=("regions",),
)  # fmt: skip
_LIFETIME = 7200.0
#: What the file of those that are known looks like.
_RECORDS = {
    str: {
        **dict.fromkeys(("system_id", "region", "url", "state", "key"), str),
        "expires": (int, float), "next?": str,
    }
}  # fmt: skip
_MOST = 1000  # machines in one request
_PATIENCE = 60  # seconds for another run to end


class Minions:
    """The minions on deployed machines.

    Use it as a context manager; what has expired is forgotten when it is entered.

    Args:
        opts: The configuration of the runner.
        keys: The keys of the master; those of Salt by default.

    Raises:
        BadInput: ``maas.minions`` in the master's configuration is wrong or missing.
    """

    def __init__(self, opts: dict, keys: Any = None):
        given = opts.get(_WHERE)
        if given is None:
            raise BadInput(f"{_WHERE}: is missing in the master's configuration")
        schemas.check(given, _SCHEMA, _WHERE, {"minion_id": names.is_id})
        self.regions, self.lifetime = given["regions"], given.get("lifetime", _LIFETIME)
        self.caller = opts["id"]
        self.keys = keys or Keys(opts)
        self._folder = os.path.join(opts["cachedir"], "maas-minions")
        self.records: dict[str, dict] = {}

    def __enter__(self) -> Minions:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._lock = filelock.FileLock(self._file + ".lock", mode=0o600)
        try:
            self._lock.acquire(timeout=_PATIENCE)
        except filelock.Timeout:
            raise MaasError(
                f"another run has used {self._file} for {_PATIENCE} seconds; repeat this one"
            ) from None
        try:
            self.records = self._read()
            self._end_renewals()
            now = time.time()
            late = [one for one, record in self.records.items()
                    if record["state"] == EXPECTED and record["expires"] < now]  # fmt: skip
            self._forget(late, "it did not start in time")
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._lock.release()

    @property
    def _file(self):
        return os.path.join(self._folder, "minions.json")

    def _read(self):
        try:
            with open(self._file, "rb") as stream:
                return parsing.of_json(stream.read(), _RECORDS)
        except FileNotFoundError:
            return {}
        except ValueError:
            raise MaasError(
                f"{self._file} is damaged; restore it, or delete it, and the keys of machines that "
                "are deployed again with salt-key -d"
            ) from None

    def _end_renewals(self):
        """End renewals that were interrupted after the key was replaced."""
        for minion, record in self.records.items():
            new = record.get("next")
            if new and new == self._accepted(minion):
                self._renewed(record)

    def _renewed(self, record):
        record.update(state=RENEWED, key=record.pop("next"))
        self._save()

    def _accepted(self, minion):
        """The fingerprint of the accepted key of a minion; None if it has none."""
        found = self.keys.of(minion).get(ACCEPTED)
        return found and fingerprint(found)

    def _save(self):
        atomic_file.put(self._file, json.dumps(self.records, indent=1), lasting=True)

    def _forget(self, minions, why):
        """Delete keys and records of minions that are not those of machines any more."""
        if not minions:
            return
        self.keys.delete([one for one in minions if self._has_own_key(one)])
        for one in minions:
            log.info("the key of minion %s was deleted: %s", one, why)
            del self.records[one]
        self._save()

    def _has_own_key(self, minion):
        """Whether no key but that of the record is accepted, as of another host with this id."""
        return self._accepted(minion) in (None, self.records[minion]["key"])

    def _of_region(self):
        if self.caller not in self.regions:
            raise MaasError(
                f"{self.caller} is not one of {_WHERE}:regions in the master's configuration"
            )

    def expect(self, url: str, machines: dict[str, dict[str, str]]) -> dict[str, Any]:
        """Accept the keys with which machines start for the first time.

        Args:
            url: URL of the region.
            machines: ``{minion: {"system_id", "key"}}``, the key as
                :func:`saltext.maas.minions.keys.as_body` writes it.

        Returns:
            ``{"finger": of the master's key, "minions": {minion: EXPECTED or why not}}``.

        Raises:
            MaasError: The caller is not a region's minion, or this is malformed.
        """
        self._of_region()
        if not isinstance(machines, dict) or not 0 < len(machines) <= _MOST:
            raise MaasError(f"1 to {_MOST} machines can be expected at once")
        refused: dict[str, Exception] = {}
        keys: dict[str, str] = {}
        for minion, one in machines.items():
            try:
                pem = as_pem(one["key"])
                self._expect(minion, str(url), one["system_id"], pem)
                keys[minion] = pem
            except (MaasError, KeyError, TypeError) as error:
                refused[minion] = error
        self._save()  # before any key is accepted, so that each expires
        for minion, pem in keys.items():
            try:
                if minion not in self.records:
                    raise MaasError("its machine is another minion, too")
                self.keys.accept(minion, pem)
            except (MaasError, OSError) as error:
                refused[minion] = error
        for minion, why in refused.items():
            log.warning("minion %s is not expected: %s", names.shown(minion), why)
        answers = {
            minion: f"refused: {refused[minion]}" if minion in refused else EXPECTED
            for minion in machines
        }
        return {"finger": self.keys.master_finger(), "minions": answers}

    def _expect(self, minion, url, system_id, pem):
        if not names.is_id(minion) or not names.is_id(system_id):
            raise MaasError(f"{names.shown(minion)} must be a minion id")
        if minion in self.regions:
            raise MaasError(f"it is one of {_WHERE}:regions, which deploy machines")
        known = self.records.get(minion)
        found = self.keys.of(minion)
        own = known is not None and self._is(known, url, system_id) and self._has_own_key(minion)
        if REJECTED in found:
            raise MaasError(f"its key was rejected; to allow it: salt-key -d {minion}")
        if ACCEPTED in found and not own:
            whose = f"machine {known['system_id']}" if known else "another host"
            raise MaasError(
                f"a key of this id is accepted already, that of {whose}; to delete it: "
                f"salt-key -d {minion}"
            )
        former = [one for one, record in self.records.items()
                  if one != minion and self._is(record, url, system_id)]  # fmt: skip
        self._forget(former, f"machine {system_id} is {minion} now")
        if ACCEPTED in found:
            self.keys.delete([minion])  # a session with the former key must end, too
        self.records[minion] = {
            "system_id": system_id, "region": self.caller, "url": url, "state": EXPECTED,
            "key": fingerprint(pem), "expires": int(time.time() + self.lifetime),
        }  # fmt: skip

    def _is(self, record, url, system_id):
        return self._of_caller(record, url) and record["system_id"] == system_id

    def _of_caller(self, record, url):
        return (record["region"], record["url"]) == (self.caller, url)

    def renew(self, body: str) -> str:
        """Replace the caller's first key by its own, once.

        The caller has shown already that it has the key which is accepted: Salt refuses a call of
        any other.

        Returns:
            :data:`RENEWED`.

        Raises:
            MaasError: It is not expected, or the key is none.
        """
        record = self.records.get(self.caller)
        if record is None:
            raise MaasError(f"no new key of {self.caller} is expected")
        pem = as_pem(body) if isinstance(body, str) else ""
        new = fingerprint(pem)
        if record["state"] == RENEWED:
            raise MaasError(f"the key of {self.caller} was renewed already")
        if new == record["key"]:
            raise MaasError(f"{self.caller} sent its first key again")
        if self._accepted(self.caller) != record["key"]:
            raise MaasError(f"the accepted key of {self.caller} is another")
        record["next"] = new
        self._save()  # before the key is replaced, so that an interrupted renewal is known
        self.keys.accept(self.caller, pem)
        self._renewed(record)
        return RENEWED

    def forget(self, url: str, system_ids: list[str]) -> dict[str, str]:
        """Delete the keys of machines that were released or deleted: ``{minion: system id}``.

        Raises:
            MaasError: The caller is not a region's minion, or the region has no machine in use.
        """
        self._of_region()
        mine = {
            minion: record["system_id"] for minion, record in self.records.items()
            if self._of_caller(record, url) and record["system_id"] in system_ids
        }  # fmt: skip
        self._forget(list(mine), "its machine was released")
        return mine

    def synced(self, url: str, machines: dict[str, dict]) -> tuple[list[str], dict[str, dict]]:
        """Delete the keys of machines that are in use no more, and find the grains of the others.

        Args:
            url: URL of the region.
            machines: Grains of all machines in use there, by system id.

        Returns:
            ``(minions whose keys were deleted, {minion: grains})``.

        Raises:
            MaasError: The caller is not a region's minion, or the region has no machine in use.
        """
        self._of_region()
        mine = {
            minion: record["system_id"] for minion, record in self.records.items()
            if self._of_caller(record, url) and record["state"] == RENEWED
        }  # fmt: skip
        if mine and not machines:
            raise MaasError(
                "the region lists no machine that is in use; keys are kept, as such a list can be "
                f"wrong; if it is right, delete these with salt-key: {', '.join(sorted(mine))}"
            )
        gone = sorted(minion for minion, ident in mine.items() if ident not in machines)
        self._forget(gone, "its machine is in use no more")
        return gone, {minion: machines[mine[minion]] for minion in mine if minion not in gone}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each minion."""
        accepted = self.keys.accepted()
        for minion, record in sorted(self.records.items()):
            left = record["expires"] - time.time()
            yield {
                "minion": minion, "system_id": record["system_id"], "region": record["region"],
                "state": record["state"] if minion in accepted else "key deleted",
                "seconds": int(left) if record["state"] == EXPECTED else None,
            }  # fmt: skip


def set_grains(dunders: dict, grains: dict[str, dict]) -> list[str]:
    """Have minions set the grain ``maas_machine`` where it is not up to date; return which.

    They are not waited for, as this runs in a worker of the master. One that is away is asked
    again the next time.

    Args:
        dunders: The runner module's ``globals()``.
        grains: ``{minion: grains}``.
    """
    import salt.client
    from saltext.maas.fleet.minions import Salt

    known = Salt(dunders)
    stale = [one for one, wanted in sorted(grains.items())
             if known.grains(one).get("maas_machine") != wanted]  # fmt: skip
    with salt.client.LocalClient(mopts=known.opts) as client:
        for one in stale:
            client.cmd_async(one, "grains.setval", ["maas_machine", grains[one]])
    return stale
