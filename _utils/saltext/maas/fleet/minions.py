"""How the master's side speaks: to minions, to its event bus, and of the keys it accepted."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from saltext.maas.errors import MaasError
from saltext.maas.fleet import signed

log = logging.getLogger(__name__)

_GRAINS = "grains"  # the bank of Salt 3008's cache
_TRIES = 5  # how often a master that does not answer its own client is asked
_STORED_TRIES = 50


@dataclass(frozen=True)
class Answer:
    """What a minion answered.

    Attributes:
        value: Its return.
        error: Why it is none, in a sentence; None if all went well.
        lost: Whether the minion did not answer at all.
    """

    value: object = None
    error: str | None = None
    lost: bool = False

    @property
    def missing_function(self) -> bool:
        """Whether the minion does not have the function."""
        return bool(self.error) and self.error.endswith("is not available.")


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
        self._bus = None

    # Minions

    def ask(
        self, minions, function, *args, seconds=60.0, limit=None, told=None, jid=None, **kwargs
    ) -> dict:
        """Call a function on minions.

        Args:
            minions: Their ids.
            function: Such as ``test.ping``.
            args, kwargs: For the function.
            seconds: After which a minion that neither answers nor works at it is lost.
            limit: Seconds after which one that still works at it is given up, too.
            told: Called with ``(minion, answer)`` as each comes.
            jid: Job id; a new one by default.

        Returns:
            ``{minion: Answer}`` for each of them.
        """
        import salt.client
        import salt.utils.jid

        minions, found = list(minions), {}
        if not minions:
            return found
        limit = self.limit if limit is None else limit
        end, why = time.monotonic() + limit, "the minion did not answer"
        jid = jid or salt.utils.jid.gen_jid(self.opts)
        job = (jid, function, args, kwargs, int(seconds))
        with salt.client.LocalClient(mopts=self.opts) as client:
            for one in _returns(client, minions, found, *job):
                if time.monotonic() > end:
                    why = f"the minion was still at it after {limit:g} s"
                    break
                if not isinstance(one, dict) or "error" in one:
                    continue
                for minion, given in one.items():
                    if minion in minions and (minion not in found or found[minion].lost):
                        found[minion] = _answer(_whole(client, jid, minion, given))
                        if told and not found[minion].lost:
                            told(minion, found[minion])
        lost = Answer(error=why, lost=True)
        return {minion: found.get(minion, lost) for minion in minions}

    def ask_signed(self, minion, function, *args, seconds=60.0, limit=None, **kwargs) -> Answer:
        """Call a function on one minion whose answer must be its own.

        Any accepted minion can put a return of another one on the event bus; none can sign
        with another's key.

        Args:
            minion: Its id.
            function: One of this extension.
            args, kwargs: For the function.
            seconds, limit: As for :meth:`ask`.
        """
        import salt.client
        import salt.utils.jid

        key = self.accepted_keys([minion]).get(minion)
        if key is None:
            told = "its key is not accepted; salt-key --list all shows which ids have one"
            return Answer(error=told, lost=True)
        nonce, jid = signed.nonce(), salt.utils.jid.gen_jid(self.opts)
        given = [function, nonce, list(args), kwargs]
        answer = self.ask(
            [minion], "maas_fleet.signed", *given, seconds=seconds, limit=limit, jid=jid
        )[minion]
        if answer.lost:
            return answer
        try:
            return Answer(signed.opened(answer.value, minion, function, nonce, key))
        except signed.Forged as error:
            told = str(error)
        # Its own has been stored by the master, whoever was first on the bus.
        with salt.client.LocalClient(mopts=self.opts) as client:
            own = _stored(client, jid, minion) or {}
        try:
            found = Answer(signed.opened(own.get("ret"), minion, function, nonce, key))
        except signed.Forged:
            # Errors are not signed: with a forged one nothing is done that should not be.
            return answer if answer.error else Answer(error=told)
        log.warning("An answer to %s in the name of %s was not its own", function, minion)
        return found

    def connected(self, minions) -> set:
        """Those of the minions that answer."""
        answers = self.ask(minions, "test.ping", seconds=15)
        return {minion for minion, answer in answers.items() if answer.value is True}

    # Keys and what the master knows

    def accepted_keys(self, minions) -> dict:
        """``{minion: public key}`` for those of the minions whose key the master accepted."""
        import salt.key

        minions = list(minions)
        keys = salt.key.get_key(self.opts)
        accepted = set(keys.list_keys().get("minions", ()))
        found = {}
        for minion in minions:
            if minion in accepted:
                text = keys.key_str(minion).get("minions", {}).get(minion)
                if text:
                    found[minion] = text
        return found

    def all_minions(self, target, kind="glob") -> list[str]:
        """The accepted minions that a target fits, by what the master knows of them."""
        import salt.utils.minions

        found = salt.utils.minions.CkMinions(self.opts).check_minions(target, kind)
        return sorted(found["minions"])

    def grains(self, minion) -> dict:
        """A minion's grains as the master cached them; the minion wrote them itself."""
        cache, bank, key = self._cached(minion)
        data = cache.fetch(bank, key) or {}
        return data if bank == _GRAINS else data.get("grains") or {}

    def last_heard(self, minion) -> float | None:
        """When a minion last had its pillar from the master, in seconds since 1970."""
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

    def tell(self, tag: str, data: dict) -> None:
        """Put an event on the master's bus."""
        import salt.utils.event

        if self._bus is None:
            self._bus = salt.utils.event.get_event("master", opts=self.opts, listen=False)
        self._bus.fire_event(data, tag)

    def close(self) -> None:
        """Let go of the event bus."""
        if self._bus is not None:
            self._bus.destroy()
            self._bus = None


def _returns(client, minions, found, jid, function, args, kwargs, seconds):
    """The returns of a job, as they come.

    A master under load may be too busy to answer the client.  The job goes on all the same, so it
    is asked for again: under the same id, which a minion that has it already does not run twice.
    None comes where nothing does.
    """
    from salt.exceptions import SaltClientError

    published = False
    for attempt in range(_TRIES):
        left = [minion for minion in minions if minion not in found or found[minion].lost]
        try:
            if not published:
                job = client.run_job(
                    minions, function, list(args), "list", "", seconds, jid, kwarg=kwargs,
                    listen=True,
                )  # fmt: skip
                if not job:
                    return
                published = True
            elif left:
                yield client.get_cache_returns(jid)
            for one in client.get_iter_returns(
                jid, set(left), timeout=seconds, tgt=minions, tgt_type="list",
                expect_minions=True, block=False,
            ):  # fmt: skip
                yield one
                if one is None:
                    time.sleep(0.01)
            return
        except SaltClientError as error:
            if attempt + 1 == _TRIES:
                raise MaasError(f"the master is too busy to run {function}: {error}") from None
            log.warning("The master is too busy to be asked about %s; trying again", function)


def _whole(client, jid, minion, given):
    """A return, with what Salt left out of its event because it is large."""
    if not isinstance(given, dict) or not _trimmed(given.get("ret")):
        return given
    found = _stored(client, jid, minion)
    if found is None:
        told = "ERROR: its answer is larger than max_event_size in the master's configuration"
        return {"ret": told, "retcode": 1}
    return {**given, **found}


def _trimmed(value) -> bool:
    if isinstance(value, dict):
        return any(_trimmed(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_trimmed(one) for one in value)
    return value == "VALUE_TRIMMED"


def _stored(client, jid, minion):
    """A return out of the master's job cache, where it arrives a little after its event."""
    for _ in range(_STORED_TRIES):
        found = client.get_cache_returns(jid).get(minion)
        if found is not None:
            return found
        time.sleep(0.1)
    return None


def _answer(given) -> Answer:
    if not isinstance(given, dict) or given.get("failed"):
        return Answer(error="the minion did not answer", lost=True)
    value = given.get("ret")
    if given.get("retcode") and isinstance(value, str):
        text = value.strip()
        if text.startswith("ERROR: "):
            text = text[len("ERROR: ") :]
        if "Traceback" in text:  # a defect, of which the minion's log has the rest
            log.debug("a minion answered %s", text)
            text = text.splitlines()[-1]
        return Answer(value, text[:2000] or "the function failed")
    return Answer(value)
