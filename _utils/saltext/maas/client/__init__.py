"""Talking to a region over HTTP: profiles, the session and its errors."""

from saltext.maas.client.errors import MaasError
from saltext.maas.client.profile import Profile
from saltext.maas.client.session import Client

__all__ = ["Client", "MaasError", "Profile"]
