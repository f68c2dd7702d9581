"""Manage MAAS selections of a boot source, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, source, arches=None, subarches=None, labels=None, profile=None):
    """Make sure that a boot source selection is as described.  What is not named is left alone.

    Args:
        name: ``OS/RELEASE``, such as ``ubuntu/jammy``.
        source: URL of the boot source it belongs to.
        arches: List of architectures; ``*`` for all, the default for a new one.
        subarches: List of sub-architectures, likewise.
        labels: List of labels, likewise.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        ubuntu/jammy:
          maas_boot_selection.present:
            - source: http://images.maas.io/ephemeral-v3/stable/
            - arches: [amd64, arm64]
    """
    return state_helpers.present(
        globals(),
        "boot_selection",
        name,
        profile,
        source=source,
        arches=arches,
        subarches=subarches,
        labels=labels,
    )


def absent(name, source, profile=None):
    """Make sure that there is no such boot source selection.

    Args:
        name: ``OS/RELEASE``, such as ``ubuntu/jammy``.
        source: URL of the boot source it belongs to.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        ubuntu/jammy:
          maas_boot_selection.absent:
            - source: http://images.maas.io/ephemeral-v3/stable/
    """
    return state_helpers.absent(globals(), "boot_selection", name, profile, source=source)
