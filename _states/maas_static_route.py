"""Manage MAAS static routes, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, source, metric=None, profile=None):
    """Make sure that a static route is as described.  What is not named is left alone.

    Args:
        name: Where it leads, as ``DESTINATION via GATEWAY``.
        source: Subnet whose machines get the route.
        metric: Metric.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        10.20.0.0/24 via 10.10.0.1:
          maas_static_route.present:
            - source: 10.10.0.0/24
            - metric: 100
    """
    return state_helpers.present(
        globals(), "static_route", name, profile, source=source, metric=metric
    )


def absent(name, source, profile=None):
    """Make sure that there is no such static route.

    Args:
        name: Where it leads, as ``DESTINATION via GATEWAY``.
        source: Subnet whose machines get the route.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        10.20.0.0/24 via 10.10.0.1:
          maas_static_route.absent:
            - source: 10.10.0.0/24
    """
    return state_helpers.absent(globals(), "static_route", name, profile, source=source)
