"""The execution module ``grains`` for regions and machines that are Salt resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions

    __resource__: dict[str, str]
    __resource_funcs__: Functions


def items() -> dict[str, Any]:
    """Show the grains of a region or machine.

    Returns:
        ``{id, maas: {...}}``, as :ref:`region-resources` and :ref:`machine-resources` say.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region' grains.items
    """
    return __resource_funcs__[f"{__resource__['type']}.grains"]()


def get(key: str, default: Any = "", delimiter: str = ":") -> Any:
    """Show one grain of a region or machine.

    Args:
        key (str): Its name, with the delimiter between those of nested ones.
        default: What is returned where there is none.
        delimiter (str): What stands between names.

    Returns:
        Its value.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region' grains.get maas:release
    """
    found: Any = items()
    for part in key.split(delimiter):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found
