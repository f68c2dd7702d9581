"""A whole fleet from the master: regions, and the clusters or racks that hang on them."""

from __future__ import annotations


def version():
    """Tell which version of this extension the master has.

    Returns:
        The version, as text.

    CLI Example:

    .. code-block:: bash

        salt-run maas.version
    """
    import saltext.maas

    return saltext.maas.__version__
