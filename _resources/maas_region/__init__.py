"""Salt resources ``maas_region``: regions that one minion represents, from Salt 3008 on.

.. code-block:: yaml

    resources:
      maas_region:
        resource_ids: [dc1, dc2]
    dc1:
      api: {url: "https://maas.dc1.example.com:5443/MAAS", api_key: sdb://vault/dc1}
      zones: {row-1: {}}

The id of a resource is the name of a profile in minion configuration or pillar. What a region holds
is described in the pillar under the same name, in the form of the pillar ``maas``.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltext.maas.salt_types import Context, Functions, Opts

    __context__: Context
    __opts__: Opts
    __resource__: dict[str, str]
    __salt__: Functions

log = logging.getLogger(__name__)


def __virtual__():
    # Salt puts the folder of synced utils on the path at its start only, and if it is there.
    utils = os.path.join(str(__opts__.get("extension_modules") or ""), "utils")
    if os.path.isdir(os.path.join(utils, "saltext", "maas")) and utils not in sys.path:
        sys.path.append(utils)
    try:
        import saltext.maas.region_resource  # noqa: F401
    except ImportError as error:
        return False, f"the library of saltext.maas is not on this minion: {error}"
    return True


def init(opts: dict) -> None:
    """Do what Salt asks for before a region is used: nothing, as each run logs in again."""


def initialized() -> bool:
    """Return whether regions can be used."""
    return True


def shutdown(opts: dict) -> None:
    """Do what Salt asks for at the end: nothing, as no connection is kept."""


def discover(opts: dict) -> list[str]:
    """Return the names of the regions that this minion represents.

    Args:
        opts: Configuration with the pillar.

    Returns:
        What the pillar lists in ``resources:maas_region:resource_ids``, apart from invalid
        names, which are logged.
    """
    from saltext.maas import resource_ids

    names, mistakes = resource_ids.regions(opts)
    for mistake in mistakes:
        log.error("%s", mistake)
    return names


def grains() -> dict[str, Any]:
    """Return the grains of a region.

    Returns:
        ``{id, maas: {installed, region, url, release}}``; ``release`` only where it is known.
    """
    from saltext.maas import region_resource

    return region_resource.grains(globals(), __resource__["id"])


def grains_refresh() -> dict[str, Any]:
    """Return the grains of a region after it was asked for its release again."""
    from saltext.maas import region_resource

    return region_resource.grains(globals(), __resource__["id"], refresh=True)


def ping() -> bool:
    """Return whether the region answers, and accepts the profile's API key.

    Raises:
        CommandExecutionError: It does not; the message says why.
    """
    from saltext.maas import region_resource

    return region_resource.ping(globals())


def minion_functions() -> Functions:
    """Return the execution modules of the minion, which Salt keeps from those of a resource."""
    return __salt__.value()  # type: ignore[attr-defined]
