"""What can go wrong on a MAAS host."""

from __future__ import annotations

from saltext.maas.errors import MaasError


class HostError(MaasError):
    """A file, command, service or debconf question of this host would not do as asked."""


class CommandMissing(HostError):
    """A command is not installed below the installation's root."""
