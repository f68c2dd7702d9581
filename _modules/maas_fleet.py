"""A region's part in onboarding many clusters at once; ``salt-run maas`` calls these.

On a cluster's minion only :py:func:`maas_fleet.version` is of use.
"""

from __future__ import annotations

from saltext.maas import __version__
from saltext.maas.fleet import region_side


def version():
    """Tell which version of this extension the minion has.

    Returns:
        The version, as text.

    CLI Example:

    .. code-block:: bash

        salt '*' maas_fleet.version
    """
    return __version__


def look(minions=None):
    """Tell how far clusters are, as the region and its pillar have it.

    Args:
        minions: Minion ids; all clusters that the pillar names by default.

    Returns:
        ``{release, problems, clusters: {minion: {named, problems, cluster, state, digest}}}``;
        ``state`` is ``absent``, ``pending``, ``rejected``, ``accepted``, ``connected`` or
        ``disconnected``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.look '[rack-1, rack-2]'
    """
    return region_side.look(globals(), minions)


def wait_for(minions, seconds=120):
    """Wait until clusters have registered at the region, and are connected from 2.0 on.

    Args:
        minions: Minion ids.
        seconds: How long at the most.

    Returns:
        ``{minion: state}``, as :py:func:`look` has it.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.wait_for '[rack-1]' seconds=60
    """
    return region_side.wait_for(globals(), minions, seconds)


def prepare(keys, lifetime=600):
    """Make the region ready for new clusters, and seal its secret for them.

    Args:
        keys: ``{minion: public key}`` in PEM form, as the master accepted them.
        lifetime: Seconds for which the secret can be opened.

    Returns:
        As :py:func:`maas_secret.seal`; empty up to 1.6, where no secret is needed.

    Raises:
        CommandExecutionError: There is no region here, or it has no secret yet.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.prepare '{"rack-1": "-----BEGIN PUBLIC KEY-----..."}'
    """
    return region_side.prepare(globals(), keys, lifetime)


def settle(minions, part, test=False):
    """Make one part of what the pillar says about clusters so, for all of them at once.

    Args:
        minions: Minion ids.
        part: ``accept``, ``dhcp`` or ``images``.
        test: Only tell what would change.

    Returns:
        ``{minion: {changes, error}}``.

    Raises:
        CommandExecutionError: The pillar is wrong, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.settle '[rack-1, rack-2]' dhcp test=true
    """
    return region_side.settle(globals(), minions, part, test)


def status(minions=None):
    """Tell what the region knows of clusters.

    Args:
        minions: Minion ids; all clusters that the pillar names by default.

    Returns:
        ``{minion: {cluster, release, state, accepted, connected, dhcp, images}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.status
    """
    return region_side.status(globals(), minions)


def release_dhcp(minion, successor=None, test=False):
    """Take a cluster off the DHCP that it serves; its stand-by takes over from 2.0 on.

    Args:
        minion: Minion id of the cluster.
        successor: Minion id of a rack that takes over where there is no stand-by.
        test: Only tell what would change.

    Returns:
        ``{VLAN or interface: {old, new}}``; ``new`` is None where nobody serves any more.

    Raises:
        CommandExecutionError: The successor is not connected, or MAAS refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.release_dhcp rack-1 successor=rack-2
    """
    return region_side.release_dhcp(globals(), minion, successor, test)


def machines(minion):
    """List the machines that hang on a cluster.

    Args:
        minion: Minion id of the cluster.

    Returns:
        Host names: of the node group's nodes in 1.x, of machines on VLANs
        that only this rack serves from 2.0 on.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.machines rack-1
    """
    return region_side.machines(globals(), minion)


def remove(minion):
    """Delete a cluster at the region.

    Args:
        minion: Minion id of the cluster.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: Something hangs on it, or MAAS refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.remove rack-1
    """
    return region_side.remove(globals(), minion)


def import_images():
    """Import what is selected, also where older images are there, and wait for it.

    Returns:
        Whether it could be waited for, which is so from 2.1 on.

    Raises:
        CommandExecutionError: The region cannot be asked, or the import does not end.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.import_images
    """
    return region_side.import_images(globals())
