"""The pytest fixture ``maas_region``, which is there wherever this distribution is installed.

Example:
    def test_my_client(maas_region):
        server = maas_region("3.7", import_seconds=0.1)
        ...  # server.url, server.api_key, server.region, server.requests
"""

from __future__ import annotations

import contextlib

import pytest


@pytest.fixture
def maas_region():
    """Start regions, and stop them all at the end of the test.

    Returns:
        A function that takes a release and the options of
        :class:`~maas_emulator.server.RegionServer`, and returns a running server.
    """
    from maas_emulator.server import RegionServer  # which only tests that want it have to load

    with contextlib.ExitStack() as servers:

        def start(release="3.7", **options):
            return servers.enter_context(RegionServer(release, **options))

        yield start
