"""Show the snap of MAAS, or another one, of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime
from saltext.maas.host import snapd

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def status(name: str = "maas") -> dict[str, Any] | None:
    """Show what snapd knows of a snap.

    Args:
        name (str): Its name.

    Returns:
        ``{version, revision, channel, cohort, held}``: the channel that refreshes follow, the key
        of the cohort, and whether refreshes are held; None where it is not installed.

    Raises:
        CommandExecutionError: snapd cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_snap.status
    """
    return snapd.status(name, runtime.root(globals()))
