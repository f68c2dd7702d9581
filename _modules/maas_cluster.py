"""A cluster controller (1.x) or rack controller (2.0 and later), on its own host."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.doctor import examine_cluster
from saltext.maas.host import cluster, enrolment, services


def config():
    """Show this host's own configuration, in one shape for all releases.

    Returns:
        ``{urls, uuid, system_id, secret, settings, debconf_url, source}``; ``secret``
        only says whether one is installed.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    Holds for MAAS 1.5 to 3.7.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.config
    """
    return cluster.read_config(runtime.surface(globals(), "cluster"))


def registered(profile=None):
    """Tell how far this host's enrolment is, by its log and by what the region says.

    Args:
        profile: How to reach a region of 2.0 or later; see :ref:`profiles`.  Not needed.

    Returns:
        ``{state, message, line}``: ``registered``, ``waiting`` or ``failed``,
        what that means and what to do, and the log's line that says so.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.registered
    """
    surface = runtime.surface(globals(), "cluster")
    return enrolment.registered(surface, client=runtime.client_with_key(globals(), profile))


def service_status():
    """Show which of MAAS's services run on this host.

    Returns:
        ``{service: True or False}``.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.service_status
    """
    return services.status(runtime.surface(globals(), "cluster"))


def doctor(interfaces=None, addresses=None, seconds=5):
    """Look for what keeps a cluster or rack from working; nothing is changed.

    Looked at are the region URL (does the region answer there, is it the same in files, debconf
    and pillar), name resolution, the clock, the region's RPC ports and this host's own, the shared
    secret, the registration, and on each segment: other DHCP servers, machines that do not
    answer, and switch ports that hold traffic back because of spanning tree.

    Args:
        interfaces: Network interfaces to listen on, a list or separated by commas; by default
            those that serve DHCP, else all with an IPv4 address.
        addresses: IPv4 addresses of machines that must be on a segment, in the same form; by
            default some that have a lease.
        seconds: How long to listen, up to 60; a switch speaks every 2 s by default.

    Returns:
        ``{healthy, problems, warnings, findings: [{check, status, found, remedy}]}``; a status is
        ``ok``, ``warning``, ``problem`` or ``unknown``.

    Raises:
        CommandExecutionError: No cluster controller is installed here, or an argument is wrong.

    Holds for MAAS 1.5 to 3.7.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.doctor interfaces=eth1 addresses=10.0.0.20
    """
    surface = runtime.surface(globals(), "cluster")
    own = runtime.pillar(globals(), "clusters", __opts__["id"])
    return examine_cluster(
        surface,
        interfaces=_list(interfaces),
        addresses=_list(addresses) or (),
        seconds=seconds,
        url=own.get("region_url") or runtime.pillar(globals(), "region").get("url"),
        ca_file=runtime.pillar(globals(), "api").get("ca_file"),
    )


def _list(value):
    return [one.strip() for one in value.split(",")] if isinstance(value, str) else value
