"""A snap that is installed but plays no part yet becomes a rack controller."""

from __future__ import annotations

from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation


def fresh(installation: Installation) -> bool:
    """Whether this is a snap whose mode is still ``none``."""
    return installation.kind == "snap" and not installation.roles


def rack(installation: Installation, url: str, secret: str, timeout: float = 300) -> None:
    """Initialise the snap as a rack; the secret answers the command's question for it.

    Args:
        installation: The host.
        url: Region URL.
        secret: In hex; goes by standard input, since the option ``--secret`` would show it
            to every user of the host.
        timeout: Seconds.

    Raises:
        HostError: The command failed, or the snap is no rack after it.

    Snap 2.2 to 3.7: ``maas init --mode rack`` before 2.8, ``maas init rack`` since.
    """
    words = ["--mode", "rack"] if installation.release < "2.8" else ["rack"]
    argv = ["maas", "init", *words, "--maas-url", url, "--force"]
    installation.check(argv, f"{secret}\n", timeout, hide=[secret])
    if (files.read(installation.path("snap_mode")) or "").strip() != "rack":
        raise HostError("maas init ended well, but the snap is no rack controller after it.")
