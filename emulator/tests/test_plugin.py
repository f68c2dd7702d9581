"""The pytest fixture that others may use, as it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EMULATOR = Path(__file__).resolve().parents[1]
NAME = "maas_emulator.pytest_plugin"

TEST = """
import urllib.error
import urllib.request

import pytest

urls = []

def test_two_regions(maas_region):
    for release in ("3.7", "1.7"):
        server = maas_region(release, import_seconds=0.1)
        urls.append(server.url + f"/api/{server.region.release.api}/version/")
        assert urllib.request.urlopen(urls[-1], timeout=10).status == 200

def test_both_are_stopped():
    assert len(urls) == 2
    for url in urls:
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(url, timeout=10)
"""


@pytest.fixture
def installed(tmp_path):
    """A folder that holds what an installation adds besides the package: its entry points."""
    info = tmp_path / "site" / "maas_emulator-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: maas-emulator\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{NAME} = {NAME}\n")
    return info.parent


@pytest.mark.parametrize("conftest", ["", f'pytest_plugins = ["{NAME}"]'])
def test_the_fixture_is_there_and_registered_once(installed, tmp_path, conftest):
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_it.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", tmp_path],
        env={"PYTHONPATH": f"{installed}:{EMULATOR}", "PATH": ""}, cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr
