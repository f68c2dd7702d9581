"""A cluster controller (1.x) or rack controller (2.0 and later), on its own host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime
from saltext.maas.doctor import examine_cluster
from saltext.maas.host import cluster_config, enrolment, pxe_images, services

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def config() -> dict[str, Any]:
    """Show this host's own configuration, in one shape for all releases.

    Returns:
        ``{urls, uuid, system_id, secret, settings, debconf_url, source}``; ``secret``
        only says whether one is installed.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.config
    """
    return cluster_config.read_config(runtime.installation(globals(), "cluster"))


def registered(profile: str | dict | None = None) -> dict[str, Any]:
    """Return how far this host's enrolment is, by its log and by what the region says.

    Args:
        profile (str or dict): How to reach a region of 2.0 or later; see :ref:`profiles`.  Not
            needed.

    Returns:
        ``{state, message, line}``: ``registered``, ``waiting`` or ``failed``,
        what that means and what to do, and the log's line that says so.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.registered
    """
    installation = runtime.installation(globals(), "cluster")
    return enrolment.registered(installation, client=runtime.client_with_key(globals(), profile))


def service_status() -> dict[str, bool]:
    """Show which of MAAS's services run on this host.

    Returns:
        ``{service: True or False}``.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.service_status
    """
    return services.status(runtime.installation(globals(), "cluster"))


def restart() -> list[str]:
    """Restart this host's cluster or rack daemon, so that it registers at its region anew.

    Returns:
        Names of the services that were restarted.

    Raises:
        CommandExecutionError: No cluster controller is installed here, or a service would not.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.restart
    """
    installation = runtime.installation(globals(), "cluster")
    return services.restart(installation, installation.fact("cluster_services"))


def doctor(
    interfaces: str | list[str] | None = None,
    addresses: str | list[str] | None = None,
    seconds: float = 5,
) -> dict[str, Any]:
    """Diagnose what keeps a cluster or rack controller from working; change nothing.

    Checks: the region URL (does the region answer there, is it the same in files, debconf
    and pillar), name resolution, the clock, the region's RPC ports and this host's own, the shared
    secret, the registration, and on each segment: other DHCP servers, machines that do not
    answer, and switch ports that hold traffic back because of spanning tree.

    Args:
        interfaces (str or list of str): Network interfaces to listen on, a list or separated by
            commas; by default those that serve DHCP, else all with an IPv4 address.
        addresses (str or list of str): IPv4 addresses of machines that must be on a segment, in the
            same form; by default some that have a lease.
        seconds (float): How long to listen, up to 60; a switch speaks every 2 s by default.

    Returns:
        ``{healthy, problems, warnings, findings: [{check, status, found, remedy}]}``; a status is
        ``ok``, ``warning``, ``problem`` or ``unknown``.

    Raises:
        CommandExecutionError: No cluster controller is installed here, or an argument is wrong.

    Holds for MAAS 1.5 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.doctor interfaces=eth1 addresses=10.0.0.20
    """
    installation = runtime.installation(globals(), "cluster")
    own = runtime.controller(globals())
    return examine_cluster(
        installation,
        interfaces=_list(interfaces),
        addresses=_list(addresses) or (),
        seconds=seconds,
        url=own.get("region_url") or runtime.pillar(globals(), "region").get("url"),
        ca_file=runtime.pillar(globals(), "api").get("ca_file"),
    )


def _list(value):
    return [one.strip() for one in value.split(",")] if isinstance(value, str) else value


def images_on_disk() -> dict[str, Any]:
    """Show which boot images are on this host's disk.

    Returns:
        ``{folder, snapshot, images, files, bytes}``; in 3.5 and later only a region has images
        there, named by their hash, so that ``images`` is None.

    Raises:
        CommandExecutionError: No MAAS is installed here, or the folder cannot be read.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.images_on_disk
    """
    found = runtime.installation(globals())
    return pxe_images.on_disk(found or runtime.installation(globals(), "cluster"))


def compare_images(
    listed: list[str] | None = None, profile: str | dict | None = None
) -> dict[str, list]:
    """Compare the boot images on this host's disk with what the region lists, up to 3.4.

    What is not given is asked from the region: over its API where there is a profile with a
    key, else from its database where the region is on this host. In 1.5 and 1.6 it is what the
    cluster reported, later what the region holds.

    Args:
        listed (list of str): Images by name, as :py:func:`maas_image.list_cluster` returns them.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{missing, extra}``: listed but not on the disk, and the other way round.

    Raises:
        CommandExecutionError: No cluster is here, its release keeps no images, or the region
            cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.compare_images
        salt cluster-1 maas_cluster.compare_images '[ubuntu/trusty/amd64]'
    """
    installation = runtime.installation(globals(), "cluster")
    client = runtime.client_with_key(globals(), profile) if listed is None else None
    return pxe_images.compare(installation, listed, client)


def boot_resources() -> dict[str, Any]:
    """Show what ``bootresources.yaml`` says, in MAAS 1.5.

    Returns:
        ``{configured, sources}``; a file that is not configured is ignored by the importer.

    Raises:
        CommandExecutionError: Another release, or the file is broken.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.boot_resources
    """
    return pxe_images.sources(runtime.installation(globals(), "cluster"))


def import_boot_images(timeout: float = 7200) -> dict[str, Any]:
    """Fetch the images that ``bootresources.yaml`` selects, in MAAS 1.5; waits for the end.

    Args:
        timeout (float): Seconds.

    Returns:
        What is on the disk then, as :py:func:`images_on_disk`.

    Raises:
        CommandExecutionError: Another release, the file is not in use yet, or the import failed.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.import_boot_images
    """
    installation = runtime.installation(globals(), "cluster")
    pxe_images.fetch(installation, timeout)
    return pxe_images.on_disk(installation)
