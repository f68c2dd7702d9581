"""Manage MAAS tags, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, definition=None, comment=None, kernel_opts=None, profile=None):
    """Make sure that a tag is as described.  What is not named is left alone.

    Args:
        name: Name of the tag.
        definition: XPath expression over a machine's hardware; it decides who has it.
        comment: Free text.
        kernel_opts: Kernel options of the machines that have it.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        gpu:
          maas_tag.present:
            - definition: //node[@class="display"]
            - kernel_opts: nomodeset
    """
    return state_helpers.present(
        globals(),
        "tag",
        name,
        profile,
        definition=definition,
        comment=comment,
        kernel_opts=kernel_opts,
    )


def absent(name, profile=None):
    """Make sure that there is no such tag.

    Args:
        name: Name of the tag.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        gpu:
          maas_tag.absent: []
    """
    return state_helpers.absent(globals(), "tag", name, profile)
