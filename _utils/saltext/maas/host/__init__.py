"""MAAS on its own hosts: files, debconf, commands, services and secrets.

Every function takes a :class:`~saltext.maas.host.surface.Surface` first, which
:func:`~saltext.maas.host.surface.detect` finds.
"""

from saltext.maas.host.errors import CommandMissing, HostError
from saltext.maas.host.surface import Surface, detect

__all__ = ["CommandMissing", "HostError", "Surface", "detect"]
