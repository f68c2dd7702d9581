"""MAAS on its own hosts: files, debconf, commands, services and secrets.

Every function takes the host first, an :class:`~saltext.maas.host.installation.Installation` that
:func:`~saltext.maas.host.installation.detect` finds, and raises a :class:`HostError`.
"""

from saltext.maas.host.errors import CommandMissing, HostError
from saltext.maas.host.installation import Installation, detect

__all__ = ["CommandMissing", "HostError", "Installation", "detect"]
