"""The region's shared secret on its way: sealed on the region host, opened on a cluster's.

An *envelope* is what the master hands from one to the other, and all that it ever sees::

    {"sender": region minion, "sender_key": its public key, "boxes": {minion: sealed box}}

Beside the boxes it may have ``problems``, ``{minion: why there is no box for it}``.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from saltext.maas import region_hosts, runtime, seal
from saltext.maas.host import rotate, shared_secret
from saltext.maas.pillar import controllers

PURPOSE = "maas shared secret"
#: How many minions are sealed for at once.
MAX_KEYS = 1000


def close(
    dunders, keys: dict, lifetime: float = seal.LIFETIME, trusted: Collection[str] = ()
) -> dict:
    """Seal the shared secret of the region on this host; see :py:func:`maas_secret.seal`.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        keys: ``{minion: its accepted public key}``, handed over by the master.
        lifetime: Seconds for which the boxes can be opened.
        trusted: Minions among them that the pillar does not name.

    Raises:
        MaasError: There is no region or secret here, or it cannot be sealed for anybody.
    """
    if not isinstance(keys, dict) or not 0 < len(keys) <= MAX_KEYS:
        raise seal.SealError(f"keys: must be a mapping of 1 to {MAX_KEYS} minions to public keys")
    named = {*_named(dunders), *trusted}
    installation = runtime.installation(dunders, "region")
    rotate.finish(installation)  # else file and database may differ, and nobody knows which holds
    secret = shared_secret.of_region(installation)
    if secret is None:
        raise seal.SealError(
            "the region has no shared secret yet: it makes one at its first start; is it running?"
        )
    own, key = seal.own_key(dunders)
    boxes, problems = {}, {}
    for minion, text in keys.items():
        if minion not in named:
            problems[minion] = (
                "the region's own pillar names it neither under maas:racks nor maas:clusters, nor "
                "in maas:region:hosts"
            )
            continue
        try:
            seal.public_key(text)
        except seal.SealError as error:
            problems[minion] = f"the public key of {minion}: {error}"
        else:
            boxes[minion] = seal.seal(secret, minion, text, own, key, PURPOSE, lifetime)
    sender = {"sender": own, "sender_key": seal.public_text(key)}
    return {**sender, "boxes": boxes, "problems": problems}


def _named(dunders) -> set[str]:
    """The clusters and region hosts that the pillar names, as the master has it now.

    This is looked at here once more, where no other minion has a say; and not in the pillar that
    this minion fetched some time ago, which may name one that was taken out since.
    """
    described = runtime.rendered(runtime.refreshed(dunders)).get("maas")
    described = described if isinstance(described, dict) else {}
    return {*controllers(described), *region_hosts.minions(described)}


def open_own(dunders, envelope: object, use_up: bool = True) -> str:
    """Return the shared secret from this minion's box in an envelope.

    Args:
        dunders: A Salt module's ``globals()``, on the cluster's minion.
        envelope: From :func:`close`, over the master.
        use_up: Remember the box, so that it cannot be opened again.

    Raises:
        SealError: There is no box for this minion, or it cannot be opened.
    """
    own, key = seal.own_key(dunders)
    parts = envelope if isinstance(envelope, dict) else {}
    boxes = parts.get("boxes")
    if set(parts) - {"problems"} != {"sender", "sender_key", "boxes"} or not isinstance(
        boxes, dict
    ):
        raise seal.SealError("sealed: must be an envelope from maas_secret.seal")
    if own not in boxes:
        raise seal.SealError(f"sealed: holds no box for {own}")
    opened = None
    if use_up:
        folder = dunders["__opts__"]["cachedir"]
        os.makedirs(folder, exist_ok=True)
        opened = os.path.join(folder, "maas-opened-boxes")
    sender = parts["sender"], parts["sender_key"]
    return seal.unseal(boxes[own], own, key, *sender, PURPOSE, opened)
