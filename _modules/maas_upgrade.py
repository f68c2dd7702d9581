"""One host's part in an upgrade of MAAS; ``salt-run maas.upgrade`` calls these.

They are documented in :doc:`../upgrading`.
"""

from __future__ import annotations

from typing import Any

from saltext.maas import runtime
from saltext.maas.host import migration, services, upgrade
from saltext.maas.region_hosts import region_hosts
from saltext.maas.release import supported


def _host():
    return upgrade.host(runtime.root(globals()))


def hosts() -> dict[str, list[str]]:
    """Show the hosts of the region on this host.

    Returns:
        ``{minions: [minion id], controllers: [host name]}``: those that ``maas:region:hosts``
        names, in its order, and all that the database knows (2.0 and later).

    Raises:
        CommandExecutionError: There is no region here, or its database cannot be reached.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.hosts
    """
    installation = _host()
    installation.need("region")
    named = region_hosts({"region": runtime.pillar(globals(), "region")})
    return {"minions": [*named], "controllers": upgrade.controllers(installation)}


def describe() -> dict[str, Any]:
    """Show what MAAS this host has.

    Returns:
        ``{release, kind, roles, ubuntu, hostname, began}``: ``deb`` or ``snap``; of ``region`` and
        ``cluster``; the release of Ubuntu; from which release an upgrade was begun and not ended.

    Raises:
        CommandExecutionError: No MAAS is installed here.

    CLI Example:

    .. code-block:: bash

        salt '*' maas_upgrade.describe
    """
    return upgrade.describe(_host())


def examine(to: str) -> list[dict[str, str]]:
    """Show what stands in the way of an upgrade of this host, or stops working after it.

    Args:
        to (str): The release of the next step, such as ``3.8``.

    Returns:
        ``[{check, status, found, remedy}]``; the status is ``problem``, ``warning`` or ``unknown``.

    Raises:
        CommandExecutionError: No MAAS is installed here.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.examine 3.8
    """
    return upgrade.examine(_host(), supported(to))


def stop() -> list[str]:
    """Stop all of MAAS on this host, and keep it stopped until :py:func:`start`.

    The rack stops first, its DHCP with it; then the region. A restart of the host or an upgrade of
    packages does not start it again, under upstart excepted.

    Returns:
        The services that ran.

    Raises:
        CommandExecutionError: A service would not stop.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.stop
    """
    return upgrade.stop(_host())


def install(
    to: str,
    version: str | None = None,
    repository: str | None = None,
    channel: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Bring MAAS's packages or its snap to a release, and what was configured with them.

    Stop MAAS on all hosts of its region before. Nothing is started.

    Args:
        to (str): The release, such as ``3.8``.
        version (str): Version that the packages begin with; the newest of the release by default.
        repository (str): What ``add-apt-repository`` adds before, such as ``ppa:maas/3.8``.
        channel (str): The snap's channel; ``RELEASE/stable`` by default.
        kind (str): ``snap`` to move from packages to the snap of the same release.

    Returns:
        ``{from, to, mended: {setting: {old, new}}}``; passwords are asterisks.

    Raises:
        CommandExecutionError: A command failed. Call it again for the rest.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.install 3.8 repository=ppa:maas/3.8
    """
    return upgrade.install(_host(), supported(to), version, repository, channel, kind)


def migrate(again: bool = False) -> dict[str, Any]:
    """Bring the region's database to the release of this host, unless it is there already.

    Of several hosts that do this at the same time, one does it.

    Args:
        again (bool): Also where nothing is missing, as after a run that was killed.

    Returns:
        ``{migrated, missing: [migration]}``.

    Raises:
        CommandExecutionError: MAAS still runs on a host of the region, or the migration failed.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.migrate
    """
    return migration.migrate(_host(), again=again)


def start(wait: float = 600) -> dict[str, Any]:
    """Start all of MAAS on this host, and wait until it works.

    Args:
        wait (float): Seconds until the region's API has to answer.

    Returns:
        ``{release, api, running: {service: bool}}``; ``api`` is the release that the API tells.

    Raises:
        CommandExecutionError: A service does not run, or the API does not answer with the release.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.start
    """
    ca_file = (runtime.pillar(globals(), "api") or {}).get("ca_file")
    return upgrade.start(_host(), wait, ca_file)


def connected(names: list[str], wait: float = 300) -> list[str]:
    """Wait until rack controllers are connected to the region (2.0 and later).

    Args:
        names (list of str): Host names.
        wait (float): Seconds.

    Returns:
        Those that are not.

    Raises:
        CommandExecutionError: No MAAS is installed here.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.connected '[rack-1, rack-2]'
    """
    return upgrade.connected(_host(), names, wait)


def cancel() -> list[str]:
    """Start MAAS again after :py:func:`stop`, where the upgrade does not go on.

    Returns:
        The services that were started.

    Raises:
        CommandExecutionError: One of them would not start.

    CLI Example:

    .. code-block:: bash

        salt region maas_upgrade.cancel
    """
    installation = _host()
    upgrade.forget(installation)
    services.release(installation)
    return services.start_all(installation)
