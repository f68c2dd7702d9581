"""MAAS's HTTP API as it is, for what no other module covers.

Paths are those below the API root of the region's generation (1.0 or 2.0),
such as ``fabrics/`` or ``nodegroups/``.
"""

from __future__ import annotations

from typing import Any

from saltext.maas import runtime


def _fields(fields):
    return {name: value for name, value in fields.items() if not name.startswith("__")}


def get(path: str, op: str | None = None, profile: str | dict | None = None, **params: Any) -> Any:
    """Read an object or collection.

    Args:
        path (str): Path below the API root.
        op (str): Custom operation.
        profile (str or dict): Region to use; see :ref:`profiles`.
        params: Query parameters; a list repeats its key.

    Returns:
        The decoded answer.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.get machines/ hostname=node-1
        salt region maas_api.get maas/ op=get_config name=maas_name
    """
    return runtime.client(globals(), profile).get(path, op=op, **_fields(params))


def post(path: str, op: str | None = None, profile: str | dict | None = None, **data: Any) -> Any:
    """Create an object, or run a custom operation.

    Args:
        path (str): Path below the API root.
        op (str): Custom operation.
        profile (str or dict): Region to use; see :ref:`profiles`.
        data: Form fields; a list repeats its key.

    Returns:
        The decoded answer.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.post tags/ name=gpu comment='has a GPU'
    """
    return runtime.client(globals(), profile).post(path, op=op, data=_fields(data))


def put(path: str, profile: str | dict | None = None, **data: Any) -> Any:
    """Update an object; fields left out keep their values.

    Args:
        path (str): Path below the API root.
        profile (str or dict): Region to use; see :ref:`profiles`.
        data: Form fields; a list repeats its key, an empty value clears.

    Returns:
        The decoded answer.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.put fabrics/1/ name=dc1
    """
    return runtime.client(globals(), profile).put(path, data=_fields(data))


def delete(path: str, profile: str | dict | None = None, **params: Any) -> Any:
    """Delete an object.

    Args:
        path (str): Path below the API root.
        profile (str or dict): Region to use; see :ref:`profiles`.
        params: Query parameters.

    Returns:
        None, or what MAAS says.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.delete tags/gpu/
    """
    return runtime.client(globals(), profile).call("DELETE", path, params=_fields(params))


def describe(profile: str | dict | None = None) -> dict[str, Any]:
    """Show MAAS's own description of its API.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        A mapping with ``doc``, ``handlers`` and ``resources``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.describe
    """
    return runtime.client(globals(), profile).get("describe/")


def version(profile: str | dict | None = None) -> dict[str, str]:
    """Return the region's release and API generation.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{"release": "3.7.3", "api": "2.0", "url": ...}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api.version
    """
    client = runtime.client(globals(), profile)
    release = client.release
    return {"release": str(release), "api": release.api, "url": client.profile.url}
