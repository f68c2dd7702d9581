"""MAAS's own settings, in MAAS 1.5 and later."""

from __future__ import annotations

from typing import Any

from saltext.maas import documentation, module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile: str | dict | None = None) -> dict[str, Any]:
    """List the settings that this release has and that hold no secret, with their values.

    MAAS shows settings one by one only, so this takes one request for each.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{name: value}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_setting.list
    """
    return module_helpers.list_settings(globals(), profile)


def get(name: str, profile: str | dict | None = None) -> Any:
    """Show one setting.

    Args:
        name (str): Name of the setting.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        Its value; asterisks for a secret.

    Raises:
        CommandExecutionError: There is no such setting, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_setting.get upstream_dns
    """
    return (module_helpers.get(globals(), "setting", locals()) or {}).get("value")


def set_(name: str, value: Any, profile: str | dict | None = None) -> dict[str, dict]:
    """Change a setting; an empty value clears it where MAAS allows that."""
    return module_helpers.save(globals(), "setting", locals())


documentation.complete(globals(), "setting")
