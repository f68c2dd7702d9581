"""Manage MAAS node groups, in MAAS 1.5 to 1.10.

A node group cannot be created: the cluster registers itself, which is waited for. Deleting one
works on the region host only, through its database, and is refused while nodes or managed
interfaces hang on it.
"""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, cluster_name=None, dns_zone=None, status=None, profile=None):
    """Make sure that a node group is as described.  What is not named is left alone.

    Args:
        name: uuid of the cluster.
        cluster_name: Display name, unique in the region.
        dns_zone: DNS zone of its machines.
        status: ``accepted``, ``rejected``, or ``pending`` (up to 1.7); ``enabled`` and
            ``disabled`` are the words of 1.8 and later for the first two.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001:
          maas_node_group.present:
            - cluster_name: east
            - status: accepted
    """
    return state_helpers.present(
        globals(),
        "node_group",
        name,
        profile,
        cluster_name=cluster_name,
        name=dns_zone,
        status=status,
    )


def absent(name, profile=None):
    """Make sure that there is no such node group.

    Args:
        name: uuid of the cluster.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001:
          maas_node_group.absent: []
    """
    return state_helpers.absent(globals(), "node_group", name, profile)
