"""Manage MAAS package repositories, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    url=None,
    distributions=None,
    components=None,
    disabled_pockets=None,
    disabled_components=None,
    disable_sources=None,
    arches=None,
    key=None,
    enabled=None,
    profile=None,
):
    """Make sure that a package repository is as described.  What is not named is left alone.

    Args:
        name: Name of the repository.
        url: URL, or ppa:OWNER/NAME.
        distributions: Distributions, such as jammy.
        components: Components; not of the two that are always there.
        disabled_pockets: Pockets not to use, such as security.
        disabled_components: Components not to use, of the two that are always there (2.2 and
            later).
        disable_sources: Leave deb-src lines out (2.5 and later).
        arches: Architectures.
        key: Public key that signs it, in ASCII armour.
        enabled: Whether it is used.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        tools:
          maas_package_repository.present:
            - url: http://repo.example.com/tools
            - distributions: [jammy, noble]
            - components: [main]
    """
    return state_helpers.present(
        globals(),
        "package_repository",
        name,
        profile,
        url=url,
        distributions=distributions,
        components=components,
        disabled_pockets=disabled_pockets,
        disabled_components=disabled_components,
        disable_sources=disable_sources,
        arches=arches,
        key=key,
        enabled=enabled,
    )


def absent(name, profile=None):
    """Make sure that there is no such package repository.

    Args:
        name: Name of the repository.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        tools:
          maas_package_repository.absent: []
    """
    return state_helpers.absent(globals(), "package_repository", name, profile)
