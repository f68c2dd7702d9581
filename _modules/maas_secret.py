"""The region's shared secret on its way to a cluster: never in clear outside the two hosts.

``salt-run maas.onboard`` and ``maas.rotate_secret`` use these; they are documented in
:doc:`../onboarding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saltext.maas import envelope, runtime
from saltext.maas.host import cluster_config, disconnect


def seal(keys: dict, lifetime: float = 600, trusted: Sequence[str] = ()) -> dict[str, Any]:
    """Seal the shared secret of the region on this host for other minions.

    Args:
        keys (dict): ``{minion: public key}`` in PEM form, as the master accepted them.
        lifetime (float): Seconds for which the boxes can be opened, at most a day.
        trusted (list of str): Minions among them that the region's pillar names neither
            under ``maas:racks`` nor under ``maas:clusters``.

    Returns:
        ``{sender, sender_key, boxes: {minion: box}, problems: {minion: why}}``; ciphertext
        only. Whose key does not do has a problem in the place of a box.

    Raises:
        CommandExecutionError: There is no region here, or it has no secret yet.

    Holds for MAAS 1.7 and later.

    CLI Example:

    .. code-block:: bash

        salt region maas_secret.seal '{"rack-1": "-----BEGIN PUBLIC KEY-----..."}'
    """
    return envelope.close(globals(), keys, lifetime, trusted)


def install(sealed: dict) -> dict[str, Any]:
    """Install a sealed secret on this cluster's or rack's host.

    A box can be opened once, for a short time, and by this minion only. Where
    the secret is installed already, nothing is restarted.

    Args:
        sealed (dict): What :py:func:`maas_secret.seal` returned on the region's minion.

    Returns:
        ``{changes, warnings, restarted}``; the secret is shown as asterisks.

    Raises:
        CommandExecutionError: There is no box for this minion, it cannot be
            opened, or the secret cannot be installed.

    Holds for MAAS 1.7 and later.

    CLI Example:

    .. code-block:: bash

        salt rack-1 maas_secret.install "$ENVELOPE"
    """
    installation = runtime.installation(globals(), "cluster")
    done = cluster_config.configure(installation, secret=envelope.open_own(globals(), sealed))
    return {name: done[name] for name in ("changes", "warnings", "restarted")}


def check(sealed: dict) -> bool:
    """Return whether this cluster's minion could open a sealed secret, without using it up.

    Args:
        sealed (dict): What :py:func:`maas_secret.seal` returned on the region's minion.

    Returns:
        True.

    Raises:
        CommandExecutionError: There is no box for this minion, or it cannot be opened.

    CLI Example:

    .. code-block:: bash

        salt rack-1 maas_secret.check "$ENVELOPE"
    """
    runtime.installation(globals(), "cluster")
    envelope.open_own(globals(), sealed, use_up=False)
    return True


def renew(test: bool = False) -> dict[str, Any]:
    """Give the region on this host a new shared secret, which is never shown.

    Clusters that are connected stay so up to 3.2; in 3.3 and later the region restarts, and
    those that have the old secret do not come back until they have the new one.
    ``salt-run maas.rotate_secret`` takes care of both.

    Args:
        test (bool): Only show what would be done.

    Returns:
        ``{changes, restarts, restarted}``; the secrets are shown as asterisks.

    Raises:
        CommandExecutionError: There is no region here, its database cannot be
            reached, Vault holds the secret, or the region did not come back.

    Holds for MAAS 1.7 and later.

    CLI Example:

    .. code-block:: bash

        salt region maas_secret.renew test=true
    """
    from saltext.maas.host import rotate

    return rotate.rotate(runtime.installation(globals(), "region"), test=test)


def follow() -> dict[str, Any]:
    """Have this region host use the shared secret that is in the region's database.

    For the other hosts of a region whose secret was renewed; in 3.3 and later the region on this
    host restarts, if its file has another secret.

    Returns:
        ``{changes, restarted}``; the secrets are shown as asterisks.

    Raises:
        CommandExecutionError: There is no region here, its database cannot be reached, or the
            region did not come back.

    Holds for MAAS 2.0 and later.

    CLI Example:

    .. code-block:: bash

        salt region-2 maas_secret.follow
    """
    from saltext.maas.host import rotate

    installation = runtime.installation(globals(), "region")
    return rotate.follow(installation, runtime.region_host(globals()))


def remove() -> dict[str, Any]:
    """Take the secret off this cluster's or rack's host and stop its daemon permanently.

    Returns:
        ``{stopped: [service], removed: whether there was a secret}``.

    Raises:
        CommandExecutionError: No cluster is installed here, or a service would not stop.

    CLI Example:

    .. code-block:: bash

        salt rack-1 maas_secret.remove
    """
    return disconnect.leave(runtime.installation(globals(), "cluster"))
