"""MAAS on its own hosts: files, debconf, commands, services and secrets.

Every function takes a :class:`~saltext.maas.host.installation.Installation` first, which
:func:`~saltext.maas.host.installation.detect` finds.
"""

from saltext.maas.host.errors import CommandMissing, HostError
from saltext.maas.host.installation import Installation, detect

__all__ = ["CommandMissing", "HostError", "Installation", "detect"]
