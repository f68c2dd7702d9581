"""A region's part in onboarding many clusters at once; ``salt-run maas`` calls these.

On a cluster's minion only :py:func:`maas_fleet.version` is of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from saltext.maas import __version__
from saltext.maas.errors import BadInput
from saltext.maas.fleet import signed as signatures
from saltext.maas.fleet.region_side import apply_phase as phases
from saltext.maas.fleet.region_side import claims, cluster_images, inspection, removal
from saltext.maas.fleet.region_side import region as of_minion
from saltext.maas.fleet.region_side import region_hosts as hosts_of

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions

    __salt__: Functions


def version() -> str:
    """Return which version of this extension the minion has.

    Returns:
        The version, as text.

    CLI Example:

    .. code-block:: bash

        salt '*' maas_fleet.version
    """
    return __version__


def signed(
    function: str, nonce: str, args: Sequence = (), kwargs: dict | None = None
) -> dict[str, str]:
    """Call a function of this extension and sign its answer with this minion's key.

    What a minion returns can be imitated on Salt's event bus by any other; a signature cannot.

    Args:
        function (str): One of this extension's, such as ``maas_fleet.inspect``.
        nonce (str): Number of the question, which is signed with the answer.
        args (list): List of its arguments.
        kwargs (dict): Mapping of its named arguments.

    Returns:
        ``{answer: its return as JSON, signature}``.

    Raises:
        CommandExecutionError: There is no such function, it failed, or this minion's
            key cannot be read.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.signed maas_fleet.inspect 0123456789abcdef
    """
    known = isinstance(function, str) and function.startswith("maas_") and function in __salt__
    if not known:
        raise BadInput(f"{function!r} is not available.")
    value = __salt__[function](*args, **(kwargs or {}))
    return signatures.close(globals(), function, nonce, value)


def inspect(minions: list[str] | None = None) -> dict[str, Any]:
    """Return how far clusters are, as the region and its pillar have it.

    Args:
        minions (list of str): Minion ids; all clusters that the pillar names by default.

    Returns:
        ``{release, problems, clusters: {minion: {named, where, problems, cluster, state,
        own_url, digest}}, unnamed: {name: {cluster, state}}}``; ``state`` is ``absent``, ``pending``,
        ``rejected``, ``accepted``, ``connected`` or ``disconnected``. Those unnamed are at
        work but in no pillar; they are looked for where no minions are given.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.inspect '[rack-1, rack-2]'
    """
    return inspection.inspect(of_minion.open_region(globals(), deadline=inspection.SOON), minions)


def wait_for(minions: list[str], seconds: float = 120) -> dict[str, str]:
    """Wait until clusters have registered at the region, and are connected (2.0 and later).

    Args:
        minions (list of str): Minion ids.
        seconds (float): How long at the most.

    Returns:
        ``{minion: state}``, as :py:func:`inspect` has it.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.wait_for '[rack-1]' seconds=60
    """
    return inspection.wait_for(globals(), minions, seconds)


def claim(
    master: str, name: str, clusters: dict, seconds: float = 900, age: float = 0
) -> dict[str, dict]:
    """Claim clusters for one of several masters, so that the others do not onboard them as well.

    Args:
        master (str): The master's own mark.
        name (str): What it is called in messages.
        clusters (dict): ``{minion: {digest, enrolled}}``: its digest, as :py:func:`inspect` has it,
            and whether the region has accepted it.
        seconds (float): When a claim that is not released ends.
        age (float): How many seconds ago :py:func:`inspect` was called.

    Returns:
        ``{minion: {name, state, since}}`` of those that another master onboards, or has enrolled
        with the same pillar.

    Raises:
        CommandExecutionError: The claims cannot be written.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.claim 1 master-1 '{"rack-1": {"digest": "01ab", "enrolled": false}}'
    """
    return claims.claim(globals(), master, name, clusters, seconds, age)


def release(master: str, enrolled: dict) -> bool:
    """End a master's claims of :py:func:`claim`.

    Args:
        master (str): The master's own mark.
        enrolled (dict): ``{minion: digest}`` with the digest of its pillar if it is enrolled, else
            empty.

    Returns:
        True.

    Raises:
        CommandExecutionError: The claims cannot be written.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.release 1 '{"rack-1": "0123456789abcdef"}'
    """
    return claims.release(globals(), master, enrolled)


def prepare(keys: dict, lifetime: float = 600, trusted: Sequence[str] = ()) -> dict[str, Any]:
    """Make the region ready for new clusters, and seal its secret for them.

    Args:
        keys (dict): ``{minion: public key}`` in PEM form, as the master accepted them.
        lifetime (float): Seconds for which the secret can be opened.
        trusted (list of str): Minions among them that the region's pillar does not name.

    Returns:
        As :py:func:`maas_secret.seal`; empty up to 1.6, where no secret is needed.

    Raises:
        CommandExecutionError: There is no region here, or it has no secret yet.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.prepare '{"rack-1": "-----BEGIN PUBLIC KEY-----..."}'
    """
    return phases.prepare(of_minion.open_region(globals()), keys, lifetime, trusted)


def apply_phase(minions: list[str], phase: str, test: bool = False) -> dict[str, dict]:
    """Apply one phase of what the pillar says about clusters, for all of them at once.

    No other run on this minion writes to the region meanwhile.

    Args:
        minions (list of str): Minion ids.
        phase (str): ``accept``, ``dhcp`` or ``images``.
        test (bool): Only show what would change.

    Returns:
        ``{minion: {changes, error}}``.

    Raises:
        CommandExecutionError: The pillar is wrong, the region cannot be asked, or another run
            writes to it for too long.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.apply_phase '[rack-1, rack-2]' dhcp test=true
    """
    return phases.apply_phase(of_minion.open_region(globals()), minions, phase, test)


def status(minions: list[str] | None = None) -> dict[str, dict]:
    """Return what the region knows of clusters.

    Args:
        minions (list of str): Minion ids; all clusters that the pillar names by default.

    Returns:
        ``{minion: {cluster, release, state, accepted, connected, dhcp, images, named}}``.
        Clusters at work that no pillar names are there by their names.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.status
    """
    return inspection.status(of_minion.open_region(globals()), minions)


def region_hosts() -> dict[str, dict]:
    """Return the hosts of the region: those that the pillar names, and those that the region has.

    Returns:
        ``{minion: {hostname, named, address, state, release}}``, of those that no pillar names by
        host name; ``state`` is ``connected``, ``disconnected`` or ``absent``. Empty in 1.x.

    Raises:
        CommandExecutionError: The region cannot be asked.

    Holds for MAAS 2.0 to 3.8.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.region_hosts
    """
    region = of_minion.open_region(globals(), deadline=inspection.SOON)
    return hosts_of.of_region(region)


def release_dhcp(minion: str, successor: str | None = None, test: bool = False) -> dict[str, dict]:
    """Take a cluster off the DHCP that it serves; its secondary takes over (2.0 and later).

    Args:
        minion (str): Minion id of the cluster.
        successor (str): Minion id of a rack that takes over where there is no secondary.
        test (bool): Only show what would change.

    Returns:
        ``{VLAN or interface: {old, new, enabled}}``; ``new`` is None where no rack serves any
        more, ``enabled`` whether DHCP is on.

    Raises:
        CommandExecutionError: The successor is not connected or has no interface
            there, or MAAS refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.release_dhcp rack-1 successor=rack-2
    """
    return removal.release_dhcp(of_minion.open_region(globals()), minion, successor, test)


def machines(minion: str, successor: str | None = None) -> list[str]:
    """List the machines that depend on a cluster.

    Args:
        minion (str): Minion id of the cluster.
        successor (str): Minion id of a rack that takes DHCP over (2.0 and later).

    Returns:
        Host names: of the node group's nodes in 1.x, in 2.0 and later of machines on VLANs
        that only this rack serves, or that are relayed to one.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.machines rack-1
    """
    return removal.machines(of_minion.open_region(globals()), minion, successor)


def remove(minion: str) -> bool:
    """Delete a cluster at the region.

    Args:
        minion (str): Minion id of the cluster.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: Something depends on it, or MAAS refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.remove rack-1
    """
    return removal.remove(of_minion.open_region(globals()), minion)


def import_images(wait: bool = True) -> bool:
    """Import what is selected, also where older images are there.

    Args:
        wait (bool): Wait for its end, which 2.1 and later show.

    Returns:
        Whether it is still going on, as far as that can be seen.

    Raises:
        CommandExecutionError: The region cannot be asked, or the import does not end.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.import_images
    """
    return cluster_images.import_images(of_minion.open_region(globals()), wait)


def importing() -> bool:
    """Return whether the region is importing images (2.1 and later; False before).

    Returns:
        True or False.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fleet.importing
    """
    return cluster_images.importing(of_minion.open_region(globals()))
