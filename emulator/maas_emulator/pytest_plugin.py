"""A pytest fixture with an embedded region, for testing a pillar or states without a MAAS.

In a ``conftest.py``::

    pytest_plugins = ["maas_emulator.pytest_plugin"]

    def test_my_pillar(maas_region):
        server = maas_region("3.7", import_seconds=0.1)
        ...  # server.url, server.api_key, server.region, server.requests
"""

from __future__ import annotations

import contextlib

import pytest

from maas_emulator.server import RegionServer


@pytest.fixture
def maas_region():
    """Start embedded regions; all are stopped at the end of the test.

    Returns:
        A function that takes a release and the options of
        :class:`~maas_emulator.server.RegionServer`, and returns a
        running server.
    """
    with contextlib.ExitStack() as servers:

        def start(release="3.7", **options):
            return servers.enter_context(RegionServer(release, **options))

        yield start
