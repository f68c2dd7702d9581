"""Salt resources ``maas_machine``: machines that one minion represents, from Salt 3008 on.

.. code-block:: yaml

    resources:
      maas_machine:
        machines: {pool: web}
        resource_ids: ['web*', 'db*']
    maas:
      api: {url: "https://maas.example.com:5443/MAAS", api_key: sdb://vault/maas}

A machine's id is its host name. A pattern is the id of a group: a job for it is for all machines
whose names match, together.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import salt.utils.sdb

if TYPE_CHECKING:
    from saltext.maas.salt_types import Context, Functions, Opts

    __context__: Context
    __opts__: Opts
    __resource__: dict[str, str]
    __salt__: Functions


def __virtual__():
    # Salt puts the folder of synced utils on the path at its start only, and if it is there.
    utils = os.path.join(str(__opts__.get("extension_modules") or ""), "utils")
    if os.path.isdir(os.path.join(utils, "saltext", "maas")) and utils not in sys.path:
        sys.path.append(utils)
    try:
        import saltext.maas.machine_resource  # noqa: F401
    except ImportError as error:
        return False, f"the library of saltext.maas is not on this minion: {error}"
    return True


def init(opts: dict) -> None:
    """Do what Salt asks for before a machine is used: nothing, as each job logs in again."""


def initialized() -> bool:
    """Return whether machines can be used."""
    return True


def shutdown(opts: dict) -> None:
    """Do what Salt asks for at the end: nothing, as no connection is kept."""


def discover(opts: dict) -> list[str]:
    """Return the ids of the machines and groups that this minion represents.

    Args:
        opts: Configuration with the pillar.

    Returns:
        What the pillar has in ``resources:maas_machine``, and the machines that it selects.
        Mistakes are logged.
    """
    from saltext.maas import machine_resource

    # Salt gives no functions here.
    functions = {"sdb.get": lambda uri: salt.utils.sdb.sdb_get(uri, opts)}
    return machine_resource.discover(
        {"__opts__": opts, "__pillar__": opts["pillar"], "__context__": {}, "__salt__": functions}
    )


def grains() -> dict[str, Any]:
    """Return the grains of a machine or group.

    Returns:
        ``{id, maas: {hostname, status, power, ...}}`` as of the last list; of a group
        ``{maas: {group}}``.
    """
    from saltext.maas import machine_resource

    return machine_resource.grains(globals(), __resource__["id"])


def ping() -> bool:
    """Return whether the region answers, and has the machine or all of the group.

    Raises:
        CommandExecutionError: It does not; the message says why.
    """
    from saltext.maas import machine_resource

    return machine_resource.ping(globals())


def minion_functions() -> Functions:
    """Return the execution modules of the minion, which Salt keeps from those of a resource."""
    return __salt__.value()  # type: ignore[attr-defined]
