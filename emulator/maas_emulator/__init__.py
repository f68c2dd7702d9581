"""A MAAS region on loopback, for trying out, CI and tests.

Example:
    >>> from maas_emulator.server import RegionServer
    >>> with RegionServer(release="3.7") as server:
    ...     print(server.url, server.api_key)
"""

__version__ = "0.1.0"
