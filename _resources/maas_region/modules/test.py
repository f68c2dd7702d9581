"""The execution module ``test`` for regions and machines that are Salt resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions

    __resource__: dict[str, str]
    __resource_funcs__: Functions


def ping() -> bool:
    """Return whether the region answers, accepts the profile's API key, and has the machine.

    Returns:
        True.

    Raises:
        CommandExecutionError: It does not; the message says why.

    CLI Example:

    .. code-block:: bash

        salt -C 'T@maas_region' test.ping
    """
    return __resource_funcs__[f"{__resource__['type']}.ping"]()
