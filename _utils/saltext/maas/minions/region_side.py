"""The part of the minion that deploys machines: it prepares them, and asks the master."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saltext.maas import runtime, seal
from saltext.maas.client.session import Client
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import names
from saltext.maas.machines import operations as at
from saltext.maas.machines.goals import Machine
from saltext.maas.machines.nodes_1x import SHOWS_DEPLOYMENT
from saltext.maas.minions import user_data
from saltext.maas.minions.keys import as_body
from saltext.maas.minions.settings import WHERE, settings_of

#: Machines in one request to the master, and seconds for its answer.
_CHUNK, _SECONDS = 100, 120
#: Statuses of a machine whose minion goes on, or is about to start.
_IN_USE = (at.DEPLOYED, at.DEPLOYING, at.BROKEN, at.RESCUE, at.ENTERING_RESCUE,
           at.FAILED_ENTERING_RESCUE, at.EXITING_RESCUE, at.FAILED_EXITING_RESCUE, at.TESTING,
           at.FAILED_TESTING)  # fmt: skip
#: Operations after which a machine may be in use no more.
_ENDING = ("release", "deploy", "abort")


class Minions:
    """The minions of a region's machines.

    Args:
        dunders: A Salt module's ``globals()``.
        client: The region's client.
        given: What stands under ``maas:minions``.
        wanted: Whether machines that are deployed become minions.

    Raises:
        BadInput: A setting is wrong.
    """

    def __init__(self, dunders: dict, client: Client, given: dict, wanted: bool = False):
        self._dunders, self._url, self._wanted = dunders, client.profile.url, wanted
        deploying = () if client.release >= SHOWS_DEPLOYMENT else (at.ALLOCATED,)
        self._in_use = (*_IN_USE, *deploying)
        opts = dunders["__opts__"]
        if wanted:
            import salt.version

            self._settings = settings_of(given, opts.get("master"), salt.version.__version__)

    def prepare(self, machines: list[tuple[Machine, bytes]]) -> None:
        """Have the master expect machines, and give each its user data; or an error.

        Args:
            machines: Those about to be deployed, with the user's own user data.
        """
        if not self._wanted:
            return
        for start in range(0, len(machines), _CHUNK):
            self._prepare(machines[start : start + _CHUNK])

    def check(self, machine: Machine, own: bytes) -> None:
        """Refuse a machine that cannot become a minion, before anything is sent.

        Args:
            machine: One about to be deployed.
            own: The user's own user data.

        Raises:
            BadInput: It cannot.
        """
        if self._wanted:
            user_data.parts(own)
            self._id(machine)

    def _prepare(self, machines):
        new: dict = {}
        for one, own in machines:
            minion = self._id(one)
            if minion in new:
                one.error = f"{new[minion][0].name} would be minion {minion}, too"
            else:
                new[minion] = (one, own, *_new_pair())
        expected = {
            minion: {"system_id": one.raw["system_id"], "key": as_body(public)}
            for minion, (one, _, _, public) in new.items()
        }
        try:
            answer = self._ask("expect_minions", expected)
        except MaasError as error:
            for one, _ in machines:
                one.error = str(error)
            return
        for minion, (one, own, private, public) in new.items():
            said = answer["minions"].get(minion)
            if said != "expected":
                one.error = f"the master does not accept it as minion {minion}: {said}"
                continue
            script = user_data.script(
                self._settings, minion, user_data.grains_of(one.raw), private, public,
                answer["finger"],
            )  # fmt: skip
            content = user_data.with_script(own, script)
            one.own = {"user_data": base64.b64encode(content).decode()}
            one.hide = (private, one.own["user_data"], content.decode(errors="replace"))

    def _id(self, machine):
        host, name = machine.raw["hostname"], machine.raw.get("fqdn")
        found = host if self._settings.id == "hostname" else name
        if not names.is_id(found) or found.partition(".")[0] != host:
            raise BadInput(
                f"{self._settings.id}: the region calls machine {names.shown(host)} "
                f"{names.shown(found)}, which cannot be its minion id"
            )
        return found

    def forget(self, machines: Iterable[Machine]) -> None:
        """Have the master delete the keys of those machines that are in use no more."""
        ended = (one for one in machines if one.own or (one.sent and one.sent[-1] in _ENDING))
        gone = {one.raw["system_id"]: one for one in ended if not self._is_in_use(one.raw)}
        try:
            self.forget_ids(list(gone))
        except MaasError as error:
            for one in gone.values():
                one.error = one.error or str(error)

    def forget_ids(self, system_ids: list[str]) -> None:
        """Have the master delete the keys of machines.

        Raises:
            MaasError: It did not; the text says what to do.
        """
        if not system_ids:
            return
        try:
            self._ask("forget_minions", system_ids)
        except MaasError as error:
            raise MaasError(
                f"its key is still on the master: {error}; delete it there with salt-key -d, or by "
                "maas_machine.sync_minions"
            ) from None

    def sync(self, machines: Iterable[dict]) -> dict[str, list[str]]:
        """Bring keys and grains up to date; see :py:func:`maas_machine.sync_minions`."""
        grains = {
            one["system_id"]: user_data.grains_of(one) for one in machines if self._is_in_use(one)
        }
        return self._ask("sync_minions", grains)

    def _is_in_use(self, raw):
        return raw["status"] in self._in_use and bool(raw.get("owner"))

    def _ask(self, function, value):
        said = runtime.ask_master(self._dunders, f"maas.{function}", [self._url, value], _SECONDS)
        if isinstance(said, dict) and said:
            return said.get("answer", said)
        if said == {}:
            raise MaasError(
                f"the master does not let this minion call maas.{function}; add it to peer_run in "
                "the master's configuration"
            )
        raise MaasError(f"the master answered maas.{function}: {str(said).strip()[-300:]}")


def _new_pair():
    """A key pair, as PEM, for the first start of a machine."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )  # fmt: skip
    return private.decode(), seal.public_text(key)


def minions_of(dunders: dict, client: Client, wanted: bool = False) -> Minions | None:
    """Return the minions of a region's machines; None if the pillar does not describe any.

    Args:
        dunders: A Salt module's ``globals()``.
        client: The region's client.
        wanted: Whether machines that are deployed are to become minions.

    Raises:
        BadInput: They are to, and the pillar does not describe how; or that is wrong.
    """
    if "minions" not in (runtime.rendered(dunders).get("maas") or {}):
        if wanted:
            raise BadInput(f"minion: {WHERE} is missing in the pillar; it says how, {{}} is enough")
        return None
    return Minions(dunders, client, runtime.pillar(dunders, "minions"), wanted)


def forget_deleted(dunders: dict, client: Any, changes: Iterable[Any]) -> Iterator[str]:
    """Have the master delete the keys of machines that a plan deleted; yield what failed."""
    gone = [one.raw["system_id"] for one in changes
            if one.desired.type == "machine" and one.action == "delete" and one.done]  # fmt: skip
    known = minions_of(dunders, client) if gone else None
    if known:
        try:
            known.forget_ids(gone)
        except MaasError as error:
            yield f"machine deleted, but {error}"
