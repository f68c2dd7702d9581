"""Manage MAAS's own settings, in MAAS 1.5 and later."""

from __future__ import annotations

from typing import Any

from saltext.maas import state_helpers


def present(name: str, value: Any, profile: str | dict | None = None) -> dict[str, Any]:
    """Ensure that a setting has a value.

    Args:
        name (str): Name of the setting, such as ``upstream_dns``.
        value: Its value: text, number, true or false, or a list; ``''`` clears it.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return; secret values are never shown.

    .. code-block:: yaml

        upstream_dns:
          maas_setting.present:
            - value: [192.0.2.53, 192.0.2.54]
    """
    return state_helpers.present(globals(), "setting", locals())


def absent(name: str, profile: str | dict | None = None) -> dict[str, Any]:
    """Ensure that a setting is empty, where MAAS allows that.

    Args:
        name (str): Name of the setting.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return.

    .. code-block:: yaml

        http_proxy:
          maas_setting.absent: []
    """
    return state_helpers.present(globals(), "setting", {**locals(), "value": ""})
