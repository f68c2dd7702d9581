"""Manage certificates of the API's user, in MAAS 1.6 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, profile=None):
    """Make sure that a certificate exists.

    Args:
        name: The certificate in PEM form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        client certificate:
          maas_ssl_key.present:
            - name: |
                -----BEGIN CERTIFICATE-----
                MIIB...
                -----END CERTIFICATE-----
    """
    return state_helpers.present(globals(), "ssl_key", name, profile)


def absent(name, profile=None):
    """Make sure that there is no such certificate.

    Args:
        name: The certificate in PEM form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        client certificate:
          maas_ssl_key.absent:
            - name: |
                -----BEGIN CERTIFICATE-----
                MIIB...
                -----END CERTIFICATE-----
    """
    return state_helpers.absent(globals(), "ssl_key", name, profile)
