"""Manage MAAS fabrics, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    class_type=None,
    description=None,
    old_name=None,
    id=None,
    with_subnet=None,
    profile=None,
):
    """Make sure that a fabric is as described.  What is not named is left alone.

    Args:
        name: Name of the fabric.
        class_type: Free word for its class, such as ``10g``.
        description: Free text; MAAS never shows it, so it is written at creation only.
        old_name: Name that it has until now; it is renamed.
        id: Its id in MAAS, in place of ``old_name``.
        with_subnet: CIDR of a subnet on it, by which a fabric that MAAS made itself is found
            and renamed.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        dc1:
          maas_fabric.present:
            - class_type: 10g
    """
    return state_helpers.present(
        globals(),
        "fabric",
        name,
        profile,
        class_type=class_type,
        description=description,
        old_name=old_name,
        id=id,
        with_subnet=with_subnet,
    )


def absent(name, profile=None):
    """Make sure that there is no such fabric.

    Args:
        name: Name of the fabric.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        dc1:
          maas_fabric.absent: []
    """
    return state_helpers.absent(globals(), "fabric", name, profile)
