"""MAAS static routes, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all static routes.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_static_route.list
    """
    return module_helpers.list_all(globals(), "static_route", profile=profile)


def get(name, source, profile=None):
    """Show one static route.

    Args:
        name: Where it leads, as ``DESTINATION via GATEWAY``.
        source: Subnet whose machines get the route.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such static route.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_static_route.get "10.20.0.0/24 via 10.10.0.1" source=10.10.0.0/24
    """
    return module_helpers.get(globals(), "static_route", name, profile, source=source)


def set_(name, source, metric=None, profile=None):
    """Create a static route, or change the one that is there; what is not named is left alone.

    Args:
        name: Where it leads, as ``DESTINATION via GATEWAY``.
        source: Subnet whose machines get the route.
        metric: Metric.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_static_route.set "10.20.0.0/24 via 10.10.0.1" source=10.10.0.0/24
    """
    return module_helpers.save(
        globals(), "static_route", name, profile, source=source, metric=metric
    )


def delete(name, source, profile=None):
    """Delete a static route.

    Args:
        name: Where it leads, as ``DESTINATION via GATEWAY``.
        source: Subnet whose machines get the route.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_static_route.delete "10.20.0.0/24 via 10.10.0.1" source=10.10.0.0/24
    """
    return module_helpers.remove(globals(), "static_route", name, profile, source=source)
