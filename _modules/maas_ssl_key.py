"""Certificates of the API's user, in MAAS 1.6 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list"}


def list_(profile=None):
    """List all certificates.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssl_key.list
    """
    return module_helpers.list_all(globals(), "ssl_key", profile=profile)


def get(name, profile=None):
    """Show one certificate.

    Args:
        name: The certificate in PEM form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such certificate.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssl_key.get "$(cat client.pem)"
    """
    return module_helpers.get(globals(), "ssl_key", name, profile)


def add(name, profile=None):
    """Add a certificate, unless it is there already.

    Args:
        name: The certificate in PEM form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssl_key.add "$(cat client.pem)"
    """
    return module_helpers.save(globals(), "ssl_key", name, profile)


def delete(name, profile=None):
    """Delete a certificate.

    Args:
        name: The certificate in PEM form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssl_key.delete "$(cat client.pem)"
    """
    return module_helpers.remove(globals(), "ssl_key", name, profile)
