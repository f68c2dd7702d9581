"""MAAS package repositories, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all package repositories.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_package_repository.list
    """
    return module_helpers.list_all(globals(), "package_repository", profile=profile)


def get(name, profile=None):
    """Show one package repository.

    Args:
        name: Name of the repository.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such package repository.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_package_repository.get tools
    """
    return module_helpers.get(globals(), "package_repository", name, profile)


def set_(
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
    """Create a package repository, or change the one that is there; what is not named is left alone.

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
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_package_repository.set tools url=http://repo.example.com/tools 'components=[main]'
    """
    return module_helpers.save(
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


def delete(name, profile=None):
    """Delete a package repository.

    Args:
        name: Name of the repository.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_package_repository.delete tools
    """
    return module_helpers.remove(globals(), "package_repository", name, profile)
