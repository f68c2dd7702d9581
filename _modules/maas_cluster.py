"""A cluster controller (1.x) or rack controller (2.0 and later), on its own host."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.host import cluster, enrolment, services


def config():
    """Show this host's own configuration, in one shape for all releases.

    Returns:
        ``{urls, uuid, system_id, secret, debconf_url, source}``; ``secret``
        only says whether one is installed.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    Holds for MAAS 1.5 to 3.7.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.config
    """
    return cluster.read_config(runtime.surface(globals(), "cluster"))


def registered():
    """Tell how far this host's enrolment is.

    Returns:
        ``{state, message, line}``: ``registered``, ``waiting`` or ``failed``,
        what that means and what to do, and the log's line that says so.

    Raises:
        CommandExecutionError: No cluster controller is installed here.

    CLI Example:

    .. code-block:: bash

        salt cluster-1 maas_cluster.registered
    """
    return enrolment.registered(runtime.surface(globals(), "cluster"))


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
