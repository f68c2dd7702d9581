"""Talking to a region over HTTP: profiles, the session and its errors."""

from saltext.maas.client.profile import Profile
from saltext.maas.client.session import Client
from saltext.maas.errors import MaasError

__all__ = ["Client", "MaasError", "Profile"]
