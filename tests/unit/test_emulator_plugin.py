"""The pytest fixture that others may use."""

from __future__ import annotations

import pytest
import requests  # noqa: F401  before pytester, which forgets what is imported while it runs
from saltext.maas.client import Client, Profile

pytest_plugins = ["pytester"]


def test_the_fixture_starts_regions_and_stops_them(pytester):
    pytester.makeconftest('pytest_plugins = ["maas_emulator.pytest_plugin"]')
    pytester.makepyfile(
        """
        from saltext.maas.client import Client, Profile

        def test_two(maas_region):
            new, old = maas_region("3.7"), maas_region("1.7")
            assert Client(Profile(new.url, new.api_key)).release == "3.7.3"
            assert Client(Profile(old.url, old.api_key)).release == "1.7.3"
            with open("url", "w") as stream:
                stream.write(new.url)
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    url = (pytester.path / "url").read_text()
    with pytest.raises(Exception, match="refused"):
        Client(Profile(url, deadline=1)).get("version/")
