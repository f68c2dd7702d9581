"""Salt as the master's side uses it: jobs on minions, events, accepted keys and cached grains."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from saltext.maas import poll
from saltext.maas.errors import MaasError
from saltext.maas.fleet import signed

log = logging.getLogger(__name__)

_GRAINS = "grains"  # the bank of Salt 3008's cache
_TRIES = 5  # how often a master that does not answer its own client is asked
_STORED_SECONDS = 5.0  # for a return to arrive in the job cache, after its event


@dataclass(frozen=True)
class Answer:
    """What a minion returned.

    Attributes:
        value: Its return.
        error: Why there is none, in a sentence; None if all went well.
        lost: Whether the minion did not answer at all.
    """

    value: Any = None
    error: str | None = None
    lost: bool = False


_NO_ANSWER = Answer(error="the minion did not answer", lost=True)


class Salt:
    """Salt as a runner sees it.

    Args:
        dunders: The runner module's ``globals()``.
        limit: Seconds after which a minion that is still at work is given up.
    """

    def __init__(self, dunders, limit: float = 900.0):
        import salt.utils.user

        # An orchestration that the reactor started calls its user Reactor, who has no key.
        self.opts = {**dunders["__opts__"], "user": salt.utils.user.get_user()}
        self.runners = dunders.get("__salt__") or {}
        self.limit = limit
        self._bus: Any = None

    # Minions

    def ask(
        self, minions: Iterable[str], function: str, *args, seconds: float = 60.0,
        limit: float | None = None, on_answer: Callable[[str, Answer], object] | None = None,
        jid: str | None = None, **kwargs,
    ) -> dict[str, Answer]:  # fmt: skip
        """Call a function on minions.

        Args:
            minions: Their ids.
            function: Such as ``test.ping``.
            args, kwargs: For the function.
            seconds: After which a minion that neither answers nor works at it is lost.
            limit: Seconds after which one that still works at it is given up, too.
            on_answer: Called with ``(minion, answer)`` as each comes.
            jid: Job id; a new one by default.

        Raises:
            MaasError: The master is too busy to run the job.
        """
        import salt.client

        minions = list(minions)
        found: dict[str, Answer] = {}
        if not minions:
            return found
        limit = self.limit if limit is None else limit
        end, lost = time.monotonic() + limit, _NO_ANSWER
        with salt.client.LocalClient(mopts=self.opts) as client:
            job = _Job(client, jid or self._new_jid(), minions, function, int(seconds))
            for minion, given in job.returns(args, kwargs, found):
                if time.monotonic() > end:
                    lost = Answer(error=f"the minion was still at it after {limit:g} s", lost=True)
                    break
                if minion in minions and (minion not in found or found[minion].lost):
                    found[minion] = _answer(job.untrimmed(minion, given))
                    if on_answer and not found[minion].lost:
                        on_answer(minion, found[minion])
        return {minion: found.get(minion, lost) for minion in minions}

    def ask_signed(
        self, minion: str, function: str, *args, seconds: float = 60.0,
        limit: float | None = None, **kwargs,
    ) -> Answer:  # fmt: skip
        """Call a function of this extension on one minion whose answer must be its own.

        Any accepted minion can put a return of another one on the event bus; none can sign
        with another's key.  The arguments are those of :meth:`ask`.
        """
        import salt.client

        key = self.accepted_keys([minion]).get(minion)
        if key is None:
            why = "its key is not accepted; salt-key --list all shows which ids have one"
            return Answer(error=why, lost=True)
        nonce, jid = signed.nonce(), self._new_jid()
        given = [function, nonce, list(args), kwargs]
        answer = self.ask(
            [minion], "maas_fleet.signed", *given, seconds=seconds, limit=limit, jid=jid
        )[minion]
        if answer.lost:
            return answer
        try:
            return Answer(signed.opened(answer.value, minion, function, nonce, key))
        except signed.Forged as error:
            forged = str(error)
        # The master has stored the minion's own return, whoever was first on the bus.
        with salt.client.LocalClient(mopts=self.opts) as client:
            own = _stored(client, jid, minion) or {}
        try:
            found = Answer(signed.opened(own.get("ret"), minion, function, nonce, key))
        except signed.Forged:
            # Errors are not signed: with a forged one nothing is done that should not be.
            return answer if answer.error else Answer(error=forged)
        log.warning("An answer to %s in the name of %s was not its own", function, minion)
        return found

    def _new_jid(self):
        import salt.utils.jid

        return salt.utils.jid.gen_jid(self.opts)

    def connected(self, minions: Iterable[str]) -> set[str]:
        """Return those of the minions that answer."""
        answers = self.ask(minions, "test.ping", seconds=15)
        return {minion for minion, answer in answers.items() if answer.value is True}

    # Keys, and what the master has cached

    def accepted_keys(self, minions: Collection[str]) -> dict[str, str]:
        """Return ``{minion: public key}`` of those whose key the master accepted."""
        import salt.key

        keys = salt.key.get_key(self.opts)
        accepted = set(keys.list_keys().get("minions", ())) & set(minions)
        texts = {one: keys.key_str(one).get("minions", {}).get(one) for one in accepted}
        return {minion: texts[minion] for minion in minions if texts.get(minion)}

    def all_minions(self, target: object, kind: str = "glob") -> list[str]:
        """Return the accepted minions that a target matches, by what the master has cached."""
        import salt.utils.minions

        found = salt.utils.minions.CkMinions(self.opts).check_minions(target, kind)
        return sorted(found["minions"])

    def grains(self, minion: str) -> dict:
        """Return a minion's grains as the master cached them; the minion wrote them itself."""
        cache, bank, key = self._cached(minion)
        data = cache.fetch(bank, key) or {}
        return data if bank == _GRAINS else data.get("grains") or {}

    def last_heard(self, minion: str) -> float | None:
        """Return when a minion last had its pillar from the master, in seconds since 1970."""
        cache, bank, key = self._cached(minion)
        return cache.updated(bank, key) if cache.contains(bank, key) else None

    def _cached(self, minion):
        """The master's cache, and where in it a minion's grains are: ``(cache, bank, key)``.

        Salt 3008 has a bank of grains; before, a bank for each minion held grains and pillar.
        What an older master wrote there stays after its upgrade, so the new place goes first.
        """
        import salt.cache

        cache = salt.cache.factory(self.opts)
        if cache.contains(_GRAINS, minion):
            return cache, _GRAINS, minion
        return cache, f"minions/{minion}", "data"

    # Events

    def fire(self, tag: str, data: dict) -> None:
        """Put an event on the master's bus."""
        import salt.utils.event

        if self._bus is None:
            self._bus = salt.utils.event.get_event("master", opts=self.opts, listen=False)
        self._bus.fire_event(data, tag)

    def close(self) -> None:
        """Disconnect from the event bus."""
        if self._bus is not None:
            self._bus.destroy()
            self._bus = None


@dataclass(frozen=True)
class _Job:
    client: Any
    jid: str
    minions: list
    function: str
    seconds: int

    def returns(self, args, kwargs, found):
        """Yield ``(minion, return)`` as they come; ``(None, None)`` where nothing does.

        A master under load may be too busy to answer the client.  The job goes on all the same, so
        it is asked for again: under the same id, which a minion that has it does not run twice.
        """
        from salt.exceptions import SaltClientError

        on = {"tgt": self.minions, "tgt_type": "list"}
        published = False
        for attempt in range(_TRIES):
            left = {one for one in self.minions if one not in found or found[one].lost}
            try:
                if published and left:
                    yield from self.client.get_cache_returns(self.jid).items()
                elif not published and not self.client.run_job(
                    self.minions, self.function, list(args), "list", "", self.seconds, self.jid,
                    kwarg=kwargs, listen=True,
                ):  # fmt: skip
                    return
                published = True
                for one in self.client.get_iter_returns(
                    self.jid, left, timeout=self.seconds, expect_minions=True, block=False, **on
                ):
                    if isinstance(one, dict) and "error" not in one:
                        yield from one.items()
                    else:
                        yield None, None
                        time.sleep(0.01)
                return
            except SaltClientError as error:
                if attempt + 1 == _TRIES:
                    why = f"the master is too busy to run {self.function}: {error}"
                    raise MaasError(why) from None
                log.warning("The master is too busy to answer about %s; retrying", self.function)

    def untrimmed(self, minion, given):
        """Return a return with what Salt left out of its event because it is large."""
        if not isinstance(given, dict) or not _trimmed(given.get("ret")):
            return given
        why = "ERROR: its answer is larger than max_event_size in the master's configuration"
        found = _stored(self.client, self.jid, minion)
        return {**given, **(found or {"ret": why, "retcode": 1})}


def _trimmed(value) -> bool:
    if isinstance(value, (dict, list, tuple)):
        return any(map(_trimmed, value.values() if isinstance(value, dict) else value))
    return value == "VALUE_TRIMMED"


def _stored(client, jid, minion):
    """A return from the master's job cache, where it arrives a little after its event."""
    return poll.wait(
        lambda: client.get_cache_returns(jid).get(minion), _STORED_SECONDS, longest=0.1
    )


def _answer(given) -> Answer:
    if not isinstance(given, dict) or given.get("failed"):
        return _NO_ANSWER
    value = given.get("ret")
    if not given.get("retcode") or not isinstance(value, str):
        return Answer(value)
    text = value.strip()
    if "Traceback" in text:  # a defect, of which the minion's log has the rest
        log.debug("a minion answered %s", text)
        text = text.splitlines()[-1]
    return Answer(value, text.removeprefix("ERROR: ")[:2000] or "the function failed")
